"""Every error that a person can meet; `str(error)` is a sentence for that person.

    OtaError
    ├── InvalidRequest            a field is missing, doubled or malformed
    │   └── InvalidDeviceUrl      what was typed is no device URL
    ├── InvalidRelease            files, publish id or layout cannot be a release
    │   └── InvalidManifest       the manifest's bytes cannot be read
    ├── ReleaseExists             the publish id is taken by other bytes
    ├── NotFound                  a file or a notification that is not, or no longer, there
    │   └── ReleaseNotFound
    ├── NotAllowed                who asks may not do this
    │   ├── TokenWanted           without a token, or with this one
    │   └── TooManyTries          too many wrong tokens; for a while no other one is looked at
    ├── TooLarge                  a file or a body is over the limit
    ├── StoreFull                 no room, or no permission, to store it
    ├── DeviceUnreachable         nothing came back from the device
    ├── DeviceRefused             the device, or we on its behalf, said no
    ├── ServerUnreachable         the client found no server
    ├── ServerRefused             the server answered with an error of its own
    └── ConfigError               a flag, a key, a folder or a port that cannot be used
        └── Hindered              the system does not let it be used now, and may later

The core knows no status codes: one table in server/web and one in desktop/publish.py turn a class
into an HTTP status and into an exit code.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from common.finding import Finding


class OtaError(Exception):
    """The root: whatever is raised for a person to read."""


class InvalidRequest(OtaError):
    """A field is missing, doubled or malformed."""


class InvalidDeviceUrl(InvalidRequest):
    """What was typed is no device URL."""


class InvalidRelease(OtaError):
    """These files, this publish id or this layout cannot be a release.

    `findings` says so item by item, where a check found it.
    """

    def __init__(self, message: str, findings: tuple[Finding, ...] = ()) -> None:
        super().__init__(message)
        self.findings = findings


class InvalidManifest(InvalidRelease):
    """The manifest's bytes cannot be read."""


class ReleaseExists(OtaError):
    """The publish id is taken by other bytes."""


class NotFound(OtaError):
    """A file or a notification that is not, or no longer, there."""


class ReleaseNotFound(NotFound):
    """No release has this publish id."""


class NotAllowed(OtaError):
    """Who asks may not do this."""


class TokenWanted(NotAllowed):
    """Who asks has to say who it is: without a token, or with this one, this is not allowed (RFC 9110, 15.5.2)."""


class TooManyTries(NotAllowed):
    """Too many wrong tokens came from here; `wait` is how many seconds to leave it be (RFC 6585, 4)."""

    def __init__(self, message: str, wait: int = 60) -> None:
        super().__init__(message)
        self.wait = wait


class TooLarge(OtaError):
    """A file or a request body is over the limit. `findings` name the files, where it is files."""

    def __init__(self, message: str, findings: tuple[Finding, ...] = ()) -> None:
        super().__init__(message)
        self.findings = findings


class StoreFull(OtaError):
    """The firmware folder or the spool has no room for this, or may not be written."""


class DeviceUnreachable(OtaError):
    """Nothing came back from the device; the sentence gives the reason."""


class DeviceRefused(OtaError):
    """The device said no (`code` is its CoAP code, as "4.04"), or it must not be asked (`code` is None)."""

    def __init__(self, message: str, code: str | None = None) -> None:
        super().__init__(message)
        self.code = code


class ServerUnreachable(OtaError):
    """The client found no server at the address, or lost it on the way."""


class ServerRefused(OtaError):
    """The server answered with an error that has no class of its own."""


class ConfigError(OtaError):
    """A flag, a configuration key, a folder or a port that cannot be used."""


class Hindered(ConfigError):
    """The system does not let a folder or a port be used (any OSError), which may pass: it is worth another try."""
