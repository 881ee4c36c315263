"""Devices that register themselves: each is asked whether it is there, and only then it is known (RFC 9176).

A source address can be forged, so all that goes there unasked is a ping of four bytes, or a knock of ten, which is less
than the request that caused it, at most as often as `Allowance` says; nothing is fetched from an address that has not
answered it.
"""

from __future__ import annotations

import logging
import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

from common.device_url import DeviceUrl
from common.errors import DeviceRefused, DeviceUnreachable
from server.coap import linkformat
from server.coap.client import Answer, Timing
from server.coap.directory import Outcome
from server.coap.linkformat import InvalidLinks
from server.coap.parameters import Registration, trigger
from server.fleet.crew import Crew
from server.fleet.devices.allowance import Allowance
from server.fleet.devices.entries import MOST, Entries, Entry, base_of
from server.fleet.devices.known import address_of

TIMING = Timing(max_retransmit=2, response_timeout=20.0)
"""With its headers, a ping that is sent three times is still less than two registrations."""
MOST_WAITING = 256
"""Devices that are asked, or are to be."""
_ASKED_AT_ONCE = 8
_FRESH = 60.0
"""Seconds: a device that was asked so short ago is not asked again when it repeats its registration."""
_CORE = ".well-known/core"
_log = logging.getLogger(__name__)

Known = Callable[[DeviceUrl, str], None]
"""Hears where a device takes notifications, and its name; it has answered there."""


class Asker(Protocol):
    """A CoAP client: `server.coap.ping.Pinger`."""

    def start(self) -> None:
        """Begin to receive."""

    def stop(self) -> None:
        """End every wait."""

    def resolve(self, target: DeviceUrl) -> DeviceUrl:
        """As CoapClient.resolve."""

    def ping(self, target: DeviceUrl) -> None:
        """As Pinger.ping."""

    def knock(self, target: DeviceUrl) -> None:
        """As Pinger.knock."""

    def request(self, method: str, target: DeviceUrl, path: str, payload: bytes = b"") -> Answer:
        """As CoapClient.request."""


@dataclass(frozen=True, slots=True)
class _Proof:
    """A device is there, at a numeric address; what to register, its own links looked at, if it asked for that."""

    numeric: DeviceUrl
    wanted: Registration | None


class Registry:
    """A `server.coap.directory.Registrar`. Before `start` and after `stop` it has no room.

    Threads: the CoAP slow lane calls `register`, `update`, `remove` and `ask`, which never wait; one owner calls `start`
    and `stop`; any thread reads `all` and `waiting`, or calls `forget`; `registered_N` ask devices, and call what `start`
    was given.
    """

    def __init__(self, asker: Asker, clock: Callable[[], float], most: int = MOST) -> None:
        """`asker` is the registry's own, and started and stopped by it; `clock` counts seconds; `most` registrations."""
        self._asker = asker
        self._clock = clock
        self._lock = threading.Lock()
        self._entries = Entries(clock, most)
        self._allowance = Allowance(clock)
        self._asking: dict[DeviceUrl, Registration | None] = {}
        """Address and port, and what is to be registered with the device's own links, if anything."""
        self._pool: Crew | None = None
        self._known: Known = lambda *_: None

    def start(self, known: Known) -> None:
        """Begin to take registrations. Raises OSError as CoapClient.start does."""
        self._asker.start()
        with self._lock:
            self._known = known
            self._pool = Crew(_ASKED_AT_ONCE, "registered")
            self._pool.start()

    def stop(self) -> None:
        """End every wait, and wait for the threads. A second call does nothing."""
        with self._lock:
            pool, self._pool = self._pool, None
        if pool is not None:
            self._asker.stop()
            pool.stop()

    def all(self) -> list[Entry]:
        """Who is registered now."""
        with self._lock:
            return self._entries.all()

    @property
    def waiting(self) -> int:
        """Devices that are being asked, or are to be."""
        with self._lock:
            return len(self._asking)

    def register(self, wanted: Registration) -> str | None:
        """The id, once more that of before for the same endpoint; None when there is no room to ask the device."""
        with self._lock:
            before = self._entries.find(*wanted.key)
            is_there = before is not None and before.answered and before.url == wanted.url
            if not is_there and not self._confirm(base_of(wanted.url), wanted.sender):
                return None
            entry = self._put(wanted, is_there)
        return entry.identity

    def update(self, identity: str, lifetime: int | None, sender: DeviceUrl, base: DeviceUrl | None) -> Outcome:
        """Where the device named no address, it is where the update comes from (RFC 9176, 5.3.1)."""
        with self._lock:
            entry = self._entries.get(identity)
            if entry is None:
                return Outcome.UNKNOWN
            there = base or (entry.base if entry.explicit else sender)
            url = replace(there, path=entry.url.path)
            is_there = entry.answered and url == entry.url
            if not is_there and not self._confirm(base_of(url), sender):
                return Outcome.NO_ROOM
            seconds, now = entry.lifetime if lifetime is None else lifetime, self._clock()
            self._entries.put(
                replace(
                    entry, url=url, explicit=entry.explicit or base is not None, lifetime=seconds, ends=now + seconds,
                    asked=entry.asked if is_there else now, answered=is_there,
                )
            )  # fmt: skip
        return Outcome.DONE

    def remove(self, identity: str) -> bool:
        """The device stays known: it only is not registered any more."""
        with self._lock:
            return self._entries.drop(identity)

    def forget(self, address: str) -> None:
        """End every registration of the device at this address and zone: should it be there, it is told so at its next
        update, and registers anew (RFC 9176, 5.3.1)."""
        with self._lock:
            for entry in self._entries.all():
                if address_of(entry.url) == address:
                    self._entries.drop(entry.identity)

    def ask(self, wanted: Registration) -> bool:
        """It is registered when it has answered; one that repeats itself is not asked anew."""
        base = base_of(wanted.url)
        with self._lock:
            under_way = self._asking.get(base)
            if under_way is not None:
                return under_way.key == wanted.key
            entry = self._entries.find(*wanted.key)
            now = self._clock()
            if entry is not None and entry.answered and entry.base == base and now - entry.asked < _FRESH:
                self._entries.put(replace(entry, lifetime=wanted.lifetime, ends=now + wanted.lifetime))
                return True
            return base not in self._asking and self._submit(base, wanted.sender, wanted)

    def _confirm(self, base: DeviceUrl, sender: DeviceUrl) -> bool:
        """Under the lock. Have a device pinged; True also when it is already."""
        return base in self._asking or self._submit(base, sender, None)

    def _submit(self, base: DeviceUrl, sender: DeviceUrl, simple: Registration | None) -> bool:
        if self._pool is None or len(self._asking) >= MOST_WAITING or not self._allowance.take(address_of(sender)):
            return False
        self._asking[base] = simple
        self._pool.submit(self._ask, base, simple)
        return True

    def _put(self, wanted: Registration, answered: bool) -> Entry:
        before = self._entries.find(*wanted.key)
        now = self._clock()
        entry = Entry(
            before.identity if before is not None else secrets.token_hex(4), wanted.endpoint, wanted.sector, wanted.url,
            wanted.explicit, wanted.lifetime, now + wanted.lifetime, now, answered,
        )  # fmt: skip
        self._entries.put(entry)
        return entry

    def _ask(self, base: DeviceUrl, simple: Registration | None) -> None:
        proof = self._prove(base, simple)
        with self._lock:
            del self._asking[base]
            there = [] if proof is None else self._settle(base, proof.wanted)
        for entry in there:
            assert proof is not None
            url = replace(entry.url, host=proof.numeric.host, zone=proof.numeric.zone)
            _log.info("device %s registered as %r", url, entry.endpoint)
            try:
                self._known(url, entry.endpoint)
            except Exception:
                _log.exception("%s is registered, but could not be made known", url)

    def _prove(self, base: DeviceUrl, simple: Registration | None) -> _Proof | None:
        try:
            numeric = self._asker.resolve(base)
            if simple is not None and simple.older:
                self._asker.knock(numeric)
            else:
                self._asker.ping(numeric)
            return _Proof(numeric, None if simple is None else self._with_links(simple, numeric))
        except (DeviceUnreachable, DeviceRefused, InvalidLinks) as error:
            _log.info("%s wanted to be registered, but did not prove to be there: %s", base, error)
        except Exception:
            _log.exception("asking %s, which wanted to be registered, failed", base)
        return None

    def _settle(self, base: DeviceUrl, wanted: Registration | None) -> list[Entry]:
        """Under the lock. Whoever registered there meanwhile has answered, too."""
        there = [replace(e, answered=True) for e in self._entries.all() if e.base == base and not e.answered]
        for entry in there:
            self._entries.put(entry)
        if wanted is not None:
            there = [entry for entry in there if (entry.endpoint, entry.sector) != wanted.key]
            there.append(self._put(wanted, answered=True))
        return there

    def _with_links(self, wanted: Registration, base: DeviceUrl) -> Registration:
        """Raises DeviceUnreachable, DeviceRefused and InvalidLinks."""
        answer = self._asker.request("GET", base, _CORE)
        if answer.code != "2.05":
            raise DeviceRefused(f"The device answered {answer.code} where its links were asked for.", answer.code)
        return replace(wanted, url=trigger(linkformat.parse(answer.payload), wanted.url))
