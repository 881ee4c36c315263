"""The servers that are measured, each a context manager that starts it and waits until it answers."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

from tests.bench import probe
from tests.bench.programs import ROOT, Unavailable, installed

ID = "fw"
PATH = f"{ID}/slot0"
"""What is fetched, from every server."""
_STOP = 10.0


@dataclass(frozen=True, slots=True)
class Running:
    """A server's process (0: none), its UDP port on loopback, the path to fetch, and its TCP port (0: none)."""

    pid: int
    port: int
    path: str = PATH
    http: int = 0

    @property
    def rss_kib(self) -> int:
        """Resident memory."""
        return self._kib("status", "VmRSS:")

    @property
    def pss_kib(self) -> int:
        """The same; of what several processes share, its part alone."""
        return self._kib("smaps_rollup", "Pss:")

    def peak_kib(self) -> int:
        """The most resident memory since the last time that this was asked."""
        peak = self._kib("status", "VmHWM:")
        Path(f"/proc/{self.pid}/clear_refs").write_text("5")
        return peak

    def _kib(self, file: str, name: str) -> int:
        for line in Path(f"/proc/{self.pid}/{file}").read_text().splitlines():
            if line.startswith(name):
                return int(line.split()[1])
        return 0

    @property
    def cpu_seconds(self) -> float:
        """CPU time of all its threads so far; the clock of another process is made as clock_getcpuclockid(3) makes it."""
        return time.clock_gettime(~self.pid << 3 | 2)


Starter = Callable[[], AbstractContextManager[Running]]


@contextmanager
def ours(
    folder: Path, state: Path, checkout: Path = ROOT, flags: Sequence[str] = (), environment: Mapping[str, str] | None = None
) -> Iterator[Running]:
    """`python -m server` of a checkout over a firmware folder, as people start it; with more in its environment."""
    port, http = probe.free_port(), probe.free_port(socket.SOCK_STREAM)
    folders = ["--firmware-dir", str(folder), "--state-dir", str(state)]
    command = [sys.executable, "-m", "server", *folders, "--http-port", str(http), "--coap-port", str(port), *flags]
    with _process("this server", command, checkout, environment or {}) as process:
        yield replace(_answering(process, port), http=http)


@contextmanager
def coapthon(image: Path) -> Iterator[Running]:
    """A plain CoAPthon3 server of one resource."""
    port = probe.free_port()
    command = [sys.executable, "-m", "tests.bench.plain_coapthon", str(port), PATH, str(image)]
    with _process("CoAPthon3", command) as process:
        yield _answering(process, port)


@contextmanager
def aiocoap(folder: Path) -> Iterator[Running]:
    """aiocoap's file server over the firmware folder."""
    port = probe.free_port()
    command = [sys.executable, "-m", "aiocoap.cli.fileserver", "--bind", f"[::1]:{port}", str(folder)]
    with _process("aiocoap", command) as process:
        yield _answering(process, port)


@contextmanager
def libcoap(image: Path) -> Iterator[Running]:
    """libcoap's example server, which takes the image with a PUT."""
    server = installed("coap-server-notls", "coap-server")
    client = installed("coap-client-notls", "coap-client")
    port = probe.free_port()
    with _process("libcoap", [server, "-A", "::1", "-p", str(port), "-d", "10"]) as process:
        _answering(process, port, ".well-known/core")
        put = [client, "-m", "put", "-b", "1024", "-t", "42", "-f", str(image), f"coap://[::1]:{port}/{PATH}"]
        done = subprocess.run(put, capture_output=True, text=True, timeout=60, check=False)
        if done.returncode:
            raise Unavailable(f"libcoap's server did not take the image: {done.stderr.strip()}")
        yield _answering(process, port)


@contextmanager
def echo(program: Path, image: Path) -> Iterator[Running]:
    """The bare answer to each datagram, in C."""
    port = probe.free_port()
    with _process("the echo", [str(program), str(port), str(image)]) as process:
        yield _answering(process, port)


def _answering(process: subprocess.Popen[bytes], port: int, path: str = PATH) -> Running:
    probe.wait_for(port, path, lambda: process.poll() is None)
    return Running(process.pid, port)


@contextmanager
def _process(
    name: str, command: Sequence[str], directory: Path = ROOT, more: Mapping[str, str] = MappingProxyType({})
) -> Iterator[subprocess.Popen[bytes]]:
    """A process that is ended whatever happens; where it is the reason, its last words are told."""
    environment = {k: v for k, v in os.environ.items() if k != "JOURNAL_STREAM"} | dict(more)
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(
            command, cwd=directory, env=environment, stdin=subprocess.DEVNULL, stdout=said, stderr=subprocess.STDOUT
        )
        try:
            yield process
        except Unavailable as error:
            said.seek(0)
            last = "\n".join(said.read().decode(errors="replace").splitlines()[-3:])
            raise Unavailable(f"{name}: {error}" + (f" Its last words:\n{last}" if last else "")) from None
        finally:
            process.terminate()
            try:
                process.wait(_STOP)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
