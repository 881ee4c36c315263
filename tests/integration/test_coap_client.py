"""The CoAP client against devices on the loopback interface."""

from __future__ import annotations

import asyncio
import re
import select
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import aiocoap
import aiocoap.resource
import pytest

from common.device_url import DeviceUrl
from common.errors import DeviceRefused, DeviceUnreachable
from server.coap.client import Answer, CoapClient, Timing, request_size
from tests.fakes import coap_wire as wire
from tests.fakes.coap_wire import Message
from tests.fakes.riot_device import RIOT_CORE, Behaviour, RiotDevice
from tests.waiting import wait_until

PATIENT = Timing(ack_timeout=10, max_retransmit=4)
"""What is asked is sent once, however slow the machine is."""
LOSSY = Timing(ack_timeout=0.03, ack_random_factor=1.5, max_retransmit=10)
HASTY = Timing(ack_timeout=0.02, ack_random_factor=1.0, max_retransmit=2, response_timeout=0.1)


@pytest.fixture
def client() -> Iterator[CoapClient]:
    with CoapClient(PATIENT) as running:
        yield running


@pytest.fixture
def hasty() -> Iterator[CoapClient]:
    with CoapClient(HASTY) as running:
        yield running


@pytest.fixture
def lossy() -> Iterator[CoapClient]:
    with CoapClient(LOSSY) as running:
        yield running


def post(client: CoapClient, device: RiotDevice, payload: bytes = b"coap://[::1]/a/manifest") -> Answer:
    target = DeviceUrl.parse(device.url)
    return client.request("POST", target, target.path, payload)


@contextmanager
def closed_port(host: str) -> Iterator[str]:
    """A port that is closed, and stays so: its socket takes datagrams of one peer alone, who sends none."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as sock, socket.socket(family, socket.SOCK_DGRAM) as nobody:
        for one in (sock, nobody):
            one.bind((host, 0))
        sock.connect(nobody.getsockname())
        port = sock.getsockname()[1]
        yield f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


@contextmanager
def scripted(answer: Callable[[Message], list[bytes]]) -> Iterator[tuple[DeviceUrl, list[Message]]]:
    """A device that answers each message with the datagrams that `answer` gives."""
    got: list[Message] = []
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock:
        sock.bind(("::1", 0))
        ended = threading.Event()

        def serve() -> None:
            while not ended.is_set():
                if not select.select([sock], [], [], 0.05)[0]:
                    continue
                data, source = sock.recvfrom(65535)
                message = Message.read(data)
                got.append(message)
                for out in answer(message):
                    sock.sendto(out, source)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield DeviceUrl("::1", sock.getsockname()[1]), got
        finally:
            ended.set()
            thread.join()


@pytest.mark.parametrize("host", ["::1", "127.0.0.1"])
def test_a_device_of_either_family_answers(client: CoapClient, host: str) -> None:
    with RiotDevice(host=host) as device:
        assert post(client, device) == Answer("2.01", b"")
        assert device.payloads == [b"coap://[::1]/a/manifest"]
        assert post(client, device, b"") == Answer("4.08", b"")
        target = DeviceUrl.parse(device.url)
        assert client.request("PUT", target, target.path, b"x").code == "4.05"
        assert client.request("GET", target, "riot/board") == Answer("2.05", b"sample-board")
        assert client.request("GET", target, "nothing/here").code == "4.04"
        assert len(device.sources) == 1, "one socket for everything"
        assert all(len(r.token) >= 4 and r.type == wire.CON for r in device.requests)


def test_the_size_of_a_datagram_is_told_before_it_is_sent(client: CoapClient) -> None:
    with RiotDevice() as device:
        post(client, device, b"x" * 50)
        assert request_size("suit/trigger", b"x" * 50) == len(bytes(device.requests[0]))


def test_a_path_is_decoded_segment_by_segment(client: CoapClient) -> None:
    with RiotDevice() as device:
        target = DeviceUrl.parse(device.url)
        client.request("GET", target, "caf%C3%A9/a%2Fb/na%20me/" + "long" * 20)
        values = [value.decode() for number, value in device.requests[0].options if number == wire.URI_PATH]
        assert values == ["café", "a/b", "na me", "long" * 20]
        for wrong in ("%ff", "a/../b", "%2e/x"):
            with pytest.raises(DeviceRefused, match="path"):
                client.request("GET", target, wrong)


def test_lost_datagrams_are_sent_again_with_the_same_id(lossy: CoapClient) -> None:
    with RiotDevice(Behaviour(loss=0.3, seed=7)) as device:
        for _ in range(20):
            assert post(lossy, device).code == "2.01"
        assert device.lost > 0
        assert len({r.mid for r in device.requests}) == 20
        assert {r.token for r in device.requests if r.mid == device.requests[0].mid} == {device.requests[0].token}


@pytest.mark.parametrize("kind", [wire.CON, wire.NON])
def test_a_separate_response(client: CoapClient, kind: int) -> None:
    with RiotDevice(Behaviour(separate=0.02, separate_type=kind)) as device:
        assert post(client, device).code == "2.01"
        assert len(device.requests) == 1, "what was acknowledged is not sent again"
        if kind == wire.CON:
            wait_until(lambda: device.replies, what="the acknowledgement")
            assert {r.type for r in device.replies} == {wire.ACK}


def test_a_separate_response_on_a_lossy_link(lossy: CoapClient) -> None:
    with RiotDevice(Behaviour(separate=0.01, loss=0.2, seed=3)) as device:
        for _ in range(5):
            assert post(lossy, device).code == "2.01"
        assert device.lost > 0


def test_a_response_that_comes_before_its_acknowledgement(client: CoapClient) -> None:
    def answer(m: Message) -> list[bytes]:
        if m.code == 0:
            return []
        return [bytes(Message(wire.CON, wire.code("2.04"), 99, m.token, (), b"done")), bytes(Message(wire.ACK, 0, m.mid))]

    with scripted(answer) as (target, got):
        assert client.request("POST", target, "a") == Answer("2.04", b"done")
        wait_until(lambda: len(got) == 2, what="the acknowledgement")
        assert got[1] == Message(wire.ACK, 0, 99)


def test_a_reset(client: CoapClient) -> None:
    with RiotDevice(Behaviour(reset=True)) as device:
        with pytest.raises(DeviceRefused, match="reset") as raised:
            post(client, device)
        assert raised.value.code is None


def test_diagnostic_bytes_that_are_no_text_do_not_lose_the_answer(client: CoapClient) -> None:
    with RiotDevice(Behaviour(answer=("4.13", b"too \xff\xfe long"))) as device:
        assert post(client, device) == Answer("4.13", b"too \xff\xfe long")


def test_garbage_does_not_end_the_receive_thread(client: CoapClient) -> None:
    bad_options = [bytes.fromhex("40010001d1"), bytes.fromhex("40010007c12a012a")]
    garbage = [b"", b"\x40", b"\xff" * 40, *bad_options, b"\x60\x45\x00\x00\xff"]

    def answer(m: Message) -> list[bytes]:
        right = Message(wire.ACK, wire.code("2.01"), m.mid, m.token)
        wrong = [Message(wire.ACK, wire.code("2.04"), m.mid, b"else"), Message(wire.NON, wire.code("2.04"), m.mid, b"else")]
        return [*garbage, *map(bytes, wrong), bytes(right)]

    with scripted(answer) as (target, _):
        for _ in range(3):
            assert client.request("POST", target, "a").code == "2.01"


def test_what_the_client_resets(client: CoapClient) -> None:
    def answer(m: Message) -> list[bytes]:
        if m.type == wire.RST:
            return []
        stranger = Message(wire.CON, wire.code("2.05"), 501, b"none")
        return [bytes.fromhex("40010001d1"), bytes(stranger), bytes(Message(wire.ACK, wire.code("2.01"), m.mid, m.token))]

    with scripted(answer) as (target, got):
        client.request("POST", target, "a")
        wait_until(lambda: len(got) == 3, what="two resets")
        assert [(m.type, m.code, m.mid) for m in got[1:]] == [(wire.RST, 0, 1), (wire.RST, 0, 501)]


def test_an_unknown_critical_option_makes_an_answer_useless(client: CoapClient) -> None:
    def answer(m: Message) -> list[bytes]:
        return [bytes(Message(wire.ACK, wire.code("2.04"), m.mid, m.token, ((9, b"oscore"),)))]

    with scripted(answer) as (target, _), pytest.raises(DeviceRefused, match="critical option 9"):
        client.request("POST", target, "a")


@pytest.mark.parametrize("size", [16, 64])
def test_blocks_are_followed_to_the_end(client: CoapClient, size: int) -> None:
    with RiotDevice(Behaviour(core_block=size, core=RIOT_CORE * 5)) as device:
        assert client.request("GET", DeviceUrl.parse(device.url), ".well-known/core") == Answer("2.05", RIOT_CORE * 5)
        assert len({r.mid for r in device.requests}) == -(-len(RIOT_CORE * 5) // size)


def test_blocks_are_followed_on_a_lossy_link(lossy: CoapClient) -> None:
    with RiotDevice(Behaviour(core_block=64, core=RIOT_CORE * 5, loss=0.2, seed=5)) as device:
        assert lossy.request("GET", DeviceUrl.parse(device.url), ".well-known/core").payload == RIOT_CORE * 5


def test_a_body_without_end_is_refused(client: CoapClient) -> None:
    def answer(m: Message) -> list[bytes]:
        number = m.block2[0] if m.block2 else 0
        option = wire.block_option(number, True, 1024)
        return [bytes(Message(wire.ACK, wire.code("2.05"), m.mid, m.token, (option,), bytes(1024)))]

    with scripted(answer) as (target, got):
        with pytest.raises(DeviceRefused, match="longer than 65536 bytes"):
            client.request("GET", target, "a")
        assert len(got) == 65


@pytest.mark.parametrize(("number", "size", "payload"), [(7, 64, bytes(64)), (0, 64, bytes(63)), (0, 2048, bytes(2048))])
def test_blocks_that_do_not_fit_are_refused(client: CoapClient, number: int, size: int, payload: bytes) -> None:
    def answer(m: Message) -> list[bytes]:
        option = wire.block_option(number, True, size)
        return [bytes(Message(wire.ACK, wire.code("2.05"), m.mid, m.token, (option,), payload))]

    with scripted(answer) as (target, _), pytest.raises(DeviceRefused, match="block"):
        client.request("GET", target, "a")


@pytest.mark.parametrize("host", ["::1", "127.0.0.1"])
def test_a_closed_port_is_told_from_silence(client: CoapClient, host: str) -> None:
    with closed_port(host) as closed, pytest.raises(DeviceUnreachable, match=r"port is closed: \S+ is there"):
        client.request("GET", DeviceUrl.parse(closed), "a")


def test_silence_says_how_long(hasty: CoapClient) -> None:
    with RiotDevice(Behaviour(silent=True)) as device:
        started = time.monotonic()
        with pytest.raises(DeviceUnreachable) as raised:
            post(hasty, device)
        waited = time.monotonic() - started
    told = re.search(r"no answer in ([0-9.]+) s", str(raised.value))
    assert told
    assert 0.1 <= float(told[1]) <= waited + 0.05


def test_an_acknowledgement_that_no_response_follows() -> None:
    timing = Timing(ack_timeout=1, max_retransmit=4, response_timeout=0.1)
    with CoapClient(timing) as client, scripted(lambda m: [bytes(Message(wire.ACK, 0, m.mid))]) as (target, got):
        with pytest.raises(DeviceUnreachable, match="acknowledged the request, but"):
            client.request("POST", target, "a")
        assert len({m.mid for m in got}) == 1


def test_closed_ports_do_not_disturb_the_others(client: CoapClient) -> None:
    with RiotDevice() as device, closed_port("::1") as six, closed_port("127.0.0.1") as four, ThreadPoolExecutor(16) as pool:
        closed = [DeviceUrl.parse(url) for url in (six, four)] * 20
        asked = [pool.submit(client.request, "GET", target, "a") for target in closed]
        answered = [pool.submit(post, client, device) for _ in range(100)]
        assert {f.result().code for f in answered} == {"2.01"}
        for one in asked:
            with pytest.raises(DeviceUnreachable, match="port is closed"):
                one.result()


def test_link_local_addresses_go_out_of_their_interface(client: CoapClient) -> None:
    found = [line.split() for line in Path("/proc/net/if_inet6").read_text().splitlines()]
    ours = next(((raw, zone) for raw, _, _, scope, flags, zone in found if scope == "20" and not int(flags, 16) & 0x48), None)
    if ours is None:
        pytest.skip("no interface has a link-local address; `ip -6 addr add fe80::1/64 dev lo` would make it run")
    host = socket.inet_ntop(socket.AF_INET6, bytes.fromhex(ours[0]))
    with RiotDevice(host=f"{host}%{ours[1]}") as device:
        assert post(client, device).code == "2.01"
        resolved = client.resolve(DeviceUrl.parse(device.url))
        assert (resolved.host, resolved.zone) == (host, ours[1])


def test_no_route(hasty: CoapClient) -> None:
    resolved = hasty.resolve(DeviceUrl.parse("[fe80::1:2:3:4%lo]/a"))
    assert (resolved.host, resolved.zone) == ("fe80::1:2:3:4", "lo")
    with pytest.raises(DeviceUnreachable, match="no route to fe80::1:2:3:4"):
        hasty.request("GET", resolved, "a")


def test_the_server_itself_is_no_device() -> None:
    with RiotDevice() as device, CoapClient(HASTY, own_port=device.port) as client:
        for host in ("[::1]", "127.0.0.1", "[::ffff:127.0.0.1]", "localhost", "127.0.0.5"):
            with pytest.raises(DeviceRefused, match="this server itself"):
                client.request("POST", DeviceUrl.parse(f"{host}:{device.port}/a"), "a")
        assert not device.requests


def test_a_broadcast_address_is_refused(hasty: CoapClient) -> None:
    with pytest.raises(DeviceRefused, match="broadcast"):
        hasty.request("POST", DeviceUrl.parse("127.255.255.255/a"), "a")


def test_a_group_is_refused(hasty: CoapClient) -> None:
    with pytest.raises(DeviceRefused, match="many devices"):
        hasty.request("POST", DeviceUrl.parse("[ff02::1%lo]/a"), "a")


def test_an_ipv4_socket_reaches_ipv4_devices() -> None:
    with RiotDevice(host="127.0.0.1") as device, CoapClient(PATIENT, bind="127.0.0.1") as client:
        assert post(client, device).code == "2.01"
        with pytest.raises(DeviceUnreachable, match="no IPv6"):
            client.request("GET", DeviceUrl.parse("[::1]/a"), "a")
        with closed_port("127.0.0.1") as closed, pytest.raises(DeviceUnreachable, match="port is closed"):
            client.request("GET", DeviceUrl.parse(closed), "a")


def test_stop_ends_every_wait() -> None:
    with RiotDevice(Behaviour(silent=True)) as device, ThreadPoolExecutor(8) as pool:
        with scripted(lambda m: [bytes(Message(wire.ACK, 0, m.mid))]) as (target, got):
            client = CoapClient()
            client.start()
            asked = [pool.submit(post, client, device) for _ in range(4)]
            asked += [pool.submit(client.request, "GET", target, "a") for _ in range(4)]
            wait_until(lambda: len(got) >= 4, what="the requests")
            client.stop()
            client.stop()
            for one in asked:
                with pytest.raises(DeviceUnreachable, match="The server is stopping"):
                    one.result(timeout=60)
            with pytest.raises(DeviceUnreachable, match="The server is stopping"):
                post(client, device)


class _Trigger(aiocoap.resource.Resource):
    def __init__(self) -> None:
        super().__init__()
        self.got: list[bytes] = []

    async def render_post(self, request: aiocoap.Message) -> aiocoap.Message:
        self.got.append(request.payload)
        await asyncio.sleep(0.3)  # longer than aiocoap waits before it acknowledges: a separate response
        return aiocoap.Message(code=aiocoap.CREATED)

    async def render_get(self, _request: aiocoap.Message) -> aiocoap.Message:
        return aiocoap.Message(payload=bytes(range(256)) * 20)


def test_a_server_that_others_wrote(client: CoapClient) -> None:
    trigger = _Trigger()

    async def session() -> tuple[Answer, Answer, Answer]:
        site = aiocoap.resource.Site()
        site.add_resource([".well-known", "core"], aiocoap.resource.WKCResource(site.get_resources_as_linkheader))
        site.add_resource(["suit", "trigger"], trigger)
        context = await aiocoap.Context.create_server_context(site, bind=("::1", 0), transports=["udp6"])
        [messages] = (interface.token_interface.message_interface for interface in context.request_interfaces)
        try:
            target = DeviceUrl("::1", messages.transport.get_extra_info("socket").getsockname()[1])
            listing = await asyncio.to_thread(client.request, "GET", target, ".well-known/core")
            told = await asyncio.to_thread(client.request, "POST", target, target.path, b"coap://[::1]/a\0")
            body = await asyncio.to_thread(client.request, "GET", target, target.path)
            return listing, told, body
        finally:
            await context.shutdown()

    listing, told, body = asyncio.run(session())
    assert listing.code == "2.05"
    assert b"</suit/trigger>" in listing.payload
    assert told == Answer("2.01", b"")
    assert trigger.got == [b"coap://[::1]/a\0"]
    assert body == Answer("2.05", bytes(range(256)) * 20)
