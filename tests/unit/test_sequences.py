"""Command sequences: what is told on every way through them, and those that mean harm."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cbor2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.errors import InvalidManifest
from common.manifest import parse
from tests.support import suit
from tests.support.suit import read, sequence


def shared(*commands: Any, **more: Any) -> bytes:
    return suit.current(suit.body(sequence(*commands), **more))


def images(*commands: Any, **more: Any) -> list[tuple[Any, ...]]:
    """Component, offset, size and URI of the images that this shared sequence, and these members, tell of."""
    return [(c.component, c.offset, c.size, c.uri) for c in read(shared(*commands, **more)).images]


TWO: dict[str, Any] = {"components": [[b"\x00"], [b"\x01", b"\xab"]]}


@pytest.mark.parametrize(
    ("commands", "expected"),
    [
        ([], []),
        ([20, {}], []),
        ([20, {5: 1}], []),
        ([20, {14: 0}], [(0, None, 0, None)]),
        ([20, {14: 1}, 20, {14: 2}], [(0, None, 2, None)]),
        ([20, {14: 1}, 19, {14: 2}], [(0, None, 2, None)]),
        ([12, True, 20, {14: 1}], [(0, None, 1, None), (1, None, 1, None)]),
        ([12, [0, 1], 20, {14: 1}], [(0, None, 1, None), (1, None, 1, None)]),
        ([12, [1], 20, {14: 1}, 12, 0, 20, {14: 2}], [(0, None, 2, None), (1, None, 1, None)]),
        ([12, False, 20, {14: 1}], []),
        ([12, [], 20, {14: 1}], []),
        ([13, 0, 20, {14: 1}], []),
        ([15, [sequence(20, {14: 1, 5: 9}), sequence(20, {14: 2, 5: 8})]], [(0, 8, 2, None), (0, 9, 1, None)]),
        ([15, [sequence(20, {14: 1}), None]], [(0, None, 1, None)]),
        ([15, [sequence(20, {5: 9}), None], 20, {14: 1}], [(0, None, 1, None), (0, 9, 1, None)]),
        ([32, sequence(20, {14: 1}), 20, {21: "u"}], [(0, None, 1, "u")]),
        ([32, sequence(32, sequence(15, [sequence(20, {14: 1})]))], [(0, None, 1, None)]),
        ([15, [sequence(20, {14: 1}), sequence(20, {14: 2})]], [(0, None, 1, None)]),
        ([15, [sequence(20, {14: 1}), sequence(20, {14: 2, 21: "u"})]], [(0, None, 1, "u")]),
        (
            [12, True, 15, [sequence(20, {5: 1, 14: 1}), sequence(20, {5: 2, 14: 2})]],
            [(i, n, n, None) for i in (0, 1) for n in (1, 2)],
        ),
        ([20, {14: 1}, 12, 1, 20, {21: "u"}], [(1, None, None, "u")]),
        ([20, {14: 1, 21: "u"}, 12, 1, 20, {14: 2, 21: "v"}], [(0, None, 1, "u"), (1, None, 2, "v")]),
        ([20, {14: 1, 21: "#in"}, 12, 1, 20, {14: 2, 21: "v"}], [(1, None, 2, "v")]),
        ([20, {14: 1, 21: "#in"}, 12, 1, 20, {14: 2}], []),
        ([20, {5: 1, 21: "u"}, 15, [sequence(20, {5: 2, 14: 3}), None]], [(0, 1, None, "u"), (0, 2, 3, "u")]),
        ([20, {14: 1}, -7, b"mine", 6, 15, 99, {}], [(0, None, 1, None)]),
    ],
)
def test_command_sequences(commands: list[Any], expected: list[Any]) -> None:
    assert images(*commands, **TWO) == expected


ALL_SEQUENCES = [7, 8, 9, 10, 11, 12, 15, 16, 17, 18, 20]


@pytest.mark.parametrize("key", ALL_SEQUENCES)
def test_every_sequence_begins_where_the_shared_one_ends(key: int) -> None:
    members = {key: sequence(20, {21: "u"}, 12, 1, 20, {21: "v"})}
    assert images(20, {14: 1}, 12, 1, members=members, **TWO) == [(0, None, 1, "u"), (1, None, None, "v")]


def test_what_is_fetched_goes_before_what_is_told_elsewhere() -> None:
    members = {7: sequence(20, {14: 7}), 20: sequence(20, {14: 20})}
    assert images(20, {14: 1}, members=members) == [(0, None, 20, None)]


def slotted(*offsets: int) -> list[bytes]:
    return [sequence(20, {5: offset}, 5, 5, 20, {21: f"u{offset}"}) for offset in offsets]


def test_branches_that_contradict_each_other() -> None:
    install = {20: sequence(15, slotted(1, 2, 3))}
    told = [sequence(20, {5: n}, 5, 15, 20, {14: n}) for n in (1, 2)]
    assert images(15, told, members=install) == [(0, 1, 1, "u1"), (0, 2, 2, "u2")]
    unchecked = [sequence(20, {5: n, 14: n}) for n in (1, 2)]
    found = images(15, unchecked, members=install)
    assert [(offset, uri) for _, offset, _, uri in found] == [(1, "u1"), (2, "u2"), (3, "u3")]


def test_what_is_told_before_the_slot_is_known_is_no_image_of_its_own() -> None:
    install = {20: sequence(15, slotted(1, 2)), 7: sequence(3, 15)}
    assert images(20, {14: 9}, members=install) == [(0, 1, 9, "u1"), (0, 2, 9, "u2")]
    other = {**install, 7: sequence(20, {14: 8}, 3, 15)}
    assert images(20, {14: 9}, members=other) == [(0, None, 8, None), (0, 1, 9, "u1"), (0, 2, 9, "u2")]


def test_each_component_takes_a_branch_of_its_own() -> None:
    """The first is in slot 1 and the second in slot 2: one try-each over both of them suits either."""
    install = {20: sequence(12, True, 15, slotted(1, 2))}
    told = (20, {5: 1, 14: 10}, 5, 15, 12, 1, 20, {5: 2, 14: 20}, 5, 15)
    assert images(*told, members=install, **TWO) == [(0, 1, 10, "u1"), (1, 2, 20, "u2")]


def test_a_condition_on_a_slot_that_nobody_named_demands_nothing() -> None:
    assert images(5, 15, 20, {5: 1, 14: 2}, 5, 15) == [(0, 1, 2, None)]


def test_a_sequence_that_no_device_gets_through() -> None:
    assert images(20, {5: 1, 14: 2}, 5, 15, 20, {5: 2}, 5, 15, 20, {5: 3}) == []


# Bounds


def nested(depth: int, inner: bytes, around: Callable[[bytes], bytes]) -> bytes:
    for _ in range(depth):
        inner = around(inner)
    return inner


SIZED = sequence(20, {14: 1})
WIDE = [sequence(20, {5: number}) for number in range(200)]


@pytest.mark.parametrize(
    ("commands", "said"),
    [
        ([32, nested(30, SIZED, lambda inner: sequence(32, inner))], "more than 8 deep"),
        ([15, [nested(30, SIZED, lambda inner: sequence(15, [inner]))]], "more than 8 deep"),
        ([32, nested(7, sequence(1, 15), lambda inner: sequence(*[32, inner] * 3))] * 3, "more than 50000 steps"),
        (
            [12, True, 32, nested(7, SIZED, lambda inner: sequence(12, True, 15, [inner, inner]))],
            "more than (256 ways|50000 steps)",
        ),
        ([15, WIDE, 15, [sequence(20, {14: 1}), sequence(20, {14: 2})]], "more than 256 ways"),
        ([15, WIDE, *[20, {14: 1}] * 1000], "more than 50000 steps"),
        ([15, WIDE, 15, [None] * 1000], "more than 50000 steps"),
        ([1, 15] * 30_000, "more than 50000 steps"),
        ([-1, cbor2.loads(b"\x81" * 32 + b"\x00")], "more than 32 deep"),
    ],
)
def test_sequences_without_an_end(commands: list[Any], said: str) -> None:
    with pytest.raises(InvalidManifest, match=said):
        parse(shared(*commands, **TWO))


def test_eight_components_with_two_slots_each_are_well_within_the_bounds() -> None:
    branches = [sequence(20, {5: n, 14: n, 21: f"u{n}"}, 5, 15) for n in (1, 2)]
    found = images(12, True, 15, branches, components=[[bytes([n])] for n in range(8)], members={20: sequence(21, 2, 3, 15)})
    assert found == [(component, n, n, f"u{n}") for component in range(8) for n in (1, 2)]


NUMBERS = st.integers(0, 3) | st.sampled_from([4096, (1 << 64) - 1, 1 << 64, -1])
ARGUMENTS = NUMBERS | st.booleans() | st.none() | st.binary(max_size=3) | st.text(max_size=3) | st.just(1.5)
PARAMETERS = st.dictionaries(
    st.sampled_from([1, 2, 3, 5, 14, 18, 19, 20, 21, 22]),
    NUMBERS | st.sampled_from([bytes(16), suit.digest(b"a"), suit.digest(b"b", -43), "coap://[::1]/a", "#a", b""]),
    max_size=4,
)
COMMANDS = st.deferred(
    lambda: (
        st.tuples(st.sampled_from([19, 20]), PARAMETERS)
        | st.tuples(st.just(12), st.integers(0, 1) | st.booleans() | st.lists(st.integers(0, 1), max_size=2))
        | st.tuples(st.just(15), st.lists(SEQUENCES | st.none(), min_size=1, max_size=3))
        | st.tuples(st.just(32), SEQUENCES)
        | st.just((5, 15))
        | st.tuples(st.sampled_from([1, 3, 5, 12, 13, 15, 20, 32, -1, None]), ARGUMENTS)
    )
)
SEQUENCES: st.SearchStrategy[bytes] = st.lists(COMMANDS, max_size=4).map(lambda commands: sequence(*sum(commands, ())))


@settings(max_examples=150)
@given(SEQUENCES, st.dictionaries(st.sampled_from(ALL_SEQUENCES), SEQUENCES, max_size=3))
def test_any_commands_are_read_or_refused(commands: bytes, members: dict[int, bytes]) -> None:
    try:
        manifest = read(suit.current(suit.body(commands, members, components=TWO["components"])))
    except InvalidManifest:
        return
    places = [(claim.component, -1 if claim.offset is None else claim.offset) for claim in manifest.images]
    assert places == sorted(set(places))
    assert all(claim.component in (0, 1) for claim in manifest.images)
    assert all(claim.sha256 or claim.algorithm or claim.uri or claim.size is not None for claim in manifest.images)
