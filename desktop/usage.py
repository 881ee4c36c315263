"""The options of the command line and of the window, and their help."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import NoReturn

from common import __version__
from common.errors import InvalidRequest
from common.notification import Nul
from common.program import called
from common.rollout import Accept

SERVER = "http://localhost:8080"
_INSECURE = "send the token over plain http, where everybody on the way can read it"
_USAGE = """\
%(prog)s [options] --manifest FILE --slot0 FILE [--slot1 FILE] publish-id [device ...]
       %(prog)s [options] --notify-only [--publish-id ID] device [device ...]
       %(prog)s [options] --check-only [--manifest FILE] [--slot0 FILE] [--slot1 FILE] [publish-id]
       %(prog)s [--server URL] [--json] --withdraw ID | --restore ID"""
_EXAMPLES = """\
publish, then notify:
  %(prog)s --manifest m.bin --slot0 a.bin --slot1 b.bin version_42 [fd00::2]/suit/trigger 10.0.0.7/fw
notify of the newest release, or of one:
  %(prog)s --notify-only [fd00::2]/suit/trigger
  %(prog)s --notify-only --publish-id version_42 [fd00::2]/suit/trigger
watch them, for ten minutes at most, until each has confirmed or failed:
  %(prog)s --notify-only --publish-id version_42 --wait 600 [fd00::2]/suit/trigger --group kitchen
in waves; two devices that fail stop it:
  %(prog)s --notify-only --publish-id version_42 --group kitchen --waves 1,10%%,rest --stop-after 2 --wait 3600
check files against a server and what it serves, or without one; nothing is published:
  %(prog)s --check-only --manifest m.bin --slot0 a.bin --slot1 b.bin version_42
  %(prog)s --check-only --no-server --trust-keys keys/ --manifest m.bin --slot0 a.bin --slot1 b.bin
take a release from the devices, and give it back to them:
  %(prog)s --withdraw version_42
  %(prog)s --restore version_42
where the server wants a token, which is also taken from $OTA_TOKEN:
  %(prog)s --server https://gateway.example --token-file token.txt --withdraw version_42

exit status:
  0 done               64 wrong usage          65 the check found errors, or devices do not get the release
  66 no such release   69 no server            73 the id is taken by other bytes
  74 no room           75 published, but a device did not accept; with --wait: not every device has confirmed
  77 not allowed       78 configuration        130 interrupted
"""


class _Parser(argparse.ArgumentParser):
    """Raises what argparse would print and exit with."""

    def error(self, message: str) -> NoReturn:
        raise InvalidRequest(f"{message[:1].upper()}{message[1:]}. --help shows how it is used.")


def of_window() -> argparse.ArgumentParser:
    """What the window is started with. Raises InvalidRequest for what it does not know."""
    options = _Parser(
        prog=called("ota-publisher", "desktop"),
        description="Check firmware, publish it, and follow the devices.",
        allow_abbrev=False,
    )
    add = options.add_argument
    add("files", nargs="*", type=Path, metavar="file or folder", help="picked as if it had been dropped into the window")
    add("--insecure", action="store_true", help=_INSECURE)
    add("--version", action="version", version=f"OTA Publisher {__version__}")
    return options


def parser() -> argparse.ArgumentParser:
    """The options as they are typed; what goes with what is not its business."""
    options = _Parser(
        prog=called("ota-publish", "desktop.publish"),
        usage=_USAGE,
        description="Publish firmware on an OTA Server, check it, withdraw it, and notify devices of it.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = options.add_argument
    add("words", nargs="*", metavar="publish-id, devices", help="the release's name, then whom to notify of it")
    add("--manifest", type=Path, metavar="FILE", help="the signed SUIT manifest")
    add("--slot0", type=Path, metavar="FILE", help="the image for slot 0")
    add("--slot1", type=Path, metavar="FILE", help="the image for slot 1, if there is one")
    add("--publish-id", metavar="ID", help="the release's name, where it has a /; all other words are devices then")
    add("--notify-only", action="store_true", help="publish nothing; without --publish-id, notify of the newest release")
    add("--check-only", action="store_true", help="publish nothing; say what the files' check finds, whichever are given")
    add("--withdraw", metavar="ID", help="take a release from the devices; its files stay on the server")
    add("--restore", metavar="ID", help="give a release back to the devices that was withdrawn")
    add("--server", metavar="URL", help=f"the OTA Server (default: {SERVER})")
    add("--token-file", type=Path, metavar="FILE", help="a file with the server's token (default: $OTA_TOKEN)")
    add("--token", metavar="TOKEN", help="the token itself; everybody on this computer can read it, so rather use the others")
    add("--insecure", action="store_true", help=_INSECURE)
    add("--no-server", action="store_true", help="with --check-only: ask no server, so check only what the files say")
    add("--trust-keys", type=Path, metavar="DIR", help="check signatures here, by the public keys (PEM) in this folder")
    add("--boards", type=Path, metavar="FILE", help="the names of boards of one's own, for what is printed")
    add("--nul", choices=[n.value for n in Nul], help="end the payload with a NUL byte (default: auto asks the device)")
    add("--group", action="append", metavar="NAME", help="notify the devices of this group, too; may be given again")
    add("--wait", type=float, metavar="SECONDS", help="watch the devices so long, or until each has confirmed or failed")
    add("--accept", choices=[a.value for a in Accept], help="what counts (default: confirmed; a download proves nothing)")
    add("--waves", metavar="LIST", help="a rollout: how many devices are reached in all after each wave, such as 1,10%%,rest")
    add("--share", metavar="PERCENT", help="of a wave's devices, so many open the next wave (default: 100%%)")
    add("--stop-after", type=int, metavar="N", help="so many devices that fail stop the rollout (default: 1)")
    add("--force", action="store_true", help="publish although the check finds errors")
    add("--dry-run", action="store_true", help="check without a server, say what would be done, and change nothing")
    add("--json", action="store_true", help="print one JSON object, for programs")
    add("--version", action="version", version=f"OTA Server {__version__}")
    return options
