"""The files that a person picked for one release: which plays which role, and what was left out.

Values only: what is done to one gives another. Nothing here raises for bad files; `said` has a sentence for each.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import zip_longest
from pathlib import Path

from common.finding import Role
from common.preflight import SLOTS, FileFacts, Files
from desktop.guessing import Situation, guess, names, what_it_is_instead
from desktop.picked import MAX_CANDIDATES, MAX_FILE, PickedFile, candidates, in_turn, read_picked, stamp_of
from desktop.wording import count, size

__all__ = ["MAX_FILE", "Bundle", "PickedFile", "as_files", "pick", "refreshed", "with_role", "without"]


@dataclass(frozen=True, slots=True)
class Bundle:
    """Files by role, those without one, and what there is to say of them."""

    files: Mapping[Role, PickedFile] = field(default_factory=dict)
    spare: tuple[PickedFile, ...] = ()
    """Picked, and without a role."""
    said: tuple[str, ...] = ()
    """A sentence each: what was left out, what became of a file. Of the last step only."""
    chosen: frozenset[Path] = frozenset()
    """Files whose role (or that they have none) a person gave; a guess does not change it."""

    @property
    def all(self) -> tuple[PickedFile, ...]:
        """Every file: those with a role in the order of the roles, then the spare ones."""
        return (*(self.files[role] for role in Role if role in self.files), *self.spare)

    @property
    def paths(self) -> Mapping[Role, Path]:
        """What is published: the path of each role's file."""
        return {role: self.files[role].path for role in Role if role in self.files}

    def role_of(self, path: Path) -> Role | None:
        """The role of the file at this path; None where it has none."""
        return next((role for role, file in self.files.items() if file.path == path), None)


def pick(paths: Sequence[Path], before: Bundle | None = None, limit: int = MAX_FILE) -> Bundle:
    """The bundle with these files and the files of these folders too; newly picked ones go before what was there.

    Reads and hashes them, so it takes its time; `limit` is in bytes a file.
    """
    before = before or Bundle()
    named, found, said = _spread(paths, limit)
    read: dict[Path, PickedFile] = {}
    for path in (*named, *found):
        file = read_picked(path, limit)
        if isinstance(file, str):
            said.append(file)
        else:
            read[path] = file
    situation = _situation(before, read, named)
    roles = guess(situation)
    if _is_whole(roles, situation.new) and (sums := names(roles.get(Role.MANIFEST))):
        files = [f for f in situation.files if f.path in read or f.sha256 in sums]
        situation = replace(situation, files=files, held={r: f for r, f in situation.held.items() if f in files})
        roles = guess(situation)
    said += _chosen_manifest(roles, situation)
    placed = {f.path for f in roles.values()}
    unplaced = {f.path for f in before.spare} - {f.path for f in situation.files} - read.keys()
    if not _is_whole(roles, situation.new):
        unplaced |= {f.path for f in before.spare}
    able = {f.path: f for f in (*before.spare, *situation.files, *read.values())}
    spare = tuple(f for p, f in able.items() if p not in placed and (p in named or p in unplaced))
    kept = placed | {f.path for f in spare}
    said += _replaced(before, roles, kept)
    said += [_without_role(f) for f in spare if f.path in named]
    if others := len(read.keys() - kept):
        rest = "plays no part and was" if others == 1 else "play no part and were"
        said.append(f"{count(others, 'more file')} of what was dropped {rest} left out.")
    return Bundle(roles, spare, tuple(dict.fromkeys(said)), before.chosen & kept)


def _situation(before: Bundle, read: Mapping[Path, PickedFile], named: Sequence[Path]) -> Situation:
    """A file that a person took out of its role comes back into one only where it is picked anew."""
    held = {role: read.get(f.path, f) for role, f in before.files.items()}
    unwanted = {f.path for f in before.spare if f.path in before.chosen} - set(named)
    files = {f.path: f for f in (*before.all, *read.values()) if f.path not in unwanted}
    new = frozenset(read) - {f.path for f in held.values()}
    return Situation(tuple(files.values()), held, before.chosen, new, new & frozenset(named))


def _is_whole(roles: Mapping[Role, PickedFile], new: frozenset[Path]) -> bool:
    """Whether what is new is a release by itself."""
    return all(any(role in roles and roles[role].path in new for role in some) for some in ((Role.MANIFEST,), SLOTS))


def with_role(bundle: Bundle, path: Path, role: Role | None) -> Bundle:
    """The file at this path in this role, or in none; whichever had it takes over the other's, or is spare."""
    path = _absolute(path)
    file = next((f for f in bundle.all if f.path == path), None)
    old = bundle.role_of(path)
    if file is None or (old is role and role is not None):
        return bundle
    files = {r: f for r, f in bundle.files.items() if r not in (old, role)}
    other = bundle.files.get(role) if role else None
    chosen = bundle.chosen | {path}
    spare = [f for f in bundle.spare if f != file]
    if role is None:
        spare.append(file)
    else:
        files[role] = file
    if other is not None and old is not None:
        files[old] = other
        chosen |= {other.path}
    elif other is not None:
        spare.append(other)
    return Bundle(files, tuple(spare), (), chosen)


def without(bundle: Bundle, path: Path) -> Bundle:
    """The bundle without the file at this path."""
    path = _absolute(path)
    files = {role: f for role, f in bundle.files.items() if f.path != path}
    return Bundle(files, tuple(f for f in bundle.spare if f.path != path), (), bundle.chosen - {path})


def refreshed(bundle: Bundle, limit: int = MAX_FILE) -> Bundle:
    """The bundle with what changed on disk read again, in the roles that there were; itself where nothing did.

    Only where two images changed places, and nobody chose their roles, these are swapped.
    A file that cannot be read now stays in its place as `gone`, and is read as soon as it is back.
    """
    said: list[str] = []
    again = {file.path: _again(file, limit, said) for file in bundle.all}
    if all(again[file.path] is file for file in bundle.all):
        return bundle
    files = {role: again[file.path] for role, file in bundle.files.items()}
    if not _slots_swapped(bundle.files) and _slots_swapped(files) and not bundle.chosen & {files[role].path for role in SLOTS}:
        files[SLOTS[0]], files[SLOTS[1]] = files[SLOTS[1]], files[SLOTS[0]]
        said.append("By the addresses in their headers the images have changed places: slot0 and slot1 are swapped in the list.")
    return Bundle(files, tuple(again[file.path] for file in bundle.spare), tuple(said), bundle.chosen)


def _slots_swapped(files: Mapping[Role, PickedFile]) -> bool:
    """Whether slot0's image begins behind slot1's, as far as their headers tell."""
    first, second = (file.header if (file := files.get(role)) else None for role in SLOTS)
    return first is not None and second is not None and first.start_address > second.start_address


def as_files(bundle: Bundle, limit: int = MAX_FILE) -> Files:
    """What a check is given: reads the manifest; files that are gone are left out."""
    manifest = bundle.files.get(Role.MANIFEST)
    data: bytes | None = None
    if manifest is not None and not manifest.gone:
        try:
            with manifest.path.open("rb") as stream:
                data = stream.read(limit)
        except (OSError, ValueError):
            data = None
    given = {role: bundle.files[role] for role in SLOTS if role in bundle.files}
    images = {role: FileFacts(f.size, f.sha256, f.head, f.path.name) for role, f in given.items() if not f.gone}
    return Files(data, images, manifest.path.name if manifest else "")


def _absolute(path: Path) -> Path:
    return Path(os.path.abspath(path))


def _spread(paths: Iterable[Path], limit: int) -> tuple[list[Path], list[Path], list[str]]:
    """The files that were picked, those found in the folders that were, and what there is to say of it."""
    named: dict[Path, None] = {}
    folders: list[list[Path]] = []
    said: list[str] = []
    for path in map(_absolute, paths):
        try:
            is_folder = path.is_dir()
        except (OSError, ValueError):
            is_folder = False
        if not is_folder:
            named[path] = None
            continue
        inside, words = candidates(path, limit)
        said += words
        folders.append(inside)
    found = dict.fromkeys(p for some in zip_longest(*folders) for p in some if p is not None)
    files = [*in_turn(named), *(p for p in found if p not in named)]
    if len(files) > MAX_CANDIDATES:
        said.insert(
            0,
            f"Of {len(files)} files only {MAX_CANDIDATES} were looked at, by name and age: pick the manifest and the images"
            " themselves where one is missing.",
        )
        files = files[:MAX_CANDIDATES]
    return [p for p in files if p in named], [p for p in files if p not in named], said


def _chosen_manifest(roles: Mapping[Role, PickedFile], situation: Situation) -> list[str]:
    manifest = roles.get(Role.MANIFEST)
    if manifest is None or manifest.path not in situation.new or not manifest.is_suit:
        return []
    others = {f.sha256 for f in situation.files if f.is_suit and f.path in situation.new} - {manifest.sha256}
    if not others:
        return []
    return [f"Of {len(others) + 1} manifests {manifest.path.name!r} was taken: pick another one by itself if you mean that."]


def _replaced(before: Bundle, roles: Mapping[Role, PickedFile], spare: Iterable[Path]) -> list[str]:
    here = {f.path for f in roles.values()} | set(spare)
    said = []
    for role, file in before.files.items():
        if file.path not in here:
            new = roles.get(role)
            what = f"{str(new.path)!r} took its place" if new else "what was picked now is another release"
            said.append(f"{role} {str(file.path)!r} is out: {what}.")
    return said


def _without_role(file: PickedFile) -> str:
    name = repr(file.path.name)
    instead = what_it_is_instead(file)
    if instead:
        return f"{name} is {instead}, and no image for a device: pick the .bin file that the build made beside it."
    return f"{name} has no role: it is not what the manifest names, or its place is taken. Choose its role in the list."


def _again(file: PickedFile, limit: int, said: list[str]) -> PickedFile:
    name = repr(file.path.name)
    try:
        if stamp_of(file.path.stat()) == file.stamp:
            return file
    except (OSError, ValueError):
        pass
    read = read_picked(file.path, limit)
    if isinstance(read, str):
        if file.gone:
            return file
        said.append(f"{read} It stays in the list, and is read as soon as it can be.")
        return replace(file, stamp=())
    if file.gone:
        said.append(f"{name} is there again, and was read: {size(read.size)}.")
    elif read.sha256 != file.sha256:
        version = f", version {read.header.version}" if read.header else ""
        said.append(f"{name} changed on disk, and was read again: {size(read.size)}{version}.")
    return read
