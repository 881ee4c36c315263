"""One release in full, and what can be done with it."""

from __future__ import annotations

from collections.abc import Callable
from html import escape

from PyQt5.QtCore import Qt, pyqtSignal
from PyQt5.QtGui import QGuiApplication, QTextOption
from PyQt5.QtWidgets import QHBoxLayout, QPushButton, QTextBrowser, QVBoxLayout, QWidget

from common.finding import Role, Severity, worst_first
from common.release import Release, State
from desktop import wording
from desktop.window.widgets.question_bar import QuestionBar
from desktop.window.widgets.said_label import SaidLabel


class ReleaseDetails(QWidget):
    """Facts, files and findings as text that can be copied; buttons that ask for a change and make none."""

    notify_asked = pyqtSignal(str)
    withdraw_asked = pyqtSignal(str)
    restore_asked = pyqtSignal(str)
    remove_asked = pyqtSignal(str)
    done = pyqtSignal(str)
    """A sentence on what was done here at once, such as a copied URL."""

    def __init__(self) -> None:
        super().__init__()
        self._release: Release | None = None
        self._title = SaidLabel(1.2)
        self.notify = self._button(self.tr("&Notify…"), self._ask_notify)
        self.copy_url = self._button(self.tr("&Copy URL"), self.copy)
        self.withdraw = self._button(self.tr("&Withdraw"), self._ask_withdraw)
        self.remove = self._button(self.tr("Remo&ve…"), self.ask_removal)
        self.question = QuestionBar()
        self.question.agreed.connect(self._ask_remove)
        self.question.declined.connect(lambda: self.remove.setFocus(Qt.FocusReason.OtherFocusReason))
        self.text = QTextBrowser()
        self.text.setAccessibleName(self.tr("Facts, files and findings of the release"))
        self.text.setOpenLinks(False)
        self.text.setTabChangesFocus(True)
        self.text.setWordWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
        self.text.document().setDocumentMargin(12)  # type: ignore[union-attr]
        actions = QHBoxLayout()
        actions.setSpacing(8)
        for button in (self.notify, self.copy_url, self.withdraw, self.remove):
            actions.addWidget(button)
        actions.insertStretch(3, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 8, 0, 0)
        layout.setSpacing(10)
        layout.addWidget(self._title)
        layout.addLayout(actions)
        layout.addWidget(self.question)
        layout.addWidget(self.text, 1)

    def show_release(self, release: Release | None) -> None:
        """Show this one; a question about another one is dropped."""
        if release == self._release:
            return
        if release is None or self._release is None or release.publish_id != self._release.publish_id:
            self.question.hide()
        self._release = release
        if release is None:
            return
        self._title.setText(release.publish_id)
        at = self.text.verticalScrollBar()
        self.text.setHtml(self._html(release))
        if at is not None:
            at.setValue(0)
        ready = release.state is State.READY
        self._enable(self.notify, ready, self.tr("Tell devices that this release is there"),
                     self.tr("Devices cannot fetch this release, so there is nothing to tell them"))  # fmt: skip
        self._enable(self.copy_url, self._url() is not None, self.tr("Copy the URL that devices are sent"),
                     self.tr("The server names no URL for this release"))  # fmt: skip
        withdrawn = release.state is State.WITHDRAWN
        self.withdraw.setText(self.tr("Res&tore") if withdrawn else self.tr("&Withdraw"))
        hint = self.tr("Give it back to the devices") if withdrawn else self.tr("Devices get it no more; its files stay")
        self._enable(self.withdraw, True, hint, "")
        self._enable(self.remove, True, self.tr("Delete its files on the server, after a question"), "")
        if not self.question.isHidden():
            self.ask_removal()

    def copy(self) -> None:
        """Put the manifest's URL on the clipboard."""
        url, clipboard = self._url(), QGuiApplication.clipboard()
        if url is not None and clipboard is not None:
            clipboard.setText(url)
            self.done.emit(self.tr("Copied %s") % url)

    def ask_removal(self) -> None:
        """Ask in place, naming what goes."""
        release = self._release
        if release is None:
            return
        names = ", ".join(file.name for file in release.files)
        what = self.tr("%(id)s and its %(files)s (%(names)s)") if names else self.tr("%(id)s")
        what %= {"id": release.publish_id, "files": wording.files(len(release.files), release.size), "names": names}
        keep = "" if release.state is State.WITHDRAWN else self.tr(" Withdraw keeps them from the devices and can be undone.")
        self.question.ask(
            self.tr("Remove %s? The files are deleted on the server, and devices that are fetching them stop. "
                    "This cannot be undone.") % what + keep,
            self.tr("Remove it"),
            self.tr("Keep it"),
        )  # fmt: skip

    def _ask_notify(self) -> None:
        if self._release is not None:
            self.notify_asked.emit(self._release.publish_id)

    def _ask_withdraw(self) -> None:
        if self._release is not None:
            withdrawn = self._release.state is State.WITHDRAWN
            (self.restore_asked if withdrawn else self.withdraw_asked).emit(self._release.publish_id)

    def _ask_remove(self) -> None:
        if self._release is not None:
            self.remove_asked.emit(self._release.publish_id)

    @staticmethod
    def _button(text: str, does: Callable[[], None]) -> QPushButton:
        button = QPushButton(text)
        button.clicked.connect(does)
        return button

    @staticmethod
    def _enable(button: QPushButton, possible: bool, hint: str, why_not: str) -> None:
        button.setEnabled(possible)
        button.setToolTip(hint if possible else why_not)
        button.setAccessibleDescription(hint if possible else why_not)

    def _url(self) -> str | None:
        manifest = self._release.file(Role.MANIFEST) if self._release else None
        return manifest.url if manifest else None

    def _html(self, release: Release) -> str:
        state = {
            State.READY: self.tr("Ready: devices can fetch it."),
            State.INCOMPLETE: self.tr("Incomplete: devices do not get it until the rest is there."),
            State.REJECTED: self.tr("Rejected: devices do not get it, because it cannot work."),
            State.WITHDRAWN: self.tr("Withdrawn: devices do not get it until it is restored."),
        }[release.state]
        forced = self.tr(" It was published in spite of errors.") if release.forced else ""
        parts = [f"<p><b>{escape(state)}</b>{escape(forced)}</p>", self._findings(release), self._facts(release)]
        parts += [f"<h4>{escape(self.tr('Files'))}</h4>", *map(self._file, range(len(release.files)))]
        return "".join(parts)

    def _facts(self, release: Release) -> str:
        facts = [
            (self.tr("Board"), release.board),
            (self.tr("Class"), release.class_id),
            (self.tr("Vendor"), release.vendor_id),
            (self.tr("Sequence number"), None if release.sequence_number is None else str(release.sequence_number)),
            (self.tr("Signature"), release.signature),
            (self.tr("URL"), self._url()),
        ]
        rows = (f"<tr><td>{escape(k)}&nbsp;&nbsp;&nbsp;</td><td>{escape(v)}</td></tr>" for k, v in facts if v)
        return f"<table cellspacing='0' cellpadding='2' style='margin-top:8px; margin-bottom:8px'>{''.join(rows)}</table>"

    def _findings(self, release: Release) -> str:
        if not release.findings:
            return f"<p>{escape(self.tr('No problems found.'))}</p>"
        words = {Severity.ERROR: self.tr("✕ Error"), Severity.WARNING: self.tr("⚠ Warning"), Severity.INFO: self.tr("Note")}
        return "".join(
            f"<p><b>{escape(words[f.severity])}{escape(f', {f.file}' if f.file else '')}:</b> {escape(f.message)}"
            f" <small>({escape(f.code)})</small></p>"
            for f in worst_first(release.findings)
        )

    def _file(self, number: int) -> str:
        assert self._release is not None
        file = self._release.files[number]
        also = self.tr(", also at %s") % ", ".join(f"/{p}" for p in file.also_served_at) if file.also_served_at else ""
        at = self.tr("Served at %s") % f"/{file.path}" + also
        return (
            f"<p><b>{escape(file.role)}</b>: {escape(file.name)}, {escape(wording.size(file.size))}<br>{escape(at)}<br>"
            f"<small>SHA-256 {escape(file.sha256)}</small></p>"
        )
