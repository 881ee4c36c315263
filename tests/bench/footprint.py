"""How much memory the server takes at most: each of its bounds used to the full, one after the other, and then all at once."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import tempfile
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from tests.bench import crowd, folders, probe, servers, table
from tests.bench.load import Load
from tests.bench.plan import Plan
from tests.bench.programs import BUILD, ROOT, Programs
from tests.bench.servers import Running
from tests.support.releases import signed_release

_WORKERS = 8
"""Of the page: so many are answered at once."""
_LARGE = 5
"""Images of the largest size: more than the cache of the package holds."""
_LARGEST = 16 << 20
_STREAMS = 3
_PATHS = ("/", "/api/v1/releases", "/devices", "/api/v1/devices", "/api/v1/transfers", "/api/v1/history?limit=5000")
_FILTERS = ("rt=suit*", "ct=42", "href=/*", "title=s*")


def run(plan: Plan, programs: Programs, checkout: Path) -> None:
    """Print a table for each number of releases."""
    for releases in sorted({0, plan.releases // 10, plan.releases}):
        folder = folders.many_releases(releases, suit=True)
        with tempfile.TemporaryDirectory(dir=BUILD) as state, _large(folder):
            steps = _Steps(plan, Load(programs.coapload), folder, releases)
            _prepare(plan, Path(state), checkout)
            with servers.ours(folder, Path(state), checkout, packaged_flags(), packaged_environment()) as server:
                steps.take(server)
        table.show(f"Memory with {releases:,} releases", ("MiB", "RSS", "PSS", "peak RSS"), steps.rows, [_NOTE])


def packaged_flags() -> list[str]:
    """What the package's settings say of memory."""
    settings = tomllib.loads((ROOT / "packaging" / "ota-server.toml").read_text())
    return ["--image-cache", str(settings["image-cache"])]


def packaged_environment() -> dict[str, str]:
    """What its service sets."""
    unit = (ROOT / "packaging" / "systemd" / "ota-server.service").read_text()
    return dict(line.split("=", 1) for line in re.findall(r"^Environment=(.*)$", unit, re.MULTILINE))


_NOTE = (
    "With the package's settings and environment; each line with what the lines above left."
    " Peak: the most since the line above. Below the service's MemoryHigh= nothing is held up."
)


def _prepare(plan: Plan, state: Path, checkout: Path) -> None:
    """A server makes its database, and is gone."""
    with tempfile.TemporaryDirectory(dir=BUILD) as nothing:
        folders.one_release(Path(nothing))
        with servers.ours(Path(nothing), state, checkout) as server:
            crowd.read(server, "/healthz")
    crowd.fill_history(state / "fleet.db", plan.events, plan.devices)


@contextlib.contextmanager
def _large(folder: Path) -> Iterator[None]:
    """A few releases of the largest images, and none of them at the end."""
    below = folder / "large"
    try:
        for number in range(_LARGE):
            (below / str(number)).mkdir(parents=True)
            (below / str(number) / "manifest").write_bytes(b"opaque manifest %d" % number)
            (below / str(number) / "slot0").write_bytes(os.urandom(_LARGEST))
        yield
    finally:
        shutil.rmtree(below, ignore_errors=True)


@dataclass
class _Steps:
    plan: Plan
    load: Load
    folder: Path
    releases: int
    rows: list[list[str]] = field(default_factory=list)

    def take(self, server: Running) -> None:
        """All, in their order."""
        number, fetched = self.releases // 2, "fw/slot0"
        small = f"{folders.small(number)}/slot0" if self.releases else fetched
        self._row("started", server)
        for path in ("/", "/api/v1/releases"):
            self._step(f"{_WORKERS} read {path}", server, lambda path=path: crowd.read_at_once(server, [path] * _WORKERS))
        self._step(".well-known/core, filtered too", server, lambda: self._discover(server))
        self._step("a release published meanwhile", server, lambda: self._publish(server))
        begun = [fetched, small][: self.plan.transfers]
        self._step(f"{self.plan.devices:,} devices fetch", server, lambda: crowd.begin(server, self.plan.devices, begun))
        for path in _PATHS[2:]:
            self._step(f"{_WORKERS} read {path}", server, lambda path=path: crowd.read_at_once(server, [path] * _WORKERS))
        large = [f"large/{n}/slot0" for n in range(_LARGE)]
        self._step("the image cache is full", server, lambda: [crowd.read(server, f"/files/{path}") for path in large])
        self._step("the answers are full", server, lambda: self._answer(server, large[0]))
        self._step("replaced images are held", server, lambda: self._replace(server, large))
        with crowd.listening(server, _STREAMS):
            self._step(f"{_STREAMS} listen to events", server, lambda: crowd.read_at_once(server, _PATHS))
            asked = [f"/files/{path}" for path in large] + ["/"] * 8
            with crowd.asking(server, asked):
                self._step("answers that nobody takes", server, lambda: crowd.read_at_once(server, ["/devices"]))
                self._step("all of it, and reads", server, lambda: crowd.read_at_once(server, _PATHS * 2))
        self._row("afterwards", server)

    def _step(self, what: str, server: Running, act: Callable[[], object]) -> None:
        table.doing(f"footprint: {self.releases:,} releases, {what}")
        act()
        self._row(what, server)

    def _row(self, what: str, server: Running) -> None:
        self.rows.append([what, *(table.figure(kib / 1024) for kib in (server.rss_kib, server.pss_kib, server.peak_kib()))])

    def _discover(self, server: Running) -> None:
        crowd.whole(server, ".well-known/core")
        for query in _FILTERS:
            crowd.whole(server, ".well-known/core", query=(query,))

    def _answer(self, server: Running, path: str) -> None:
        """64 bytes at a time: a quarter of a million different answers."""
        self.load.fetches(replace(server, path=path), self.folder / path, 1, 2)

    def _publish(self, server: Running) -> None:
        release = self.folder / "large" / "new"
        with crowd.reading(server, ("/", "/api/v1/releases") * 2):
            signed_release(release, 1 + self.releases, root="fw/new", board="new")
            probe.wait_for(server.port, "large/new/slot0", lambda: True)

    def _replace(self, server: Running, large: list[str]) -> None:
        for path in large[:-1]:
            crowd.begin(server, 1, [path])
            data = os.urandom(_LARGEST)
            folders.replace(self.folder / path, data)
            probe.wait_for(server.port, path, lambda: True, data[:1024])
