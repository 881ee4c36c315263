"""What devices say to register themselves: the requests of a CoRE Resource Directory (RFC 9176), and what they mean.

Simple registration is taken at /.well-known/rd, and at /.well-known/core, where RIOT's cord_epsim sent it before 2020.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import replace
from enum import Enum
from typing import Protocol

from common.device_url import DeviceUrl
from server.coap import datagram
from server.coap.datagram import Datagram
from server.coap.parameters import (
    Refused,
    Registration,
    base_of,
    check_size,
    lifetime_of,
    links_of,
    query_of,
    registration_of,
    sender_of,
    trigger,
)
from server.coap.source import Received, Source

RESOURCE = "rd"
LINK = (RESOURCE, (("rt", "core.rd"), ("ct", str(datagram.LINK_FORMAT))))
"""What .well-known/core lists. RIOT's cord_ep takes the first link of the answer, whatever its attributes are."""
_OLDER = ".well-known/core"
_SIMPLE = (".well-known/rd", _OLDER)
_POST, _DELETE = 2, 4
_LOCATION_PATH, _MAX_AGE = 8, 14
_CREATED, _DELETED, _CHANGED = 0x41, 0x42, 0x44
_SERVICE_UNAVAILABLE = 0xA3
_LATER = 60
"""Seconds after which a device that found no room may try again."""
_REMEMBERED = 256
"""Removals: one that is repeated, because its answer was lost, is answered alike."""


class Outcome(Enum):
    """What became of an update."""

    DONE = "done"
    UNKNOWN = "unknown"
    NO_ROOM = "no room"


class Registrar(Protocol):
    """Knows who is registered. Each call returns at once: none waits for a device."""

    def register(self, wanted: Registration) -> str | None:
        """The registration's id, the one of before for the same endpoint and sector; None when there is no room."""

    def update(self, identity: str, lifetime: int | None, sender: DeviceUrl, base: DeviceUrl | None) -> Outcome:
        """Let it live for `lifetime` seconds from now, None for as long as last time; at `base`, where that is named."""

    def remove(self, identity: str) -> bool:
        """False when there is none."""

    def ask(self, wanted: Registration) -> bool:
        """Have the device asked for its links and registered with them; False when there is no room."""


class Directory:
    """Answers what devices ask of the directory.

    Threads: the slow lane calls `answer`, any thread `takes`.
    """

    def __init__(self, registrar: Registrar, mids: Iterator[int]) -> None:
        """`mids` gives message ids."""
        self._registrar = registrar
        self._mids = mids
        self._removed: OrderedDict[tuple[Source, int, str], None] = OrderedDict()

    def takes(self, request: Datagram) -> bool:
        """Whether this request is one for the directory."""
        path = request.path
        if path is None:
            return False
        if path == _SIMPLE[1]:
            return request.code == _POST  # all else there is discovery
        return path in (RESOURCE, _SIMPLE[0]) or path.startswith(f"{RESOURCE}/")

    def answer(self, request: Datagram, received: Received) -> bytes:
        """The response datagram."""
        try:
            code, options = self._answer(request, received)
            return self._reply(request, code, options)
        except Refused as refused:
            # Text that says why, for people (RFC 7252, 5.5.2).
            return self._reply(request, refused.code, refused.options, str(refused).encode())

    def _answer(self, request: Datagram, received: Received) -> tuple[int, tuple[tuple[int, bytes], ...]]:
        path = request.path or ""
        sender = sender_of(received.source)
        if path.startswith(f"{RESOURCE}/"):
            return self._one(request, path.removeprefix(f"{RESOURCE}/"), received.source, sender), ()
        if request.code != _POST:
            raise Refused(datagram.METHOD_NOT_ALLOWED, "Register with POST.")
        check_size(request)
        query = query_of(request)
        if path == RESOURCE:
            links = links_of(request)
            base = base_of(query, sender)
            url = trigger(links, base or sender)
            identity = self._registrar.register(registration_of(query, url, sender, base is not None))
            if identity is None:
                raise _no_room()
            return _CREATED, ((_LOCATION_PATH, RESOURCE.encode()), (_LOCATION_PATH, identity.encode()))
        if request.payload or "base" in query:
            why = "A simple registration has no payload and no base: the device itself is asked for its links."
            raise Refused(datagram.BAD_REQUEST, why)
        wanted = replace(registration_of(query, sender, sender, explicit=False), older=path == _OLDER)
        if not self._registrar.ask(wanted):
            raise _no_room()
        return _CHANGED, ()

    def _one(self, request: Datagram, identity: str, source: Source, sender: DeviceUrl) -> int:
        if request.code == _DELETE:
            key = (source, request.mid, identity)
            if not self._registrar.remove(identity) and key not in self._removed:
                raise _unknown()
            self._removed[key] = None
            if len(self._removed) > _REMEMBERED:
                self._removed.popitem(last=False)
            return _DELETED
        if request.code != _POST:
            raise Refused(datagram.METHOD_NOT_ALLOWED, "Update a registration with POST, end it with DELETE.")
        check_size(request)
        if request.payload:
            raise Refused(datagram.BAD_REQUEST, "An update has no payload: to change the links, register again at /rd.")
        query = query_of(request)
        lifetime = lifetime_of(query["lt"]) if "lt" in query else None
        outcome = self._registrar.update(identity, lifetime, sender, base_of(query, sender))
        if outcome is Outcome.UNKNOWN:
            raise _unknown()
        if outcome is Outcome.NO_ROOM:
            raise _no_room()
        return _CHANGED

    def _reply(self, request: Datagram, code: int, options: Iterable[tuple[int, bytes]], payload: bytes = b"") -> bytes:
        return datagram.answer_to(request, next(self._mids) & 0xFFFF, code, options, payload)


def _unknown() -> Refused:
    return Refused(datagram.NOT_FOUND, "There is no such registration, or it has ended: register at /rd.")


def _no_room() -> Refused:
    return Refused(_SERVICE_UNAVAILABLE, "Too many devices register now: try again later.", (_MAX_AGE, datagram.uint(_LATER)))
