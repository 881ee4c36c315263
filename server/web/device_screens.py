"""The pages of the devices as HTML."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import quote

from bottle import SimpleTemplate

from common import __version__
from common.device import Device
from common.event import Event
from common.release import Release, State
from common.transfer import Transfer, TransferState
from common.waves import DEFAULT
from server.access.visitor import Visitor
from server.web.cards import breakable, human_size, when
from server.web.device_rows import GROUPS, LOOKS, Row, counts, current, percent, progress, row
from server.web.pages import VIEWS, log_in_at
from server.web.works import Work

_TRANSFERS = {
    TransferState.RUNNING: ("Running", "move"),
    TransferState.STALLED: ("Stalled", "warn"),
    TransferState.DONE: ("Done", "good"),
    TransferState.ABANDONED: ("Abandoned", "bad"),
    TransferState.RESTARTED: ("Begun anew", "quiet"),
}
LONGEST_CHOICE = 200
_DRAWN = "<!-- rows -->"
"""Where they go: what is said of anybody's devices has no such tag, for it is escaped."""
_BLANK = Row("", "", "", "", "", "", "", LOOKS["idle"], "", None, "", None, dt.datetime.fromtimestamp(0, dt.UTC))
"""What a script makes the row of a new device of."""


@dataclass(frozen=True, slots=True)
class DeviceContext:
    """What is said on every page of the devices."""

    now: dt.datetime
    visitor: Visitor
    """Who looks at it, and what they may do."""
    trouble: str
    """Why the history cannot be recorded, as a sentence; empty when it is."""
    coap_port: int = 5683


@dataclass(frozen=True, slots=True)
class Choice:
    """What the list is narrowed down to; with scripts this happens in the browser."""

    words: str = ""
    """LONGEST_CHOICE characters at most."""
    group: str = ""

    def of(self, rows: Sequence[Row]) -> frozenset[str]:
        """The addresses of those of the group in which every word is somewhere."""
        words = frozenset(self.words.lower().split())
        return frozenset(row.address for row in rows if self.group in ("", row.look.group) and _has(row, words))


class DeviceScreens:
    """Renders from the templates in views/. Threads: the web workers call it."""

    def __init__(self) -> None:
        self._devices = _template("devices")
        self._row = _template("device-row")
        self._device = _template("device")
        self._works = _template("works")
        self._forget = _template("forget")

    def devices(
        self,
        rows: Sequence[Row],
        works: Sequence[Work],
        releases: Sequence[Release],
        choice: Choice,
        context: DeviceContext,
        forgotten: str = "",
    ) -> bytes:
        """The list; `forgotten` is the address of a device that a person has just had forgotten."""
        groups = [(name, word, _address(choice.words, name)) for name, word in GROUPS]
        shown = choice.of(rows)
        head, _, tail = str(
            self._devices.render(
                root="", title="Devices · OTA Server", version=__version__, ctx=context, rows=rows, works=works, choice=choice,
                longest_choice=LONGEST_CHOICE, shown=shown, drawn=_DRAWN,
                groups=groups, counts=counts(rows), blank=_BLANK, now=when(context.now), waves=DEFAULT,
                coap_port=context.coap_port, looks=json.dumps({key: asdict(look) for key, look in LOOKS.items()}),
                releases=[r.publish_id for r in releases if r.state is State.READY],
                fleet_groups=sorted({one.group for one in rows if one.group}), visitor=context.visitor,
                log_in=log_in_at("devices"), forgotten=forgotten,
            )
        ).partition(_DRAWN)  # fmt: skip
        # Thousands: as one text for all of them, and in a template's list of pieces, they would take many times as much.
        drawn = (str(self._row.render(root="", row=one, shown=one.address in shown)).encode() for one in rows)
        return b"".join([head.encode(), *drawn, tail.encode()])

    def works(self, works: Sequence[Work], context: DeviceContext) -> str:
        """The part of the list's page above the list; a script asks for it again and again."""
        return str(self._works.render(root="", works=works, ctx=context))

    def device(self, device: Device, transfers: Sequence[Transfer], events: Sequence[Event], context: DeviceContext) -> str:
        """One device: its update, its transfers, and its timeline."""
        shown = row(device, current(transfers).get(device.device))
        return str(
            self._device.render(
                root="../", title=f"{shown.title} · OTA Server", version=__version__, ctx=context, device=device, row=shown,
                now=when(context.now), here=quote(device.device, safe=""),
                transfers=[_transfer(t) for t in sorted(transfers, key=lambda t: t.started, reverse=True)],
                events=[(when(e.time), e.kind, e.what, e.who) for e in events], visitor=context.visitor,
                log_in="../" + log_in_at(f"devices/{quote(device.device, safe='')}"),
            )
        )  # fmt: skip

    def confirm_forget(self, device: Device, transfers: Sequence[Transfer]) -> str:
        """The question before a device is forgotten, with what goes."""
        moving = current(transfers).get(device.device)
        shown = row(device, moving)
        return str(
            self._forget.render(
                root="../../", title=f"Forget {shown.title}?", version=__version__, device=device, row=shown,
                here=quote(device.device, safe=""), moves=moving is not None,
            )
        )  # fmt: skip


def _has(one: Row, words: Collection[str]) -> bool:
    told = " ".join((one.title, one.under, one.group, one.board, one.release, one.look.word, one.reason)).lower()
    return all(word in told for word in words)


def _transfer(found: Transfer) -> dict[str, Any]:
    word, kind = _TRANSFERS[found.state]
    return {
        "role": found.role.value if found.role else "file", "path": found.path, "word": word, "kind": kind,
        "percent": percent(found), "progress": progress(found), "bytes": f"{human_size(found.bytes)} of {human_size(found.size)}",
        "again": found.asked_again, "started": when(found.started),
    }  # fmt: skip


def _address(words: str, group: str) -> str:
    parts = [f"{name}={quote(value, safe='')}" for name, value in (("show", group), ("q", words)) if value]
    return f"devices?{'&'.join(parts)}" if parts else "devices"


def tag(*parts: object) -> str:
    """An ETag of what a page is made of."""
    return f'W/"{hashlib.sha256(repr(parts).encode()).hexdigest()[:16]}"'


def _template(name: str) -> Any:
    template = SimpleTemplate(name=f"{name}.tpl", lookup=[str(VIEWS)])
    template.defaults = {"wrap": breakable}
    return template
