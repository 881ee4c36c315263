"""Whether everybody can read a page: axe objects to nothing, and nothing sticks out sideways.

Both wait for the page to be loaded whole. An element is there, and visible, before the style sheet is: a page that was
come to by a click would be judged unstyled on a slow machine.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
from playwright.sync_api import Page

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]


def too_wide(page: Page) -> int:
    """By how many pixels the page is wider than its window."""
    page.wait_for_load_state()
    wider: int = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    return wider


def violations(page: Page) -> list[str]:
    """What axe objects to: its rule, and the element. Skips the test where there is no axe."""
    axe = importlib.util.find_spec("axe_playwright_python")
    if axe is None or axe.origin is None:
        pytest.skip("axe is missing: .venv/bin/pip install axe-playwright-python==0.1.8")
    page.wait_for_load_state()
    page.evaluate(Path(axe.origin).with_name("axe.min.js").read_text())
    found = page.evaluate("rules => axe.run(document, { runOnly: rules })", RULES)["violations"]
    return [f"{v['id']}: {node['html'][:200]}" for v in found for node in v["nodes"]]
