"""Releases to drop into folders."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

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
