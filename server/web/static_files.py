"""Style, scripts and icons: a few files that are read once; no CDN, for the gateway may be offline."""

from __future__ import annotations

import email.utils
import hashlib
import mimetypes
from dataclasses import dataclass
from pathlib import Path

import bottle

from common.errors import NotFound


@dataclass(frozen=True, slots=True)
class _File:
    content: bytes
    type: str
    etag: str
    changed: int
    """Unix time."""


class StaticFiles:
    """The files of a folder, without an open one for each request. Threads: the web workers call `answer`."""

    def __init__(self, folder: Path) -> None:
        self._files = {path.name: _read(path) for path in folder.iterdir() if path.is_file()}

    def answer(self, name: str) -> bottle.HTTPResponse:
        """The file, or 304 to whoever has it already (RFC 9110, 13.2.2). Raises NotFound."""
        found = self._files.get(name)
        if found is None:
            raise NotFound("There is nothing at this address.")
        headers = {
            "Content_Type": found.type,
            "ETag": found.etag,
            "Last_Modified": email.utils.formatdate(found.changed, usegmt=True),
            "Cache_Control": "no-cache",  # an upgrade must not mix old scripts with a new page
        }
        if _is_known(found):
            return bottle.HTTPResponse(status=304, **headers)
        return bottle.HTTPResponse(found.content, **headers)


def _is_known(found: _File) -> bool:
    tags = bottle.request.get_header("If-None-Match")
    if tags is not None:
        return found.etag in (tag.strip().removeprefix("W/") for tag in tags.split(","))
    since = bottle.parse_date(bottle.request.get_header("If-Modified-Since", ""))
    return since is not None and since >= found.changed


def _read(path: Path) -> _File:
    content = path.read_bytes()
    kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    charset = "; charset=UTF-8" if kind.startswith("text/") or kind == "application/javascript" else ""
    tag = hashlib.sha256(content).hexdigest()[:16]
    return _File(content, kind + charset, f'"{tag}"', int(path.stat().st_mtime))
