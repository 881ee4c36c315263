"""Releases to drop into folders."""

from __future__ import annotations

import hashlib
import os
import random
import shutil
import uuid
from collections.abc import Mapping
from pathlib import Path

import cbor2

from tests.support import made, suit

SIGNER, STRANGER = suit.eddsa(1), suit.eddsa(2)
PLAIN = {"manifest": "manifest", "slot0": "slot0", "slot1": "slot1"}
RIOT = {"manifest": "riot.suit.{}.bin", "slot0": "slot0.{}.bin", "slot1": "slot1.{}.bin"}
OLD_RIOT = {"manifest": "app-riot.suitv4_signed.{}.bin", "slot0": "app-slot0.{}.riot.bin", "slot1": "app-slot1.{}.riot.bin"}
SAMPLE = Path(__file__).parents[1] / "samples" / "riot" / "fw" / "sample" / "samr21-xpro"
SAMPLE_FILES = tuple(SAMPLE / f"{name}.1700000200.bin" for name in ("riot.suit", "slot0", "slot1"))
"""One release of it: the manifest and both images."""


def image(size: int, seed: int) -> bytes:
    """`size` bytes, the same for the same seed."""
    return random.Random(seed).randbytes(size)


def write_release(folder: Path, seed: int = 1, size: int = 5000, slot1: bool = True) -> dict[str, bytes]:
    """An opaque manifest and its images in `folder`; returns what was written."""
    folder.mkdir(parents=True, exist_ok=True)
    files = {"manifest": b"opaque manifest %d" % seed, "slot0": image(size, seed)}
    if slot1:
        files["slot1"] = image(size + 16, seed + 1_000_000)
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return files


def riot_release(folder: Path, version: int = 1700000100) -> dict[str, bytes]:
    """One version of RIOT's sample in the plain form; returns what was written."""
    folder.mkdir(parents=True, exist_ok=True)
    names = {"manifest": f"riot.suit.{version}.bin", "slot0": f"slot0.{version}.bin", "slot1": f"slot1.{version}.bin"}
    for role, name in names.items():
        shutil.copyfile(SAMPLE / name, folder / role)
    return {role: (SAMPLE / name).read_bytes() for role, name in names.items()}


def suit_release(folder: Path, number: int, board: str = "board", seed: int = 1) -> dict[str, bytes]:
    """An unsigned SUIT manifest of this sequence number, for a class named after `board`, and its one image."""
    folder.mkdir(parents=True, exist_ok=True)
    slot0 = image(500, seed)
    vendor_id, class_id = uuid.uuid5(uuid.NAMESPACE_DNS, "example.org"), uuid.uuid5(uuid.NAMESPACE_DNS, board)
    digest = cbor2.dumps([-16, hashlib.sha256(slot0).digest()])
    shared = cbor2.dumps([20, {1: vendor_id.bytes, 2: class_id.bytes, 3: digest, 5: 4096, 14: len(slot0)}])
    body = cbor2.dumps({1: 1, 2: number, 3: cbor2.dumps({2: [[b"\x00"]], 4: shared})})
    proof = cbor2.dumps([-16, hashlib.sha256(cbor2.dumps(body)).digest()])
    manifest = cbor2.dumps(cbor2.CBORTag(107, {2: cbor2.dumps([proof]), 3: body}))
    files = {"manifest": manifest, "slot0": slot0}
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return files


def signed_release(
    folder: Path,
    number: int,
    root: str = "fw/app/board",
    board: str = "board",
    signer: suit.Signer | None = SIGNER,
    seed: int = 1,
    names: Mapping[str, str] = PLAIN,
) -> dict[str, bytes]:
    """A release as RIOT builds it: two images whose manifest names them below `root`, under their sequence number.

    `names`: what the files are called, with `{}` for the number.
    """
    folder.mkdir(parents=True, exist_ok=True)
    slots = [
        suit.Slot(made.image(start, number, seed=seed), offset, f"coap://[fd00::1]/{root}/slot{n}.{number}.bin")
        for n, (start, offset) in enumerate(zip(made.STARTS, made.OFFSETS, strict=True))
    ]
    body = suit.riot_body(slots, number, board)
    envelope = suit.draft_09(body, *([signer] if signer is not None else []))
    files = {"manifest": envelope, "slot0": slots[0].data, "slot1": slots[1].data}
    for role, data in files.items():
        (folder / names[role].format(number)).write_bytes(data)
    return files


def claiming_release(
    folder: Path,
    number: int,
    path: str,
    board: str = "board",
    signer: suit.Signer | None = SIGNER,
    seed: int = 1,
    published: int | None = None,
) -> None:
    """A release of one image, for which its manifest names this path; `published` in Unix time."""
    folder.mkdir(parents=True, exist_ok=True)
    data = b"%d %d" % (number, seed) * 100
    body = suit.riot_body([suit.Slot(data, None, f"coap://[fd00::1]/{path}")], number, board)
    (folder / "manifest").write_bytes(suit.draft_09(body, *([signer] if signer is not None else [])))
    (folder / "slot0").write_bytes(data)
    if published is not None:
        os.utime(folder / "manifest", (published, published))
