"""A browser over made-up releases."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.fakes.page_app import PageApp, scene, serve
from tests.support.server import Server

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

CHROMIUM = "/usr/bin/chromium"
TIMEOUT = 60_000
"""Milliseconds; a long one costs nothing when all is well."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if not Path(CHROMIUM).exists():
        pytest.skip("no browser: apt-get install chromium")
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=TIMEOUT)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM)
        yield browser
        browser.close()


@pytest.fixture
def serving() -> Iterator[ExitStack]:
    """Takes servers, and stops them. Named before `visiting`, it does so when the browsers have left them."""
    with ExitStack() as servers:
        yield servers


@pytest.fixture
def visiting(browser: Browser) -> Iterator[Callable[..., Page]]:
    """Opens an address in a browser of its own, with options of a context. A page error or a refused resource fails the test."""
    contexts, errors = [], []

    def start(address: str, **options: Any) -> Page:
        contexts.append(browser.new_context(**options))
        contexts[-1].set_default_timeout(TIMEOUT)
        page = contexts[-1].new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda message: errors.append(message.text) if "Content Security" in message.text else None)
        page.goto(address)
        return page

    yield start
    for context in contexts:
        context.close()
    assert errors == []


@pytest.fixture
def opened(serving: ExitStack, visiting: Callable[..., Page]) -> Callable[..., tuple[PageApp, Page]]:
    """Opens the page over an app. A page error or a refused resource fails the test."""

    def start(app: PageApp | None = None, **options: Any) -> tuple[PageApp, Page]:
        app = app or scene("typical")
        address = serving.enter_context(serve(app))
        page = visiting("./", base_url=address, **{"viewport": {"width": 1280, "height": 900}, **options})
        if options.get("java_script_enabled", True):
            page.locator(".where .copy").wait_for()
        return app, page

    return start


@pytest.fixture
def look(visiting: Callable[..., Page], server: Server) -> Callable[..., Page]:
    """Opens a page of the module's server."""

    def start(path: str = "devices", **options: Any) -> Page:
        return visiting(f"{server.url}/{path}", **{"viewport": {"width": 1100, "height": 900}, **options})

    return start
