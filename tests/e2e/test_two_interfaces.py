"""A gateway between two networks: link-local devices behind each, and answers that leave from the address that was asked.

One address, fe80::1, is a device behind either interface. `far` asks by way of `a`; the gateway's way back is by `b`:

    a --- gateway --- b
     \\____ far _____/
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from hashlib import sha256
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.fakes.riot_process import ROLES
from tests.support.namespaces import Namespace, link, namespaces
from tests.support.releases import riot_release, write_release
from tests.support.server import Server
from tests.waiting import wait_until

ADDRESSES = {
    "gateway": """
        address add fe80::a/64 dev to-a
        address add fd00:a::1/64 dev to-a
        address add fd00:a::2/64 dev to-a
        address add 10.1.0.1/24 dev to-a
        address add 10.1.0.2/24 dev to-a
        address add fe80::b/64 dev to-b
        address add fd00:b::1/64 dev to-b
        address add fd00:b::2/64 dev to-b
        address add 10.2.0.1/24 dev to-b
        address add 10.2.0.2/24 dev to-b
    """,
    "a": """
        address add fe80::1/64 dev wpan0
        address add fd00:a::10/64 dev wpan0
        address add 10.1.0.10/24 dev wpan0
        address add fe80::2/64 dev to-far
        address add fd00:af::2/64 dev to-far
        address add 10.11.0.2/24 dev to-far
    """,
    "b": """
        address add fe80::1/64 dev wpan0
        address add fd00:b::10/64 dev wpan0
        address add 10.2.0.10/24 dev wpan0
        address add fe80::2/64 dev to-far
        address add fd00:bf::2/64 dev to-far
        address add 10.12.0.2/24 dev to-far
    """,
    "far": """
        address add fd00:f::1 dev lo
        address add 10.9.0.1 dev lo
        address add fe80::1/64 dev to-a
        address add fd00:af::1/64 dev to-a
        address add 10.11.0.1/24 dev to-a
        address add fe80::1/64 dev to-b
        address add fd00:bf::1/64 dev to-b
        address add 10.12.0.1/24 dev to-b
    """,
}
ROUTES = {
    "gateway": """
        route add fd00:f::1 via fd00:b::10
        route add 10.9.0.1 via 10.2.0.10
    """,
    "a": """
        route add default via fd00:a::1
        route add default via 10.1.0.1
    """,
    "b": """
        route add default via fd00:b::1
        route add default via 10.2.0.1
        route add fd00:f::1 via fd00:bf::1
        route add 10.9.0.1 via 10.12.0.1
    """,
    "far": """
        route add default via fd00:af::2 src fd00:f::1
        route add default via 10.11.0.2 src 10.9.0.1
    """,
}
OWN = {"a": "fe80::a", "b": "fe80::b"}
"""The gateway's link-local address on its interface towards each of the two."""
ASKED = {
    "fd00:f::1": ("fd00:a::1", "fd00:a::2", "fd00:b::1", "fd00:b::2"),
    "10.9.0.1": ("10.1.0.1", "10.1.0.2", "10.2.0.1", "10.2.0.2"),
}
"""The gateway's other addresses, for each address of `far`: both on either interface."""


@dataclass(frozen=True)
class Network:
    """The hosts, and the server that runs on the gateway."""

    gateway: Namespace
    devices: dict[str, Namespace]
    far: Namespace
    server: Server

    def url(self, host: str, path: str) -> str:
        """What a device asks for."""
        return f"coap://{f'[{host}]' if ':' in host else host}:{self.server.coap_port}/{path}"

    def wait_for(self, publish_id: str, files: dict[str, bytes]) -> None:
        """Wait until exactly these files are served as a release."""
        digests = {sha256(data).hexdigest() for data in files.values()}

        def served() -> bool:
            release = self.gateway.http("GET", f"{self.server.url}/api/v1/releases/{publish_id}")
            return release.get("state") == "ready" and {file["sha256"] for file in release["files"]} == digests

        wait_until(served, what=f"{publish_id} to be served")


class Device:
    """A device's process."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout
        assert process.stdin
        self._process, self._output, self._input = process, process.stdout, process.stdin

    def says(self, what: str) -> Any:
        """Wait for its next line, which must say `what`; the value that it gives."""
        line = self._output.readline()
        assert line.startswith(f'{{"{what}": '), line + self._output.read()
        return json.loads(line)[what]

    def go_on(self) -> None:
        """End one pause."""
        self._input.write("\n")
        self._input.flush()

    def fetched(self) -> dict[str, bytes]:
        """Wait for its end; what it got, by URL."""
        found = self.says("fetched")
        assert self._process.wait() == 0
        return {url: bytes.fromhex(data) for url, data in found.items()}


@contextmanager
def device(host: Namespace, *arguments: str) -> Iterator[Device]:
    """A device on `host`."""
    with host.python("-m", "tests.fakes.riot_process", *arguments) as process:
        yield Device(process)


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
    """The hosts, and a server on every address of the gateway."""
    with namespaces(*ADDRESSES) as hosts:
        gateway, a, b, far = hosts
        link(gateway, "to-a", a, "wpan0")
        link(gateway, "to-b", b, "wpan0")
        link(a, "to-far", far, "to-a")
        link(b, "to-far", far, "to-b")
        for lines in (ADDRESSES, ROUTES):
            for host, text in zip(hosts, lines.values(), strict=True):
                host.ip(text)
        for host in (a, b):
            # With one port to ask from, the two devices' datagrams are alike in all but the interface.
            host.configure({"ipv4/ip_forward": 1, "ipv6/conf/all/forwarding": 1, "ipv4/ip_local_port_range": "40000 40000"})
        folder = tmp_path_factory.mktemp("two-interfaces")
        server = Server(folder / "fw", folder / "state", ["--coap-bind", "::"], gateway.prefix)
        try:
            yield Network(gateway, {"a": a, "b": b}, far, server.start())
        finally:
            server.stop()
        assert "Traceback" not in server.log, server.log


def test_one_address_behind_both_interfaces_fetches_a_release_twice_at_a_time(network: Network) -> None:
    files = riot_release(network.server.folder / "same")
    network.wait_for("same", files)
    with ExitStack() as stack:
        running = {}
        for name, host in network.devices.items():
            urls = [network.url(OWN[name], f"same/{role}") for role in ROLES]
            running[name] = stack.enter_context(device(host, "--zone", "wpan0", "--pause", "3", *urls))
        for role in ROLES:
            for name, each in running.items():
                assert each.says("paused") == network.url(OWN[name], f"same/{role}")
            for each in running.values():
                each.go_on()
        for name, each in running.items():
            assert each.fetched() == {network.url(OWN[name], f"same/{role}"): files[role] for role in ROLES}


def test_the_interface_alone_tells_two_transfers_apart(network: Network) -> None:
    """One goes on with the image that was replaced meanwhile; the other, alike in all else, begins with the new one."""
    folder = network.server.folder / "replaced"
    old = write_release(folder, seed=1)
    network.wait_for("replaced", old)
    first, second = (network.url(OWN[name], "replaced/slot0") for name in network.devices)
    with device(network.devices["a"], "--zone", "wpan0", "--pause", "3", first) as early:
        early.says("paused")
        new = write_release(folder, seed=2)
        network.wait_for("replaced", new)
        with device(network.devices["b"], "--zone", "wpan0", second) as late:
            assert late.fetched() == {second: new["slot0"]}
        early.go_on()
        assert early.fetched() == {first: old["slot0"]}


def test_each_is_told_the_address_on_its_own_interface_and_fetches_by_it(network: Network) -> None:
    files = riot_release(network.server.folder / "told")
    network.wait_for("told", files)
    with ExitStack() as stack:
        running = {}
        for name, host in network.devices.items():
            running[name] = stack.enter_context(device(host, "--zone", "wpan0", "--listen", "fe80::1"))
        for each in running.values():
            each.says("listening")
        urls = ",".join(f"[fe80::1%to-{name}]/suit/trigger" for name in running)
        form = urlencode({"publish_id": "told", "urls": urls})
        answer = network.gateway.http("POST", f"{network.server.url}/notify", form.encode())
        assert [(row["state"], row["code"]) for row in answer.get("results", ())] == [("accepted", "2.01")] * 2, answer
        for name, each in running.items():
            assert each.fetched() == {network.url(OWN[name], f"told/{role}"): files[role] for role in ROLES}


@pytest.mark.parametrize("asked", ASKED.values(), ids=("IPv6", "IPv4"))
@pytest.mark.parametrize("name", OWN)
def test_the_answer_comes_from_the_address_that_was_asked(network: Network, name: str, asked: tuple[str, ...]) -> None:
    """Be it on the interface towards the device or on the other one; what comes from another address is not the answer."""
    fetch_from_each(network, network.devices[name], asked)


@pytest.mark.parametrize(("source", "asked"), ASKED.items(), ids=("IPv6", "IPv4"))
def test_the_answer_takes_the_way_back_that_the_routes_say(network: Network, source: str, asked: tuple[str, ...]) -> None:
    """Not the way that the request came: nobody there knows where its sender is."""
    for address in asked:
        way = network.far.shows(f"route get {address}")
        assert (way["dev"], way["prefsrc"]) == ("to-a", source)
    assert network.gateway.shows(f"route get {source}")["dev"] == "to-b"
    fetch_from_each(network, network.far, asked)


def fetch_from_each(network: Network, host: Namespace, asked: tuple[str, ...]) -> None:
    """Firmware, and the listing, which another part of the server answers, from each address of the gateway."""
    files = riot_release(network.server.folder / "asked")
    network.wait_for("asked", files)
    for address in asked:
        manifest, listing = (network.url(address, path) for path in ("asked/manifest", ".well-known/core"))
        with device(host, manifest, listing) as each:
            fetched = each.fetched()
        assert fetched[manifest] == files["manifest"]
        assert b"</asked/manifest>" in fetched[listing]
