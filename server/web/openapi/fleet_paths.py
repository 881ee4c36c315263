"""The operations on devices: telling them, watching them, rollouts, the history."""

from __future__ import annotations

from common.notification import BatchState, Nul
from common.rollout import Accept, RolloutState
from common.waves import DEFAULT
from server.access.token import Right
from server.web.openapi.release_shapes import PUBLISH_ID
from server.web.openapi.words import (
    IF_NONE_MATCH,
    NOT_MODIFIED,
    TO_PAGE,
    Json,
    answer,
    changing,
    form,
    in_header,
    in_path,
    in_query,
    json_answer,
    json_body,
    many,
    number,
    one_of,
    reading,
    shape,
    text,
    whole,
)

_ETAG = {"ETag": "For If-None-Match."}
_WHERE = {"Location": "Where it can be asked for."}
_NUMBER = in_path("number", "Its id.", "1")
_ADDRESS = in_path("address", "The device's address, percent-encoded where it has a zone.", "fd00::2")
_COUNT = whole(minimum=0, maximum=10**18 - 1)
_URLS = "[fd00::2]/suit/trigger, 10.0.0.7:5684/fw"


def fleet_paths() -> Json:
    """By path."""
    notify = form(shape("Whom to tell of what.", {
        "publish_id": PUBLISH_ID, "urls": text("Device URLs, parted by commas.", examples=[_URLS]),
        "device_urls": text("The same, by its older name."), "group": text("All devices of a group."),
        "nul": one_of(Nul, "Whether a NUL byte ends the URL; auto: where the device needs it."),
        "version": text("A version below the publish id, where the two are named apart."),
    }, optional=("urls", "device_urls", "group", "nul", "version")))  # fmt: skip
    return {
        "/notify": {
            "post": _notify("notify", notify),
            "put": _notify("notifyByPut", notify),
        },
        "/notifyv4": {"post": _notify("notifyv4", notify) | {"deprecated": True}},
        "/api/v1/notifications": {"get": reading(
            "listNotifications", "Those that are remembered.", {200: json_answer("The latest first.", "notifications")},
        )},
        "/api/v1/notifications/{number}": {
            "get": reading(
                "getNotification", "How far it is.", {200: json_answer("Each device's answer.", "notification")}, (400, 404),
                (_NUMBER, in_query("wait", "Seconds to wait for its end, 30 at most.", number())),
            ),
            "post": changing(
                Right.NOTIFY, "setNotificationState", "Pause it, let it go on, or end it.",
                {200: json_answer("As it is now.", "notification")},
                form(_state(BatchState.RUNNING, BatchState.PAUSED, BatchState.CANCELLED)), (404,), (_NUMBER,),
            ),
        },
        "/api/v1/transfers": {"get": _list("listTransfers", "What devices fetch, and how far they are.", "transfers")},
        "/api/v1/devices": {"get": _list("listDevices", "Every device, and its update.", "devices")},
        "/api/v1/devices/{address}": {
            "get": reading(
                "getDevice", "One device.", {200: json_answer("With what happened.", "device-with-events")}, (400, 404),
                (_ADDRESS,),
            ),
            "put": changing(
                Right.PUBLISH, "nameDevice", "Give it a name, a group, or both.", {200: json_answer("As it is now.", "device")},
                json_body(_names(), _names()), (404,), (_ADDRESS,),
            ),
            "delete": changing(
                Right.PUBLISH, "forgetDevice", "Know it no more; heard again, it is a new one.",
                {200: json_answer("It is forgotten.", "forgotten")}, errors=(404,), parameters=(_ADDRESS,),
            ),
        },
        "/api/v1/history": {"get": reading(
            "listHistory", "Who did what, each transfer's end, each verdict.", {200: json_answer("A page of it.", "history")},
            (400,), (
                _since(), in_query("limit", "Events at most.", _COUNT), in_query("kind", "Only those.", text()),
                in_query("device", "Only of this address.", text()), in_query("publish_id", "Only of this release.", text()),
            ),
        )},
        "/api/v1/history.csv": {"get": reading(
            "getHistoryTable", "The same as a table, whole.", {200: answer("Comma-separated.", "text/csv")}, (400,), (_since(),)
        )},
        "/api/v1/events": {"get": reading(
            "listen", "Devices, transfers and history as they change: Server-Sent Events, without an end.",
            {200: answer("`devices`, `forgotten`, `transfers` and `history`.", "text/event-stream")}, (503,),
            (in_header("Last-Event-ID", "The history goes on behind this event.", _COUNT),),
        )},
        "/api/v1/rollouts": {
            "get": _list("listRollouts", "Those that are remembered.", "rollouts"),
            "post": changing(
                Right.NOTIFY, "createRollout", "Begin one.", {201: json_answer("It is begun.", "rollout", _WHERE)},
                json_body(_plan(many(text())), _plan(text("Parted by commas."))), (404,),
            ),
        },
        "/api/v1/rollouts/{number}": {
            "get": reading(
                "getRollout", "How far it is.", {200: json_answer("Wave by wave.", "rollout", _ETAG), 304: NOT_MODIFIED},
                (400, 404), (_NUMBER, IF_NONE_MATCH),
            ),
            "post": changing(
                Right.NOTIFY, "setRolloutState", "Pause it, let it go on, or stop it.",
                {200: json_answer("As it is now.", "rollout")},
                json_body(_rollout_state(), _rollout_state()), (404,), (_NUMBER,),
            ),
        },
    }  # fmt: skip


def _notify(name: str, body: Json) -> Json:
    return changing(
        Right.NOTIFY, name, "Tell devices of a release.",
        {
            200: json_answer("Each device's answer.", "notification"),
            202: json_answer("It is begun; ask at Location how far it is.", "notification", _WHERE),
            303: TO_PAGE,
        },
        body, (404,), (in_header("Prefer", "respond-async: do not wait for the devices.", text()),), page=True,
    )  # fmt: skip


def _list(name: str, summary: str, what: str) -> Json:
    return reading(name, summary, {200: json_answer("All of them.", what, _ETAG), 304: NOT_MODIFIED}, parameters=(IF_NONE_MATCH,))


def _since() -> Json:
    return in_query("since", "Only events behind this id.", _COUNT)


def _state(*states: BatchState) -> Json:
    return shape("The state that it is to have.", {"state": text(enum=[state.value for state in states])})


def _rollout_state() -> Json:
    states = (RolloutState.RUNNING, RolloutState.PAUSED, RolloutState.STOPPED)
    return shape("The state that it is to have.", {"state": text(enum=[state.value for state in states])})


def _names() -> Json:
    short = text(maxLength=64)
    return shape("What is left out stays.", {"name": short, "group": short}, optional=("name", "group")) | {"minProperties": 1}


def _plan(urls: Json) -> Json:
    properties = {
        "publish_id": PUBLISH_ID, "urls": urls, "group": urls, "waves": text(examples=[DEFAULT]),
        "share": text("Of each wave, that has to succeed.", examples=["90 %"]), "stop_after": whole("Failures.", minimum=1),
        "accept": one_of(Accept),
    }  # fmt: skip
    return shape("Which release to which devices, and how.", properties, optional=tuple(properties)[1:])
