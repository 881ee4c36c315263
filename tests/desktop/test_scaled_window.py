"""The whole window at a scale of 150 %, which an application has from its start on: in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys

from PyQt5.QtWidgets import QApplication

from tests.support.server import ROOT

LONG = 500
"""Seconds; a long one costs nothing when all is well."""
SCALE = "QT_SCALE_FACTOR"
HERE = "tests/desktop/test_scaled_window.py"


def test_the_scale_is_what_was_asked_for(qapp: QApplication) -> None:
    assert qapp.devicePixelRatio() == float(os.environ.get(SCALE, "1"))


def test_nothing_is_cut_off_at_150_percent() -> None:
    chosen = ["tests/desktop/test_whole_window.py", HERE, "-k", "test_the_scale or (test_no_text_is_cut_off and 1.0)"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *chosen],
        cwd=ROOT, env={**os.environ, SCALE: "1.5"}, capture_output=True, text=True, check=False, timeout=LONG,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "9 passed" in done.stdout, done.stdout
