"""What was typed on the command line, as values: what to do, with which release, which files, which devices."""

from __future__ import annotations

import argparse
import dataclasses
import ipaddress
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType

from common.device_url import DeviceUrl, parse_list
from common.errors import InvalidRequest
from common.finding import Role
from common.notification import Nul
from common.release import check_publish_id
from common.rollout import Accept
from common.waves import Waves
from desktop.usage import SERVER, parser


class Mode(StrEnum):
    """What is to be done; the values are the options that say so."""

    PUBLISH = "publishing"
    NOTIFY_ONLY = "--notify-only"
    CHECK_ONLY = "--check-only"
    WITHDRAW = "--withdraw"
    RESTORE = "--restore"


_FILES = frozenset(f"--{role}" for role in Role)
_TELLING = frozenset({"--group", "--wait", "--accept", "--waves", "--share", "--stop-after", "--nul", "--dry-run"})
_ALLOWED: Mapping[Mode, frozenset[str]] = MappingProxyType({
    Mode.PUBLISH: _FILES | _TELLING | {"--publish-id", "--force", "--trust-keys", "--boards"},
    Mode.NOTIFY_ONLY: _TELLING | {"--publish-id"},
    Mode.CHECK_ONLY: _FILES | {"--publish-id", "--no-server", "--trust-keys", "--boards"},
    Mode.WITHDRAW: frozenset(),
    Mode.RESTORE: frozenset(),
})
"""Beside --server, its token, and --json."""
_WHY: Mapping[Mode, str] = MappingProxyType({
    Mode.PUBLISH: "Publishing needs a server",
    Mode.NOTIFY_ONLY: "With --notify-only nothing is published",
    Mode.CHECK_ONLY: "With --check-only nothing is published and nobody is notified",
    Mode.WITHDRAW: "With --withdraw nothing else is done",
    Mode.RESTORE: "With --restore nothing else is done",
})


@dataclass(frozen=True, slots=True)
class Arguments:
    """Everything is checked as far as it can be without files and network."""

    mode: Mode
    server: str | None
    """None: no server is asked."""
    publish_id: str | None
    """None only where the newest release is notified of, and where files are checked for none."""
    files: Mapping[Role, Path]
    """Empty where nothing is published or checked."""
    devices: tuple[DeviceUrl, ...] = ()
    nul: Nul = Nul.AUTO
    force: bool = False
    dry_run: bool = False
    trust_keys: Path | None = None
    """A folder of public keys."""
    boards: Path | None = None
    """A file of board names."""
    json: bool = False
    groups: tuple[str, ...] = ()
    """Of devices, by the server's inventory."""
    wait: float | None = None
    """Seconds that the devices are watched for; None: only until they have answered."""
    accept: Accept = Accept.CONFIRMED
    waves: str | None = None
    """In which steps a rollout reaches the devices; None: no rollout."""
    share: str | None = None
    stop_after: int | None = None
    token: str | None = dataclasses.field(default=None, repr=False)
    token_file: Path | None = None
    insecure: bool = False
    """Whether a token may go over plain http."""

    @property
    def tells(self) -> bool:
        """Whether anybody is to be notified."""
        return bool(self.devices or self.groups)

    @classmethod
    def parse(cls, argv: Sequence[str]) -> Arguments:
        """Raises InvalidRequest or InvalidRelease (a publish id) with a sentence; SystemExit(0) after --help and --version."""
        typed = parser().parse_intermixed_args(argv)
        mode = _mode(typed)
        files = {role: path for role in Role if (path := getattr(typed, role.value)) is not None}
        words = list(typed.words)
        _check_options(mode, typed, files)
        publish_id = _publish_id(mode, typed, words)
        _check_complete(mode, files, words, bool(typed.group))
        _check_telling(typed, words)
        devices = tuple(dict.fromkeys(device for word in words for device in _devices(word)))
        if publish_id is not None:
            check_publish_id(publish_id)
        return cls(
            mode=mode,
            server=None if typed.no_server else SERVER if typed.server is None else typed.server,
            publish_id=publish_id,
            files=files,
            devices=devices,
            nul=Nul(typed.nul or Nul.AUTO),
            force=typed.force,
            dry_run=typed.dry_run,
            trust_keys=typed.trust_keys,
            boards=typed.boards,
            json=typed.json,
            groups=tuple(dict.fromkeys(typed.group or ())),
            wait=typed.wait,
            accept=Accept(typed.accept or Accept.CONFIRMED),
            waves=typed.waves,
            share=typed.share,
            stop_after=typed.stop_after,
            token=typed.token,
            token_file=typed.token_file,
            insecure=typed.insecure,
        )


def is_device(word: str) -> bool:
    """Whether the first word is a device rather than a publish id."""
    try:
        ipaddress.ip_address(word)
    except ValueError:
        return any(mark in word for mark in "/[%") or word.count(":") >= 2
    return True


def _mode(typed: argparse.Namespace) -> Mode:
    chosen = [mode for mode in Mode if getattr(typed, _name(mode), None) not in (None, False)]
    if len(chosen) > 1:
        raise InvalidRequest(f"{' and '.join(chosen)} are two things to do: give one of them at a time.")
    return chosen[0] if chosen else Mode.PUBLISH


def _check_options(mode: Mode, typed: argparse.Namespace, files: Mapping[Role, Path]) -> None:
    """Raises InvalidRequest for options that mean nothing in this mode."""
    options = (
        "--publish-id", "--no-server", "--nul", "--force", "--dry-run", "--trust-keys", "--boards",
        "--group", "--wait", "--accept", "--waves", "--share", "--stop-after",
    )  # fmt: skip
    # 0 equals False, and is given all the same.
    given = [f"--{role}" for role in files]
    given += [o for o in options if (value := getattr(typed, _name(o))) is not None and value is not False]
    if wrong := [option for option in given if option not in _ALLOWED[mode]]:
        raise InvalidRequest(f"{_WHY[mode]}: leave out {', '.join(wrong)}.")
    asks = [o for o in ("--server", "--token", "--token-file", "--insecure") if getattr(typed, _name(o)) not in (None, False)]
    if typed.no_server and asks:
        raise InvalidRequest(f"--no-server asks no server: leave out one of --no-server and {asks[0]}.")


def _check_telling(typed: argparse.Namespace, words: Sequence[str]) -> None:
    """Raises InvalidRequest where what is said of the devices cannot be; `words` without the publish id."""
    if typed.wait is not None and not (math.isfinite(typed.wait) and typed.wait > 0):
        raise InvalidRequest(f"--wait {typed.wait:g} is no time: give seconds, more than 0, such as --wait 600.")
    if "" in map(str.strip, typed.group or ()):
        raise InvalidRequest("--group needs the name of a group of devices.")
    if typed.waves is None:
        if wrong := [o for o in ("--share", "--stop-after") if getattr(typed, _name(o)) is not None]:
            raise InvalidRequest(f"{' and '.join(wrong)} is said of a rollout: give --waves too, such as --waves 1,10%,rest.")
        if typed.accept is not None and typed.wait is None:
            raise InvalidRequest("--accept says what to wait for, or what opens the next wave: give --wait or --waves too.")
        return
    Waves.parse(typed.waves)
    if typed.nul is not None:
        raise InvalidRequest("A rollout finds out for each device whether it needs a NUL byte: leave out --nul or --waves.")
    if not words and not typed.group:
        raise InvalidRequest("With --waves name devices, such as [fd00::2]/suit/trigger, or a --group.")
    if typed.stop_after is not None and typed.stop_after < 1:
        raise InvalidRequest(f"--stop-after {typed.stop_after} is no number of failures: it is at least 1.")
    if typed.share is not None:
        _check_share(typed.share)


def _check_share(text: str) -> None:
    """As the server reads it: a percent, or a fraction of at most 1."""
    digits = text.strip().removesuffix("%").strip()
    try:
        value = float(digits)
    except ValueError:
        value = math.nan
    if not 0 < value <= 100:
        raise InvalidRequest(f"--share {text} is no share: it is a percent above 0 and at most 100, such as 90%.")


def _check_complete(mode: Mode, files: Mapping[Role, Path], words: Sequence[str], group: bool) -> None:
    """Raises InvalidRequest where a file or a device is missing, or a word is too many; `words` without the publish id."""
    missing = [] if Role.MANIFEST in files else ["--manifest"]
    if not files.keys() & {Role.SLOT0, Role.SLOT1}:
        missing.append("--slot0 or --slot1" if missing == [] else "--slot0")
    if mode is Mode.PUBLISH and missing:
        raise InvalidRequest(
            f"To publish, {' and '.join(missing)} must be given; --check-only checks the files that are there,"
            " --notify-only publishes nothing."
        )
    if mode is Mode.NOTIFY_ONLY and not words and not group:
        raise InvalidRequest("With --notify-only name at least one device, such as [fd00::2]/suit/trigger, or a --group.")
    if mode is Mode.CHECK_ONLY and not files:
        raise InvalidRequest("With --check-only name at least one file: --manifest, --slot0 or --slot1.")
    if words and mode not in (Mode.PUBLISH, Mode.NOTIFY_ONLY):
        raise InvalidRequest(f"{_WHY[mode]}: leave out {', '.join(map(repr, words))}.")


def _name(option: str) -> str:
    return option.removeprefix("--").replace("-", "_")


def _publish_id(mode: Mode, typed: argparse.Namespace, words: list[str]) -> str | None:
    """By option, or taken from the words where it is the first."""
    options = {Mode.WITHDRAW: typed.withdraw, Mode.RESTORE: typed.restore}
    found: str | None = options.get(mode, typed.publish_id)
    if found is None and mode is Mode.PUBLISH:
        return _take_id(words)
    # There are no devices here, so an id may have a slash.
    if found is None and mode is Mode.CHECK_ONLY and words and not is_device(words[0].partition("/")[0]):
        return words.pop(0)
    return found


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
