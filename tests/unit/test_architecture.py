"""Imports point down: server -> common <- desktop; each library behind its own door."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILES = sorted(p for top in ("common", "server", "desktop") for p in (ROOT / top).rglob("*.py"))

WEB = {path.stem for path in (ROOT / "server/web").glob("*.py")} - {"__init__"}
AT_THE_DOOR = {"proxy", "responses"}
"""What waitress' door knows of the pages behind it: whom the proxy speaks for, and the headers of every answer."""
WINDOW = "desktop.window"
ROOMS = {
    "widgets": (),
    "files": ("widgets",),
    "check": ("widgets",),
    "address_book": ("widgets",),
    "rollouts": ("widgets",),
    "server": ("widgets",),
    "releases": ("widgets", "server"),
    "publish": ("widgets", "server", "files", "check"),
    "fleet": ("widgets", "server", "address_book", "rollouts"),
}
"""The window's rooms, and which others each may import: so one can be read, and changed, without those that stand beside it."""
OF_ALL_ROOMS = ("jobs", "settings")
"""What any room but that of the plain widgets may import beside: it knows no room itself."""
BESIDE_WIDGETS = ("flow", "keeper", "link", "picking", "wiring")
"""By their names' last word: the rooms' modules that may know the network and jobs. All others are widgets and what they show."""
FLEET = "server.fleet"
FLEET_ROOMS = {
    "record": (),
    "devices": ("record",),
    "notifying": ("record", "devices"),
    "rollouts": ("record", "devices", "notifying"),
}
"""The fleet's rooms, and which others each may import; what stands beside the rooms puts them together."""
OF_ALL_FLEET_ROOMS = ("crew",)
"""Threads for all of them."""


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


def wrongly_imported(room: Path, house: str, allowed: tuple[str, ...]) -> list[str]:
    """What the modules of a room import of their house beside what is allowed."""
    return [
        f"{path.relative_to(ROOT)}: {name}"
        for path in sorted(room.rglob("*.py"))
        for name in imports(path)
        if uses(name, house) and name != house and not any(uses(name, f"{house}.{of}") for of in allowed)
    ]


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
            forbidden.append("bottle")
        if here.startswith("server/web/door/"):
            forbidden += [f"server.web.{name}" for name in WEB - AT_THE_DOOR]
        else:
            forbidden.append("waitress")
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
        in_a_room = path.parent.parent == ROOT / "desktop/window"
        if in_a_room and path.stem.rpartition("_")[2] not in BESIDE_WIDGETS:
            forbidden += ["common.client", "desktop.window.jobs", "desktop.window.server.link"]
        if here in ("desktop/window/jobs.py", "desktop/window/settings.py", "desktop/window/server/local_server.py"):
            forbidden += ["PyQt5.QtWidgets", "PyQt5.QtGui"]
    wrong = [name for name in names for of in forbidden if uses(name, of)]
    assert not wrong, f"{here} imports {wrong}"


def test_the_windows_rooms_are_these() -> None:
    assert {path.parent.name for path in (ROOT / "desktop/window").glob("*/__init__.py")} == set(ROOMS)


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_of_the_window_imports_only_those_below_it(room: str) -> None:
    """So nothing goes round in a circle, and only what puts the window together knows all rooms."""
    allowed = (room, *ROOMS[room], *(OF_ALL_ROOMS if room != "widgets" else ()))
    assert wrongly_imported(ROOT / "desktop/window" / room, WINDOW, allowed) == []


def test_the_fleets_rooms_are_these() -> None:
    assert {path.parent.name for path in (ROOT / "server/fleet").glob("*/__init__.py")} == set(FLEET_ROOMS)


@pytest.mark.parametrize("room", FLEET_ROOMS)
def test_a_room_of_the_fleet_imports_only_those_below_it(room: str) -> None:
    assert wrongly_imported(ROOT / "server/fleet" / room, FLEET, (room, *FLEET_ROOMS[room], *OF_ALL_FLEET_ROOMS)) == []


def test_the_plain_widgets_know_values_only() -> None:
    """A severity and a transfer, which several rooms show alike; what else a widget shows, it is given as text."""
    known = ("common.finding", "common.transfer", "desktop.wording", f"{WINDOW}.widgets")
    names = {name for path in (ROOT / "desktop/window/widgets").glob("*.py") for name in imports(path)}
    ours = [name for name in names if uses(name, "common") or uses(name, "desktop")]
    assert not [name for name in ours if not any(uses(name, of) for of in known)]


@pytest.mark.parametrize("name", ["jobs", "own_folder", "settings"])
def test_what_every_room_may_use_knows_no_room(name: str) -> None:
    assert not [found for found in imports(ROOT / "desktop/window" / f"{name}.py") if uses(found, WINDOW)]


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_a_module_has_a_docstring_and_fits_on_a_few_screens(path: Path) -> None:
    text = path.read_text()
    if path.name != "__init__.py":
        assert ast.get_docstring(ast.parse(text)), f"{path} says what it is responsible for"
    assert len(text.splitlines()) <= 300
