"""What a person does in a browser, and what the page then holds."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

from tests.waiting import wait_until

ID = "#publish [name=publish_id]"


def drop(page: Page, selector: str, files: dict[str, bytes]) -> None:
    """Drop files on an element, as a file manager does."""
    contents = [{"name": name, "data": base64.b64encode(data).decode()} for name, data in files.items()]
    transfer = page.evaluate_handle(
        """files => { const transfer = new DataTransfer();
          for (const file of files)
            transfer.items.add(new File([Uint8Array.from(atob(file.data), c => c.charCodeAt(0))], file.name));
          return transfer }""",
        contents,
    )
    for event in ("dragenter", "dragover", "drop"):
        page.dispatch_event(selector, event, {"dataTransfer": transfer})


def chosen(page: Page) -> dict[str, str]:
    """Which file each field holds."""
    found: dict[str, str] = page.evaluate(
        "Object.fromEntries([...document.querySelectorAll('#publish [type=file]')].map(i => [i.name, i.files[0]?.name ?? '']))"
    )
    return found


def card(page: Page, publish_id: str) -> Any:
    return page.locator(f'.card[data-id="{publish_id}"]')


def choose_sample(page: Page, samples: Path) -> None:
    """Drop RIOT's sample on the form: a manifest, two images."""
    page.locator(".where .copy").wait_for()  # the scripts are at work
    folder = samples / "fw" / "sample" / "samr21-xpro"
    names = [f"{role}.1700000100.bin" for role in ("riot.suit", "slot0", "slot1")]
    drop(page, "#drop", {name: (folder / name).read_bytes() for name in names})
    wait_until(lambda: page.input_value(ID) and all(chosen(page).values()))
