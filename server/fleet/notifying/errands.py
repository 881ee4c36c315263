"""Asks and tells one device of a batch; whatever goes wrong with it is its result."""

from __future__ import annotations

import logging
from collections.abc import Callable

from common.errors import DeviceRefused, DeviceUnreachable
from common.notification import DeviceResult, DeviceState
from server.fleet.devices.known import address_of
from server.fleet.notifying.batch import Batch
from server.fleet.notifying.batch_keeper import BatchFile
from server.fleet.notifying.teller import Notice, Teller, failed

_BUG = "An internal error of the server; its log has the details."
_log = logging.getLogger(__name__)


class Errands:
    """Threads: any; a call waits for the device. One device is in one thread's hands at a time."""

    def __init__(self, teller: Teller, file: BatchFile, stopping: Callable[[], bool]) -> None:
        """`stopping`: whether the server is, so that no answer is the device's fault."""
        self._teller = teller
        self._file = file
        self._stopping = stopping

    def ask(self, batch: Batch, row: int) -> Notice | DeviceResult:
        """What the device is to be told, or why it cannot be."""
        device, target = batch.devices[row], None
        try:
            target = self._teller.locate(device)
            return self._teller.prepare(batch.publish_id, device, target, batch.nul)
        except (DeviceUnreachable, DeviceRefused) as error:
            result = failed(device, error)
        except Exception:
            result = self._bug(batch, row)
        if target is not None and not self._stopping() and batch.rows[row].state is DeviceState.WAITING:
            batch.addresses[row] = address_of(target)
            self._teller.lost(batch.publish_id, target, result)
        return result

    def tell(self, batch: Batch, row: int, notice: Notice) -> DeviceResult:
        """What came of it; before, it is on the disk that the device is about to be told."""
        try:
            batch.turns[row].address = batch.addresses[row] = address_of(notice.target)
            self._teller.intend(batch.publish_id, notice)
            self._file.intend(batch, row)  # and with it all that was to be written before
            return self._teller.tell(batch.publish_id, batch.devices[row], notice)
        except Exception:
            return self._bug(batch, row)

    @staticmethod
    def _bug(batch: Batch, row: int) -> DeviceResult:
        _log.exception("telling %s of %s failed", batch.devices[row], batch.publish_id)
        return DeviceResult(str(batch.devices[row]), DeviceState.UNREACHABLE, None, _BUG)
