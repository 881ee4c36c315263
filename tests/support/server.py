"""The real server as a process, as people start it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import requests

from tests.waiting import wait_until

ROOT = Path(__file__).parents[2]
_READY = re.compile(r"devices on coap://\S+:(\d+), people on http://(\S+)")


class Server:
    """A running `python -m server`; `log` is what it said so far."""

    def __init__(
        self,
        folder: Path,
        state: Path,
        flags: Sequence[str] = (),
        prefix: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
        pass_fds: Sequence[int] = (),
        module: str = "server",
    ) -> None:
        """`prefix` is a command that runs the server; `pass_fds` are descriptors for it; `module` is what Python runs."""
        self.folder = folder
        self.state = state
        self._flags = flags
        self._prefix = prefix
        self._environment = environment or {}
        self._pass_fds = pass_fds
        self._module = module
        self.lines: list[str] = []

    def start(self) -> Server:
        """Start it and wait until both listeners answer."""
        flags = ["--firmware-dir", str(self.folder), "--state-dir", str(self.state), "--http-port", "0", "--coap-port", "0"]
        command = [*self._prefix, sys.executable, "-m", self._module, *flags, *self._flags]
        environment = {**{k: v for k, v in os.environ.items() if k != "JOURNAL_STREAM"}, **self._environment}
        self.process = subprocess.Popen(
            command, cwd=ROOT, stderr=subprocess.PIPE, text=True, env=environment, pass_fds=self._pass_fds
        )
        self._reader = threading.Thread(target=self._read)
        self._reader.start()
        try:
            wait_until(lambda: _READY.search(self.log) or self.process.poll() is not None, 240, "the server's first line")
            found = _READY.search(self.log)
            assert found, f"the server did not start: {self.log}"
        except BaseException:
            self.stop(signal.SIGKILL)
            raise
        self.coap_port = int(found[1])
        self.url = f"http://{found[2]}"
        return self

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.lines.append(line)

    def state_of(self, publish_id: str) -> str:
        """A release's state as the API tells it; "gone" where there is none."""
        answer = requests.get(f"{self.url}/api/v1/releases/{publish_id}", timeout=60)
        return str(answer.json()["state"]) if answer.ok else "gone"

    def wait_ready(self, publish_id: str) -> None:
        """Wait until a release that was dropped is served."""
        wait_until(lambda: self.state_of(publish_id) == "ready", what=f"{publish_id} to be ready")

    @property
    def log(self) -> str:
        """Everything that it wrote."""
        return "".join(self.lines)

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Send the signal and wait for the end; the exit status."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        status = self.process.wait(90)
        self._reader.join()
        assert self.process.stderr is not None
        self.process.stderr.close()
        return status


@contextmanager
def running(folder: Path, state: Path, *flags: str) -> Iterator[Server]:
    """A server that is stopped at the end; a traceback in its log fails the test."""
    server = Server(folder, state, flags).start()
    try:
        yield server
    finally:
        server.stop()
        assert "Traceback" not in server.log, server.log
