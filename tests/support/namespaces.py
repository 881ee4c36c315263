"""Network namespaces and the links between them: hosts of their own, apart from this machine's network."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import pytest

from tests.waiting import wait_until

ROOT = Path(__file__).parents[2]
_SETTINGS = {
    # A packet whose way back is another interface is no forgery here.
    "ipv4/conf/all/rp_filter": 0,
    "ipv4/conf/default/rp_filter": 0,
    "ipv6/conf/all/disable_ipv6": 0,
    "ipv6/conf/default/disable_ipv6": 0,
    # The only link-local addresses are those that a test gives, and they serve at once.
    "ipv6/conf/default/addr_gen_mode": 1,
    "ipv6/conf/default/accept_dad": 0,
}
_REQUEST = """
import sys, urllib.error, urllib.request
request = urllib.request.Request(sys.argv[2], sys.stdin.buffer.read() or None, method=sys.argv[1])
try:
    answer = urllib.request.urlopen(request, timeout=60)
except urllib.error.HTTPError as error:
    answer = error
with answer:
    sys.stdout.buffer.write(answer.read())
"""


@dataclass(frozen=True)
class Namespace:
    """One host."""

    name: str

    @property
    def prefix(self) -> list[str]:
        """What stands before a command that runs here; the process keeps its id when the command takes over."""
        return ["ip", "netns", "exec", self.name]

    def run(self, *command: str, stdin: bytes = b"") -> bytes:
        """Run a command here to its end; what it wrote. Raises CalledProcessError when it fails."""
        return _run(*self.prefix, *command, stdin=stdin)

    @contextmanager
    def python(self, *arguments: str) -> Iterator[subprocess.Popen[str]]:
        """A Python process here, killed at the end, with pipes for its input and for all that it says."""
        command = [*self.prefix, sys.executable, *arguments]
        pipe = subprocess.PIPE
        with subprocess.Popen(command, cwd=ROOT, text=True, stdin=pipe, stdout=pipe, stderr=subprocess.STDOUT) as process:
            try:
                yield process
            finally:
                process.kill()

    def ip(self, lines: str) -> None:
        """Change things here by commands of ip(8), one a line; on return every address can be used."""
        _run("ip", "-n", self.name, "-batch", "-", stdin=lines.encode())

        def settled() -> bool:
            return not any(shown.get("addr_info") for shown in self._show("address show tentative"))

        wait_until(settled, what=f"the addresses of {self.name}")

    def shows(self, words: str) -> dict[str, Any]:
        """The first thing that a command of ip(8) shows here."""
        return self._show(words)[0]

    def configure(self, settings: dict[str, object]) -> None:
        """Write files below /proc/sys/net, as this host sees them."""
        lines = "".join(f"{file} {value}\n" for file, value in settings.items())
        script = 'cd /proc/sys/net && while read -r file value; do echo "$value" > "$file" || exit 1; done'
        self.run("sh", "-c", script, stdin=lines.encode())

    def http(self, method: str, url: str, body: bytes = b"") -> Any:
        """Make a request from here; the JSON of its answer, of an error's too."""
        return json.loads(self.run(sys.executable, "-c", _REQUEST, method, url, stdin=body))

    def _show(self, words: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(_run("ip", "-n", self.name, "-json", *words.split()))
        return found


@contextmanager
def namespaces(*names: str) -> Iterator[list[Namespace]]:
    """A namespace for each name, with its loopback up; at the end all of them go, with every process in them.

    Skips the test where none can be made.
    """
    if shutil.which("ip") is None:
        pytest.skip("ip is missing: apt-get install iproute2")
    made: list[Namespace] = []
    with ExitStack() as stack:
        for name in names:
            host = Namespace(f"ota-test-{os.getpid()}-{name}")
            stack.callback(_remove, host)
            try:
                _run("ip", "netns", "add", host.name)
                host.configure(_SETTINGS)
                host.ip("link set lo up")
            except subprocess.CalledProcessError as error:
                _skip(error)
            made.append(host)
        _sweep()
        yield made


def link(here: Namespace, ours: str, there: Namespace, theirs: str) -> None:
    """A cable between two hosts, with an interface at each end; it carries packets on return.

    Skips the test where none can be made.
    """
    try:
        _run("ip", "link", "add", ours, "netns", here.name, "type", "veth", "peer", "name", theirs, "netns", there.name)
    except subprocess.CalledProcessError as error:
        _skip(error)
    ends = ((here, ours), (there, theirs))
    for host, interface in ends:
        host.ip(f"link set {interface} up")
    wait_until(lambda: all(host.shows(f"link show {name}")["operstate"] == "UP" for host, name in ends), what=f"the link {ours}")


def _skip(error: subprocess.CalledProcessError) -> NoReturn:
    why = error.stderr.decode().strip()
    pytest.skip(f"network namespaces need root and CAP_NET_ADMIN: sudo make test; a container must be --privileged ({why})")


def _sweep() -> None:
    """Remove what a run left that was killed."""
    for name, pid in re.findall(r"^(ota-test-(\d+)-\S+)", _run("ip", "netns", "list").decode(), re.MULTILINE):
        if not Path("/proc", pid).exists():
            _remove(Namespace(name))


def _remove(host: Namespace) -> None:
    listed = subprocess.run(["ip", "netns", "pids", host.name], capture_output=True, check=False, timeout=30)
    for pid in listed.stdout.split():
        try:
            os.kill(int(pid), signal.SIGKILL)
        except ProcessLookupError:
            pass
    subprocess.run(["ip", "netns", "delete", host.name], capture_output=True, check=False, timeout=30)


def _run(*command: str, stdin: bytes = b"") -> bytes:
    try:
        return subprocess.run(command, input=stdin, capture_output=True, check=True, timeout=90, cwd=ROOT).stdout
    except subprocess.CalledProcessError as error:
        error.add_note(error.stderr.decode())
        raise
