"""What .well-known/core lists (RFC 6690)."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import quote, unquote

from common.finding import Role
from common.release import Release, State
from server.coap import datagram
from server.coap.datagram import Block, Datagram
from server.coap.pins import Pins
from server.coap.source import Source
from server.firmware.catalogue import Catalogue, LiveCatalogue
from server.firmware.images import Content
from server.firmware.latest import LATEST, latest_path

DISCOVERY = ".well-known/core"
_LISTINGS = 16
"""Listings that are remembered, by their filter."""
_LISTED = 8 << 20
"""Bytes that they have together: the whole list of ten thousand releases has four million, and so may any filter's."""
_KEPT = 20
"""A listing is kept for this many times the time that it took: making large ones anew at each change would hold up devices."""
_WISHES = 4
"""Filters in one request."""
_MANIFEST = f"/{Role.MANIFEST}"
_KINDS = {Role.MANIFEST: "suit.manifest", Role.SLOT0: "suit.image", Role.SLOT1: "suit.image"}


def transfer_of(request: Datagram) -> str:
    """What a transfer of the listing is remembered by: each filter has one of its own."""
    return f"{DISCOVERY}?{'&'.join(value.decode('utf-8', 'replace') for value in request.values(datagram.URI_QUERY))}"


def is_observable(catalogue: Catalogue, path: str) -> bool:
    """Whether changes of what is served at `path` can be waited for: a release's manifest, and a folder's latest one."""
    if not path.endswith(_MANIFEST) or path not in catalogue.images:
        return False
    folder = path[: -len(_MANIFEST)]
    above, _, name = folder.rpartition("/")
    return folder in catalogue.by_id or (name == LATEST and above in catalogue.latest.holders)


@dataclass(frozen=True, slots=True)
class Link:
    """One resource: `path` without a leading slash, and its attributes as RFC 6690, 3 names them."""

    path: str
    attributes: tuple[tuple[str, str], ...]

    def __str__(self) -> str:
        attributes = "".join(f";{key}{_value(value)}" for key, value in self.attributes)
        return f"</{quote(self.path, safe='/~+')}>{attributes}"

    def fits(self, key: str, wanted: str) -> bool:
        """Whether a filter `key=wanted` takes this link; a `*` at its end stands for anything (RFC 6690, 4.1)."""
        values = [f"/{self.path}"] if key == "href" else [v for k, text in self.attributes if k == key for v in text.split(" ")]
        if wanted.endswith("*"):
            return any(value.startswith(wanted[:-1]) for value in values)
        return wanted in values


class _Made(NamedTuple):
    """A listing, the catalogue that it is of, and until when it will do although there is a newer one."""

    of: Catalogue
    content: Content
    good_until: float


class TooManyWishes(Exception):
    """The request has more filters than are looked at: each costs a look at every link."""


class Discovery:
    """The releases as link-format, remembered while the catalogue stays the same, and what took long to make a little longer.

    A transfer of the listing goes on with the one that it began with, as an image's does.
    Threads: one thread of the CoAP lanes calls it.
    """

    def __init__(
        self, live: LiveCatalogue, pins: Pins, clock: Callable[[], float], fixed: tuple[Link, ...] = ()
    ) -> None:
        """`clock` counts seconds; `fixed` is listed first, whatever the catalogue has."""
        self._live = live
        self._fixed = fixed
        self._pins = pins
        self._clock = clock
        self._made: dict[str, _Made] = {}
        self._texts: dict[str, tuple[Release, str]] = {}

    def listing(self, request: Datagram, source: Source) -> Content | None:
        """The links that fit the request's queries, each one `attribute=value`; None for the rest of one that is forgotten.

        Raises TooManyWishes.
        """
        path = transfer_of(request)
        query = path.removeprefix(f"{DISCOVERY}?")
        if query.count("&") >= _WISHES:
            raise TooManyWishes
        block = request.block2 or Block(0, False, 6)
        pin = self._pins.resume(source, path, block, request.mid)
        if pin is not None:
            content = self._pins.content(pin.sha256)
            if content is not None:
                return content
        content = self._current(query)
        if pin is not None and content.sha256 != pin.sha256:
            return None
        self._pins.set(source, path, content, None if block.number else request.mid)
        return content

    def _current(self, query: str) -> Content:
        catalogue, began = self._live.current, self._clock()
        made = self._made.get(query)
        if made is not None and (made.of is catalogue or began < made.good_until):
            return made.content
        data = (self._filtered(catalogue, query) if query else self._whole(catalogue)).encode()
        # Another hash than an image's: two bodies of the same bytes, empty ones, say, are still two things.
        digest = hashlib.blake2b(data, digest_size=32)
        content = Content(data, digest.hexdigest(), digest.digest()[:8], datagram.LINK_FORMAT)
        ended = self._clock()
        self._made.pop(query, None)
        while self._made and (len(self._made) >= _LISTINGS or self._listed + len(data) > _LISTED):
            del self._made[next(iter(self._made))]
        self._made[query] = _Made(catalogue, content, ended + _KEPT * (ended - began))
        return content

    @property
    def _listed(self) -> int:
        return sum(len(made.content.data) for made in self._made.values())

    def _whole(self, catalogue: Catalogue) -> str:
        """A release's text is made again only when the release is another one."""
        before, self._texts = self._texts, {}
        for release in catalogue.releases:
            known = before.get(release.publish_id)
            if known is None or known[0] is not release:
                known = (release, ",".join(map(str, _links_of(release))))
            self._texts[release.publish_id] = known
        first = map(str, itertools.chain(self._fixed, _latest(catalogue)))
        return ",".join([*first, *(text for _, text in self._texts.values() if text)])

    def _filtered(self, catalogue: Catalogue, query: str) -> str:
        wishes = []
        for part in query.split("&"):
            key, _, wanted = part.partition("=")
            wishes.append((key, unquote(wanted).strip('"')))
        links = itertools.chain(self._fixed, _latest(catalogue), *map(_links_of, catalogue.releases))
        return ",".join(str(link) for link in links if all(link.fits(key, wanted) for key, wanted in wishes))


def _links_of(release: Release) -> Iterator[Link]:
    if release.state is State.READY:
        for file in release.files:
            yield _link(file.path, file.role, file.size, release.publish_id)


def _latest(catalogue: Catalogue) -> Iterator[Link]:
    for folder, release in catalogue.latest.holders.items():
        path = latest_path(folder)
        yield _link(path, Role.MANIFEST, catalogue.images[path].size, release.publish_id)


def _link(path: str, role: Role, size: int, title: str) -> Link:
    attributes = [("rt", _KINDS[role]), ("ct", str(datagram.OCTET_STREAM)), ("sz", str(size)), ("title", title)]
    return Link(path, (*attributes, ("obs", "")) if role is Role.MANIFEST else tuple(attributes))


def _value(value: str) -> str:
    if not value:
        return ""
    return f"={value}" if value.isdigit() else '="' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
