"""`token add`, `token list` and `token revoke`: a server's tokens, from its own machine, whether it runs or not."""

from __future__ import annotations

import argparse
import contextlib
import datetime as dt
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NoReturn

from common.errors import ConfigError, InvalidRequest, NotAllowed, NotFound, OtaError, ReleaseExists, StoreFull
from server.access import token_file
from server.access.advice import PACKAGED_STATE, called_as
from server.access.private_file import Unsynced
from server.access.token import Right, Token, check_name, listed
from server.access.token_file import TokenFile
from server.settings import command_line, config_file

PACKAGED_CONFIG = Path("/etc/ota-server/ota-server.toml")
DECLINED = 1
EXIT_CODES: Mapping[type[OtaError], int] = MappingProxyType({
    InvalidRequest: 64, NotFound: 66, ReleaseExists: 73, StoreFull: 74, NotAllowed: 77, ConfigError: 78,
})  # fmt: skip
"""sysexits.h, as the command line of OTA Publisher has them."""


def main(arguments: list[str]) -> int:
    """The exit status. A new token is all that goes to stdout, so that a script can take it."""
    try:
        asked = _parser().parse_args(arguments)
        if asked.command != "list":
            check_name(asked.name)
        try:
            state = _state(asked)
        except OSError as error:
            raise StoreFull(
                f"Where the file of tokens is cannot be found out ({error.strerror}): name its folder with --state-dir."
            ) from None
        file = TokenFile(state / token_file.NAME)
        with _as_sentences(file, f"sudo {called_as()} {' '.join(arguments)}"):
            return {"add": _add, "list": _list, "revoke": _revoke}[asked.command](file, asked)
    except OtaError as error:
        print(f"ota-server token: {error}", file=sys.stderr)
        return next(EXIT_CODES[kind] for kind in type(error).__mro__ if kind in EXIT_CODES)


@contextlib.contextmanager
def _as_sentences(file: TokenFile, again: str) -> Iterator[None]:
    """An OSError within becomes an OtaError; nothing has been changed then."""
    try:
        yield
    except OSError as error:
        if isinstance(error, PermissionError) and os.geteuid() != 0:
            raise NotAllowed(f"{str(file.path)!r} is not yours to read or write. Do it as root: {again}") from None
        raise StoreFull(f"{str(file.path)!r} cannot be read or written ({error.strerror}). Nothing was changed.") from None


def _add(file: TokenFile, asked: argparse.Namespace) -> int:
    rights = _rights(asked.may)
    _prepare(file.path.parent)
    revoke = f"{called_as()} revoke {asked.name}"
    try:
        with file.changing() as tokens:
            if any(token.name == asked.name for token in tokens):
                raise ReleaseExists(
                    f"There is a token {asked.name!r} already. Choose another name, or revoke that one first: {revoke}"
                )
            token, text = Token.make(asked.name, rights, dt.datetime.now(dt.UTC))
            tokens.append(token)
    except Unsynced as error:
        raise StoreFull(
            f"The token {asked.name!r} was made, but may be gone after a power cut ({error.strerror}), so it is not shown. Look"
            f" after the disk, revoke it, and make it again: {revoke}"
        ) from None
    _show(text, f"The token {token.name!r} was made, but is in nobody's hands: revoke it, and make it again: {revoke}")
    print(
        f"The token {token.name!r} may {listed(token.rights)}. Copy it now: it is shown this once, and {str(file.path)!r} has"
        " only a hash of it. People log in with it on the page; programs send it as Authorization: Bearer, and"
        " OTA Publisher's command line takes it from $OTA_TOKEN. The server knows it at once.",
        file=sys.stderr,
    )
    return 0


def _list(file: TokenFile, asked: argparse.Namespace) -> int:  # noqa: ARG001
    rows = [(token.name, ",".join(token.rights), f"{token.created:%Y-%m-%d %H:%M} UTC") for token in file.read()]
    if not rows:
        print(f"There is no token in {str(file.path)!r}. Make one: {called_as()} add laptop", file=sys.stderr)
        return 0
    rows.insert(0, ("NAME", "MAY", "MADE"))
    wide = [max(len(row[column]) for row in rows) for column in (0, 1)]
    _show("\n".join(f"{name:{wide[0]}}  {may:{wide[1]}}  {made}" for name, may, made in rows), "Not all of the list was shown.")
    return 0


def _show(text: str, if_not: str) -> None:
    """On stdout. Raises StoreFull, with `if_not` for what follows from it."""
    try:
        print(text, flush=True)
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # or what is left of it would fail once more when the interpreter ends
        raise StoreFull(f"What is to be shown cannot be written to stdout ({error.strerror}). {if_not}") from None


def _revoke(file: TokenFile, asked: argparse.Namespace) -> int:
    if not any(token.name == asked.name for token in file.read()):
        raise NotFound(f"There is no token {asked.name!r} in {str(file.path)!r}. Those that there are: {called_as()} list")
    if not asked.yes and not _sure(asked.name):
        print("Nothing was changed.", file=sys.stderr)
        return DECLINED
    try:
        with file.changing() as tokens:
            tokens[:] = [token for token in tokens if token.name != asked.name]
            left = len(tokens)
    except Unsynced as error:
        raise StoreFull(
            f"The token {asked.name!r} is revoked now, but may be known again after a power cut ({error.strerror}). Look after"
            f" the disk, and then whether it is still gone: {called_as()} list"
        ) from None
    print(f"The token {asked.name!r} is revoked. Who was logged in with it no longer is.", file=sys.stderr)
    if not left:
        print(
            "There is no token any more: a server that only this machine can reach lets everybody on it change something.",
            file=sys.stderr,
        )
    return 0


def _sure(name: str) -> bool:
    if not sys.stdin.isatty():
        raise InvalidRequest(f"Revoking asks whether you are sure, and there is no terminal: {called_as()} revoke {name} --yes")
    print(f"Revoke the token {name!r}? Whatever uses it is refused from then on. [y/N] ", end="", file=sys.stderr, flush=True)
    try:
        return sys.stdin.readline().strip().lower() in ("y", "yes")
    except (KeyboardInterrupt, UnicodeError):
        print(file=sys.stderr)
        return False


def _rights(text: str) -> list[Right]:
    words = [word.strip() for word in text.split(",") if word.strip()]
    unknown = [word for word in words if word not in list(Right)]
    if unknown or not words:
        found = f"{unknown[0]!r} is nothing that a token may" if unknown else "--may names nothing"
        raise InvalidRequest(f"{found}: give one or more of {', '.join(Right)}, parted by commas.")
    return [Right(word) for word in words]


def _state(asked: argparse.Namespace) -> Path:
    """The state folder of the server that is meant: as told, else the packaged one's for root, else as for `python -m server`."""
    if asked.state_dir is not None:
        return Path(asked.state_dir)
    root, file = os.geteuid() == 0, asked.config
    if file is None and root and PACKAGED_CONFIG.is_file():
        file = str(PACKAGED_CONFIG)
    try:
        if file is not None and (named := config_file.state_dir_in(Path(file))) is not None:
            return named
        config = command_line.read([] if file is None else ["--config", file]).config
    except ConfigError as error:
        raise ConfigError(f"{error} Mend that, or name the folder of the file of tokens with --state-dir.") from None
    given = config.state_dir is not None or bool(os.environ.get("STATE_DIRECTORY"))
    if not given and PACKAGED_STATE.is_dir():
        if root:
            return PACKAGED_STATE
        if not config.state.is_dir():
            raise NotAllowed(
                f"The server of this machine keeps its tokens in {str(PACKAGED_STATE)!r}, which is not yours. Do it as root"
                f" (sudo {called_as()} …), or name another server's folder with --state-dir."
            )
    return config.state


def _prepare(folder: Path) -> None:
    if folder.is_dir():
        return
    if os.geteuid() == 0 and folder.parent != Path.home() / ".local" / "state":
        # The server would find a folder that is root's, and not its own.
        raise ConfigError(f"There is no state folder {str(folder)!r}: start the server once, or name another one: --state-dir.")
    folder.mkdir(mode=0o700, parents=True)


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(command_line.EXIT_USAGE, f"{self.prog}: {message}\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog=called_as(), description="Who may change something on the server.", allow_abbrev=False)
    commands = parser.add_subparsers(dest="command", required=True, metavar="add|list|revoke")
    add = commands.add_parser("add", help="make a token and print it", allow_abbrev=False)
    add.add_argument("name", metavar="NAME", help="whose it is, such as laptop or ci; it stands in the log and the history")
    add.add_argument("--may", metavar="RIGHTS", default=",".join(Right), help="what it may, parted by commas (%(default)s)")
    shown = commands.add_parser("list", help="list the names, and what each may", allow_abbrev=False)
    revoke = commands.add_parser("revoke", help="end a token", allow_abbrev=False)
    revoke.add_argument("name", metavar="NAME")
    revoke.add_argument("--yes", action="store_true", help="do not ask")
    for command in (add, shown, revoke):
        command.add_argument("--config", metavar="FILE", help=f"the server's TOML file (for root {PACKAGED_CONFIG})")
        command.add_argument("--state-dir", metavar="DIR", help="the server's state folder, where the file of tokens is")
    return parser
