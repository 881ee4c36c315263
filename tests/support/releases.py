"""Releases to drop into folders."""

from __future__ import annotations

import hashlib
import random
import shutil
import uuid
from pathlib import Path

import cbor2

SAMPLE = Path(__file__).parents[1] / "samples" / "riot" / "fw" / "sample" / "samr21-xpro"


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
    body = {1: 1, 2: number, 3: cbor2.dumps({2: [[b"\x00"]], 4: shared})}
    manifest = cbor2.dumps(cbor2.CBORTag(107, {2: cbor2.dumps([cbor2.dumps([-16, bytes(32)])]), 3: cbor2.dumps(body)}))
    files = {"manifest": manifest, "slot0": slot0}
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return files
