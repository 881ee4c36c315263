"""The shapes of JSON about releases: as common/release.py, common/finding.py, common/checked.py and the errors write them."""

from __future__ import annotations

from common.finding import Role, Severity
from common.release import MAX_PUBLISH_ID, State
from server.web.openapi.words import Json, many, maybe, one_of, ref, shape, text, time, truth, whole

PUBLISH_ID: Json = text(
    "One or more segments of letters, digits and . _ - + ~, none starting with a dot.",
    pattern=r"^[A-Za-z0-9_+~-][A-Za-z0-9._+~-]*(/[A-Za-z0-9_+~-][A-Za-z0-9._+~-]*)*$",
    maxLength=MAX_PUBLISH_ID,
)
_SIGNATURE: Json = text(enum=["valid", "unverified", "invalid", "absent"])
_SHA256: Json = text("Lower-case hex.", pattern="^[0-9a-f]{64}$")
_BYTES: Json = whole("Bytes.", minimum=0)


def release_shapes() -> Json:
    """By name."""
    return {
        "finding": shape("What a check says.", {
            "severity": one_of(Severity), "code": text("A stable word for programs; README.md lists them."),
            "message": text("What was found, what was expected, what to do."), "file": maybe(one_of(Role)),
        }),
        "release": shape("What is published under one publish id.", {
            "publish_id": PUBLISH_ID, "published": time(), "state": one_of(State),
            "forced": truth("It is served although a check found errors."), "sequence_number": maybe(whole()),
            "vendor_id": maybe(text(format="uuid")), "class_id": maybe(text(format="uuid")),
            "board": maybe(text("The class by name.")), "signature": _SIGNATURE, "files": many(ref("release-file")),
            "findings": many(ref("finding")),
        }),
        "release-file": shape("One file of a release.", {
            "role": one_of(Role), "name": text("In its folder."), "size": _BYTES, "sha256": _SHA256, "coap_path": text(),
            "coap_url": maybe(text()), "also_served_at": many(text(), "More CoAP paths."),
        }),
        "problem": shape("What in the firmware folder cannot be served.", {
            "path": text("Below the firmware folder."), "message": text("What is wrong, and what to do."),
        }),
        "releases": shape("All that the firmware folder holds.", {
            "releases": many(ref("release"), "The newest first."), "problems": many(ref("problem")),
        }),
        "check": shape("What publishing would find.", {
            "findings": many(ref("finding"), "The worst first."), "manifest": maybe(ref("manifest")),
        }),
        "manifest": shape("What a SUIT manifest says.", {
            "dialect": text(), "sequence_number": maybe(whole()), "vendor_id": maybe(text(format="uuid")),
            "class_id": maybe(text(format="uuid")), "board": maybe(text()), "components": many(text()),
            "signature": _SIGNATURE, "encrypted": truth(),
            "signatures": many(shape("A signature.", {"algorithm": text(), "key_id": maybe(text())})),
            "images": many(shape("An image that it names.", {
                "role": maybe(one_of(Role)), "offset": maybe(whole()), "algorithm": maybe(text()), "sha256": maybe(text()),
                "size": maybe(whole()), "uri": maybe(text()),
            })),
        }),
        "removed": shape("What was removed.", {"removed": PUBLISH_ID}),
        "health": shape("How the server is.", {
            "status": text("degraded: devices are served, and something else is wrong.", enum=["ok", "degraded", "failing"]),
            "problems": many(text(), "What is wrong, in sentences, the worst first; none where it is ok."),
            "notes": many(text(), "What people should look at all the same."), "releases": whole(),
        }),
        "error": shape("Why not.", {
            "error": text("A stable word for programs."), "message": text("A sentence for people."),
            "findings": many(ref("finding"), "Where a check found why."),
        }, optional=("findings",)),
    }  # fmt: skip
