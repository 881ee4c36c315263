"""The command line: publish a release, notify devices, and say in words or JSON what became of it."""

from __future__ import annotations

import hashlib
import io
import sys
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TextIO

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
from common.finding import Role
from common.preflight import FileFacts, Files, check
from common.release import Release, newest
from common.upload import LocalFile, LocalFiles
from desktop.arguments import Arguments
from desktop.progress import Progress
from desktop.report import Report

NOT_ACCEPTED = 75
INTERRUPTED = 130
EXIT_CODES: Mapping[type[OtaError], int] = MappingProxyType({
    InvalidRequest: 64,
    InvalidRelease: 65,
    TooLarge: 65,
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
    with Client(arguments.server) as client, Progress(_is_terminal(sys.stderr)) as progress:
        if arguments.notify_only:
            report.release = _named(client, arguments)
            publish_id = report.release.publish_id
        else:
            assert arguments.publish_id is not None  # Arguments.parse saw to it
            publish_id = arguments.publish_id
        if arguments.dry_run:
            sizes = [] if arguments.notify_only else _check_files(arguments, report)
            report.plan(publish_id, sizes, client.shown_url, arguments.devices)
            return 0
        if not arguments.notify_only:
            release, created = client.publish(publish_id, arguments.files, arguments.force, progress.upload)
            progress.end()
            report.publication(release, created)
        if not arguments.devices:
            return 0
        return _notify(client, arguments, publish_id, report, progress)


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


def _notify(client: Client, arguments: Arguments, publish_id: str, report: Report, progress: Progress) -> int:
    report.notifying(publish_id, arguments.devices)
    for notification in client.watch(client.notify(publish_id, arguments.devices, arguments.nul)):
        for result in report.news(notification):
            progress.end()
            report.device(result)
        if not notification.done:
            progress.devices(report.answered, len(notification.results))
    return 0 if report.all_accepted else NOT_ACCEPTED


def _check_files(arguments: Arguments, report: Report) -> list[int]:
    """The files' sizes; InvalidRelease with what the check found, unless it is forced."""
    with LocalFiles(arguments.files) as files:
        sizes = [file.size for file in files]
        manifest = next(file.read() for file in files if file.role is Role.MANIFEST)
        images: dict[Role, FileFacts] = {file.role: _facts(file) for file in files if file.role is not Role.MANIFEST}
    found = check(Files(manifest, images))
    if found.errors and not arguments.force:
        raise InvalidRelease("These files cannot be a release; nothing was changed.", found.findings)
    report.findings(found.findings)
    return sizes


def _facts(file: LocalFile) -> FileFacts:
    digest = hashlib.sha256()
    while piece := file.read(1 << 20):
        digest.update(piece)
    return FileFacts(file.size, digest.hexdigest())


def _is_terminal(stream: TextIO | None) -> bool:
    """A stream that was closed before the start is None."""
    return stream is not None and stream.isatty()


if __name__ == "__main__":
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    sys.exit(main(sys.argv[1:]))
