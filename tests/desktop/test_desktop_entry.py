"""What a desktop is told of the app: the entry, the metadata, the icon."""

from __future__ import annotations

import configparser
import shutil
import subprocess
from pathlib import Path
from xml.etree import ElementTree

import pytest
from PyQt5.QtGui import QIcon
from PyQt5.QtSvg import QSvgRenderer
from pytestqt.qtbot import QtBot

PACKAGING = Path(__file__).parents[2] / "packaging"
ENTRY, METADATA, ICON = (PACKAGING / f"ota-publisher.{end}" for end in ("desktop", "metainfo.xml", "svg"))


@pytest.mark.parametrize(
    "command",
    [("desktop-file-validate", str(ENTRY)), ("appstreamcli", "validate", "--no-net", "--pedantic", "--strict", str(METADATA))],
)
def test_the_validators_accept_it(command: tuple[str, ...]) -> None:
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is missing: apt-get install appstream desktop-file-utils")
    ran = subprocess.run(command, capture_output=True, text=True, timeout=90, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_the_three_name_each_other() -> None:
    entry = configparser.ConfigParser(interpolation=None)
    entry.read(ENTRY, encoding="utf-8")
    root = ElementTree.parse(METADATA).getroot()
    assert root.findtext("launchable") == ENTRY.name
    assert root.findtext("name") == entry["Desktop Entry"]["Name"]
    assert root.findtext("provides/binary") == entry["Desktop Entry"]["Exec"].split()[0]
    assert entry["Desktop Entry"]["Icon"] == root.findtext("icon") == ICON.stem


def test_qt_draws_the_icon(qtbot: QtBot) -> None:  # noqa: ARG001
    assert QSvgRenderer(str(ICON)).isValid()
    assert not QIcon(str(ICON)).pixmap(64).isNull()
