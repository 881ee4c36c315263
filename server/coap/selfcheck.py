"""Whether devices would be answered: the server asks itself for a file, through the network and the block path.

The file is made of random bytes at each start and has a random name; only the socket that asks is given it. So it works
without a single release, nobody else can see it, and since it holds no pin and is never remembered, it is no transfer, no
miss, no device, and none of the blocks that are counted.
"""

from __future__ import annotations

import hashlib
import secrets
import socket
import threading
import time

from server.coap import datagram
from server.coap.addresses import reachable_at
from server.coap.datagram import Block, Datagram
from server.coap.source import Source, source_of
from server.firmware.images import Content

_SIZE = 40
_SZX = 0
"""Blocks of 16 bytes."""
_BLOCKS = 3
"""That the file takes."""
_FIRST_WAIT = 0.25
"""Seconds until a request is sent again; they double."""


class Silence(str):
    """The sentence where nothing came back in time: the request may not have been received at all."""


class SelfCheck:
    """Threads: any calls `ask`, one after the other, one owner `close` at the end; the receive loop calls `content`."""

    def __init__(self, server: socket.socket) -> None:
        """`server` is the bound socket that devices ask."""
        self._server = server
        self._asking = threading.Lock()
        data = secrets.token_bytes(_SIZE)
        digest = hashlib.sha256(data)
        self._content = Content(data, digest.hexdigest(), digest.digest()[:8])
        self._path = f".self-{secrets.token_hex(8)}"
        self._mid = secrets.randbelow(0x10000)
        self._socket: socket.socket | None = None
        self._source: Source = b""

    def content(self, source: Source, path: str) -> Content | None:
        """The file, for its own path and the socket that asks here; None for everything else."""
        return self._content if path == self._path and source == self._source else None

    def ask(self, limit: float) -> str | None:
        """Fetch the file within `limit` seconds; None when every byte is right, else a sentence for the log."""
        with self._asking:
            return self._ask(limit)

    def _ask(self, limit: float) -> str | None:
        end = time.monotonic() + limit
        try:
            sock = self._socket or self._open()
            got = b""
            for number in range(_BLOCKS):
                answer = self._exchange(sock, number, end)
                if answer is None:
                    why = f"the server asked itself for a file, and got nothing within {limit:.1f} s."
                    return Silence(f"CoAP does not answer in time: {why}")
                if answer.code != datagram.CONTENT or answer.block2 != Block(number, number < _BLOCKS - 1, _SZX):
                    return f"CoAP answers wrongly: the server asked itself for block {number}, and got {answer.dotted_code}."
                got += answer.payload
        except OSError as error:
            self._close()
            return f"CoAP does not answer: the server cannot ask itself for a file ({error.strerror or error})."
        if got != self._content.data:
            return "CoAP answers wrongly: the server asked itself for a file, and got other bytes."
        return None

    def close(self) -> None:
        """Close the socket that asks."""
        with self._asking:
            self._close()

    def _close(self) -> None:
        sock, self._socket, self._source = self._socket, None, b""
        if sock is not None:
            sock.close()

    def _open(self) -> socket.socket:
        """Raises OSError."""
        refused = OSError("it has no address")
        for address in reachable_at(self._server):
            sock = socket.socket(self._server.family, socket.SOCK_DGRAM)
            try:
                sock.connect(address)
            except OSError as error:
                sock.close()
                refused = error
                continue
            name = sock.getsockname()
            self._source = source_of((name[0].partition("%")[0], *name[1:]))
            self._socket = sock
            return sock
        raise refused

    def _exchange(self, sock: socket.socket, number: int, end: float) -> Datagram | None:
        """One block's answer; None for silence. Raises OSError."""
        self._mid = (self._mid + 1) & 0xFFFF
        path, block = (datagram.URI_PATH, self._path.encode()), (datagram.BLOCK2, datagram.uint(number << 4 | _SZX))
        request = datagram.encode(Datagram(datagram.CON, datagram.GET, self._mid, b"", (path, block)))
        wait = _FIRST_WAIT
        while (now := time.monotonic()) < end:
            sock.send(request)
            again = min(now + wait, end)
            while (left := again - time.monotonic()) > 0:
                sock.settimeout(left)
                try:
                    answer = datagram.parse(sock.recv(2048))
                except TimeoutError:
                    break
                if answer is not None and answer.mid == self._mid and answer.type == datagram.ACK and answer.code:
                    return answer
            wait *= 2
        return None
