"""Which blocks of one file its peer was sent: counted exactly, at the cost of one comparison a block.

As long as a peer asks for one block after the other, which is what devices do, only the next one is remembered. What is
out of order is worked out when it happens: a block asked for again, one left out, another block size (RFC 7959, 2.4).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

_MOST_PIECES = 64
"""A peer that jumps about at random is remembered no more exactly than this."""

Code = int
"""A block's number x 8 + its size exponent: the value of its Block2 option without the "more" bit in between."""


def code_of(number: int, szx: int) -> Code:
    """`szx` is the size exponent, 0 to 6."""
    return number << 3 | szx


def start_of(code: Code) -> int:
    """The block's first byte in the file."""
    return (code >> 3) << (4 + (code & 7))


@dataclass(frozen=True, slots=True)
class Sent:
    """What a peer was sent of a file, at one moment."""

    bytes: int
    """Different ones. What lies before the first block that was asked for counts: a peer that begins in the middle goes on
    with what it has of an earlier server."""
    blocks: int
    """As many blocks of the size that was asked for last make up those bytes."""
    blocks_total: int
    asked_again: int
    """Blocks that had been sent already."""
    gaps: int
    """Times that the peer went on behind a block which it had not been sent."""
    complete: bool
    """Nothing is missing."""


class _Past(NamedTuple):
    """All that went before the run of blocks that is under way."""

    pieces: tuple[tuple[int, int], ...]
    """Bytes from, to: in order, apart from each other."""
    run: int
    """Where the run began, in bytes."""
    again: int
    gaps: int


class Progress:
    """One peer's progress with one file.

    Threads: the receive loop writes, and the pool for a block whose image had to be loaded; any thread calls `sent`.
    """

    __slots__ = ("_past", "due", "size")

    def __init__(self, size: int) -> None:
        """`size` of the file in bytes."""
        self.size = size
        self.due: Code = -1
        """The block that is next in order; below 0 before the first one. Whoever sends a block calls `turn` where it is
        another one, and sets this to the code + 8: `record` in two lines, for the one place where a call costs too much."""
        self._past = _Past((), 0, 0, 0)

    def record(self, code: Code) -> None:
        """This block, which lies in the file, was sent."""
        if code != self.due:
            self.turn(code)
        self.due = code + 8

    def turn(self, code: Code) -> None:
        """The block that is sent now is not the one that was due."""
        start, past = start_of(code), self._past
        if self.due < 0:
            self._past = _Past(((0, start),) if start else (), start, 0, 0)
            return
        end = min(start_of(self.due), self.size)
        pieces, common = _joined(past.pieces, past.run, end)
        again = past.again + _blocks(common, self.due)
        skipped = start > end and _joined(pieces, end, start)[1] < start - end
        self._past = _Past(pieces, start, again, past.gaps + skipped)

    def sent(self) -> Sent | None:
        """What it has come to; None before the first block."""
        while True:
            past, due = self._past, self.due
            if past is self._past:
                break  # `due` belongs to this past, or is of just before it, where the run is empty
        if due < 0:
            return None
        end = min(start_of(due), self.size)
        pieces, common = _joined(past.pieces, past.run, end)
        whole = sum(b - a for a, b in pieces)
        return Sent(
            bytes=whole,
            blocks=_blocks(whole, due) or int(not self.size),
            blocks_total=_blocks(self.size, due) or 1,
            asked_again=past.again + _blocks(common, due),
            gaps=past.gaps,
            complete=whole >= self.size,
        )


def _blocks(amount: int, code: Code) -> int:
    """How many blocks of this size it takes for so many bytes."""
    shift = 4 + (code & 7)
    return (amount + (1 << shift) - 1) >> shift


def _joined(pieces: tuple[tuple[int, int], ...], start: int, end: int) -> tuple[tuple[tuple[int, int], ...], int]:
    """The pieces and this one; and how many of its bytes were among them."""
    if end <= start:
        return pieces, 0
    apart, common = [], 0
    first, last = start, end
    for a, b in pieces:
        if b < start or a > end:
            apart.append((a, b))
        else:
            common += max(0, min(b, end) - max(a, start))
            first, last = min(first, a), max(last, b)
    apart.append((first, last))
    apart.sort()
    while len(apart) > _MOST_PIECES:
        nearest = min(range(1, len(apart)), key=lambda n: apart[n][0] - apart[n - 1][1])
        apart[nearest - 1 : nearest + 1] = [(apart[nearest - 1][0], apart[nearest][1])]
    return tuple(apart), common
