"""URIs as devices read them: what they ask for, what this server answers, and how long they may be."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from common.checks.uris import coap_url, parse
from common.finding import Role, Severity
from common.preflight import ServerFacts, check, served_path
from common.release import check_publish_id
from tests.support.made import KEYS, SLOT0, SLOT1, Envelope, files, fitting, found

MANIFEST, ZERO, ONE = Role
HERE = ServerFacts(hosts=frozenset({"fd00::1", "fd00:0:0:0:0:0:0:5", "10.0.0.1"}), host="fd00::1", publish_id="fw/app/7")


@pytest.mark.parametrize(
    ("uri", "path"),
    [
        ("coap://[fd00::1]/fw/app/board/slot0.7.bin", "fw/app/board/slot0.7.bin"),
        ("coap://10.0.0.1:5684/a", "a"),
        ("coap://gateway.local/a/b", "a/b"),
        ("COAP://[::1]/a", "a"),
        ("coap://[::1]/a%2Db/%63", "a-b/c"),
        ("coap://[::1]/" + "a" * 200, "a" * 200),
        ("coap://[::1]/" + "a" * 201, None),
        ("coap://[::1]/a%2Fb", None),
        ("coap://[::1]/a/../b", None),
        ("coap://[::1]/a/%2e%2e/b", None),
        ("coap://[::1]/.git/config", None),
        ("coap://[::1]/a//b", None),
        ("coap://[::1]//a", None),
        ("coap://[::1]/a/", None),
        ("coap://[::1]/", None),
        ("coap://[::1]", None),
        ("coap://[::1]/a b", None),
        ("coap://[::1]/a\n", None),
        ("coap://[::1]/%", None),
        ("coap://[::1]/%ff", None),
        ("coap://[::1]/ü", None),
        ("coap://[::1]/latest/slot0", None),
        ("coap://[::1]/a?b", None),
        ("coap://[::1]/a?", None),
        ("coap://[::1]/a#b", None),
        ("coap:///a", None),
        ("coap://[]/a", None),
        ("coap://[::1/a", None),
        ("coap://user@[::1]/a", None),
        ("coap://[::1]:0/a", None),
        ("coap://[::1]:70000/a", None),
        ("coap://[::1]:5x/a", None),
        ("coap://fd00::1/a", None),
        ("coaps://[::1]/a", None),
        ("coap+tcp://[::1]/a", None),
        ("http://[::1]/a", None),
        ("coap:/a", None),
        ("/a", None),
        ("#a", None),
        ("", None),
    ],
)
def test_the_path_that_a_uri_asks_for(uri: str, path: str | None) -> None:
    assert served_path(uri) == path


@settings(max_examples=500)
@given(st.text(alphabet=st.one_of(st.sampled_from("/:[]@%?#.a1\n\x00\ud800é"), st.characters()), max_size=40))
@example("[::1]/a%")
@example("[" * 40)
def test_hostile_text_is_read_or_not_and_nothing_else(text: str) -> None:
    for uri in (text, "coap://" + text, "coap://[fd00::1]/" + text):
        path = served_path(uri)
        assert path is None or check_publish_id(path) == path
        check(files(Envelope(uris=(uri.encode(errors="replace").decode(),)), SLOT0, SLOT1), HERE)


def not_served(uri: str, here: ServerFacts = HERE) -> str | None:
    """What is said where slot0's URI is this one."""
    result = check(fitting(uris=(uri,)), here, KEYS)
    said = [f for f in result.findings if f.code == "uri-not-served"]
    assert all((f.severity, f.file) == (Severity.WARNING, ZERO) for f in said)
    return said[0].message if said else None


@pytest.mark.parametrize(
    "uri",
    [
        "coap://[fd00::1]/a/b",
        "coap://[FD00:0::0001]:5683/a/b",
        "coap://[fd00::5]/a/b",
        "coap://10.0.0.1/a/b",
    ],
)
def test_what_this_server_serves(uri: str) -> None:
    assert not_served(uri) is None


@pytest.mark.parametrize(
    ("uri", "why", "root"),
    [
        ("coap://[fd00::2]/fw/x", "none of this server's addresses (10.0.0.1, fd00::1, fd00::5)", "coap://[fd00::1]/fw"),
        ("coap://[fd00::1]:5684/fw/x", "which is port 5684, and devices reach this server at port 5683", "coap://[fd00::1]/fw"),
        ("coap://[::1]/fw/x", "which is the device itself", "coap://[fd00::1]/fw"),
        ("coap://127.0.0.1/fw/x", "which is the device itself", "coap://[fd00::1]/fw"),
        ("coap://localhost/fw/x", "a RIOT device resolves none; it would be the device itself", "coap://[fd00::1]/fw"),
        ("coap://gateway.local/fw/x", "a RIOT device resolves no names", "coap://[fd00::1]/fw"),
        ("coap://[fe80::1%25wpan0]/fw/x", "an address with a zone, which a URI cannot have", "coap://[fd00::1]/fw"),
        ("coap://[10.0.0.1]/fw/x", "which is no valid address", "coap://[fd00::1]/fw"),
        ("coaps://[fd00::1]/fw/x", "this server speaks coap to devices, not coaps", "coap://[fd00::1]/fw"),
        ("coap://fd00::1/fw/x", "which is no URI that a device can follow", "coap://[fd00::1]/fw/app/7"),
        ("coap://[fd00::1]/fw/.x", "the path /fw/.x, which this server cannot serve", "coap://[fd00::1]/fw/app/7"),
        ("coap://[fd00::1]/fw/x?y", "the path /fw/x?y, which this server cannot serve", "coap://[fd00::1]/fw/app/7"),
        ("coap://[fd00::2]/x", "none of this server's addresses", "coap://[fd00::1]"),
    ],
)
def test_what_it_does_not_serve_and_what_to_build_with(uri: str, why: str, root: str) -> None:
    said = not_served(uri)
    assert said is not None
    assert why in said
    assert said.endswith(f"Build it again with SUIT_COAP_ROOT={root}")


def test_another_port_and_no_known_address() -> None:
    elsewhere = ServerFacts(hosts=frozenset({"10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4"}), host="10.0.0.2", port=5690)
    assert not_served("coap://10.0.0.2:5690/fw/x", elsewhere) is None
    said = not_served("coap://10.0.0.9/fw/x", elsewhere) or ""
    assert "(10.0.0.1, 10.0.0.2, 10.0.0.3 and 1 more)" in said
    assert said.endswith("SUIT_COAP_ROOT=coap://10.0.0.2:5690/fw")
    unknown = not_served("coap://[fd00::2]/fw x", ServerFacts(hosts=frozenset({"fd00::1"}))) or ""
    assert unknown.endswith("SUIT_COAP_ROOT=coap://<address of the server>/fw/<application>/<board>")
    assert not_served("coap://[fd00::2]/fw/x", ServerFacts(hosts=frozenset(), host="fd00::1")) is None
    assert not_served("coap://[fd00::2]/fw/x", ServerFacts(host="fd00::1")) is None


def test_a_name_by_which_the_server_is_known() -> None:
    named = ServerFacts(hosts=frozenset({"Gateway.local"}), host="Gateway.local")
    assert not_served("coap://gateway.LOCAL/fw/x", named) is None


@pytest.mark.parametrize(
    ("uri", "severity"),
    [
        ("coap://[fd00::1]/" + "a" * 67, None),
        ("coap://[fd00::1]/" + "a" * 68, Severity.WARNING),
        ("coap://[fd00:1111:2222:3333:4444:5555:6666:7777]/" + "b" * 43, None),
        ("coap://[fd00:1111:2222:3333:4444:5555:6666:7777]/" + "b" * 44, Severity.WARNING),
        ("coap://[fd00::1]/" + "a" * 110, Severity.WARNING),
        ("coap://[fd00::1]/" + "a" * 111, Severity.ERROR),
        ("coap://[fd00::1]/" + "é" * 55, Severity.WARNING),
        ("coap://[fd00::1]/" + "é" * 56, Severity.ERROR),
        ("x" * 128, Severity.ERROR),
    ],
)
def test_how_long_a_uri_may_be(uri: str, severity: Severity | None) -> None:
    findings = check(fitting(uris=(None, uri)), keys=KEYS).findings
    assert [(f.severity, f.code, f.file) for f in findings] == ([(severity, "uri-too-long", ONE)] if severity else [])


def test_the_uri_of_an_image_beyond_the_slots() -> None:
    long = "coap://[fd00::2]/" + "/".join(["a" * 20] * 6)
    three = Envelope(claimed=(SLOT0, SLOT1, SLOT0), offsets=(0x1000, 0x20800, 0x40000), uris=(None, None, long))
    result = check(files(three, SLOT0, SLOT1), HERE, KEYS)
    assert found(result) == [("uri-too-long", None), ("more-images", MANIFEST), ("uri-not-served", None)]
    assert "URI for image 3" in result.findings[0].message
    assert "For image 3" in result.findings[2].message


@pytest.mark.parametrize(("length", "wrong"), [(58, False), (59, True), (200, True)])
def test_the_manifests_own_url_is_at_most_a_warning(length: int, wrong: bool) -> None:
    for manifest in (Envelope(), b"opaque"):
        result = check(files(manifest, SLOT0, SLOT1), ServerFacts(host="fd00::1", publish_id="a" * length), KEYS)
        said = [f for f in result.findings if f.code == "uri-too-long"]
        assert [(f.severity, f.file) for f in said] == ([(Severity.WARNING, MANIFEST)] if wrong else [])


def test_claimed_only_by_other_bytes() -> None:
    whole = fitting()
    path = "fw/app/board/slot0.1700000300.bin"
    same = ServerFacts(holders={path: ("twin", whole.images[ZERO].sha256)})
    assert found(check(whole, same, KEYS)) == []
    other = ServerFacts(holders={path: ("twin", "0" * 64)})
    assert found(check(whole, other, KEYS)) == [("uri-claimed", ZERO)]
    # Given the wrong way round, it is still slot0's image that devices ask for there.
    assert found(check(files(Envelope(), SLOT1, SLOT0), same, KEYS)) == [("slots-swapped", None)]


def test_parts_and_urls() -> None:
    uri = parse("coap://[fd00::1]:5684/a?b#c")
    assert uri is not None
    assert (uri.scheme, uri.host, uri.port, uri.path, uri.extra) == ("coap", "fd00::1", 5684, "/a", "?b#c")
    assert (uri.authority, str(uri.address)) == ("[fd00::1]:5684", "fd00::1")
    assert coap_url("fd00::1", 5683, "a") == "coap://[fd00::1]/a"
    assert coap_url("10.0.0.1", 5684, "") == "coap://10.0.0.1:5684"
