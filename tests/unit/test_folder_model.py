"""Random changes of the folder, each held against a slow model that was written from the requirement alone."""

from __future__ import annotations

import os
import random
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import pytest

from common.finding import Severity
from common.release import State
from server.firmware import layouts
from server.firmware.catalogue import Catalogue, LiveCatalogue
from server.firmware.places import find
from server.firmware.store import Store
from tests.support.clock import Clock
from tests.support.releases import OLD_RIOT, PLAIN, RIOT, SIGNER, claiming_release, signed_release

FOLDERS = ("a", "b", "b/7", "b/8", "c/d", "b/7/deep", "b/latest")
CLAIMED = ("fw/x.bin", "fw/x.bin", "b/7/slot0", "a/slot1", "b/latest/manifest")
MARKS = (".withdrawn", ".forced", ".withdrawn.7", ".forced.7")
MINUTE = 60
_RIOT = re.compile(r"(?:app-)?(riot\.suit|slot[01])(?:v4_signed)?\.(\d)(?:\.riot)?\.bin")


@dataclass(frozen=True)
class Made:
    """A release that is whole, and what its manifest says."""

    files: Mapping[str, bytes]
    board: str
    number: int
    signed: bool
    claims: Mapping[str, str]


class Found(NamedTuple):
    """A release as the model sees it."""

    folder: str
    names: Mapping[str, str]
    version: str


def _has_an_image(names: Mapping[str, list[str]]) -> bool:
    return "manifest" in names and len(names) > 1


class Claim(NamedTuple):
    made: Made
    image: bytes


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> list[Made]:
    found: list[Made] = []
    for seed, (board, number) in enumerate((b, n) for b in ("one", "two") for n in (5, 7, 8)):
        for signer in (None, SIGNER):
            for path in CLAIMED:
                folder = tmp_path_factory.mktemp("made")
                claiming_release(folder, number, path, board, signer, seed=100 * seed + len(found))
                files = {role: (folder / role).read_bytes() for role in ("manifest", "slot0")}
                found.append(Made(files, board, number, signer is not None, {"slot0": path}))
            files = signed_release(tmp_path_factory.mktemp("made"), number, "b", board, signer, seed)
            claims = {f"slot{n}": f"b/slot{n}.{number}.bin" for n in (0, 1)}
            found.append(Made(files, board, number, signer is not None, claims))
    return found


@dataclass
class Model:
    """What is to be served and shown; it remembers who had a version's name, and who had a claimed path."""

    root: Path
    made: Mapping[bytes, Made]
    of_versions: set[str] = field(default_factory=set)
    of_folders: set[str] = field(default_factory=set)
    known: set[str] = field(default_factory=set)
    holders: dict[str, tuple[str, str, bool]] = field(default_factory=dict)
    """Path -> publish id, board and whether it was signed."""
    left: dict[str, tuple[str, str, bool, float]] = field(default_factory=dict)
    forced: set[str] = field(default_factory=set)
    newest: dict[str, tuple[str, float]] = field(default_factory=dict)
    """Path of a latest manifest -> for which board it was, and when that was so."""

    def look(self) -> None:
        """Read the folder."""
        self.files: dict[str, dict[str, bytes]] = {}
        self.marks: dict[str, set[str]] = {}
        for folder, inner, names in os.walk(self.root):
            inner[:] = [name for name in inner if not name.startswith(".")]
            path = os.path.relpath(folder, self.root).removeprefix(".")
            self.marks[path] = {name for name in names if name.startswith(".")}
            self.files[path] = {n: Path(folder, n).read_bytes() for n in names if not n.startswith(".")}
        self.found: dict[str, Found] = {}
        self.withheld: set[tuple[str, str]] = set()
        self.problems: set[str] = set()
        for folder in sorted(self.files, key=lambda path: path.split("/")):
            self._releases(folder)
        self.of_versions = {i for i, f in self.found.items() if f.version}
        self.of_folders = self.found.keys() - self.of_versions
        self.known = set(self.files)

    def _layouts(self, folder: str) -> dict[str, dict[str, list[str]]]:
        """Version -> role -> names; the plain form's version is ""."""
        files = self.files.get(folder, {})
        plain = {name: [name] for name in files if name in PLAIN}
        versions: dict[str, dict[str, list[str]]] = {}
        for name in files:
            if match := _RIOT.fullmatch(name):
                role = match[1] if match[1] in PLAIN else "manifest"
                versions.setdefault(match[2], {}).setdefault(role, []).append(name)
        versions = {version: names for version, names in versions.items() if "manifest" in names}
        for names in versions.values():
            if signed := [name for name in names.get("manifest", ()) if "signed" in name]:
                names["manifest"] = signed
        takes_all = plain and (_has_an_image(plain) or not any(map(_has_an_image, versions.values())))
        return {"": plain} if takes_all else versions

    def _releases(self, folder: str) -> None:
        versions = self._layouts(folder)
        if versions and "" not in versions:
            self.problems.update(f"{folder}/{name}" for name in self.files[folder] if name in PLAIN)
        for version, names in versions.items():
            if folder == "b/latest" and names == {"manifest": ["manifest"]}:
                continue
            publish_id = f"{folder}/{version}" if version else folder
            inner = version and "" in self._layouts(publish_id)
            taken = inner and publish_id not in self.of_versions
            taken = taken and (publish_id in self.of_folders or publish_id not in self.known)
            doubled = any(len(several) > 1 for several in names.values())
            if taken or doubled or "latest" in publish_id or self._lies_in_one(folder):
                self.problems.add(publish_id)
                if doubled:
                    self.withheld.update((folder, name) for several in names.values() for name in several)
            else:
                self.found[publish_id] = Found(folder, {role: several[0] for role, several in names.items()}, version)

    def _lies_in_one(self, folder: str) -> bool:
        parts = folder.split("/")
        above = ["/".join(parts[:n]) for n in range(1, len(parts) + 1)]
        return any(name in self.found and (name != folder or self.found[name].version) for name in above)

    def data(self, publish_id: str) -> dict[str, bytes]:
        """The files of a release by role."""
        found = self.found[publish_id]
        return {role: self.files[found.folder][name] for role, name in found.names.items()}

    def state(self, publish_id: str, errors: bool) -> tuple[State, bool]:
        """And whether it is forced. An image too many may be an error or none: that is not modelled."""
        data, found = self.data(publish_id), self.found[publish_id]
        says = self.made.get(data.get("manifest", b""))
        fits = says is not None and all(data.get(role) == whole for role, whole in says.files.items())
        if says is not None and fits and data.keys() - says.files.keys():
            fits = not errors
        withdrawn, forced = (
            not {kind, f"{kind}.{found.version}"}.isdisjoint(self.marks[found.folder]) for kind in (".withdrawn", ".forced")
        )
        images = data.keys() - {"manifest"}
        state = State.WITHDRAWN if withdrawn else State.READY if fits or (forced and images) else State.REJECTED
        return state, forced and not fits

    def real(self, states: Mapping[str, State]) -> dict[str, bytes]:
        """Path -> bytes of what files and releases have by their names alone."""
        ready = {publish_id for publish_id, state in states.items() if state is State.READY}
        served: dict[str, bytes] = {}
        for folder, files in self.files.items():
            here = {i: f for i, f in self.found.items() if f.folder == folder}
            owners = {name: i for i, f in here.items() for name in (f.names.values() if f.version else files)}
            manifests = [(self.data(i).get("manifest"), i in ready) for i in here]
            for name, data in files.items():
                if (folder, name) in self.withheld:
                    continue
                copied = [is_ready for manifest, is_ready in manifests if manifest == data]
                if owners[name] in ready if name in owners else not copied or any(copied):
                    served[f"{folder}/{name}" if folder else name] = data
        for publish_id in self.of_versions:
            for role in PLAIN:
                served.pop(f"{publish_id}/{role}", None)
        for publish_id in ready:
            served |= {f"{publish_id}/{role}": data for role, data in self.data(publish_id).items()}
        return served

    def claims(self, states: Mapping[str, State]) -> dict[str, dict[str, Claim]]:
        """Path -> publish id -> what it claims there."""
        found: dict[str, dict[str, Claim]] = {}
        for publish_id, state in states.items():
            data = self.data(publish_id)
            says = self.made.get(data.get("manifest", b""))
            if says is None or state is not State.READY:
                continue
            for role, path in says.claims.items():
                if role in data and "latest" not in path:
                    found.setdefault(path, {})[publish_id] = Claim(says, data[role])
        return found

    def may_hold(self, path: str, claims: Mapping[str, Claim], now: float) -> set[str]:
        """Who may have a claimed path now; of several that displace the holder the rules do not name one."""
        before = self.holders.pop(path, None)
        last = self.left.pop(path, None) if before is None else (*before, now)
        above, _, name = path.rpartition("/")
        if above in self.found and name in PLAIN:
            claims = {}
        if last is None:
            return set(claims)
        publish_id, board, was_signed, since = last
        same = {i: c.made for i, c in claims.items() if c.made.board == board}
        if publish_id in same:
            had = same[publish_id]
            mends = {i for i in same if publish_id in self.forced and i not in self.forced}
            better = {i for i, m in same.items() if m.number + (i in mends) > had.number and m.signed >= had.signed}
            return better or {publish_id}
        if as_good := {i for i, m in same.items() if m.signed >= was_signed}:
            return as_good
        if now - since < MINUTE or (same and publish_id in self.found):
            self.left[path] = last
            return set()
        return set(claims)


def check(model: Model, current: Catalogue, store: Store, now: float) -> None:
    """Everything that a device or a person could see."""
    model.look()
    errors = {i: any(f.severity is Severity.ERROR for f in r.findings) for i, r in current.by_id.items()}
    states = {i: model.state(i, errors.get(i, False)) for i in model.found}
    assert {i: (r.state, r.forced) for i, r in current.by_id.items()} == states
    served = {path: store.read(image) for path, image in current.images.items()}
    only = {i: state for i, (state, _) in states.items()}
    model.forced = {i for i, (_, forced) in states.items() if forced}
    real, claims = model.real(only), model.claims(only)
    assert {path: served.get(path) for path in real} == real
    for path in claims.keys() | model.holders.keys() | model.left.keys():
        here = claims.get(path, {})
        may = model.may_hold(path, here, now)
        holder = current.places.signed.holders.get(path)
        assert (holder.release.publish_id in may) if holder is not None else not may, path
        if holder is not None:
            made = here[holder.release.publish_id].made
            model.holders[path] = (holder.release.publish_id, made.board, made.signed)
            assert path in real or served[path] == here[holder.release.publish_id].image
    latest = {f"{folder}/latest/manifest".lstrip("/"): r.publish_id for folder, r in current.latest.holders.items()}
    assert served.keys() == real.keys() | latest.keys() | (claims.keys() & current.places.signed.holders.keys())
    for path, publish_id in latest.items():
        assert only[publish_id] is State.READY
        assert served[path] == model.data(publish_id)["manifest"]
        board = model.made[served[path]].board
        before, since = model.newest.get(path, (board, now))
        assert board == before or now - since >= MINUTE
        model.newest[path] = (board, now)
    disputes = {path for path, here in claims.items() if len({claim.image for claim in here.values()}) > 1}
    unclear = {problem.path for problem in current.latest.unclear.values()}
    assert {problem.path for problem in current.problems} == model.problems | disputes | unclear


def change(root: Path, dice: random.Random, made: list[Made], store: Store, current: Catalogue, clock: Clock) -> None:
    """One change as people make them."""
    folder, other = root / dice.choice(FOLDERS), root / dice.choice(FOLDERS)
    match dice.randrange(11):
        case 0 | 1 | 2 | 3:
            names = dice.choice((RIOT, RIOT, OLD_RIOT) if folder.name == "b" else (PLAIN, PLAIN, RIOT))
            version = dice.choice((7, 7, 8))
            folder.mkdir(parents=True, exist_ok=True)
            for role, data in dice.choice(made).files.items():
                if dice.random() < 0.95:
                    (folder / names[role].format(version)).write_bytes(data)
        case 4 if folder.is_dir():
            shutil.rmtree(folder)
        case 5 if folder.is_dir() and not other.exists() and folder not in other.parents:
            other.parent.mkdir(parents=True, exist_ok=True)
            folder.rename(other)
        case 6 if folder.is_dir() and (files := sorted(path for path in folder.iterdir() if path.is_file())):
            dice.choice(files).unlink()
        case 7 if folder.is_dir():
            mark = folder / dice.choice(MARKS)
            mark.unlink() if mark.exists() else mark.touch()
        case 8 if current.by_id:
            publish_id, act = dice.choice(sorted(current.by_id)), dice.randrange(3)
            shelved = find(publish_id, current.shelves)
            riot = shelved is not None and bool(shelved.files.layout.version)
            store.remove(publish_id, riot) if act == 2 else store.mark(publish_id, layouts.WITHDRAWN, act == 0, riot)
        case 9 if folder.is_dir() and (files := sorted(path for path in folder.iterdir() if path.is_file())):
            (folder / "copy.bin").write_bytes(files[-1].read_bytes())
        case _:
            clock.now += dice.choice((1, 20, 40, 61))


@pytest.mark.expects_log("in the firmware folder")
@pytest.mark.parametrize("seed", range(24))
def test_the_folder_is_what_the_model_says(tmp_path: Path, made: list[Made], seed: int) -> None:
    dice, clock = random.Random(seed), Clock()
    store = Store(tmp_path, 100_000, clock)
    live = LiveCatalogue(store, clock)
    model = Model(tmp_path, {m.files["manifest"]: m for m in made})
    for _ in range(50):
        change(tmp_path, dice, made, store, live.current, clock)
        check(model, live.refresh(), store, clock.now)
