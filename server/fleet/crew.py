"""A few threads for what would hold up others, also where the system gives no more of them."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol


class Hands(Protocol):
    """Whoever does a job later; any Executor is one, too."""

    def submit(self, job: Callable[..., Any], /, *arguments: Any) -> object:
        """Have it done."""


class Crew:
    """One thread there always is. Further ones come as they are needed; where the system refuses one, jobs wait for those
    that there are.

    Threads: any calls `submit`; one owner calls `start` and `stop`.
    """

    def __init__(self, most: int, name: str) -> None:
        """`most` threads, called `name`-N."""
        self._pool = ThreadPoolExecutor(most, name)

    def start(self) -> None:
        """Raises RuntimeError where the system does not even give one thread."""
        self._pool.submit(int).result()

    def submit(self, job: Callable[..., Any], /, *arguments: Any) -> None:
        """Have it done; nothing is, once the crew is stopped."""
        try:
            self._pool.submit(job, *arguments)
        except RuntimeError:
            # No further thread (pids.max of a cgroup, RLIMIT_NPROC). The job is queued by then, and the first thread takes it.
            pass

    def stop(self) -> None:
        """Wait for what is being done; what only waits is not done any more. A second call does nothing."""
        self._pool.shutdown(wait=True, cancel_futures=True)
