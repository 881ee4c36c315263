"""The command line's words and options, and the exit status of each error."""

from __future__ import annotations

from pathlib import Path

import pytest

from common import errors
from common.device_url import DeviceUrl
from common.errors import InvalidDeviceUrl, InvalidManifest, InvalidRelease, InvalidRequest, OtaError
from common.finding import Role
from common.notification import Nul
from desktop import usage, wording
from desktop.arguments import Arguments, Mode, is_device
from desktop.publish import EXIT_CODES, INTERRUPTED, exit_code

FILES = ["--manifest", "m.bin", "--slot0", "a.bin"]
NODE = DeviceUrl("fd00::2")


def test_publish_and_notify() -> None:
    arguments = Arguments.parse([*FILES, "--slot1", "b.bin", "version_42", "[fd00::2]/suit/trigger", "10.0.0.7/fw"])
    assert arguments == Arguments(
        mode=Mode.PUBLISH,
        server="http://localhost:8080",
        publish_id="version_42",
        files={Role.MANIFEST: Path("m.bin"), Role.SLOT0: Path("a.bin"), Role.SLOT1: Path("b.bin")},
        devices=(NODE, DeviceUrl("10.0.0.7", path="fw")),
        nul=Nul.AUTO,
        force=False,
        dry_run=False,
        trust_keys=None,
        boards=None,
        json=False,
    )


def test_options_may_stand_anywhere() -> None:
    flags = ["--server=gw", "--force", "--dry-run"]
    arguments = Arguments.parse(["version_42", *FILES, "fd00::2", "--nul", "yes", "--json", "10.0.0.7", *flags])
    assert arguments.publish_id == "version_42"
    assert [str(device) for device in arguments.devices] == ["[fd00::2]/suit/trigger", "10.0.0.7/suit/trigger"]
    assert (arguments.nul, arguments.server) == (Nul.YES, "gw")
    assert arguments.json
    assert arguments.force
    assert arguments.dry_run


def test_notify_only() -> None:
    arguments = Arguments.parse(["--notify-only", "[fd00::2]/suit/trigger", "sensor"])
    assert (arguments.mode, arguments.publish_id) == (Mode.NOTIFY_ONLY, None)
    assert arguments.devices == (NODE, DeviceUrl("sensor"))


def test_an_id_by_option_makes_every_word_a_device() -> None:
    arguments = Arguments.parse([*FILES, "--publish-id", "fw/sensor", "version-42"])
    assert (arguments.publish_id, arguments.devices) == ("fw/sensor", (DeviceUrl("version-42"),))


def test_devices_with_commas_and_repetitions() -> None:
    arguments = Arguments.parse(["--notify-only", "fd00::2,10.0.0.7", "[fd00::2]:5683", "sensor,"])
    assert arguments.devices == (NODE, DeviceUrl("10.0.0.7"), DeviceUrl("sensor"))


def test_check_only() -> None:
    arguments = Arguments.parse(["--check-only", "--manifest", "m.bin"])
    assert (arguments.mode, arguments.publish_id, arguments.devices) == (Mode.CHECK_ONLY, None, ())
    assert arguments.server == "http://localhost:8080"
    assert Arguments.parse(["--check-only", "--slot1", "b.bin", "version_42"]).publish_id == "version_42"
    assert Arguments.parse(["--check-only", "--slot1", "b.bin", "--publish-id", "fw/1"]).publish_id == "fw/1"
    assert Arguments.parse(["--check-only", "--slot1", "b.bin", "fw/1"]).publish_id == "fw/1"


def test_check_only_without_a_server() -> None:
    arguments = Arguments.parse(["--check-only", "--no-server", *FILES, "v1", "--trust-keys", "keys", "--boards", "own.txt"])
    assert (arguments.server, arguments.trust_keys, arguments.boards) == (None, Path("keys"), Path("own.txt"))


@pytest.mark.parametrize("mode", (Mode.WITHDRAW, Mode.RESTORE))
def test_withdraw_and_restore(mode: Mode) -> None:
    arguments = Arguments.parse([mode, "fw/sensor/1", "--server", "gw", "--json"])
    assert arguments == Arguments(mode=mode, server="gw", publish_id="fw/sensor/1", files={}, json=True)
    with pytest.raises(InvalidRelease, match="starts with a dot"):
        Arguments.parse([mode, ".hidden"])
    with pytest.raises(InvalidRelease, match="is empty"):
        Arguments.parse([mode, ""])


@pytest.mark.parametrize("word", ("a/b", "[x", "fe80::2%wpan0", "a%b", "a:b:c", "10.0.0.7", "::1", "fd00::2"))
def test_words_that_are_devices(word: str) -> None:
    assert is_device(word)


@pytest.mark.parametrize("word", ("version_42", "1.2.3", "1", "sensor", "host:5683", ""))
def test_words_that_are_ids(word: str) -> None:
    assert not is_device(word)


@pytest.mark.parametrize(
    ("argv", "why"),
    (
        ([], "publish id is missing"),
        (FILES, "publish id is missing"),
        ([*FILES, "[fd00::2]/suit/trigger"], "is read as a device.*--publish-id"),
        (["version_42"], "--manifest and --slot0 must be given; --check-only checks"),
        (["--manifest", "m.bin", "version_42"], "To publish, --slot0 or --slot1 must be given"),
        (["--notify-only"], "at least one device"),
        (["--notify-only", "--manifest", "m.bin", "fd00::2"], "nothing is published"),
        (["--notify-only", "--force", "fd00::2"], "nothing is published"),
        (["--notify-only", "--trust-keys", "k", "--boards", "b", "fd00::2"], "leave out --trust-keys, --boards"),
        ([*FILES, "version_42", "--no-server"], "needs a server: leave out --no-server"),
        (["--check-only"], "name at least one file"),
        (["--check-only", "version_42"], "name at least one file"),
        (["--check-only", *FILES, "fd00::2"], r"nobody is notified: leave out 'fd00::2'\."),
        (["--check-only", *FILES, "10.0.0.7/fw"], r"leave out '10\.0\.0\.7/fw'"),
        (["--check-only", *FILES, "[fd00::2]/suit/trigger"], r"leave out '\[fd00::2\]/suit/trigger'"),
        (["--check-only", *FILES, "version_42", "sensor", "node"], "leave out 'sensor', 'node'"),
        (["--check-only", *FILES, "--force", "--dry-run", "--nul", "no"], "leave out --nul, --force, --dry-run"),
        (["--check-only", *FILES, "--no-server", "--server", "gw"], "leave out one of --no-server and --server"),
        (["--withdraw", "version_42", "sensor"], "nothing else is done: leave out 'sensor'"),
        (["--withdraw", "version_42", *FILES, "--dry-run"], "leave out --manifest, --slot0, --dry-run"),
        (["--restore", "version_42", "--publish-id", "version_42"], "leave out --publish-id"),
        (["--restore", "version_42", "--no-server"], "leave out --no-server"),
        (["--withdraw"], "expected one argument"),
        (["--withdraw", "a", "--restore", "a"], "^--withdraw and --restore are two things to do"),
        (["--notify-only", "--check-only", "fd00::2"], "^--notify-only and --check-only are two"),
        ([*FILES, "version_42", "--nul", "maybe"], "invalid choice: 'maybe'"),
        ([*FILES, "version_42", "--colour"], r"^Unrecognized arguments: --colour\. --help"),
        ([*FILES, "version_42", "--man", "x"], "Unrecognized"),
        (["--manifest"], "expected one argument"),
    ),
)
def test_wrong_usage(argv: list[str], why: str) -> None:
    with pytest.raises(InvalidRequest, match=why):
        Arguments.parse(argv)


@pytest.mark.parametrize("device", ("http://x/a", "a\x01b", "", ",", "fd00::2%"))
def test_one_bad_device_stops_everything(device: str) -> None:
    with pytest.raises(InvalidDeviceUrl):
        Arguments.parse([*FILES, "version_42", "10.0.0.7", device])


def test_a_bad_id() -> None:
    with pytest.raises(InvalidRelease, match="starts with a dot"):
        Arguments.parse([*FILES, ".hidden"])


@pytest.mark.parametrize(
    ("kind", "code"),
    (
        (InvalidDeviceUrl, 64),
        (InvalidRequest, 64),
        (InvalidManifest, 65),
        (InvalidRelease, 65),
        (errors.TooLarge, 65),
        (errors.ReleaseNotFound, 66),
        (errors.ServerUnreachable, 69),
        (errors.ServerRefused, 69),
        (errors.ReleaseExists, 73),
        (errors.StoreFull, 74),
        (errors.DeviceUnreachable, 75),
        (errors.DeviceRefused, 75),
        (errors.NotAllowed, 77),
        (errors.ConfigError, 78),
    ),
)
def test_exit_codes(kind: type[OtaError], code: int) -> None:
    assert exit_code(kind("A sentence.")) == code


def test_every_error_has_an_exit_code_of_its_own() -> None:
    for kind in vars(errors).values():
        if isinstance(kind, type) and issubclass(kind, OtaError) and kind is not OtaError:
            assert exit_code(kind("A sentence.")) != exit_code(OtaError("A sentence.")), kind


@pytest.mark.parametrize(
    ("size", "text"),
    (
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (60_512, "60.5 kB"),
        (999_949, "999.9 kB"),
        (999_950, "1.0 MB"),
        (2_500_000_000_000, "2500.0 GB"),
    ),
)
def test_sizes(size: int, text: str) -> None:
    assert wording.size(size) == text


def test_every_option_and_every_exit_code_is_in_the_help() -> None:
    text = usage.parser().format_help()
    for mode in (*list(Mode)[1:], "--trust-keys", "--boards", "--no-server"):
        assert f"  {mode}" in text
    told = {int(word) for word in text.partition("exit status:")[2].split() if word.isdecimal()}
    assert told == {0, INTERRUPTED, *EXIT_CODES.values()} - {EXIT_CODES[OtaError]}


def test_the_examples_in_the_help_can_be_typed() -> None:
    shown = usage.parser().format_help().partition("publish, then")[2]
    examples = [line.split() for line in shown.splitlines() if " -m " in line]
    assert len(examples) == 10
    for line in examples:
        assert line[:3] == ["python", "-m", "desktop.publish"]
        Arguments.parse(line[3:])
