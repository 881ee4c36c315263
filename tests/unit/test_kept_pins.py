"""Transfers over a restart: no device gets the rest of another image."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from server.coap import datagram
from server.coap.datagram import Datagram
from server.coap.kept_pins import KeptPins
from server.coap.pins import EXCHANGE_LIFETIME, Pins
from server.firmware.images import Content
from tests.support.coap import Parts, block2, get, make_parts

DEVICE, OTHER = ("::1", 1000, 0, 0), ("::1", 1001, 0, 0)


class Server:
    """One life of a server over the same folder and state; `now` is both of its clocks."""

    def __init__(self, folder: Path, state: Path, now: Callable[[], float]) -> None:
        self.pins = Pins(now, 100, 1 << 20)
        self.parts: Parts = make_parts(folder, pins=self.pins, clock=now)
        self.kept = KeptPins(state / "transfers", self.pins, now)
        self.kept.restore()

    def ask(self, path: str, number: int, mid: int, device: tuple[str, int, int, int] = DEVICE) -> Datagram:
        answer = datagram.parse(self.parts.answer(get(path, block2(number, 0), mid=mid), device) or b"")
        assert answer is not None
        return answer


def test_a_transfer_goes_on_and_never_with_another_image(tmp_path: Path) -> None:
    folder, now = tmp_path / "fw", [1000.0]
    folder.mkdir()
    for name in ("same", "replaced", "removed"):
        (folder / name).write_bytes(name[:1].encode() * 100)
    first = Server(folder, tmp_path, lambda: now[0])
    for name in ("same", "replaced", "removed"):
        assert first.ask(name, 0, 1).payload == name[:1].encode() * 16
    first.kept.save()
    (folder / "same").rename(folder / "moved")
    (folder / "same").write_bytes(b"s" * 100)
    (folder / "replaced").write_bytes(b"R" * 100)
    (folder / "removed").unlink()
    now[0] += 100
    second = Server(folder, tmp_path, lambda: now[0])
    assert (second.ask("same", 1, 2).payload, second.ask("same", 2, 3).payload) == (b"s" * 16, b"s" * 16)
    for _ in range(2):
        assert second.ask("replaced", 1, 2).dotted_code == "4.04"
    assert second.ask("removed", 1, 2).dotted_code == "4.04"
    assert second.ask("replaced", 1, 2, OTHER).payload == b"R" * 16  # who began in the middle here
    assert second.ask("replaced", 0, 5).payload == b"R" * 16  # who begins anew
    assert second.ask("replaced", 1, 6).payload == b"R" * 16
    assert [pin.progress.sent() for pin in second.pins.all() if pin.path == "removed"] == [None]  # no transfer of this server


def test_what_is_silent_for_too_long_is_forgotten(tmp_path: Path) -> None:
    folder, now = tmp_path / "fw", [1000.0]
    folder.mkdir()
    (folder / "f").write_bytes(b"f" * 100)
    first = Server(folder, tmp_path, lambda: now[0])
    first.ask("f", 0, 1)
    first.parts.answer(get(".well-known/core", block2(0, 0), mid=2), DEVICE)
    first.kept.save()
    assert [row[1] for row in json.loads((tmp_path / "transfers").read_text())["transfers"]] == ["f"]  # no listing
    (folder / "f").write_bytes(b"F" * 100)
    now[0] += EXCHANGE_LIFETIME + 1
    second = Server(folder, tmp_path, lambda: now[0])
    assert len(second.pins) == 0
    assert second.ask("f", 1, 2).payload == b"F" * 16


ROW = ["0a" * 28, "f", "ab" * 32, 100, 1, 0.5, 1.5]


@pytest.mark.expects_log("is not known from .* \\(it is damaged\\)")
@pytest.mark.parametrize(
    "text",
    [
        "garbage", "[]", "{}", '{"saved": "x", "transfers": []}', '{"saved": 1, "transfers": [[1]]}', "[" * 100_000,
        '{"saved": 1' + "0" * 400 + ', "transfers": []}',
        *(json.dumps({"saved": 1, "transfers": [[*ROW[:n], wrong, *ROW[n + 1 :]]]}) for n, wrong in (
            (0, "0a"), (0, "zz" * 28), (0, 5), (1, None), (2, "ab"), (2, "zz" * 32), (3, -1), (3, True), (4, "1"), (5, -1),
            (6, None), (5, 10**400), (6, 10**400),
        )),
    ],
)  # fmt: skip
def test_a_file_that_is_odd_is_done_without(tmp_path: Path, text: str) -> None:
    (tmp_path / "transfers").write_text(text)
    pins = Pins(lambda: 1000.0, 100, 1 << 20)
    KeptPins(tmp_path / "transfers", pins, lambda: 1000.0).restore()
    assert len(pins) == 0


def test_more_than_there_is_room_for(tmp_path: Path) -> None:
    rows = [[f"{n:056x}", "f", "ab" * 32, 100, None, float(n), 60.0] for n in range(50)]
    (tmp_path / "transfers").write_text(json.dumps({"saved": 1000.0, "transfers": rows}))
    pins = Pins(lambda: 1000.0, 10, 1 << 20)
    KeptPins(tmp_path / "transfers", pins, lambda: 1000.0).restore()
    assert sorted(int(pin.source.hex(), 16) for pin in pins.all()) == list(range(10))  # those heard last


@pytest.mark.expects_log("cannot be remembered")
def test_a_state_folder_that_is_gone_costs_one_line(tmp_path: Path) -> None:
    kept = KeptPins(tmp_path / "gone" / "transfers", Pins(lambda: 0.0, 10, 100), lambda: 0.0)
    kept.save()
    kept.save()


def test_a_server_that_is_killed_had_written_what_began(tmp_path: Path) -> None:
    folder, now, file = tmp_path / "fw", [1000.0], tmp_path / "transfers"
    folder.mkdir()
    (folder / "f").write_bytes(b"f" * 100)

    def saved() -> bool:
        file.unlink(missing_ok=True)
        first.kept.save_when_due()
        return file.exists()

    first = Server(folder, tmp_path, lambda: now[0])
    assert not saved()
    first.ask("f", 0, 1)
    assert saved()
    assert not saved()
    first.ask("f", 1, 2)
    now[0] += 59
    assert not saved()  # the same transfer
    now[0] += 2
    first.ask("f", 2, 3)
    assert saved()  # for it goes on
    (folder / "f").write_bytes(b"F" * 100)
    now[0] += 200
    second = Server(folder, tmp_path, lambda: now[0])
    assert second.ask("f", 1, 3).dotted_code == "4.04"
    third = Server(folder, tmp_path, lambda: now[0])  # killed before it could save
    assert third.ask("f", 1, 3).dotted_code == "4.04"
    now[0] += EXCHANGE_LIFETIME + 1
    assert len(Server(folder, tmp_path, lambda: now[0]).pins) == 0


def test_a_flood_of_transfers_is_written_down_slowly(tmp_path: Path) -> None:
    now, file = [1000.0], tmp_path / "transfers"
    pins = Pins(lambda: now[0], 2000, 1 << 20)
    kept = KeptPins(file, pins, lambda: now[0])
    image = Content(bytes(100), "ab" * 32, b"etag")

    def begin(first: int) -> None:
        for number in range(first, first + 1000):
            pins.set(number.to_bytes(28, "big"), "f", image, 1)

    begin(0)
    kept.save_when_due()
    written = file.stat()
    begin(1000)
    now[0] += 1
    kept.save_when_due()
    assert file.stat().st_ino == written.st_ino
    now[0] += written.st_size / 20_000
    kept.save_when_due()
    assert len(json.loads(file.read_text())["transfers"]) == 2000


@pytest.mark.parametrize(("saved", "now", "kept"), [
    (1000.0, 1100.0, True), (1000.0, 1300.0, False),  # within one run of the machine
    (1000.0, 30.0, True), (1000.0, 300.0, False),  # after another start of it: at least as long ago as that
    (-5.0, 30.0, True),
])  # fmt: skip
def test_no_clock_on_the_wall_decides(tmp_path: Path, saved: float, now: float, kept: bool) -> None:
    (tmp_path / "transfers").write_text(json.dumps({"saved": saved, "transfers": [ROW]}))
    pins = Pins(lambda: 5000.0, 100, 1 << 20)
    KeptPins(tmp_path / "transfers", pins, lambda: now).restore()
    assert len(pins) == kept


def test_who_fetches_what_is_for_the_server_alone(tmp_path: Path) -> None:
    KeptPins(tmp_path / "transfers", Pins(lambda: 0.0, 10, 100), lambda: 0.0).save()
    assert (tmp_path / "transfers").stat().st_mode & 0o777 == 0o600
