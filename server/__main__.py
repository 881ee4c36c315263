"""The front door: reads the arguments, does the command that their first word names, gives the exit status."""

from __future__ import annotations

import faulthandler
import logging
import os
import sys
from collections.abc import Callable

from common.errors import ConfigError, Hindered
from server import parts, systemd
from server.access import command as token_command
from server.life import Server
from server.settings import command_line
from server.sockets import Sockets, inherited
from server.systemd import JournalFormatter, Manager

EXIT_LATER = 75
"""It cannot start as configured now, and may be able to later (EX_TEMPFAIL of sysexits.h)."""
EXIT_CONFIG = 78


def main(arguments: list[str]) -> int:
    """The exit status. Without a command's name in front, the arguments are those of the server itself."""
    commands: dict[str, Callable[[list[str]], int]] = {"token": token_command.main}
    command = commands.get(arguments[0]) if arguments else None
    try:
        return serve(arguments) if command is None else command(arguments[1:])
    except ConfigError as error:
        print(_for_journal(f"ota-server: {error}", logging.ERROR), file=sys.stderr)
        return EXIT_LATER if isinstance(error, Hindered) else EXIT_CONFIG


def serve(arguments: list[str]) -> int:
    """The server; 0 stopped, 1 a part died. Raises ConfigError when it cannot start as configured, Hindered when not now."""
    asked = command_line.read(arguments)
    if asked.print_config:
        print(asked.config.to_toml(), end="")
        return 0
    if asked.check_config:
        parts.check(asked.config)
        print(_for_journal("ota-server: the configuration can be used.", logging.INFO))
        return 0
    faulthandler.enable()  # when systemd's watchdog ends a server that hangs, the journal says where
    _set_up_log(asked.config.debug)
    passed, manager = inherited(os.environ), Manager(os.environ)
    return Server(arguments, asked, Sockets(passed), manager).run()


def _for_journal(text: str, level: int) -> str:
    return systemd.marked(text, level) if systemd.takes(os.environ) else text


def _set_up_log(debug: bool) -> None:
    handler = logging.StreamHandler()
    journal = systemd.takes(os.environ)
    handler.setFormatter(JournalFormatter() if journal else logging.Formatter("%(asctime)s %(levelname)-7s %(message)s"))
    logging.basicConfig(level=logging.DEBUG if debug else logging.INFO, handlers=[handler])
    logging.getLogger("coapthon").setLevel(logging.ERROR)  # its INFO has every payload
    logging.getLogger("watchdog").setLevel(logging.INFO)  # its DEBUG has every event
    logging.getLogger("waitress").setLevel(logging.ERROR)  # its WARNING is a queue of one request


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
