"""What registrations mean, who is registered, and what is sent to an address that has not answered."""

from __future__ import annotations

import contextlib
import itertools
import random
import threading
from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.device_url import DeviceUrl
from common.errors import DeviceUnreachable
from server.coap import datagram, linkformat
from server.coap.client import Answer
from server.coap.datagram import Datagram, parse
from server.coap.directory import Directory, Outcome
from server.coap.linkformat import InvalidLinks, WebLink
from server.coap.parameters import LIFETIME, MAX_PAYLOAD, Registration, sender_of, trigger
from server.coap.source import Received, source_of
from server.fleet.devices.allowance import BURST, PAUSE, Allowance
from server.fleet.devices.directory import MOST_WAITING, Registry
from server.fleet.devices.entries import Entries, Entry
from tests.support.clock import Clock
from tests.waiting import wait_until

DEVICE = ("fd00::2", 5683, 0, 0)
BASE = DeviceUrl("fd00::2")
POST, DELETE = 2, 4


class Recorder:
    """A registrar that takes everything, or nothing."""

    def __init__(self) -> None:
        self.registered: list[Registration] = []
        self.asked: list[Registration] = []
        self.updates: list[tuple[int | None, DeviceUrl, DeviceUrl | None]] = []
        self.room = True
        self.ids = {"aa"}

    def register(self, wanted: Registration) -> str | None:
        self.registered.append(wanted)
        return "aa" if self.room else None

    def update(self, identity: str, lifetime: int | None, sender: DeviceUrl, base: DeviceUrl | None) -> Outcome:
        self.updates.append((lifetime, sender, base))
        if identity not in self.ids:
            return Outcome.UNKNOWN
        return Outcome.DONE if self.room else Outcome.NO_ROOM

    def remove(self, identity: str) -> bool:
        known = identity in self.ids
        self.ids.discard(identity)
        return known

    def ask(self, wanted: Registration) -> bool:
        self.asked.append(wanted)
        return self.room


class Asker:
    """Devices of whom some are there; a ping waits while `gate` is closed."""

    def __init__(self) -> None:
        self.there = {BASE}
        self.links = b"</suit/trigger>"
        self.sent: list[tuple[str, DeviceUrl]] = []
        self.gate = threading.Event()
        self.gate.set()

    def start(self) -> None:
        pass

    def stop(self) -> None:
        self.gate.set()

    def resolve(self, target: DeviceUrl) -> DeviceUrl:
        return target

    def ping(self, target: DeviceUrl) -> None:
        self.sent.append(("ping", target))
        assert self.gate.wait(60)
        if target not in self.there:
            raise DeviceUnreachable("There was no answer.")

    def knock(self, target: DeviceUrl) -> None:
        self.sent.append(("ping", target))
        assert self.gate.wait(60)
        if target not in self.there:
            raise DeviceUnreachable("There was no answer.")

    def request(self, method: str, target: DeviceUrl, path: str, payload: bytes = b"") -> Answer:
        assert not payload
        self.sent.append((f"{method} {path}", target))
        return Answer("2.05", self.links)


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
def directory(recorder: Recorder) -> Directory:
    return Directory(recorder, itertools.count())


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def asker() -> Asker:
    return Asker()


@pytest.fixture
def known() -> list[tuple[str, str]]:
    return []


@pytest.fixture
def registry(asker: Asker, clock: Clock, known: list[tuple[str, str]]) -> Iterator[Registry]:
    registry = Registry(asker, clock, most=4)
    registry.start(lambda url, name: known.append((str(url), name)))
    yield registry
    registry.stop()


def request(
    path: str,
    *query: str | bytes,
    code: int = POST,
    payload: bytes = b"",
    options: tuple[tuple[int, bytes], ...] = (),
    mid: int = 1,
) -> Datagram:
    named = [(datagram.URI_PATH, part.encode()) for part in path.split("/")]
    named += [(datagram.URI_QUERY, q.encode() if isinstance(q, str) else q) for q in query]
    return Datagram(datagram.CON, code, mid, b"t", tuple(sorted([*named, *options], key=lambda o: o[0])), payload)


def answer(directory: Directory, message: Datagram, source: tuple[str, int, int, int] = DEVICE) -> Datagram:
    assert directory.takes(message)
    reply = parse(directory.answer(message, Received(b"", source_of(source), [])))
    assert reply is not None
    assert (reply.type, reply.mid, reply.token) == (datagram.ACK, message.mid, message.token)
    return reply


def wanted(name: str = "a", lifetime: int = 100, host: str = "fd00::2") -> Registration:
    return Registration(name, "", lifetime, DeviceUrl(host), DeviceUrl(host))


def test_a_registration(directory: Directory, recorder: Recorder) -> None:
    links = b'</riot/board>,</fw/go>;rt="x suit.trigger";title="a,\\"b\\";c"'
    query = ("ep=node\x07-1\u202e", "lt=60", "d=lab", "et=x")
    reply = answer(directory, request("rd", *query, payload=links, options=((12, b"\x28"),)))
    assert (reply.dotted_code, reply.values(8), reply.payload) == ("2.01", [b"rd", b"aa"], b"")
    url = DeviceUrl("fd00::2", path="fw/go")
    assert recorder.registered == [Registration("node-1", "lab", 60, url, BASE)]


def test_what_is_left_out_has_a_value(directory: Directory, recorder: Recorder) -> None:
    assert answer(directory, request("rd", "ep=n")).dotted_code == "2.01"
    assert recorder.registered == [Registration("n", "", LIFETIME, BASE, BASE)]


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ((), "4.00"),
        (("ep=",), "4.00"),
        (("ep=\x01\x02",), "4.00"),
        (("ep=" + "x" * 64,), "4.00"),
        (("ep=" + "ä" * 32,), "4.00"),
        (("ep=" + "x" * 63,), "2.01"),
        ((b"ep=\xff",), "4.00"),
        (("ep=n", "ep=m"), "4.00"),
        (("ep=n", "d=" + "x" * 64), "4.00"),
        (("ep=n", "lt=0"), "4.00"),
        (("ep=n", "lt=-1"), "4.00"),
        (("ep=n", "lt="), "4.00"),
        (("ep=n", "lt=x"), "4.00"),
        (("ep=n", "lt=\u0661"), "4.00"),
        (("ep=n", "lt=4294967296"), "4.00"),
        (("ep=n", "lt=4294967295"), "2.01"),
        (("ep=n", "base=coap://sensor.local"), "4.00"),
        (("ep=n", "base=coaps://[fd00::3]"), "4.00"),
        (("ep=n", "base=coap://[fd00::3"), "4.00"),
        (("ep=n", "base=coap://[ff02::1]"), "4.00"),
        (("ep=n", "base=coap://[::]"), "4.00"),
        (("ep=n", "base=coap://127.0.0.1"), "4.00"),
        (("ep=n", "base=coap://[::ffff:127.0.0.1]"), "4.00"),
        (("ep=n", "base=coap://[fe80::1]"), "4.00"),
        (("ep=n", "base=coap://[fd00::3]:99/x"), "2.01"),
    ],
)
def test_parameters(directory: Directory, recorder: Recorder, query: tuple[str | bytes, ...], code: str) -> None:
    reply = answer(directory, request("rd", *query))
    assert reply.dotted_code == code
    assert bool(reply.payload) == (code == "4.00")
    assert len(recorder.registered) == (code == "2.01")


def test_a_base_keeps_its_port_and_gets_the_zone_of_the_sender(directory: Directory, recorder: Recorder) -> None:
    answer(directory, request("rd", "ep=n", "base=coap://[fe80::9%25wl]:99"), ("fe80::2", 1, 0, 1))
    registration = recorder.registered[0]
    assert registration.url == DeviceUrl("fe80::9", 99, zone="lo")
    assert registration.explicit


def test_formats_sizes_and_methods(directory: Directory) -> None:
    def code(message: Datagram) -> str:
        return answer(directory, message).dotted_code

    assert code(request("rd", "ep=n", payload=b"{}", options=((12, b"\x32"),))) == "4.15"
    assert code(request("rd", "ep=n", payload=b"</a", options=((12, b"\x28"),))) == "4.00"
    large = answer(directory, request("rd", "ep=n", payload=b"<" * (MAX_PAYLOAD + 1)))
    assert (large.dotted_code, large.values(60)) == ("4.13", [datagram.uint(MAX_PAYLOAD)])
    assert b"1024 bytes" in large.payload
    assert code(request("rd", "ep=n", payload=b"</a>", options=((27, b"\x0e"),))) == "4.13"  # block 0, and more
    assert code(request("rd", "ep=n", payload=b"</a>", options=((27, b"\x06"),))) == "2.01"  # a body of one block
    assert code(request("rd", code=1)) == "4.05"
    assert code(request("rd/aa", code=1)) == "4.05"
    assert code(request(".well-known/rd", code=1)) == "4.05"
    assert not directory.takes(request(".well-known/core", code=1))
    assert not directory.takes(request("rd2"))


def test_update_and_removal(directory: Directory, recorder: Recorder) -> None:
    assert answer(directory, request("rd/aa")).dotted_code == "2.04"
    assert answer(directory, request("rd/aa", "lt=7", "base=coap://10.0.0.7")).dotted_code == "2.04"
    assert recorder.updates == [(None, BASE, None), (7, BASE, DeviceUrl("10.0.0.7"))]
    assert answer(directory, request("rd/aa", "lt=0")).dotted_code == "4.00"
    assert answer(directory, request("rd/aa", payload=b"</a>")).dotted_code == "4.00"
    assert answer(directory, request("rd/bb")).dotted_code == "4.04"
    assert answer(directory, request("rd/aa", code=DELETE, mid=5)).dotted_code == "2.02"
    assert answer(directory, request("rd/aa", code=DELETE, mid=5)).dotted_code == "2.02", "the answer was lost"
    assert answer(directory, request("rd/aa", code=DELETE, mid=6)).dotted_code == "4.04"


@pytest.mark.parametrize("path", [".well-known/rd", ".well-known/core"])
def test_simple_registration(directory: Directory, recorder: Recorder, path: str) -> None:
    reply = answer(directory, request(path, "ep=RIOT-1234", "lt=60"), ("::ffff:10.0.0.7", 61616, 0, 0))
    assert reply.dotted_code == "2.04"
    device = DeviceUrl("10.0.0.7", 61616)
    older = path == ".well-known/core"
    assert recorder.asked == [Registration("RIOT-1234", "", 60, device, device, older=older)]
    assert answer(directory, request(path)).dotted_code == "4.00"
    assert answer(directory, request(path, "ep=n", payload=b"</a>")).dotted_code == "4.00"
    assert answer(directory, request(path, "ep=n", "base=coap://10.0.0.7")).dotted_code == "4.00"


def test_no_room(directory: Directory, recorder: Recorder) -> None:
    recorder.room = False
    for path in ("rd", "rd/aa", ".well-known/rd"):
        reply = answer(directory, request(path, "ep=n"))
        assert (reply.dotted_code, reply.values(14)) == ("5.03", [b"\x3c"])


@pytest.mark.parametrize(
    ("links", "path"),
    [
        (b"", "suit/trigger"),
        (b"</a>;rt=suit,</suit/trigger>", "suit/trigger"),
        (b"</a>;rt=suit", "a"),
        (b"</a,b>;rt=suit", "suit/trigger"),
        (b"</a/../b>;rt=suit", "suit/trigger"),
        (b"<coap://[fd00::2]/go>;rt=suit", "go"),
        (b"<coap://[fd00::3]/go>;rt=suit", "suit/trigger"),
        (b"<coap://[fd00::2]:99/go>;rt=suit", "suit/trigger"),
        (b"<//[fd00::3]/go>;rt=suit", "suit/trigger"),
        (b'</go>;rt=suit;anchor="coap://[fd00::3]"', "suit/trigger"),
    ],
)
def test_where_notifications_go(links: bytes, path: str) -> None:
    assert trigger(linkformat.parse(links), BASE) == replace(BASE, path=path)


def test_sender() -> None:
    assert sender_of(source_of(("fe80::2", 9, 0, 1))) == DeviceUrl("fe80::2", 9, zone="lo")
    assert sender_of(source_of(("10.0.0.7", 9))) == DeviceUrl("10.0.0.7", 9)


def test_links_of_riot() -> None:
    text = b'</.well-known/core>,</riot/board>;ct=0;obs,</suit/trigger>;title="a \\"b\\" \\\\";rt="x y"'
    links = linkformat.parse(text)
    assert [link.target for link in links] == ["/.well-known/core", "/riot/board", "/suit/trigger"]
    assert links[1] == WebLink("/riot/board", (("ct", "0"), ("obs", "")))
    assert (links[2].get("title"), links[2].get("rt"), links[2].get("no")) == ('a "b" \\', "x y", None)


@pytest.mark.parametrize(
    "text", [b"a", b"</a", b"</a>,", b"</a></b>", b"</a>;", b"</a>;b=", b'</a>;b="', b"</a> ,</b>", b"<a\n>", b"\xff", b"," * 3]
)
def test_no_links(text: bytes) -> None:
    with pytest.raises(InvalidLinks):
        linkformat.parse(text)


@given(st.binary(max_size=200) | st.text('</>;,=" \\ab:[', max_size=60).map(str.encode))
def test_any_bytes_are_links_or_refused(data: bytes) -> None:
    with contextlib.suppress(InvalidLinks):
        trigger(linkformat.parse(data), BASE)


_TEXT = st.text(st.characters(min_codepoint=32, exclude_characters="\x7f", exclude_categories=["Cs"]), max_size=20)
_NAMES = st.text("abcrt-", min_size=1, max_size=6)
_LINKS = st.lists(st.tuples(st.text("/ab%é~", max_size=10), st.lists(st.tuples(_NAMES, _TEXT), max_size=3)), max_size=5)


@given(_LINKS)
def test_written_links_are_read_again(links: list[tuple[str, list[tuple[str, str]]]]) -> None:
    def quoted(value: str) -> str:
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'

    text = ",".join(f"<{target}>" + "".join(f";{k}={quoted(v)}" for k, v in attributes) for target, attributes in links)
    assert linkformat.parse(text.encode()) == tuple(WebLink(target, tuple(attributes)) for target, attributes in links)


@given(st.lists(st.tuples(st.sampled_from([11, 12, 15, 27]), st.binary(max_size=12)), max_size=6), st.binary(max_size=40))
def test_any_request_is_answered(options: list[tuple[int, bytes]], payload: bytes) -> None:
    directory = Directory(Recorder(), itertools.count())
    fixed = [(11, b"rd"), *((15, b"ep=n"),) * random.Random(len(payload)).randint(0, 1)]
    message = Datagram(datagram.CON, POST, 1, b"", tuple(sorted([*fixed, *options], key=lambda o: o[0])), payload)
    if directory.takes(message):
        assert parse(directory.answer(message, Received(b"", source_of(DEVICE), []))) is not None


def entry(identity: str, ends: float, answered: bool = True) -> Entry:
    return Entry(identity, identity, "", BASE, False, 1, ends, 0.0, answered)


def test_registrations_end(clock: Clock) -> None:
    entries = Entries(clock)
    entries.put(entry("a", clock.now + 10))
    entries.put(entry("b", clock.now + 20))
    entries.put(entry("a", clock.now + 30))
    clock.now += 20
    assert [e.identity for e in entries.all()] == ["a"]
    assert entries.find("b", "") is None
    assert not entries.drop("b")
    clock.now += 10
    assert entries.get("a") is None


def test_the_one_that_ends_soonest_goes_when_full(clock: Clock) -> None:
    entries = Entries(clock, most=3)
    for identity, seconds in (("a", 30), ("b", 10), ("c", 20)):
        entries.put(entry(identity, clock.now + seconds))
    entries.put(entry("d", clock.now + 99, answered=False))
    assert {e.identity for e in entries.all()} == {"a", "c", "d"}
    entries.put(entry("e", clock.now + 5))
    assert {e.identity for e in entries.all()} == {"a", "c", "e"}, "who never answered goes first"


def test_an_address_may_cause_some_questions_only(clock: Clock) -> None:
    allowance = Allowance(clock)
    assert [allowance.take("a") for _ in range(BURST + 2)] == [True] * BURST + [False] * 2
    assert allowance.take("b")
    clock.now += PAUSE
    assert [allowance.take("a"), allowance.take("a")] == [True, False]


def test_a_device_is_known_when_it_answered(registry: Registry, asker: Asker, known: list[tuple[str, str]]) -> None:
    asker.gate.clear()
    identity = registry.register(wanted())
    assert identity is not None
    assert [(e.endpoint, e.answered) for e in registry.all()] == [("a", False)]
    assert registry.register(wanted()) == identity
    assert not known
    asker.gate.set()
    wait_until(lambda: known)
    assert known == [("[fd00::2]/suit/trigger", "a")]
    assert asker.sent == [("ping", BASE)], "one question, and nothing fetched"
    assert registry.register(wanted(lifetime=5)) == identity
    assert registry.update(identity, None, BASE, None) is Outcome.DONE
    assert asker.sent == [("ping", BASE)], "it was there already"


def test_one_that_is_not_there_is_not_known(registry: Registry, asker: Asker, known: list[tuple[str, str]]) -> None:
    asker.there.clear()
    assert registry.register(wanted())
    assert registry.ask(wanted("b", host="fd00::3"))
    wait_until(lambda: not registry.waiting)
    assert [kind for kind, _ in asker.sent] == ["ping", "ping"]
    assert not known
    assert [(e.endpoint, e.answered) for e in registry.all()] == [("a", False)]


def test_an_update_from_elsewhere_has_to_be_proven(registry: Registry, known: list[tuple[str, str]]) -> None:
    identity = registry.register(wanted())
    assert identity is not None
    wait_until(lambda: known)
    elsewhere = DeviceUrl("fd00::3")
    assert registry.update(identity, 9, elsewhere, None) is Outcome.DONE
    wait_until(lambda: not registry.waiting)
    assert [(e.url, e.answered, e.lifetime) for e in registry.all()] == [(elsewhere, False, 9)]
    assert registry.update(identity, None, elsewhere, BASE) is Outcome.DONE
    wait_until(lambda: len(known) == 2)
    assert registry.update(identity, None, elsewhere, None) is Outcome.DONE, "it named its address: that stays"
    assert [(e.url, e.explicit) for e in registry.all()] == [(BASE, True)]
    assert registry.remove(identity)
    assert registry.update(identity, None, BASE, None) is Outcome.UNKNOWN


def test_one_that_is_forgotten_registers_anew(registry: Registry, known: list[tuple[str, str]]) -> None:
    for name, host in (("a", "fd00::2"), ("b", "fd00::2"), ("c", "fd00::3")):
        assert registry.register(wanted(name, host=host))
    wait_until(lambda: len(known) == 2 and not registry.waiting)
    [identity] = [entry.identity for entry in registry.all() if entry.endpoint == "a"]
    registry.forget("fd00::2")
    assert [entry.endpoint for entry in registry.all()] == ["c"]
    assert registry.update(identity, None, BASE, None) is Outcome.UNKNOWN
    assert registry.register(wanted("a"))
    wait_until(lambda: len(known) == 3)


def test_simple_registration_takes_the_devices_links(
    registry: Registry, asker: Asker, clock: Clock, known: list[tuple[str, str]]
) -> None:
    asker.links = b"</go>;rt=suit"
    asker.gate.clear()
    assert registry.ask(wanted())
    assert registry.ask(wanted()), "the same again"
    assert not registry.ask(wanted("b")), "one question a source"
    assert not registry.all()
    asker.gate.set()
    wait_until(lambda: known)
    assert known == [("[fd00::2]/go", "a")]
    assert asker.sent == [("ping", BASE), ("GET .well-known/core", BASE)]
    assert registry.ask(wanted())
    assert len(asker.sent) == 2, "it was asked just now"
    clock.now += 70
    asker.links = b"no links"
    assert registry.ask(wanted())
    wait_until(lambda: not registry.waiting)
    assert [str(e.url) for e in registry.all()] == ["[fd00::2]/go"]
    clock.now += 100
    assert not registry.all()


def test_a_bounded_number_waits(registry: Registry, asker: Asker) -> None:
    asker.gate.clear()
    asked = [registry.ask(wanted(host=f"fd00::{n:x}")) for n in range(1, MOST_WAITING + 3)]
    assert asked == [True] * MOST_WAITING + [False] * 2
    assert registry.register(wanted("x", host="fd01::1")) is None


def test_without_a_start_there_is_no_room(asker: Asker, clock: Clock) -> None:
    registry = Registry(asker, clock)
    assert registry.register(wanted()) is None
    assert not registry.ask(wanted())
    registry.stop()


@pytest.mark.expects_log("could not be made known")
def test_a_listener_that_fails_ends_nothing(asker: Asker, clock: Clock) -> None:
    def fails(url: DeviceUrl, name: str) -> None:
        raise RuntimeError(f"{url} {name}")

    registry = Registry(asker, clock)
    registry.start(fails)
    try:
        registry.register(wanted())
        wait_until(lambda: [e.answered for e in registry.all()] == [True])
    finally:
        registry.stop()


def test_one_sender_cannot_have_many_others_asked(registry: Registry, asker: Asker, clock: Clock) -> None:
    def named(number: int) -> Registration:
        return replace(wanted(f"n{number}"), url=DeviceUrl(f"fd01::{number}"), explicit=True)

    assert [registry.register(named(n)) is not None for n in range(1, BURST + 2)] == [True] * BURST + [False]
    wait_until(lambda: not registry.waiting)
    assert len(asker.sent) == BURST
    clock.now += PAUSE
    assert registry.register(named(BURST + 1))
