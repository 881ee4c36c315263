"""What a reload says that it changes."""

from __future__ import annotations

import itertools
from pathlib import Path

from server.reloading import changes, contents
from server.settings.config import Config


def test_settings_are_named_by_their_keys() -> None:
    before = Config(keep_history=90, coap_host=None)
    after = Config(keep_history=30, coap_host="fd00::1", debug=True)
    assert changes(before, after, {}, {}) == ["coap-host (not set) -> fd00::1", "keep-history 90 -> 30", "debug False -> True"]
    assert changes(before, before, {}, {}) == []


def test_the_files_that_settings_name_count_too(tmp_path: Path) -> None:
    boards, keys = tmp_path / "boards", tmp_path / "keys"
    keys.mkdir()
    config = Config(boards=boards, trust_keys=keys)
    seen = [contents(config)]
    boards.write_text("one")
    seen.append(contents(config))
    (keys / "a.pem").write_text("key")
    seen.append(contents(config))
    (keys / "notes.txt").write_text("no key")
    seen.append(contents(config))
    said = [changes(config, config, had, has) for had, has in itertools.pairwise(seen)]
    assert said == [["boards has other contents"], ["trust-keys has other contents"], []]
