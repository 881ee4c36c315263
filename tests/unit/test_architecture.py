"""Imports point down: server -> common <- desktop; each library behind its own door."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILES = sorted(p for top in ("common", "server", "desktop") for p in (ROOT / top).rglob("*.py"))

WIDGETS = ("_bar", "_page", "_panel", "_picture", "_view")
"""Modules of widgets by their names' ends: they know no network, and no job."""


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: imports are absolute"
            yield f"{node.module}"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def uses(name: str, of: str) -> bool:
    return name == of or name.startswith(of + ".")


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_arrows_point_down(path: Path) -> None:
    here = str(path.relative_to(ROOT))
    names = list(imports(path))
    forbidden: list[str] = []
    if here.startswith("common/"):
        forbidden += ["server", "desktop", "bottle", "coapthon", "PyQt5"]
        if here not in ("common/client.py", "common/upload.py", "common/answers.py"):
            forbidden += ["socket", "requests", "requests_toolbelt"]
    if here.startswith("server/"):
        forbidden += ["desktop", "PyQt5", "requests"]
        if not here.startswith("server/web/"):
            forbidden += ["bottle", "waitress"]
        if here != "server/coap/mended.py":
            forbidden.append("coapthon")
        if here.startswith(("server/firmware/", "server/coap/")):
            forbidden += ["server.fleet", "server.web"]
        if here.startswith("server/firmware/"):
            forbidden.append("server.coap")
        if here.startswith("server/access/"):
            forbidden += ["server.coap", "server.firmware", "server.fleet", "server.web"]
        if here.startswith("server/fleet/"):
            forbidden.append("server.web")
        if here not in ("server/firmware/events.py", "server/firmware/inotify.py"):
            forbidden.append("watchdog")
    if here.startswith("desktop/"):
        forbidden += ["server", "bottle", "coapthon", "waitress"]
        if not here.startswith("desktop/window/") and here != "desktop/__main__.py":
            forbidden += ["PyQt5", "desktop.window"]
        if here.startswith("desktop/window/"):
            forbidden += ["socket", "requests", "PyQt5.QtNetwork"]
        if here.startswith("desktop/window/") and path.stem.endswith(WIDGETS):
            forbidden += ["common.client", "desktop.window.jobs"]
        if here in ("desktop/window/jobs.py", "desktop/window/settings.py", "desktop/window/local_server.py"):
            forbidden += ["PyQt5.QtWidgets", "PyQt5.QtGui"]
    wrong = [name for name in names for of in forbidden if uses(name, of)]
    assert not wrong, f"{here} imports {wrong}"


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_a_module_has_a_docstring_and_fits_on_a_few_screens(path: Path) -> None:
    text = path.read_text()
    if path.name != "__init__.py":
        assert ast.get_docstring(ast.parse(text)), f"{path} says what it is responsible for"
    assert len(text.splitlines()) <= 300
