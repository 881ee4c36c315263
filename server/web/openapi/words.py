"""The few words in which the document is written: shapes of JSON, answers, and operations (OpenAPI 3.1)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from enum import Enum
from typing import Any

from server.access.token import Right

Json = dict[str, Any]

ERRORS: Mapping[int, str] = {
    400: "What was asked cannot be done, or not be understood; `findings` says what a check found.",
    401: "A token is wanted, or this one is not known.",
    403: "This may not be asked from there, by that name of the server, or with this token.",
    404: "There is no such thing.",
    409: "The name is taken by other files.",
    413: "More bytes than the server takes.",
    414: "The query is longer than the server takes.",
    429: "Too many wrong tokens came from this address: wait.",
    431: "The address and the headers are longer than the server takes.",
    503: "Too many listen, or send files, already: try again later.",
    507: "There is no room on the server's disk, or its user may not write there.",
}
_HEADERS: Mapping[int, Mapping[str, str]] = {
    401: {"WWW-Authenticate": "Bearer."},
    429: {"Retry-After": "Seconds."},
    503: {"Retry-After": "Seconds."},
}
_OF_CHANGES = (400, 401, 403, 413, 429, 431, 503, 507)
_FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")


def ref(name: str) -> Json:
    """A shape that has a name."""
    return {"$ref": f"#/components/schemas/{name}"}


def text(description: str = "", **more: Any) -> Json:
    """A string; `more` as JSON Schema has it."""
    return {"type": "string", **({"description": description} if description else {}), **more}


def whole(description: str = "", **more: Any) -> Json:
    """An integer."""
    return {"type": "integer", **({"description": description} if description else {}), **more}


def number(description: str = "") -> Json:
    """A number of any kind."""
    return {"type": "number", **({"description": description} if description else {})}


def truth(description: str = "") -> Json:
    """True or false."""
    return {"type": "boolean", **({"description": description} if description else {})}


def time() -> Json:
    """RFC 3339."""
    return {"type": "string", "format": "date-time"}


def one_of(kind: type[Enum], description: str = "") -> Json:
    """One of these words."""
    return text(description, enum=[member.value for member in kind])


def many(items: Json, description: str = "") -> Json:
    """A list."""
    return {"type": "array", "items": items, **({"description": description} if description else {})}


def maybe(shape: Json) -> Json:
    """The shape, or null."""
    if "type" in shape and "enum" not in shape:
        return shape | {"type": [shape["type"], "null"]}
    return {"anyOf": [shape, {"type": "null"}]}


def shape(description: str, properties: Mapping[str, Json], optional: Collection[str] = ()) -> Json:
    """An object that has all of these, but for the `optional` ones. There may be more in a later version."""
    return {
        "type": "object",
        "description": description,
        "properties": dict(properties),
        "required": [name for name in properties if name not in optional],
    }


def answer(description: str, *kinds: str, headers: Mapping[str, str] | None = None) -> Json:
    """One without a shape of its own, of these content types."""
    found: Json = {"description": description}
    if kinds:
        found["content"] = {kind: {"schema": {"type": "string"}} for kind in kinds}
    if headers:
        found["headers"] = {name: {"description": says, "schema": {"type": "string"}} for name, says in headers.items()}
    return found


def json_answer(description: str, name: str, headers: Mapping[str, str] | None = None) -> Json:
    """JSON of a shape that has a name."""
    return answer(description, headers=headers) | {"content": {"application/json": {"schema": ref(name)}}}


NOT_MODIFIED = answer("It is what If-None-Match names.")
TO_PAGE = answer("For a browser (Accept: text/html): the page to go to.", headers={"Location": "Relative to the request."})


def error_answers() -> Json:
    """The errors as they are referred to; a browser gets a page where it asks for one outside of /api/."""
    found: Json = {}
    for status, description in ERRORS.items():
        headers = _HEADERS.get(status)
        found[f"error-{status}"] = json_answer(description, "error", headers)
        found[f"error-{status}-or-page"] = json_answer(description, "error", headers)
        found[f"error-{status}-or-page"]["content"]["text/html"] = {"schema": {"type": "string"}}
    return found


def in_path(name: str, description: str, example: str, schema: Json | None = None) -> Json:
    """A parameter that is a part of the path: any text, unless `schema` says more."""
    return {
        "name": name, "in": "path", "required": True, "description": description, "example": example,
        "schema": schema or {"type": "string", "minLength": 1},
    }  # fmt: skip


def in_query(name: str, description: str, schema: Json) -> Json:
    """A parameter behind the question mark, which may be left out."""
    return {"name": name, "in": "query", "required": False, "description": description, "schema": schema}


def in_header(name: str, description: str, schema: Json) -> Json:
    """A header, which may be left out."""
    return {"name": name, "in": "header", "required": False, "description": description, "schema": schema}


IF_NONE_MATCH = in_header("If-None-Match", "The ETag of what is known already.", {"type": "string"})


def form(fields: Json) -> Json:
    """A body of these fields in either encoding of forms."""
    return {"required": True, "content": {kind: {"schema": fields} for kind in _FORMS}}


def json_body(fields: Json, besides: Json | None = None) -> Json:
    """A body of JSON, and where `besides` names its fields, a form as well."""
    content: Json = {"application/json": {"schema": fields}}
    return {"required": True, "content": content | (form(besides)["content"] if besides is not None else {})}


def reading(
    name: str, summary: str, answers: Mapping[int, Json], errors: Sequence[int] = (), parameters: Sequence[Json] = (),
    page: bool = False,
) -> Json:  # fmt: skip
    """An operation that changes nothing. `errors` beside those of every request; `page`: its errors may be pages."""
    return _operation(name, summary, answers, (403, 431, *errors), parameters, page)


def changing(
    right: Right, name: str, summary: str, answers: Mapping[int, Json], body: Json | None = None, errors: Sequence[int] = (),
    parameters: Sequence[Json] = (), page: bool = False,
) -> Json:  # fmt: skip
    """An operation that needs this right where the server asks for tokens. `errors` beside those of every change."""
    found = _operation(name, summary, answers, (*_OF_CHANGES, *errors), parameters, page)
    return found | {"security": [{"token": [right.value]}, {}]} | ({"requestBody": body} if body is not None else {})


def _operation(
    name: str, summary: str, answers: Mapping[int, Json], errors: Sequence[int], parameters: Sequence[Json], page: bool
) -> Json:
    suffix = "-or-page" if page else ""
    failures = {str(e): {"$ref": f"#/components/responses/error-{e}{suffix}"} for e in sorted({414, *errors})}
    return {
        "operationId": name,
        "summary": summary,
        "parameters": list(parameters),
        "responses": {str(status): found for status, found in answers.items()} | failures,
    }
