"""How far a transfer is, in words, and as a number for a bar."""

from __future__ import annotations

from PyQt5.QtCore import QObject

from common.transfer import Transfer, TransferState
from desktop.wording import size

_FIXED, _JOINED = "\N{NO-BREAK SPACE}", "\N{WORD JOINER}"


class ProgressWords(QObject):
    """`slot0 · 45 % · 7.3 kB/s · 2 min left`."""

    def of(self, transfer: Transfer | None) -> str:
        """The words; "" where nothing is fetched."""
        if transfer is None:
            return ""
        parts = [str(transfer.role or transfer.path), self.tr("{} %").format(per_mille(transfer) // 10)]
        if transfer.state is TransferState.RUNNING:
            if transfer.bytes_per_second is not None:
                parts.append(self.tr("{}/s").format(size(round(transfer.bytes_per_second))))
            if transfer.eta_seconds is not None:
                parts.append(self._left(transfer.eta_seconds))
        return " · ".join(parts)

    def wrapping(self, transfer: Transfer | None) -> str:
        """The same, where a line breaks between two facts, and not inside of one."""
        facts = self.of(transfer).split(" · ")
        return " · ".join(fact.replace(" ", _FIXED).replace("/", f"/{_JOINED}") for fact in facts)

    def _left(self, seconds: float) -> str:
        if seconds < 60:
            return self.tr("{} s left").format(max(1, round(seconds)))
        minutes = round(seconds / 60)
        if minutes < 60:
            return self.tr("{} min left").format(minutes)
        return self.tr("{} h {} min left").format(*divmod(minutes, 60))


def per_mille(transfer: Transfer) -> int:
    """Of 1000; all of it only where nothing is missing."""
    if transfer.state is TransferState.DONE:
        return 1000
    return min(999, 1000 * transfer.bytes // transfer.size) if transfer.size > 0 else 0
