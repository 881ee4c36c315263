"""What .well-known/core lists (RFC 6690)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import quote, unquote

from common.finding import Role
from common.release import State
from server.coap.datagram import OCTET_STREAM
from server.firmware.catalogue import Catalogue, LiveCatalogue

DISCOVERY = ".well-known/core"
_KINDS = {Role.MANIFEST: "suit.manifest", Role.SLOT0: "suit.image", Role.SLOT1: "suit.image"}


@dataclass(frozen=True, slots=True)
class Link:
    """One resource: `path` without a leading slash, and its attributes as RFC 6690, 3 names them."""

    path: str
    attributes: tuple[tuple[str, str], ...]

    def __str__(self) -> str:
        attributes = "".join(f";{key}={value if value.isdigit() else _quoted(value)}" for key, value in self.attributes)
        return f"</{quote(self.path, safe='/~+')}>{attributes}"

    def fits(self, key: str, wanted: str) -> bool:
        """Whether a filter `key=wanted` takes this link; a `*` at its end stands for anything (RFC 6690, 4.1)."""
        values = [f"/{self.path}"] if key == "href" else [v for k, text in self.attributes if k == key for v in text.split(" ")]
        if wanted.endswith("*"):
            return any(value.startswith(wanted[:-1]) for value in values)
        return wanted in values


class Discovery:
    """The releases as link-format, remembered while the catalogue stays the same.

    Threads: the CoAP pool calls it; the memory is one attribute that is swapped.
    """

    def __init__(self, live: LiveCatalogue) -> None:
        self._live = live
        self._last: tuple[Catalogue, str, bytes] | None = None

    def listing(self, query: str) -> bytes:
        """The links that fit `query`, which is empty or one `attribute=value`."""
        catalogue = self._live.current
        last = self._last
        if last is not None and last[0] is catalogue and last[1] == query:
            return last[2]
        key, _, wanted = query.partition("=")
        wanted = unquote(wanted).strip('"')
        links = (link for link in _links(catalogue) if not query or link.fits(key, wanted))
        listing = ",".join(map(str, links)).encode()
        self._last = (catalogue, query, listing)
        return listing


def _links(catalogue: Catalogue) -> Iterator[Link]:
    for release in catalogue.releases:
        if release.state is State.READY:
            for file in release.files:
                yield Link(
                    file.path,
                    (("rt", _KINDS[file.role]), ("ct", str(OCTET_STREAM)), ("sz", str(file.size)), ("title", release.publish_id)),
                )


def _quoted(value: str) -> str:
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
