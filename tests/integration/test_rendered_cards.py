"""Cards are made once for as long as they are shown, and those of releases that went are not kept."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from bottle import SimpleTemplate

from common.release import Release, State
from server.access.token import Right
from server.web import rendered_cards
from server.web.cards import breakable
from server.web.pages import VIEWS
from server.web.rendered_cards import RenderedCards
from tests.fakes.page_releases import release

OWNER = (Right.PUBLISH, Right.REMOVE)


class Counting:
    """The real template; counts how often each release's card is made."""

    def __init__(self) -> None:
        self._template = SimpleTemplate(name="card.tpl", lookup=[str(VIEWS)])
        self._template.defaults = {"wrap": breakable}
        self.made: Counter[str] = Counter()

    def render(self, **values: Any) -> str:
        self.made[values["release"].publish_id] += 1
        return str(self._template.render(**values))


def listed(cards: RenderedCards, releases: list[Release], rights: tuple[Right, ...]) -> list[bytes]:
    return list(cards.of(releases, rights))


@pytest.fixture
def template() -> Counting:
    return Counting()


def test_only_what_changed_is_made_again(template: Counting) -> None:
    cards = RenderedCards(template)
    one, two = release("version_1"), release("version_2")
    first = listed(cards, [one, two], OWNER)
    assert listed(cards, [replace(one), two], OWNER) == first
    assert template.made == {"version_1": 1, "version_2": 1}
    changed = listed(cards, [replace(one, state=State.WITHDRAWN), two], OWNER)
    assert template.made == {"version_1": 2, "version_2": 1}
    assert (changed[0] != first[0], changed[1]) == (True, first[1])


def test_a_card_is_for_those_who_have_the_rights_it_shows(template: Counting) -> None:
    cards = RenderedCards(template)
    one = release("version_1")
    mine, theirs = listed(cards, [one], OWNER), listed(cards, [one], ())
    assert mine != theirs
    assert (listed(cards, [one], OWNER), listed(cards, [one], ())) == (mine, theirs)
    assert template.made == {"version_1": 2}


def test_what_went_is_not_kept(template: Counting) -> None:
    cards = RenderedCards(template)
    one, two = release("version_1"), release("version_2")
    listed(cards, [one, two], ())
    listed(cards, [two], ())
    listed(cards, [one, two], ())
    assert template.made == {"version_1": 2, "version_2": 1}


def test_who_leaves_in_the_middle_leaves_nothing_of_what_went(template: Counting) -> None:
    cards = RenderedCards(template)
    listed(cards, [release("gone")], ())
    next(iter(cards.of([release("version_1"), release("version_2")], ())))
    listed(cards, [release("gone")], ())
    assert template.made == {"gone": 2, "version_1": 1}


def test_of_a_long_listing_the_first_are_kept(template: Counting, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rendered_cards, "_KEPT", 2)
    cards = RenderedCards(template)
    listing = [release(f"version_{number}") for number in range(3)]
    assert listed(cards, listing, ()) == listed(cards, listing, ())
    assert template.made == {"version_0": 1, "version_1": 1, "version_2": 2}


def test_of_many_kinds_of_visitors_the_last_two_are_kept(template: Counting) -> None:
    cards = RenderedCards(template)
    one = release("version_1")
    for rights in ((), OWNER, (Right.NOTIFY,), OWNER):
        listed(cards, [one], rights)
    assert template.made == {"version_1": 3}
    listed(cards, [one], ())
    assert template.made == {"version_1": 4}
