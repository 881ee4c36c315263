"""Tokens for a server that a test runs."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from server.access.token import Right, Token
from server.access.token_file import TokenFile


def add_token(state: Path, name: str = "laptop", *rights: Right) -> str:
    """As `token add` does; the text. Without rights it may everything."""
    token, text = Token.make(name, rights or Right, dt.datetime.now(dt.UTC))
    with TokenFile(state / "tokens").changing() as tokens:
        tokens.append(token)
    return text


def revoke_token(state: Path, name: str) -> None:
    """As `token revoke` does."""
    with TokenFile(state / "tokens").changing() as tokens:
        tokens[:] = [token for token in tokens if token.name != name]
