"""Whom a request comes from, behind a proxy that is trusted, one that is not, and none."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from common.errors import ConfigError, InvalidRequest, NotAllowed
from server.access.sessions import Sessions
from server.access.token import Right
from server.access.token_file import TokenFile
from server.access.tokens import Tokens
from server.access.tries import Tries
from server.settings.command_line import read
from server.steady import Steady
from server.web.auth import Guard
from server.web.proxy import address_of, believing, came_by_proxy
from tests.support.access import add_token
from tests.support.clock import Clock

PROXY = "127.0.0.1"
SAID = {
    "HTTP_X_FORWARDED_FOR": "192.0.2.7", "HTTP_X_FORWARDED_PROTO": "https", "HTTP_X_FORWARDED_HOST": "ota.example.org",
    "HTTP_VIA": "1.1 nginx",
}  # fmt: skip
PUBLIC = "ota.example.org"


@pytest.fixture
def guard(tmp_path: Path, clock: Clock) -> Guard:
    tokens = Tokens(TokenFile(tmp_path / "tokens"), lambda what: None, set())  # noqa: ARG005
    sessions = Sessions(tmp_path / "sessions", Steady(clock, clock))
    return Guard("127.0.0.1", tokens, sessions, Tries(clock), True, "ota-server token add {}".format)


def seen(trusted: str | None, peer: str = PROXY, **headers: str) -> dict[str, Any]:
    """The environment that the application sees."""
    got: dict[str, Any] = {}

    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:  # noqa: ARG001
        got.update(environ)
        return ()

    environ = {"REMOTE_ADDR": peer, "wsgi.url_scheme": "http", "HTTP_HOST": PUBLIC, **headers}
    believing(app, trusted)(environ, lambda *_: None)
    return got


@pytest.mark.parametrize(("trusted", "peer"), [
    (None, PROXY), ("127.0.0.1", "127.0.0.2"), ("127.0.0.1", "::1"), ("fd00::5", "::ffff:127.0.0.1"), ("127.0.0.1", "")
])  # fmt: skip
def test_nobody_else_is_believed_and_what_they_said_stays_to_be_seen(trusted: str | None, peer: str) -> None:
    environ = seen(trusted, peer, **SAID, HTTP_HOST="localhost", HTTP_FORWARDED="for=192.0.2.7;proto=https")
    assert (environ["REMOTE_ADDR"], environ["wsgi.url_scheme"], environ["HTTP_HOST"]) == (peer, "http", "localhost")
    assert {name: environ[name] for name in SAID} == SAID
    assert environ["HTTP_FORWARDED"] == "for=192.0.2.7;proto=https"
    assert not came_by_proxy(environ)


@pytest.mark.parametrize(("trusted", "peer"), [
    ("127.0.0.1", "127.0.0.1"), ("127.0.0.1", "::ffff:127.0.0.1"), ("::1", "::1"), ("fd00::5", "fd00:0::5"),
    ("fe80::5", "fe80::5%eth0"),
])  # fmt: skip
def test_the_trusted_proxy_is_believed_on_a_dual_stack_socket_too(trusted: str, peer: str) -> None:
    environ = seen(trusted, peer, **SAID)
    assert (environ["REMOTE_ADDR"], environ["wsgi.url_scheme"], environ["HTTP_HOST"]) == ("192.0.2.7", "https", PUBLIC)
    assert {name: environ[name] for name in SAID} == SAID
    assert came_by_proxy(environ)


@pytest.mark.parametrize(("told", "client"), [
    ("203.0.113.9, 192.0.2.7", "192.0.2.7"), ("evil,,  fd00::7", "fd00::7"), ("::ffff:192.0.2.7", "192.0.2.7"),
    ("127.0.0.1", "127.0.0.1"),
])  # fmt: skip
def test_of_several_hops_only_the_last_counts(told: str, client: str) -> None:
    environ = seen(PROXY, **{**SAID, "HTTP_X_FORWARDED_FOR": told})
    assert environ["REMOTE_ADDR"] == client
    assert came_by_proxy(environ)


@pytest.mark.parametrize("missing", ["HTTP_X_FORWARDED_FOR", "HTTP_X_FORWARDED_PROTO"])
def test_half_of_it_is_nothing(missing: str) -> None:
    environ = seen(PROXY, **{name: value for name, value in SAID.items() if name != missing})
    assert (environ["REMOTE_ADDR"], environ["wsgi.url_scheme"]) == (PROXY, "http")
    assert not came_by_proxy(environ)


@pytest.mark.parametrize("via", [{}, {"HTTP_VIA": ""}])
def test_what_a_script_of_a_page_could_send_is_refused_with_what_lacks(via: dict[str, str], guard: Guard) -> None:
    told = {name: value for name, value in SAID.items() if name != "HTTP_VIA"} | via
    for host in (PUBLIC, "evil.example", "localhost"):
        environ = seen(PROXY, **told, HTTP_HOST=host)
        assert (environ["REMOTE_ADDR"], environ["wsgi.url_scheme"], environ["HTTP_HOST"]) == (PROXY, "http", host)
        with pytest.raises(InvalidRequest, match=r'has no Via.*proxy_set_header Via "1\.1 nginx"'):
            guard.check_host(environ)


def test_whom_the_proxy_speaks_for_is_never_at_the_machine(guard: Guard) -> None:
    told = {**SAID, "HTTP_X_FORWARDED_FOR": "127.0.0.1", "HTTP_X_FORWARDED_HOST": "localhost"}
    with pytest.raises(NotAllowed, match="until there is a token"):
        guard.check_change(seen(PROXY, **told), Right.PUBLISH)


@pytest.mark.parametrize(("name", "value"), [
    ("FOR", ""), ("FOR", "192.0.2.7, "), ("FOR", "unknown"), ("FOR", "192.0.2.7:80"), ("FOR", "[fd00::7]:80"),
    ("FOR", "192.0.2.7, _x"), ("PROTO", ""), ("PROTO", "ftp"), ("PROTO", "https, javascript"),
])  # fmt: skip
def test_a_proxy_that_makes_no_sense_is_refused_with_what_it_said(name: str, value: str, guard: Guard) -> None:
    environ = seen(PROXY, **{**SAID, f"HTTP_X_FORWARDED_{name}": value})
    assert environ["REMOTE_ADDR"] == PROXY
    with pytest.raises(InvalidRequest, match="The proxy says"):
        came_by_proxy(environ)
    with pytest.raises(InvalidRequest):
        guard.check_host(environ)


def test_the_public_name_passes_the_check_only_by_the_trusted_proxy(guard: Guard) -> None:
    guard.check_host(seen(PROXY, **SAID))
    for environ in (
        seen(None, **SAID),
        seen("127.0.0.2", **SAID),
        seen(PROXY),
        seen(PROXY, HTTP_X_FORWARDED_FOR="192.0.2.7"),
        seen(PROXY, HTTP_X_FORWARDED_PROTO="https"),
        seen(PROXY, **{**SAID, "HTTP_X_FORWARDED_HOST": "a b"}),
        seen(PROXY, **{**SAID, "HTTP_X_FORWARDED_HOST": "localhost, <b>"}),
    ):
        with pytest.raises(NotAllowed, match=r"answers only on this machine.* A trusted proxy is known by"):
            guard.check_host(environ)


@pytest.mark.parametrize("origin", ["https://ota.example.org", "HTTPS://OTA.example.org"])
def test_a_page_of_the_public_name_may_change_something(origin: str, guard: Guard, tmp_path: Path) -> None:
    token = {"HTTP_AUTHORIZATION": f"Bearer {add_token(tmp_path)}"}
    guard.check_change(seen(PROXY, **SAID, **token, HTTP_ORIGIN=origin, HTTP_SEC_FETCH_SITE="same-origin"), Right.PUBLISH)


@pytest.mark.parametrize("origin", ["http://ota.example.org", "https://ota.example.org:8443", "https://evil.example", "null", ""])
def test_a_page_of_another_name_or_scheme_may_not(origin: str, guard: Guard) -> None:
    with pytest.raises(NotAllowed, match="another site"):
        guard.check_change(seen(PROXY, **SAID, HTTP_ORIGIN=origin), Right.PUBLISH)


def test_an_address_is_compared_as_an_address() -> None:
    assert address_of("::ffff:127.0.0.1") == address_of("127.0.0.1")
    assert address_of("[::1]") is None
    assert address_of("localhost") is None


@pytest.mark.parametrize("text", ["localhost", "127.0.0.1:80", "127.0.0.0/8", "*"])
def test_the_setting_is_one_address(text: str) -> None:
    assert read(["--trusted-proxy", "fd00::5"]).config.trusted_proxy == "fd00::5"
    assert read([]).config.trusted_proxy is None
    with pytest.raises(ConfigError, match="--trusted-proxy is"):
        read(["--trusted-proxy", text])
