"""What a check says of RIOT's own samples, of several faults at once, and of bytes that were changed."""

from __future__ import annotations

import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.finding import Role, Severity
from common.preflight import (
    SLOTS,
    FileFacts,
    Files,
    ServerFacts,
    check,
    claims_by_role,
    sequence_not_newer,
    uri_claimed,
)
from common.signature import SignatureState
from common.trust import TrustedKeys
from tests.support import suit
from tests.support.cases import made
from tests.support.made import (
    KEYS,
    KIND,
    NUMBER,
    OFFSETS,
    SLOT0,
    SLOT1,
    STARTS,
    URIS,
    Envelope,
    facts,
    files,
    fitting,
    found,
    image,
)

SAMPLES = Path(__file__).parents[1] / "samples" / "riot"
BOARD = SAMPLES / "fw" / "sample" / "samr21-xpro"
RIOT = TrustedKeys.load(SAMPLES)
MANIFEST, ZERO, ONE = Role
BEYOND_THE_FILES = ("image-too-big", "sequence-not-newer", "uri-not-served", "uri-claimed")


def sample(version: int, manifest: Path | None = None) -> Files:
    """RIOT's files, under RIOT's names."""
    slots = {role: f"{role}.{version}.bin" for role in SLOTS}
    data = (manifest or BOARD / f"riot.suit.{version}.bin").read_bytes()
    return Files(data, {role: facts((BOARD / name).read_bytes(), name) for role, name in slots.items()}, "riot.suit.bin")


@pytest.mark.parametrize("version", [1700000100, 1700000200])
def test_riots_own_have_no_fault(version: int) -> None:
    trusted = check(sample(version), keys=RIOT)
    assert (trusted.findings, trusted.missing, trusted.signature) == ((), (), SignatureState.VALID)
    untrusted = check(sample(version))
    assert found(untrusted) == [("signature-unverified", MANIFEST)]
    assert (untrusted.errors, untrusted.signature) == ((), SignatureState.UNVERIFIED)


def test_riots_own_unsigned_and_of_another_key() -> None:
    unsigned = sample(1700000200, SAMPLES / "unsigned-1700000200.suit")
    assert found(check(unsigned, keys=RIOT)) == found(check(unsigned)) == [("signature-absent", MANIFEST)]
    other = sample(1700000200, SAMPLES / "other-key-1700000200.suit")
    assert found(check(other)) == [("signature-unverified", MANIFEST)]
    assert found(check(other, keys=RIOT)) == [("signature-invalid", MANIFEST)]


def test_one_image_of_another_version() -> None:
    mixed = Files(sample(1700000200).manifest, {**sample(1700000200).images, ONE: sample(1700000100).images[ONE]})
    mismatch, version = check(mixed, keys=RIOT).findings
    assert (mismatch.code, mismatch.file, version.code, version.file) == ("digest-mismatch", ONE, "header-version-mismatch", ONE)
    for text in ("slot1 (slot1.1700000100.bin)", "675d01da71ef…", "75a2e3df4c57…", "-7", "slot1 is likely of another build"):
        assert text in mismatch.message
    for text in ("slot0 (slot0.1700000200.bin) has version 1700000200", "slot1 (slot1.1700000100.bin) has version 1700000100"):
        assert text in version.message


def test_both_images_of_another_version() -> None:
    findings = check(replace(sample(1700000200), images=sample(1700000100).images), keys=RIOT).findings
    assert [f.code for f in findings] == ["digest-mismatch", "digest-mismatch", "header-version-mismatch"]
    assert all("the manifest is likely of another build" in f.message for f in findings[:2])
    assert findings[2].file is None


def test_all_faults_are_told_at_once_and_the_worst_first() -> None:
    faulty = files(Envelope(signer=None, padding=400), image(STARTS[0], NUMBER - 1, size=601), SLOT1)
    here = ServerFacts(max_image_size=100, newest={KIND: ("newer", NUMBER)}, hosts=frozenset({"fd00::2"}), host="fd00::2")
    findings = check(faulty, here, KEYS).findings
    assert [f.code for f in findings] == [
        "size-mismatch",
        "header-version-mismatch",
        "image-too-big",
        "image-too-big",
        "manifest-too-big",
        "signature-absent",
        "uri-not-served",
        "sequence-not-newer",
    ]
    order = list(Severity)
    assert [order.index(f.severity) for f in findings] == sorted(order.index(f.severity) for f in findings)


@pytest.mark.parametrize("case", list(made()), ids=lambda case: case.name)
def test_it_is_pure_and_knows_no_server_that_it_is_not_told_of(case: Any) -> None:
    before = copy.deepcopy((case.files, case.facts))
    assert check(case.files, case.facts, case.keys) == check(case.files, case.facts, case.keys)
    assert (case.files, case.facts) == before
    offline = check(case.files, None, case.keys)
    assert offline == check(case.files, ServerFacts(), case.keys)
    assert not {f.code for f in offline.findings} & set(BEYOND_THE_FILES)
    assert all(f.code in str(case.found) for f in offline.findings)


@pytest.mark.parametrize("case", list(made()), ids=lambda case: case.name)
def test_a_message_is_a_few_sentences_and_names_files_as_they_are_called(case: Any) -> None:
    images = {role: replace(image, name=f"{role}-x.bin") for role, image in case.files.images.items()}
    for finding in check(replace(case.files, images=images, manifest_name="m.suit"), case.facts, case.keys).findings:
        assert len(finding.message) < 420
        assert finding.message.count(". ") <= 3
        assert finding.message.endswith((".", ")")) or "SUIT_COAP_ROOT" in finding.message
        if finding.file in images and finding.code not in ("uri-too-long", "uri-claimed"):
            assert f"{finding.file} ({finding.file}-x.bin)" in finding.message


def test_what_belongs_to_a_manifest_that_is_an_image_is_not_told() -> None:
    here = ServerFacts(host="fd00::1", publish_id="x" * 190)
    assert found(check(files(SLOT0, SLOT0, SLOT1), here)) == [("wrong-role", MANIFEST)]
    assert found(check(files(bytes(Envelope()), bytes(Envelope()), bytes(Envelope())), keys=KEYS))[:2] == [
        ("wrong-role", ZERO),
        ("wrong-role", ONE),
    ]


def test_an_image_that_only_looks_like_a_manifest() -> None:
    odd = b"\xa2\x02" + bytes(100)
    assert found(check(files(Envelope(claimed=(odd,)), odd), keys=KEYS)) == [("header-missing", ZERO)]
    assert found(check(files(b"opaque", odd))) == [("wrong-role", ZERO), ("not-suit", MANIFEST)]


def test_what_is_missing() -> None:
    assert check(files(Envelope(), SLOT0), keys=KEYS).missing == (ONE,)
    nothing = check(files(Envelope()), keys=KEYS)
    assert (found(nothing), nothing.missing) == ([("no-image", None)], (ZERO, ONE))
    alone = check(files(Envelope(), SLOT1), keys=KEYS)
    assert (found(alone), alone.missing) == ([("slots-swapped", ZERO)], (ZERO,))
    one_slot = check(files(Envelope(claimed=(SLOT0,)), None, SLOT0), keys=KEYS)
    assert (found(one_slot), one_slot.missing) == ([("slots-swapped", ONE)], ())
    assert found(check(files(None), keys=KEYS)) == [("no-manifest", None), ("no-image", None)]


def test_an_image_given_twice_replaces_what_follows_from_it() -> None:
    neither = image(STARTS[0], seed=5)
    assert found(check(files(Envelope(), neither, neither), keys=KEYS)) == [
        ("digest-mismatch", ZERO),
        ("size-mismatch", ONE),
        ("same-image-twice", None),
    ]
    assert found(check(files(Envelope(), SLOT1, SLOT1), keys=KEYS)) == [("same-image-twice", ZERO)]
    assert found(check(fitting(claimed=(SLOT0, SLOT0)), keys=KEYS)) == [("size-mismatch", ONE)]
    named_twice = files(Envelope(claimed=(SLOT0, SLOT0)), SLOT0, SLOT0)
    assert found(check(named_twice, keys=KEYS)) == [("same-image-twice", None)]


def test_encrypted_images_are_not_held_against_anything() -> None:
    encrypted = Envelope(extra={19: b"info"})
    for images in ((SLOT1, SLOT0), (b"x", b"y"), (image(0, checksum=0), image(0))):
        assert found(check(files(encrypted, *images), keys=KEYS)) == [("encrypted", MANIFEST)]
    assert found(check(files(encrypted, b"x"), keys=KEYS)) == [("image-missing", ONE), ("encrypted", MANIFEST)]


def test_a_changed_manifest_is_told_with_and_without_keys() -> None:
    changed = files(Envelope(number=NUMBER - 1, tampered=True), SLOT0, SLOT1)
    assert found(check(changed)) == [("manifest-digest-mismatch", MANIFEST)]
    told = [("manifest-digest-mismatch", MANIFEST), ("signature-invalid", MANIFEST)]
    assert found(check(changed, keys=KEYS)) == told


def test_other_vendors_and_classes_are_not_compared() -> None:
    newer = {(KIND[0], None): ("a", NUMBER + 1), (None, None): ("b", NUMBER + 1), KIND: ("c", NUMBER - 1)}
    assert found(check(fitting(), ServerFacts(newest=newer), KEYS)) == []


def test_what_a_catalogue_computes_by_itself_reads_the_same() -> None:
    path = URIS[1].partition("]/")[2]
    here = ServerFacts(newest={KIND: ("twin", NUMBER)}, holders={path: ("twin", "0" * 64), "x": ("other", "0" * 64)})
    claimed, newer = check(fitting(), here, KEYS).findings
    assert (claimed, newer) == (uri_claimed(ONE, path, "twin"), sequence_not_newer(NUMBER, "twin", NUMBER))


def test_claims_by_role() -> None:
    three = check(fitting(claimed=(SLOT0, SLOT1, SLOT0), offsets=(*OFFSETS, 0x40000))).manifest
    assert {role: claim.size for role, claim in claims_by_role(three).items()} == {ZERO: len(SLOT0), ONE: len(SLOT1)}
    assert claims_by_role(None) == {}


def test_the_current_draft() -> None:
    slots = [suit.Slot(data, offset, uri) for data, offset, uri in zip((SLOT0, SLOT1), OFFSETS, URIS, strict=True)]
    data = suit.current(suit.current_body(slots, NUMBER), suit.eddsa(1))
    assert found(check(files(data, SLOT0, SLOT1), keys=KEYS)) == []
    assert found(check(files(data, SLOT1, SLOT0), keys=KEYS)) == [("slots-swapped", None)]
    assert found(check(files(data, SLOT0, image(STARTS[1])), keys=KEYS)) == [("size-mismatch", ONE)]
    assert found(check(files(data, data, SLOT1), keys=KEYS)) == [("wrong-role", ZERO)]


CHANGES = st.lists(st.tuples(st.sampled_from(["set", "cut", "insert"]), st.integers(0, 1 << 20), st.integers(0, 255)), max_size=3)


def changed(data: bytes, changes: list[tuple[str, int, int]]) -> bytes:
    for how, where, value in changes:
        where %= len(data) or 1
        kept = {"set": data[where + 1 :], "cut": data[where + 1 + value :], "insert": data[where:]}[how]
        data = data[:where] + (b"" if how == "cut" else bytes([value])) + kept
    return data


@settings(max_examples=600)
@given(CHANGES, CHANGES, CHANGES, st.sampled_from([1700000100, 1700000200]))
def test_changed_bytes_are_never_taken_for_the_release(manifest: Any, slot0: Any, slot1: Any, version: int) -> None:
    whole = [(BOARD / name.format(version)).read_bytes() for name in ("riot.suit.{}.bin", "slot0.{}.bin", "slot1.{}.bin")]
    spoiled = [changed(data, changes) for data, changes in zip(whole, (manifest, slot0, slot1), strict=True)]
    result = check(files(*spoiled), keys=RIOT)
    if spoiled == whole:
        assert result.findings == ()
    elif not result.errors:
        # What no longer has a signature is told of; what reads the same is the same in longer CBOR.
        said = {"not-suit", "signature-absent"} & {finding.code for finding in result.findings}
        assert spoiled[1:] == whole[1:] or said == {"not-suit"}
        assert said or result == check(files(*whole), keys=RIOT)


def test_each_byte_of_a_manifest_counts() -> None:
    whole = sample(1700000100)
    data = whole.manifest or b""
    for position in range(2, len(data)):
        for flipped in (0x01, 0x20, 0x80):
            spoiled = data[:position] + bytes([data[position] ^ flipped]) + data[position + 1 :]
            assert check(replace(whole, manifest=spoiled), keys=RIOT).errors, position


@settings(max_examples=300)
@given(
    st.binary(max_size=80),
    st.dictionaries(st.sampled_from(SLOTS), st.tuples(st.integers(0, 1 << 40), st.binary(max_size=20), st.text(max_size=300))),
    st.text(max_size=30),
    st.integers(0, (1 << 64) - 1),
)
def test_nothing_is_raised(data: bytes, images: Any, text: str, number: int) -> None:
    given_ = {role: FileFacts(size, head.hex(), head, name) for role, (size, head, name) in images.items()}
    here = ServerFacts(1 << 20, frozenset({text}), number % 65536, text, {KIND: (text, number)}, {text: (text, text)}, text)
    for manifest in (data, b"\xa2\x02" + data, bytes(Envelope(uris=(text, f"coap://{text}"), number=number))):
        check(Files(manifest, given_, text), here, KEYS)
