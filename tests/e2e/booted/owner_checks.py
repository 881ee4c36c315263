"""What the gateway's owner relies on without a word: who can read what, and that a datagram is enough to serve."""

from __future__ import annotations

import fcntl
import socket
import struct
from collections.abc import Callable
from pathlib import Path

from tests.e2e.booted import gateway as gw
from tests.e2e.booted.checks import TOKEN, made
from tests.e2e.booted.gateway import COAP, FIRMWARE, HTTP, STATE, TOML, run, show, wait
from tests.fakes.riot_fetch import fetch

_OVERRIDE = Path("/etc/systemd/system/ota-server.socket.d/override.conf")
_SIOCSIFADDR = 0x8916  # <linux/sockios.h>; the socket module has no name for it
_ELSEWHERE = Path("/etc/systemd/system/ota-server.service.d/override.conf")


def the_state_is_for_the_service_alone() -> str:
    """A member of the group reaches the firmware and nothing else; a stranger not even that."""
    run("useradd", "--create-home", "stranger")
    kept = sorted(entry for entry in STATE.iterdir() if entry != FIRMWARE)
    assert {entry.name for entry in kept} >= {"fleet.db", "tokens", "spool"}
    for entry in kept:
        mode = entry.stat().st_mode & 0o777
        assert mode == (0o700 if entry.is_dir() else 0o600), (entry, oct(mode))
        for who in ("engineer", "stranger"):
            for way in ("-r", "-w"):
                assert gw.status_of("su", who, "-c", f"test {way} {entry}") != 0, (who, way, entry)
    for who in ("engineer", "stranger"):
        assert gw.status_of("su", who, "-c", f"touch {STATE}/new") != 0
        assert "sudo ota-server token" in run("su", who, "-c", "ota-server token list", check=False)
    assert gw.status_of("su", "engineer", "-c", f"test -w {FIRMWARE}") == 0
    assert gw.status_of("su", "stranger", "-c", f"ls {FIRMWARE}") != 0
    return ", ".join(entry.name for entry in kept)


def a_datagram_starts_a_service_that_was_stopped() -> str:
    """And one that has its sockets stopped stays so, until it is started."""
    run("systemctl", "stop", gw.UNIT)
    assert show("ActiveState", gw.SOCKET) == "active"
    assert fetch(COAP, "first/slot0", 64, ack_timeout=2.0) == made(1)["slot0"]
    gw.wait_active()
    run("systemctl", "stop", gw.SOCKET)
    assert (show("ActiveState"), show("ActiveState", gw.SOCKET)) == ("inactive", "inactive")
    run("systemctl", "start", gw.UNIT)
    gw.wait_active()
    return show("ActiveState", gw.SOCKET)


def other_sockets_as_the_readme_has_them_for_a_proxy() -> str:
    """The page on loopback only, behind a proxy that is believed; the log has nothing to complain of."""
    good, since = TOML.read_text(), gw.cursor()
    _OVERRIDE.parent.mkdir(parents=True)
    _OVERRIDE.write_text(f"[Socket]\nListenDatagram=\nListenDatagram=5683\nListenStream=127.0.0.1:{HTTP[1]}\n")
    try:
        TOML.write_text(good.replace("#trusted-proxy", "trusted-proxy"))
        run("systemctl", "daemon-reload")
        run("systemctl", "restart", gw.SOCKET)
        gw.wait_active()
        named = {"X-Forwarded-For": "192.0.2.9", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "ota.example.org"}
        told = {**named, "Via": "1.1 nginx"}
        allowed = {**told, "Authorization": f"Bearer {TOKEN.read_text().strip()}"}
        for act in ("/withdraw", "/restore"):
            answer = gw.http_call("POST", act, b"publish_id=first", allowed)
            assert answer.status == 200, answer
        assert gw.http_call("POST", "/restore", b"publish_id=first", told).status == 401
        said = wait(lambda: "(192.0.2.9)" in (log := gw.journal(since)) and log, "the log to name the client")
        assert "systemd's is used" not in said, said
    finally:
        _OVERRIDE.unlink()
        TOML.write_text(good)
        run("systemctl", "daemon-reload")
        run("systemctl", "restart", gw.SOCKET)
    gw.wait_active()
    gw.assert_served("first", made(1))
    return next(line for line in said.splitlines() if "192.0.2.9" in line)


def a_folder_that_cannot_be_read_for_a_while_needs_nobody() -> str:
    """The service is tried again, on the same sockets, until it can be."""
    mode = FIRMWARE.stat().st_mode & 0o7777
    since = gw.cursor()
    FIRMWARE.chmod(0)
    try:
        assert gw.status_of("systemctl", "restart", gw.UNIT) != 0
        wait(lambda: show("ExecMainStatus") == "75", "an end by 75, between two starts")
        assert show("ActiveState", gw.SOCKET) == "active"
    finally:
        FIRMWARE.chmod(mode)
    gw.wait_active()
    gw.assert_served("first", made(1))
    return next(line for line in gw.journal(since).splitlines() if "Permission denied" in line)


def an_address_that_comes_later_is_listened_on_from_the_start() -> str:
    """As of an interface that is slower than the socket's unit at boot."""
    address = "10.77.0.1"
    _OVERRIDE.write_text(f"[Socket]\nListenDatagram=\nListenDatagram={address}:{COAP[1]}\nListenStream={HTTP[1]}\n")
    try:
        run("systemctl", "daemon-reload")
        run("systemctl", "--no-block", "restart", gw.SOCKET)
        wait(lambda: show("StatusText").startswith("CoAP does not answer"), "the service to wait for the address")
        assert show("ActiveState", gw.SOCKET) == "active"
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            name = socket.inet_aton(address)
            fcntl.ioctl(sock, _SIOCSIFADDR, struct.pack("16sHH4s8x", b"lo:late", socket.AF_INET, 0, name))
        gw.wait_active()
        assert fetch((address, COAP[1]), "first/slot0") == made(1)["slot0"]
    finally:
        _OVERRIDE.unlink()
        run("systemctl", "daemon-reload")
        run("systemctl", "restart", gw.SOCKET)
    gw.wait_active()
    return address


def firmware_elsewhere_as_the_readme_has_it() -> str:
    """What it lacks is said; then it is written and read there, by the group, too."""
    good, place = TOML.read_text(), Path("/srv/firmware")
    token = TOKEN.read_text()
    run("cp", "-a", str(FIRMWARE), str(place))
    try:
        TOML.write_text(good.replace(f'"{FIRMWARE}"', '"/srv/nowhere/firmware"'))
        since = gw.cursor()
        assert gw.status_of("systemctl", "reload", gw.UNIT) != 0, "a folder that cannot be made was taken"
        said = wait(lambda: gw.journal(since), "the log to say why")
        assert "'/srv/nowhere/firmware' is not there, and the server cannot make it" in said, said
        gw.assert_served("first", made(1))
        TOML.write_text(good.replace(f'"{FIRMWARE}"', f'"{place}"'))
        since = gw.cursor()
        run("systemctl", "reload", gw.UNIT)
        wait(lambda: f"serving {str(place)!r}" in gw.journal(since), "the log to name the other folder")
        gw.wait_active()
        assert "ReadWritePaths=" in gw.publish("moved", made(9), token).json["message"]
        _ELSEWHERE.parent.mkdir(parents=True, exist_ok=True)
        _ELSEWHERE.write_text(f"[Service]\nReadWritePaths={place}\n")
        run("systemctl", "daemon-reload")
        run("systemctl", "restart", gw.UNIT)
        gw.wait_active()
        assert gw.publish("moved", made(9), token).status == 201
        run("su", "engineer", "-c", f"umask 077; cp -r {place}/moved {place}/dropped")
        gw.wait_ready("dropped")
        gw.assert_served("dropped", made(9))
    finally:
        _ELSEWHERE.unlink(missing_ok=True)
        TOML.write_text(good)
        run("systemctl", "daemon-reload")
        run("systemctl", "restart", gw.UNIT)
    gw.wait_active()
    assert gw.state_of("moved") == "gone"
    run("rm", "-rf", str(place))
    return f"{place}: refused until the service may write there, then published and dropped"


OWNER_CHECKS: tuple[Callable[[], str], ...] = (
    the_state_is_for_the_service_alone,
    a_datagram_starts_a_service_that_was_stopped,
    other_sockets_as_the_readme_has_them_for_a_proxy,
    an_address_that_comes_later_is_listened_on_from_the_start,
    a_folder_that_cannot_be_read_for_a_while_needs_nobody,
    firmware_elsewhere_as_the_readme_has_it,
)
