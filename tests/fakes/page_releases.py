"""Made-up releases, and what the checks say of them in the server's own words."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Sequence
from dataclasses import replace

from common.finding import Finding, Role, Severity
from common.release import Problem, Release, ReleaseFile, State

BASE = "coap://[fd00:1234:5678::1]/"
PUBLISHED = dt.datetime(2026, 11, 20, 9, 30, tzinfo=dt.UTC)
SAMPLE = "fw/sample/samr21-xpro"
_AGAIN = "Build manifest and images again, together (RIOT: make suit/publish), and publish them again."
_LONG_URI = "coap://[fd00:1234:5678:9abc::1]:5683/fw/a-very-long-product-name/nucleo-l552ze-q/slot1.1700000100.bin"


def release(publish_id: str, state: State = State.READY, findings: Sequence[Finding] = (), riot: int | None = None,
            age: int = 0, sizes: tuple[int, ...] = (489, 30000, 30016)) -> Release:
    """A made-up release; `riot` is its sequence number, `age` in hours."""
    files = []
    for role, size in zip(Role, sizes, strict=False):
        name = role.value if riot is None else f"{'riot.suit' if role is Role.MANIFEST else role}.{riot}.bin"
        also = () if riot is None else (f"{SAMPLE}/{name}",)
        digest = hashlib.sha256(f"{publish_id} {role}".encode()).hexdigest()
        path = f"{publish_id}/{role}"
        files.append(ReleaseFile(role, name, size, digest, path, also, BASE + path))
    when = PUBLISHED - dt.timedelta(hours=age)
    made = Release(publish_id, when, state, tuple(files), tuple(findings))
    return made if riot is None else replace(made, sequence_number=riot, board="samr21-xpro", signature="unverified")


MISMATCH = Finding(
    Severity.ERROR, "digest-mismatch",
    "slot0 has the SHA-256 3f8a0b9c12de…, and the manifest says 9b23ac6eeb6c…: a device fetches it whole and then refuses it with"
    " -7 (digest mismatch) on its serial console. The other image is the manifest's, so slot0 is likely of another build, or"
    f" damaged. {_AGAIN}", Role.SLOT0)
TRUNCATED = Finding(
    Severity.ERROR, "size-mismatch",
    "slot1 has 29184 bytes, and the manifest says 30016: a device refuses it with -1 (truncated or oversized image) on its"
    f" serial console. {_AGAIN}", Role.SLOT1)
UNTRUSTED = Finding(
    Severity.ERROR, "signature-invalid",
    "No trusted key made the signature of the manifest (EdDSA, no key id): a device that trusts the same keys refuses it with -6."
    " Sign it with a trusted key, or add the public key to those given with --trust-keys.", Role.MANIFEST)
MISSING = Finding(
    Severity.ERROR, "image-missing",
    "The manifest names an image of 30016 bytes for slot1, and there is no slot1 file: a device that has to write slot1 finds"
    " nothing to fetch. Add the slot1 file of the same build.", Role.SLOT1)
ELSEWHERE = Finding(
    Severity.WARNING, "uri-not-served",
    f"For slot0 and slot1 the manifest sends devices to {_LONG_URI.partition(']')[0]}], which is none of this server's addresses"
    f" (10.0.0.5, fd00:1234:5678::1). Build it again with SUIT_COAP_ROOT={BASE}fw/sample/samr21-xpro")
TOO_LONG = Finding(
    Severity.WARNING, "uri-too-long",
    f"The manifest's URI for slot1 {_LONG_URI} has 101 bytes, and RIOT 2024.10 and older take 92 at most: they drop a longer one"
    " silently. Build it again with a shorter SUIT_COAP_ROOT.", Role.SLOT1)
NOT_NEWER = Finding(
    Severity.WARNING, "sequence-not-newer",
    f"The manifest has sequence number 1700000100, and the release {SAMPLE}/1700000200 for the same devices has 1700000200, which"
    " is higher: a device that has that one refuses this one with -5 on its serial console. Build it again with a higher APP_VER"
    " (or EPOCH), unless it is for devices that do not have the other.", Role.MANIFEST)
UNSIGNED = Finding(
    Severity.WARNING, "signature-absent",
    "The manifest is not signed: a RIOT device refuses it with -6 on its serial console. Build and sign it again (RIOT: make"
    " suit/publish).", Role.MANIFEST)
WRITING = Finding(
    Severity.INFO, "being-written", "slot1 is still being written; the release follows when it is whole.", Role.SLOT1)
UNVERIFIED = Finding(
    Severity.INFO, "signature-unverified",
    "riot.suit.1700000200.bin (manifest) is signed (EdDSA, no key id), and no keys are trusted here, so nobody looked whether by"
    " the right one. Name a folder of public keys with --trust-keys.", Role.MANIFEST)
HEADERLESS = [
    Finding(
        Severity.INFO, "header-missing",
        f"{role} does not begin with a RIOT slot header, so its version and its address are not checked. That is right for"
        " devices that do not start through RIOT's bootloader.", role)
    for role in (Role.SLOT0, Role.SLOT1)
]
NOTES = [UNVERIFIED, *HEADERLESS]


def typical() -> list[Release]:
    """One of each state, two of them of RIOT."""
    return [
        release(f"{SAMPLE}/1700000200", findings=NOTES, riot=1700000200),
        release(f"{SAMPLE}/1700000100", riot=1700000100, age=26),
        release("heating-valve/2.4.0", State.INCOMPLETE, [MISSING], age=50, sizes=(489, 96260)),
        release("version_41", State.REJECTED, [MISMATCH], age=700, sizes=(512, 1_234_567, 1_234_583)),
        release("version_40", State.WITHDRAWN, age=9000),
    ]


def checked() -> list[Release]:
    """What the checks make of releases: each signature, each severity, each state."""
    newest = release(f"{SAMPLE}/1700000200", findings=HEADERLESS, riot=1700000200)
    manifest, *images = newest.files
    also = (*manifest.also_served_at, f"{SAMPLE}/latest/manifest")
    trusted = replace(newest, signature="valid", files=(replace(manifest, also_served_at=also), *images))
    forced = release("sensor-hub/rc-2", findings=[MISMATCH, *HEADERLESS], riot=1700000150, age=30)
    elsewhere = release("nucleo/1700000100", findings=[ELSEWHERE, TOO_LONG, NOT_NEWER, *NOTES], riot=1700000100, age=26)
    unnamed = replace(elsewhere, board=None, class_id="bcc90984-fe7d-562b-b4c9-a24f26a9a9cd")
    wrong = [UNTRUSTED, MISMATCH, TRUNCATED, NOT_NEWER, *HEADERLESS]
    bad = release("version_41", State.REJECTED, wrong, riot=1700000041, age=700)
    unsigned = release("version_39", State.WITHDRAWN, [UNSIGNED, *HEADERLESS], riot=1700000039, age=9000)
    return [
        trusted,
        unnamed,
        replace(forced, forced=True),
        release("heating-valve/2.4.0", State.INCOMPLETE, [MISSING], riot=1700000024, age=50, sizes=(489, 96260)),
        release("heating-valve/2.5.0", State.INCOMPLETE, [WRITING], age=1, sizes=(489, 96260)),
        replace(bad, signature="invalid"),
        replace(unsigned, signature="absent"),
        release("plain/opaque-manifest", age=20000),
    ]


def dispute(path: str, one: str, other: str) -> Problem:
    """Two releases with different images for one path."""
    return Problem(
        path,
        f"The manifests of {one!r} and {other!r} name this path for different images; {one!r} is served there."
        " Devices that follow another one's manifest get an image that does not match it: build each release for a path of its"
        " own (RIOT: another SUIT_COAP_ROOT or APP_VER), or remove those that are not needed.")
