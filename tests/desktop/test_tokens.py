"""Tokens: in the keyring where there is one, else until the program ends; and never in a log."""

from __future__ import annotations

import logging
import subprocess
import sys

import keyring
import keyring.backends.fail
import keyring.backends.null
import pytest
from keyring.backend import KeyringBackend

from desktop.tokens import Tokens, is_token, plain_address
from tests.fakes.keyrings import BrokenKeyring, MemoryKeyring
from tests.support.server import ROOT

URL = "https://gateway.example/ota"


def test_a_keyring_keeps_it_for_the_next_start() -> None:
    keyring.set_keyring(kept := MemoryKeyring())
    tokens = Tokens()
    assert tokens.load(URL) is None
    assert tokens.save(URL, "secret")
    assert not tokens.ends_with_program(URL)
    assert kept.kept == {("ota-publisher", URL): "secret"}
    assert Tokens().load(URL) == "secret"
    tokens.forget(URL)
    assert kept.kept == {}
    assert tokens.load(URL) is None
    tokens.forget(URL)


@pytest.mark.parametrize("backend", [keyring.backends.fail.Keyring, keyring.backends.null.Keyring, BrokenKeyring])
def test_without_one_it_is_kept_until_the_program_ends(
    backend: type[KeyringBackend], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    keyring.set_keyring(backend())
    tokens = Tokens()
    assert tokens.load(URL) is None
    assert not tokens.save(URL, "secret")
    assert tokens.ends_with_program(URL)
    assert tokens.load(URL) == "secret"
    assert Tokens().load(URL) is None
    tokens.forget(URL)
    assert tokens.load(URL) is None
    assert "secret" not in caplog.text


def test_a_second_token_takes_the_place_of_the_first() -> None:
    tokens = Tokens()
    tokens.save(URL, "one")
    keyring.set_keyring(MemoryKeyring())
    assert tokens.save(URL, "two")
    assert tokens.load(URL) == "two"
    assert tokens.load("https://other.example") is None


@pytest.mark.parametrize(
    ("typed", "plain"),
    [
        ("localhost:8080", "http://localhost:8080"),
        (" HTTP://Gateway:80/ ", "http://gateway"),
        ("https://user:password@gateway.example:443/ota/", URL),
        ("http://[FD00::1]:8080", "http://[fd00::1]:8080"),
        ("http://user:password@h:port", "h:port"),
    ],
)
def test_one_server_is_one_name_without_its_password(typed: str, plain: str) -> None:
    assert plain_address(typed) == plain


@pytest.mark.parametrize("text", ["", "a b", "a\nb", "ä", "a\tb", "a\x7f", "a\u2028b"])
def test_what_cannot_stand_in_a_header_is_no_token(text: str) -> None:
    assert not is_token(text)


def test_a_token_is_ascii() -> None:
    assert is_token("eyJhbGciOi.J9-_~+/==")


def test_the_windows_start_does_not_load_the_keyring() -> None:
    program = "import sys, desktop.__main__; sys.exit('keyring' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=False, timeout=60).returncode == 0
