"""The page in a real browser, over the real server: checking, publishing, withdrawing, with scripts and without."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import requests
from playwright.sync_api import expect

from tests.conftest import SAMPLES
from tests.support.browsing import ID, card, choose_sample, drop
from tests.support.releases import SAMPLE, riot_release
from tests.support.server import Server, running

if TYPE_CHECKING:
    from playwright.sync_api import Page

OUTCOME = "#publish .outcome"
OLD = "sensor/1700000100"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    place = tmp_path_factory.mktemp("page")
    keys = place / "keys"
    keys.mkdir()
    shutil.copy(SAMPLES / "public-key.pem", keys)
    with running(place / "firmware", place / "state", "--trust-keys", str(keys)) as server:
        riot_release(server.folder / OLD)
        server.wait_ready(OLD)
        yield server


@pytest.fixture
def visited(visiting: Callable[..., Page], server: Server) -> Callable[..., Page]:
    """Opens the page."""
    return lambda **options: visiting(server.url, **options)


def test_files_are_checked_and_refused_for_the_same_reasons(visited: Any, server: Server, samples: Path) -> None:
    page = visited()
    choose_sample(page, samples)
    page.fill(ID, "sensor/mixed")
    drop(page, '[data-role="slot0"] input', {"slot0.bin": (SAMPLE / "slot0.1700000200.bin").read_bytes()})
    page.click("#publish .try")
    outcome = page.locator(OUTCOME)
    expect(outcome.locator("> p")).to_contain_text("the server would refuse this release.")
    for words in ("Sequence1700000100", "Boardsamr21-xpro", "Signaturevalid", "Slotsslot0 (30 kB), slot1 (30 kB)"):
        expect(outcome.locator(".read")).to_contain_text(words)
    codes = outcome.locator("li.error code").all_text_contents()
    assert "digest-mismatch" in codes
    assert not (server.folder / "sensor" / "mixed").exists()
    page.click("#publish .primary")
    expect(outcome.locator("> p").first).to_contain_text("so nothing was published.")
    assert outcome.locator("li.error code").all_text_contents() == codes
    expect(outcome.locator(".hint")).to_contain_text("Publish even if the checks find errors")
    page.check("[name=force]")
    page.click("#publish .primary")
    expect(outcome.locator("> p")).to_contain_text("It is marked Forced.")
    expect(card(page, "sensor/mixed").locator(".badge.forced")).to_be_visible()
    expect(card(page, "sensor/mixed").locator("li.error code")).to_have_text(codes)


def test_a_release_is_withdrawn_and_restored(visited: Any, server: Server) -> None:
    page = visited()
    shown = card(page, OLD)
    expect(shown.locator(".fact.good")).to_have_text("Signature valid")
    shown.locator(".shelve").click()
    expect(shown.locator(".badge")).to_have_text("Withdrawn")
    assert server.state_of(OLD) == "withdrawn"
    assert requests.get(f"{server.url}/files/{OLD}/slot0", timeout=60).status_code == 404
    shown.locator(".shelve").click()
    expect(shown.locator(".badge")).to_have_text("Ready")
    assert server.state_of(OLD) == "ready"


def test_a_release_is_withdrawn_and_restored_without_scripts(visited: Any, server: Server) -> None:
    page = visited(java_script_enabled=False)
    for word, state in (("Withdrawn", "withdrawn"), ("Ready", "ready")):
        card(page, OLD).locator(".shelve").click()
        expect(card(page, OLD).locator(".badge")).to_have_text(word)
        assert server.state_of(OLD) == state
        assert page.url == f"{server.url}/"


def test_a_withdrawal_that_comes_too_late_is_said(visited: Any, server: Server) -> None:
    riot_release(server.folder / "sensor" / "brief")
    server.wait_ready("sensor/brief")
    page = visited()
    page.route("**/", lambda route: route.abort())
    requests.post(f"{server.url}/remove", json={"publish_id": "sensor/brief"}, timeout=60)
    shown = card(page, "sensor/brief")
    shown.locator(".shelve").click()
    expect(shown.locator("[role=alert]")).to_contain_text("sensor/brief")
