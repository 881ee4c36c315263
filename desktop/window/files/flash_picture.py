"""A picture of the slots in flash: where the manifest puts each image, how much of its slot it fills, what its header says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from PyQt5.QtCore import QRectF, QSize, Qt
from PyQt5.QtGui import QPainter, QPainterPath, QPaintEvent, QPalette, QPen
from PyQt5.QtWidgets import QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from common.checked import CheckedImage, CheckedManifest
from common.finding import Role
from desktop import wording
from desktop.bundle import Bundle, PickedFile
from desktop.window.files.flash_legend import FlashLegend
from desktop.window.widgets.shades import AMBER, RED, QuietLabel, blend, tone

_LEAST_HEADER = 5.0
"""Pixels: a header is a thousandth of its slot, and is to be seen."""


@dataclass(frozen=True, slots=True)
class Slot:
    """One slot of the flash, and the file for it. Bytes from the start of the flash."""

    role: Role
    offset: int
    end: int | None
    """Where the next slot begins, or would if all were as large; None where nothing tells."""
    claimed: int | None
    """The image's size by the manifest."""
    file: PickedFile | None

    @property
    def room(self) -> int | None:
        """Bytes in the slot."""
        return None if self.end is None else self.end - self.offset

    @property
    def size(self) -> int | None:
        """Of the file; without one, of the image that the manifest tells of."""
        return self.file.size if self.file is not None else self.claimed

    @property
    def too_large(self) -> int:
        """Bytes that the image reaches beyond its slot."""
        return max(0, (self.size or 0) - self.room) if self.room is not None else 0


def slots_of(manifest: CheckedManifest | None, bundle: Bundle) -> tuple[Slot, ...]:
    """The slots that the manifest names by their offset, by rising offset."""
    claims = [i for i in manifest.images if i.role is not None and i.offset is not None] if manifest else []
    claims.sort(key=_offset)
    offsets = sorted({_offset(claim) for claim in claims})
    ends = dict(pairwise(offsets))
    if len(offsets) > 1:
        ends[offsets[-1]] = offsets[-1] + offsets[-1] - offsets[-2]
    return tuple(
        Slot(claim.role, _offset(claim), ends.get(_offset(claim)), claim.size, bundle.files.get(claim.role))
        for claim in claims
        if claim.role is not None
    )


def _offset(claim: CheckedImage) -> int:
    return claim.offset or 0


class _Bar(QWidget):
    """The flash from its start to the end of the last slot, to scale."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.slots: Sequence[Slot] = ()
        self.number: int | None = None
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:
        """As high as three lines."""
        return QSize(self.fontMetrics().averageCharWidth() * 50, self.fontMetrics().height() * 3)

    def paintEvent(self, _: QPaintEvent | None) -> None:
        """Draw slots, images and headers."""
        if not self.slots:
            return
        palette = self.palette()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        whole = QRectF(self.rect()).adjusted(1, 1, -1, -1)
        shape = QPainterPath()
        shape.addRoundedRect(whole, 7, 7)
        text, window = palette.color(QPalette.ColorRole.WindowText), palette.color(QPalette.ColorRole.Window)
        painter.fillPath(shape, blend(text, window, 0.12))
        painter.save()
        painter.setClipPath(shape)
        last = max(max(slot.end or 0, slot.offset + (slot.size or 0)) for slot in self.slots) or 1
        scale = whole.width() / last
        for slot in self.slots:
            self._slot(painter, slot, whole, scale, last)
        painter.restore()
        painter.setPen(QPen(blend(text, window, 0.45), 1))
        painter.drawPath(shape)

    def _slot(self, painter: QPainter, slot: Slot, whole: QRectF, scale: float, last: int) -> None:
        palette = self.palette()
        text, base = palette.color(QPalette.ColorRole.Text), palette.color(QPalette.ColorRole.Base)
        accent = palette.color(QPalette.ColorRole.Highlight)
        left = whole.left() + slot.offset * scale
        place = QRectF(left, whole.top(), ((slot.end or last) - slot.offset) * scale, whole.height())
        painter.fillRect(place, base)
        if slot.size is not None:
            image = QRectF(place.left(), place.top(), slot.size * scale, place.height())
            if slot.file is not None:
                painter.fillRect(image, blend(accent, base, 0.35))
            else:
                painter.setPen(QPen(blend(text, base, 0.6), 1.5, Qt.PenStyle.DashLine))
                painter.drawRect(image.adjusted(1, 2, -1, -2))
            if slot.too_large:
                over = QRectF(place.right(), place.top(), slot.too_large * scale, place.height())
                painter.fillRect(over, tone(palette, RED))
        if slot.file is not None and slot.file.header is not None:
            odd = not slot.file.header.intact or self.number not in (None, slot.file.header.version)
            strip = QRectF(place.left(), place.top(), max(_LEAST_HEADER, 256 * scale), place.height())
            painter.fillRect(strip, tone(palette, AMBER) if odd else accent)
        painter.setPen(QPen(blend(text, base, 0.45), 1))
        painter.drawLine(place.topLeft(), place.bottomLeft())
        painter.setPen(text)
        wide = painter.fontMetrics().horizontalAdvance(slot.role.value) + _LEAST_HEADER + 16
        taken = (slot.size or 0) * scale
        beside = taken if slot.file is None and taken < wide <= place.width() - taken else 0  # or a dashed line strikes it out
        room = place.adjusted(beside + _LEAST_HEADER + 8, 0, -6, 0)
        name = painter.fontMetrics().elidedText(slot.role.value, Qt.TextElideMode.ElideRight, int(room.width()))
        painter.drawText(room, int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter), name)


class FlashPicture(QWidget):
    """Where the images go in flash, as a bar to scale with its words below, and the same in words for screen readers."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._bar = _Bar()
        self.empty = QuietLabel()
        self._columns = QHBoxLayout()
        self._columns.setSpacing(24)
        self.legends: list[FlashLegend] = []
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addWidget(self._bar)
        column.addLayout(self._columns)
        column.addWidget(self.empty)
        column.addStretch(1)
        self.setAccessibleName(self.tr("Slots in flash"))
        self.show_images(None, Bundle({}))

    def show_images(self, manifest: CheckedManifest | None, bundle: Bundle) -> None:
        """Draw what this manifest says of these files."""
        slots = slots_of(manifest, bundle)
        self._bar.slots = slots
        self._bar.number = manifest.sequence_number if manifest is not None and not manifest.encrypted else None
        self._bar.setVisible(bool(slots))
        self._bar.update()
        for old in self.legends:
            old.hide()
            self._columns.removeWidget(old)
            old.deleteLater()
        texts = [self._words(slot, manifest) for slot in slots]
        self.legends = [FlashLegend(lines) for lines in texts]
        for legend in self.legends:
            self._columns.addWidget(legend, 1)
        self.empty.setVisible(not slots)
        if not slots:
            self.empty.setText(
                self.tr("The slots in flash are drawn here as soon as there is a manifest that names them.")
                if manifest is None
                else self.tr("This manifest names no place in flash, so there is nothing to draw.")
            )
        self.setAccessibleDescription(". ".join("; ".join(lines) for lines in texts) + "." if slots else self.empty.text())

    def _words(self, slot: Slot, manifest: CheckedManifest | None) -> list[str]:
        lines = [self.tr("{} at offset {}").format(slot.role.value, f"{slot.offset:#x}")]
        lines.append(self._size(slot))
        if slot.too_large:
            lines.append(self.tr("{} too large for its slot").format(wording.size(slot.too_large)))
        if slot.file is not None:
            lines.append(self._header(slot.file, manifest))
        return lines

    def _size(self, slot: Slot) -> str:
        if slot.file is None:
            if slot.claimed is None:
                return self.tr("no file for it yet")
            return self.tr("no file for it yet; the manifest names {}").format(wording.size(slot.claimed))
        size = wording.size(slot.file.size)
        if slot.claimed is not None and slot.claimed != slot.file.size:
            return self.tr("{} bytes, and the manifest names {}").format(slot.file.size, slot.claimed)
        return size if slot.room is None else self.tr("{} of {}").format(size, wording.size(slot.room))

    def _header(self, file: PickedFile, manifest: CheckedManifest | None) -> str:
        if manifest is not None and manifest.encrypted:
            return self.tr("encrypted: its header cannot be read")
        header = file.header
        if header is None:
            return self.tr("no RIOT header")
        if not header.intact:
            return self.tr("its RIOT header is damaged")
        if manifest is not None and header.version != manifest.sequence_number:
            return self.tr("header: version {}, and the manifest has {}").format(header.version, manifest.sequence_number)
        return self.tr("header: version {}, starts at {}").format(header.version, f"{header.start_address:#x}")
