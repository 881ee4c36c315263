"""The command line: publish or check a release, withdraw it, notify devices, and say in words or JSON what became of it."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from common.client import Client
from common.errors import (
    ConfigError,
    DeviceRefused,
    DeviceUnreachable,
    InvalidRelease,
    InvalidRequest,
    NotAllowed,
    NotFound,
    OtaError,
    ReleaseExists,
    ServerRefused,
    ServerUnreachable,
    StoreFull,
    TooLarge,
)
from common.fleet_client import FleetClient
from common.release import Release, State, newest
from common.upload import LocalFiles
from desktop import wording
from desktop.arguments import Arguments, Mode
from desktop.checking import Checker, signature_findings_of, with_signature_of
from desktop.progress import Progress
from desktop.report import Report
from desktop.teller import Teller, is_terminal
from desktop.token_source import saying_how, token_from

INVALID = 65
NOT_ACCEPTED = 75
INTERRUPTED = 130
EXIT_CODES: Mapping[type[OtaError], int] = MappingProxyType({
    InvalidRequest: 64,
    InvalidRelease: INVALID,
    TooLarge: INVALID,
    NotFound: 66,
    ServerUnreachable: 69,
    ServerRefused: 69,
    OtaError: 70,
    ReleaseExists: 73,
    StoreFull: 74,
    DeviceUnreachable: NOT_ACCEPTED,
    DeviceRefused: NOT_ACCEPTED,
    NotAllowed: 77,
    ConfigError: 78,
})
"""sysexits.h, as far as it has a fitting one; a class that is not here has its parent's."""


def exit_code(error: OtaError) -> int:
    """The row of the table that fits."""
    return next(EXIT_CODES[kind] for kind in type(error).__mro__ if kind in EXIT_CODES)


def main(argv: Sequence[str]) -> int:
    """Run the command line; the process's exit status."""
    # Known before all else is: an error in the arguments is JSON, too.
    report = Report("--json" in argv)
    try:
        code = _run(Arguments.parse(argv), report)
    except OtaError as error:
        report.error(error)
        code = exit_code(error)
    except KeyboardInterrupt:
        report.interrupted()
        code = INTERRUPTED
    report.end()
    return code


def _run(arguments: Arguments, report: Report) -> int:
    if arguments.server is None:
        return _check_here(arguments, report)
    token = token_from(arguments.token, arguments.token_file, os.environ)
    progressing = Progress(is_terminal(sys.stderr))
    with saying_how(token), _client(arguments.server, token, arguments.insecure) as client, progressing as progress:
        if not arguments.dry_run:
            FleetClient(client).check_groups(arguments.groups)
        match arguments.mode:
            case Mode.CHECK_ONLY:
                return _check(client, arguments, report, progress)
            case Mode.WITHDRAW | Mode.RESTORE:
                return _shelve(client, arguments, report)
            case Mode.NOTIFY_ONLY:
                report.release = _named(client, arguments)
                publish_id = report.release.publish_id
                if arguments.dry_run:
                    report.plan(publish_id, [], client.shown_url, arguments.devices, arguments.groups, arguments.waves)
                    return 0
            case Mode.PUBLISH:
                assert arguments.publish_id is not None  # Arguments.parse saw to it
                publish_id = arguments.publish_id
                if arguments.dry_run:
                    return _rehearse(client, arguments, publish_id, report)
                _publish(client, arguments, publish_id, report, progress)
        if not arguments.tells or Teller(client, arguments, report, progress).tell(publish_id):
            return 0
        return NOT_ACCEPTED


def _client(server: str, token: str | None, insecure: bool) -> Client:
    try:
        return Client(server, token=token, insecure=insecure)
    except NotAllowed as error:
        raise NotAllowed(f"{error} --insecure sends it all the same.") from None


def _check_here(arguments: Arguments, report: Report) -> int:
    checked = Checker.load(arguments.trust_keys, arguments.boards).check(arguments.files)
    report.check(checked)
    return INVALID if checked.errors else 0


def _check(client: Client, arguments: Arguments, report: Report, progress: Progress) -> int:
    checker = Checker.load(arguments.trust_keys, arguments.boards)
    local = checker.check(arguments.files) if checker.keys else None
    if local and local.errors:
        report.check(local, not_asked=client.shown_url)
        return INVALID
    checked = client.check(arguments.files, arguments.publish_id, progress.upload)
    progress.end()
    checked = checker.named(with_signature_of(local, checked) if local else checked)
    report.check(checked)
    return INVALID if checked.errors else 0


def _publish(client: Client, arguments: Arguments, publish_id: str, report: Report, progress: Progress) -> None:
    checker = Checker.load(arguments.trust_keys, arguments.boards)
    local = checker.check(arguments.files) if checker.keys else None
    if local and local.errors and not arguments.force:
        raise InvalidRelease("These files cannot be a release; nothing was sent to the server.", local.findings)
    try:
        release, created = client.publish(publish_id, arguments.files, arguments.force, progress.upload)
    except InvalidRelease as error:
        error.findings = signature_findings_of(local, error.findings) if local else error.findings
        raise
    progress.end()
    findings = signature_findings_of(local, release.findings) if local else release.findings
    report.publication(release, created, findings)
    if release.state is not State.READY:
        raise InvalidRelease(wording.published_in_vain(release, created), findings)


def _shelve(client: Client, arguments: Arguments, report: Report) -> int:
    assert arguments.publish_id is not None  # Arguments.parse saw to it
    was_withdrawn = client.release(arguments.publish_id).state is State.WITHDRAWN
    if arguments.mode is Mode.WITHDRAW:
        report.withdrawal(client.withdraw(arguments.publish_id), not was_withdrawn)
    else:
        report.restoration(client.restore(arguments.publish_id), was_withdrawn)
    return 0


def _named(client: Client, arguments: Arguments) -> Release:
    if arguments.publish_id is not None:
        return client.release(arguments.publish_id)
    releases = client.releases()
    for device in arguments.devices:
        if any(device.host == release.publish_id.lower() for release in releases):
            raise InvalidRequest(
                f"{device.host!r} is read as a device here, and is a release on the server; nobody was told."
                f" If you mean the release, write --publish-id {device.host}."
            )
    return newest(releases)


def _rehearse(client: Client, arguments: Arguments, publish_id: str, report: Report) -> int:
    """A dry run of publishing; InvalidRelease with what the check found, unless it is forced."""
    checked = Checker.load(arguments.trust_keys, arguments.boards).check(arguments.files)
    if checked.errors and not arguments.force:
        raise InvalidRelease("These files cannot be a release; nothing was changed.", checked.findings)
    report.findings(checked.findings)
    with LocalFiles(arguments.files) as files:
        sizes = [file.size for file in files]
        report.plan(publish_id, sizes, client.shown_url, arguments.devices, arguments.groups, arguments.waves)
    return 0


if __name__ == "__main__":
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    sys.exit(main(sys.argv[1:]))
