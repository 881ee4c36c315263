"""What people type for a device, and what is made of it."""

from __future__ import annotations

import ipaddress
import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.device_url import LONGEST, DeviceUrl, parse_list
from common.errors import InvalidDeviceUrl

BOUNDED = settings(max_examples=60)
LABELS = st.from_regex(r"[a-z0-9][a-z0-9_\-]{0,20}", fullmatch=True)
NAMES = st.lists(LABELS, min_size=1, max_size=4).map(".".join).filter(lambda name: not set(name) <= set(string.digits + "."))
ZONES = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.\-]{0,14}", fullmatch=True)
SEGMENTS = st.text(st.characters(exclude_categories=("C", "Z"), exclude_characters="/?#,"), min_size=1, max_size=10)
PATHS = st.lists(SEGMENTS, min_size=1, max_size=5).map("/".join).filter(lambda path: len(path.encode()) <= 255)
PORTS = st.integers(1, 65535)
URLS = st.one_of(
    st.builds(DeviceUrl, NAMES, PORTS, PATHS),
    st.builds(DeviceUrl, st.ip_addresses(v=4).map(str), PORTS, PATHS),
    st.builds(DeviceUrl, st.ip_addresses(v=6).map(str), PORTS, PATHS, st.none() | ZONES),
)


@pytest.mark.parametrize(
    ("typed", "host", "port", "path", "zone"),
    (
        ("[fd00::2]/suit/trigger", "fd00::2", 5683, "suit/trigger", None),
        ("10.0.0.7:5684/fw", "10.0.0.7", 5684, "fw", None),
        ("fe80::2%wpan0", "fe80::2", 5683, "suit/trigger", "wpan0"),
        ("[fe80::2%7]:61616/a", "fe80::2", 61616, "a", "7"),
        ("coap://Sensor.Local/suit/trigger", "sensor.local", 5683, "suit/trigger", None),
        ("COAP://[fe80::2%25wpan0]/a", "fe80::2", 5683, "a", "wpan0"),
        ("fe80::2%25", "fe80::2", 5683, "suit/trigger", "25"),
        (" sensor. ", "sensor.", 5683, "suit/trigger", None),
        ("FD00:0::2", "fd00::2", 5683, "suit/trigger", None),
        ("host/", "host", 5683, "suit/trigger", None),
        ("host/a%2Cb", "host", 5683, "a%2Cb", None),
    ),
)
def test_what_is_read(typed: str, host: str, port: int, path: str, zone: str | None) -> None:
    assert DeviceUrl.parse(typed) == DeviceUrl(host, port, path, zone)


@pytest.mark.parametrize(
    ("typed", "why"),
    (
        ("", "it is empty"),
        ("  ", "it is empty"),
        ("a b", "space"),
        ("a\nb", "space or a control"),
        ("a\u2003b", "space or a control"),
        ("http://host/a", "scheme is 'http'"),
        ("coap://", "neither an address nor a name"),
        ("/suit/trigger", "neither an address nor a name"),
        ("host//a", "empty part"),
        ("host/a/", "empty part"),
        ("host/a?b", "query"),
        ("host/a#b", "fragment"),
        ("host/a,b", "comma"),
        ("host/" + "ü" * 128, "too long"),
        ("host:/a", "no port"),
        ("host:0", "no port"),
        ("host:65536", "no port"),
        ("host:000080", "no port"),
        ("host:٣", "no port"),
        ("[fd00::2/a", "] is missing"),
        ("[fd00::2]5683", "between ] and /"),
        ("fd00::2::3", "neither an address"),
        ("256.1.1.1", "neither an address"),
        ("10.0.0", "neither an address"),
        ("user@host", "neither an address"),
        ("-host", "neither an address"),
        ("a..b", "neither an address"),
        ("a" * 64, "neither an address"),
        (".".join(["a" * 60] * 5), "neither an address"),
        ("fe80::2%", "no interface"),
        ("fe80::2%an-interface-too-long", "no interface"),
        ("10.0.0.7%eth0", "only an IPv6 address"),
        ("host%eth0", "only an IPv6 address"),
    ),
)
def test_what_is_refused(typed: str, why: str) -> None:
    with pytest.raises(InvalidDeviceUrl, match=why) as caught:
        DeviceUrl.parse(typed)
    assert "Write it as [fd00::2]/suit/trigger" in str(caught.value)


def test_the_longest_is_taken_and_what_is_longer_is_said_in_short() -> None:
    name = ".".join(["n" * 63] * 3 + ["n" * 61])
    longest = f"coap://{name}:65535/{'p' * 255}"
    assert len(longest) == LONGEST
    assert DeviceUrl.parse(longest) == DeviceUrl(name, 65535, "p" * 255)
    for longer in (f"{longest}p", longest.replace(name, f"n{name}"), "x" * 100_000):
        with pytest.raises(InvalidDeviceUrl) as refused:
            DeviceUrl.parse(longer)
        assert len(str(refused.value)) < 2 * LONGEST


@BOUNDED
@given(URLS)
def test_what_is_written_reads_the_same(url: DeviceUrl) -> None:
    assert DeviceUrl.parse(str(url)) == url
    assert DeviceUrl.parse(f" {url}\n") == url
    assert len(f"coap://{url}".encode()) <= LONGEST


@BOUNDED
@given(st.ip_addresses(v=6), PORTS, PATHS)
def test_any_spelling_of_an_address_is_the_same_device(address: ipaddress.IPv6Address, port: int, path: str) -> None:
    written = f"[{address.exploded.upper()}]:{port}/{path}"
    assert DeviceUrl.parse(written) == DeviceUrl.parse("coap://" + written) == DeviceUrl(str(address), port, path)


@BOUNDED
@given(st.lists(URLS, max_size=6))
def test_a_list_keeps_order_and_drops_repetitions(urls: list[DeviceUrl]) -> None:
    for separator in (",", ", ", "\n", " ,"):
        assert parse_list(separator.join(map(str, urls + urls))) == tuple(dict.fromkeys(urls))


@BOUNDED
@given(st.text() | st.text("[]:%/.fd0 coap,-", max_size=30))
def test_any_text_is_a_device_or_a_sentence(text: str) -> None:
    try:
        url = DeviceUrl.parse(text)
    except InvalidDeviceUrl:
        return
    assert DeviceUrl.parse(str(url)) == url
