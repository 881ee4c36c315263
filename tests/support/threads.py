"""A process that gets no more threads, by the system's own refusal."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

_STACK = 1 << 46
"""Bytes of a thread's stack that no machine has."""


@contextlib.contextmanager
def refused() -> Iterator[None]:
    """From here to the end, no new thread starts."""
    before = threading.stack_size(_STACK)
    try:
        yield
    finally:
        threading.stack_size(before)
