"""Which waiting thread a message belongs to, and what must be sent back."""

from __future__ import annotations

import errno

import pytest

from common.errors import DeviceUnreachable
from server.coap import datagram
from server.coap.datagram import ACK, CON, NON, RST, Datagram
from server.coap.errorqueue import Trouble
from server.coap.exchange import EXCHANGE_LIFETIME, Exchanges, MessageIds
from server.coap.peers import Peer

A, B = Peer("fd00::a", 5683), Peer("fd00::b", 5683)
CONTENT = 0x45


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_message_id_is_not_used_again_within_its_lifetime() -> None:
    ids = MessageIds(Clock())
    given = [ids.next(A) for _ in range(0x10000)]
    assert len(set(given)) == 0x10000
    assert set(given) == set(range(0x10000))


def test_a_peer_that_was_silent_for_a_lifetime_is_forgotten_and_no_other() -> None:
    clock = Clock()
    ids = MessageIds(clock)
    ids.next(A)
    clock.now = EXCHANGE_LIFETIME
    last = ids.next(B)
    clock.now += 1
    assert ids.next(B) == (last + 1) & 0xFFFF
    assert A not in ids._last


def test_an_acknowledgement_must_have_the_token_the_id_and_the_peer() -> None:
    exchanges = Exchanges()
    with exchanges.open(A) as exchange:
        for peer, mid, token in (
            (B, exchange.mid, exchange.token),
            (A, exchange.mid ^ 1, exchange.token),
            (A, exchange.mid, b"other"),
        ):
            assert exchanges.arrived(peer, Datagram(ACK, CONTENT, mid, token)) is None
        assert exchange.wait(0) is None
        right = Datagram(ACK, CONTENT, exchange.mid, exchange.token)
        assert exchanges.arrived(A, right) is None
        assert exchange.wait(0) == right


def test_a_separate_response_is_acknowledged_again_when_it_is_repeated() -> None:
    exchanges = Exchanges()
    with exchanges.open(A) as exchange:
        response = Datagram(CON, CONTENT, 77, exchange.token)
        assert exchanges.arrived(A, response) == datagram.empty(ACK, 77)
        assert exchange.wait(0) == response
        assert exchanges.arrived(A, response) == datagram.empty(ACK, 77)
    assert exchanges.arrived(A, response) == datagram.empty(ACK, 77)
    assert exchanges.arrived(B, response) == datagram.empty(RST, 77)


def test_a_response_that_nobody_waits_for_is_reset_and_an_unconfirmable_one_ignored() -> None:
    exchanges = Exchanges()
    with exchanges.open(A) as exchange:
        token = exchange.token
    assert exchanges.arrived(A, Datagram(CON, CONTENT, 5, token)) == datagram.empty(RST, 5)
    assert exchanges.arrived(A, Datagram(NON, CONTENT, 6, token)) is None
    assert exchanges.arrived(A, Datagram(CON, datagram.EMPTY, 7)) == datagram.empty(RST, 7), "a ping"
    assert exchanges.arrived(A, Datagram(CON, datagram.GET, 8, token)) == datagram.empty(RST, 8), "no server here"


def test_a_confirmable_response_with_an_unknown_critical_option_is_reset() -> None:
    exchanges = Exchanges()
    with exchanges.open(A) as exchange:
        response = Datagram(CON, CONTENT, 9, exchange.token, ((9, b"oscore"),))
        assert exchanges.arrived(A, response) == datagram.empty(RST, 9)
        assert exchange.wait(0) == response


def test_network_errors_find_their_exchange_by_the_quoted_request() -> None:
    exchanges = Exchanges()
    with exchanges.open(A) as one, exchanges.open(A) as other, exchanges.open(B) as elsewhere:
        header = bytes((0x44, 1)) + one.mid.to_bytes(2, "big")
        exchanges.failed(Trouble(A, errno.ECONNREFUSED, bytes((0x60, 0)) + one.mid.to_bytes(2, "big")))
        assert one.wait(0) is None, "that was our acknowledgement of another message"
        exchanges.failed(Trouble(A, errno.ECONNREFUSED, header))
        with pytest.raises(DeviceUnreachable, match="port is closed"):
            one.wait(0)
        assert other.wait(0) is None
        exchanges.failed(Trouble(A, errno.EHOSTUNREACH, b""))
        with pytest.raises(DeviceUnreachable, match="no route to fd00::a"):
            other.wait(0)
        assert elsewhere.wait(0) is None


def test_closing_ends_waits_and_refuses_new_exchanges() -> None:
    exchanges = Exchanges()
    with exchanges.open(A) as exchange:
        exchanges.close()
        with pytest.raises(DeviceUnreachable, match="stopping"):
            exchange.wait(60)
    with pytest.raises(DeviceUnreachable, match="stopping"), exchanges.open(A):
        pass


def test_what_is_remembered_of_answers_is_bounded() -> None:
    exchanges = Exchanges()
    for _ in range(3000):
        with exchanges.open(A) as exchange:
            exchanges.arrived(A, Datagram(ACK, CONTENT, exchange.mid, exchange.token))
    assert len(exchanges._answered) <= 1024
    assert not exchanges._by_mid
    assert not exchanges._by_token
