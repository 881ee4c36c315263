"""What a check found, the worst first: each with its severity, its file, its sentence and its code."""

from __future__ import annotations

from PyQt5.QtCore import QEvent, QObject, QSize, Qt
from PyQt5.QtGui import QResizeEvent
from PyQt5.QtWidgets import (
    QApplication,
    QFrame,
    QHBoxLayout,
    QPushButton,
    QScrollArea,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from common.checked import Checked
from common.finding import Finding, Severity
from desktop import wording
from desktop.window.widgets.severity_mark import SeverityMark
from desktop.window.widgets.shades import PlainLabel, QuietLabel

_LEAST_LINES = 9
"""Of findings that are never scrolled out of sight."""


class _Row(QFrame):
    """One finding."""

    def __init__(self, finding: Finding, severity: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.finding = finding
        head = PlainLabel(f"{severity} · {finding.file}" if finding.file else severity)
        font = head.font()
        font.setBold(True)
        head.setFont(font)
        code = QuietLabel(finding.code)
        small = code.font()
        small.setPointSizeF(small.pointSizeF() * 0.85)
        code.setFont(small)
        code.setAlignment(Qt.AlignmentFlag.AlignRight)
        code.setWordWrap(False)
        self.sentence = PlainLabel(finding.message)
        by = Qt.TextInteractionFlag
        self.sentence.setTextInteractionFlags(Qt.TextInteractionFlags(by.TextSelectableByMouse) | by.TextSelectableByKeyboard)
        self.sentence.setAccessibleName(wording.finding(finding))
        top = QHBoxLayout()
        top.addWidget(head, 1)
        top.addWidget(code)
        words = QVBoxLayout()
        words.setSpacing(2)
        words.addLayout(top)
        words.addWidget(self.sentence)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 6, 0, 6)
        row.setSpacing(12)
        row.addWidget(SeverityMark(finding.severity), 0, Qt.AlignmentFlag.AlignTop)
        row.addLayout(words, 1)


class _Area(QScrollArea):
    """As high as the findings take, where there is the room."""

    def sizeHint(self) -> QSize:
        """For the width that it has."""
        return QSize(super().sizeHint().width(), self._needed())

    def minimumSizeHint(self) -> QSize:
        """Some lines, or what there is."""
        return QSize(super().minimumSizeHint().width(), min(self._needed(), self.fontMetrics().height() * _LEAST_LINES))

    def resizeEvent(self, a0: QResizeEvent | None) -> None:
        """Another width has other lines."""
        super().resizeEvent(a0)
        if a0 is not None and a0.size().width() != a0.oldSize().width():
            self.updateGeometry()

    def eventFilter(self, a0: QObject | None, a1: QEvent | None) -> bool:
        """Other findings have another height."""
        if a1 is not None and a1.type() == QEvent.Type.LayoutRequest:
            self.updateGeometry()
        return super().eventFilter(a0, a1)

    def _needed(self) -> int:
        inside, viewport = self.widget(), self.viewport()
        layout = inside.layout() if inside is not None else None
        if layout is None or viewport is None:
            return 0
        width = viewport.width()
        return max(layout.heightForWidth(width) if layout.hasHeightForWidth() else 0, layout.minimumSize().height())


class FindingsView(QWidget):
    """The outcome of a check in place: a verdict, the findings, and the infos folded away."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._shown: tuple[Checked | None, str] | None = None
        self._open = False
        self._mark = SeverityMark(None)
        self.verdict = PlainLabel()
        font = self.verdict.font()
        font.setBold(True)
        self.verdict.setFont(font)
        self.note = QuietLabel()
        self.copy_button = QPushButton(self.tr("Copy findin&gs"))
        self.copy_button.setAccessibleName(self.tr("Copy findings"))
        self.copy_button.setToolTip(self.tr("Copy all findings as text"))
        self.copy_button.clicked.connect(self._copy)
        self.fold = QToolButton()
        self.fold.setAutoRaise(True)
        self.fold.setArrowType(Qt.ArrowType.RightArrow)
        self.fold.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.fold.clicked.connect(lambda: self._unfold(not self._open))
        self._rows, self._infos = QVBoxLayout(), QWidget()
        self._info_rows = QVBoxLayout(self._infos)
        for box in (self._rows, self._info_rows):
            box.setContentsMargins(0, 0, 0, 0)
            box.setSpacing(4)
        self._arrange()
        self.show_checked(None)

    def _arrange(self) -> None:
        top = QHBoxLayout()
        top.setSpacing(12)
        top.addWidget(self._mark, 0, Qt.AlignmentFlag.AlignVCenter)
        top.addWidget(self.verdict, 1)
        top.addWidget(self.copy_button)
        inside = QWidget()
        column = QVBoxLayout(inside)
        column.setContentsMargins(0, 0, 8, 0)
        column.addLayout(self._rows)
        column.addWidget(self.fold, 0, Qt.AlignmentFlag.AlignLeft)
        column.addWidget(self._infos)
        column.addStretch(1)
        self.area = _Area()
        self.area.setAccessibleName(self.tr("Findings"))
        self.area.setWidgetResizable(True)
        self.area.setFrameShape(QFrame.Shape.NoFrame)
        self.area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.area.setWidget(inside)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(8)
        whole.addLayout(top)
        whole.addWidget(self.note)
        whole.addWidget(self.area, 1)
        whole.addStretch(0)

    def show_checked(self, checked: Checked | None, note: str = "") -> None:
        """Show this outcome, or that there is none yet; `note` is a sentence on the check itself ("Checking…").

        The same again changes nothing, so that a selection stays while checks run live.
        """
        if self._shown == (checked, note):
            return
        self._shown = (checked, note)
        findings = checked.findings if checked is not None else ()
        self.verdict.setText(note if checked is None and note else self._verdict(checked))
        if checked is None:
            note = "" if note else self.tr("What does not fit together is said here as soon as there are files.")
        self.note.setText(note)
        self.note.setVisible(bool(note))
        self._mark.setVisible(checked is not None)
        self._mark.severity = _worst(findings)
        self._mark.update()
        self.copy_button.setVisible(bool(findings))
        infos = [f for f in findings if f.severity is Severity.INFO]
        _fill(self._rows, [self._row(f) for f in findings if f.severity is not Severity.INFO])
        _fill(self._info_rows, [self._row(f) for f in infos])
        words = self.tr("1 note") if len(infos) == 1 else self.tr("{} notes").format(len(infos))
        self.fold.setText(words)
        self.fold.setVisible(bool(infos))
        self._name_fold()
        self._infos.setVisible(bool(infos) and self._open)
        self.area.setVisible(bool(findings))
        self.setAccessibleName(self.tr("Check"))
        self.setAccessibleDescription(" ".join(filter(None, (self.verdict.text(), note))))

    def text(self) -> str:
        """What is shown, as text: the verdict, then a line for each finding, folded ones too."""
        checked = self._shown[0] if self._shown else None
        findings = checked.findings if checked is not None else ()
        return "\n".join([self.verdict.text(), *map(wording.finding, findings)])

    def _row(self, finding: Finding) -> _Row:
        names = {
            Severity.ERROR: self.tr("Error"),
            Severity.WARNING: self.tr("Warning"),
            Severity.INFO: self.tr("Note"),
        }
        return _Row(finding, names[finding.severity])

    def _verdict(self, checked: Checked | None) -> str:
        if checked is None:
            return self.tr("Nothing is checked yet.")
        errors, warnings = (sum(f.severity is s for f in checked.findings) for s in (Severity.ERROR, Severity.WARNING))
        warned = self.tr("1 warning") if warnings == 1 else self.tr("{} warnings").format(warnings)
        if errors:
            told = self.tr("1 error") if errors == 1 else self.tr("{} errors").format(errors)
            told = f"{told}, {warned}" if warnings else told
            return self.tr("{}: devices cannot take this.").format(told)
        if warnings:
            return self.tr("No errors, {}.").format(warned)
        if checked.findings:
            return self.tr("No problems found. The notes say what else is known.")
        return self.tr("No problems found.")

    def _unfold(self, opened: bool) -> None:
        self._open = opened
        self.fold.setArrowType(Qt.ArrowType.DownArrow if opened else Qt.ArrowType.RightArrow)
        self._infos.setVisible(opened)
        self._name_fold()

    def _name_fold(self) -> None:
        state = self.tr("{}, shown") if self._open else self.tr("{}, folded")
        self.fold.setAccessibleName(state.format(self.fold.text()))

    def _copy(self) -> None:
        clipboard = QApplication.clipboard()
        if clipboard is not None:
            clipboard.setText(self.text())

    def rows(self) -> list[_Row]:
        """The findings that can be seen, from the top."""
        shown = [self._rows, *([self._info_rows] if not self._infos.isHidden() else [])]
        items = (box.itemAt(n) for box in shown for n in range(box.count()))
        return [row for item in items if item is not None and isinstance(row := item.widget(), _Row)]


def _worst(findings: tuple[Finding, ...]) -> Severity | None:
    """None where there is nothing to worry about."""
    return next((s for s in (Severity.ERROR, Severity.WARNING) if any(f.severity is s for f in findings)), None)


def _fill(box: QVBoxLayout, rows: list[_Row]) -> None:
    while (item := box.takeAt(0)) is not None:
        if (old := item.widget()) is not None:
            old.hide()
            old.deleteLater()
    for row in rows:
        box.addWidget(row)
