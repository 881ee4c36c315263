"""The sockets that systemd passes, and those that the server opens itself, over reloads."""

from __future__ import annotations

import fcntl
import os
import socket
from collections.abc import Callable, Iterator

import pytest

from common.errors import ConfigError
from server.settings.config import Config
from server.sockets import Sockets, inherited
from tests.support.systemd import sockets as passed_sockets

FIRST = 200
"""Where a test puts what is passed: 3 and 4 are taken here."""


def udp(host: str = "::1") -> socket.socket:
    sock = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    sock.bind((host, 0))
    return sock


def tcp(listens: bool = True) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    sock.bind(("127.0.0.1", 0))
    if listens:
        sock.listen()
    return sock


def test_what_is_passed_is_taken_once_and_not_passed_on() -> None:
    with passed_sockets() as (given_udp, given_tcp):
        for number, sock in enumerate((given_tcp, given_udp), FIRST):
            os.dup2(sock.fileno(), number)
        environment = {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "2", "LISTEN_FDNAMES": "a:b", "HOME": "/"}
        found = inherited(environment, FIRST)
        assert environment == {"HOME": "/"}
        assert [sock.type for sock in found] == [socket.SOCK_STREAM, socket.SOCK_DGRAM]
        assert all(fcntl.fcntl(sock, fcntl.F_GETFD) & fcntl.FD_CLOEXEC for sock in found)
        with Sockets(found) as held, held.udp(Config()) as taken_udp, held.tcp(Config()) as taken_tcp:
            assert taken_udp.getsockname() == given_udp.getsockname()
            assert taken_tcp.getsockname() == given_tcp.getsockname()
        assert inherited(environment, FIRST) == []


@pytest.mark.parametrize("environment", [{}, {"LISTEN_PID": "1", "LISTEN_FDS": "2"}, {"LISTEN_FDS": "2"}, {"LISTEN_PID": "me"}])
def test_what_is_passed_to_another_process_is_not_touched(environment: dict[str, str]) -> None:
    if environment.get("LISTEN_PID") == "me":
        environment = {"LISTEN_PID": str(os.getpid())}
    assert inherited(environment, FIRST) == []
    assert environment == {}


def test_a_descriptor_that_is_no_socket_is_a_sentence() -> None:
    with open(os.devnull, "rb") as file:
        os.dup2(file.fileno(), FIRST)
    try:
        with pytest.raises(ConfigError, match=f"Descriptor {FIRST} was passed as a socket, and is none"):
            inherited({"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "1"}, FIRST)
    finally:
        os.close(FIRST)


@pytest.mark.parametrize(
    ("makes", "sentence"),
    [
        ((udp, udp), "more than one UDP socket"),
        ((tcp, udp, tcp), "more than one TCP socket"),
        ((lambda: socket.socket(socket.AF_UNIX, socket.SOCK_STREAM),), "neither UDP nor TCP"),
        ((lambda: tcp(listens=False),), "take out Accept=yes"),
    ],
)
def test_others_than_one_of_each_are_a_sentence(makes: tuple[Callable[[], socket.socket], ...], sentence: str) -> None:
    found = [make() for make in makes]
    try:
        with pytest.raises(ConfigError, match=f"{sentence}.*systemctl cat ota-server.socket"):
            Sockets(found)
    finally:
        for sock in found:
            sock.close()


@pytest.mark.expects_log("systemd's is used")
def test_a_setting_that_an_inherited_socket_makes_void_is_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    with Sockets([udp(), tcp()]) as held, held.udp(Config()) as sock:
        port = sock.getsockname()[1]
        held.compare(Config(), frozenset())
        given = frozenset({"coap_bind", "coap_port", "http_host"})
        held.compare(Config(coap_bind="::1", coap_port=0, http_host="localhost"), given)
        held.compare(Config(coap_port=port), frozenset({"coap_port"}))
        assert not caplog.records
        held.compare(Config(coap_bind="fd00::1", coap_port=7, http_host="127.0.0.1"), given)
        [line] = [record.getMessage() for record in caplog.records]
        assert line == (
            f"the socket for devices, which systemd opened, is [::1]:{port}, but the configuration says [fd00::1]:7:"
            " systemd's is used. To change it: systemctl edit ota-server.socket"
        )


def test_all_addresses_are_those_that_the_kernel_has(caplog: pytest.LogCaptureFixture) -> None:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("0.0.0.0", 0))
    with Sockets([sock]) as held:
        held.compare(Config(coap_bind="::"), frozenset({"coap_bind"}))
    assert not caplog.records


@pytest.fixture
def own() -> Iterator[Sockets]:
    with Sockets([]) as held:
        yield held


def test_the_servers_own_sockets_stay_while_their_address_does(own: Sockets) -> None:
    config = Config(http_port=0, coap_port=0)
    with own.tcp(config) as first, own.udp(config) as devices:
        name, other = first.getsockname(), devices.getsockname()
    with own.tcp(config) as second, own.udp(config) as devices:
        assert (second.getsockname(), devices.getsockname()) == (name, other)
    with socket.create_connection(name) as client:  # while no part has it
        with own.tcp(config) as third:
            third.accept()[0].close()
        assert client.recv(1) == b""
    with own.tcp(Config(http_host="0.0.0.0", http_port=name[1])) as wider:  # our own was in the way
        assert wider.getsockname() == ("0.0.0.0", name[1])
    with socket.create_connection(("127.0.0.1", name[1])):
        pass


def test_an_address_that_cannot_be_is_a_sentence_and_the_old_one_can_be_had_again(own: Sockets) -> None:
    with own.tcp(Config(http_port=0)) as sock:
        port = sock.getsockname()[1]
    with pytest.raises(ConfigError, match="cannot listen on 192"):
        own.tcp(Config(http_host="192.0.2.1", http_port=port))
    with own.tcp(Config(http_port=port)) as sock:
        assert sock.getsockname()[1] == port
