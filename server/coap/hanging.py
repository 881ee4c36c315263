"""For tests of the watchdog: a receive loop that hangs for as long as a file exists."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from typing import TypeVar

VARIABLE = "OTA_TEST_HANG_COAP"
_Datagrams = TypeVar("_Datagrams")


def hanging(receive: Callable[[], _Datagrams], environment: Mapping[str, str]) -> Callable[[], _Datagrams]:
    """`receive` itself, which costs nothing, unless the environment names a file."""
    file = environment.get(VARIABLE)
    if file is None:
        return receive

    def receive_or_hang() -> _Datagrams:
        while os.path.exists(file):
            time.sleep(0.01)
        return receive()

    return receive_or_hang
