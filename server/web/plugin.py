"""What stands around all handlers: who may not, does not, and whatever goes wrong is answered with a sentence."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import wraps
from typing import Any

import bottle

from common.errors import OtaError, TokenWanted
from server.web.auth import Guard
from server.web.errors import Failure, failure
from server.web.login import Login
from server.web.pages import Pages
from server.web.responses import as_json, as_page, wants_page, way_up
from server.web.target import unreadable

_log = logging.getLogger(__name__)


class Plugin:
    """Threads: the web workers call it."""

    name = "plugin"
    api = 2
    """Bottle's plugin interface: apply(callback, route)."""

    def __init__(self, guard: Guard, login: Login, pages: Pages) -> None:
        self._guard = guard
        self._login = login
        self._pages = pages

    def apply(self, callback: Callable[..., Any], route: Any) -> Callable[..., Any]:
        """Who may not, does not; an error is a sentence; anything else is a bug and a 500."""

        @wraps(callback)
        def guarded(*arguments: Any, **named: Any) -> Any:
            try:
                self._guard.check_host(bottle.request.environ)
                right = route.config.get("changes")
                if right is not None:
                    self._guard.check_change(bottle.request.environ, right)
                return callback(*arguments, **named)
            except bottle.HTTPResponse as response:
                return response
            except TokenWanted as error:
                return self._login.wanted(error) if wants_page() else self._error(failure(error))
            except OtaError as error:
                return self._error(failure(error))
            except Exception:
                _log.exception("a bug answers %s %r", bottle.request.method, bottle.request.path)
                return self._error(Failure(500, "internal-error", "The server made a mistake; its log says more."))

        return guarded

    def check_target(self) -> None:
        """A Bottle hook, called before a route is looked for."""
        failed = unreadable(bottle.request.environ)
        if failed is not None:
            raise self._error(failed)

    def routing_error(self, error: bottle.HTTPError) -> Any:
        """Bottle's own refusals: no such path, no such method, a path that is not UTF-8."""
        status = error.status_code
        messages = {404: "There is nothing at this address.", 405: "This address does not take requests of this kind."}
        codes = {404: "not-found", 405: "method-not-allowed"}
        message = messages.get(status, "The request could not be understood.")
        body = self._error(Failure(status, codes.get(status, "bad-request"), message))
        for name, value in error.headers.items():
            if name == "Allow":
                body.set_header(name, value)
        body.apply(bottle.response)
        return body.body

    def _error(self, found: Failure) -> bottle.HTTPResponse:
        if wants_page():
            page = self._pages.error(found.status, found.title, found.message, found.findings, way_up())
            answer = as_page(page, found.status)
        else:
            answer = as_json(found.to_json(), found.status)
        for name, value in found.headers:
            answer.set_header(name, value)
        return answer
