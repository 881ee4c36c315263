"""Which device has which fault, and what the command line takes."""

from __future__ import annotations

import pytest

from common.errors import ConfigError
from server.rehearsal.arguments import read
from server.rehearsal.faults import Fault, assign
from server.rehearsal.uris import Target, parse


def test_the_first_devices_have_the_first_fault() -> None:
    assert assign(["digest:2", "refuses"], 5) == [Fault.DIGEST, Fault.DIGEST, Fault.REFUSES, None, None]


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [("digset", "Did you mean digest"), ("xyz", "--list-faults"), ("digest:x", "number of devices"), ("digest:2", "--count")],
)
def test_a_fault_that_cannot_be_had_is_said_in_a_sentence(fault: str, sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        assign([fault], 1)


def test_every_fault_has_a_meaning() -> None:
    assert all(fault.meaning for fault in Fault)


@pytest.mark.parametrize("flag", ["--count 0", "--loss 2", "--loss nan", "--block 60", "--slot-offsets 1"])
def test_a_value_out_of_its_range_ends_with_the_usage(flag: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        read(flag.split())
    assert flag.split()[0] in capsys.readouterr().err


def test_offsets_are_read_in_hex_and_a_server_with_its_port() -> None:
    options = read(["--slot-offsets", "0x2000,4096", "--server", "[fd00::1]:61616"])
    assert options.profile.offsets == (0x2000, 4096)
    assert options.profile.server == Target("fd00::1", 61616)


@pytest.mark.parametrize("uri", ["coap://name/x", "http://[::1]/x", "coap://[::1", "coap://[::1]:0/x", "coap://[::1]:99999", "x"])
def test_what_a_device_cannot_ask_for(uri: str) -> None:
    assert parse(uri) is None


def test_a_uri_is_taken_apart() -> None:
    assert parse("coap://[fd00::1]/fw/a%20b") == Target("fd00::1", 5683, (b"fw", b"a b"))
    assert parse("coap://10.0.0.1:61616") == Target("10.0.0.1", 61616)
