"""Whether all is well, in words."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from server.firmware.catalogue import LiveCatalogue
from server.firmware.store import Store
from server.health import FRESH, Health, Status, Symptom
from server.symptoms import Disk, content
from tests.support.clock import Clock
from tests.support.releases import suit_release

NOTE, WORSE, WORST = (Symptom(status, status.name) for status in Status)


def test_the_worst_decides_and_comes_first() -> None:
    found: list[Symptom] = []
    clock = Clock()
    health = Health([lambda: iter(found), lambda: [NOTE]], clock)
    assert health.look().to_json() == {"status": "ok", "problems": [], "notes": ["OK"]}
    found.append(WORSE)
    assert health.look().status is Status.OK, "found a moment ago"
    clock.now += FRESH
    assert health.look().to_json() == {"status": "degraded", "problems": ["DEGRADED"], "notes": ["OK"]}
    found.append(WORST)
    clock.now += FRESH
    assert health.look().to_json() == {"status": "failing", "problems": ["FAILING", "DEGRADED"], "notes": ["OK"]}


@pytest.mark.expects_log("a check of the server's health failed")
def test_a_check_that_fails_hides_no_other() -> None:
    def broken() -> Iterator[Symptom]:
        yield WORSE
        raise RuntimeError

    verdict = Health([broken, lambda: [WORSE]], Clock()).look()
    assert verdict.status is Status.FAILING
    assert [s.status for s in verdict.symptoms] == [Status.FAILING, Status.DEGRADED]


def test_a_check_that_hangs_holds_one_worker_and_is_told_to_the_others() -> None:
    gate, begun = threading.Event(), threading.Event()

    def hangs() -> list[Symptom]:
        begun.set()
        gate.wait(30)
        return []

    health = Health([hangs], Clock(), patience=0.02)
    thread = threading.Thread(target=health.look)
    thread.start()
    try:
        assert begun.wait(30)
        verdict = health.look()
        assert verdict.status is Status.FAILING
        assert "gives no answer" in verdict.symptoms[0].message
    finally:
        gate.set()
        thread.join()
    assert health.look().status is Status.OK


def test_a_disk_with_room_and_one_that_is_gone(tmp_path: Path) -> None:
    folder = tmp_path / "State"
    folder.mkdir()
    disk = Disk("state folder", folder)
    assert list(disk.check()) == []
    folder.rmdir()
    [symptom] = disk.check()
    assert symptom.message == f"The disk of the state folder {str(folder)!r} cannot be looked at (No such file or directory)."


def test_what_is_rejected_is_named_and_no_reason_to_restart_anything(live: LiveCatalogue, store: Store) -> None:
    for number in range(12):
        suit_release(store.root / f"v{number:02}", number)
        (store.root / f"v{number:02}" / "slot0").write_bytes(b"another image, for which the manifest is not")
    live.refresh()
    [symptom] = content(live)
    assert symptom.status is Status.OK
    assert symptom.message.startswith("Rejected, so that devices do not get it: v")
    assert symptom.message.endswith(" and 2 more. The page says why.")
