"""Who may change something: by token, by session, at the machine itself; from no other site's page; and no route is forgotten."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any

import bottle
import pytest

from common.errors import NotAllowed, TokenWanted, TooManyTries
from server.access.sessions import Sessions
from server.access.token import Right, Token
from server.access.token_file import TokenFile
from server.access.tokens import Tokens
from server.access.tries import LIMIT, Tries
from server.steady import Steady
from server.web import app as app_module
from server.web.asker import came_from
from server.web.auth import Guard
from server.web.login import place
from tests.support.clock import Clock

HERE = {"REMOTE_ADDR": "127.0.0.1", "HTTP_HOST": "localhost:8080", "wsgi.url_scheme": "http", "SERVER_PROTOCOL": "HTTP/1.1"}
AWAY = {"REMOTE_ADDR": "10.0.0.3", "HTTP_HOST": "gateway:8080", "wsgi.url_scheme": "http"}
SECURE = AWAY | {"HTTP_HOST": "gateway.example", "wsgi.url_scheme": "https"}
PROXY_HEADERS = (
    "HTTP_FORWARDED", "HTTP_VIA", "HTTP_X_FORWARDED_FOR", "HTTP_X_FORWARDED_PROTO", "HTTP_X_FORWARDED_SERVER", "HTTP_X_REAL_IP",
    "HTTP_CF_CONNECTING_IP", "HTTP_TRUE_CLIENT_IP", "HTTP_X_CLIENT_IP", "HTTP_CDN_LOOP",
)  # fmt: skip
COMMAND = "sudo ota-server token add laptop"


class World:
    """A guard, and the files that it goes by."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self.file = TokenFile(folder / "tokens")
        self.sessions = Sessions(folder / "sessions", Steady(clock, clock))
        self.tokens = Tokens(self.file, lambda what: None, set())  # noqa: ARG005
        self.clock = clock

    def guard(self, bound_to: str = "127.0.0.1", proxied: bool = False) -> Guard:
        return Guard(bound_to, self.tokens, self.sessions, Tries(self.clock), proxied, "sudo ota-server token add {}".format)

    def add(self, name: str = "laptop", *rights: Right) -> str:
        token, text = Token.make(name, rights or Right, dt.datetime.now(dt.UTC))
        with self.file.changing() as tokens:
            tokens.append(token)
        return text


@pytest.fixture
def world(tmp_path: Path, clock: Clock) -> World:
    return World(tmp_path, clock)


def bearer(text: str) -> dict[str, str]:
    return {"HTTP_AUTHORIZATION": f"Bearer {text}"}


def may(guard: Guard, environ: dict[str, str], right: Right = Right.PUBLISH) -> bool:
    try:
        guard.check_change(dict(environ), right)
    except NotAllowed:
        return False
    return True


def refused(guard: Guard, environ: dict[str, str], right: Right = Right.PUBLISH) -> NotAllowed:
    with pytest.raises(NotAllowed) as raised:
        guard.check_change(dict(environ), right)
    return raised.value


def test_at_the_machine_without_a_token_everything_is_allowed(world: World) -> None:
    guard = world.guard()
    for host in ("localhost", "LOCALHOST:8080", "127.0.0.1:8080", "[::1]:8080", "127.9.9.9"):
        assert all(may(guard, HERE | {"HTTP_HOST": host}, right) for right in Right)
    assert guard.visitor(HERE).publishes
    assert may(guard, HERE | bearer("a token of another time")), "more than is needed"


@pytest.mark.parametrize("header", PROXY_HEADERS)
def test_the_exception_ends_with_any_sign_of_a_proxy(world: World, header: str) -> None:
    error = refused(world.guard(), HERE | {header: ""})
    assert not isinstance(error, TokenWanted)
    assert COMMAND in str(error)
    assert may(world.guard(), HERE)
    assert not may(world.guard(proxied=True), HERE), "a proxy is trusted, and forwards without a sign of it"


def test_the_exception_is_not_for_the_http_that_silent_proxies_speak(world: World) -> None:
    for version in ("HTTP/1.0", "HTTP/0.9", ""):
        assert "over HTTP/1.0" in str(refused(world.guard(), HERE | {"SERVER_PROTOCOL": version}))
        assert not world.guard().visitor(HERE | {"SERVER_PROTOCOL": version}).rights


@pytest.mark.parametrize("host", ["gateway:8080", "evil.example", "", "127.0.0.1.evil.example", "localhost@evil", "[::1"])
def test_the_exception_is_for_loopback_names_only(world: World, host: str) -> None:
    assert not may(world.guard(), HERE | {"HTTP_HOST": host})


def test_beyond_loopback_without_a_token_nothing_is_changed_and_the_command_is_named(world: World) -> None:
    for bound in ("0.0.0.0", "::", "10.0.0.1", "gateway.example"):
        guard = world.guard(bound)
        for environ in (HERE, AWAY):
            error = refused(guard, environ)
            assert (type(error), COMMAND in str(error)) == (NotAllowed, True)
            visitor = guard.visitor(environ)
            assert (visitor.rights, visitor.can_log_in, visitor.why_not) == ((), False, str(error))


@pytest.mark.expects_log("wrong tokens come from")
@pytest.mark.parametrize("environ", [HERE, AWAY])
def test_with_a_token_everybody_needs_one(world: World, environ: dict[str, str]) -> None:
    text = world.add()
    guard = world.guard("127.0.0.1" if environ is HERE else "0.0.0.0")
    error = refused(guard, environ)
    assert isinstance(error, TokenWanted)
    assert COMMAND in str(error)
    for scheme in ("Bearer", "bearer", "BEARER"):
        assert may(guard, environ | {"HTTP_AUTHORIZATION": f"{scheme} {text}"})
    for header in ("Bearer", "Bearer ", f"Basic {text}", text, f"Bearer {text}x", f"Bearer {text}, Bearer {text}"):
        assert isinstance(refused(guard, environ | {"HTTP_AUTHORIZATION": header}), TokenWanted)
    visitor = guard.visitor(environ)
    assert (visitor.rights, visitor.can_log_in) == ((), True)
    for given in (text, "wrong"):
        assert guard.visitor(environ | bearer(given)) == visitor, "no page tells a right one from a wrong one"


def test_a_missing_right_is_named_and_those_that_there_are(world: World) -> None:
    text = world.add("ci", Right.PUBLISH, Right.NOTIFY)
    guard = world.guard("0.0.0.0")
    assert [may(guard, AWAY | bearer(text), right) for right in Right] == [True, True, False]
    error = refused(guard, AWAY | bearer(text), Right.REMOVE)
    assert not isinstance(error, TokenWanted)
    assert "'ci' may publish and notify, and this needs one that may remove" in str(error)


@pytest.mark.expects_log("wrong tokens come from")
def test_ten_wrong_ones_and_then_a_wait_but_a_right_one_always_passes(world: World) -> None:
    text = world.add()
    guard = world.guard("0.0.0.0")
    errors = [refused(guard, AWAY | bearer(f"wrong {n}")) for n in range(LIMIT + 2)]
    assert [type(error) for error in errors] == [TokenWanted] * LIMIT + [TooManyTries] * 2
    last = errors[-1]
    assert isinstance(last, TooManyTries)
    assert last.wait == 60
    assert may(guard, AWAY | bearer(text))
    with pytest.raises(TooManyTries):
        guard.log_in(dict(AWAY), "wrong")
    assert guard.log_in(dict(AWAY), text)[0].name == "laptop"
    assert isinstance(refused(guard, AWAY | bearer("wrong") | {"REMOTE_ADDR": "10.0.0.4"}), TokenWanted)
    assert isinstance(refused(guard, AWAY), TokenWanted), "none at all is not a wrong one"
    world.clock.now += 60
    assert isinstance(refused(guard, AWAY | bearer("wrong")), TokenWanted)


def with_cookie(guard: Guard, environ: dict[str, str], text: str) -> dict[str, str]:
    _, value = guard.log_in(dict(environ), text)
    name = guard.cookie_name(environ["wsgi.url_scheme"] == "https")
    return environ | {"HTTP_COOKIE": f"other=1; {name}=stale; {name}={value}; broken"}


@pytest.mark.parametrize("environ", [AWAY, SECURE])
def test_a_session_counts_only_from_our_own_page(world: World, environ: dict[str, str]) -> None:
    guard = world.guard("0.0.0.0")
    asked = with_cookie(guard, environ, world.add("laptop", Right.PUBLISH))
    own = f"{environ['wsgi.url_scheme']}://{environ['HTTP_HOST']}"
    assert guard.visitor(asked).name == "laptop"
    assert may(guard, asked | {"HTTP_ORIGIN": own})
    assert may(guard, asked | {"HTTP_ORIGIN": own.upper(), "HTTP_SEC_FETCH_SITE": "same-origin"})
    assert may(guard, asked | {"HTTP_SEC_FETCH_SITE": "same-origin"})
    for headers in (
        {}, {"HTTP_SEC_FETCH_SITE": "none"}, {"HTTP_ORIGIN": "null"}, {"HTTP_ORIGIN": ""}, {"HTTP_ORIGIN": "http://evil.example"},
        {"HTTP_ORIGIN": own + ":8081"},
        {"HTTP_ORIGIN": "ftp://" + environ["HTTP_HOST"]}, {"HTTP_ORIGIN": own, "HTTP_SEC_FETCH_SITE": "same-site"},
        {"HTTP_ORIGIN": own, "HTTP_SEC_FETCH_SITE": "cross-site"}, {"HTTP_ORIGIN": "null", "HTTP_HOST": ""},
        {"HTTP_ORIGIN": "http://evil.example", "HTTP_SEC_FETCH_SITE": "same-origin"},
    ):  # fmt: skip
        assert type(refused(guard, asked | headers)) is NotAllowed
    assert not may(guard, asked | {"HTTP_ORIGIN": own}, Right.REMOVE)


def test_under_https_only_the_cookie_that_nobody_else_can_set_counts(world: World) -> None:
    guard = world.guard("0.0.0.0")
    asked = with_cookie(guard, AWAY, world.add())
    page = {"HTTP_SEC_FETCH_SITE": "same-origin"}
    assert may(guard, asked | page)
    assert not may(guard, asked | page | {"wsgi.url_scheme": "https"})
    assert not may(guard, AWAY | page | {"HTTP_ORIGIN": "http://gateway:8080", "wsgi.url_scheme": "https"})
    assert guard.cookie_name(True) == f"__Host-{guard.cookie_name(False)}"
    assert guard.may_send(SECURE | {"HTTP_COOKIE": asked["HTTP_COOKIE"]}), "the listener does not know the scheme"


def test_a_session_ends_by_logging_out_and_with_its_token(world: World) -> None:
    guard, text = world.guard("0.0.0.0"), world.add()
    asked = with_cookie(guard, AWAY, text) | {"HTTP_ORIGIN": "http://gateway:8080"}
    other = with_cookie(guard, AWAY, text) | {"HTTP_ORIGIN": "http://gateway:8080"}
    with pytest.raises(NotAllowed):
        guard.log_out(asked | {"HTTP_ORIGIN": "http://evil.example"})
    assert may(guard, asked)
    guard.log_out(dict(asked))
    assert (may(guard, asked), may(guard, other)) == (False, True)
    with world.file.changing() as tokens:
        tokens.clear()
    world.add()
    assert not may(guard, other)


def test_logging_in_is_for_our_own_page_too(world: World) -> None:
    guard, text = world.guard("0.0.0.0"), world.add()
    for headers in ({"HTTP_ORIGIN": "http://evil.example"}, {"HTTP_SEC_FETCH_SITE": "cross-site"}, {"HTTP_ORIGIN": "null"}):
        with pytest.raises(NotAllowed, match="another site"):
            guard.log_in(AWAY | headers, text)


@pytest.mark.parametrize("host", ["localhost", "ota.example.org", "[fd00::1]:8443"])
def test_a_proxy_that_nobody_named_is_told_from_another_site(host: str, world: World) -> None:
    environ = HERE | {"HTTP_HOST": host, "HTTP_ORIGIN": f"https://{host}"}
    assert "Set trusted-proxy" in str(refused(world.guard(), environ))
    assert "Set trusted-proxy" in str(refused(world.guard("0.0.0.0"), environ))
    for other in ("https://evil.example", f"https://{host}:1", "null", f"ftp://{host}"):
        assert "another site" in str(refused(world.guard(), environ | {"HTTP_ORIGIN": other}))
    assert "another site" in str(refused(world.guard(), environ | {"HTTP_SEC_FETCH_SITE": "cross-site"}))


@pytest.mark.expects_log("is damaged")
@pytest.mark.expects_log("is gone")
def test_a_damaged_file_shuts_everybody_out(world: World) -> None:
    text = world.add()
    guard = world.guard()
    asked = with_cookie(guard, HERE, text) | {"HTTP_SEC_FETCH_SITE": "same-origin"}
    world.file.path.write_text("{")
    for environ in (HERE, HERE | bearer(text), asked, HERE | bearer("wrong")):
        assert "is damaged, so nobody may change anything" in str(refused(guard, environ))
        assert not guard.may_send(environ)
    with pytest.raises(NotAllowed, match="is damaged"):
        guard.log_in(dict(HERE), text)
    world.file.path.unlink()
    for environ in (HERE, HERE | bearer(text), asked, HERE | bearer("wrong")):
        assert "is gone, so nobody may change anything" in str(refused(guard, environ))
        assert not guard.may_send(environ)
    assert may(guard, HERE | bearer(world.add()))


def test_bodies_are_kept_of_those_only_who_may_change_something(world: World) -> None:
    guard = world.guard()
    assert guard.may_send(HERE)
    assert not guard.may_send(HERE | {"HTTP_VIA": "1.1 proxy"})
    text = world.add("ci", Right.NOTIFY)
    assert [guard.may_send(HERE | more) for more in ({}, bearer("wrong"), bearer(text))] == [False, False, True]
    assert guard.may_send(with_cookie(guard, HERE, text))


def test_the_host_is_checked_where_only_this_machine_can_ask(world: World) -> None:
    world.guard().check_host(HERE)
    with pytest.raises(NotAllowed, match=r"was asked for as 'evil\.example'"):
        world.guard().check_host(HERE | {"HTTP_HOST": "evil.example"})
    world.guard("0.0.0.0").check_host(HERE | {"HTTP_HOST": "evil.example"})


class Anything:
    """Stands for parts of which only the names of methods are asked."""

    def __getattr__(self, name: str) -> Callable[..., Any]:
        return lambda *arguments, **named: None  # noqa: ARG005


def test_every_route_that_changes_something_needs_a_right(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[bottle.Bottle] = []
    monkeypatch.setattr(app_module, "with_security_headers", made.append)
    part: Any = Anything()
    app_module.create_app(
        part, part, part, part, part, part, world.guard(), Path(), part, part, part, part,
    )  # fmt: skip
    routes = [route for route in made[0].routes if route.method not in ("GET", "HEAD")]
    changing = {(route.method, route.rule): route.config.get("changes") for route in routes}
    open_to_all = {key for key, right in changing.items() if not isinstance(right, Right)}
    assert open_to_all == {("POST", "/login"), ("POST", "/logout")}
    assert len(changing) >= 18
    for path in ("/publish", "/check"):
        assert changing["POST", path] is Right.PUBLISH
    for path in ("/notify", "/rollouts"):
        assert changing["POST", path] is Right.NOTIFY
    assert changing["POST", "/remove"] is Right.REMOVE
    assert changing["DELETE", "/api/v1/releases/<publish_id:path>"] is Right.REMOVE


@pytest.mark.parametrize("text", ["", "devices", "devices?show=trouble&q=a%20b", "devices/fe80%3A%3A1", "notifications/aB_1-"])
def test_where_logging_in_leads_back_to(text: str) -> None:
    assert place(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "//evil.example", "/", "/devices", "http://evil.example", "javascript:alert(1)", "\\\\evil.example", "devices/../../x",
        "./x", "devices\r\nSet-Cookie: a=b", "devices\n", "login", "publish", "devices/a/b", "devices//evil.example",
        "data:,x", "é",
    ],
)  # fmt: skip
def test_and_where_not(text: str) -> None:
    assert place(text) == ""


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("::ffff:127.0.0.1", "127.0.0.1"), ("::ffff:10.0.0.3", "10.0.0.3"), ("10.0.0.3", "10.0.0.3"), ("::1", "::1"),
        ("fe80::1%eth0", "fe80::1%eth0"), ("fd00::3", "fd00::3"), ("strange", "strange"),
    ],
)  # fmt: skip
def test_who_asks_is_named_by_the_address_that_people_know(address: str, shown: str) -> None:
    assert came_from({"REMOTE_ADDR": address}) == shown
