"""Progress against a slow reference that keeps every byte, with any order of blocks of any size."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from server.coap.progress import Progress, Sent, code_of

SIZE = 1000
EXAMPLES = settings(max_examples=400)


class Reference:
    """Every byte that was sent, in a set."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.had: set[int] = set()
        self.again = self.gaps = 0
        self.next: int | None = None
        self.block = 0

    def record(self, number: int, szx: int) -> None:
        self.block = 16 << szx
        start = number * self.block
        mine = set(range(start, min(start + self.block, self.size)))
        if self.next is None:
            self.had |= set(range(start))
        elif start > self.next:
            self.gaps += bool(set(range(self.next, start)) - self.had)
        self.again += bool(mine) and mine <= self.had
        self.had |= mine
        self.next = start + self.block

    def sent(self) -> tuple[int, int, int, int, int, bool]:
        blocks, total = -(-len(self.had) // self.block), -(-self.size // self.block)
        return len(self.had), blocks, total, self.again, self.gaps, len(self.had) == self.size


def seen(progress: Progress) -> tuple[int, int, int, int, int, bool]:
    sent = progress.sent()
    assert sent is not None
    return sent.bytes, sent.blocks, sent.blocks_total, sent.asked_again, sent.gaps, sent.complete


def play(*blocks: tuple[int, int], size: int = SIZE) -> Sent:
    progress = Progress(size)
    for number, szx in blocks:
        progress.record(code_of(number, szx))
    sent = progress.sent()
    assert sent is not None
    return sent


def in_order(szx: int, first: int = 0, size: int = SIZE) -> list[tuple[int, int]]:
    return [(number, szx) for number in range(first, -(-size // (16 << szx)))]


@EXAMPLES
@given(st.integers(0, 6), st.lists(st.integers(0, 62), min_size=1, max_size=60))
def test_any_order_is_counted_as_the_reference_counts_it(szx: int, numbers: list[int]) -> None:
    progress, reference = Progress(SIZE), Reference(SIZE)
    last = -(-SIZE // (16 << szx)) - 1
    for number in numbers:
        progress.record(code_of(min(number, last), szx))
        reference.record(min(number, last), szx)
        assert seen(progress) == reference.sent()


@EXAMPLES
@given(st.lists(st.tuples(st.integers(0, 62), st.integers(0, 6)), min_size=1, max_size=40))
def test_with_sizes_that_change_the_bytes_are_those_of_the_reference(blocks: list[tuple[int, int]]) -> None:
    progress, reference = Progress(SIZE), Reference(SIZE)
    for number, szx in blocks:
        number = min(number, -(-SIZE // (16 << szx)) - 1)
        progress.record(code_of(number, szx))
        reference.record(number, szx)
        mine, theirs = seen(progress), reference.sent()
        assert (*mine[:3], *mine[4:]) == (*theirs[:3], *theirs[4:])


def test_nothing_is_known_before_the_first_block() -> None:
    assert Progress(SIZE).sent() is None


def test_one_block_after_the_other_is_whole_at_the_last_and_not_before() -> None:
    blocks = in_order(2)
    assert play(*blocks[:-1]) == Sent(960, 15, 16, 0, 0, complete=False)
    assert play(*blocks) == Sent(1000, 16, 16, 0, 0, complete=True)


def test_a_block_that_the_radio_lost_is_asked_again_and_counts_once() -> None:
    assert play((0, 2), (1, 2), (1, 2), (1, 2), (2, 2)) == Sent(192, 3, 16, 2, 0, complete=False)


def test_going_back_to_the_beginning_asks_again_for_what_there_was() -> None:
    assert play(*in_order(2)[:8], *in_order(2)) == Sent(1000, 16, 16, 8, 0, complete=True)


def test_a_block_left_out_is_a_gap_and_what_is_missing_stays_missing() -> None:
    left_out = [block for block in in_order(2) if block[0] != 5]
    assert play(*left_out) == Sent(936, 15, 16, 0, 1, complete=False)
    assert play(*left_out, (5, 2)) == Sent(1000, 16, 16, 0, 1, complete=True)


def test_going_on_after_a_look_back_is_no_gap() -> None:
    assert play(*in_order(2)[:8], (3, 2), *in_order(2, 8)).gaps == 0


def test_another_block_size_goes_on_at_the_same_byte() -> None:
    assert play((0, 6), (16, 2), (17, 2), size=2000) == Sent(1152, 18, 32, 0, 0, complete=False)


def test_who_begins_in_the_middle_has_what_comes_before() -> None:
    assert play(*in_order(2, 10)) == Sent(1000, 16, 16, 0, 0, complete=True)


def test_an_empty_file_is_whole_with_its_one_block() -> None:
    assert play((0, 6), size=0) == Sent(0, 1, 1, 0, 0, complete=True)


def test_somebody_who_jumps_about_takes_bounded_memory() -> None:
    size = 1 << 20
    progress = Progress(size)
    for number in range(0, size // 16, 2):
        progress.record(code_of(number, 0))
    sent = progress.sent()
    assert sent is not None
    assert len(progress._past.pieces) <= 64
    assert size // 2 <= sent.bytes <= size
