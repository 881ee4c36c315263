"""Visitor: who sends a request, and what they may change."""

from __future__ import annotations

from dataclasses import dataclass

from server.access.token import Right


@dataclass(frozen=True, slots=True)
class Visitor:
    """Known by a token, or by sitting at the machine itself, or not at all."""

    name: str = ""
    """The token's; "" without one."""
    rights: tuple[Right, ...] = ()
    why_not: str = ""
    """A sentence for who lacks a right."""
    can_log_in: bool = False
    """Whether a token would help."""
    command: str = ""
    """What makes a token, where one is lacking; the sentence ends with it."""

    @property
    def publishes(self) -> bool:
        """May publish, check, withdraw, restore, name and forget devices."""
        return Right.PUBLISH in self.rights

    @property
    def notifies(self) -> bool:
        """May notify, and steer batches and rollouts."""
        return Right.NOTIFY in self.rights

    @property
    def removes(self) -> bool:
        """May remove releases."""
        return Right.REMOVE in self.rights


AT_THE_MACHINE = Visitor(rights=tuple(Right))
"""Whoever is on this machine, while there is no token."""
