"""What a manifest's command sequences tell of each component, whichever way a device takes through them.

A symbolic run: no command is carried out, but each branch of a try-each is followed, so that at the end there is one
set of parameters for each way (draft-ietf-suit-manifest, interpreter behaviour and SUIT_Command_Sequence).
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from common.cbor import Key, Malformed, Tag, decode, describe
from common.digest import Digest, read_digest

MAX_COMPONENTS = 64
_MAX_BRANCHES = 256
_MAX_STEPS = 50_000
"""Commands times branches times components that are gone through: what is nested multiplies. One takes a microsecond or two."""
_MAX_DEPTH = 8
"""Sequences within sequences."""
_SLOT_CONDITION, _SET_INDEX, _SET_DEPENDENCY, _TRY_EACH = 5, 12, 13, 15
_SET_PARAMETERS, _OVERRIDE_PARAMETERS, _RUN_SEQUENCE = 19, 20, 32
_NOTHING = b"\x80"
"""An empty sequence. A null in a try-each is the way on when none of the others can be taken."""
_PARAMETERS = (_SET_PARAMETERS, _OVERRIDE_PARAMETERS)
_VENDOR_ID, _CLASS_ID, _DIGEST, _SLOT, _SIZE, _URI = 1, 2, 3, 5, 14, 21
_PEN = 112
"""The tag of a vendor's private enterprise number, which stands in place of a UUID (RFC 9039)."""


class Told(NamedTuple):
    """The parameters of one component."""

    vendor_id: str | None = None
    class_id: str | None = None
    """UUIDs in their usual text form."""
    digest: Digest | None = None
    slot: int | None = None
    """Its offset, bytes."""
    size: int | None = None
    """Bytes."""
    uri: str | None = None
    demanded: int | None = None
    """The offset that a condition asked for on the way here."""


class Branch(NamedTuple):
    """One way through the sequences, so far."""

    told: tuple[Told, ...]
    """By component."""
    current: tuple[int, ...] = (0,)
    """The components that the next command is for."""


class Interpreter:
    """Follows the sequences of one manifest, and gives up on one that is made to be endless."""

    def __init__(self, components: int, encrypting: frozenset[int]) -> None:
        """`components` is their number; `encrypting` are the parameters that say that a file is not the image."""
        self._all = tuple(range(max(components, 1)))
        self._encrypting = encrypting
        self._steps = 0
        self._decoded: dict[bytes, list[Any]] = {}
        self.encrypted = False
        """Whether any such parameter was met."""

    def begin(self) -> list[Branch]:
        """The one way that there is before any command."""
        return [Branch(tuple(Told() for _ in self._all))]

    def run(self, sequence: Any, branches: Sequence[Branch]) -> list[Branch]:
        """Where one of the manifest's sequences leads from there; it starts with component 0 (interpreter setup)."""
        return self._distinct(self._run(sequence, [branch._replace(current=(0,)) for branch in branches], 0))

    def _run(self, sequence: Any, branches: list[Branch], depth: int) -> list[Branch]:
        if depth > _MAX_DEPTH:
            raise Malformed(f"command sequences lie within each other more than {_MAX_DEPTH} deep")
        commands = self._commands(sequence)
        for command, argument in zip(commands[::2], commands[1::2], strict=True):
            if command == _TRY_EACH:
                branches = self._each(self._alternatives(argument), branches, depth)
            elif command == _RUN_SEQUENCE:
                branches = self._each([argument], branches, depth)
            else:
                self._spend(1 + sum(len(branch.current) for branch in branches))
                branches = self._command(command, argument, branches)
        return branches

    def _commands(self, sequence: Any) -> list[Any]:
        if not isinstance(sequence, bytes):
            raise Malformed(f"a command sequence is {describe(sequence)}, and not a byte string")
        if sequence not in self._decoded:
            commands = decode(sequence, "a command sequence")
            if not isinstance(commands, list) or len(commands) % 2:
                raise Malformed(f"a command sequence is {describe(commands)}, and not an array of commands and their arguments")
            if wrong := [command for command in commands[::2] if type(command) is not int]:
                raise Malformed(f"a command is {describe(wrong[0])}, and not a number")
            self._decoded[sequence] = commands
        return self._decoded[sequence]

    @staticmethod
    def _alternatives(argument: Any) -> list[Any]:
        if not isinstance(argument, list) or not argument:
            raise Malformed(f"the alternatives of a try-each are {describe(argument)}, and not an array of command sequences")
        return [_NOTHING if alternative is None else alternative for alternative in argument]

    def _each(self, alternatives: list[Any], branches: list[Branch], depth: int) -> list[Branch]:
        """All the ways on; for several components at once, each one takes its own (special cases of component index)."""
        ends: list[Branch] = []
        for current, group in _by_current(branches).items():
            if len(current) == 1:
                ends += self._ways(alternatives, group, depth)
                continue
            for index in current:
                group = self._ways(alternatives, [branch._replace(current=(index,)) for branch in group], depth)
            ends += [branch._replace(current=current) for branch in group]
        return self._distinct(ends)

    def _ways(self, alternatives: list[Any], branches: list[Branch], depth: int) -> list[Branch]:
        ends: list[Branch] = []
        for alternative in alternatives:
            self._spend(1 + len(branches))
            ends += self._run(alternative, branches, depth + 1)
            if len(ends) > _MAX_BRANCHES:
                ends = self._distinct(ends)
        return self._distinct(ends)

    def _distinct(self, branches: Sequence[Branch]) -> list[Branch]:
        self._spend(len(branches) * len(self._all))
        distinct = list(dict.fromkeys(branches))
        if len(distinct) > _MAX_BRANCHES:
            raise Malformed(f"its command sequences branch into more than {_MAX_BRANCHES} ways")
        return distinct

    def _command(self, command: int, argument: Any, branches: list[Branch]) -> list[Branch]:
        if command == _SET_INDEX:
            current = self._indices(argument)
            return [branch._replace(current=current) for branch in branches]
        if command == _SET_DEPENDENCY:
            return [branch._replace(current=()) for branch in branches]
        if command in _PARAMETERS:
            if not isinstance(argument, dict):
                raise Malformed(f"the parameters of a component are {describe(argument)}, and not a map")
            self.encrypted = self.encrypted or bool(argument.keys() & self._encrypting)
            changes = _parameters(argument)
            return [_changed(branch, changes) for branch in branches] if changes else branches
        if command == _SLOT_CONDITION:
            return [held for branch in branches if (held := _held_to_its_slots(branch))]
        return branches

    def _indices(self, argument: Any) -> tuple[int, ...]:
        if isinstance(argument, bool):
            return self._all if argument else ()
        indices = tuple(argument) if isinstance(argument, list) else (argument,)
        if wrong := [i for i in indices if type(i) is not int or not 0 <= i < len(self._all)]:
            raise Malformed(f"a component index is {describe(wrong[0])}, and there are {len(self._all)} components, from 0 on")
        return tuple(dict.fromkeys(indices))

    def _spend(self, steps: int) -> None:
        self._steps += steps
        if self._steps > _MAX_STEPS:
            raise Malformed(f"its command sequences take more than {_MAX_STEPS} steps through all their branches")


def _by_current(branches: Sequence[Branch]) -> dict[tuple[int, ...], list[Branch]]:
    groups: dict[tuple[int, ...], list[Branch]] = {}
    for branch in branches:
        groups.setdefault(branch.current, []).append(branch)
    return groups


def _changed(branch: Branch, changes: Mapping[str, Any]) -> Branch:
    told = list(branch.told)
    for index in branch.current:
        told[index] = told[index]._replace(**changes)
    return branch._replace(told=tuple(told))


def _held_to_its_slots(branch: Branch) -> Branch | None:
    """The branch with the offsets that it demands from here on; None where it demanded another one before."""
    told = list(branch.told)
    for index in branch.current:
        slot, demanded = told[index].slot, told[index].demanded
        if None not in (slot, demanded) and slot != demanded:
            return None
        told[index] = told[index]._replace(demanded=demanded if slot is None else slot)
    return branch._replace(told=tuple(told))


def _parameters(argument: Mapping[Key, Any]) -> dict[str, Any]:
    """The parameters that matter here, as fields of Told."""
    changes: dict[str, Any] = {}
    if _VENDOR_ID in argument:
        changes["vendor_id"] = _uuid(argument[_VENDOR_ID], "the vendor id")
    if _CLASS_ID in argument:
        changes["class_id"] = _uuid(argument[_CLASS_ID], "the class id")
    if _DIGEST in argument:
        changes["digest"] = read_digest(argument[_DIGEST], "an image's digest")
    if _SLOT in argument:
        changes["slot"] = number(argument[_SLOT], "an image's offset")
    if _SIZE in argument:
        changes["size"] = number(argument[_SIZE], "an image's size")
    if _URI in argument:
        uri = argument[_URI]
        if not isinstance(uri, str):
            raise Malformed(f"an image's URI is {describe(uri)}, and not text")
        changes["uri"] = uri
    return changes


def _uuid(value: Any, what: str) -> str | None:
    if isinstance(value, Tag) and value.number == _PEN:
        return None
    if not isinstance(value, bytes) or len(value) != 16:
        raise Malformed(f"{what} is {describe(value)}, and not a UUID of 16 bytes")
    return str(uuid.UUID(bytes=value))


def number(value: Any, what: str) -> int:
    """An unsigned number of 64 bits; Malformed where it is none."""
    if type(value) is not int or not 0 <= value < 1 << 64:
        raise Malformed(f"{what} is {describe(value)}, and not a whole number from 0 to 2^64-1")
    return value
