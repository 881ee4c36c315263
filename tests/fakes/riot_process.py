"""The fake device as a process of its own, for a host on another network; each line that it prints is a JSON object."""

from __future__ import annotations

import argparse
import json
import signal
import socket
import sys
import time
from urllib.parse import urlsplit

from tests.fakes.riot_device import RiotDevice
from tests.fakes.riot_fetch import FetchFailed, fetch

ROLES = ("manifest", "slot0", "slot1")
_LIFETIME = 600
"""Seconds after which the process ends, whatever has become of those who started it."""


def main() -> None:
    """Fetch what the command line names, or the release that the device is told of."""
    parser = argparse.ArgumentParser(prog="python -m tests.fakes.riot_process")
    parser.add_argument("--zone", help="the interface behind which link-local hosts are")
    parser.add_argument("--listen", help="wait at this link-local address to be told of a manifest, and fetch its release")
    parser.add_argument("--pause", type=int, help="behind this block of each file, wait for a line")
    parser.add_argument("urls", nargs="*")
    options = parser.parse_args()
    signal.alarm(_LIFETIME)
    urls = _told(f"{options.listen}%{options.zone}") if options.listen else options.urls
    _say(fetched={url: _fetch(url, options.zone, options.pause).hex() for url in urls})


def _told(host: str) -> list[str]:
    with RiotDevice(host=host, port=5683) as device:
        _say(listening=device.url)
        while not device.triggered:
            time.sleep(0.01)
        manifest = device.triggered[0]
    return [manifest.removesuffix("manifest") + role for role in ROLES]


def _fetch(url: str, zone: str | None, pause: int | None) -> bytes:
    """A URL's host has no zone: the device puts its own there."""

    def on_block(number: int) -> None:
        if number == pause:
            _say(paused=url)
            sys.stdin.readline()

    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or 5683
    scope = socket.if_nametoindex(zone) if zone and host.startswith("fe80:") else 0
    server = (host, port, 0, scope) if ":" in host else (host, port)
    try:
        return fetch(server, parts.path.strip("/"), max_retransmit=8, attempts=1, on_block=on_block)
    except FetchFailed as failure:
        sys.exit(f"{url}: {failure}")


def _say(**what: object) -> None:
    print(json.dumps(what), flush=True)


if __name__ == "__main__":
    main()
