"""Rules that every test keeps: no unexpected warning in the log, no thread left behind."""

from __future__ import annotations

import logging
import os
import re
import signal
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import bottle  # noqa: F401  so that what it adds to sys.meta_path is there
import hypothesis
import pytest

signal.signal(signal.SIGINT, signal.default_int_handler)  # programs that tests start take Ctrl-C, however the tests were started
os.environ["PYTHON_KEYRING_BACKEND"] = "keyring.backends.fail.Keyring"  # the keyring of whoever runs the tests is not theirs
sys.meta_path[:] = [f for f in sys.meta_path if hasattr(f, "find_spec")]  # bottle 0.12's has none, and pytest asks each
SAMPLES = Path(__file__).parent / "samples" / "riot"
# The same examples everywhere, and a machine that is slow is no failure.
hypothesis.settings.register_profile(
    "ours", deadline=None, derandomize=True, database=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("ours")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--long", action="store_true", help="a million datagrams where a hundred thousand do otherwise")


@pytest.fixture
def long(request: pytest.FixtureRequest) -> bool:
    """Whether the tests may take their time."""
    return bool(request.config.getoption("--long"))


@pytest.fixture
def samples() -> Path:
    """Manifests by RIOT's own tools over made-up images, and the folder that `make suit/publish` fills."""
    return SAMPLES


_QUEUE = "waitress.queue"
"""Warns of one request that waits for a worker; the server does not show it either."""


class _Collector(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.name == _QUEUE:
            return
        self.messages.append(f"{record.name}: {record.getMessage()}")


@pytest.fixture(autouse=True)
def _clean(request: pytest.FixtureRequest) -> Iterator[None]:
    before = set(threading.enumerate())
    collector = _Collector()
    logging.getLogger().addHandler(collector)
    try:
        yield
    finally:
        logging.getLogger().removeHandler(collector)
    expected = [re.compile(m.args[0]) for m in request.node.iter_markers("expects_log")]
    surprises = [m for m in collector.messages if not any(p.search(m) for p in expected)]
    assert not surprises, f"unexpected warnings in the log: {surprises}"
    end = time.monotonic() + 30
    while (left := [t for t in threading.enumerate() if t not in before and t.is_alive()]) and time.monotonic() < end:
        time.sleep(0.01)
    assert not left, f"threads left behind: {left}"
