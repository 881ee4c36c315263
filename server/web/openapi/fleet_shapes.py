"""The shapes of JSON about devices: as common/notification.py, transfer.py, device.py, event.py and rollout.py write them."""

from __future__ import annotations

from common.device import UpdateState
from common.finding import Role
from common.notification import BatchState, DeviceState
from common.rollout import Accept, Outcome, RolloutState, WaveState
from common.transfer import TransferState
from server.web.openapi.words import Json, many, maybe, number, one_of, ref, shape, text, time, truth, whole


def fleet_shapes() -> Json:
    """By name."""
    return {
        "notification": shape("One act of telling devices of a release.", {
            "id": text(), "publish_id": text(), "state": one_of(BatchState),
            "eta_seconds": maybe(number("Until the last device has its files.")), "results": many(ref("result")),
        }),
        "notifications": shape("Those that are remembered.", {"notifications": many(ref("notification"), "The latest first.")}),
        "result": shape("What one device answered.", {
            "device": text("Its URL."), "state": one_of(DeviceState), "code": maybe(text("CoAP's, such as 2.01.")),
            "message": text(),
        }),
        "transfers": shape("What devices fetch, and what ended within the last hour.", {"transfers": many(ref("transfer"))}),
        "transfer": shape("One device with one file.", {
            "device": text("Its address."), "publish_id": maybe(text()), "role": maybe(one_of(Role)), "path": text(),
            "sha256": text(), "blocks_done": whole(), "blocks_total": whole(), "bytes": whole("Sent at least once."),
            "size": whole("Bytes of the file."), "bytes_per_second": maybe(number()), "eta_seconds": maybe(number()),
            "asked_again": whole("Blocks."), "gaps": whole("Times that blocks were left out."), "state": one_of(TransferState),
            "started": time(), "last_seen": time(),
        }),
        "update": shape("How far a device is with a release.", {
            "publish_id": text(), "state": one_of(UpdateState), "reason": text("By which sign that is known."),
            "since": time(), "over": truth("Nothing more is expected."),
        }),
        "device": shape("One device.", _device()),
        "forgotten": shape("What is known no more.", {"forgotten": text("Its address.")}),
        "device-with-events": shape("One device, and what happened with it.", {
            **_device(), "events": many(ref("event"), "The latest first."),
        }),
        "devices": shape("All devices that are known.", {"devices": many(ref("device"))}),
        "event": shape("One thing that happened.", {
            "id": whole("Ascending."), "time": time(), "kind": text("A stable word."), "who": text(), "what": text("A sentence."),
            "publish_id": maybe(text()), "device": maybe(text()), "details": {"type": "object"},
        }),
        "history": shape("What happened.", {
            "events": many(ref("event"), "The oldest first."), "next": maybe(whole("To ask for as `since`; null: that was all.")),
            "trouble": text("Why nothing is recorded at the moment; empty when it is."),
        }),
        "rollouts": shape("All that are remembered.", {"rollouts": many(ref("rollout"), "The latest first.")}),
        "rollout": shape("A release on its way to devices, wave by wave.", {
            "id": text(), "publish_id": text(), "state": one_of(RolloutState), "reason": text("Why it is in that state."),
            "accept": one_of(Accept), "caution": text("What cannot be proved; empty where all can."),
            "share": number("Of each wave, that has to succeed: above 0, at most 1."), "stop_after": whole("Failures."),
            "started": time(), "who": text(), "summary": text(), "succeeded": truth(), "touched": whole("Devices."),
            "untouched": whole("Devices."), "waves": many(ref("wave")), "devices": many(ref("rollout-device")),
        }),
        "rollout-device": shape("One device of a rollout.", {
            "device": text("Its URL."), "wave": whole("From 1."), "outcome": one_of(Outcome), "told": truth(), "reason": text(),
        }),
        "wave": shape("Devices that are told together.", {
            "devices": many(text()), "state": one_of(WaveState), "notification": maybe(text("Its id.")),
            "needed": whole("Devices that have to succeed."), "accepted": whole(), "touched": whole(),
            **{outcome.value: whole("Devices.") for outcome in Outcome},
        }),
    }  # fmt: skip


def _device() -> Json:
    return {
        "device": text("Its address."), "url": maybe(text("Where it is notified.")), "name": text(), "group": text(),
        "board": maybe(text()), "last_seen": maybe(time()), "completed": maybe(text("The release that it last fetched wholly.")),
        "update": maybe(ref("update")),
    }  # fmt: skip
