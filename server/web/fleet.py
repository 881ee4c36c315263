"""What programs ask for of the devices: JSON of what server/fleet knows, and names and groups that people give."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import bottle

from common.device import Device
from common.errors import InvalidRequest
from common.notification import BatchState, Notification
from server.fleet.fleet import Fleet
from server.fleet.record.history_table import table
from server.web import uploads
from server.web.asker import note
from server.web.responses import as_json, list_unless_known

_LONGEST_NAME = 64
_MOST_EVENTS = 5000


class FleetApi:
    """Threads: the web workers call it."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self.turn = threading.Lock()
        """Held by whoever looks at all devices and transfers: what that takes, thousands of each, is taken once at a time."""

    def transfers(self) -> bottle.HTTPResponse:
        """The JSON shape `transfers`: those under way, and those that ended within the last hour."""
        with self.turn:
            return list_unless_known("transfers", (transfer.to_json() for transfer in self._fleet.transfers.all()))

    def devices(self) -> bottle.HTTPResponse:
        """The JSON shape `devices`."""
        with self.turn:
            return list_unless_known("devices", (device.to_json() for device in self._fleet.devices.all()))

    def device(self, address: str) -> dict[str, Any]:
        """One device and the latest of what happened with it. Raises NotFound."""
        device = self._fleet.devices.get(address)
        events = self._fleet.history.last(100, device=device.device)
        return device.to_json() | {"events": [event.to_json() for event in events]}

    def name(self, address: str) -> dict[str, Any]:
        """JSON or a form: its name, its group, or both. Raises NotFound and InvalidRequest."""
        data: Any
        if uploads.is_form(bottle.request):
            forms = uploads.fields(bottle.request)
            data = {key: uploads.field(forms, key) for key in ("name", "group") if forms.getall(key)}
        else:
            data = uploads.json_of(bottle.request)
        if not isinstance(data, dict) or not set(data) & {"name", "group"}:
            raise InvalidRequest('A device is given a name and a group as JSON: {"name": "cellar", "group": "kitchen"}.')
        name, group = (_clean(data.get(key), key) for key in ("name", "group"))
        return self._named(address, name, group).to_json()

    def _named(self, address: str, name: str | None, group: str | None) -> Device:
        device = self._fleet.devices.name(address, name, group)
        what = f"{address} is called {device.name!r}, in group {device.group!r}."
        note(self._fleet.history, "named", what, device=address, name=device.name, group=device.group)
        return device

    def forget(self, address: str) -> dict[str, Any]:
        """Know it no more, until it is heard again. Raises NotFound and InvalidRequest."""
        device = self._fleet.forgetting.forget(address)
        called = f", which was called {device.name!r}" if device.name else ""
        note(self._fleet.history, "forgotten", f"Forgot {address}{called}.", device=address, name=device.name, group=device.group)
        return {"forgotten": address}

    def history(self) -> bottle.HTTPResponse:
        """The JSON shape `history`: `?since=ID&limit=N&kind=&device=&publish_id=`."""
        query = bottle.request.query
        limit = min(_number(query, "limit") or 500, _MOST_EVENTS)
        wanted = {key: query.getunicode(key) or None for key in ("kind", "device", "publish_id")}
        since = _number(query, "since")
        with self.turn:
            page = self._fleet.history.since(since, limit, **wanted)
            return as_json(page.to_json() | {"trouble": self._fleet.history.trouble}, 200)

    def history_csv(self) -> bottle.HTTPResponse:
        """The same as a table, whole."""
        since = _number(bottle.request.query, "since")
        rows: Iterator[bytes] = (text.encode() for text in table(self._fleet.history, since))
        return bottle.HTTPResponse(
            rows, Content_Type="text/csv; charset=utf-8", Content_Disposition='attachment; filename="history.csv"'
        )

    def notifications(self) -> dict[str, Any]:
        """The batches that are remembered, the latest first."""
        return {"notifications": [notification.to_json() for notification in self._fleet.notifier.all()]}

    def set_state(self, number: str) -> Notification:
        """POST `state=running|paused|cancelled`. Raises NotFound and InvalidRequest."""
        text = uploads.field(uploads.fields(bottle.request), "state")
        states = {s.value: s for s in (BatchState.RUNNING, BatchState.PAUSED, BatchState.CANCELLED)}
        if text not in states:
            raise InvalidRequest(f"The field 'state' is {text!r}; it is {', '.join(states)}.")
        changed = self._fleet.notifier.set_state(number, states[text])
        what = f"Notifying of {changed.publish_id} is {changed.state}."
        note(self._fleet.history, "batch", what, changed.publish_id, notification=number, state=changed.state)
        return changed


def _number(query: bottle.FormsDict, name: str) -> int | None:
    text = query.get(name)
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise InvalidRequest(f"The parameter {name!r} is {text!r}; it is a whole number.")
    return int(text)


def _clean(value: object, name: str) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str) or len(value) > _LONGEST_NAME or not (value.isprintable()):
        raise InvalidRequest(f"The {name} of a device is a text of at most {_LONGEST_NAME} characters.")
    return value.strip()
