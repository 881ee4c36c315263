"""Looks names up, so that neither a name server that is dead nor many names take threads without end."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from typing import Any, TypeVar

from common.errors import DeviceUnreachable

_AT_ONCE = 16
_LOOK = 0.1
"""Seconds between two looks at whether the server stops."""
_INSTEAD = "write the device's address instead."
_Found = TypeVar("_Found")


class Resolver:
    """Threads: any calls, and waits in it. Each name has a thread `coap-resolver` for as long as it takes, which may be left
    behind at the end: nothing ends getaddrinfo before the system's own time-out.
    """

    def __init__(self, stopping: threading.Event, at_once: int = _AT_ONCE) -> None:
        """Of more than `at_once` names, the others wait. Once `stopping` is set, nobody waits any more."""
        self._stopping = stopping
        self._turns = threading.Semaphore(at_once)

    def look_up(self, name: str, family: int) -> tuple[Any, ...]:
        """The first socket address of `name` for a UDP socket of `family`. Raises DeviceUnreachable."""

        def resolve() -> tuple[Any, ...]:
            # V4MAPPED: a name that has only IPv4 addresses gives those, for the one dual-stack socket.
            flags = socket.AI_V4MAPPED if family == socket.AF_INET6 else 0
            return socket.getaddrinfo(name, 0, family, socket.SOCK_DGRAM, 0, flags)[0][4]

        try:
            return self.run(resolve)
        except socket.gaierror as error:
            if error.errno == socket.EAI_AGAIN:
                raise DeviceUnreachable(f"No name server could be asked for {name!r}. {_INSTEAD.capitalize()}") from error
            raise DeviceUnreachable(f"The name {name!r} was not found. Check it, or {_INSTEAD}") from error
        except UnicodeError as error:
            raise DeviceUnreachable(f"{name!r} cannot be a host's name: a part of it is empty or too long.") from error
        except RuntimeError as error:
            why = "the system gives the server no more threads (TasksMax of its unit)"
            raise DeviceUnreachable(f"The name {name!r} was not looked up: {why}. Try again later, or {_INSTEAD}") from error

    def run(self, call: Callable[[], _Found]) -> _Found:
        """What `call` gives or raises. Raises DeviceUnreachable when the server stops, RuntimeError where there is no thread."""
        while not self._turns.acquire(timeout=_LOOK):
            self._look()
        outcome: list[_Found | Exception] = []
        done = threading.Event()

        def run() -> None:
            try:
                outcome.append(call())
            except Exception as error:
                outcome.append(error)
            finally:
                self._turns.release()
                done.set()

        try:
            threading.Thread(target=run, name="coap-resolver", daemon=True).start()
        except RuntimeError:
            self._turns.release()
            raise
        while not done.wait(_LOOK):
            self._look()
        result = outcome[0]
        if isinstance(result, Exception):
            raise result
        return result

    def _look(self) -> None:
        if self._stopping.is_set():
            raise DeviceUnreachable("The server is stopping.")
