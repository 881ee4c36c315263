"""From a device URL to a socket address."""

from __future__ import annotations

import errno
import socket
import threading

import pytest

from common.device_url import DeviceUrl
from common.errors import DeviceRefused, DeviceUnreachable
from server.coap import errorqueue, peers
from server.coap.peers import Peer, locate, numeric, peer_of
from server.coap.resolver import Resolver

RESOLVER = Resolver(threading.Event())
LOOPBACK = socket.if_nametoindex("lo")


def find(text: str, family: int = socket.AF_INET6) -> Peer:
    return locate(DeviceUrl.parse(text), family, RESOLVER)


def test_addresses_of_both_families_go_through_one_socket() -> None:
    assert find("[fd00::2]:77/a").sockaddr(socket.AF_INET6) == ("fd00::2", 77, 0, 0)
    assert find("10.0.0.7/a").sockaddr(socket.AF_INET6) == ("::ffff:10.0.0.7", 5683, 0, 0)
    assert find("[::ffff:10.0.0.7]/a") == find("10.0.0.7") == peer_of(("::ffff:10.0.0.7", 5683, 0, 0))
    assert find("10.0.0.7/a", socket.AF_INET).sockaddr(socket.AF_INET) == ("10.0.0.7", 5683)


@pytest.mark.parametrize("host", ["fd00::2", "::1", "2001:db8:0:1:2:3:4:5", "::1.2.3.4", "64:ff9b::a00:1", "::ffff:0:102:304"])
def test_an_answer_compares_equal_however_the_kernel_spells_its_address(host: str) -> None:
    spelled = socket.inet_ntop(socket.AF_INET6, socket.inet_pton(socket.AF_INET6, host))
    assert find(f"[{host}]") == peer_of((spelled, 5683, 0, 0))


def test_the_zone_is_kept_by_name_and_by_number() -> None:
    for zone in ("lo", str(LOOPBACK)):
        peer = find(f"[fe80::1%{zone}]/a")
        assert peer.sockaddr(socket.AF_INET6) == ("fe80::1", 5683, 0, LOOPBACK)
        assert numeric(DeviceUrl.parse(f"[fe80::1%{zone}]/a"), peer) == DeviceUrl("fe80::1", path="a", zone=zone)


def test_a_zone_behind_a_global_address_says_nothing() -> None:
    url = DeviceUrl.parse("[fd00::2%lo]/a")
    assert find("[fd00::2%lo]/a").scope == 0
    assert numeric(url, find("[fd00::2%lo]/a")).zone is None


def test_an_unknown_zone_and_a_missing_one() -> None:
    for zone in ("wpan9", "99999"):
        with pytest.raises(DeviceUnreachable, match=rf"no interface '{zone}'. It has .*lo"):
            find(f"[fe80::1%{zone}]/a")
    with pytest.raises(DeviceRefused, match="needs the interface behind it"):
        find("[fe80::1]/a")


@pytest.mark.parametrize("host", ["[ff02::1%lo]", "224.0.1.187", "255.255.255.255", "[::]", "0.0.0.0", "[::ffff:224.0.0.1]"])
def test_groups_and_addresses_of_nobody_are_refused(host: str) -> None:
    with pytest.raises(DeviceRefused, match="one by one"):
        find(host)


def test_names() -> None:
    assert find("localhost").host in ("::1", "127.0.0.1")
    assert find("localhost", socket.AF_INET).host == "127.0.0.1"
    with pytest.raises(DeviceUnreachable, match=r"'no-such-host\.invalid'"):
        find("no-such-host.invalid")


def test_without_ipv6_an_ipv6_address_has_no_route() -> None:
    with pytest.raises(DeviceUnreachable, match="no IPv6"):
        find("[fd00::2]", socket.AF_INET)


def test_local_addresses() -> None:
    assert peers.is_local(Peer("::1", 5683))
    assert peers.is_local(Peer("127.0.0.1", 5683))
    assert not peers.is_local(Peer("2001:db8::77", 5683))
    assert not peers.is_local(Peer("203.0.113.7", 5683))


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ECONNREFUSED, "port is closed"),
        (errno.EHOSTUNREACH, "no route to"),
        (errno.ENETUNREACH, "no route to"),
        (errno.EACCES, "firewall"),
        (errno.EPROTO, "cannot deliver"),
    ],
)
def test_every_network_error_has_its_sentence(number: int, words: str) -> None:
    assert words in errorqueue.sentence(number, Peer("fd00::2", 5683))
