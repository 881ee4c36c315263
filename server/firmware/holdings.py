"""Who holds which place, from one start of the server to the next: another vendor or class shall not get it by a restart."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from server import kept_file
from server.firmware.catalogue import Catalogue
from server.firmware.latest import Latest
from server.firmware.places import Places
from server.firmware.precedence import Past
from server.firmware.signed_paths import SignedPaths

PAUSE = 10.0
"""Seconds between two writes: what a killed server forgets is decided anew."""
_MAX_BYTES = 64 * 1024 * 1024
_log = logging.getLogger(__name__)


class Holdings:
    """Keeps in a file what a server that starts cannot see in the folder. Whatever is odd about the file, it is done without.

    Threads: one at a time calls it.
    """

    def __init__(self, path: Path, folder: Path, clock: Callable[[], float]) -> None:
        """`path` is replaced as a whole; `folder` is the firmware folder, for which alone it holds; `clock` gives Unix time."""
        self._path = path
        self._folder = os.path.realpath(folder)
        self._clock = clock
        self._saved: Catalogue | None = None
        self._written = ""
        self._at = -PAUSE
        self._failing = False

    def load(self) -> Places:
        """The places as if each holder had gone a moment ago: it gets them back, if it is there."""
        now = self._clock()
        try:
            data = json.loads(kept_file.read(self._path, _MAX_BYTES))
            if data["folder"] != self._folder:
                return Places()
            latest, paths = _read(data["latest"], now), _read(data["paths"], now)
        except FileNotFoundError:
            return Places()
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            text = "who holds which path is not known from %r (%s): it is decided anew"
            _log.warning(text, str(self._path), kept_file.reason(error))
            return Places()
        return Places(latest=Latest(left=latest), signed=SignedPaths(left=paths))

    def save_when_due(self, current: Catalogue) -> None:
        """Save when the catalogue is another one and the last time is some while ago."""
        if current is not self._saved and abs(self._clock() - self._at) >= PAUSE:  # a clock that was set back holds nothing up
            self.save(current)

    def save(self, current: Catalogue) -> None:
        """Write what has changed, if anything; failing costs a line in the log, once, and nothing else."""
        self._saved, self._at = current, self._clock()
        places = current.places
        latest = {**places.latest.left, **{f: Past.of(r, 0) for f, r in places.latest.holders.items()}}
        holders = places.signed.holders
        held = {path: Past.of(holders[path].release, 0) for path in places.signed.disputes if path in holders}
        text = json.dumps({"folder": self._folder, "latest": _written(latest), "paths": _written({**places.signed.left, **held})})
        if text == self._written:
            return
        try:
            kept_file.replace(self._path, (text.encode(),))
        except OSError as error:
            self._saved = None
            if not self._failing:
                _log.warning("who holds which path cannot be remembered in %r (%s)", str(self._path), error.strerror or error)
            self._failing = True
        else:
            self._written, self._failing = text, False


def _written(places: Mapping[str, Past]) -> dict[str, Any]:
    return {place: [last.publish_id, last.signature, *last.kind] for place, last in sorted(places.items())}


def _read(data: Mapping[str, Any], now: float) -> dict[str, Past]:
    """Raises ValueError, TypeError or AttributeError for anything else than `_written` made."""
    found = {}
    for place, (publish_id, signature, vendor_id, class_id) in data.items():
        if not isinstance(publish_id, str) or type(signature) is not int:
            raise ValueError("no holder of a place")
        if not isinstance(vendor_id, str | None) or not isinstance(class_id, str | None):
            raise ValueError("no vendor and class")
        found[place] = Past(publish_id, (vendor_id, class_id), signature, now)
    return found
