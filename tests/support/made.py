"""A made release as RIOT builds it, for a board that does not exist, and the ways in which it can be spoiled."""

from __future__ import annotations

import hashlib
import random
import struct
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from common.checks.facts import SLOTS, FileFacts, Files
from common.finding import Role
from common.preflight import Check
from common.riotboot import fletcher32
from common.trust import TrustedKeys
from tests.support import suit

NUMBER = 1700000300
OFFSETS = (0x1000, 0x20800)
STARTS = (0x1100, 0x20900)
URIS = (f"coap://[fd00::1]/fw/app/board/slot0.{NUMBER}.bin", f"coap://[fd00::1]/fw/app/board/slot1.{NUMBER}.bin")
IDS = suit.ids("made-board")
KIND = (str(uuid.UUID(bytes=IDS[1])), str(uuid.UUID(bytes=IDS[2])))
SIGNER, STRANGER = suit.eddsa(1), suit.eddsa(2)
KEYS = TrustedKeys((suit.eddsa(1).key.public_key(),), ("signer.pem",))


def image(start: int, version: int = NUMBER, size: int = 600, seed: int = 0, checksum: int | None = None) -> bytes:
    """`size` bytes behind a RIOT header of 0x100 bytes; `checksum` where it is not the right one."""
    head = struct.pack("<4sII", b"RIOT", version, start)
    right = fletcher32(head) if checksum is None else checksum
    return (head + struct.pack("<I", right)).ljust(0x100, b"\x00") + random.Random(start + seed).randbytes(size - 0x100)


SLOT0, SLOT1 = image(STARTS[0]), image(STARTS[1], size=616)


@dataclass(frozen=True)
class Envelope:
    """What a manifest says, in draft-09; the defaults are those of SLOT0 and SLOT1."""

    number: int = NUMBER
    claimed: Sequence[bytes] = (SLOT0, SLOT1)
    """The images that it names."""
    offsets: Sequence[int] = OFFSETS
    uris: Sequence[str | None] = URIS
    signer: suit.Signer | None = SIGNER
    key_id: bytes | None = None
    digest: int | None = suit.DRAFT_09_SHA256
    """The algorithm of the images' digests; None: there are none."""
    extra: Mapping[int, Any] | None = None
    """More parameters of each image: 19 is encryption info."""
    tampered: bool = False
    """Its sequence number was made one higher afterwards."""
    padding: int = 0
    """Bytes of a member that nobody reads."""

    def __bytes__(self) -> bytes:
        branches = [suit.sequence(20, self._parameters(n), 5, 5) for n in range(len(self.claimed))]
        shared = suit.sequence(20, IDS, *([15, branches] if branches else []))
        signers = [self.signer] if self.signer is not None else []
        data = suit.draft_09(suit.body(shared, {23: bytes(self.padding)}, self.number), *signers, key_id=self.key_id)
        return data.replace(self.number.to_bytes(4, "big"), (self.number + 1).to_bytes(4, "big")) if self.tampered else data

    def _parameters(self, n: int) -> dict[int, Any]:
        image = self.claimed[n]
        digest = {3: suit.digest(image, self.digest)} if self.digest is not None else {}
        uri = {21: self.uris[n]} if n < len(self.uris) and self.uris[n] is not None else {}
        return {5: self.offsets[n], 14: len(image), **digest, **uri, **(self.extra or {})}


def facts(data: bytes, name: str = "") -> FileFacts:
    """What a check is told of an image."""
    return FileFacts(len(data), hashlib.sha256(data).hexdigest(), data[:16], name)


def files(manifest: Envelope | bytes | None, slot0: bytes | None = None, slot1: bytes | None = None) -> Files:
    """These files; None leaves one out."""
    given = {role: facts(data) for role, data in zip(SLOTS, (slot0, slot1), strict=True) if data is not None}
    return Files(None if manifest is None else bytes(manifest), given)


def fitting(**changes: Any) -> Files:
    """A release that fits together, but for what is changed in its manifest; one of KEYS signed it."""
    return files(Envelope(**changes), SLOT0, SLOT1)


def found(check: Check) -> list[tuple[str, Role | None]]:
    """The codes of a check and the files that they are about."""
    return [(finding.code, finding.file) for finding in check.findings]
