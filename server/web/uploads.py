"""The body of a request -> the files and the fields in it."""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from dataclasses import field as with_default
from email.message import Message
from typing import Any, BinaryIO
from urllib.parse import parse_qsl

import bottle

from common.errors import InvalidRelease, InvalidRequest, StoreFull, TooLarge
from common.finding import Role
from common.roles import LONGEST, base_name, role_by_name
from server.web.recipients import LONGEST_BODY, MAX_DEVICES

_BROKEN = "The form is broken off or malformed; nothing was done. Send it again."
_NO_ROOM = "There is no room for the upload in the server's state folder. Make room and try again."
_EPILOGUE = 1024
"""Bytes that may follow the end of a multipart body (RFC 2046, 5.1.1)."""
_YES = frozenset({"1", "true", "yes", "on"})
_NO = frozenset({"", "0", "false", "no", "off"})
_FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")
_MOST_FIELDS = 2 * MAX_DEVICES
"""Each device may have a field of its own."""
_RIOT_MANIFEST = re.compile(r"(?:.*-)?riot\.suit(?:v\d+)?(?P<signed>_signed)?\..*bin", re.IGNORECASE)
"""What RIOT's build of 2019 and its forks call the manifest. They post the unsigned one beside the signed one."""


@dataclass(frozen=True, slots=True)
class Upload:
    """The files of one release. They are open, and live as long as the request."""

    publish_id: str | None
    """None only where it may be left out."""
    files: Mapping[Role, BinaryIO]
    force: bool = False
    aliases: Mapping[Role, str] = with_default(default_factory=dict)
    """What else a file is called: RIOT's build posts its path as the name of its field."""


def to_publish(request: Any) -> Upload:
    """What is to be published. Raises InvalidRequest or InvalidRelease. Whether the files make a release is not asked here."""
    forms, files, aliases = _parts(request, "published")
    return Upload(field(forms, "publish_id"), files, yes(forms, "force"), aliases)


def to_check(request: Any) -> Upload:
    """What is only to be checked; any file and the publish id may be missing. Raises InvalidRequest or InvalidRelease."""
    forms, files, _ = _parts(request, "checked")
    return Upload(field(forms, "publish_id", default="") or None, files)


def fields(request: Any) -> Any:
    """The text fields of a form, of either encoding. Raises InvalidRequest, TooLarge and StoreFull."""
    if not request.content_type.lower().startswith("multipart/"):
        return _urlencoded(body(request))
    try:
        if not _has_room(request):
            raise StoreFull(_NO_ROOM)
        for name, upload in request.files.allitems():
            if upload.raw_filename is None:  # bottle 0.13 takes a long text for a file
                raise TooLarge(f"The text field {name!r} is too long for a form with files. With curl, send it by -d, not by -F.")
        return request.forms
    except (UnicodeError, LookupError):
        raise InvalidRequest("A text field of the form is not UTF-8; nothing was done.") from None
    except (bottle.HTTPError, ValueError):  # ValueError: control characters in a part's header; in 0.12 a missing boundary, too
        raise InvalidRequest(_BROKEN) from None
    except OSError:
        raise StoreFull(_NO_ROOM) from None


def field(forms: Any, name: str, default: str | None = None) -> str:
    """A text field that is there once, as UTF-8. Raises InvalidRequest."""
    values = forms.getall(name)
    if not values and default is not None:
        return default
    if len(values) != 1:
        found = "is missing" if not values else f"is there {len(values)} times"
        raise InvalidRequest(f"The field {name!r} {found}; it is needed once.")
    value = forms.getunicode(name)
    if value is None or not _is_text(value):
        raise InvalidRequest(f"The field {name!r} is not UTF-8.")
    return str(value).strip()


def texts(forms: Any, name: str) -> list[str]:
    """A text field that may be there any number of times, as UTF-8. Raises InvalidRequest."""
    found = [bottle.FormsDict({name: value}).getunicode(name) for value in forms.getall(name)]
    if any(value is None or not _is_text(value) for value in found):
        raise InvalidRequest(f"The field {name!r} is not UTF-8.")
    return found


def yes(forms: Any, name: str) -> bool:
    """A field that says 1 or 0. Raises InvalidRequest."""
    value = field(forms, name, default="").lower()
    if value not in _YES | _NO:
        raise InvalidRequest(f"The field {name!r} is {value!r}; it is 1 or 0.")
    return value in _YES


def is_form(request: Any) -> bool:
    """Whether the body is a form, and not JSON; `curl -d` calls a form whatever it sends. Raises StoreFull."""
    try:
        return bool(request.content_type.lower().startswith(_FORMS) and request.body.read(1) != b"{")
    except OSError:
        raise StoreFull(_NO_ROOM) from None


def json_of(request: Any) -> Any:
    """What the body says; None where it is no JSON. Raises TooLarge and StoreFull."""
    try:
        return json.loads(body(request))
    except (ValueError, RecursionError):
        return None


def body(request: Any) -> bytes:
    """What was sent, where it has no files in it. Raises TooLarge and StoreFull."""
    try:
        data = request.body.read(LONGEST_BODY + 1)
    except OSError:
        raise StoreFull(_NO_ROOM) from None
    if len(data) > LONGEST_BODY:
        raise TooLarge(f"What was sent is longer than {LONGEST_BODY} bytes, which it may be only with files; nothing was done.")
    return bytes(data)


def named(request: Any) -> tuple[str, str | None]:
    """The release that a JSON object names: its publish id, and a version below it. Raises InvalidRequest."""
    asked = json_of(request)
    try:
        publish_id, version = str(asked["publish_id"]), asked.get("version")
    except (KeyError, TypeError, AttributeError):
        raise InvalidRequest('The body is no JSON such as {"publish_id": "version_42"}.') from None
    return publish_id, None if version is None else str(version)


def _urlencoded(data: bytes) -> bottle.FormsDict:
    """As bottle reads it, texts as Latin-1; bottle itself takes only 102,400 bytes, whoever asks."""
    if data.count(b"&") >= _MOST_FIELDS:
        raise TooLarge(f"The form has more than {_MOST_FIELDS} fields; nothing was done.")
    forms = bottle.FormsDict()
    for name, value in parse_qsl(data.decode("latin-1"), keep_blank_values=True, encoding="latin-1"):
        forms.append(name, value)
    return forms


def _parts(request: Any, done: str) -> tuple[Any, dict[Role, BinaryIO], dict[Role, str]]:
    if not request.content_type.lower().startswith("multipart/form-data"):
        raise InvalidRequest(
            "The request has no multipart/form-data body. With curl: -F publish_id=version_42 -F manifest=@m.bin -F slot0=@a.bin"
        )
    forms = fields(request)
    uploads = request.files
    if not _has_an_end(request):
        raise InvalidRequest(_BROKEN)
    if not forms and not uploads:
        raise InvalidRequest(f"The multipart body is empty or malformed; nothing was {done}.")
    for role in Role:
        if forms.get(role.value):
            raise InvalidRequest(f"{role} came as a text field and must be a file part. With curl: -F {role}=@FILE")
    unsigned = _unsigned(uploads)
    files: dict[Role, BinaryIO] = {}
    aliases: dict[Role, str] = {}
    for name in uploads:
        for upload in uploads.getall(name) if name not in unsigned else ():
            role = _role(name)
            if role in files:
                raise InvalidRequest(f"Two file parts claim to be the {role}; it is needed once.")
            if not _size(upload.file):
                raise InvalidRelease(f"{role} is empty: choose the file that the build made.")
            files[role] = upload.file
            aliases[role] = base_name(name)
    return forms, files, aliases


def _has_an_end(request: Any) -> bool:
    """Whether the multipart body goes on to its last delimiter. bottle 0.12 takes a file that is broken off for a whole one."""
    header = Message()
    header["Content-Type"] = request.environ["CONTENT_TYPE"]  # content_type is in lower case; a boundary need not be
    end = f"--{header.get_boundary('')}--".encode()
    body = request.body
    body.seek(max(0, _size(body) - len(end) - _EPILOGUE))
    return end in body.read()


def _has_room(request: Any) -> bool:
    """For the files of a form, beside the body: bottle 0.12 leaves a traceback in the log when it finds out half-way."""
    if not request.content_type.lower().startswith("multipart/form-data"):
        return True
    return bool(request.content_length <= shutil.disk_usage(tempfile.gettempdir()).free)


def _role(name: str) -> Role:
    role = Role.MANIFEST if _riot_manifest(name) else role_by_name(name)
    if role is None:
        raise InvalidRequest(f"The file part {name!r} is none of manifest, slot0 and slot1.")
    return role


def _riot_manifest(name: str) -> re.Match[str] | None:
    base = base_name(name)
    return _RIOT_MANIFEST.fullmatch(base) if len(base) <= LONGEST else None


def _unsigned(names: Iterable[str]) -> frozenset[str]:
    """The manifests beside which there is a signed one: devices are given that."""
    found = {name: match for name in names if (match := _riot_manifest(name))}
    if not any(match["signed"] for match in found.values()):
        return frozenset()
    return frozenset(name for name, match in found.items() if not match["signed"])


def _size(file: BinaryIO) -> int:
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    return size


def _is_text(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in value
