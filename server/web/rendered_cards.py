"""The cards of the releases as HTML, each made once for as long as it is shown and does not change."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from common.release import Release
from server.access.token import Right
from server.web.cards import can_be_notified, facts, open_and_folded, rows, state_words, when

_KEPT = 2048
"""Cards of one listing; of a longer one the others are made each time."""
_LISTINGS = 2
"""As those who may change something see it, and those who may not."""
_Listing = dict[str, tuple[Release, bytes]]


class RenderedCards:
    """Keeps what the last listings showed, and nothing of releases that went.

    Threads: the web workers call it. What one of them made, all others use.
    """

    def __init__(self, template: Any) -> None:
        """`template`: Bottle's, of one card."""
        self._template = template
        self._listings: dict[tuple[Right, ...], _Listing] = {}

    def of(
        self,
        releases: Sequence[Release],
        rights: tuple[Right, ...],
        with_urls: Callable[[Release], Release] = lambda release: release,
    ) -> Iterator[bytes]:
        """A card for each, in their order, for somebody with these rights; each made when it is asked for.

        `with_urls` gives a release the CoAP URLs that are shown.
        """
        kept = self._listing(rights)
        first = {release.publish_id for release in releases[:_KEPT]}
        for publish_id in kept.keys() - first:  # before the first card: who asks may leave in the middle
            kept.pop(publish_id, None)
        for release in map(with_urls, releases):
            known = kept.get(release.publish_id)
            if known is None or known[0] != release:
                known = (release, self._render(release, rights))
                if release.publish_id in first:
                    kept[release.publish_id] = known
            yield known[1]

    def _listing(self, rights: tuple[Right, ...]) -> _Listing:
        others = [item for item in self._listings.items() if item[0] != rights][1 - _LISTINGS :]
        kept = self._listings.get(rights, {})
        self._listings = {**dict(others), rights: kept}
        return kept

    def _render(self, release: Release, rights: tuple[Right, ...]) -> bytes:
        """Its data-version is another one whenever anything on it is."""
        word, meaning = state_words(release, Right.PUBLISH in rights)
        open_findings, notes = open_and_folded(release)
        card = str(
            self._template.render(
                root="",
                release=release,
                anchor="r-" + hashlib.sha256(release.publish_id.encode()).hexdigest()[:10],
                state=release.state.value,
                state_word=word,
                meaning=meaning,
                when=when(release.published),
                facts=facts(release),
                findings=open_findings,
                notes=notes,
                files=rows(release),
                notify=can_be_notified(release),
                may=[right.value for right in rights],
            )
        )
        version = hashlib.sha256(card.encode()).hexdigest()[:12]
        return card.replace('data-version=""', f'data-version="{version}"', 1).encode()
