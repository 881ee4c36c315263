"""Made cases: for each code and severity that a check can give, files that have just that fault, and what is found of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from common.checks.facts import Files, ServerFacts
from common.finding import Role, Severity
from common.signature import Keys
from tests.support.made import KEYS, KIND, NUMBER, OFFSETS, SLOT0, SLOT1, STARTS, STRANGER, Envelope, files, fitting, image

ERROR, WARNING, INFO = Severity
MANIFEST, ZERO, ONE = Role
HERE = ServerFacts(hosts=frozenset({"fd00::1", "10.0.0.1"}), host="fd00::1", publish_id="fw/app/board/300")
OTHER0 = image(STARTS[0], seed=1)
BAD_CHECKSUM = image(STARTS[0], checksum=0x12345678)
TWICE_IN_ONE = image(STARTS[0], size=616, seed=2)
BETWEEN = image(STARTS[0] + 0x10)
OLDER0, OLDER1 = image(STARTS[0], NUMBER - 1), image(STARTS[1], NUMBER - 1)
OPAQUE = b"opaque"
BARE0, BARE1 = b"\x00" * 64, b"\x01" * 64


@dataclass(frozen=True)
class Case:
    """Files, and all that is found of them."""

    name: str
    files: Files
    found: tuple[tuple[Severity, str, Role | None], ...]
    says: tuple[str, ...]
    """What the first finding's message has."""
    facts: ServerFacts | None = None
    keys: Keys | None = KEYS


def made() -> Iterator[Case]:
    """All of them."""
    yield from _manifests()
    yield from _images()
    yield from _headers()
    yield from _addresses()
    yield from _infos()


def _manifests() -> Iterator[Case]:
    yield Case("no manifest", files(None, SLOT0, SLOT1), ((ERROR, "no-manifest", None),), ("no manifest", "Add it"))
    cut = files(bytes(Envelope())[:200], SLOT0, SLOT1)
    said = ("SUIT envelope", "damaged or incomplete", "(The file is m.bin.)")
    yield Case("cut off", replace(cut, manifest_name="m.bin"), ((ERROR, "unreadable-manifest", MANIFEST),), said)
    mixed = ((ERROR, "wrong-role", MANIFEST), (ERROR, "wrong-role", ZERO))
    yield Case("mixed up", files(SLOT0, bytes(Envelope()), SLOT1), mixed, ("begins with a RIOT slot header",))
    both = files(Envelope(), bytes(Envelope()), SLOT1)
    yield Case("a manifest as an image", both, ((ERROR, "wrong-role", ZERO),), ("slot0 begins as a SUIT envelope",))
    tampered = files(Envelope(number=NUMBER - 1, tampered=True), SLOT0, SLOT1)
    said = ("was changed after it was made", "-6", "sign it again")
    both = ((ERROR, "manifest-digest-mismatch", MANIFEST), (ERROR, "signature-invalid", MANIFEST))
    yield Case("tampered", tampered, both, said)
    said = ("No trusted key", "EdDSA, key id 2a", "-6", "--trust-keys")
    strange = fitting(signer=STRANGER, key_id=b"\x2a")
    yield Case("of a stranger", strange, ((ERROR, "signature-invalid", MANIFEST),), said)
    yield Case("unsigned", fitting(signer=None), ((WARNING, "signature-absent", MANIFEST),), ("not signed", "-6"))
    yield Case("too big", fitting(padding=300), ((WARNING, "manifest-too-big", MANIFEST),), ("706 bytes", "640"))
    newest = {KIND: ("fw/newer", NUMBER + 7)}
    said = (str(NUMBER), "fw/newer", str(NUMBER + 7), "which is higher", "-5", "APP_VER")
    older = ((WARNING, "sequence-not-newer", MANIFEST),)
    yield Case("not newer", fitting(), older, said, ServerFacts(newest=newest))
    same = ServerFacts(newest={KIND: ("fw/twin", NUMBER)})
    yield Case("as new", fitting(), older, ("fw/twin", "has the same"), same)


def _images() -> Iterator[Case]:
    yield Case("no image", files(Envelope()), ((ERROR, "no-image", None),), ("no image", "slot0"))
    missing = ((ERROR, "image-missing", ONE),)
    yield Case("one missing", files(Envelope(), SLOT0), missing, ("slot1", "616 bytes", "finds nothing to fetch"))
    swapped = ("slots are swapped", "slot0 is the image that the manifest names for slot1", "-7", "Exchange")
    yield Case("swapped", files(Envelope(), SLOT1, SLOT0), ((ERROR, "slots-swapped", None),), swapped)
    alone = ("slot1 is the image that the manifest names for slot0", "Give it as slot0")
    yield Case("swapped alone", files(Envelope(), None, SLOT0), ((ERROR, "slots-swapped", ONE),), alone)
    half = ("slot0 is the image that the manifest names for slot1", "slot1 is not the one for slot0")
    yield Case("swapped with another", files(Envelope(), SLOT1, OTHER0), ((ERROR, "slots-swapped", ZERO),), half)
    twice = ("slot0 and slot1 are the same file", "It is slot0's", "-7", "Give as slot1")
    yield Case("twice", files(Envelope(), SLOT0, SLOT0), ((ERROR, "same-image-twice", ONE),), twice)
    said = ("slot0 and slot1 are the same file", "If devices have two slots")
    found = ((WARNING, "same-image-twice", None), (INFO, "not-suit", MANIFEST))
    yield Case("twice, opaque", files(OPAQUE, SLOT0, SLOT0), found, said)
    said = ("slot0 has 601 bytes", "the manifest says 600", "-1", "The other image is the manifest's")
    yield Case("another size", files(Envelope(), SLOT0 + b"x", SLOT1), ((ERROR, "size-mismatch", ZERO),), said)
    said = ("slot0 has the SHA-256", "…, and the manifest says", "-7", "make suit/publish")
    yield Case("other bytes", files(Envelope(), OTHER0, SLOT1), ((ERROR, "digest-mismatch", ZERO),), said)
    large = ServerFacts(max_image_size=610)
    yield Case("too large", fitting(), ((ERROR, "image-too-big", ONE),), ("slot1 has 616 bytes", "takes 610"), large)
    unnamed = ((WARNING, "image-not-named", ONE),)
    yield Case("not named", fitting(claimed=(SLOT0,)), unnamed, ("names only one image", "slot1"))
    none = ((WARNING, "image-not-named", ZERO), (WARNING, "image-not-named", ONE))
    yield Case("none named", fitting(claimed=()), none, ("names no image", "slot0"))
    three = Envelope(claimed=(SLOT0, SLOT1, OTHER0), offsets=(*OFFSETS, 0x40000))
    yield Case("three", files(three, SLOT0, SLOT1), ((WARNING, "more-images", MANIFEST),), ("3 images", "2 at most"))


def _headers() -> Iterator[Case]:
    damaged = files(Envelope(claimed=(BAD_CHECKSUM, SLOT1)), BAD_CHECKSUM, SLOT1)
    checksum = ((ERROR, "header-checksum", ZERO),)
    yield Case("checksum", damaged, checksum, ("slot0", "0x12345678", "passes over it"))
    opaque = files(OPAQUE, BAD_CHECKSUM, SLOT1)
    yield Case("checksum, opaque", opaque, (*checksum, (INFO, "not-suit", MANIFEST)), ("slot0", "0x12345678"))
    code = "header-version-mismatch"
    one = files(Envelope(claimed=(OLDER0, SLOT1)), OLDER0, SLOT1)
    said = (f"slot0 has version {NUMBER - 1}", f"slot1 has version {NUMBER}", f"sequence number {NUMBER}", "APP_VER")
    yield Case("one version", one, ((ERROR, code, ZERO),), said)
    all_of_them = files(Envelope(claimed=(OLDER0, OLDER1)), OLDER0, OLDER1)
    said = (f"slot0 and slot1 have version {NUMBER - 1}", f"sequence number {NUMBER}")
    yield Case("both versions", all_of_them, ((ERROR, code, None),), said)
    found = ((ERROR, code, None), (INFO, "not-suit", MANIFEST))
    yield Case("versions, opaque", files(OPAQUE, OLDER0, SLOT1), found, ("of different builds",))
    said = ("slot0 and slot1 both start at address 0x1100", "riotboot/slot0")
    same = files(Envelope(claimed=(SLOT0, TWICE_IN_ONE)), SLOT0, TWICE_IN_ONE)
    yield Case("same start", same, ((ERROR, "same-start-address", None),), said)
    offset = "start-address-offset"
    moved = files(Envelope(claimed=(BETWEEN, SLOT1)), BETWEEN, SLOT1)
    said = ("slot0 starts at address 0x1110", "offset 0x1000", "0x40 to 0x1000")
    yield Case("start", moved, ((ERROR, offset, ZERO),), said)
    apart = files(Envelope(offsets=(0x1000, 0x20840)), SLOT0, SLOT1)
    said = ("0x1100", "0x20900", "0x1f800 bytes apart", "0x1f840 bytes apart (offsets 0x1000 and 0x20840)")
    yield Case("apart", apart, ((ERROR, offset, None),), said)


def _addresses() -> Iterator[Case]:
    code = "uri-too-long"
    long = "coap://[fd00::1]/" + "/".join(["a" * 20] * 6)
    yield Case("128 bytes", fitting(uris=(long[:128],)), ((ERROR, code, ZERO),), ("URI for slot0", "128 bytes", "127"))
    wide = "coap://[fd00:1111:2222:3333:4444:5555:6666:7777]/" + "b" * 44
    yield Case("93 bytes", fitting(uris=(None, wide)), ((WARNING, code, ONE),), ("URI for slot1", "93 bytes", "92"))
    deep = "coap://[fd00::1]/" + "c" * 68
    yield Case("a long path", fitting(uris=(deep,)), ((WARNING, code, ZERO),), ("path of 69 bytes", "68"))
    own = ServerFacts(host="fd00::1", publish_id="d" * 60)
    said = ("manifest's own URL", "path of 70 bytes", "shorter publish id")
    yield Case("its own URL", fitting(), ((WARNING, code, MANIFEST),), said, own)
    elsewhere = ServerFacts(hosts=frozenset({"fd00::2", "10.0.0.2"}), host="fd00::2", port=5684)
    found = ((WARNING, "uri-not-served", None),)
    said = ("For slot0 and slot1", "coap://[fd00::1],", "10.0.0.2, fd00::2", "SUIT_COAP_ROOT=coap://[fd00::2]:5684/fw/app/board")
    yield Case("elsewhere", fitting(), found, said, elsewhere)
    path = f"fw/app/board/slot1.{NUMBER}.bin"
    said = ("For slot1", path, "those of fw/neighbour", "SUIT_COAP_ROOT")
    claimed = ServerFacts(holders={path: ("fw/neighbour", "0" * 64)})
    yield Case("claimed", fitting(), ((WARNING, "uri-claimed", ONE),), said, claimed)


def _infos() -> Iterator[Case]:
    yield Case("opaque", files(OPAQUE, BARE0, BARE1), ((INFO, "not-suit", MANIFEST),), ("no SUIT envelope",))
    unverified = ((INFO, "signature-unverified", MANIFEST),)
    yield Case("unverified", fitting(), unverified, ("EdDSA, no key id", "--trust-keys"), keys=None)
    encrypted = files(Envelope(extra={19: b"info"}), BARE0, BARE1)
    yield Case("encrypted", encrypted, ((INFO, "encrypted", MANIFEST),), ("encrypted or compressed",))
    unknown = ((INFO, "digest-not-checked", ZERO), (INFO, "digest-not-checked", ONE))
    yield Case("another digest", fitting(digest=-43), unknown, ("slot0", "another algorithm"))
    yield Case("no digest", fitting(digest=None), unknown, ("slot0", "no digest"))
    bare = files(Envelope(claimed=(BARE0, BARE1)), BARE0, BARE1)
    without = ((INFO, "header-missing", ZERO), (INFO, "header-missing", ONE))
    yield Case("no header", bare, without, ("slot0 does not begin with a RIOT slot header",))
