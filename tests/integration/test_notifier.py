"""Telling devices of a release: the exact bytes that they get, and what becomes of each."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager

import pytest

from common.device_url import DeviceUrl
from common.notification import DeviceResult, DeviceState, Notification, Nul
from server.coap.client import CoapClient, Timing
from server.coap.urls import CoapUrls
from server.fleet.notifying.notifier import Notifier
from server.fleet.notifying.teller import Teller
from tests.fakes import coap_wire as wire
from tests.fakes.riot_device import RIOT_CORE, Behaviour, RiotDevice
from tests.integration.test_coap_client import closed_port
from tests.waiting import wait_until

PATIENT = Timing(ack_timeout=10, max_retransmit=4)
"""What is asked is sent once, however slow the machine is."""
LOSSY = Timing(ack_timeout=0.1, max_retransmit=9)
HASTY = Timing(ack_timeout=0.1, ack_random_factor=1.0, max_retransmit=1, response_timeout=0.1)
URL6, URL4 = b"coap://[::1]:7777/v42/manifest", b"coap://127.0.0.1:7777/v42/manifest"
Results = tuple[DeviceResult, ...]
OK, NO, LOST = DeviceState.ACCEPTED, DeviceState.REFUSED, DeviceState.UNREACHABLE


@contextmanager
def notifying(timing: Timing = PATIENT, host: str | None = None, keep: int = 100) -> Iterator[Notifier]:
    client = CoapClient(timing)
    notifier = Notifier(Teller(client, CoapUrls(host, 7777)), client.stop, keep=keep)
    client.start()
    try:
        yield notifier
    finally:
        notifier.stop()


@pytest.fixture
def notifier() -> Iterator[Notifier]:
    with notifying() as running:
        yield running


def tell(notifier: Notifier, *devices: RiotDevice | str, publish_id: str = "v42", nul: Nul = Nul.AUTO) -> Results:
    urls = [DeviceUrl.parse(d if isinstance(d, str) else d.url) for d in devices]
    started = notifier.start(publish_id, urls, nul)
    done = notifier.wait(started.id, 60)
    assert done.done
    return done.results


@pytest.mark.parametrize(
    ("riot", "nul", "payload"),
    [
        (True, Nul.AUTO, URL6 + b"\0"),
        (False, Nul.AUTO, URL6),
        (True, Nul.NO, URL6),
        (False, Nul.YES, URL6 + b"\0"),
    ],
)
def test_the_bytes_that_a_device_gets(notifier: Notifier, riot: bool, nul: Nul, payload: bytes) -> None:
    with RiotDevice(Behaviour(riot=riot)) as device:
        assert tell(notifier, device, nul=nul) == (DeviceResult(device.url, OK, "2.01", "Accepted (2.01)."),)
        assert device.payloads == [payload]
        asked = [r.path for r in device.requests if r.code == wire.GET]
        assert asked == ([".well-known/core"] if nul is Nul.AUTO else [])


def test_riot_fetches_the_right_path(notifier: Notifier) -> None:
    with RiotDevice() as device:
        tell(notifier, device)
        tell(notifier, device, nul=Nul.NO)
        assert device.triggered == [URL6.decode(), URL6.decode() + "0"], "without the NUL, garbage follows"


def test_an_ipv4_device_gets_an_ipv4_address(notifier: Notifier) -> None:
    with RiotDevice(host="127.0.0.1") as device:
        assert tell(notifier, device)[0].state is OK
        assert device.payloads == [URL4 + b"\0"]


def test_the_configured_host_is_what_devices_are_told() -> None:
    with notifying(host="fd00::9") as notifier, RiotDevice() as device:
        tell(notifier, device)
        assert device.payloads == [b"coap://[fd00::9]:7777/v42/manifest\0"]


@pytest.mark.parametrize(
    ("behaviour", "nul_sent"),
    [
        (Behaviour(core_block=64, core=b"</a>," * 30 + RIOT_CORE), True),
        (Behaviour(core_code="4.04"), False),
        (Behaviour(core_code="5.00"), False),
        (Behaviour(core=b""), False),
        (Behaviour(core=b"\xff\xfe</riot/boards>"), False),
        (Behaviour(separate=0.02), True),
    ],
)
def test_who_counts_as_a_riot_device(notifier: Notifier, behaviour: Behaviour, nul_sent: bool) -> None:
    with RiotDevice(behaviour) as device:
        assert tell(notifier, device)[0].state is OK
        assert device.payloads == [URL6 + (b"\0" if nul_sent else b"")]


def test_a_silent_device_gets_no_notification() -> None:
    with notifying(HASTY) as notifier, RiotDevice(Behaviour(silent=True)) as device:
        (result,) = tell(notifier, device)
        assert (result.state, result.code) == (LOST, None)
        assert "no answer in" in result.message
        assert device.payloads == []


def test_devices_of_2019_are_told_with_put(notifier: Notifier) -> None:
    with RiotDevice(Behaviour(put_only=True, riot=False)) as device:
        assert tell(notifier, device) == (DeviceResult(device.url, OK, "2.04", "Accepted (2.04)."),)
        assert [(r.code, r.payload) for r in device.requests[1:]] == [(wire.POST, URL6), (wire.PUT, URL6)]


@pytest.mark.parametrize(
    ("behaviour", "code", "message"),
    [
        (Behaviour(answer=("4.13", b"")), "4.13", "Refused (4.13): the device found the notification too long."),
        (Behaviour(answer=("5.00", b"")), "5.00", "Refused (5.00): the device gave no reason."),
        (Behaviour(answer=("4.00", b"no \xff\x00\x1b[31m\nspace.")), "4.00", "Refused (4.00): no \ufffd[31m space."),
        (Behaviour(answer=("4.00", b"x" * 900)), "4.00", f"Refused (4.00): {'x' * 200}."),
        (Behaviour(reset=True), None, "The device answered with a reset: it does not take CoAP requests of this kind."),
    ],
)
def test_a_refusal_has_its_code_and_its_reason(notifier: Notifier, behaviour: Behaviour, code: str | None, message: str) -> None:
    with RiotDevice(behaviour) as device:
        assert tell(notifier, device) == (DeviceResult(device.url, NO, code, message),)


def test_a_wrong_path_is_refused(notifier: Notifier) -> None:
    with RiotDevice() as device:
        (result,) = tell(notifier, f"[::1]:{device.port}/suit/tigger")
        assert (result.state, result.code, result.message) == (NO, "4.04", "Refused (4.04): the device has no such path.")


def test_targets_that_are_no_devices() -> None:
    client = CoapClient(HASTY, own_port=7777)
    client.start()
    notifier = Notifier(Teller(client, CoapUrls(None, 7777)), client.stop)
    try:
        results = tell(notifier, "[::1]:7777/a", "[ff02::1%lo]/a", "[fe80::1%wpan9]/a", "no-such-host.invalid/a")
        assert [r.state for r in results] == [NO, NO, LOST, LOST]
        assert [r.code for r in results] == [None] * 4
        for result, words in zip(results, ["server itself", "many devices", "no interface 'wpan9'", "no-such-host"], strict=True):
            assert words in result.message
    finally:
        notifier.stop()


def id_for(payload: int | None = None, path: int | None = None, host: str = "[::1]") -> str:
    """A publish id that makes the payload, NUL included, or the URL's path so long."""
    length = payload - 1 - len(f"coap://{host}:7777/") if payload is not None else (path or 0) - 1
    return "x" * (length - len("/manifest"))


def test_the_longest_notification() -> None:
    wide = "gateway-on-the-second-floor.building-7.example.org"
    with notifying(host=wide) as far, RiotDevice() as device:
        fits, too_long = (id_for(payload=n, host=wide) for n in (127, 128))
        (result,) = tell(far, device, publish_id=fits)
        assert result.state is OK
        assert len(device.payloads[0]) == 127
        sent = len(device.requests)
        (result,) = tell(far, device, publish_id=too_long)
        assert (result.state, result.code) == (NO, None)
        assert "128 bytes long with its final NUL, and devices take at most 127" in result.message
        assert "shorter by 1." in result.message
        assert len(device.requests) == sent, "nothing is sent"
        assert tell(far, device, publish_id=too_long, nul=Nul.NO)[0].state is OK


def test_the_longest_path(notifier: Notifier) -> None:
    with RiotDevice() as device:
        assert "Caution" not in tell(notifier, device, publish_id=id_for(path=64))[0].message
        cautioned = tell(notifier, device, publish_id=id_for(path=72))[0]
        assert cautioned.state is OK
        assert "A publish id that is shorter by 4 is safe." in cautioned.message
        sent = len(device.requests)
        (result,) = tell(notifier, device, publish_id=id_for(path=73))
        assert (result.state, result.code) == (NO, None)
        assert "is 73 bytes long, and devices take at most 72" in result.message
        assert len(device.requests) == sent, "nothing is sent"


def test_a_datagram_that_an_old_riot_drops_is_explained() -> None:
    host = "fd00:1111:2222:3333::4444"
    longest = 112 - 4 - 4 - len(b"\xb4suit\x07trigger") - 1
    fits, too_long = (id_for(payload=n, host=f"[{host}]") for n in (longest, longest + 1))
    with notifying(PATIENT, host) as notifier, RiotDevice(Behaviour(longest=112)) as old, RiotDevice() as new:
        assert tell(notifier, old, publish_id=fits)[0].message == "Accepted (2.01)."
        (result,) = tell(notifier, new, publish_id=too_long)
        assert result.state is OK
        assert result.message.startswith("Accepted (2.01). Caution")
    with notifying(HASTY, host) as notifier, RiotDevice(Behaviour(longest=112)) as old:
        (result,) = tell(notifier, old, publish_id=too_long, nul=Nul.YES)
        assert result.state is LOST
        assert " s. Caution: RIOT 2024.10 silently drops" in result.message
        assert "this one has 113. A publish id that is shorter by 1 is safe." in result.message


def test_many_devices_and_some_that_cannot_be_reached(caplog: pytest.LogCaptureFixture) -> None:
    timing = Timing(ack_timeout=0.25, ack_random_factor=1.5, max_retransmit=4)
    with caplog.at_level(logging.INFO, "server.fleet.notifying.notifier"), notifying(timing) as notifier, ExitStack() as stack:
        kinds = [Behaviour(), Behaviour(riot=False), Behaviour(put_only=True), Behaviour(separate=0.05)]
        hosts = ["::1", "127.0.0.1"]
        good = [stack.enter_context(RiotDevice(kinds[i % 4], hosts[i // 4 % 2])) for i in range(30)]
        silent = [stack.enter_context(RiotDevice(Behaviour(silent=True), hosts[i % 2])) for i in range(5)]
        closed = [stack.enter_context(closed_port(hosts[i % 2])) for i in range(5)]
        results = tell(notifier, *good, *silent, *closed)
        assert [r.state for r in results] == [OK] * 30 + [LOST] * 10
        assert [r.device for r in results[:35]] == [d.url for d in (*good, *silent)], "in the order given"
        assert all("no answer in" in r.message for r in results[30:35])
        assert all("port is closed" in r.message for r in results[35:])
    lines = [r.getMessage() for r in caplog.records if r.name == "server.fleet.notifying.notifier"]
    assert len(lines) == 40
    assert f"notified {good[0].url} of v42: accepted: Accepted (2.01)." in lines


def test_lossy_links() -> None:
    with notifying(LOSSY) as notifier, ExitStack() as stack:
        devices = [stack.enter_context(RiotDevice(Behaviour(loss=0.2, seed=seed))) for seed in range(12)]
        assert {r.state for r in tell(notifier, *devices)} == {OK}
        assert sum(d.lost for d in devices) > 0
        assert all(set(d.payloads) == {URL6 + b"\0"} for d in devices)


def test_a_device_named_twice_is_told_once(notifier: Notifier) -> None:
    with RiotDevice() as device:
        assert len(tell(notifier, device, device.url, f"coap://{device.url}")) == 1
        assert len(device.payloads) == 1


def test_start_returns_at_once_and_rows_fill_as_answers_come(notifier: Notifier) -> None:
    with RiotDevice(Behaviour(silent=True)) as silent, RiotDevice() as quick:
        urls = [DeviceUrl.parse(silent.url), DeviceUrl.parse(quick.url)]
        started = notifier.start("v42", urls, Nul.AUTO)
        assert {r.state for r in started.results} <= {DeviceState.WAITING}
        assert len(started.id) >= 16
        wait_until(lambda: rows(notifier, started.id)[1] is OK, what="the quick device")
        assert rows(notifier, started.id)[0] is DeviceState.WAITING
        assert not notifier.wait(started.id, 0.01).done, "the time is up"


def rows(notifier: Notifier, notification_id: str) -> list[DeviceState]:
    found = notifier.get(notification_id)
    assert found is not None
    return [r.state for r in found.results]


def test_only_the_last_finished_ones_are_kept() -> None:
    with notifying(keep=3) as notifier, RiotDevice() as device, RiotDevice(Behaviour(silent=True)) as silent:
        running = notifier.start("v42", [DeviceUrl.parse(silent.url)], Nul.AUTO).id
        ids = []
        for _ in range(5):
            ids.append(notifier.start("v42", [DeviceUrl.parse(device.url)], Nul.NO).id)
            notifier.wait(ids[-1], 60)
        assert [notifier.get(i) is not None for i in ids] == [False, False, True, True, True]
        assert notifier.get(running) is not None, "what is under way is not forgotten"
        with pytest.raises(KeyError):
            notifier.wait(ids[0], 1)
        assert notifier.start("v42", [], Nul.AUTO).done


def test_stop_in_the_middle() -> None:
    with ExitStack() as stack:
        silent = [stack.enter_context(RiotDevice(Behaviour(silent=True))) for _ in range(40)]
        client = CoapClient()
        notifier = Notifier(Teller(client, CoapUrls(None, 7777)), client.stop)
        client.start()
        started = notifier.start("v42", [DeviceUrl.parse(d.url) for d in silent], Nul.AUTO)
        seen: list[Notification] = []
        waiter = threading.Thread(target=lambda: seen.append(notifier.wait(started.id, 600)))
        waiter.start()
        notifier.stop()
        notifier.stop()
        waiter.join()
        ended = notifier.get(started.id)
        assert ended is not None
        assert {(r.state, r.message) for r in ended.results} == {(LOST, "The server is stopping.")}, "no row waits for ever"
        late = notifier.start("v43", [DeviceUrl.parse(silent[0].url)], Nul.AUTO)
        assert [r.state for r in late.results] == [LOST]
        assert seen


class _BrokenUrls(CoapUrls):
    def url(self, path: str, peer: str) -> str:
        raise RuntimeError(f"no URL for {path} and {peer}")


@pytest.mark.expects_log("telling .* of v42 failed")
def test_a_bug_becomes_a_row_and_not_a_wait_for_ever() -> None:
    client = CoapClient()
    notifier = Notifier(Teller(client, _BrokenUrls(None, 7777)), client.stop)
    client.start()
    try:
        (result,) = tell(notifier, "[::1]:7777/a")
        assert (result.state, result.code) == (LOST, None)
        assert "internal error" in result.message
    finally:
        notifier.stop()


class _Peers(CoapUrls):
    def __init__(self, seen: Callable[[str], None]) -> None:
        super().__init__(None, 7777)
        self._seen = seen

    def url(self, path: str, peer: str) -> str:
        self._seen(peer)
        return super().url(path, peer)


def test_the_url_is_made_for_the_resolved_address_and_its_zone() -> None:
    peers: list[str] = []
    client = CoapClient(HASTY)
    client.start()
    notifier = Notifier(Teller(client, _Peers(peers.append)), client.stop)
    try:
        with closed_port("::1") as closed:
            tells: Sequence[str] = ("[fe80::1:2:3:4%lo]/a", f"{closed}/a", "[::ffff:127.0.0.1]:9/a")
            assert {r.state for one in tells for r in tell(notifier, one)} == {LOST}
        assert peers == ["fe80::1:2:3:4%lo", "::1", "127.0.0.1"]
    finally:
        notifier.stop()
