"""A multipart body -> what is to be published."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO

import bottle

from common.errors import InvalidRelease, InvalidRequest, StoreFull, TooLarge
from common.finding import Role
from server.firmware.layouts import role_of_upload

_YES = frozenset({"1", "true", "yes", "on"})
_NO = frozenset({"", "0", "false", "no", "off"})


@dataclass(frozen=True, slots=True)
class Upload:
    """One request to publish. The files are open, and live as long as the request."""

    publish_id: str
    files: Mapping[Role, BinaryIO]
    force: bool


def fields(request: Any) -> Any:
    """The text fields of a form, of either encoding. Raises InvalidRequest."""
    try:
        return request.forms
    except bottle.HTTPError:
        raise InvalidRequest("The form is broken off or malformed; nothing was done. Send it again.") from None
    except (UnicodeError, LookupError):
        raise InvalidRequest("A text field of the form is not UTF-8; nothing was done.") from None
    except OSError:
        raise StoreFull("There is no room for the upload in the server's state folder. Make room and try again.") from None


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


def yes(forms: Any, name: str) -> bool:
    """A field that says 1 or 0. Raises InvalidRequest."""
    value = field(forms, name, default="").lower()
    if value not in _YES | _NO:
        raise InvalidRequest(f"The field {name!r} is {value!r}; it is 1 or 0.")
    return value in _YES


def read(request: Any, max_file: int) -> Upload:
    """Raises InvalidRequest, InvalidRelease or TooLarge; `max_file` in bytes."""
    if not request.content_type.lower().startswith("multipart/form-data"):
        raise InvalidRequest(
            "The request has no multipart/form-data body. With curl: -F publish_id=version_42 -F manifest=@m.bin -F slot0=@a.bin"
        )
    forms = fields(request)
    uploads = request.files
    if not forms and not uploads:
        raise InvalidRequest("The multipart body is empty or malformed; nothing was published.")
    publish_id = field(forms, "publish_id")
    force = yes(forms, "force")
    files: dict[Role, BinaryIO] = {}
    for name in uploads:
        for upload in uploads.getall(name):
            role = role_of_upload(name)
            if role is None:
                raise InvalidRequest(f"The file part {name!r} is none of manifest, slot0 and slot1.")
            if role in files:
                raise InvalidRequest(f"Two file parts claim to be the {role}; it is needed once.")
            _check_size(role, upload.file, max_file)
            files[role] = upload.file
    for role in Role:
        if forms.get(role.value):
            raise InvalidRequest(f"{role} came as a text field and must be a file part. With curl: -F {role}=@FILE")
    if Role.MANIFEST not in files:
        raise InvalidRelease("There is no manifest in the request; a release has one, and a slot0 or slot1 image.")
    if len(files) == 1:
        raise InvalidRelease("There is no image in the request; a release has a slot0, a slot1, or both, beside its manifest.")
    return Upload(publish_id, files, force)


def _check_size(role: Role, file: BinaryIO, max_file: int) -> None:
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    if size > max_file:
        raise TooLarge(
            f"{role} has {size} bytes, and the server takes at most {max_file} a file (--max-image-size). Nothing was published."
        )
    if not size:
        raise InvalidRelease(f"{role} is empty: choose the file that the build made.")


def _is_text(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in value
