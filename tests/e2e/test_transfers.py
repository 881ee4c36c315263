"""What the server tells of transfers, with a RIOT-like device that loses datagrams and power."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from common.client import Client
from common.transfer import Transfer, TransferState
from tests.e2e.test_monitors import value
from tests.fakes.riot_fetch import Restart, fetch
from tests.support.ports import free_port
from tests.support.releases import write_release
from tests.support.server import Server, running

SIZE = 20_000


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with running(tmp_path / "fw", tmp_path / "state", "--coap-port", str(free_port())) as server:
        write_release(server.folder / "app" / "1", size=SIZE)
        server.wait_ready("app/1")
        yield server


def transfers(server: Server) -> list[Transfer]:
    with Client(server.url) as client:
        told = client.transfers()
    assert told is not None
    return [transfer for transfer in told if transfer.role == "slot0"]


@pytest.mark.parametrize("block", [16, 64, 1024])
def test_a_fetch_is_told_of_block_by_block(server: Server, block: int) -> None:
    half: list[Transfer] = []

    def at(number: int) -> None:
        if number == 5:
            half.extend(transfers(server))

    data = fetch(("::1", server.coap_port), "app/1/slot0", block, on_block=at)
    assert len(data) == SIZE
    (under_way,) = half
    assert (under_way.device, under_way.publish_id, under_way.size) == ("::1", "app/1", SIZE)
    assert (under_way.blocks_done, under_way.state) == (6, TransferState.RUNNING)
    (done,) = transfers(server)
    assert (done.blocks_done, done.blocks_total) == (-(-SIZE // block),) * 2
    assert (done.state, done.bytes, done.gaps) == (TransferState.DONE, SIZE, 0)


def test_a_lossy_radio_is_seen_in_the_blocks_that_are_asked_again(server: Server) -> None:
    fetch(("::1", server.coap_port), "app/1/slot0", 64, ack_timeout=0.02, max_retransmit=12, loss=0.15)
    sent_before = value(server, "ota_coap_blocks_total")
    (done,) = transfers(server)
    sent = value(server, "ota_coap_blocks_total")  # the device may have asked again just before an answer came: late ones count
    assert done.state is TransferState.DONE
    assert done.asked_again > 5
    assert sent_before - done.blocks_total <= done.asked_again <= sent - done.blocks_total
    assert done.gaps == 0


def test_a_device_that_loses_power_is_seen_to_begin_anew(server: Server) -> None:
    fetch(("::1", server.coap_port), "app/1/slot0", 64, restart=Restart(after=100))
    new, old = transfers(server)
    assert (new.state, new.bytes) == (TransferState.DONE, SIZE)
    assert (old.state, old.blocks_done) == (TransferState.RESTARTED, 100)


def test_a_server_that_is_killed_counts_on_when_it_is_there_again(server: Server) -> None:
    port = str(server.coap_port)

    with ExitStack() as later:

        def at(number: int) -> None:
            if number == 150 and server.process.poll() is None:
                server.stop(signal.SIGKILL)
                again.append(later.enter_context(running(server.folder, server.state, "--coap-port", port)))

        again: list[Server] = []
        data = fetch(("::1", server.coap_port), "app/1/slot0", 64, ack_timeout=0.5, max_retransmit=8, on_block=at)
        assert len(data) == SIZE
        (done,) = transfers(again[0])
    assert (done.state, done.bytes, done.blocks_done) == (TransferState.DONE, SIZE, done.blocks_total)
