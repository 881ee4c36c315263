"""The server asks itself: through the network, and counted nowhere."""

from __future__ import annotations

import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from server.coap import datagram
from server.coap.hanging import VARIABLE
from server.coap.selfcheck import SelfCheck
from tests.support import coap
from tests.support.coap import make_parts, serving
from tests.waiting import wait_until


@pytest.mark.parametrize("host", ["::", "::1", "127.0.0.1", "0.0.0.0"])
def test_it_works_without_a_release_and_is_counted_nowhere(tmp_path: Path, host: str) -> None:
    parts = make_parts(tmp_path, host=host, rate=1)
    with serving(parts) as service:
        for _ in range(3):
            assert service.self_check.ask(30) is None
        assert (service.endpoint.answered, service.endpoint.dropped, len(service.pins)) == (0, 0, 0)
        assert not service.blocks.misses
        assert not service.pins.ended
        assert service.answers.held == 0
        assert service.budget is not None
        assert service.budget.refused == 0
        name = service.self_check._path  # what nobody else can know
        loopback = {"::": "::1", "0.0.0.0": "127.0.0.1"}.get(host, host)
        with coap.peer(service.port, loopback) as sock:
            assert coap.ask(sock, coap.get(name)).dotted_code == "4.04"
        assert [miss.path for miss in service.blocks.misses] == [name]


def test_a_receive_loop_that_hangs_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hang = tmp_path / "hang"
    monkeypatch.setenv(VARIABLE, str(hang))
    with serving(make_parts(tmp_path / "fw")) as service:
        assert service.self_check.ask(30) is None
        hang.touch()
        wait_until(lambda: service.self_check.ask(0.3) is not None)
        assert "CoAP does not answer" in str(service.self_check.ask(0.1))
        hang.unlink()
        assert service.self_check.ask(30) is None


def test_a_server_that_is_gone_is_noticed(tmp_path: Path) -> None:
    parts = make_parts(tmp_path)
    with serving(parts) as service:
        assert service.self_check.ask(30) is None
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock:
        sock.bind(("::1", 0))
        check = SelfCheck(sock)
        assert "got nothing" in str(check.ask(0.01))
        check.close()


def test_many_ask_at_once(tmp_path: Path) -> None:
    with serving(make_parts(tmp_path)) as service, ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda _: service.self_check.ask(30), range(64))) == [None] * 64


@pytest.mark.parametrize("change", ["code", "bytes", "block"])
def test_a_wrong_answer_is_no_answer(change: str) -> None:
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock:
        sock.bind(("::1", 0))
        sock.settimeout(30)
        check = SelfCheck(sock)

        def answer() -> None:
            for number in range(3 if change == "bytes" else 1):
                data, peer = sock.recvfrom(2048)
                request = datagram.parse(data)
                assert request is not None
                code = datagram.NOT_FOUND if change == "code" else datagram.CONTENT
                block = 5 if change == "block" else number << 4 | (number < 2) << 3
                options = [(datagram.BLOCK2, datagram.uint(block))]
                sock.sendto(datagram.answer_to(request, 1, code, options, b"x" * 16), peer)

        thread = threading.Thread(target=answer)
        thread.start()
        assert "CoAP answers wrongly" in str(check.ask(30))
        thread.join()
        check.close()
