"""The page for everybody: axe finds nothing to object to, in any state, at two sizes, light and dark."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.fakes.page_app import PageApp, scene
from tests.fakes.page_releases import ELSEWHERE, MISMATCH, NOTES
from tests.support.browsing import card, choose_sample
from tests.support.legible import violations


def opened_details(app: PageApp, page: Page, samples: Path) -> None:  # noqa: ARG001
    for summary in page.locator("summary:visible").all():
        summary.click()


def checked_files(app: PageApp, page: Page, samples: Path) -> None:
    app.findings = [MISMATCH, ELSEWHERE, *NOTES]
    choose_sample(page, samples)
    page.click("#publish .try")
    expect(page.locator("#publish .outcome > p")).to_be_visible()
    page.locator("#publish .notes > summary").click()


def published_files(app: PageApp, page: Page, samples: Path) -> None:
    app.findings = [ELSEWHERE]
    choose_sample(page, samples)
    page.click("#publish .primary")
    expect(page.locator("#publish .outcome > .good")).to_be_visible()


def refused_withdrawal(app: PageApp, page: Page, samples: Path) -> None:  # noqa: ARG001
    app.refusal = (507, {"error": "store-full", "message": "There is no room."})
    page.locator(".shelve").first.click()
    expect(page.locator(".card [role=alert]")).to_be_visible()


def asked_whether_to_remove(app: PageApp, page: Page, samples: Path) -> None:  # noqa: ARG001
    card(page, "sensor-hub/rc-2").locator(".remove").click()


@pytest.mark.parametrize(("width", "scheme"), [(360, "dark"), (1600, "light")])
@pytest.mark.parametrize(
    ("name", "act"),
    [
        ("empty", None),
        ("closed", None),
        ("checked", opened_details),
        ("checked", asked_whether_to_remove),
        ("typical", checked_files),
        ("typical", published_files),
        ("typical", refused_withdrawal),
    ],
)
def test_axe_finds_nothing(
    opened: Any, samples: Path, name: str, act: Callable[[PageApp, Page, Path], None] | None, width: int, scheme: str
) -> None:
    viewport = {"width": width, "height": 900}
    app, page = opened(scene(name), viewport=viewport, color_scheme=scheme, reduced_motion="reduce")
    page.evaluate("document.styleSheets[0].insertRule('.card { content-visibility: visible !important }')")
    if act is not None:
        act(app, page, samples)
    assert violations(page) == []


def test_axe_would_find_something(opened: Any) -> None:
    _, page = opened(scene("empty"))
    page.evaluate("document.querySelector('main').append(new Image())")
    assert [v.partition(":")[0] for v in violations(page)] == ["image-alt"]
