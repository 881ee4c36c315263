"""RIOT's slot headers: whole, of one version with the manifest, and linked for the slots in which the manifest puts them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from common.checks.codes import error, info
from common.checks.facts import SLOTS
from common.checks.placing import Placed, are_same
from common.finding import Finding
from common.manifest import Manifest
from common.riotboot import HEADER_BYTES, Header
from common.riotboot import parse as parse_header

_FLASH_BASE = 0x10000
"""The address at which flash begins is a multiple of this."""
_HEADER_STEP, _HEADER_MAX = 0x40, 0x1000
"""Header lengths in bytes: 0x100 on many boards, 0x400 and 0x800 on some Cortex-M."""
_PASSED_OVER = "RIOT's bootloader passes over it, and the device goes on with its old image"
"""riotboot compares checksum and start address (bootloaders/riotboot/main.c)."""
_SAME_VERSION = "with the same APP_VER (or EPOCH), and publish again."
_ONE_BOARD = "Build images and manifest again, together, for one board and its slots."


@dataclass(frozen=True, slots=True)
class _Headed:
    """An image whose header is whole."""

    placed: Placed
    header: Header

    @property
    def label(self) -> str:
        return self.placed.label

    @property
    def start(self) -> int:
        """The address of its code."""
        return self.header.start_address

    @property
    def offset(self) -> int | None:
        """Where the manifest puts it, in bytes from the start of flash."""
        return self.placed.claim.offset if self.placed.claim is not None else None


def check(placed: Sequence[Placed], manifest: Manifest | None) -> list[Finding]:
    """Every rule on headers. Those of encrypted images cannot be read; under an opaque manifest (None) none is needed."""
    if manifest is not None and manifest.encrypted:
        return []
    headers = [(p, parse_header(p.file.head)) for p in placed]
    headed = [_Headed(p, header) for p, header in headers if header is not None and header.intact]
    findings = [_checksum(p, header) for p, header in headers if header is not None and not header.intact]
    findings += _versions(headed) if manifest is None else _versions_and_number(headed, manifest.sequence_number)
    if not are_same(placed):
        findings += _same_start(headed) or _starts(headed)
    if manifest is not None:
        # A shorter head of a longer file was not read far enough to tell.
        findings += [_missing(p) for p, h in headers if h is None and len(p.file.head) >= min(HEADER_BYTES, p.file.size)]
    return findings


def _checksum(placed: Placed, header: Header) -> Finding:
    return error(
        "header-checksum",
        f"The RIOT header of {placed.label} has the checksum {header.checksum:#010x}, and its fields make"
        f" {header.expected_checksum:#010x}: {_PASSED_OVER}. The file is damaged or was patched; build it again.",
        placed.role,
    )


def _missing(placed: Placed) -> Finding:
    return info(
        "header-missing",
        f"{placed.label} does not begin with a RIOT slot header, so its version and address are not checked."
        " That is right for devices which do not start through RIOT's bootloader.",
        placed.role,
    )


def _versions(headed: Sequence[_Headed]) -> list[Finding]:
    if len({h.header.version for h in headed}) < 2:
        return []
    text = f"By their RIOT headers {_told(headed)}, so they are of different builds. Build both again {_SAME_VERSION}"
    return [error("header-version-mismatch", text)]


def _versions_and_number(headed: Sequence[_Headed], number: int) -> list[Finding]:
    odd = [h for h in headed if h.header.version != number]
    if not odd:
        return []
    text = f"By the RIOT header{'s' if len(headed) > 1 else ''} {_told(headed)}, and the manifest has sequence number {number}"
    why = "a device takes no image whose version is not the sequence number"
    advice = f"Build manifest and images again {_SAME_VERSION}"
    return [error("header-version-mismatch", f"{text}: {why}. {advice}", odd[0].placed.role if len(odd) == 1 else None)]


def _told(headed: Sequence[_Headed]) -> str:
    versions = {h.header.version for h in headed}
    if len(headed) > 1 and len(versions) == 1:
        return f"{' and '.join(h.label for h in headed)} have version {versions.pop()}"
    return " and ".join(f"{h.label} has version {h.header.version}" for h in headed)


def _same_start(headed: Sequence[_Headed]) -> list[Finding]:
    if len(headed) < len(SLOTS) or headed[0].start != headed[1].start:
        return []
    first, second = headed
    text = f"{first.label} and {second.label} both start at address {first.start:#x}, so both were built for the same slot"
    advice = "Build each for its own (RIOT: make suit/publish, or make riotboot/slot0 riotboot/slot1), and publish again."
    return [error("same-start-address", f"{text}, and one of them does not start. {advice}")]


def _starts(headed: Sequence[_Headed]) -> list[Finding]:
    findings = [_start(h, h.offset) for h in headed if h.offset is not None and not _fits(h.start, h.offset)]
    if findings or len(headed) < len(SLOTS):
        return findings
    first, second = headed
    if first.offset is None or second.offset is None or second.start - first.start == second.offset - first.offset:
        return []
    text = f"{first.label} starts at address {first.start:#x} and {second.label} at {second.start:#x}"
    expected = f"{second.offset - first.offset:#x} bytes apart (offsets {first.offset:#x} and {second.offset:#x})"
    text += f", {second.start - first.start:#x} bytes apart, and the manifest puts the slots {expected}"
    return [error("start-address-offset", f"{text}: one of them was built for another place. {_ONE_BOARD}")]


def _start(headed: _Headed, offset: int) -> Finding:
    return error(
        "start-address-offset",
        f"{headed.label} starts at address {headed.start:#x}, and the manifest puts {headed.placed.slot} at offset {offset:#x}:"
        f" flash base + {offset:#x} + a header of {_HEADER_STEP:#x} to {_HEADER_MAX:#x} bytes was expected. {_PASSED_OVER}."
        f" {_ONE_BOARD}",
        headed.placed.role,
    )


def _fits(start: int, offset: int) -> bool:
    header = (start - offset) % _FLASH_BASE
    return start > offset and _HEADER_STEP <= header <= _HEADER_MAX and header % _HEADER_STEP == 0
