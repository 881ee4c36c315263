"""The pictures of the README, and of every test run: the page over the real server, at two sizes, light and dark."""

from __future__ import annotations

import os
import shutil
import socket
import time
from pathlib import Path

import pytest
import requests
from playwright.sync_api import Page, Route, sync_playwright

from server.web.cards import breakable
from tests.conftest import SAMPLES
from tests.support.legible import too_wide
from tests.support.rehearsal import notify, rehearsing, release
from tests.support.releases import SAMPLE, riot_release
from tests.support.server import ROOT, Server, running
from tests.waiting import wait_until

CHROMIUM = shutil.which("chromium")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is missing: apt-get install chromium")
VIEWS = (("page", 1600, "light"), ("page-dark", 1600, "dark"), ("page-narrow", 360, "light"), ("page-narrow-dark", 360, "dark"))
OLD, NEW, MIXED = (f"fw/sample/samr21-xpro/{name}" for name in ("1700000100", "1700000200", "mixed-up"))
ADDRESS = "127.0.0.2"
HOST = "fd00:dead:beef::1"
"""Where the sample's manifests send devices, at the usual port."""


def test_the_page_is_published_to_and_pictured(tmp_path: Path) -> None:
    """A person checks files that do not fit together, then publishes three that do, and finds the release on the page."""
    pictures = ROOT / "tests" / "output"
    pictures.mkdir(parents=True, exist_ok=True)
    files = riot_release(tmp_path / "build", 1700000200)
    keys = tmp_path / "keys"
    keys.mkdir()
    shutil.copy(SAMPLES / "public-key.pem", keys)
    flags = ("--trust-keys", str(keys), "--coap-bind", ADDRESS, "--coap-host", HOST, "--coap-port", str(port()))
    with running(tmp_path / "firmware", tmp_path / "state", *flags) as server, sync_playwright() as playwright:
        fill(server)
        browser = playwright.chromium.launch(executable_path=CHROMIUM)
        foreign: list[str] = []
        for number, (name, width, scheme) in enumerate(VIEWS):
            context = browser.new_context(viewport={"width": width, "height": 1080}, color_scheme=scheme, reduced_motion="reduce")
            page = context.new_page()
            page.on("request", lambda request: foreign.append(request.url) if not request.url.startswith(server.url) else None)
            page.route(f"{server.url}/", lambda route: installed(route, server))
            page.goto(server.url)
            if number == 0:
                publish(page, tmp_path / "build")
            check(page)
            page.mouse.move(0, 0)
            assert too_wide(page) == 0, name
            page.screenshot(path=str(pictures / f"{name}.png"))
            context.close()
        browser.close()
        assert foreign == []
        for role, data in files.items():
            assert (server.folder / NEW / role).read_bytes() == data


def installed(route: Route, server: Server) -> None:
    """The page with the folder that a Debian package has, and not a test's."""
    response = route.fetch()
    here, there = breakable(str(server.folder)), breakable("/var/lib/ota-server/firmware")
    route.fulfill(response=response, body=response.text().replace(here, there))


def port() -> int:
    """The sample's own, or any where that is taken."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((ADDRESS, 5683))
        except OSError:
            return 0
    return 5683


def fill(server: Server) -> None:
    """The sample as RIOT's build leaves it, and one whose slot1 is of the build before."""
    folder = server.folder / "fw" / "sample" / "samr21-xpro"
    folder.mkdir(parents=True)
    for name in ("riot.suit", "slot0", "slot1"):
        shutil.copyfile(SAMPLE / f"{name}.1700000100.bin", folder / f"{name}.1700000100.bin")
    os.utime(folder / "riot.suit.1700000100.bin", (time.time() - 90_000,) * 2)
    server.wait_ready(OLD)
    riot_release(server.folder / MIXED, 1700000200)
    shutil.copyfile(SAMPLE / "slot1.1700000100.bin", server.folder / MIXED / "slot1")
    os.utime(server.folder / MIXED / "manifest", (time.time() - 4000,) * 2)
    wait_until(lambda: server.state_of(MIXED) == "incomplete")


def choose(page: Page, manifest: Path, slot0: Path, slot1: Path) -> None:
    for label, path in (("Manifest", manifest), ("Slot 0", slot0), ("Slot 1", slot1)):
        page.get_by_label(label).set_input_files(str(path))


def publish(page: Page, build: Path) -> None:
    page.get_by_label("Publish id").fill(NEW)
    choose(page, *(build / name for name in ("manifest", "slot0", "slot1")))
    page.get_by_role("button", name="Publish", exact=True).click()
    page.get_by_role("heading", name=NEW).wait_for()


def check(page: Page) -> None:
    """Files of two builds: the server says what is wrong with them."""
    page.get_by_label("Publish id").fill("fw/sample/samr21-xpro/1700000201")
    choose(page, *(SAMPLE / name for name in ("riot.suit.1700000200.bin", "slot0.1700000100.bin", "slot1.1700000200.bin")))
    page.get_by_role("button", name="Check", exact=True).click()
    page.locator("#publish .outcome .findings").wait_for()
    page.evaluate("scrollTo(0, 0)")


def test_the_devices_are_pictured_while_they_move(tmp_path: Path) -> None:
    """Some are done, some have failed, some fetch."""
    pictures = ROOT / "tests" / "output"
    pictures.mkdir(parents=True, exist_ok=True)
    quick = ("--speed", "10", "--boot-time", "1", "--fault", "bad-signature", "--fault", "never-fetches", "--fault", "refuses")
    flags = ("--patience", "30", "--max-transfers", "16")
    with (
        running(tmp_path / "firmware", tmp_path / "state", *flags) as server,
        rehearsing("127.6.0.1", 6, *quick) as first,
        rehearsing("127.6.0.21", 5, "--delay", "0.01", "--loss", "0.01") as second,
        sync_playwright() as playwright,
    ):
        release(server, 60_000)
        notify(server, first)
        browser = playwright.chromium.launch(executable_path=CHROMIUM)
        page = browser.new_page(viewport={"width": 1600, "height": 1000}, reduced_motion="reduce")
        page.goto(f"{server.url}/devices")
        for group, count in (("trouble", 3), ("confirmed", 3)):
            number = page.locator(f'.groups a[data-group="{group}"] .number')
            wait_until(lambda n=number, c=count: n.text_content() == str(c), 90, group)  # type: ignore[misc]
        notify(server, second)
        wait_until(lambda: page.locator('tr.device[data-group="moving"] progress:visible').count() == 5, 60, "all to be seen")
        for number, address in enumerate((*range(1, 7), *range(21, 26)), 1):
            named = {"name": f"radiator-{number:02}", "group": "ground floor" if number % 2 else "first floor"}
            requests.put(f"{server.url}/api/v1/devices/127.6.0.{address}", json=named, timeout=60).raise_for_status()
        bar = page.locator('tr.device[data-group="moving"] progress').first
        wait_until(lambda: float(bar.evaluate("bar => bar.value")) > 35, 60, "a part of the image")
        page.screenshot(path=str(pictures / "devices.png"))
        page.emulate_media(color_scheme="dark")
        page.screenshot(path=str(pictures / "devices-dark.png"))
        browser.close()
