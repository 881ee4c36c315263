"""Where batches are kept from one start to the next, as the notifier sees it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from server.fleet.notifying.batch import Batch


class BatchFile(Protocol):
    """Where batches are kept from one start to the next."""

    def load(self) -> Iterable[Batch]:
        """Those that were not over; what was being told then is `unknown`."""

    def find(self, number: str) -> Batch | None:
        """One by its id, also when it is over; None where there is none. Raises NotRecorded."""

    def add(self, batch: Batch) -> None:
        """A new one; it is on the disk, if that can be, when this returns."""

    def intend(self, batch: Batch, row: int) -> None:
        """The device of this row is about to be told; on the disk, if that can be, when this returns."""

    def keep(self, batch: Batch, rows: Iterable[int]) -> None:
        """These rows, and the batch's state, are others now; returns at once."""


class Nowhere:
    """A BatchFile that keeps nothing."""

    def load(self) -> Iterable[Batch]:
        """None."""
        return ()

    def find(self, number: str) -> Batch | None:  # noqa: ARG002
        """None."""
        return None

    def add(self, batch: Batch) -> None:
        """Nothing."""

    def intend(self, batch: Batch, row: int) -> None:
        """Nothing."""

    def keep(self, batch: Batch, rows: Iterable[int]) -> None:
        """Nothing."""
