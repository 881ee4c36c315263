"""A simulated RIOT device: it answers requests, and does what they ask for."""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from common.device_url import DeviceUrl
from server.coap import datagram
from server.coap.datagram import Datagram
from server.rehearsal import resources
from server.rehearsal.console import Console
from server.rehearsal.faults import Fault
from server.rehearsal.fetch import Way
from server.rehearsal.flash import Flash
from server.rehearsal.profile import Profile
from server.rehearsal.resources import Reply, Told
from server.rehearsal.update import Update

FETCH_DELAY = 0.002
"""Seconds from the answer to the trigger to the first request for the manifest."""
REBOOT_DELAY = 1.0
"""Seconds for which RIOT's worker sleeps before it reboots."""
_RECEIVE = 2048


class End(StrEnum):
    """What became of the last trigger."""

    UPDATED = "updated"
    FAILED = "failed"
    REFUSED = "refused"
    NOT_ANSWERED = "not-answered"
    NOTHING_ASKED = "nothing-asked"
    LOST_POWER = "lost-power"
    RADIO_DEAD = "radio-dead"
    NOT_REBOOTED = "not-rebooted"
    DEAD = "dead"


@dataclass(frozen=True, slots=True)
class Outcome:
    """Where a device ended up."""

    end: End
    slot: int
    version: int
    error: int | None
    """The number on its serial console."""


class Device:
    """One device on one socket, which is bound already. The loop's thread calls everything."""

    def __init__(self, sock: socket.socket, profile: Profile, way: Way, console: Console) -> None:
        self._socket = sock
        self._profile = profile
        self._way = way
        self._console = console
        self._flash = Flash(profile.offsets, profile.version)
        self._on = True
        self._mid = way.chance.randrange(0x10000)
        self._update: Update | None = None
        self._lost_power = False
        self._last: tuple[Any, int] | None = None
        """The last trigger's source and message id."""
        self.outcome: Outcome | None = None
        """None until a trigger has had all its effects."""

    @property
    def address(self) -> str:
        """Its own."""
        return self._way.address

    @property
    def url(self) -> str:
        """What a person types to notify it."""
        return str(DeviceUrl(self._way.address, int(self._socket.getsockname()[1])))

    @property
    def as_expected(self) -> bool:
        """Whether it has the new version, or something was wrong with it to begin with."""
        whole = self._profile.fault in (None, Fault.NO_PROOF)
        return self.outcome is not None and (not whole or self.outcome.end is End.UPDATED)

    def start(self) -> None:
        """Begin to answer."""
        self._socket.setblocking(False)
        self._way.loop.watch(self._socket, self._readable)

    def stop(self) -> None:
        """Close its sockets."""
        if self._update is not None:
            self._update.stop()
        self._on = False
        self._way.loop.forget(self._socket)
        self._socket.close()

    def _readable(self) -> None:
        try:
            data, source = self._socket.recvfrom(_RECEIVE)
        except OSError:
            return  # an ICMP error of an earlier answer
        self._way.radio.carry(lambda: self._arrived(data, source))

    def _arrived(self, data: bytes, source: Any) -> None:
        message = datagram.parse(data)
        if not self._on or message is None or message.type not in (datagram.CON, datagram.NON):
            return
        if not message.is_request:
            if message.type == datagram.CON:
                self._send(datagram.empty(datagram.RST, message.mid), source)  # a CoAP ping (RFC 7252, 4.3)
            return
        if message.path == resources.TRIGGER and message.code == resources.POST:
            self._triggered(message, source)
        else:
            self._reply(message, resources.reply(message, self._told), source)

    @property
    def _told(self) -> Told:
        return Told(self._profile.board, self._flash.active if self._profile.slots else None)

    def _reply(self, request: Datagram, reply: Reply, source: Any) -> None:
        self._mid = (self._mid + 1) & 0xFFFF
        self._send(datagram.answer_to(request, self._mid, reply.code, reply.options, reply.payload), source)

    def _send(self, data: bytes, to: Any) -> None:
        def send() -> None:
            try:
                if self._on:
                    self._socket.sendto(data, to)
            except OSError:
                pass  # nobody is there any more: to a device that is nothing

        self._way.radio.carry(send)

    def _triggered(self, request: Datagram, source: Any) -> None:
        """Answer it, and act on it once, however often it comes (RFC 7252, 4.5)."""
        fault, reply = self._profile.fault, resources.reply(request, self._told)
        repeated, self._last = self._last == (source, request.mid), (source, request.mid)
        if fault is Fault.NO_ANSWER:
            return None if repeated else self._settle(End.NOT_ANSWERED, "(does not answer the trigger)")
        if fault is Fault.REFUSES:
            self._reply(request, Reply(datagram.NOT_FOUND), source)
            return None if repeated else self._settle(End.REFUSED, "(refuses the trigger)")
        self._reply(request, reply, source)
        if repeated or reply.code != resources.CREATED:
            return None
        url = self._url_in(request.payload)
        self._say("triggered", f'suit: received URL: "{url}"', url=url)
        if fault is Fault.NEVER_FETCHES:
            return self._settle(End.NOTHING_ASKED, "(asks for nothing)")
        if self._update is None:
            self._begin(url)
        return None  # RIOT answers 2.01 while an update runs, too, and does no more

    def _url_in(self, payload: bytes) -> str:
        url, ended, _ = payload.partition(b"\0")
        if self._profile.fault is Fault.WRONG_PATH or (self._profile.nul_bug and not ended):
            url += b"0"
        return url.decode(errors="replace")

    def _begin(self, url: str) -> None:
        self.outcome = None
        update = Update(self._profile, self._way, self._flash, self._say, self._installed, self._failed, self._middle)
        self._update = update

        def start() -> None:
            if self._update is update:
                update.start(url)

        self._way.loop.after(FETCH_DELAY, start)

    def _installed(self) -> None:
        self._say("installed", "suit_worker: update successful")
        if self._profile.fault is Fault.NO_REBOOT:
            self._update = None
            self._settle(End.NOT_REBOOTED, "(does not reboot)")
        else:
            self._way.loop.after(REBOOT_DELAY, self._reboot_into_new)

    def _failed(self, error: int | None, why: str) -> None:
        self._update = None
        number = "" if error is None else f" ({error})"
        self._say("failed", f"suit_worker: update failed, hdr invalid{number}: {why}", error, reason=why)
        self._settle(End.FAILED, error=error)

    def _middle(self) -> bool:
        if self._profile.fault is Fault.POWER_LOSS and not self._lost_power:
            self._lost_power = True
            self._say("power-loss", "(loses power)")
            self._reboot(lambda: self._settle(End.LOST_POWER))
        elif self._profile.fault is Fault.RADIO_DIES:
            self._on = False
            self._settle(End.RADIO_DEAD, "(its radio dies)")
        else:
            return False
        self._update = None
        return True

    def _reboot_into_new(self) -> None:
        if not self._on:
            return  # stopped meanwhile
        self._update = None
        self._say("rebooting", "suit_worker: rebooting...")
        dies = self._profile.fault is Fault.DIES_AFTER_REBOOT
        self._reboot(lambda: self._settle(End.DEAD if dies else End.UPDATED, "(never answers again)" if dies else ""), dies)

    def _reboot(self, then: Callable[[], None], dies: bool = False) -> None:
        self._on = False

        def boot() -> None:
            self._flash.boot()
            self._on = not dies
            if not dies:
                slot, version = self._flash.active, self._flash.version
                self._say("running", f"running from slot {slot}, APP_VER {version}", slot=slot, version=version)
            then()

        self._way.loop.after(self._profile.boot_time, boot)

    def _settle(self, end: End, line: str = "", error: int | None = None) -> None:
        slot, version = self._flash.active, self._flash.version
        self.outcome = Outcome(end, slot, version, error)
        self._say("settled", line, error, end=end.value, slot=slot, version=version)

    def _say(self, event: str, line: str, error: int | None = None, **facts: object) -> None:
        self._console.say(self._way.address, event, line, error, **facts)
