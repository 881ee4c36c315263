"""A CoAP client that can also make sure that somebody is there before it asks anything (RFC 7252, 4.3)."""

from __future__ import annotations

from common.device_url import DeviceUrl
from common.errors import DeviceRefused
from server.coap import datagram
from server.coap.client import CoapClient
from server.coap.datagram import Block


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

    def knock(self, target: DeviceUrl) -> None:
        """The same of a device that drops empty messages, as RIOT's gcoap did: a GET of no path, in the smallest blocks.

        It has 10 bytes, and whatever is answered shows that somebody is there. Raises as `ping` does.
        """
        self._exchange(self._locate(target), "GET", [], b"", Block(0, False, 0))
