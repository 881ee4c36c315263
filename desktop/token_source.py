"""Where the command line's token comes from: an option, a file, or the environment."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from common.errors import ConfigError, InvalidRequest, TokenWanted
from desktop.tokens import is_token

VARIABLE = "OTA_TOKEN"
_LONGEST = 4096


def token_from(text: str | None, file: Path | None, environment: Mapping[str, str]) -> str | None:
    """The token; None where none is given. What is said on the command line wins over the environment.

    Raises InvalidRequest and ConfigError for what is none.
    """
    if text is not None and file is not None:
        raise InvalidRequest("--token and --token-file both give a token: leave out one of them.")
    if text is not None:
        return _checked(text, "--token", InvalidRequest)
    if file is not None:
        return _checked(_read(file), f"the file {str(file)!r}", ConfigError)
    given = environment.get(VARIABLE, "")
    return _checked(given, f"${VARIABLE}", ConfigError) if given.strip() else None


@contextmanager
def saying_how(token: str | None) -> Iterator[None]:
    """Where a token is wanted and none was given, the error says how this command takes one."""
    try:
        yield
    except TokenWanted as error:
        if token is not None:
            raise
        raise TokenWanted(f"{error} Give it to this command in ${VARIABLE}, or with --token-file FILE.") from None


def _read(file: Path) -> str:
    try:
        with file.open(encoding="ascii", errors="replace") as opened:
            return opened.read(_LONGEST)
    except OSError as error:
        raise ConfigError(f"The file of the token {str(file)!r} cannot be read: {error.strerror}.") from None


def _checked(text: str, where: str, kind: type[ConfigError | InvalidRequest]) -> str:
    token = text.strip()
    if not token or not is_token(token):
        # The text itself is not shown: it may be most of a secret.
        raise kind(f"What {where} gives is no token: a token is one word of ASCII letters, digits and signs. Copy it again.")
    return token
