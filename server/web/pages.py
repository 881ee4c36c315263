"""What people see: releases, problems and answers as HTML."""

from __future__ import annotations

import functools
import itertools
import shlex
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from bottle import SimpleTemplate

from common import __version__
from common.finding import Finding, Severity
from common.notification import DeviceState, Notification
from common.release import Problem, Release
from server.access.visitor import Visitor
from server.web.cards import breakable, can_be_notified, human_size, shown
from server.web.rendered_cards import RenderedCards

VIEWS = Path(__file__).parent / "views"
_PROBLEMS_SHOWN = 5
_FILTER_FROM = 9
"""Releases: with fewer, a filter box is in the way."""
_MANY = 50
"""Releases: with more, a browser lays out only the cards that are seen."""
_CARDS = "<!-- cards -->"
"""Where they go: what is said of anybody's files has no such tag, for it is escaped."""
_HOPELESS = frozenset({"no-manifest", "no-image"})
"""Codes of errors with which nothing is published, forced or not."""
_DEVICE_STATES = {
    DeviceState.WAITING: "Waiting",
    DeviceState.ACCEPTED: "Accepted",
    DeviceState.REFUSED: "Refused",
    DeviceState.UNREACHABLE: "No answer",
    DeviceState.UNKNOWN: "Not known yet",
    DeviceState.CANCELLED: "Not told",
}


@dataclass(frozen=True, slots=True)
class PageContext:
    """What a page says of the server itself."""

    folder: str
    coap_url: str
    """`coap://[fd00::1]`, as whoever looks at the page would reach it."""
    visitor: Visitor
    """Who looks at it, and what they may do."""
    notice: str | None
    version: str
    devices: int = 0
    """How many are known."""
    in_trouble: int = 0
    """How many of them need a look."""


class Pages:
    """Renders pages from the templates in views/. Threads: the web workers call it.

    `root` is what relative links begin with: "" for a page at the top, "../" for one below it.
    """

    def __init__(self) -> None:
        self._index = _template("index")
        self._error = _template("error")
        self._notification = _template("notification")
        self._remove = _template("remove")
        self._cards = RenderedCards(_template("card"))

    def index(
        self,
        releases: Sequence[Release],
        problems: Sequence[Problem],
        ctx: PageContext,
        with_urls: Callable[[Release], Release] = lambda release: release,
    ) -> Iterator[bytes]:
        """The page, in pieces: with thousands of releases it has as many as fifty million bytes, of which none is kept twice.

        It says nothing that changes while releases, problems and context stay the same.
        """
        head, _, tail = str(
            self._index.render(
                root="",
                title="OTA Server",
                ctx=ctx,
                visitor=ctx.visitor,
                log_in="login",
                ready=[(r.publish_id, r.forced) for r in releases if can_be_notified(r)],
                count=len(releases),
                cards=_CARDS,
                problems=problems,
                problems_shown=_PROBLEMS_SHOWN,
                filter_from=_FILTER_FROM,
                many=_MANY,
                copy_line=f"cp -r version_42 {shlex.quote(ctx.folder)}/",
                riot_line=f"make suit/publish SUIT_COAP_FSROOT={shlex.quote(ctx.folder)}",
                version=ctx.version,
            )
        ).partition(_CARDS)
        cards = self._cards.of(releases, ctx.visitor.rights, with_urls)
        return itertools.chain([head.encode()], cards, [tail.encode()])

    def error(self, status: int, title: str, message: str, findings: Iterable[Finding] = (), root: str = "/") -> str:
        """An error; its address may be anywhere, so the links are absolute unless `root` says better."""
        found = tuple(findings)
        rest = functools.reduce(lambda text, f: text.replace(f.message, ""), found, message).strip()
        return str(
            self._error.render(
                root=root,
                title=title,
                status=status,
                message=rest or _count_of_errors(found),
                findings=shown(found),
                force=not rest and _force_may_help(found),
                version=__version__,
            )
        )

    def notification(self, notification: Notification, root: str = "../") -> str:
        """What each device answered; it asks for itself again while one is waiting."""
        answers = [(r.device, r.state.value, _DEVICE_STATES[r.state], r.message) for r in notification.results]
        return str(
            self._notification.render(
                root=root,
                title=f"Notifying devices of {notification.publish_id}",
                publish_id=notification.publish_id,
                rows=answers,
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
                forced=release.forced,
                files=files,
                total=human_size(release.size),
                version=__version__,
            )
        )


def _count_of_errors(findings: Iterable[Finding]) -> str:
    count = sum(f.severity is Severity.ERROR for f in findings)
    return f"The checks found {'an error' if count == 1 else f'{count} errors'}, so nothing was published."


def _force_may_help(findings: Sequence[Finding]) -> bool:
    return not any(f.code in _HOPELESS for f in findings)


def log_in_at(back: str) -> str:
    """The address of the form, relative to the first page."""
    return f"login?next={quote(back, safe='')}" if back else "login"


def _template(name: str) -> Any:
    template = SimpleTemplate(name=f"{name}.tpl", lookup=[str(VIEWS)])
    template.defaults = {"wrap": breakable}
    return template
