"""What can go wrong with a device: each fault by its name, and which device has which."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from enum import StrEnum

from common.errors import ConfigError


class Fault(StrEnum):
    """One thing that goes wrong. `str()` is its name on the command line."""

    BAD_SIGNATURE = "bad-signature"
    OLD_SEQUENCE = "old-sequence"
    WRONG_CLASS = "wrong-class"
    DIGEST = "digest"
    NO_MEMORY = "no-memory"
    POWER_LOSS = "power-loss"
    RADIO_DIES = "radio-dies"
    NEVER_FETCHES = "never-fetches"
    NO_ANSWER = "no-answer"
    REFUSES = "refuses"
    WRONG_PATH = "wrong-path"
    NO_REBOOT = "no-reboot"
    DIES_AFTER_REBOOT = "dies-after-reboot"
    NO_PROOF = "no-proof"

    @property
    def meaning(self) -> str:
        """What the device does, in a few words."""
        return _MEANINGS[self]

    @property
    def updates(self) -> bool:
        """Whether a device with it runs the new version in the end."""
        return self in (Fault.DIES_AFTER_REBOOT, Fault.NO_PROOF)


_MEANINGS = {
    Fault.BAD_SIGNATURE: "trusts another key: -6 at the manifest",
    Fault.OLD_SEQUENCE: "runs a higher version already: -5 at the manifest",
    Fault.WRONG_CLASS: "is another board: -4 at the manifest",
    Fault.DIGEST: "one byte of the image is spoiled on its way: -7, stays in the old slot",
    Fault.NO_MEMORY: "has no memory left for the update: -9 at the manifest",
    Fault.POWER_LOSS: "reboots in the middle of the image, once, and does not resume",
    Fault.RADIO_DIES: "stops asking and answering in the middle of the image, for ever",
    Fault.NEVER_FETCHES: "answers 2.01 to the trigger and asks for nothing",
    Fault.NO_ANSWER: "answers nothing to the trigger",
    Fault.REFUSES: "answers 4.04 to the trigger",
    Fault.WRONG_PATH: "asks for a path that does not exist, as with garbage behind the URL",
    Fault.NO_REBOOT: "stores the image and never reboots: stays in the old slot",
    Fault.DIES_AFTER_REBOOT: "stores the image, reboots and never answers again",
    Fault.NO_PROOF: "updates, but /suit/slot/active and inactive are 4.04",
}


def assign(asked: Iterable[str], count: int) -> list[Fault | None]:
    """Each device's fault, of `NAME[:N]`: the first N devices have the first fault, the next ones the next; then none.

    ConfigError where a name is unknown, a number is none, or there are more faults than devices.
    """
    given: list[Fault | None] = []
    for text in asked:
        name, colon, digits = text.partition(":")
        if colon and not (digits.isascii() and digits.isdigit() and int(digits)):
            raise ConfigError(f"--fault {text}: behind the colon stands the number of devices, as in digest:3.")
        given += [_named(name)] * (int(digits) if colon else 1)
    if len(given) > count:
        raise ConfigError(f"{len(given)} devices are to have a fault, and there are {count}: ask for more with --count.")
    return given + [None] * (count - len(given))


def _named(name: str) -> Fault:
    try:
        return Fault(name)
    except ValueError:
        near = difflib.get_close_matches(name, list(Fault), 1)
        hint = f"Did you mean {near[0]}?" if near else "--list-faults shows them."
        raise ConfigError(f"There is no fault {name!r}. {hint}") from None
