"""Folders with a default ACL: what somebody dropped with fewer rights is served, marked and removed all the same."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import documents
from tests.support.server import ROOT

_SERVER, _PERSON = 64001, 64002
_ENTRIES = f"u:{_SERVER}:rwx,g:{_SERVER}:rwx"
_DROPS = """
import os, sys
top, mode = sys.argv[1], int(sys.argv[2], 8)
os.umask(0o077)
os.mkdir(top + "/out", mode | 0o300)
os.mkdir(top + "/out/v", mode | 0o300)
for name in ("manifest", "slot0"):
    with open(os.open(f"{top}/out/v/{name}", os.O_WRONLY | os.O_CREAT, mode & 0o666), "w") as file:
        file.write(name)
"""
_STORE = """
import sys, time
from pathlib import Path
from server.firmware.hashes import Hashes
from server.firmware.scan import Scan
from server.firmware.store import Store
from server.firmware import layouts
store = Store(Path(sys.argv[1]), 1000, time.time)
seen = Scan()
for _ in range(3):
    seen = store.scan(seen)
print(sorted(image for folder in seen.folders.values() for image in [*folder.images, *folder.unsettled]))
print([problem.message for folder in seen.folders.values() for problem in folder.problems])
store.mark("out/v", layouts.WITHDRAWN, True)
store.remove("out/v")
print(sorted(str(path) for path in store.root.rglob("*")))
"""
_MAY = ["--inh-caps", "+fowner", "--ambient-caps", "+fowner"]


@pytest.fixture
def folder() -> Iterator[Path]:
    """A firmware folder as the package makes it: other users can come to it."""
    if os.geteuid() != 0 or shutil.which("setfacl") is None or shutil.which("setpriv") is None:
        pytest.skip("files of two users are needed, and setfacl: sudo apt-get install acl; sudo make test")
    top = Path(tempfile.mkdtemp(dir="/var/tmp"))
    try:
        top.chmod(0o755)
        firmware = top / "firmware"
        firmware.mkdir()
        os.chown(firmware, _SERVER, _SERVER)
        firmware.chmod(0o2770)
        acl = ["setfacl", "-d", "-m", f"u::rwx,g::rwx,o::---,{_ENTRIES},m::rwx", str(firmware)]
        if subprocess.run(acl, check=False, capture_output=True).returncode:
            pytest.skip("this file system has no access lists: run the tests elsewhere (TMPDIR is not asked)")
        yield firmware
    finally:
        shutil.rmtree(top)


def _as_user(user: int, more: list[str], code: str, *arguments: str) -> str:
    identity = ["setpriv", "--reuid", str(user), "--regid", str(user), "--groups", str(_SERVER), *more]
    done = subprocess.run([*identity, _python(), "-c", code, *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def _shell(*command: str) -> None:
    """As a member of the folder's group."""
    identity = ["setpriv", "--reuid", str(_PERSON), "--regid", str(_PERSON), "--groups", str(_SERVER)]
    done = subprocess.run([*identity, *command], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, ""), done


def _python() -> str:
    """One that other users may run."""
    hidden = os.path.realpath(sys.executable).startswith("/root/") and not os.stat("/root").st_mode & stat.S_IXOTH
    return "/usr/bin/python3" if hidden else sys.executable


@pytest.mark.parametrize("mode", ["755", "700"])
def test_dropped_with_the_modes_that_it_had_it_is_served_and_removed(folder: Path, mode: str) -> None:
    _as_user(_PERSON, [], _DROPS, str(folder), mode)
    served, problems, left = _as_user(_SERVER, _MAY, _STORE, str(folder)).splitlines()
    assert served == "['manifest', 'slot0']"
    assert problems == "[]"
    assert "out" not in left


def test_rsync_as_the_readme_has_it_is_content_with_a_folder_of_the_group(folder: Path) -> None:
    """It may not change the folder itself, which is the server's; what it brings has the folder's rights."""
    if shutil.which("rsync") is None:
        pytest.skip("rsync is missing: sudo apt-get install rsync")
    release = folder.parent / "theirs" / "out" / "v"
    release.mkdir(parents=True)
    for name in ("manifest", "slot0"):
        (release / name).write_text(name)
    (folder / ".staging").mkdir()
    os.chown(folder / ".staging", _SERVER, _SERVER)
    rights = os.getxattr(folder, "system.posix_acl_default")
    for command in ([*documents.rsync()], [*documents.rsync(), "--checksum"]):
        _shell(*command, f"{release.parents[1]}/", f"{folder}/")
    assert os.getxattr(folder, "system.posix_acl_default") == rights
    served, problems, left = _as_user(_SERVER, _MAY, _STORE, str(folder)).splitlines()
    assert (served, problems) == ("['manifest', 'slot0']", "[]")
    assert "out" not in left


def test_a_release_is_replaced_by_one_that_was_copied_under_a_hidden_name(folder: Path) -> None:
    """As the README has it: what is moved from elsewhere has no access list, what was made in the folder has it."""
    home = folder.parent / "home"
    home.mkdir()
    os.chown(home, _PERSON, _PERSON)
    _as_user(_PERSON, [], _DROPS, str(home), "700")
    _as_user(_PERSON, [], _DROPS, str(folder), "700")
    _shell("cp", "-r", f"{home}/out/v", f"{folder}/out/.new")
    _shell("mv", f"{folder}/out/v", f"{folder}/out/.old")
    _shell("mv", f"{folder}/out/.new", f"{folder}/out/v")
    _shell("rm", "-r", f"{folder}/out/.old")
    served, problems, left = _as_user(_SERVER, _MAY, _STORE, str(folder)).splitlines()
    assert (served, problems) == ("['manifest', 'slot0']", "[]")
    assert "out" not in left


def test_what_was_moved_there_is_a_problem(folder: Path) -> None:
    home = folder.parent / "home"
    home.mkdir()
    os.chown(home, _PERSON, _PERSON)
    _as_user(_PERSON, [], _DROPS, str(home), "700")
    _shell("mv", f"{home}/out/v", f"{folder}/v")
    served, problems = _as_user(_SERVER, _MAY, _STORE.partition("store.mark")[0], str(folder)).splitlines()
    assert (served, "the folder cannot be read" in problems.lower()) == ("[]", True)
