"""Which releases go by themselves: the promises, held against made-up folders, and the sentences."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from common.finding import Role
from common.release import Release, ReleaseFile, State
from server.firmware.retention import Came, Going, Limits, Plan, Uses, decide

EXAMPLES = settings(max_examples=50)
KINDS = [("vendor", "a"), ("vendor", "b"), ("vendor", None), (None, None)]
OFTEN_READY = st.sampled_from([State.READY] * 5 + list(State))


def release(
    name: str, number: int | None = 1, kind: tuple[str | None, str | None] = KINDS[0], state: State = State.READY,
    size: int = 100, published: int = 0, signature: str = "absent",
) -> Release:  # fmt: skip
    file = ReleaseFile(Role.SLOT0, "slot0", size, "00" * 32, f"{name}/slot0")
    time = dt.datetime.fromtimestamp(published, dt.UTC)
    return Release(
        name, time, state, (file,), sequence_number=number, vendor_id=kind[0], class_id=kind[1], signature=signature
    )


@st.composite
def folders(draw: st.DrawFn) -> list[Release]:
    releases = []
    for n in range(draw(st.integers(0, 9))):
        kind = draw(st.sampled_from(KINDS))
        number = None if kind == (None, None) else draw(st.integers(0, 6))
        published = draw(st.integers(0, 4) | st.just(4_000_000_000))
        signature = draw(st.sampled_from(["absent", "valid"]))
        releases.append(release(f"v{n}", number, kind, draw(OFTEN_READY), draw(st.integers(1, 100)), published, signature))
    return releases


NAMES = st.frozensets(st.sampled_from([f"v{n}" for n in range(9)]), max_size=3)
USES = st.builds(lambda used, latest, out: Uses(dict.fromkeys(used, "used"), latest, out), NAMES, NAMES, NAMES)
LIMITS = st.builds(Limits, st.none() | st.integers(1, 4), st.none() | st.integers(1, 600))
OTHERS = st.integers(0, 100)


def names(plan: Plan) -> list[str]:
    return [going.publish_id for going in plan.goes]


def counted(releases: Sequence[Release]) -> dict[tuple[str | None, str | None], list[Release]]:
    """Ready ones by kind, newest first."""
    kinds: dict[tuple[str | None, str | None], list[Release]] = {}
    for one in sorted(releases, key=lambda r: (r.age, r.published, r.publish_id), reverse=True):
        if one.state is State.READY:
            kinds.setdefault(one.kind, []).append(one)
    return kinds


def newest(group: Sequence[Release]) -> set[str]:
    """Of a kind, and of each sort of signature in it."""
    best = {s: max(r.age for r in group if r.signature == s) for s in {r.signature for r in group}}
    return {r.publish_id for r in group if r.age in (best[r.signature], group[0].age)}


def size(releases: Sequence[Release]) -> int:
    return sum(one.size for one in releases)


def after(releases: Sequence[Release], plan: Plan) -> list[Release]:
    gone = {going.publish_id for going in plan.goes}
    return [one for one in releases if one.publish_id not in gone]


@EXAMPLES
@given(folders(), OTHERS, LIMITS, USES)
def test_what_is_never_removed(releases: list[Release], others: int, limits: Limits, uses: Uses) -> None:
    plan = decide(releases, size(releases) + others, limits, uses)
    gone = {going.publish_id for going in plan.goes}
    assert len(gone) == len(plan.goes)
    assert not gone & {*uses.by_id, *uses.latest}
    assert decide(releases, size(releases) + others, Limits(), uses) == Plan(), "nothing is set"
    for one in releases:
        if one.state in (State.INCOMPLETE, State.REJECTED):
            assert one.publish_id not in gone
    for group in counted(releases).values():
        assert not gone & newest(group)
        for one in group:
            before = next((r for r in group if r.age < one.age), None)
            assert not (one.publish_id in uses.rolled_out and before is not None and before.publish_id in gone)


@EXAMPLES
@given(folders(), OTHERS, st.integers(1, 4), USES)
def test_keep_leaves_so_many_and_no_other_that_nobody_needs(releases: list[Release], others: int, keep: int, uses: Uses) -> None:
    plan = decide(releases, size(releases) + others, Limits(keep), uses)
    left = {one.publish_id for one in after(releases, plan)}
    needed = {*uses.by_id, *uses.latest}
    for kind, group in counted(releases).items():
        assert all(one.publish_id in left for one in group[:keep])
        for place, one in enumerate(group[keep:], keep):
            is_before = any(r.publish_id in uses.rolled_out for r in group[:place])
            stays = None in kind or one.publish_id in needed | newest(group) or is_before
            assert one.publish_id not in left or stays
    assert plan.trouble == ""


@EXAMPLES
@given(folders(), OTHERS, LIMITS, USES)
def test_the_quota_is_met_with_no_more_than_it_takes_or_it_is_said(
    releases: list[Release], others: int, limits: Limits, uses: Uses
) -> None:
    whole = size(releases) + others
    plan = decide(releases, whole, limits, uses)
    left = size(after(releases, plan)) + others
    quota = whole if limits.quota is None else limits.quota
    assert bool(plan.trouble) == (left > quota)
    taken = [going for going in plan.goes if going.limit == "quota"]
    if taken:
        by_id = {one.publish_id: one for one in releases}
        last = by_id[taken[-1].publish_id]
        assert left + last.size > quota, "not one more than needed"
        free = set(names(decide(releases, 10**9, Limits(quota=1), uses)))
        for one in (by_id[going.publish_id] for going in taken):
            left_over = [r for r in after(releases, plan) if r.kind == one.kind and r.publish_id in free]
            assert all(one.age <= r.age for r in left_over), "the oldest first"


@EXAMPLES
@given(folders(), OTHERS, LIMITS, USES)
def test_one_by_one_comes_to_the_same(releases: list[Release], others: int, limits: Limits, uses: Uses) -> None:
    plan = decide(releases, size(releases) + others, limits, uses)
    left, gone = list(releases), []
    while goes := decide(left, size(left) + others, limits, uses).goes:
        gone.append(goes[0].publish_id)
        left = [one for one in left if one.publish_id != goes[0].publish_id]
    assert gone == [going.publish_id for going in plan.goes]


@EXAMPLES
@given(folders(), OTHERS, LIMITS, USES, st.randoms(use_true_random=False))
def test_neither_the_order_nor_a_clock_that_jumps_decides(
    releases: list[Release], others: int, limits: Limits, uses: Uses, chance: object
) -> None:
    shuffled = sorted(releases, key=lambda _: chance.random())  # type: ignore[attr-defined]
    whole = size(releases) + others
    assert set(decide(shuffled, whole, limits, uses).goes) == set(decide(releases, whole, limits, uses).goes)
    unequal = [r for r in releases if None not in r.kind and sum(o.age == r.age and o.kind == r.kind for o in releases) == 1]
    moved = [dataclasses.replace(r, published=dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) for r in unequal]
    by_keep = Limits(limits.keep)
    assert set(decide(moved, whole, by_keep, uses).goes) == set(decide(unequal, whole, by_keep, uses).goes)


def test_the_sentences() -> None:
    releases = [release(f"v{n}", n, size=100 * n) for n in range(1, 5)]
    assert decide(releases, 1000, Limits(keep=3), Uses()).goes == (
        Going("v1", "keep", "3 newer for its vendor and class are ready (--keep 3)."),
    )
    plan = decide(releases, 1007, Limits(quota=600), Uses({"v2": "10.0.0.1 has it"}))
    assert plan.goes[0].why == "The folder had 1007 bytes, and its quota is 600 (--quota); it was the oldest that nobody needs."
    assert names(plan) == ["v1", "v3"]
    assert plan.trouble == (
        "The firmware folder has 607 bytes, and its quota is 600 (--quota). Nothing more is removed by itself: what is left is"
        " needed, or is not the server's to remove: v4 (the newest), v2 (10.0.0.1 has it); 7 bytes are of no release."
        " Remove something by hand, or allow more."
    )


def test_without_numbers_what_came_first_goes_first_and_what_came_last_stays() -> None:
    opaque = [release(f"v{n}", None, KINDS[3], published=n) for n in range(1, 6)]
    came = {"v1": Came(0, 7), "v2": Came(0, 5), "v3": Came(0, 5), "v4": Came(30, 3), "v5": Came(0, 4)}
    plan = decide(opaque, 500, Limits(quota=1), Uses(), came.__getitem__)
    assert names(plan) == ["v2", "v3", "v1"], "v4 was seen last, v5 has the newest modification time"
    assert "v4 (it came last), v5 (the newest)" in plan.trouble
    came["v5"], came["v2"] = Came(0, 8), Came(60, 1)
    assert names(decide(opaque, 500, Limits(quota=1), Uses(), came.__getitem__)) == ["v3", "v1", "v4"]
    assert names(decide(opaque, 500, Limits(quota=250), Uses())) == ["v1", "v2", "v3"], "all at once: by modification time"


def test_among_several_kinds_what_came_first_goes_first_and_within_one_the_lowest_number() -> None:
    several = [release(f"{kind}{n}", n, ("vendor", kind)) for kind in "ab" for n in (1, 2, 3)]
    came = {"a1": Came(9), "a2": Came(0), "a3": Came(1), "b1": Came(5), "b2": Came(6), "b3": Came(7)}
    assert names(decide(several, 600, Limits(quota=1), Uses(), came.__getitem__)) == ["b1", "b2", "a1", "a2"]


def test_a_withdrawn_one_counts_for_nothing_and_goes_in_its_turn() -> None:
    releases = [release(f"v{n}", n, state=State.WITHDRAWN if n in (1, 5) else State.READY) for n in range(1, 6)]
    assert names(decide(releases, 500, Limits(keep=3), Uses())) == ["v1"]
    assert names(decide(releases, 500, Limits(keep=4), Uses())) == [], "three ready ones are not four"


def test_between_kinds_the_one_published_first_goes_first_and_within_one_the_lowest_number() -> None:
    releases = [
        release("a1", 1, KINDS[0], published=50), release("a2", 2, KINDS[0], published=10), release("a3", 3, KINDS[0]),
        release("b1", 1, KINDS[1], published=20), release("b2", 2, KINDS[1], published=60),
        release("o1", None, KINDS[3], published=30), release("o2", None, KINDS[3], published=70),
    ]  # fmt: skip
    assert names(decide(releases, 700, Limits(quota=300), Uses())) == ["b1", "o1", "a1", "a2"]
