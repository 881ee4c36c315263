"""Many datagrams a system call, over real sockets of both families."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from server.coap.batch import SIZE, Batch, is_cut_off
from server.coap.dualstack import open_udp
from server.coap.source import address_of, host_of, source_of

FAMILIES = [("::", "::1"), ("::", "127.0.0.1"), ("0.0.0.0", "127.0.0.1"), ("::1", "::1")]


@pytest.fixture
def server(request: pytest.FixtureRequest) -> Iterator[socket.socket]:
    with open_udp(request.param) as sock:
        yield sock


def clients(server: socket.socket, host: str, count: int) -> list[socket.socket]:
    port = server.getsockname()[1]
    made = []
    for _ in range(count):
        sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
        sock.settimeout(60)
        sock.connect((host, port))
        made.append(sock)
    return made


def received(batch: Batch, count: int) -> Iterator[tuple[int, bytes, bytes]]:
    """The slots of as many datagrams, in the batches in which they come."""
    seen = 0
    while seen < count:
        for slot, (data, source) in enumerate(batch.receive()):
            seen += 1
            yield slot, data, source
        batch.send()


@pytest.mark.parametrize(("server", "host"), FAMILIES, indirect=["server"])
def test_each_gets_its_own_answer_whatever_is_left_out_and_in_whatever_order(server: socket.socket, host: str) -> None:
    batch = Batch(server, 60)
    peers = clients(server, host, SIZE + 40)
    for turn in range(3):
        for number, sock in enumerate(peers):
            sock.send(b"%d of %d" % (number, turn))
        left = len(peers)
        while left:
            arrived = batch.receive()
            left -= len(arrived)
            for slot in reversed(range(len(arrived))):
                data, source = arrived[slot]
                number = int(data.split()[0])
                assert address_of(source)[1] == peers[number].getsockname()[1]
                if number % 3 != turn:
                    batch.reply(slot, data + bytes(number * 10))
            batch.send()
        for number, sock in enumerate(peers):
            if number % 3 != turn:
                assert sock.recv(4096) == b"%d of %d" % (number, turn) + bytes(number * 10)
    for sock in peers:
        sock.close()


@pytest.mark.parametrize(("server", "host"), FAMILIES, indirect=["server"])
def test_the_control_message_answers_later_too(server: socket.socket, host: str) -> None:
    batch = Batch(server, 60)
    [sock] = clients(server, host, 1)
    sock.send(b"now")
    [(_, source)] = batch.receive()
    control = batch.control(0)
    sock.send(b"another")
    batch.receive()
    server.sendmsg([b"later"], control, 0, address_of(source))
    assert sock.recv(100) == b"later"
    sock.close()


@pytest.mark.parametrize("server", ["::"], indirect=True)
def test_lengths(server: socket.socket) -> None:
    batch = Batch(server, 60)
    [sock] = clients(server, "::1", 1)
    lengths = (0, 1, 2047, 2048, 2049, 60_000, 5)
    for length in lengths:
        sock.send(bytes(length))
    got = [data for _, data, _ in received(batch, len(lengths))]
    assert [len(data) for data in got] == [0, 1, 2047, 2048, 2048, 2048, 5]
    assert [is_cut_off(data) for data in got] == [False, False, False, True, True, True, False]
    sock.close()


@pytest.mark.parametrize("server", ["::"], indirect=True)
def test_what_cannot_be_sent_is_no_reason_not_to_send_the_rest(server: socket.socket) -> None:
    batch = Batch(server, 60)
    peers = clients(server, "::1", 3)
    for sock in peers:
        sock.send(b"x")
    arrived = batch.receive()
    while len(arrived) < 3:  # on a slow machine they come one by one
        for sock in peers:
            sock.send(b"x")
        arrived = batch.receive()
    own = [sock.getsockname()[1] for sock in peers]
    for slot, (_, source) in enumerate(arrived[:3]):
        number = own.index(address_of(source)[1])
        if number == 1:
            batch._name_words[slot * 7] = 0xFFFF  # a family that no socket has
        batch.reply(slot, b"to %d" % number)
    batch.send()
    for number in (0, 2):
        if number in {own.index(address_of(source)[1]) for _, source in arrived[:3]}:
            assert peers[number].recv(100) == b"to %d" % number
    for sock in peers:
        sock.close()


@pytest.mark.parametrize("server", ["::"], indirect=True)
def test_nothing_comes(server: socket.socket) -> None:
    assert Batch(server, 0.01).receive() == []


@pytest.mark.parametrize("address", [("fe80::1", 5683, 0, 7), ("::ffff:10.0.0.1", 65535, 0, 0), ("10.1.2.3", 1)])
def test_a_source_is_an_address(address: tuple[str, int, int, int] | tuple[str, int]) -> None:
    source = source_of(address)
    assert address_of(source) == address
    other_port = source_of((address[0], 9, *address[2:]))  # type: ignore[arg-type]
    assert host_of(source) == host_of(other_port)
    assert source != other_port
