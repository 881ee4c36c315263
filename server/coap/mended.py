"""CoAPthon3 with its defects mended; nothing else imports the library.

Each class below mends one defect of CoAPthon3 1.0.2 and says which; each has a test that fails without it.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import Any

from coapthon import defines
from coapthon.layers.blocklayer import BlockLayer
from coapthon.layers.messagelayer import MessageLayer
from coapthon.layers.requestlayer import RequestLayer
from coapthon.messages.request import Request
from coapthon.messages.response import Response
from coapthon.resources.resource import Resource
from coapthon.serializer import Serializer
from coapthon.server.coap import CoAP
from coapthon.transaction import Transaction
from coapthon.utils import Tree

from server.coap import datagram
from server.coap.datagram import Datagram
from server.coap.pins import EXCHANGE_LIFETIME
from server.coap.resources import DISCOVERY, Discovery, TooManyWishes
from server.coap.source import Address, source_of
from server.firmware.catalogue import LiveCatalogue

_MAX_TRANSACTIONS = 1024
_MAX_SIZE = 1024


class QuietServer(CoAP):
    """Mends: a thread and a timer a request, a purge thread that is no daemon, a loop that one datagram ends.

    The receive loop and the socket are the endpoint's; this takes a request and returns bytes.
    """

    def __init__(self, root: Tree, mids: Iterator[int], clock: Callable[[], float]) -> None:
        super().__init__(("::1", 0), starting_mid=0, sock=object())
        self._messageLayer = RememberingMessages(mids, clock)
        self._blockLayer = StatelessBlocks()
        self._requestLayer = ExactRequests(self)
        self.root = root

    def purge(self) -> None:
        """RememberingMessages forgets by itself, so the library's thread for it ends at once."""

    def answer(self, request: Datagram, peer: Address) -> bytes | None:
        """The response datagram to a request whose options are in order."""
        message = WholeSerializer.from_datagram(request, peer)
        transaction = self._messageLayer.receive_request(message)
        with transaction:
            if transaction.response is None:
                self.receive_request(transaction)
            return getattr(transaction.response, "sent", None)

    def error(self, request: Datagram, code: int) -> bytes:
        """A response without a body."""
        return datagram.answer_to(request, self._messageLayer.fetch_mid(), code)

    def send_datagram(self, message: Any) -> None:
        """Keep the bytes with the message: `answer` hands them to the endpoint."""
        message.sent = bytes(Serializer.serialize(message))

    def _start_separate_timer(self, transaction: Transaction) -> None:
        """No timer: nothing behind this door takes long."""

    @staticmethod
    def _stop_separate_timer(timer: None) -> None:
        """There is none."""


class RememberingMessages(MessageLayer):
    """Mends: exchanges searched linearly and without a bound, messages put into words for the log, the hash of an
    address without its zone for a key.

    A repeated message gets the first answer again (RFC 7252, 4.5), for EXCHANGE_LIFETIME. Only the same bytes are a
    repetition: a device that was reset may use its message ids again for other requests.
    """

    def __init__(self, mids: Iterator[int], clock: Callable[[], float]) -> None:
        super().__init__(0)
        self._clock = clock
        self._mids = mids
        self._lock = threading.Lock()
        self._recent: OrderedDict[tuple[Address, Datagram], tuple[float, Any]] = OrderedDict()

    def fetch_mid(self) -> int:
        """A message id; threads never get the same one."""
        return next(self._mids) & 0xFFFF

    def receive_request(self, request: Any) -> Any:
        """The transaction of this request, an earlier one when the message is a duplicate."""
        key = (request.peer, request.datagram)
        now = self._clock()
        with self._lock:
            while self._recent:
                oldest, (since, _) = next(iter(self._recent.items()))
                if now - since <= EXCHANGE_LIFETIME and len(self._recent) < _MAX_TRANSACTIONS:
                    break
                del self._recent[oldest]
            if key in self._recent:
                return self._recent[key][1]
            transaction = Transaction(request=request, timestamp=now)
            self._recent[key] = (now, transaction)
            return transaction

    def send_response(self, transaction: Any) -> Any:
        """Piggybacked for CON, a NON of its own for NON."""
        request, response = transaction.request, transaction.response
        con = request.type == defines.Types["CON"]
        response.type = defines.Types["ACK" if con else "NON"]
        response.mid = request.mid if con else self.fetch_mid()
        transaction.completed = True
        return transaction


class StatelessBlocks(BlockLayer):
    """Mends: Block2 state by (host, port, token) that counts on, so that a repeated block has other bytes; an empty
    block behind a body of an exact multiple; state that leaks; a TypeError on block 0 of size 16.
    """

    def receive_request(self, transaction: Any) -> Any:
        """Nothing is remembered of a request (RFC 7959, 2.4)."""
        return transaction

    def send_response(self, transaction: Any) -> Any:
        """Cut the block that was asked for out of the whole body."""
        response, wanted = transaction.response, transaction.request.datagram.block2
        body = response.payload
        if body is None or response.code != defines.Codes.CONTENT.number:
            return transaction
        number, size = (wanted.number, wanted.size) if wanted else (0, _MAX_SIZE)
        if number and number * size >= len(body):
            transaction.response = refused = Response()
            refused.destination, refused.token = response.destination, response.token
            refused.code = defines.Codes.BAD_REQUEST.number
            return transaction
        more = (number + 1) * size < len(body)
        response.payload = body[number * size : (number + 1) * size]
        if wanted or more:
            response.block2 = (number, int(more), size)
        if transaction.request.datagram.wants_size2:
            response.size2 = len(body)
        return transaction


class ExactRequests(RequestLayer):
    """Mends: POST to a path that does not exist is answered by the nearest resource above it."""

    def _handle_post(self, transaction: Any) -> Any:
        path = f"/{transaction.request.uri_path}"
        if path in self._server.root:
            return super()._handle_post(transaction)
        transaction.response = Response()
        transaction.response.destination = transaction.request.source
        transaction.response.token = transaction.request.token
        transaction.response.code = defines.Codes.NOT_FOUND.number
        return transaction


class CatalogueTree(Tree):
    """Mends: `add_resource("a/b/c")` serving it at `/a` and `/a/b` too, and resource objects that request threads share.

    The tree is the catalogue: a path exists when it is served, and each look makes an object of its own.
    """

    def __init__(self, live: LiveCatalogue, discovery: Discovery) -> None:
        super().__init__()
        self._live = live
        self._discovery = discovery

    def __contains__(self, path: object) -> bool:
        below = str(path)[1:]
        return below == DISCOVERY or below in self._live.current.images

    def __getitem__(self, path: str) -> Resource:
        if path not in self:
            raise KeyError(path)
        return _Listing(self._discovery) if path[1:] == DISCOVERY else Resource(path, observable=False)

    def __setitem__(self, path: str, resource: Resource) -> None:
        raise KeyError(path)

    def with_prefix(self, path: str) -> list[str]:
        """The resource at exactly this path."""
        return [path] if path in self else []


class _Listing(Resource):
    """`.well-known/core`."""

    def __init__(self, discovery: Discovery) -> None:
        super().__init__("core", observable=False)
        self._discovery = discovery

    def render_GET_advanced(self, request: Any, response: Any) -> tuple[Resource, Any]:
        accepted = request.datagram.values(datagram.ACCEPT)
        if accepted and int.from_bytes(accepted[0], "big") != datagram.LINK_FORMAT:
            response.code = defines.Codes.NOT_ACCEPTABLE.number
            return self, response
        try:
            listing = self._discovery.listing(request.datagram, source_of(request.peer))
        except TooManyWishes:
            response.code = defines.Codes.BAD_REQUEST.number
            return self, response
        if listing is None:
            response.code = defines.Codes.SERVICE_UNAVAILABLE.number
            return self, response
        response.content_type = datagram.LINK_FORMAT
        response.etag = listing.etag
        if listing.etag in request.datagram.values(datagram.ETAG):
            response.code = defines.Codes.VALID.number
            return self, response
        response.payload = listing.data
        return self, response


class WholeSerializer(Serializer):
    """Mends: exceptions out of deserialize, payloads that must be UTF-8, an address without its zone.

    The library's parser gets only what datagram.parse found in order, without what it stumbles over.
    """

    @classmethod
    def from_datagram(cls, request: Datagram, peer: Address) -> Any:
        """The library's Request; `datagram` and `peer` on it are the message and the sender, whole."""
        known = tuple((n, v) for n, v in request.options if n in _PASSED_ON and _is_text(v))
        plain = Datagram(request.type, request.code, request.mid, request.token, known)
        message = cls.deserialize(datagram.encode(plain), _source(peer))
        if not isinstance(message, Request):
            raise ValueError("the library did not read a request that is in order")
        message.payload = request.payload
        message.datagram = request
        message.peer = peer
        return message


_PASSED_ON = frozenset({datagram.URI_PATH, datagram.URI_QUERY})
"""What the library decides by. The rest is read from the datagram, whose numbers of no bytes it takes for None."""


def _is_text(value: bytes) -> bool:
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return True


def _source(peer: Address) -> tuple[str, int]:
    """The library's pair, with the zone kept in the host."""
    zone = f"%{peer[3]}" if len(peer) == 4 and peer[3] else ""
    return peer[0] + zone, peer[1]
