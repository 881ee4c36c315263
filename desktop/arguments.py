"""What was typed on the command line, as values: which release, which files, which devices."""

from __future__ import annotations

import argparse
import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from common import __version__
from common.device_url import DeviceUrl, parse_list
from common.errors import InvalidRequest
from common.finding import Role
from common.notification import Nul
from common.release import check_publish_id

_PROGRAM = "python -m desktop.publish"
_USAGE = """\
%(prog)s [options] --manifest FILE --slot0 FILE [--slot1 FILE] publish-id [device ...]
       %(prog)s [options] --notify-only [--publish-id ID] device [device ...]"""
_EXAMPLES = """\
publish, then notify:
  %(prog)s --manifest m.bin --slot0 a.bin --slot1 b.bin version_42 [fd00::2]/suit/trigger 10.0.0.7/fw
notify of the newest release, or of one:
  %(prog)s --notify-only [fd00::2]/suit/trigger
  %(prog)s --notify-only --publish-id version_42 [fd00::2]/suit/trigger

exit status:
  0 done               64 wrong usage          65 the files cannot be a release
  66 no such release   69 no server            73 the id is taken by other bytes
  74 no room           75 published, but a device did not accept
  77 not allowed       78 configuration        130 interrupted
"""


@dataclass(frozen=True, slots=True)
class Arguments:
    """Everything is checked as far as it can be without files and network."""

    server: str
    publish_id: str | None
    """None only with `notify_only`: the newest release."""
    files: Mapping[Role, Path]
    """Empty with `notify_only`."""
    devices: tuple[DeviceUrl, ...]
    notify_only: bool
    nul: Nul
    force: bool
    dry_run: bool
    json: bool

    @classmethod
    def parse(cls, argv: Sequence[str]) -> Arguments:
        """Raises InvalidRequest or InvalidRelease (a publish id) with a sentence; SystemExit(0) after --help and --version."""
        typed = _parser().parse_intermixed_args(argv)
        files = {role: path for role in Role if (path := getattr(typed, role.value)) is not None}
        publish_id, devices = typed.publish_id, list(typed.words)
        if typed.notify_only:
            if files or typed.force:
                raise InvalidRequest("With --notify-only nothing is published: leave out the files and --force.")
            if not devices:
                raise InvalidRequest("With --notify-only name at least one device, such as [fd00::2]/suit/trigger.")
        else:
            if publish_id is None:
                publish_id = _take_id(devices)
            if missing := [f"--{role}" for role in (Role.MANIFEST, Role.SLOT0) if role not in files]:
                raise InvalidRequest(f"To publish, {' and '.join(missing)} must be given; --notify-only publishes nothing.")
        parsed = tuple(dict.fromkeys(device for word in devices for device in _devices(word)))
        if publish_id is not None:
            check_publish_id(publish_id)
        return cls(
            typed.server, publish_id, files, parsed, typed.notify_only, Nul(typed.nul), typed.force, typed.dry_run, typed.json
        )


def is_device(word: str) -> bool:
    """Whether the first word is a device rather than a publish id."""
    try:
        ipaddress.ip_address(word)
    except ValueError:
        return any(mark in word for mark in "/[%") or word.count(":") >= 2
    return True


def _take_id(words: list[str]) -> str:
    if not words:
        raise InvalidRequest("A publish id is missing: give the release a name, such as version_42.")
    if is_device(words[0]):
        raise InvalidRequest(
            f"A publish id is missing: {words[0]!r} is read as a device."
            " Name the release first, such as version_42; an id with a / is given as --publish-id."
        )
    return words.pop(0)


def _devices(word: str) -> tuple[DeviceUrl, ...]:
    return parse_list(word) if word.strip(", ") else (DeviceUrl.parse(word),)


class _Parser(argparse.ArgumentParser):
    """Raises what argparse would print and exit with."""

    def error(self, message: str) -> NoReturn:
        raise InvalidRequest(f"{message[:1].upper()}{message[1:]}. --help shows how it is used.")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog=_PROGRAM,
        usage=_USAGE,
        description="Publish firmware on an OTA Server, and notify devices of it.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("words", nargs="*", metavar="publish-id, devices", help="the release's name, then whom to notify of it")
    add("--manifest", type=Path, metavar="FILE", help="the signed SUIT manifest")
    add("--slot0", type=Path, metavar="FILE", help="the image for slot 0")
    add("--slot1", type=Path, metavar="FILE", help="the image for slot 1, if there is one")
    add("--publish-id", metavar="ID", help="the release's name, where it has a /; all other words are devices then")
    add("--notify-only", action="store_true", help="publish nothing; without --publish-id, notify of the newest release")
    add("--server", default="http://localhost:8080", metavar="URL", help="the OTA Server (default: %(default)s)")
    add("--nul", choices=[n.value for n in Nul], default="auto", help="end the payload with a NUL byte (auto asks the device)")
    add("--force", action="store_true", help="publish although the check finds errors")
    add("--dry-run", action="store_true", help="check, say what would be done, and change nothing")
    add("--json", action="store_true", help="print one JSON object, for programs")
    add("--version", action="version", version=f"OTA Server {__version__}")
    return parser
