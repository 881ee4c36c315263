"""Logging in and out: how people in a browser show a token, without scripts, and where they go from there."""

from __future__ import annotations

import re
from urllib.parse import quote

import bottle
from bottle import SimpleTemplate

from common import __version__
from common.errors import NotAllowed, TokenWanted, TooManyTries
from server.access.sessions import LONGEST
from server.access.visitor import Visitor
from server.fleet.record.history import History
from server.web import uploads
from server.web.asker import note
from server.web.auth import Guard
from server.web.errors import failure
from server.web.pages import VIEWS
from server.web.responses import as_page, see_other, wants_page, way_up

_PLACE = re.compile(r"(?:devices(?:/[A-Za-z0-9._~%:\[\]-]+)?|notifications/[A-Za-z0-9_-]+)?(?:\?[A-Za-z0-9._~%&=+-]*)?", re.ASCII)
"""A page of ours, relative to the first one, for a proxy may put a prefix before it."""
_BACK = {"rollouts": "devices", "devices": "", "notifications": ""}
"""Where the page is whose form asks for a path: the path itself, unless there is more to say."""


class Login:
    """Threads: the web workers call it."""

    def __init__(self, guard: Guard, history: History) -> None:
        self._guard = guard
        self._history = history
        self._template = SimpleTemplate(name="login.tpl", lookup=[str(VIEWS)])

    def form(self) -> bottle.HTTPResponse:
        """The form; who is logged in already finds that said."""
        return self.page(place(bottle.request.query.getunicode("next", "")), "")

    def log_in(self) -> bottle.HTTPResponse:
        """The form was sent. Raises NotAllowed, unless a person is to be shown the form again."""
        forms = uploads.fields(bottle.request)
        back = place(uploads.field(forms, "next", default=""))
        try:
            token, cookie = self._guard.log_in(bottle.request.environ, uploads.field(forms, "token"))
        except (TokenWanted, TooManyTries) as error:
            if not wants_page():
                raise
            return self._with_status(self.page(back, str(error)), error)
        note(self._history, "login", f"Logged in with the token {token.name}.")
        answer = see_other(f"./{back}")
        self._set_cookie(answer, cookie, int(LONGEST))
        return answer

    def log_out(self) -> bottle.HTTPResponse:
        """The session is over, whatever becomes of the cookie. Raises NotAllowed."""
        self._guard.log_out(bottle.request.environ)
        answer = see_other("./")
        self._set_cookie(answer, "", 0)
        return answer

    def wanted(self, error: NotAllowed) -> bottle.HTTPResponse:
        """What a browser gets in place of what it asked for."""
        path = bottle.request.path.strip("/")
        first, _, rest = path.partition("/")
        back = _BACK.get(first, "") if not rest or first == "rollouts" else path
        return self._with_status(self.page(place(quote(back, safe="/:[]~")), str(error)), error)

    def page(self, back: str, message: str) -> bottle.HTTPResponse:
        """The form, with a sentence on top where there is something to say."""
        visitor = self._guard.visitor(bottle.request.environ)
        return as_page(self._render(visitor, back, message, way_up()), Cache_Control="no-store")

    def _render(self, visitor: Visitor, back: str, message: str, root: str) -> str:
        return str(
            self._template.render(
                root=root, title="Log in · OTA Server", version=__version__, visitor=visitor, next=back, message=message
            )
        )

    @staticmethod
    def _with_status(answer: bottle.HTTPResponse, error: NotAllowed) -> bottle.HTTPResponse:
        found = failure(error)
        answer.status = found.status
        for name, value in found.headers:
            answer.set_header(name, value)
        return answer

    def _set_cookie(self, answer: bottle.HTTPResponse, value: str, age: int) -> None:
        secure = bottle.request.environ.get("wsgi.url_scheme") == "https"
        answer.set_cookie(
            self._guard.cookie_name(secure), value, max_age=age, path="/", httponly=True, samesite="Strict", secure=secure
        )


def place(text: str) -> str:
    """Where to go after logging in: a page of ours, else the first one."""
    return text if _PLACE.fullmatch(text) else ""
