"""The Debian packages: what is in them, whether they are the same bytes each time, and whether what is in them runs."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from common import __version__
from tests.support import coap
from tests.support.packages import Packages, build, built, require
from tests.support.releases import write_release
from tests.support.server import ROOT, Server

TOP = {"ota-server": {"common", "server", "vendor"}, "ota-publisher": {"common", "desktop", "packaging"}}
"""The private folders' own folders."""
_SUITED_TO_A_GATEWAY = 15
"""The exposure of systemd-analyze(1), in tenths."""


@pytest.fixture(scope="module")
def packages() -> Packages:
    return built()


@pytest.fixture(scope="module", autouse=True)
def lintian(packages: Packages) -> Iterator[subprocess.Popen[str] | None]:
    """It takes its time, and runs beside the other tests meanwhile. None where there is none."""
    if shutil.which("lintian") is None:
        yield None
        return
    [changes] = packages.folder.glob("*.changes")
    root = ("--allow-root",) if os.geteuid() == 0 else ()
    command = ("lintian", *root, "--info", "--display-info", "--pedantic", changes)
    with subprocess.Popen(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        yield process
        process.kill()


@pytest.fixture(scope="module")
def unpacked(packages: Packages) -> Iterator[Path]:
    """Both packages' files below one folder."""
    with tempfile.TemporaryDirectory(prefix="ota-unpacked-") as folder:
        for package in (packages.server, packages.publisher):
            subprocess.run(["dpkg-deb", "--extract", package, folder], check=True, timeout=60)
        yield Path(folder)


def _said(*command: str | Path, status: int | None = 0) -> str:
    done = subprocess.run(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=300, check=False)
    assert status is None or done.returncode == status, f"{command}: {done.stdout}"
    return done.stdout


def test_another_folder_user_clock_and_time_zone_give_the_same_bytes(packages: Packages, tmp_path: Path) -> None:
    require("faketime")
    tree = tmp_path / "another name" / "checkout"
    for part in ("common", "server", "desktop", "packaging"):
        shutil.copytree(ROOT / part, tree / part)
    for file in ("LICENSE", "README.md", "SECURITY.md"):
        shutil.copy(ROOT / file, tree)
    again = build(
        tmp_path / "out", tree, ("faketime", "2031-05-06 07:08:09"), 0o077,
        TZ="Pacific/Kiritimati", LANG="de_DE.UTF-8", HOME=str(tmp_path),
    )  # fmt: skip
    for one, other in ((packages.server, again.server), (packages.publisher, again.publisher)):
        assert one.name == other.name
        assert hashlib.sha256(one.read_bytes()).hexdigest() == hashlib.sha256(other.read_bytes()).hexdigest(), one.name


def test_every_module_is_in_and_nothing_of_the_tests(unpacked: Path) -> None:
    for package, tops in TOP.items():
        private = unpacked / "usr" / "share" / package
        assert {path.name for path in private.iterdir()} == tops
        for part in tops - {"vendor", "packaging"}:
            there = {str(path.relative_to(private)) for path in (private / part).rglob("*") if path.is_file()}
            ours = {str(path.relative_to(ROOT)) for path in (ROOT / part).rglob("*") if path.is_file()}
            assert there == {name for name in ours if "__pycache__" not in name}
    assert (unpacked / "usr/share/ota-server/vendor/coapthon/serializer.py").is_file()
    assert (unpacked / "usr/share/ota-publisher/packaging/ota-publisher.svg").is_symlink()
    elsewhere = {str(path.relative_to(unpacked)) for path in unpacked.rglob("*") if path.is_file()}
    assert {name for name in elsewhere if name.startswith(("etc/", "lib/", "usr/bin/", "usr/lib/"))} == {
        "etc/ota-server/ota-server.toml", "lib/systemd/system/ota-server.service", "lib/systemd/system/ota-server.socket",
        "usr/bin/ota-publish", "usr/bin/ota-publisher", "usr/bin/ota-server",
        "usr/lib/sysusers.d/ota-server.conf", "usr/lib/tmpfiles.d/ota-server.conf",
    }  # fmt: skip


def test_they_say_what_they_are(packages: Packages, unpacked: Path) -> None:
    fields = _said("dpkg-deb", "--field", packages.server, "Version", "Architecture", "Depends")
    assert f"Version: {__version__}\nArchitecture: all" in fields
    for name in ("bottle", "waitress", "watchdog", "cbor2", "cryptography", "ifaddr", "prometheus-client"):
        assert f"python3-{name}" in fields
    assert "python3-pyqt5" in _said("dpkg-deb", "--field", packages.publisher, "Depends")
    assert "Giacomo Tanganelli" in (unpacked / "usr/share/doc/ota-server/copyright").read_text()
    page = (ROOT / "packaging/man/ota-server.1").read_text()
    for name in re.findall(r"README\S*", page):
        assert (unpacked / "usr/share/doc/ota-server" / name).is_file(), name
    assert "/etc/ota-server/ota-server.toml" in _said("dpkg-deb", "--info", packages.server, "conffiles")
    assert {path.name for path in (unpacked / "usr/share/man/man1").iterdir()} == {
        "ota-publish.1.gz", "ota-publisher.1.gz", "ota-server.1.gz",
    }  # fmt: skip


def test_systemd_takes_the_units_and_finds_little_exposed(unpacked: Path, tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is missing: sudo apt-get install systemd")
    here = tmp_path / "units"
    here.mkdir()
    for unit in (unpacked / "lib/systemd/system").iterdir():
        text = unit.read_text().replace("/usr/bin/ota-server", f"{unpacked}/usr/bin/ota-server")
        (here / unit.name).write_text(text)
    assert _said("systemd-analyze", "verify", "--man=no", here / "ota-server.socket", here / "ota-server.service") == ""
    _said(
        "systemd-analyze", "security", "--no-pager", "--offline=true", f"--threshold={_SUITED_TO_A_GATEWAY}",
        here / "ota-server.service",
    )  # fmt: skip


_PURGE = """
set -e
mount -t tmpfs tmpfs /var/lib
mkdir -p /var/lib/ota-server/firmware/v /var/lib/ota-server/disk/inner /var/lib/own /var/lib/bound
touch /var/lib/own/file /var/lib/bound/file
touch /var/lib/ota-server/tokens /var/lib/ota-server/.hidden /var/lib/ota-server/firmware/v/slot0
ln -s /var/lib/own /var/lib/ota-server/firmware/inside
case $1 in
    link) ln -s /var/lib/own /var/lib/ota-server/linked ;;
    mount) mount --bind /var/lib/bound /var/lib/ota-server/disk/inner ;;
esac
sh "$2" purge
find /var/lib -mindepth 1 | sort
"""
_OTHERS = "/var/lib/bound /var/lib/bound/file {}/var/lib/own /var/lib/own/file"


@pytest.mark.parametrize(
    ("case", "left"),
    [
        ("plain", ""),
        ("link", "/var/lib/ota-server /var/lib/ota-server/linked "),
        (
            "mount",
            "/var/lib/ota-server /var/lib/ota-server/disk /var/lib/ota-server/disk/inner /var/lib/ota-server/disk/inner/file ",
        ),
    ],
)
def test_a_purge_takes_what_is_its_own_and_says_what_it_leaves(case: str, left: str) -> None:
    if os.geteuid() != 0 or subprocess.run(["unshare", "--mount", "true"], check=False, capture_output=True).returncode:
        pytest.skip("a mount namespace of its own is needed: sudo make test")
    script = ROOT / "packaging" / "debian" / "ota-server.postrm"
    said = _said("unshare", "--mount", "sh", "-c", _PURGE, "sh", case, script).split("\n")
    assert " ".join(line for line in said if line.startswith("/var") and "left as it is" not in line) == _OTHERS.format(left)
    assert any("left as it is" in line for line in said) == bool(left)


_MAKE = """
set -e
mount --bind "$1/etc/passwd" /etc/passwd
mount --bind "$1/etc/group" /etc/group
mount -t tmpfs tmpfs /var/lib
systemd-tmpfiles --create "$1/usr/lib/tmpfiles.d/ota-server.conf"
getfacl --absolute-names --omit-header /var/lib/ota-server/firmware
stat -c '%A %U %G' /var/lib/ota-server /var/lib/ota-server/firmware
"""


def test_the_firmware_folder_belongs_to_the_group_whoever_writes_there(unpacked: Path) -> None:
    if os.geteuid() != 0 or shutil.which("systemd-tmpfiles") is None or shutil.which("getfacl") is None:
        pytest.skip("systemd's tools and root are needed: sudo apt-get install systemd acl; sudo make test")
    _said("systemd-sysusers", f"--root={unpacked}")
    said = _said("unshare", "--mount", "sh", "-c", _MAKE, "sh", unpacked)
    for line in ("default:user:ota-server:rwx", "default:group:ota-server:rwx", "default:mask::rwx", "default:other::---"):
        assert line in said
    assert said.splitlines()[-2:] == ["drwxr-x--- ota-server ota-server", "drwxrws--- ota-server ota-server"]


def _require_debians_libraries(*modules: str) -> None:
    code = f"import {', '.join(modules)}"
    if subprocess.run(["/usr/bin/python3", "-I", "-c", code], check=False, capture_output=True).returncode:
        pytest.skip("the packages' libraries are missing: sudo make test")


def test_the_unpacked_server_serves_with_debians_own_libraries(unpacked: Path, tmp_path: Path) -> None:
    _require_debians_libraries("bottle", "waitress", "watchdog", "cbor2", "cryptography", "ifaddr", "prometheus_client")
    files = write_release(tmp_path / "fw" / "v")
    program = unpacked / "usr/bin/ota-server"
    instead = ("sh", "-c", f'shift 3; exec "{program}" "$@"', "sh")
    server = Server(tmp_path / "fw", tmp_path / "state", prefix=instead).start()
    try:
        server.wait_ready("v")
        with coap.peer(server.coap_port) as sock:
            assert coap.fetch(sock, "v/slot0") == files["slot0"]
        assert "usage: ota-server" in _said(program, "--help")
    finally:
        assert server.stop() == 0
    assert "Traceback" not in server.log, server.log


def test_the_unpacked_command_line_runs_with_debians_own_libraries(unpacked: Path) -> None:
    _require_debians_libraries("requests", "requests_toolbelt", "tqdm", "cbor2", "cryptography")
    assert f"OTA Server {__version__}" in _said(unpacked / "usr/bin/ota-publish", "--version")
    assert "usage: ota-publish" in _said(unpacked / "usr/bin/ota-publish", "--help")
    said = _said(unpacked / "usr/bin/ota-publish", "--check-only", "--no-server", "--manifest", ROOT / "LICENSE", status=65)
    assert "no-image" in said


_LOCAL_SERVER = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from PyQt5.QtCore import QCoreApplication
from desktop.window.server.local_server import LocalServer
app = QCoreApplication([])
server = LocalServer()
server.started.connect(lambda url: (print("started", url), server.stop(), app.quit()))
server.failed.connect(lambda why: (print(why), app.quit()))
server.start(Path(sys.argv[2]), Path(sys.argv[3]))
app.exec_()
"""


def test_the_unpacked_window_runs_with_debians_own_qt(unpacked: Path, tmp_path: Path) -> None:
    """It opens, and starts the server that is installed beside it."""
    _require_debians_libraries("PyQt5.QtWidgets", "requests", "cbor2", "cryptography", "bottle", "watchdog")
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen", "HOME": str(tmp_path), "XDG_RUNTIME_DIR": str(tmp_path)}
    environment["PATH"] = f"{unpacked}/usr/bin:{environment['PATH']}"
    code = ("/usr/bin/python3", "-I", "-c", _LOCAL_SERVER, str(unpacked / "usr/share/ota-publisher"))
    folders = (str(tmp_path / "fw"), str(tmp_path / "state"))
    done = subprocess.run([*code, *folders], env=environment, text=True, capture_output=True, timeout=300, check=False)
    assert done.stdout.startswith("started http://127.0.0.1:"), done.stdout + done.stderr
    with subprocess.Popen([unpacked / "usr/bin/ota-publisher"], env=environment, text=True, stderr=subprocess.PIPE) as window:
        assert window.stderr is not None
        assert "propagateSizeHints" in window.stderr.readline()  # what Qt says without a screen when the window is shown
        window.terminate()
        assert "Traceback" not in window.stderr.read()


def test_lintian_finds_no_error_and_no_warning(lintian: subprocess.Popen[str] | None) -> None:
    if lintian is None:
        pytest.skip("lintian is missing: sudo apt-get install lintian")
    said, _ = lintian.communicate(timeout=500)
    assert not [line for line in said.splitlines() if line.startswith(("E:", "W:"))], said
    assert "boards.txt" in said, "lintian looked into the packages, and said what it always says of that file"
