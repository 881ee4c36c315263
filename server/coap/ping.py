"""A CoAP client that can also make sure that somebody is there before it asks anything (RFC 7252, 4.3)."""

from __future__ import annotations

from common.device_url import DeviceUrl
from common.errors import DeviceRefused
from server.coap import datagram
from server.coap.client import CoapClient


class Pinger(CoapClient):
    """Threads: as CoapClient; any thread calls `ping` and waits in it."""

    def ping(self, target: DeviceUrl) -> None:
        """Send an empty confirmable message of four bytes and wait for its reset.

        Raises DeviceUnreachable when nothing came back, DeviceRefused when something else did, or when the target must
        not be asked.
        """
        peer = self._locate(target)
        with self._exchanges.open(peer) as exchange:
            reply = self._await(exchange, datagram.empty(datagram.CON, exchange.mid))
        if reply.type != datagram.RST:
            raise DeviceRefused("The device did not answer a ping with a reset.", reply.dotted_code)
