"""The operations on releases and files."""

from __future__ import annotations

from common.finding import Role
from server.access.token import Right
from server.web.openapi.release_shapes import PUBLISH_ID
from server.web.openapi.words import (
    IF_NONE_MATCH,
    NOT_MODIFIED,
    TO_PAGE,
    Json,
    answer,
    changing,
    in_path,
    json_answer,
    json_body,
    reading,
    shape,
    text,
)

_ETAG = {"ETag": "For If-None-Match."}
_IN_PATH = in_path("publish_id", "The release; its slashes may be sent as they are.", "version_42", PUBLISH_ID)
_FILES = {role.value: {"type": "string", "format": "binary", "description": f"The file for {role}."} for role in Role}
_YES = text("1: publish although a check found errors.", enum=["0", "1"])
_VERSION = text("A version below it, where the two are named apart.")
_NAMED = shape("The release.", {"publish_id": PUBLISH_ID})
_NAMED_WITH_VERSION = shape("The release.", {"publish_id": PUBLISH_ID, "version": _VERSION}, optional=("version",))
_SURE = shape("The release.", {"publish_id": PUBLISH_ID, "sure": text(enum=["0", "1"])}, optional=("sure",))


def release_paths() -> Json:
    """By path."""
    upload = shape("A release.", {"publish_id": PUBLISH_ID, "force": _YES, **_FILES}, optional=("force", "slot0", "slot1"))
    to_check = shape("Files; any of them may be missing.", {"publish_id": PUBLISH_ID, **_FILES}, optional=("publish_id", *_FILES))
    release = json_answer("The release as it is now.", "release")
    return {
        "/publish": {"post": changing(
            Right.PUBLISH, "publish", "Publish a release: a manifest and one image or two.",
            {201: json_answer("It is published.", "release"), 200: json_answer("It was there already.", "release"), 303: TO_PAGE},
            {"required": True, "content": {"multipart/form-data": {"schema": upload}}}, errors=(409,), page=True,
        )},
        "/check": {"post": changing(
            Right.PUBLISH, "check", "What publishing would find; nothing is kept.",
            {200: json_answer("Whatever was found.", "check")},
            {"required": True, "content": {"multipart/form-data": {"schema": to_check}}}, page=True,
        )},
        "/withdraw": {"post": _mark("withdraw", "Take a release from the devices; its files stay.", release)},
        "/restore": {"post": _mark("restore", "Give a release that was withdrawn back to them.", release)},
        "/remove": {"post": changing(
            Right.REMOVE, "remove", "Remove a release. A form that does not say sure=1 is answered with the question.",
            {200: _removed_or_question(), 303: TO_PAGE}, json_body(_NAMED_WITH_VERSION, _SURE), errors=(404, 409), page=True,
        )},
        "/api/v1/releases": {"get": reading(
            "listReleases", "All releases and problems.",
            {200: json_answer("The newest first.", "releases", _ETAG), 304: NOT_MODIFIED}, parameters=(IF_NONE_MATCH,),
        )},
        "/api/v1/releases/{publish_id}": {
            "get": reading("getRelease", "One release.", {200: release}, (400, 404), (_IN_PATH,)),
            "delete": changing(
                Right.REMOVE, "deleteRelease", "Remove a release.",
                {200: json_answer("It is gone.", "removed")}, errors=(404, 409), parameters=(_IN_PATH,),
            ),
        },
        "/files/{path}": {"get": reading(
            "getFile", "What devices get at this path.",
            {200: answer("The bytes.", "application/octet-stream", headers=_ETAG), 304: NOT_MODIFIED}, (400, 404),
            (in_path("path", "As in coap_path; its slashes may be sent as they are.", "version_42/slot0"), IF_NONE_MATCH),
            page=True,
        )},
        "/coap/url/{publish_id}": {"get": reading(
            "getCoapUrl", "Where devices would fetch it, published or not: what RIOT's build of 2019 asks for.",
            {200: answer("The URL.", "text/plain")}, (400, 404), (_IN_PATH,), page=True,
        )},
    }  # fmt: skip


def _mark(name: str, summary: str, release: Json) -> Json:
    return changing(
        Right.PUBLISH, name, summary, {200: release, 303: TO_PAGE}, json_body(_NAMED, _NAMED), errors=(404, 409), page=True
    )


def _removed_or_question() -> Json:
    found = json_answer("It is gone.", "removed")
    return found | {"content": found["content"] | answer("", "text/html")["content"]}
