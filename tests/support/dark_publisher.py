"""OTA Publisher on a dark desktop: `python -m tests.support.dark_publisher`."""

from __future__ import annotations

import sys

from PyQt5.QtGui import QColor, QPalette
from PyQt5.QtWidgets import QApplication

from desktop.__main__ import main
from tests.desktop.conftest import dark_palette

if __name__ == "__main__":
    QApplication.setStyle("Fusion")
    palette = dark_palette()
    palette.setColor(QPalette.Light, QColor(74, 77, 82))  # lines below tabs
    QApplication.setPalette(palette)
    sys.exit(main(sys.argv[1:]))
