"""Devices that register themselves, over real sockets: as RIOT does, with aiocoap and with libcoap."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import aiocoap
import aiocoap.resource
import pytest
from aiocoap.resourcedirectory.client.register import Registerer

from server.coap import endpoint as coap
from server.coap.client import Timing
from server.coap.ping import Pinger
from server.coap.pins import MAX_PINS, Pins
from server.coap.service import CoapService
from server.fleet.devices.directory import Registry
from tests.fakes.coap_wire import ACK, CON, CONTENT_FORMAT, GET, POST, RST, Message, code, path_options
from tests.support.coap import ask, get, make_parts, peer
from tests.support.releases import write_release
from tests.waiting import wait_until

QUERY = 15
LINKS = b"</.well-known/core>,</riot/board>,</suit/slot/active>,</suit/trigger>"
QUICK = Timing(ack_timeout=0.05, max_retransmit=2, response_timeout=5)
PATIENT = Timing(ack_timeout=5, response_timeout=20)


@dataclass
class Gateway:
    """A server and who registered with it."""

    service: CoapService
    registry: Registry
    known: list[tuple[str, str]] = field(default_factory=list)

    @property
    def port(self) -> int:
        return self.service.port

    def registered(self) -> list[tuple[str, int, bool]]:
        return [(e.endpoint, e.lifetime, e.answered) for e in self.registry.all()]


@pytest.fixture
def timing() -> Timing:
    return PATIENT


@pytest.fixture
def gateway(tmp_path: Path, timing: Timing) -> Iterator[Gateway]:
    write_release(tmp_path / "board" / "1", seed=1)
    parts = make_parts(tmp_path)
    udp = coap.open_socket("::", 0)
    registry = Registry(Pinger(timing, own_port=udp.getsockname()[1]), time.monotonic)
    service = CoapService(udp, parts.live, parts.cache, Pins(time.monotonic, MAX_PINS, 1 << 28), registrar=registry)
    gateway = Gateway(service, registry)
    service.start()
    try:
        registry.start(lambda url, name: gateway.known.append((str(url), name)))
        yield gateway
    finally:
        service.stop()
        registry.stop()


@pytest.fixture
def riot() -> Iterator[socket.socket]:
    """A device's socket at CoAP's own port, as gcoap has it, on an address that no other test has."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind((f"127.{os.getpid() >> 16 & 127}.{os.getpid() >> 8 & 255}.{os.getpid() & 255 or 1}", 5683))
        sock.settimeout(60)
        yield sock


def registration(path: str, *query: str) -> bytes:
    options = (*path_options(path), *((QUERY, q.encode()) for q in query))
    return bytes(Message(CON, POST, 77, b"\x01\x02", options))


def received(sock: socket.socket) -> tuple[bytes, Message, tuple[str, int]]:
    data, sender = sock.recvfrom(2000)
    return data, Message.read(data), sender


@pytest.mark.parametrize("path", [".well-known/core", ".well-known/rd"])
def test_riots_simple_registration(gateway: Gateway, riot: socket.socket, path: str) -> None:
    server = ("127.0.0.1", gateway.port)
    riot.sendto(registration(path, "ep=RIOT-1234", "lt=300"), server)
    ping = answer = None
    while ping is None or answer is None:
        data, message, sender = received(riot)
        if sender == server:
            answer = message
        else:
            ping, asker = message, sender
            older = path == ".well-known/core"
            assert (message.type, message.path, message.code) == (CON, "", GET if older else 0)
            assert len(data) == (10 if older else 4), "nothing else goes to who has not answered"
    assert (answer.type, answer.dotted, answer.mid, answer.token) == (ACK, "2.04", 77, b"\x01\x02")
    assert not gateway.known
    here = Message(ACK, code("4.04"), ping.mid, ping.token) if ping.code else Message(RST, 0, ping.mid)
    riot.sendto(bytes(here), asker)
    _, question, sender = received(riot)
    assert (question.type, question.code, question.path, sender) == (CON, GET, ".well-known/core", asker)
    links = LINKS.replace(b"suit/trigger>", b'fw/go>;rt="suit.trigger"')
    riot.sendto(bytes(Message(ACK, code("2.05"), question.mid, question.token, ((CONTENT_FORMAT, b"("),), links)), asker)
    wait_until(lambda: gateway.known)
    assert gateway.known == [(f"{riot.getsockname()[0]}/fw/go", "RIOT-1234")]
    assert gateway.registered() == [("RIOT-1234", 300, True)]


@pytest.mark.parametrize("timing", [QUICK])
@pytest.mark.parametrize("path", [".well-known/core", "rd"])
def test_a_forged_source_gets_pings_only(gateway: Gateway, riot: socket.socket, path: str) -> None:
    request = registration(path, "ep=RIOT-1234")
    riot.sendto(request, ("127.0.0.1", gateway.port))
    sent: list[bytes] = []
    while len(sent) < 3:
        data, _, sender = received(riot)
        if sender[1] != gateway.port:
            sent.append(data)
    wait_until(lambda: not gateway.registry.waiting)
    riot.setblocking(False)
    try:
        while True:
            data, _, sender = received(riot)
            if sender[1] != gateway.port:
                sent.append(data)
    except BlockingIOError:
        pass
    assert [len(data) for data in sent] == [10 if path == ".well-known/core" else 4] * 3
    assert len({bytes(data) for data in sent}) == 1
    assert max(map(len, sent)) < len(request)
    assert not gateway.known


def test_a_port_where_nobody_listens_ends_the_question(gateway: Gateway) -> None:
    with peer(gateway.port) as sock:
        sock.send(registration(".well-known/rd", "ep=gone"))
        assert Message.read(sock.recv(2000)).dotted == "2.04"
    wait_until(lambda: not gateway.registry.waiting)
    assert gateway.registered() == []


def test_discovery_lists_the_directory_first(gateway: Gateway) -> None:
    """RIOT's cord_ep takes the first link that it gets."""
    with peer(gateway.port) as sock:
        found = ask(sock, get(".well-known/core", (QUERY, b"rt=core.rd")))
        assert found.payload == b'</rd>;rt="core.rd";ct=40'
        assert ask(sock, get(".well-known/core", mid=2)).payload.startswith(b'</rd>;rt="core.rd";ct=40,</board/')


def test_without_a_registrar_there_is_no_directory(tmp_path: Path) -> None:
    parts = make_parts(tmp_path)
    answers = [Message.read(parts.answer(registration(path, "ep=n")) or b"") for path in ("rd", ".well-known/core")]
    assert [answer.dotted for answer in answers] == ["4.04", "4.05"]
    listing = Message.read(parts.answer(get(".well-known/core")) or b"")
    assert b"core.rd" not in listing.payload


class Trigger(aiocoap.resource.Resource):  # type: ignore[misc]
    """What a device has."""


def test_aiocoap_registers_renews_and_leaves(gateway: Gateway) -> None:
    async def device() -> None:
        site = aiocoap.resource.Site()
        site.add_resource([".well-known", "core"], aiocoap.resource.WKCResource(site.get_resources_as_linkheader))
        site.add_resource(["suit", "trigger"], Trigger())
        context = await aiocoap.Context.create_server_context(site, bind=("::1", 0), transports=["udp6"])
        parameters = {"ep": "node-1", "d": "lab"}
        registerer = Registerer(context, f"coap://[::1]:{gateway.port}", lt=12, registration_parameters=parameters)
        renewed = asyncio.Event()
        was = registerer._set_state

        def state(new: str) -> None:
            was(new)
            if new == "renewing":
                renewed.set()

        registerer._set_state = state
        await asyncio.to_thread(wait_until, lambda: gateway.known, 60, "aiocoap to be known")
        await asyncio.wait_for(renewed.wait(), 60)
        await asyncio.to_thread(wait_until, lambda: registerer.state == "registered", 60, "the renewal")
        assert gateway.registered() == [("node-1", 12, True)]
        await registerer.shutdown()
        assert gateway.registered() == []
        await context.shutdown()

    asyncio.run(device())
    assert [name for _, name in gateway.known] == ["node-1"]
    assert gateway.known[0][0].startswith("[::1]:")
    assert gateway.known[0][0].endswith("/suit/trigger")


def test_aiocoap_registers_simply(gateway: Gateway) -> None:
    async def device() -> None:
        site = aiocoap.resource.Site()
        site.add_resource([".well-known", "core"], aiocoap.resource.WKCResource(site.get_resources_as_linkheader))
        site.add_resource(["suit", "trigger"], Trigger())
        context = await aiocoap.Context.create_server_context(site, bind=("::1", 0), transports=["udp6"])
        uri = f"coap://[::1]:{gateway.port}/.well-known/rd?ep=node-2"
        response = await context.request(aiocoap.Message(code=aiocoap.POST, uri=uri)).response
        assert response.code == aiocoap.CHANGED
        await asyncio.to_thread(wait_until, lambda: gateway.known, 60, "aiocoap to be known")
        await context.shutdown()

    asyncio.run(device())
    assert [name for _, name in gateway.known] == ["node-2"]


CLIENT = shutil.which("coap-client-notls") or shutil.which("coap-client")


@pytest.mark.skipif(CLIENT is None, reason="apt-get install libcoap3-bin")
def test_libcoap_registers(gateway: Gateway, riot: socket.socket, tmp_path: Path) -> None:
    host = riot.getsockname()[0]

    def client(*arguments: str) -> str:
        command = [str(CLIENT), "-v", "7", "-B", "60", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=90, check=True)
        return done.stdout + done.stderr

    uri = f"coap://127.0.0.1:{gateway.port}/rd"
    said = client("-m", "post", "-t", "40", "-e", LINKS.decode(), f"{uri}?ep=lib&lt=60&base=coap://{host}")
    assert "2.01" in said
    assert "Location-Path:rd" in said
    ping, _, asker = received(riot)
    riot.sendto(bytes(Message(RST, 0, Message.read(ping).mid)), asker)
    wait_until(lambda: gateway.known)
    assert gateway.known == [(f"{host}/suit/trigger", "lib")]
    (entry,) = gateway.registry.all()
    assert "2.01" in client("-m", "post", "-t", "40", "-e", LINKS.decode(), f"{uri}?ep=lib&lt=60&base=coap://{host}")
    assert "2.04" in client("-m", "post", f"{uri}/{entry.identity}?lt=90")
    assert gateway.registered() == [("lib", 90, True)]
    assert "4.15" in client("-m", "post", "-t", "50", "-e", "{}", f"{uri}?ep=other")
    assert "4.00" in client("-m", "post", "-t", "40", "-e", "</a>", f"{uri}?lt=5")
    large = tmp_path / "links"
    large.write_text(",".join(f"</a/{number}>" for number in range(300)))
    assert "4.13" in client("-m", "post", "-t", "40", "-f", str(large), f"{uri}?ep=large")
    assert "2.02" in client("-m", "delete", f"{uri}/{entry.identity}")
    assert "4.04" in client("-m", "post", f"{uri}/{entry.identity}")
