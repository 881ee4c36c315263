"""The window's first page: the files, what the check says of them, and publishing, as three steps."""

from __future__ import annotations

from PyQt5.QtCore import Qt
from PyQt5.QtWidgets import QFrame, QScrollArea, QSplitter, QVBoxLayout, QWidget

from common.finding import Role
from common.preflight import SLOTS
from desktop.bundle import Bundle
from desktop.window.check.findings_view import FindingsView
from desktop.window.check.look import Look
from desktop.window.files.flash_picture import FlashPicture
from desktop.window.files.panel import FilesPanel
from desktop.window.publish.panel import PublishPanel
from desktop.window.widgets.heading import heading


class PublishPage(QScrollArea):
    """The three steps, so that all of them are about the same files. UI thread only."""

    def __init__(self) -> None:
        super().__init__()
        self.files = FilesPanel()
        self.picture = FlashPicture()
        self.findings = FindingsView()
        self.panel = PublishPanel()
        left, right = QWidget(), QWidget()
        column = QVBoxLayout(left)
        column.addWidget(heading(self.tr("1. Files")))
        column.addWidget(self.files, 3)
        column.addSpacing(6)
        column.addWidget(self.picture, 2)
        column = QVBoxLayout(right)
        column.addWidget(heading(self.tr("2. Check")))
        column.addWidget(self.findings)
        column.addSpacing(12)
        column.addWidget(heading(self.tr("3. Publish and notify")))
        column.addWidget(self.panel, 1)
        steps = QSplitter(Qt.Orientation.Horizontal)
        steps.addWidget(left)
        steps.addWidget(right)
        steps.setChildrenCollapsible(False)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setWidget(steps)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)

    def show_bundle(self, bundle: Bundle) -> None:
        """Show these files; what they are is about to be checked."""
        self.files.show_bundle(bundle)
        self.findings.show_checked(None, self.tr("Checking…") if bundle.files else "")
        self.panel.show_checking(bool(bundle.files))

    def show_look(self, look: Look, bundle: Bundle) -> None:
        """Show what was found of the files."""
        checked, files = look.checked, bundle.files
        self.findings.show_checked(checked, look.note)
        self.picture.show_images(checked.manifest if checked is not None else None, bundle)
        complete = Role.MANIFEST in files and any(role in files for role in SLOTS)
        self.panel.show_errors(tuple(checked.errors) if checked is not None else (), complete)
        if look.proposal:
            self.panel.propose(look.proposal)
