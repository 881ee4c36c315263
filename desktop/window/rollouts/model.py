"""Rollouts, their waves and their devices as rows of tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeVar

from PyQt5.QtCore import QModelIndex, Qt

from common.finding import Severity
from common.rollout import Outcome, Rollout, RolloutDevice, RolloutState
from desktop.fleet import natural
from desktop.window.widgets.moment import when
from desktop.window.widgets.row_list import RowList
from desktop.window.widgets.severity_icon import SeverityIcons

_NO_PARENT = QModelIndex()
T = TypeVar("T")
Sign = tuple[Severity | None] | tuple[()]
"""Of a row: None is a tick, nothing is no sign."""


class Sheet(RowList[T]):
    """Columns with titles and texts, one of them with a sign. UI thread only."""

    SIGNED = 0

    def __init__(self, column: int, order: Qt.SortOrder) -> None:
        """By what the rows are sorted at first."""
        super().__init__(column, order)
        self._icons = SeverityIcons()

    def text_of(self, item: T, column: int) -> str:
        """What stands in the cell."""
        raise NotImplementedError

    def sign_of(self, item: T) -> Sign:
        """What stands before the text of the column SIGNED."""
        raise NotImplementedError

    def rank_of(self, item: T, column: int) -> Any:
        """By the text, numbers in it by their size."""
        return natural(self.text_of(item, column))

    def words_of(self, item: T) -> str:
        """All that stands in the row."""
        return "\n".join(self.text_of(item, column) for column in range(len(self._titles))).casefold()

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """A cell: its text, its sign."""
        if not index.isValid():
            return None
        item, column = self.item(index.row()), index.column()
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole):
            return self.text_of(item, column)
        if role == Qt.ItemDataRole.DecorationRole and column == self.SIGNED and (sign := self.sign_of(item)):
            return self._icons.of(sign[0])
        return None


class RolloutsModel(Sheet[Rollout]):
    """One row a rollout."""

    RELEASE, STATE, SUMMARY, BEGUN = range(4)
    SIGNED = STATE

    def __init__(self) -> None:
        super().__init__(self.BEGUN, Qt.SortOrder.DescendingOrder)
        self._titles = (self.tr("Release"), self.tr("State"), self.tr("How far it is"), self.tr("Begun"))
        self._states = {
            RolloutState.RUNNING: self.tr("Running"),
            RolloutState.PAUSED: self.tr("Paused"),
            RolloutState.STOPPED: self.tr("Stopped"),
            RolloutState.DONE: self.tr("Done"),
        }

    def key_of(self, item: Rollout) -> str:
        """Its id."""
        return item.id

    def rank_of(self, item: Rollout, column: int) -> Any:
        """Times as times."""
        return item.started.timestamp() if column == self.BEGUN else super().rank_of(item, column)

    def text_of(self, item: Rollout, column: int) -> str:
        """What is weaker is said to be, here too."""
        match column:
            case self.RELEASE:
                return item.publish_id
            case self.STATE:
                return self._states[item.state]
            case self.SUMMARY:
                return self.tr("Accepts downloads (weaker). {}").format(item.summary) if item.caution else item.summary
            case _:
                return when(item.started)

    def sign_of(self, item: Rollout) -> Sign:
        """Done well is a tick; whoever has to decide is warned."""
        match item.state:
            case RolloutState.RUNNING:
                return (Severity.INFO,)
            case RolloutState.PAUSED:
                return (Severity.WARNING,)
            case RolloutState.STOPPED:
                return (Severity.ERROR,)
            case _:
                return (None,) if item.succeeded else (Severity.WARNING,)


@dataclass(frozen=True, slots=True)
class WaveRow:
    """One wave of a rollout, counted."""

    number: int
    state: str
    accepted: str
    rest: str


def wave_rows(rollout: Rollout) -> list[WaveRow]:
    """All of them."""
    found = []
    for number, wave in enumerate(rollout.waves, 1):
        counts = [(rollout.count(outcome, number), outcome.value) for outcome in Outcome]
        rest = ", ".join(f"{count} {word}" for count, word in counts if count)
        accepted = f"{rollout.accepted(number)} of {rollout.needed(number)}"
        found.append(WaveRow(number, wave.state.value, accepted, rest))
    return found


class WavesModel(Sheet[WaveRow]):
    """One row a wave."""

    WAVE, STATE, ACCEPTED, DEVICES = range(4)
    SIGNED = STATE

    def __init__(self) -> None:
        super().__init__(self.WAVE, Qt.SortOrder.AscendingOrder)
        self._titles = (self.tr("Wave"), self.tr("State"), self.tr("Accepted"), self.tr("Devices"))

    def key_of(self, item: WaveRow) -> int:
        """Its number."""
        return item.number

    def text_of(self, item: WaveRow, column: int) -> str:
        """Numbers and words."""
        return (str(item.number), item.state, item.accepted, item.rest)[column]

    def sign_of(self, item: WaveRow) -> Sign:
        """One that waits has none."""
        signs: dict[str, Sign] = {"open": (Severity.INFO,), "passed": (None,), "failed": (Severity.ERROR,)}
        return signs.get(item.state, ())


class RolloutDevicesModel(Sheet[RolloutDevice]):
    """One row a device, in the order in which they are told."""

    DEVICE, WAVE, OUTCOME, REASON = range(4)
    SIGNED = OUTCOME

    def __init__(self) -> None:
        super().__init__(self.WAVE, Qt.SortOrder.AscendingOrder)
        self._titles = (self.tr("Device"), self.tr("Wave"), self.tr("Outcome"), self.tr("Reason"))

    def key_of(self, item: RolloutDevice) -> str:
        """Its device URL."""
        return item.device

    def text_of(self, item: RolloutDevice, column: int) -> str:
        """One that was not told says so."""
        match column:
            case self.DEVICE:
                return item.device
            case self.WAVE:
                return str(item.wave)
            case self.OUTCOME:
                untold = item.outcome is Outcome.PENDING and not item.told
                return self.tr("not told") if untold else item.outcome.value
            case _:
                return item.reason

    def sign_of(self, item: RolloutDevice) -> Sign:
        """Only proof is a tick."""
        signs: dict[Outcome, Sign] = {
            Outcome.CONFIRMED: (None,),
            Outcome.FAILED: (Severity.ERROR,),
            Outcome.SILENT: (Severity.WARNING,),
            Outcome.UNKNOWN: (Severity.WARNING,),
            Outcome.DOWNLOADED: (Severity.INFO,),
        }
        pending: Sign = (Severity.INFO,) if item.told else ()
        return signs.get(item.outcome, pending)
