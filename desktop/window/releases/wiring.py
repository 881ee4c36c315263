"""What the page of releases asks of the server, and shows of its answers."""

from __future__ import annotations

from desktop.window.releases.page import ReleasesPage
from desktop.window.server.link import ServerLink


def join(page: ReleasesPage, link: ServerLink) -> None:
    """Have each hear what the other one says."""
    page.refresh_asked.connect(link.refresh)
    page.withdraw_asked.connect(link.withdraw)
    page.restore_asked.connect(link.restore)
    page.remove_asked.connect(link.remove)
    link.asking.connect(page.show_trouble)
    link.answered.connect(page.show_releases)
    link.silent.connect(page.show_trouble)
    link.barred.connect(page.show_trouble)
