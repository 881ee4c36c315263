"""What is known of one device of a rollout: its row in the notification and its trace, put together."""

from __future__ import annotations

from dataclasses import replace

from common.device import UpdateState
from common.notification import DeviceResult, DeviceState
from common.rollout import Outcome, RolloutDevice
from server.fleet.devices.trace import Trace

_ENDS = {
    UpdateState.CONFIRMED: Outcome.CONFIRMED,
    UpdateState.FAILED: Outcome.FAILED,
    UpdateState.SILENT: Outcome.SILENT,
}
_PROVEN = (Outcome.CONFIRMED, Outcome.DOWNLOADED)


def look(
    device: RolloutDevice, publish_id: str, row: DeviceResult | None, trace: Trace | None, has_its_turn: bool = False
) -> RolloutDevice:
    """The device as it is now; `row` is None where nobody was asked to tell it.

    `has_its_turn`: it is being told in this moment, and the trace is of that. What was proven once stays so, whatever the device
    does with other releases afterwards.
    """
    trace_of_this = trace if trace is not None and trace.publish_id == publish_id else None
    if trace_of_this is not None and trace_of_this.state is UpdateState.CONFIRMED:
        told = device.told or _was_told(row)
        return replace(device, outcome=Outcome.CONFIRMED, told=told, reason=trace_of_this.reason)
    if row is None:
        return device
    match row.state:
        case DeviceState.WAITING if has_its_turn and trace_of_this is not None:
            return _by_trace(replace(device, told=True), trace_of_this)
        case DeviceState.WAITING | DeviceState.CANCELLED if device.outcome is not Outcome.CONFIRMED:
            return replace(device, outcome=Outcome.PENDING, told=False, reason=row.message)
        case DeviceState.UNKNOWN if device.outcome is not Outcome.CONFIRMED:
            return replace(device, outcome=Outcome.UNKNOWN, told=True, reason=row.message)
        case DeviceState.WAITING | DeviceState.CANCELLED | DeviceState.UNKNOWN:
            return device
    device = replace(device, told=True)
    if trace_of_this is not None:
        return _by_trace(device, trace_of_this)
    if device.outcome in _PROVEN:
        return device
    if row.state is DeviceState.REFUSED:
        return replace(device, outcome=Outcome.FAILED, reason=f"It did not take the notification. {row.message}")
    if row.state is DeviceState.UNREACHABLE:
        return replace(device, outcome=Outcome.SILENT, reason=row.message)
    if trace is not None:
        return replace(device, outcome=Outcome.FAILED, reason=f"It has gone on to another release, {trace.publish_id}.")
    return device if device.outcome.settled else replace(device, outcome=Outcome.SILENT, reason="Nothing more is known of it.")


def _was_told(row: DeviceResult | None) -> bool:
    return row is not None and row.state not in (DeviceState.WAITING, DeviceState.CANCELLED)


def _by_trace(device: RolloutDevice, trace: Trace) -> RolloutDevice:
    outcome = _ENDS.get(trace.state)
    if outcome is None and trace.state is UpdateState.DOWNLOADED and trace.over:
        outcome = Outcome.DOWNLOADED
    if outcome is None:
        return replace(device, outcome=Outcome.PENDING, reason=f"It is at: {trace.state}.")
    return replace(device, outcome=outcome, reason=trace.reason)
