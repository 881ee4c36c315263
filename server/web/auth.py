"""Who may change something: whoever has a token, and nobody from another site's page."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator

from common.errors import NotAllowed, TokenWanted, TooManyTries
from server.access.sessions import Sessions
from server.access.token import Right, Token, listed
from server.access.tokens import Known, Tokens
from server.access.tries import Tries
from server.access.visitor import AT_THE_MACHINE, Visitor
from server.web.asker import Environ, came_from, name_asker
from server.web.proxy import address_of, came_by_proxy

NO_TOKEN = (
    "Nothing can be changed here until there is a token, because this server can be reached from the network. Make one on the"
    " gateway: {}"
)
_NO_TOKEN_HERE = (
    "Nothing can be changed by way of a proxy, over HTTP/1.0, or under another name than localhost, until there is a token."
    " Make one on the gateway: {}"
)
_UNTOLD = " A trusted proxy is known by X-Forwarded-For, X-Forwarded-Proto and Via, all three: see the server's README on HTTPS."
_WANTED = "Whoever changes something here needs a token. Who looks after the gateway makes one: {}"
_UNKNOWN = "This token is not known here: it was revoked, or not copied whole. Who looks after the gateway makes one: {}"
_FOREIGN = "The request comes from another site's page. Only this server's own page may change something."
_SILENT_PROXY = (
    "The page came by https, and what it sent reached the server by http: there is a proxy between them that the server does not"
    " know. Set trusted-proxy to the proxy's address, and the proxy up as the server's README says under HTTPS."
)
_HOST = re.compile(r"(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.\-]+)(:[0-9]*)?", re.ASCII)
Adding = Callable[[str], str]
_log = logging.getLogger(__name__)


def is_loopback(host: str) -> bool:
    """Whether an address, or the name localhost, is this machine's own."""
    address = address_of(host.strip("[]"))
    return address.is_loopback if address is not None else host.lower().removesuffix(".") == "localhost"


class Guard:
    """Checks requests by their WSGI environment. Threads: the web workers call it, and `may_send` the main one."""

    def __init__(self, bound_to: str, tokens: Tokens, sessions: Sessions, tries: Tries, proxied: bool, adding: Adding) -> None:
        """`bound_to` is the address on which HTTP listens; `proxied`: a proxy is trusted to say who asks.

        `adding` gives the command that makes a token, of what stands behind `token add`.
        """
        self._local = is_loopback(bound_to)
        self._tokens = tokens
        self._sessions = sessions
        self._tries = tries
        self._proxied = proxied
        self._adding = adding
        self._command = adding("laptop")

    def check_host(self, environ: Environ) -> None:
        """Against DNS rebinding: a server bound to loopback is asked for by a loopback name, or through the trusted proxy.

        Raises NotAllowed, and InvalidRequest where the proxy makes no sense.
        """
        asked = environ.get("HTTP_HOST", "")
        found = _HOST.fullmatch(asked)
        host = found["host"] if found else asked
        if came_by_proxy(environ) and found:
            return  # the proxy serves its own names only, and a certificate says which
        if self._local and asked and not (found and is_loopback(host)):
            raise NotAllowed(
                f"This server answers only on this machine, and was asked for as {host!r}: use localhost or 127.0.0.1."
                f"{_UNTOLD if self._proxied else ''}"
            )

    def visitor(self, environ: Environ) -> Visitor:
        """Who looks at a page. A token in a header says nothing here, or else tokens could be tried without being counted."""
        known = self._tokens.known
        return self._visitor(environ, known, self._logged_in(environ, known))

    def check_change(self, environ: Environ, right: Right) -> None:
        """Raises NotAllowed, TokenWanted or TooManyTries for who may not; else `who_asks()` knows the name."""
        check_origin(environ)
        known = self._tokens.known
        text = _bearer(environ)
        if text is not None and known.tokens:
            token: Token | None = self._of_text(environ, known, text)
        else:
            token = self._logged_in(environ, known)
            if token is not None and not _from_own_page(environ):
                raise NotAllowed(_FOREIGN)
        visitor = self._visitor(environ, known, token)
        if right in visitor.rights:
            name_asker(environ, visitor.name)
        elif visitor.can_log_in:
            raise TokenWanted(visitor.why_not)
        elif visitor.name:
            raise NotAllowed(
                f"The token {visitor.name!r} may {listed(visitor.rights)}, and this needs one that may {right}."
                f" Make another one on the gateway: {self._adding(f'NAME --may {right}')}"
            )
        else:
            raise NotAllowed(visitor.why_not)

    def may_send(self, environ: Environ) -> bool:
        """Whether it is worth while to keep the request's body: who may change nothing has none to send.

        The scheme is not known yet, so either name of the cookie will do. Counts nothing, and writes nothing.
        """
        known = self._tokens.known
        text = _bearer(environ)
        if text is not None and known.tokens:
            return known.of(text) is not None
        if any(self._sessions.token(cookie, known) for cookie in self._cookies(environ, (False, True))):
            return True
        return bool(self._visitor(environ, known, None).rights)

    def log_in(self, environ: Environ, text: str) -> tuple[Token, str]:
        """The token whose text this is, and what the browser keeps. Raises as `check_change`."""
        check_origin(environ)
        known = self._tokens.known
        if not known.tokens:
            raise NotAllowed(self._visitor(environ, known, None).why_not or "There is no token yet, and nobody needs to log in.")
        token = self._of_text(environ, known, text)
        name_asker(environ, token.name)
        return token, self._sessions.begin(token)

    def log_out(self, environ: Environ) -> None:
        """End the sessions whose cookies came along. Raises NotAllowed."""
        check_origin(environ)
        for text in self._cookies(environ, (_is_secure(environ),)):
            self._sessions.end(text)

    def cookie_name(self, secure: bool) -> str:
        """With `__Host-` under https, where it keeps other hosts of the domain from setting it (RFC 6265bis, 4.1.3.2)."""
        return f"{'__Host-' if secure else ''}ota-{self._sessions.server}"

    def _visitor(self, environ: Environ, known: Known, token: Token | None) -> Visitor:
        if known.trouble:
            return Visitor(why_not=known.trouble)
        if token is not None:
            why = f"The token {token.name!r} may {listed(token.rights)}, and nothing else."
            return Visitor(token.name, token.rights, why)
        if known.tokens:
            return self._without(_WANTED, can_log_in=True)
        if not self._local:
            return self._without(NO_TOKEN)
        if self._proxied or _has_passed_a_proxy(environ) or not _names_loopback(environ.get("HTTP_HOST", "")):
            return self._without(_NO_TOKEN_HERE)
        return AT_THE_MACHINE

    def _without(self, why_not: str, can_log_in: bool = False) -> Visitor:
        return Visitor(why_not=why_not.format(self._command), can_log_in=can_log_in, command=self._command)

    def _of_text(self, environ: Environ, known: Known, text: str) -> Token:
        """Raises TokenWanted, and TooManyTries after too many wrong ones; a right one always passes."""
        token = known.of(text)
        if token is not None:
            return token
        unknown = _UNKNOWN.format(self._command)
        wait, to_log = self._tries.wrong(came_from(environ))
        if to_log:
            _log.warning("wrong tokens come from %s", came_from(environ))
        if wait:
            raise TooManyTries(
                "Too many wrong tokens came from your address. A right one is taken at once; for any other, wait"
                f" {wait} seconds. {unknown}",
                wait,
            )
        raise TokenWanted(unknown)

    def _logged_in(self, environ: Environ, known: Known) -> Token | None:
        for text in self._cookies(environ, (_is_secure(environ),)):
            token = self._sessions.token(text, known)
            if token is not None:
                self._sessions.use(text)
                return token
        return None

    def _cookies(self, environ: Environ, secure: tuple[bool, ...]) -> Iterator[str]:
        """There may be several of a name: other servers on the host can set some."""
        names = {self.cookie_name(one) for one in secure}
        for part in environ.get("HTTP_COOKIE", "").split(";"):
            name, _, value = part.strip().partition("=")
            if name in names and value:
                yield value


def check_origin(environ: Environ) -> None:
    """Raises NotAllowed for what another site's page sends (WHATWG Fetch, 3.2 and 3.4)."""
    if environ.get("HTTP_SEC_FETCH_SITE", "none") not in ("none", "same-origin"):
        raise NotAllowed(_FOREIGN)
    if "HTTP_ORIGIN" in environ and not _is_own_origin(environ):
        own_by_https = _is_own_origin({**environ, "wsgi.url_scheme": "https"})
        raise NotAllowed(_SILENT_PROXY if own_by_https else _FOREIGN)


def _from_own_page(environ: Environ) -> bool:
    """A browser adds the cookie by itself, so it has to say that the request is our own page's: each does, in one of two ways."""
    return environ.get("HTTP_SEC_FETCH_SITE") == "same-origin" or "HTTP_ORIGIN" in environ


def _is_own_origin(environ: Environ) -> bool:
    host = str(environ.get("HTTP_HOST", ""))
    return bool(host) and str(environ["HTTP_ORIGIN"]).lower() == f"{environ.get('wsgi.url_scheme')}://{host}".lower()


def _is_secure(environ: Environ) -> bool:
    return environ.get("wsgi.url_scheme") == "https"


def _names_loopback(host_header: str) -> bool:
    found = _HOST.fullmatch(host_header)
    return found is not None and is_loopback(found["host"])


def _has_passed_a_proxy(environ: Environ) -> bool:
    """Whether there is any sign of a proxy, be it trusted or not; one that gives none cannot be told.

    nginx, as Debian 12 has it, speaks HTTP/1.0 unless it is told otherwise, and no browser does; what the listener knows of a
    request has no SERVER_PROTOCOL yet. X-Real-IP, CF-Connecting-IP, True-Client-IP and their like all end in -IP; CDN-Loop
    is RFC 8586's.
    """
    return environ.get("SERVER_PROTOCOL", "HTTP/1.1") != "HTTP/1.1" or any(
        name in ("HTTP_FORWARDED", "HTTP_VIA", "HTTP_CDN_LOOP")
        or name.startswith("HTTP_X_FORWARDED")
        or (name.startswith("HTTP_") and name.endswith("_IP"))
        for name in environ
    )


def _bearer(environ: Environ) -> str | None:
    """What stands behind `Bearer` (RFC 6750, 2.1); None without it: other schemes may be a proxy's."""
    scheme, _, text = environ.get("HTTP_AUTHORIZATION", "").partition(" ")
    return text.strip() if scheme.lower() == "bearer" else None
