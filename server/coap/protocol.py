"""All of the protocol that is not a firmware block: CoAPthon3, behind one door."""

from __future__ import annotations

import dataclasses
import logging
import time
from collections.abc import Callable, Iterator

from server.coap import datagram
from server.coap.datagram import Datagram
from server.coap.directory import Directory
from server.coap.mended import CatalogueTree, QuietServer
from server.coap.options import ProxyWanted, Unusable, check_options
from server.coap.resources import Discovery
from server.coap.source import Received
from server.coap.tally import Tally
from server.firmware.catalogue import LiveCatalogue

_DELETE = 4
"""The last of the methods (RFC 7252, 12.1.1)."""
_log = logging.getLogger(__name__)


class Protocol:
    """Answers every datagram that the block path left.

    Threads: the slow lane calls `answer`.
    """

    def __init__(
        self,
        live: LiveCatalogue,
        discovery: Discovery,
        mids: Iterator[int],
        clock: Callable[[], float] = time.monotonic,
        directory: Directory | None = None,
        tally: Tally | None = None,
    ) -> None:
        """`mids` gives message ids; `clock` counts seconds. `directory` answers devices that register, where they may;
        `tally` counts the errors.
        """
        self._live = live
        self._directory = directory
        self._tally = Tally() if tally is None else tally
        self._server = QuietServer(CatalogueTree(live, discovery), mids, clock)

    def answer(self, received: Received, message: Datagram) -> bytes | None:
        """The datagram to send back to `message`, which is what was received, if any. Nothing raises an exception."""
        if not message.is_request:
            # A ping (RFC 7252, 4.3) and a confirmable response that nobody asked for get a reset.
            return datagram.empty(datagram.RST, message.mid) if message.type == datagram.CON else None
        try:
            answer = self._answer(message, received)
        except Exception:
            _log.exception("no answer could be made for a request from %s", received.address[0])
            answer = self._server.error(message, datagram.INTERNAL_SERVER_ERROR)
        if answer is not None and answer[1] >= datagram.BAD_REQUEST:
            self._tally.add(answer[1])
        return answer

    def _answer(self, request: Datagram, received: Received) -> bytes | None:
        directory = self._directory if self._directory is not None and self._directory.takes(request) else None
        try:
            check_options(request if directory is None else _without_block1(request))
        except ProxyWanted:
            return self._server.error(request, datagram.PROXYING_NOT_SUPPORTED)
        except Unusable:
            return self._server.error(request, datagram.BAD_OPTION) if request.type == datagram.CON else None
        if request.code > _DELETE:
            return self._server.error(request, datagram.METHOD_NOT_ALLOWED)  # RFC 7252, 5.8
        if directory is not None:
            return directory.answer(request, received)
        if request.block2 is not None and request.block2.is_reserved:
            return self._server.error(request, datagram.BAD_REQUEST)  # RFC 7959, 2.2
        if request.path is None:
            return self._server.error(request, datagram.NOT_FOUND)
        if request.code == datagram.GET and request.path in self._live.current.images:
            return None  # it was published just now: the device asks again, and the block path knows it
        return self._server.answer(request, received.address)


def _without_block1(request: Datagram) -> Datagram:
    """The directory says itself that it takes no links in blocks."""
    return dataclasses.replace(request, options=tuple(o for o in request.options if o[0] != datagram.BLOCK1))
