"""Firmware folders to serve: made-up releases on a real disk."""

from __future__ import annotations

import os
import random
import shutil
import string
import time
from pathlib import Path

from tests.bench.programs import BUILD
from tests.bench.servers import ID
from tests.support.releases import signed_release

IMAGE_SIZE = 256 * 1024
_QUIET = 2.0
"""Seconds after which a server takes a file for finished, so that the first start does not wait for it."""
_BOARDS = 50
"""For so many the releases with signed manifests are."""
_SMALL = 96
"""Bytes of the images of the many releases that nobody fetches."""


def image_of(size: int, seed: int = 1) -> bytes:
    """Printable ASCII, because CoAPthon3 serves text only; no two blocks of it are the same."""
    letters = (string.ascii_letters + string.digits + "+/").encode()
    return random.Random(seed).randbytes(size).translate(letters * 4)


def one_release(folder: Path, size: int = IMAGE_SIZE) -> Path:
    """A folder with the release `fw` of an opaque manifest and two images; the path of the image that is fetched."""
    release = folder / ID
    release.mkdir(parents=True)
    (release / "manifest").write_bytes(b"opaque manifest of the bench")
    (release / "slot0").write_bytes(image_of(size))
    (release / "slot1").write_bytes(image_of(size, 2))
    return release / "slot0"


def many_releases(count: int, suit: bool = False) -> Path:
    """The same beside `count` small releases, `small/00000` and so on, with signed manifests or opaque ones.

    Made once and kept in /build.
    """
    folder = BUILD / f"releases-{'suit-' if suit else ''}{count}"
    if folder.exists():
        return folder
    making = folder.with_suffix(".making")
    shutil.rmtree(making, ignore_errors=True)
    one_release(making)
    for number in range(count):
        release = making / small(number)
        if suit:
            board = f"board{number % _BOARDS}"
            signed_release(release, number + 1, root=f"fw/{board}", board=board)
            continue
        release.mkdir(parents=True)
        (release / "manifest").write_bytes(b"opaque manifest %d" % number)
        (release / "slot0").write_bytes(image_of(_SMALL, number))
    making.rename(folder)
    time.sleep(_QUIET)
    return folder


def small(number: int) -> str:
    """The publish id of one of the many."""
    return f"small/{number:05}"


def replace(file: Path, data: bytes) -> None:
    """Change a file as careful programs do: written beside it, renamed over it."""
    beside = file.with_name(f".{file.name}.new")
    beside.write_bytes(data)
    os.replace(beside, file)
