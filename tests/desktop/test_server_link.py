"""The link to a server that wants a token, over keyrings of every kind."""

from __future__ import annotations

from collections.abc import Iterator

import keyring
import pytest
from pytestqt.qtbot import QtBot

from desktop.server import Server
from desktop.tokens import Keeping, Tokens
from desktop.window.jobs import Jobs
from desktop.window.server.link import ServerLink
from tests.fakes.keyrings import AskingKeyring, MemoryKeyring
from tests.fakes.token_server import TokenServer

WAIT = 120_000


@pytest.fixture
def server() -> Iterator[TokenServer]:
    with TokenServer() as server:
        yield server


@pytest.fixture
def link(qtbot: QtBot) -> Iterator[ServerLink]:  # noqa: ARG001
    jobs = Jobs()
    link = ServerLink(jobs)
    yield link
    link.choose("")
    jobs.stop()


def known(link: ServerLink) -> list[Keeping]:
    seen: list[Keeping] = []
    link.token_changed.connect(seen.append)
    return seen


def test_a_kept_token_goes_with_the_first_question(link: ServerLink, server: TokenServer, qtbot: QtBot) -> None:
    keyring.set_keyring(MemoryKeyring())
    Tokens().save(server.url, "right")
    seen = known(link)
    link._patience.setInterval(WAIT)
    with qtbot.waitSignal(link.answered, timeout=WAIT):
        link.choose(server.url)
    assert server.seen == ["Bearer right"]
    assert seen == [Keeping.LOOKING, Keeping.KEYRING]
    assert link.server == Server(server.url, "right")
    assert "right" not in repr(link.server)


def test_a_token_that_is_wanted_is_said_and_typed_and_kept(link: ServerLink, server: TokenServer, qtbot: QtBot) -> None:
    keyring.set_keyring(kept := MemoryKeyring())
    silent: list[str] = []
    link.silent.connect(silent.append)
    with qtbot.waitSignal(link.barred, timeout=WAIT) as told:
        link.choose(server.url)
    assert told.args == [f"The server at {server.url} wants a token: {server.without}", True]
    assert link.url is None
    assert link.server is None
    with qtbot.waitSignal(link.barred, timeout=WAIT) as told:
        link.set_token("wrong")
    assert told.args == [f"The server at {server.url} does not take this token: This token is not known here.", True]
    seen = known(link)
    with qtbot.waitSignal(link.answered, timeout=WAIT):
        link.set_token("right")
    qtbot.waitUntil(lambda: seen == [Keeping.KEEPING, Keeping.KEYRING], timeout=WAIT)
    assert list(kept.kept.values()) == ["right"]
    assert link.token == "right"
    with qtbot.waitSignal(link.barred, timeout=WAIT):
        link.forget_token()
    qtbot.waitUntil(lambda: not kept.kept, timeout=WAIT)
    assert seen[-1] is Keeping.NONE
    assert silent == []


def test_without_a_keyring_it_is_kept_for_as_long_as_the_window(link: ServerLink, server: TokenServer, qtbot: QtBot) -> None:
    with qtbot.waitSignal(link.barred, timeout=WAIT):
        link.choose(server.url)
    seen = known(link)
    with qtbot.waitSignal(link.answered, timeout=WAIT):
        link.set_token("right")
    qtbot.waitUntil(lambda: seen == [Keeping.KEEPING, Keeping.SESSION], timeout=WAIT)
    link.choose("")
    assert link.token is None
    with qtbot.waitSignal(link.answered, timeout=WAIT):
        link.choose(server.url)
    assert seen[-1] is Keeping.SESSION


def test_a_keyring_that_waits_for_its_answer_holds_nothing_up(link: ServerLink, server: TokenServer, qtbot: QtBot) -> None:
    keyring.set_keyring(asking := AskingKeyring())
    asking.kept["ota-publisher", server.url] = "right"
    try:
        with qtbot.waitSignal(link.barred, timeout=WAIT):
            link.choose(server.url)
        assert server.seen == [None]
        asking.answered.set()
        qtbot.waitUntil(lambda: link.server == Server(server.url, "right"), timeout=WAIT)
        assert server.seen == [None, "Bearer right"]
    finally:
        asking.answered.set()


def test_a_typed_token_is_used_while_the_keyring_waits(link: ServerLink, server: TokenServer, qtbot: QtBot) -> None:
    keyring.set_keyring(asking := AskingKeyring())
    seen = known(link)
    try:
        link.choose(server.url)
        with qtbot.waitSignal(link.answered, timeout=WAIT):
            link.set_token("right")
        assert seen == [Keeping.LOOKING, Keeping.KEEPING]
        asking.answered.set()
        qtbot.waitUntil(lambda: seen[-1] is Keeping.KEYRING, timeout=WAIT)
        assert link.token == "right"
    finally:
        asking.answered.set()


def test_over_plain_http_it_is_not_sent_and_not_lost(link: ServerLink, qtbot: QtBot) -> None:
    keyring.set_keyring(MemoryKeyring())
    Tokens().save("http://192.0.2.1:8080", "right")
    with qtbot.waitSignal(link.barred, timeout=WAIT) as told:
        link.choose("http://me:password@192.0.2.1:8080")
    assert told.args[0].startswith("The token was not sent to http://192.0.2.1:8080: over plain http everybody")
    assert told.args[0].endswith(
        "To look and to change nothing, forget the token here. Started as `python -m desktop --insecure`, this window sends it"
        " all the same."
    )
    assert link.token == "right"
    assert Tokens().load("http://192.0.2.1:8080") == "right"


def test_over_plain_http_it_is_sent_where_that_is_meant(
    server: TokenServer, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("common.client._is_loopback", lambda _host: False)
    jobs = Jobs()
    link = ServerLink(jobs, insecure=True)
    with qtbot.waitSignal(link.barred, timeout=WAIT):
        link.choose(server.url)
    with qtbot.waitSignal(link.answered, timeout=WAIT):
        link.set_token("right")
    assert server.seen == [None, "Bearer right"]
    assert link.server == Server(server.url, "right", insecure=True)
    link.choose("")
    jobs.stop()


def test_another_refusal_asks_for_no_token(link: ServerLink, server: TokenServer, qtbot: QtBot) -> None:
    server.status, server.without = 403, "Ask for it as localhost."
    with qtbot.waitSignal(link.barred, timeout=WAIT) as told:
        link.choose(server.url)
    assert told.args == [f"The server at {server.url} does not let this computer in: Ask for it as localhost.", False]


def test_the_token_of_one_server_goes_to_no_other(link: ServerLink, server: TokenServer, qtbot: QtBot) -> None:
    with qtbot.waitSignal(link.barred, timeout=WAIT):
        link.choose(server.url)
    with qtbot.waitSignal(link.answered, timeout=WAIT):
        link.set_token("right")
    with TokenServer() as other:
        with qtbot.waitSignal(link.barred, timeout=WAIT):
            link.choose(other.url)
        assert other.seen == [None]
