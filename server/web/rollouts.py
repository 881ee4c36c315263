"""What programs and forms ask for of rollouts: begin one, watch it, pause it, let it go on, stop it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import bottle

from common.errors import InvalidRequest
from common.rollout import Accept, Rollout, RolloutState
from common.waves import DEFAULT, Waves
from server.fleet.fleet import Fleet
from server.web import uploads
from server.web.asker import who_asks
from server.web.recipients import recipients
from server.web.responses import as_json, unless_known

_FIELDS = ("publish_id", "urls", "group", "waves", "share", "stop_after", "accept")
_EXAMPLE = '{"publish_id": "version_42", "urls": ["[fd00::2]/suit/trigger"], "waves": "1, 10 %, rest"}'


class RolloutApi:
    """Threads: the web workers call it."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet

    def all(self) -> bottle.HTTPResponse:
        """`{"rollouts": [rollout]}`, the latest first."""
        return unless_known({"rollouts": [rollout.to_json() for rollout in self._fleet.rollouts.all()]})

    def one(self, number: str) -> bottle.HTTPResponse:
        """The JSON shape `rollout`. Raises NotFound."""
        return unless_known(self._fleet.rollouts.get(number).to_json())

    def create(self) -> Rollout:
        """Begin one, of a form or of JSON. Raises InvalidRequest, ReleaseNotFound, InvalidRelease and StoreFull."""
        asked = _asked()
        publish_id = _text(asked, "publish_id")
        urls, groups = ",".join(_texts(asked, "urls")), _texts(asked, "group")
        devices = recipients(urls, groups, self._fleet.devices, "can be in one rollout")
        waves = Waves.parse(_text(asked, "waves", DEFAULT))
        share = _share(_text(asked, "share", "100 %"))
        stop_after = _whole(_text(asked, "stop_after", "1"))
        accept = _text(asked, "accept", Accept.CONFIRMED.value)
        if accept not in list(Accept):
            raise InvalidRequest(f"The field 'accept' is {accept!r}; it is {' or '.join(Accept)}.")
        return self._fleet.rollouts.create(publish_id, devices, waves, share, stop_after, Accept(accept), who_asks())

    def create_json(self) -> bottle.HTTPResponse:
        """201, the JSON shape `rollout`, and where to ask for it."""
        rollout = self.create()
        return as_json(rollout.to_json(), 201, Location=f"/api/v1/rollouts/{rollout.id}")

    def set_state(self, number: str) -> Rollout:
        """POST `state=running|paused|stopped`. Raises NotFound and InvalidRequest."""
        rollouts = self._fleet.rollouts
        acts = {
            RolloutState.RUNNING.value: rollouts.resume,
            RolloutState.PAUSED.value: rollouts.pause,
            RolloutState.STOPPED.value: rollouts.end,
        }
        state = _text(_asked(("state",)), "state")
        if state not in acts:
            raise InvalidRequest(f"The field 'state' is {state!r}; it is {', '.join(acts)}.")
        return acts[state](number, who_asks())

def _asked(names: tuple[str, ...] = _FIELDS) -> Mapping[str, Any]:
    """The fields of a form or of a JSON object: texts, numbers and lists of texts.

    Raises InvalidRequest, TooLarge and StoreFull.
    """
    request = bottle.request
    if uploads.is_form(request):
        forms = uploads.fields(request)
        lists = ("urls", "group")
        given = {name: [uploads.field(forms, name)] for name in names if name not in lists and forms.getall(name)}
        return given | {name: [value.strip() for value in _decoded(forms, name)] for name in lists if name in names}
    data = uploads.json_of(request)
    if not isinstance(data, dict):
        raise InvalidRequest(f"The body is neither a form nor JSON such as {_EXAMPLE}.")
    unknown = sorted(set(map(str, data)) - set(names))
    if unknown:
        raise InvalidRequest(f"The field {unknown[0]!r} is unknown; there are {', '.join(names)}.")
    return {name: value if isinstance(value, list) else [value] for name, value in data.items() if value is not None}


def _decoded(forms: Any, name: str) -> list[str]:
    """All values of a field as UTF-8: Bottle has them as Latin-1."""
    try:
        return [value for value in forms.decode().getall(name) if value.strip()]
    except UnicodeError:
        raise InvalidRequest(f"The field {name!r} is not UTF-8.") from None


def _texts(asked: Mapping[str, Any], name: str) -> list[str]:
    values = asked.get(name, [])
    if not all(isinstance(value, str) for value in values):
        raise InvalidRequest(f"The field {name!r} is a text, or a list of texts.")
    return [value for value in values if value.strip()]


def _text(asked: Mapping[str, Any], name: str, default: str | None = None) -> str:
    values = [value for value in asked.get(name, []) if value != ""]
    if not values and default is not None:
        return default
    if len(values) != 1 or isinstance(values[0], bool) or not isinstance(values[0], (str, int, float)):
        found = "is missing" if not values else "is no single text or number"
        raise InvalidRequest(f"The field {name!r} {found}; it is needed once.")
    return str(values[0]).strip()


def _whole(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 10 and int(text)):
        raise InvalidRequest(f"The field 'stop_after' is {text!r}; it is a number of failures, 1 or more.")
    return int(text)


def _share(text: str) -> float:
    """A percent with its sign, or a fraction; a number over 1 is a percent, too."""
    digits = text.removesuffix("%").strip()
    try:
        value = float(digits)
    except ValueError:
        value = math.nan
    if digits != text or value > 1:
        value /= 100
    if not 0 < value <= 1:
        raise InvalidRequest(f"The field 'share' is {text!r}; it is above 0 % and at most 100 %, or a fraction such as 0.9.")
    return value
