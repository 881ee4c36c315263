"""The lists of releases as JSON: a few are kept, and none of what is no more."""

from __future__ import annotations

import json
from dataclasses import replace

from common.release import Release
from server.firmware.catalogue import Catalogue
from server.web.release_lists import ReleaseLists
from tests.fakes.page_releases import release


class Bases:
    """Gives a release its URLs, and counts how often."""

    def __init__(self) -> None:
        self.made: list[str] = []

    def __call__(self, found: Release, base: str) -> Release:
        self.made.append(base)
        return replace(found, files=tuple(replace(file, url=f"{base}/{file.path}") for file in found.files))


def test_those_who_ask_in_turn_are_answered_from_what_is_kept() -> None:
    bases, catalogue = Bases(), Catalogue((release("v1"),), number=1)
    lists = ReleaseLists(bases)
    asked = ["coap://10.0.0.1", "coap://[fd00::1]", "coap://127.0.0.1", "coap://[::1]"]
    for base in asked * 3:
        [listed] = json.loads(b"".join(lists.of(catalogue, base)))["releases"]
        assert all(file["coap_url"].startswith(f"{base}/v1/") for file in listed["files"])
    assert bases.made == asked


def test_the_list_that_is_longest_unasked_for_makes_room() -> None:
    bases, catalogue = Bases(), Catalogue((release("v1"),), number=1)
    lists = ReleaseLists(bases)
    for base in "abcdaea":
        lists.of(catalogue, base)
    assert bases.made == list("abcde")
    lists.of(catalogue, "b")
    assert bases.made == list("abcdeb")


def test_nothing_is_kept_of_an_earlier_catalogue() -> None:
    bases = Bases()
    lists = ReleaseLists(bases)
    lists.of(Catalogue((release("v1"),), number=1), "a")
    for base in "ab":
        assert b"v2" in b"".join(lists.of(Catalogue((release("v2"),), number=2), base))
    assert json.loads(b"".join(lists.of(Catalogue(number=3), "a"))) == {"releases": [], "problems": []}
