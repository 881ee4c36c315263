"""The CoAP side as a whole: its parts put together, started in order and stopped in reverse."""

from __future__ import annotations

import itertools
import random
import socket
from collections.abc import Callable

from common.device_url import DeviceUrl
from server.coap.answers import Answers
from server.coap.blocks import Blocks
from server.coap.budget import Budget
from server.coap.directory import LINK, Directory, Registrar
from server.coap.endpoint import Endpoint
from server.coap.liveness import Liveness
from server.coap.observers import Observers
from server.coap.peers import Peer
from server.coap.pins import Pins
from server.coap.protocol import Protocol
from server.coap.receive_queue import ReceiveQueue
from server.coap.resources import Discovery, Link
from server.coap.selfcheck import SelfCheck
from server.coap.source import source_of
from server.coap.tally import Tally
from server.firmware.catalogue import LiveCatalogue
from server.firmware.images import ImageCache

ANSWERS = 32 << 20
"""Bytes of answers that are remembered: at 64 bytes a block, those for some 5 MB of images."""


class CoapService:
    """Serves devices over one socket, which is closed at the end.

    Threads: one owner calls `start` and `stop`; any thread reads.
    """

    def __init__(
        self,
        sock: socket.socket,
        live: LiveCatalogue,
        cache: ImageCache,
        pins: Pins,
        changed: Callable[[], None] = lambda: None,
        died: Callable[[str], None] = lambda _: None,
        rate: int | None = None,
        registrar: Registrar | None = None,
    ) -> None:
        """`pins` are the transfers under way; their clock is that of all. `changed` is told of a file that is no longer the one
        that was hashed, `died` of a thread that ended by a fault. `rate`: bytes a second that a source is sent, None for any.
        `registrar` is told of devices that register themselves; without one they cannot.
        """
        self._family = sock.family
        self.queue = ReceiveQueue(sock)
        self.tally = tally = Tally()
        mids = itertools.count(random.randrange(0x10000))  # RFC 7252, 4.4: the first one is random
        self.answers = answers = Answers(ANSWERS)
        self.pins, clock = pins, pins.clock
        self.budget = None if rate is None else Budget(rate, clock)
        allows = self.budget.allows if self.budget is not None else (lambda *_: True)
        self.observers = Observers(live, cache, pins, sock, mids, clock, allows, changed, died)
        self.self_check = SelfCheck(sock)
        self.blocks = Blocks(live, cache, pins, answers, mids, self.observers, tally, self.self_check.content)
        directory = Directory(registrar, mids) if registrar is not None else None
        discovery = Discovery(live, pins, clock, (Link(*LINK),) if directory is not None else ())
        self.protocol = Protocol(live, discovery, mids, clock, directory, tally)
        self.endpoint = Endpoint(
            sock, self.blocks, self.protocol, self.observers, cache, clock, changed, died, self.budget
        )
        self.liveness = Liveness(self.self_check.ask, lambda: self.endpoint.taken, self.queue.look)

    @property
    def port(self) -> int:
        """The UDP port that is listened on."""
        return self.endpoint.port

    def know(self, device: DeviceUrl) -> None:
        """Spare a device that is notified, at a numeric address, the bound on what a source is sent."""
        if self.budget is None:
            return
        scope = socket.if_nametoindex(device.zone) if device.zone else 0
        self.budget.exempt(source_of(Peer(device.host, device.port, scope).sockaddr(self._family)))

    def start(self) -> None:
        """Begin to receive."""
        self.endpoint.start()
        self.observers.start()

    def stop(self) -> None:
        """End all threads, wait for them, close the socket."""
        self.observers.stop()
        self.endpoint.stop()
        self.self_check.close()
