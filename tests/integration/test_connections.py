"""Who sends much and reads little holds up nobody: what a connection may ask, keep waiting, and hold."""

from __future__ import annotations

import contextlib
import os
import resource
import select
import socket
from collections.abc import Iterator

import pytest

from server.web.door.channel import Channel
from server.web.door.connections import Bounds
from tests.support.clock import Clock
from tests.support.coap import settle_loopback
from tests.support.page_loop import MIB, SIZE, Page, page, read, read_to, request
from tests.waiting import wait_until

GET = b"GET /%s HTTP/1.1\r\nHost: localhost\r\n\r\n"
SMALL = 65536


def is_closed(sock: socket.socket) -> bool:
    """Whether the other side has ended the connection; what it sent before is read."""
    try:
        read(sock)
    except ConnectionResetError:
        pass
    return True


def is_stuck(channel: Channel) -> bool:
    """Whether there is much to send, and the kernel takes nothing of it."""
    return channel.total_outbufs_len > MIB and not select.select([], [channel.socket], [], 0)[1]


def asked(running: Page, path: bytes, *, and_waiting: bool = True) -> socket.socket:
    """A connection that asks for a large answer and reads nothing of it."""
    known = set(running.channels)
    sock = running.connect(SMALL)
    sock.sendall(GET % path)
    if and_waiting:
        wait_until(lambda: any(is_stuck(c) for c in set(running.channels) - known), what="an answer that waits")
    return sock


def rest(running: Page, clock: Clock, seconds: int) -> None:
    """Let so many seconds go by in which its one connection takes nothing: the kernel may take the last of it a moment later."""
    (channel,) = running.channels

    def has_rested() -> bool:
        settle_loopback(socket.AF_INET)
        clock.now += 1
        running.serving.turns(60)
        return clock.now - channel.moved >= seconds

    wait_until(has_rested)


def test_one_request_of_a_packet_is_answered_and_the_connection_ends() -> None:
    with page() as running, running.connect() as hasty:
        hasty.sendall(request("/") * 100)
        answer = read(hasty)
        assert (answer.count(b"HTTP/1.1"), answer.count(b"Connection: close"), answer[-4:]) == (1, 1, b"body")
        assert running.app.calls == 1


def test_a_connection_takes_one_request_after_the_other() -> None:
    with page() as running, running.connect() as patient:
        for _ in range(3):
            patient.sendall(request("/") + b"\r\n")  # the line that old browsers send behind a form
            assert b"Connection" not in read_to(patient, b"body")
        patient.sendall(b"GET / HTTP/1.1\r\nExpect: 100-continue\r\n\r\n")
        assert read_to(patient, b"\r\n\r\n").startswith(b"HTTP/1.1 200 OK")


@contextlib.contextmanager
def many_open_files() -> Iterator[None]:
    """Whatever is opened has a number above those that select takes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (4096, hard))
    first = os.open("/dev/null", os.O_RDONLY)
    opened = [first]
    try:
        while opened[-1] < 1100:
            opened.append(os.dup(first))
        yield
    finally:
        for number in opened:
            os.close(number)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_the_loop_goes_on_with_more_than_a_thousand_open_files() -> None:
    with page() as running, many_open_files(), running.connect() as one:
        one.sendall(request("/"))
        assert read_to(one, b"body")


@pytest.mark.parametrize("path", [b"made", b"kept", b"endless"])
def test_who_takes_nothing_of_an_answer_for_half_a_minute_is_let_go(path: bytes) -> None:
    clock = Clock()
    with page(clock=clock) as running, asked(running, path) as still:
        rest(running, clock, 15)
        with asked(running, b"made") as slow:
            clock.now += 10
            got = len(read_to_size(slow, SIZE // 2))
            clock.now += 10
            wait_until(lambda: running.serving.turns(60) is None and len(running.channels) == 1)
            assert is_closed(still)
            assert len(read_to_size(slow, SIZE - got)) + got >= SIZE
        wait_until(lambda: running.app.streams == 0, what="the worker to be free")


@pytest.mark.expects_log("who does not read them is let go")
def test_of_too_much_that_waits_the_longest_still_goes() -> None:
    clock = Clock()
    with page(Bounds(unsent=SIZE), clock) as running, asked(running, b"made") as first:
        rest(running, clock, 5)
        with asked(running, b"made", and_waiting=False) as second:
            wait_until(lambda: running.app.calls == 2 and len(running.channels) == 1)
            assert len(read_to_size(second)) >= SIZE
            assert is_closed(first)


def read_to_size(sock: socket.socket, size: int = SIZE) -> bytes:
    data = b""
    while len(data) < size:
        more = sock.recv(1 << 20)
        assert more, len(data)
        data += more
    return data


def sent_and_kept(channel: Channel) -> int:
    """Bytes of an answer in memory beside those that are still to be sent."""
    with channel.outbuf_lock:
        kept = sum(len(b.buf.file.getbuffer()) for b in channel.outbufs if b.buf is not None and not b.overflowed)
        return kept - channel.total_outbufs_len


def test_what_was_sent_of_a_long_answer_is_not_kept() -> None:
    with page() as running, running.connect() as client:
        client.sendall(GET % b"endless")
        read_to_size(client, 8 * MIB)
        (channel,) = running.channels
        assert sent_and_kept(channel) < 2 * MIB


def test_the_kernel_keeps_little_of_an_answer() -> None:
    with page() as running, asked(running, b"made"):
        (channel,) = running.channels
        assert channel.total_outbufs_len > SIZE - MIB


def test_a_file_that_many_download_counts_once() -> None:
    with page(Bounds(unsent=SIZE)) as running, contextlib.ExitStack() as clients:
        downloads = [clients.enter_context(asked(running, b"kept")) for _ in range(6)]
        wait_until(lambda: running.serving.turns(60) is None)
        assert len(running.channels) == 6
        assert all(len(read_to_size(sock)) >= SIZE for sock in downloads[:2])


def test_a_body_may_be_slow_but_must_move() -> None:
    clock = Clock()
    whole = request("/", b"x" * 20_000)
    with page(clock=clock) as running, running.connect() as slow, running.connect() as dripping:
        for sock in (slow, dripping):
            sock.sendall(whole[:5000])
        wait_until(lambda: len([c for c in running.channels if c.request is not None]) == 2)
        for end in (10_000, 15_000):
            clock.now += 31
            slow.sendall(whole[end - 5000 : end])
            wait_until(lambda end=end: any(c.request.header_bytes_received + c.request.body_bytes_received == end
                                           for c in running.channels if c.request is not None))  # fmt: skip
            running.serving.turns(60)
        slow.sendall(whole[15_000:])
        assert is_closed(dripping)
        assert read_to(slow, b"x" * 20_000)


def test_a_header_that_is_never_ended_is_not_waited_for() -> None:
    clock = Clock()
    with page(clock=clock) as running, running.connect() as dripping:
        dripping.sendall(b"GET / HT")
        wait_until(lambda: [c for c in running.channels if c.request is not None])
        clock.now += 16
        running.serving.turns(60)
        assert is_closed(dripping)


@pytest.mark.parametrize(("size", "status"), [(500_000, b"200"), (3_000_000, b"413")])
def test_a_body_that_nobody_may_send_is_not_waited_for(size: int, status: bytes) -> None:
    clock = Clock()
    with page(clock=clock, keeps=False) as running, running.connect() as sending:
        head, _, _ = request("/", b"x" * size).partition(b"x")
        sending.sendall(head)
        answer = read(sending)
        assert (answer[9:12], b"Connection: close" in answer) == (status, True)
        for _ in range(100):  # it is read nevertheless, or who is still sending would be reset and never see the answer
            sending.sendall(bytes(10_000))
        assert len(running.channels) == 1

        def is_over() -> bool:
            clock.now += 2.5
            running.serving.turns(60)
            return not running.channels

        wait_until(is_over)


@pytest.mark.expects_log("127.0.0.1 has too many connections")
def test_one_source_has_so_many_connections_and_no_more() -> None:
    with page(Bounds(of_this_machine=3)) as running, contextlib.ExitStack() as clients:
        first, *_ = [clients.enter_context(running.connect()) for _ in range(3)]
        wait_until(lambda: len(running.channels) == 3)
        with running.connect() as fourth:
            assert is_closed(fourth)
        first.close()
        wait_until(lambda: len(running.channels) == 2)
        with running.connect() as again:
            again.sendall(request("/"))
            assert read_to(again, b"body")


def test_urgent_data_does_not_keep_the_loop_busy() -> None:
    with page() as running, running.connect() as urgent:
        wait_until(lambda: running.channels)
        urgent.send(b"x", socket.MSG_OOB)
        assert is_closed(urgent)
