"""What people see: releases, problems and answers as HTML."""

from __future__ import annotations

import datetime as dt
import functools
import hashlib
import json
import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from bottle import SimpleTemplate, html_escape

from common import __version__
from common.finding import Finding, Role, Severity
from common.notification import DeviceState, Notification
from common.release import Problem, Release, ReleaseFile, State

VIEWS = Path(__file__).parent / "views"
_CARDS_KEPT = 2048
_PROBLEMS_SHOWN = 5
_FILTER_FROM = 9
"""Releases: with fewer, a filter box is in the way."""
_STATES = {
    State.READY: ("Ready", "Devices can fetch this release."),
    State.INCOMPLETE: ("Incomplete", "Something is missing or still being written; devices cannot fetch this release yet."),
    State.REJECTED: ("Rejected", "The files do not fit together; devices cannot fetch this release."),
    State.WITHDRAWN: ("Withdrawn", "A person took this release out; devices cannot fetch it."),
}
_DEVICE_STATES = {
    DeviceState.WAITING: "Waiting",
    DeviceState.ACCEPTED: "Accepted",
    DeviceState.REFUSED: "Refused",
    DeviceState.UNREACHABLE: "No answer",
}
_SIGNATURES = {
    "valid": "Signature valid",
    "invalid": "Signature invalid",
    "unverified": "Signature not checked",
    "absent": "Not signed",
}
_SEVERITIES = {Severity.ERROR: "Error", Severity.WARNING: "Warning", Severity.INFO: "Note"}


@dataclass(frozen=True, slots=True)
class PageContext:
    """What a page says of the server itself."""

    folder: str
    coap_url: str
    """`coap://[fd00::1]`, as whoever looks at the page would reach it."""
    changes_allowed: bool
    why_not: str
    """A sentence, shown when no changes are allowed."""
    notice: str | None
    version: str


class Pages:
    """Renders pages from the templates in views/. Threads: the web workers call it.

    `root` is what relative links begin with: "" for a page at the top, "../" for one below it.
    """

    def __init__(self) -> None:
        self._index = _template("index")
        self._card = _template("card")
        self._error = _template("error")
        self._notification = _template("notification")
        self._remove = _template("remove")
        self._cards = functools.lru_cache(_CARDS_KEPT)(self._render_card)

    def index(self, releases: Sequence[Release], problems: Sequence[Problem], ctx: PageContext) -> str:
        """The page. It says nothing that changes while releases, problems and context stay the same."""
        return str(
            self._index.render(
                root="",
                title="OTA Server",
                ctx=ctx,
                ready=[r.publish_id for r in releases if _can_be_notified(r)],
                cards=[self._cards(r, ctx.changes_allowed) for r in releases],
                problems=problems,
                shown=_PROBLEMS_SHOWN,
                filter_from=_FILTER_FROM,
                copy_line=f"cp -r version_42 {shlex.quote(ctx.folder)}/",
                version=ctx.version,
            )
        )

    def error(self, status: int, title: str, message: str, findings: Iterable[Finding] = (), root: str = "/") -> str:
        """An error; its address may be anywhere, so the links are absolute unless `root` says better."""
        found = [(f.severity.value, _SEVERITIES[f.severity], f.message) for f in findings if f.message not in message]
        return str(
            self._error.render(root=root, title=title, status=status, message=message, findings=found, version=__version__)
        )

    def notification(self, notification: Notification, root: str = "../") -> str:
        """What each device answered; it asks for itself again while one is waiting."""
        rows = [(r.device, r.state.value, _DEVICE_STATES[r.state], r.message) for r in notification.results]
        return str(
            self._notification.render(
                root=root,
                title=f"Notifying devices of {notification.publish_id}",
                publish_id=notification.publish_id,
                rows=rows,
                refresh=None if notification.done else 2,
                version=__version__,
            )
        )

    def confirm_remove(self, release: Release, root: str = "") -> str:
        """The question before a release goes, with what goes."""
        files = [(f.role.value, f.name, human_size(f.size)) for f in release.files]
        return str(
            self._remove.render(
                root=root,
                title=f"Remove {release.publish_id}?",
                publish_id=release.publish_id,
                files=files,
                total=human_size(release.size),
                version=__version__,
            )
        )

    def _render_card(self, release: Release, changes_allowed: bool) -> str:
        data = json.dumps(release.to_json(), sort_keys=True)
        word, meaning = _STATES[release.state]
        return str(
            self._card.render(
                root="",
                release=release,
                anchor="r-" + hashlib.sha256(release.publish_id.encode()).hexdigest()[:10],
                data_version=hashlib.sha256(f"{data} {changes_allowed} {__version__}".encode()).hexdigest()[:12],
                state=release.state.value,
                state_word=word,
                meaning=meaning,
                when=_when(release.published),
                facts=_facts(release),
                findings=[(f.severity.value, _SEVERITIES[f.severity], f.message) for f in release.findings],
                files=[_row(f) for f in sorted(release.files, key=lambda f: list(Role).index(f.role))],
                notify=_can_be_notified(release),
                changes_allowed=changes_allowed,
            )
        )


def _can_be_notified(release: Release) -> bool:
    return release.state is State.READY and release.file(Role.MANIFEST) is not None


@dataclass(frozen=True, slots=True)
class _Row:
    role: str
    name: str
    size: str
    exact_size: str
    sha256: str
    href: str
    url: str | None
    also: tuple[str, ...]


def _row(file: ReleaseFile) -> _Row:
    href = "files/" + quote(file.path, safe="/~+")
    also = tuple(path for path in file.also_served_at if path != file.path)
    name = "" if file.name == file.role.value else file.name
    return _Row(file.role.value, name, human_size(file.size), f"{file.size:,} bytes", file.sha256, href, file.url, also)


def _facts(release: Release) -> list[tuple[str, str, str]]:
    """(words, title, kind) of what is known beyond the name."""
    facts: list[tuple[str, str, str]] = []
    if release.sequence_number is not None:
        facts.append((f"Sequence {release.sequence_number}", "The manifest's sequence number", ""))
    if release.board:
        facts.append((release.board, "The board that this release is for", ""))
    elif release.class_id:
        facts.append((f"Class {release.class_id[:8]}…", f"Class id {release.class_id}", ""))
    if release.sequence_number is not None or release.signature != "absent":
        kind = {"invalid": "bad", "valid": "good"}.get(release.signature, "")
        facts.append((_SIGNATURES.get(release.signature, release.signature), "The manifest's signature", kind))
    if release.forced:
        facts.append(("Forced", "A person publishes this release whatever the checks found", "warn"))
    count = len(release.files)
    facts.append((f"{count} file{'' if count == 1 else 's'}, {human_size(release.size)}", f"{release.size:,} bytes in all", ""))
    return facts


def _when(time: dt.datetime) -> tuple[str, str]:
    """For programs, for people."""
    utc = time.astimezone(dt.UTC)
    return utc.isoformat(timespec="seconds").replace("+00:00", "Z"), f"{utc.day} {utc:%b %Y, %H:%M} UTC"


def human_size(size: int) -> str:
    """Bytes in three figures: 489 bytes, 30 kB, 96.3 kB, 1.2 MB."""
    if size < 1000:
        return "1 byte" if size == 1 else f"{size} bytes"
    value = float(size)
    for unit in ("kB", "MB", "GB"):
        value /= 1000
        if value < 999.5 or unit == "GB":
            break
    text = f"{value:.0f}" if value >= 100 else f"{value:.1f}".removesuffix(".0")
    return f"{text} {unit}"


def _breakable(text: str) -> str:
    """As HTML, with leave to break a long line behind a slash."""
    return str(html_escape(text)).replace("/", "/<wbr>")


def _template(name: str) -> Any:
    template = SimpleTemplate(name=f"{name}.tpl", lookup=[str(VIEWS)])
    template.defaults = {"wrap": _breakable}
    return template
