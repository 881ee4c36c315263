"""What a gateway's owner is promised of the running service. The order matters: later checks find what earlier ones left."""

from __future__ import annotations

import json
import os
import random
import socket
import time
from collections.abc import Callable
from pathlib import Path

from tests.e2e.booted import gateway as gw
from tests.e2e.booted.gateway import COAP, FIRMWARE, HTTP, TOML, Callers, Downloads, run, show, wait
from tests.fakes.riot_fetch import fetch

TOKEN = Path("/run/test-token")
_BIG = 40_000
"""Bytes: 625 blocks of 64."""


def made(seed: int, size: int = 3000) -> dict[str, bytes]:
    """An opaque manifest and two images."""
    dice = random.Random(seed)
    return {"manifest": b"manifest %d" % seed, "slot0": dice.randbytes(size), "slot1": dice.randbytes(size + 16)}


def active_after_install() -> str:
    """Both units are, and the service says what it serves."""
    gw.wait_active()
    assert show("ActiveState", gw.SOCKET) == "active"
    assert run("systemctl", "is-enabled", gw.SOCKET, gw.UNIT).split() == ["enabled", "enabled"]
    assert show("Type") == "notify"
    text = show("StatusText")
    assert "0 releases" in text, text
    assert gw.owner(FIRMWARE) == "ota-server"
    return text


def reading_is_open_and_changing_takes_a_token() -> str:
    """The one command is in the refusal, on the page, and it makes a token that works at once."""
    refused = gw.publish("first", made(1), None)
    assert refused.status == 403, refused
    assert "sudo ota-server token add laptop" in refused.json["message"], refused.json
    page = gw.http_call("GET", "/", headers={"Accept": "text/html"})
    assert page.status == 200
    assert b"sudo ota-server token add laptop" in page.body
    said = run("sh", "-c", "ota-server token add laptop 2>/dev/null")
    TOKEN.write_text(said)
    assert (gw.STATE / "tokens").stat().st_mode & 0o777 == 0o600
    assert gw.owner(gw.STATE / "tokens") == "ota-server"
    assert said.encode() not in (gw.STATE / "tokens").read_bytes()
    assert gw.publish("first", made(1), "ota_" + "x" * 30).status == 401
    published = gw.publish("first", made(1), said)
    assert published.status == 201, published
    gw.assert_served("first", made(1))
    events = wait(lambda: gw.http_call("GET", "/api/v1/history?kind=published").json["events"], "it to be in the history")
    assert "laptop" in events[-1]["who"], events
    wait(lambda: "1 release" in show("StatusText"), "STATUS to say that there is a release")
    return f"{refused.json['message']} / {events[-1]['who']} / {show('StatusText')}"


def a_member_of_the_group_drops_files_with_scp() -> str:
    """Whatever the umask is: they are served, and can be removed over HTTP."""
    run("useradd", "--create-home", "--groups", "ota-server", "--password", "*", "engineer")
    home = Path("/home/engineer")
    (home / ".ssh").mkdir(mode=0o700)
    run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(home / ".ssh/id_ed25519"))
    (home / ".ssh/id_ed25519.pub").rename(home / ".ssh/authorized_keys")
    said = []
    for number, umask in enumerate(("022", "077")):
        files = made(10 + number)
        source = home / f"dropped{umask}"
        source.mkdir()
        for name, data in files.items():
            (source / name).write_bytes(data)
        run("chown", "-R", "engineer:engineer", str(home))
        config = Path(f"/run/sshd_{umask}")
        config.write_text(
            f"Port 22{number + 22}\nHostKey /etc/ssh/ssh_host_ed25519_key\nStrictModes no\nUsePAM no\nPidFile {config}.pid\n"
            f"Subsystem sftp internal-sftp -u {umask}\n"
        )
        Path("/run/sshd").mkdir(exist_ok=True)
        run("/usr/sbin/sshd", "-f", str(config))
        run(
            "su", "engineer", "-c",
            f"umask {umask}; scp -q -r -P 22{number + 22} -o StrictHostKeyChecking=no {source} 127.0.0.1:{FIRMWARE}/",
        )  # fmt: skip
        gw.wait_ready(source.name)
        gw.assert_served(source.name, files)
        run("su", "engineer", "-c", f"umask {umask}; cp -r {source} {FIRMWARE}/copied{umask}")
        gw.wait_ready(f"copied{umask}")
        for name in (source.name, f"copied{umask}"):
            token = TOKEN.read_text()
            gone = gw.http_call("DELETE", f"/api/v1/releases/{name}", headers={"Authorization": f"Bearer {token}"})
            assert gone.status == 200, (name, gone)
            assert not (FIRMWARE / name).exists(), name
        said.append(f"umask {umask}: served and removed")
    return ", ".join(said)


def killed_it_comes_back() -> str:
    """And serves what it served."""
    before = show("MainPID")
    run("systemctl", "kill", "-s", "KILL", gw.UNIT)
    wait(lambda: show("MainPID") not in (before, "0"), "another process")
    gw.wait_active()
    gw.assert_served("first", made(1))
    return f"restarts: {show('NRestarts')}"


def a_stopped_process_is_caught_by_the_watchdog() -> str:
    """SIGSTOP stops every thread."""
    return _caught(lambda: run("systemctl", "kill", "-s", "STOP", "--kill-who=main", gw.UNIT) and None)


def a_hung_receive_loop_is_caught_by_the_watchdog() -> str:
    """Only the thread that answers devices: HTTP goes on, and so would a watchdog that asks nobody."""
    file = Path("/run/hang-coap")
    try:
        return _caught(file.touch, f'Environment="OTA_TEST_HANG_COAP={file}"\n', file)
    finally:
        file.unlink(missing_ok=True)


def _caught(hang: Callable[[], None], more: str = "", file: Path | None = None) -> str:
    gw.drop_in(f"[Service]\nWatchdogSec=4s\n{more}")
    run("systemctl", "restart", gw.UNIT)
    gw.wait_active()
    before, since = show("MainPID"), gw.cursor()
    begin = time.monotonic()
    hang()
    wait(lambda: "Watchdog timeout" in gw.journal(since), "the watchdog's word")
    caught = time.monotonic() - begin
    if file is not None:
        file.unlink()
    wait(lambda: show("MainPID") not in (before, "0"), "another process")
    gw.drop_in("")
    run("systemctl", "restart", gw.UNIT)
    gw.wait_active()
    gw.assert_served("first", made(1))
    return f"killed {caught:.1f} s after it hung (WatchdogSec=4s)"


def a_restart_loses_no_transfer_and_refuses_no_connection() -> str:
    """64 devices in the middle, people who connect, and somebody who publishes."""
    files: dict[str, bytes] = {}
    for number in range(8):
        content = made(100 + number, _BIG)
        assert gw.publish(f"load/{number}", content, TOKEN.read_text()).status == 201
        files |= {f"load/{number}/{role}": data for role, data in content.items() if role != "manifest"}
    callers, devices = Callers(), Downloads(files, 64)
    interrupted = socket.create_connection(HTTP, 30)
    body = gw.multipart("interrupted", made(7, _BIG))
    head = (
        f"POST /publish HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {TOKEN.read_text()}\r\n"
        f"Content-Type: multipart/form-data; boundary=b\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    interrupted.sendall(head.encode() + body[: len(body) // 2])
    restarts = 0
    try:
        for share in (1, 3):
            devices.wait_blocks(share * 5000)
            assert devices.running > 30, "too few devices are in the middle to show anything"
            run("systemctl", "restart", gw.UNIT)
            restarts += 1
        exact = devices.all_exact()
    finally:
        callers.stop()
        interrupted.close()
    assert not callers.refused, callers.refused[:3]
    assert state_or_gone("interrupted") == "gone"
    assert gw.publish("interrupted", made(7, _BIG), TOKEN.read_text()).status == 201
    assert gw.publish("interrupted", made(7, _BIG), TOKEN.read_text()).status == 200
    gw.assert_served("interrupted", made(7, _BIG))
    return (
        f"{restarts} restarts: {exact} of 64 downloads exact; {callers.connected} connections, none refused,"
        f" {callers.unanswered} broken off"
    )


def state_or_gone(publish_id: str) -> str:
    """A release's state once the service is up."""
    gw.wait_active()
    return gw.state_of(publish_id)


def a_broken_configuration_mended_takes_one_restart() -> str:
    """Although devices go on asking meanwhile, each datagram of which would start the service."""
    good = TOML.read_text()
    TOML.write_text(good + '\nno-such-key = "x"\n')
    devices = Downloads({"load/0/slot0": made(100, _BIG)["slot0"]}, 8)
    try:
        assert gw.status_of("systemctl", "restart", gw.UNIT) != 0
        for _ in range(40):  # people and devices go on knocking
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as knock:
                knock.sendto(b"\x40\x01\x00\x01\xb4load", COAP)
            try:
                socket.create_connection(HTTP, 1).close()
            except OSError:
                pass
            time.sleep(0.1)
        assert show("ExecMainStatus") == "78"
        said = gw.errors()
        assert "no-such-key" in said, said
        TOML.write_text(good)
        gw.drop_in("[Service]\nExecStart=\nExecStart=/usr/bin/ota-server --no-such-flag\n")
        assert gw.status_of("systemctl", "restart", gw.UNIT) != 0
        said = gw.errors()
        assert "--no-such-flag" in said, said
        assert show("ExecMainStatus") == "64"
        wait(lambda: show("ActiveState", gw.SOCKET) == "inactive", "the sockets to be closed")
    finally:
        TOML.write_text(good)
        gw.drop_in("")
    run("systemctl", "restart", gw.UNIT)
    gw.wait_active()
    gw.assert_served("first", made(1))
    assert show("ActiveState", gw.SOCKET) == "active"
    return f"8 devices meanwhile: {devices.all_exact()} exact"


def a_reload_takes_a_good_file_and_keeps_the_old_for_a_broken_one() -> str:
    """SIGHUP, by `systemctl reload` and by hand."""
    good, before = TOML.read_text(), show("MainPID")
    devices = Downloads({"load/1/slot0": made(101, _BIG)["slot0"]}, 8)
    try:
        TOML.write_text("keep-history = 30\n" + good)
        since = gw.cursor()
        run("systemctl", "reload", gw.UNIT)
        wait(lambda: "keep-history" in gw.journal(since), "the log to name what changed")
        gw.wait_active()
        TOML.write_text("keep-history = \n" + good)
        refused = gw.status_of("systemctl", "reload", gw.UNIT)
        assert refused != 0, "a reload of a broken file has to fail"
        since = gw.cursor()
        run("systemctl", "kill", "-s", "HUP", "--kill-who=main", gw.UNIT)
        wait(lambda: "ota-server.toml" in gw.journal(since), "the log to say why the file was not taken")
        said = gw.journal(since)
        assert gw.http_call("GET", "/healthz").status == 200
        gw.assert_served("first", made(1))
    finally:
        TOML.write_text(good)
    run("systemctl", "reload", gw.UNIT)
    gw.wait_active()
    assert show("MainPID") == before, "a reload is no restart"
    return f"{devices.all_exact()} downloads exact; {said.splitlines()[-1]}"


def the_journal_has_priorities() -> str:
    """Each line its own, and no time stamp of ours."""
    run("journalctl", "--sync")
    lines = run("journalctl", "-u", gw.UNIT, "-o", "json", "--no-pager", f"_COMM={_comm()}").splitlines()
    found = {(entry := json.loads(line))["PRIORITY"]: str(entry["MESSAGE"]) for line in lines}
    assert "6" in found, found
    assert found.keys() & {"3", "4"}, found
    assert not any(text.startswith("<") for text in found.values()), found
    return f"priorities {sorted(found)}"


def _comm() -> str:
    return Path(f"/proc/{show('MainPID')}/comm").read_text().strip()


def nothing_is_written_outside_the_state_folder() -> str:
    """By the service's user, on any disk that stays."""
    found = run("find", "/", "-xdev", "-user", "ota-server", "-not", "-path", "/var/lib/ota-server*", "-not", "-path", "/proc/*")
    assert not found, found
    return run("du", "-sh", "/var/lib/ota-server").split()[0]


def the_security_score_is_low() -> str:
    """As systemd counts it."""
    said = run("systemd-analyze", "security", "--no-pager", gw.UNIT)
    score = float(said.rpartition("exposure level for ota-server.service: ")[2].split()[0])
    assert score <= 1.5, said
    return f"{score}"


def it_stays_small() -> str:
    """Limits that fit a small gateway, and far from them."""
    assert show("MemoryMax") not in ("infinity", "")
    assert show("TasksMax") not in ("infinity", "")
    used, limit = int(show("MemoryCurrent")), int(show("MemoryMax"))
    assert used < limit
    return f"memory {used >> 20} of {limit >> 20} MiB, tasks {show('TasksCurrent')} of {show('TasksMax')}"


def one_file_of_the_size_of_a_manifest_by_a_program_of_others() -> str:
    """libcoap's client, from the wire on."""
    client = next(name for name in ("coap-client", "coap-client-notls") if os.path.exists(f"/usr/bin/{name}"))
    run(client, "-m", "get", "-o", "/run/fetched", "coap://[::1]/first/slot0")
    assert Path("/run/fetched").read_bytes() == made(1)["slot0"]
    assert fetch(("::1", 5683, 0, 0), "first/slot1") == made(1)["slot1"]
    return client


CHECKS: tuple[Callable[[], str], ...] = (
    active_after_install,
    reading_is_open_and_changing_takes_a_token,
    one_file_of_the_size_of_a_manifest_by_a_program_of_others,
    a_member_of_the_group_drops_files_with_scp,
    killed_it_comes_back,
    a_stopped_process_is_caught_by_the_watchdog,
    a_hung_receive_loop_is_caught_by_the_watchdog,
    a_restart_loses_no_transfer_and_refuses_no_connection,
    a_broken_configuration_mended_takes_one_restart,
    a_reload_takes_a_good_file_and_keeps_the_old_for_a_broken_one,
    the_journal_has_priorities,
    the_security_score_is_low,
    it_stays_small,
    nothing_is_written_outside_the_state_folder,
)
