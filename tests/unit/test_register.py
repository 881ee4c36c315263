"""Devices through a real database: every field comes back, and what is damaged takes nothing else with it."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from common.device import UpdateState
from common.device_url import DeviceUrl
from common.finding import Role
from server.fleet.devices.facts import Shown
from server.fleet.devices.known import Known
from server.fleet.devices.register import SCHEMA, Register
from server.fleet.devices.trace import Trace
from server.fleet.record.database import Database

TRACE = Trace(
    "fw/v1", UpdateState.REBOOTED, 12.5, "The old slot is still active.", 13.25, accepted=9.0, has_manifest=True, role=Role.SLOT1,
    before=Shown(True, 0, False), vanished=True, old=14.0, asked=3, ask=15.5, over=True, downloaded=11.0, unsure=True,
)  # fmt: skip
WHOLE = Known(
    "fe80::2%wpan0", DeviceUrl.parse("[fe80::2%wpan0]:5684/suit/trigger"), True, "Keller \u00fc", "kitchen", "samr21-xpro",
    1700000000.125, "fw/v0", TRACE,
)  # fmt: skip


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(tmp_path / "fleet.db", SCHEMA, pytest.fail)
    database.start()
    yield database
    database.stop()


def put(database: Database, address: str, data: str) -> None:
    database.commit(lambda c: c.execute("INSERT OR REPLACE INTO devices VALUES (?, ?)", (address, data)))


def settle(database: Database) -> None:
    database.commit(lambda _: None)


def test_every_field_comes_back(database: Database) -> None:
    defaults = {field.name: field.default for cls in (Known, Trace) for field in dataclasses.fields(cls)}
    for value in (WHOLE, TRACE):
        same = [f.name for f in dataclasses.fields(value) if getattr(value, f.name) == defaults[f.name]]
        assert same == [], "each field is another than by default"
    register = Register(database)
    bare = Known("10.0.0.7")
    begun = Known("10.0.0.8", trace=Trace("v", UpdateState.NOTIFIED, 1.0))
    for known in (WHOLE, bare, begun):
        register.keep(known)
    settle(database)
    found = {known.address: known for known in register.load()}
    assert found == {known.address: known for known in (WHOLE, bare, begun)}
    trace = found[WHOLE.address].trace
    assert trace is not None
    assert (type(trace.state), type(trace.role), type(trace.before)) == (UpdateState, Role, Shown)
    assert found[WHOLE.address].shown(float) == WHOLE.shown(float)


def test_its_times_are_kept_as_unix_times(database: Database) -> None:
    Register(database, lambda seconds: seconds + 100).keep(WHOLE)
    settle(database)
    (found,) = Register(database).load()
    assert found.trace is not None
    for before, after in ((WHOLE, found), (TRACE, found.trace)):
        for field in dataclasses.fields(before):
            value, kept = getattr(before, field.name), getattr(after, field.name)
            assert field.name == "trace" or kept == (value + 100 if isinstance(value, float) else value), field.name


@pytest.mark.parametrize("state", list(UpdateState))
@pytest.mark.parametrize("role", [*Role, None])
def test_every_state_and_role_comes_back(database: Database, state: UpdateState, role: Role | None) -> None:
    known = Known("10.0.0.7", trace=Trace("v", state, 1.0, role=role))
    register = Register(database)
    register.keep(known)
    settle(database)
    assert list(register.load()) == [known]


def test_the_latest_is_kept_and_what_is_forgotten_is_gone(database: Database) -> None:
    register = Register(database)
    register.keep(WHOLE)
    register.keep(dataclasses.replace(WHOLE, name="attic"))
    register.keep(Known("10.0.0.7"))
    register.forget("10.0.0.7")
    settle(database)
    assert [known.name for known in register.load()] == ["attic"]


def damaged() -> list[str]:
    """Rows that `keep` did not write."""
    whole = json.loads(json.dumps(dataclasses.asdict(WHOLE) | {"url": str(WHOLE.url)}))
    trace = whole["trace"]
    changed = [
        {"url": "[fd00::2"}, {"url": 7}, {"trace": 7}, {"trace": {}}, {"trace": trace | {"state": "asleep"}},
        {"trace": trace | {"role": "slot7"}}, {"trace": trace | {"before": "x"}}, {"trace": trace | {"before": {"slots": 1}}},
        {"trace": trace | {"later": 1}}, {"later": 1},
    ]  # fmt: skip
    missing = [{key: value for key, value in whole.items() if key != name} for name in ("trace", "url")]
    texts = ["", "{", "null", "[]", "7", '"text"', "{}"]
    return [*texts, *(json.dumps(whole | change) for change in changed), *map(json.dumps, missing)]


def test_a_row_of_an_earlier_version_is_read(database: Database) -> None:
    whole = json.loads(json.dumps(dataclasses.asdict(WHOLE) | {"url": str(WHOLE.url)}))
    del whole["trace"]["unsure"]
    put(database, WHOLE.address, json.dumps(whole))
    assert list(Register(database).load()) == [dataclasses.replace(WHOLE, trace=dataclasses.replace(TRACE, unsure=False))]


@pytest.mark.parametrize("data", damaged())
def test_a_row_that_cannot_be_read_is_left_out(database: Database, data: str) -> None:
    register = Register(database)
    register.keep(WHOLE)
    put(database, "10.0.0.1", data)
    assert list(register.load()) == [WHOLE]


@pytest.mark.expects_log("cannot be recorded")
def test_a_file_that_cannot_be_read_has_no_devices(tmp_path: Path) -> None:
    (tmp_path / "fleet.db").mkdir()
    database = Database(tmp_path / "fleet.db", SCHEMA, pytest.fail)
    database.start()
    try:
        register = Register(database)
        assert list(register.load()) == []
        register.keep(WHOLE)
        register.forget(WHOLE.address)
    finally:
        database.stop()
