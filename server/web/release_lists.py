"""All releases as JSON, kept for those who ask again and again."""

from __future__ import annotations

import json
from collections.abc import Callable

from common.release import Release
from server.firmware.catalogue import Catalogue

_KEPT = 4
"""The server has an address towards each network, of IPv4 and of IPv6; each makes a list of its own."""


class ReleaseLists:
    """The latest lists of one catalogue. Threads: the web workers call it."""

    def __init__(self, with_base: Callable[[Release, str], Release]) -> None:
        """`with_base` gives a release the CoAP URLs below `coap://host[:port]`."""
        self._with_base = with_base
        self._kept: tuple[int, dict[str, bytes]] = (0, {})

    def of(self, current: Catalogue, base: str) -> bytes:
        """The JSON shape `releases`."""
        number, lists = self._kept
        kept = lists if number == current.number else {}
        body = kept.get(base) or self._made(current, base)
        # A dict is never changed, for other threads read it; whoever asked last stands last.
        others = [(of, made) for of, made in kept.items() if of != base]
        self._kept = (current.number, dict([*others[-_KEPT + 1 :], (base, body)]))
        return body

    def _made(self, current: Catalogue, base: str) -> bytes:
        # In one go the encoder would keep the thread that serves blocks waiting.
        releases = ", ".join(json.dumps(self._with_base(r, base).to_json()) for r in current.releases)
        problems = json.dumps([p.to_json() for p in current.problems])
        return f'{{"releases": [{releases}], "problems": {problems}}}'.encode()
