"""The pictures of the README, and of every test run: the page over the real server, at two sizes, light and dark."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from playwright.sync_api import Page, sync_playwright

from tests.support.releases import riot_release
from tests.support.server import ROOT, running

CHROMIUM = shutil.which("chromium")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is missing: apt-get install chromium")
VIEWS = (("page", 1600, "light"), ("page-dark", 1600, "dark"), ("page-narrow", 360, "light"), ("page-narrow-dark", 360, "dark"))


def test_the_page_is_published_to_and_pictured(tmp_path: Path) -> None:
    """A person drops three files into the page, and finds the release on it."""
    pictures = ROOT / "tests" / "output"
    pictures.mkdir(parents=True, exist_ok=True)
    files = riot_release(tmp_path / "build", 1700000200)
    with running(tmp_path / "firmware", tmp_path / "state") as server, sync_playwright() as playwright:
        riot_release(server.folder / "sensor" / "samr21-xpro" / "1700000100")
        server.wait_ready("sensor/samr21-xpro/1700000100")
        browser = playwright.chromium.launch(executable_path=CHROMIUM)
        foreign: list[str] = []
        for number, (name, width, scheme) in enumerate(VIEWS):
            context = browser.new_context(viewport={"width": width, "height": 1000}, color_scheme=scheme, reduced_motion="reduce")
            page = context.new_page()
            page.on("request", lambda request: foreign.append(request.url) if not request.url.startswith(server.url) else None)
            page.goto(server.url)
            if number == 0:
                publish(page, tmp_path / "build")
            assert not page.evaluate("document.documentElement.scrollWidth > innerWidth")
            page.screenshot(path=str(pictures / f"{name}.png"))
            context.close()
        browser.close()
        assert foreign == []
        for role, data in files.items():
            assert (server.folder / "sensor/samr21-xpro/1700000200" / role).read_bytes() == data


def publish(page: Page, build: Path) -> None:
    page.get_by_label("Publish id").fill("sensor/samr21-xpro/1700000200")
    for label, name in (("Manifest", "manifest"), ("Slot 0", "slot0"), ("Slot 1", "slot1")):
        page.get_by_label(label).set_input_files(str(build / name))
    page.get_by_role("button", name="Publish", exact=True).click()
    page.get_by_role("heading", name="sensor/samr21-xpro/1700000200").wait_for()
