"""The command that a server names is the one that works for it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from server.access.advice import adding


@pytest.fixture(autouse=True)
def service(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)
    monkeypatch.setattr(sys, "argv", ["/usr/bin/ota-server"])


def test_the_packaged_service_is_roots_to_change(monkeypatch: pytest.MonkeyPatch) -> None:
    assert adding(Path("/var/lib/ota-server"))("laptop") == "sudo ota-server token add laptop"
    monkeypatch.setenv("STATE_DIRECTORY", "/srv/ota")
    assert adding(Path("/srv/ota"))("NAME --may notify") == "sudo ota-server token add NAME --may notify"


def test_a_persons_own_server_is_theirs_and_its_folder_is_named() -> None:
    assert adding(Path("/home/me/my state"))("laptop") == "ota-server token add laptop --state-dir '/home/me/my state'"


def test_from_a_checkout_it_is_the_module(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "argv", [str(tmp_path / "server" / "__main__.py")])
    monkeypatch.setattr(sys, "executable", str(tmp_path / ".venv" / "bin" / "python"))
    monkeypatch.chdir(tmp_path)
    assert adding(Path("state"))("laptop") == f".venv/bin/python -m server token add laptop --state-dir {tmp_path}/state"
    monkeypatch.setattr(sys, "executable", "/usr/bin/python3")
    assert adding(tmp_path)("laptop").startswith("/usr/bin/python3 -m server token add laptop")
