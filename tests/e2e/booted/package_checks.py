"""What becomes of a gateway's data when the package is upgraded and when it is purged."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from tests.e2e.booted import gateway as gw
from tests.e2e.booted.checks import TOKEN, made
from tests.e2e.booted.gateway import FIRMWARE, STATE, TOML, Callers, Downloads, run

NEWER = Path("/share/newer.deb")
LEFT_BEHIND = (
    "/lib/systemd/system/ota-server.service",
    "/etc/systemd/system/sockets.target.wants/ota-server.socket",
    "/var/lib/systemd/deb-systemd-helper-enabled/ota-server.service.dsh-also",
)
_APT = ("env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-y", "-q")


def an_upgrade_keeps_firmware_tokens_history_and_settings() -> str:
    """And devices that fetch meanwhile go on."""
    before = run("dpkg-query", "-W", "-f", "${Version}", "ota-server")
    events = gw.http_call("GET", "/api/v1/history?limit=5000").json["events"]
    TOML.write_text(TOML.read_text() + "\n# the owner's own line\n")
    devices = Downloads({"load/2/slot0": made(102, 40_000)["slot0"]}, 16)
    devices.wait_blocks(500)
    callers, process = Callers(), gw.show("MainPID")
    try:
        run(*_APT, "install", str(NEWER))
        gw.wait_active()
    finally:
        callers.stop()
    assert gw.show("MainPID") != process, "the new version does not run"
    assert not callers.refused, callers.refused[:3]
    after = run("dpkg-query", "-W", "-f", "${Version}", "ota-server")
    assert after != before
    gw.assert_served("first", made(1))
    assert "the owner's own line" in TOML.read_text()
    assert gw.publish("after-upgrade", made(3), TOKEN.read_text()).status == 201
    kept = {event["id"] for event in gw.http_call("GET", "/api/v1/history?limit=5000").json["events"]}
    assert kept >= {event["id"] for event in events}, "the history lost events"
    return (
        f"{before} -> {after}: {len(events)} events kept, {devices.all_exact()} downloads exact,"
        f" {callers.connected} connections, none refused"
    )


def an_upgrade_starts_what_was_stopped_and_not_what_was_disabled() -> str:
    """As the README says of stopping it."""
    both = (gw.SOCKET, gw.UNIT)
    run("systemctl", "stop", gw.SOCKET)
    run(*_APT, "install", "--reinstall", str(NEWER))
    gw.wait_active()
    run("systemctl", "disable", "--now", *both)
    run(*_APT, "install", "--reinstall", str(NEWER))
    states = [gw.show("ActiveState", unit) for unit in both]
    assert states == ["inactive", "inactive"], states
    run("systemctl", "enable", "--now", *both)
    gw.wait_active()
    gw.assert_served("first", made(1))
    return "stopped: started by the upgrade; disabled: left alone; enabled: serves"


def purge_asks_nothing_and_removes_only_its_own() -> str:
    """The package's folders go; a person's files stay."""
    own = Path("/home/engineer/mine.bin")
    own.write_bytes(b"mine")
    linked = Path("/srv/elsewhere")
    linked.mkdir(parents=True)
    (linked / "file").write_bytes(b"not the package's")
    (FIRMWARE / "linked").symlink_to(linked)
    run(*_APT, "purge", "ota-server")
    assert not STATE.exists()
    assert not TOML.parent.exists()
    assert not Path("/usr/share/ota-server").exists()
    assert own.read_bytes() == b"mine"
    assert (linked / "file").read_bytes() == b"not the package's"
    assert gw.status_of("systemctl", "is-active", gw.UNIT) != 0
    assert gw.status_of("systemctl", "is-active", gw.SOCKET) != 0
    left = [unit for unit in LEFT_BEHIND if os.path.lexists(unit)]
    assert not left, left
    return "gone: state, settings, units; kept: the person's files"


PACKAGE_CHECKS: tuple[Callable[[], str], ...] = (
    an_upgrade_keeps_firmware_tokens_history_and_settings,
    an_upgrade_starts_what_was_stopped_and_not_what_was_disabled,
    purge_asks_nothing_and_removes_only_its_own,
)
