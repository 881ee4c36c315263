"""The file of tokens: what is kept, for whom, and what a damaged one means."""

from __future__ import annotations

import datetime as dt
import fcntl
import json
import logging
import os
import stat
import threading
from pathlib import Path

import pytest

from common.errors import ConfigError, InvalidRequest, StoreFull
from server.access import private_file
from server.access.token import Right, Token, listed
from server.access.token_file import TokenFile
from server.access.tokens import Tokens

NOW = dt.datetime(2026, 11, 28, 12, tzinfo=dt.UTC)


@pytest.fixture
def file(tmp_path: Path) -> TokenFile:
    return TokenFile(tmp_path / "tokens")


def add(file: TokenFile, name: str, *rights: Right) -> str:
    token, text = Token.make(name, rights or Right, NOW)
    with file.changing() as tokens:
        tokens.append(token)
    return text


def revoke(file: TokenFile, name: str) -> None:
    with file.changing() as tokens:
        tokens[:] = [token for token in tokens if token.name != name]


def files(file: TokenFile) -> dict[str, int]:
    return {path.name: stat.S_IMODE(path.stat().st_mode) for path in file.path.parent.iterdir()}


def test_only_a_salted_hash_is_kept_and_only_the_owner_reads_it(file: TokenFile) -> None:
    text = add(file, "laptop")
    again = add(file, "ci", Right.NOTIFY, Right.PUBLISH)
    assert text.startswith("ota_")
    assert len(text) > 44
    content = file.path.read_text()
    assert text not in content
    assert text[4:] not in content
    assert stat.S_IMODE(file.path.stat().st_mode) == 0o600
    laptop, ci = file.read()
    assert (ci.name, ci.rights, ci.created) == ("ci", (Right.PUBLISH, Right.NOTIFY), NOW)
    assert laptop.salt != ci.salt
    assert (laptop.fits(text), laptop.fits(again), ci.fits(again), ci.fits(again[:-1])) == (True, False, True, False)
    assert "digest" not in repr(laptop)
    assert files(file) == {".tokens.lock": 0o600, "tokens": 0o600}


def test_odd_texts_are_no_token(file: TokenFile) -> None:
    text = add(file, "laptop")
    token = file.read()[0]
    for odd in ("", text * 10, text.upper(), f"{text}\0", "\udcff" * 48, "é"):
        assert not token.fits(odd)


@pytest.mark.parametrize("name", ["", "-x", ".x", "a b", "a/b", "a\n", "ä", "x" * 65])
def test_names_that_are_none(name: str) -> None:
    with pytest.raises(InvalidRequest, match="is no name for a token"):
        Token.make(name, Right, NOW)


def test_rights_as_words() -> None:
    assert listed([Right.REMOVE, Right.PUBLISH, Right.NOTIFY]) == "publish, notify and remove"
    assert listed([Right.REMOVE, Right.NOTIFY]) == "notify and remove"
    assert (listed([Right.NOTIFY]), listed([])) == ("notify", "nothing")


def test_the_file_belongs_to_whom_its_folder_does(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root writes for others: sudo make test")
    folder = tmp_path / "state"
    folder.mkdir()
    os.chown(folder, 65534, 65534)
    file = TokenFile(folder / "tokens")
    for name in ("laptop", "ci"):
        add(file, name)
        assert {(path.stat().st_uid, path.stat().st_gid) for path in folder.iterdir()} == {(65534, 65534)}
        assert files(file) == {".tokens.lock": 0o600, "tokens": 0o600}


def test_root_gives_away_nothing_that_was_there_before(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root writes for others: sudo make test")
    folder, secret = tmp_path / "state", tmp_path / "secret"
    folder.mkdir()
    os.chown(folder, 65534, 65534)
    secret.touch(0o640)
    (folder / ".tokens.lock").hardlink_to(secret)
    add(TokenFile(folder / "tokens"), "laptop")
    assert (secret.stat().st_uid, stat.S_IMODE(secret.stat().st_mode)) == (0, 0o640)
    (folder / ".tokens.lock").unlink()
    (folder / ".tokens.lock").symlink_to(secret)
    with pytest.raises(OSError, match="symbolic"):
        add(TokenFile(folder / "tokens"), "ci")


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(file: TokenFile, monkeypatch: pytest.MonkeyPatch) -> None:
    add(file, "laptop")
    before = file.path.read_bytes()

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(private_file.os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        add(file, "ci")
    assert file.path.read_bytes() == before
    assert sorted(files(file)) == [".tokens.lock", "tokens"]


def test_two_who_add_at_once_both_do(file: TokenFile) -> None:
    threads = [threading.Thread(target=add, args=(file, f"t{n}")) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(token.name for token in file.read()) == [f"t{n}" for n in range(8)]


def test_whoever_may_list_the_folder_cannot_hold_up_a_change(file: TokenFile) -> None:
    held = os.open(file.path.parent, os.O_RDONLY)
    try:
        fcntl.flock(held, fcntl.LOCK_EX)
        add(file, "laptop")
        fcntl.flock(held, fcntl.LOCK_UN)
        fcntl.flock(held, fcntl.LOCK_SH)
        revoke(file, "laptop")
    finally:
        os.close(held)
    assert file.read() == ()


def test_a_change_that_does_not_end_is_said_and_nothing_is_changed(tmp_path: Path) -> None:
    file, other = TokenFile(tmp_path / "tokens", patience=0.1), TokenFile(tmp_path / "tokens")
    with other.changing(), pytest.raises(StoreFull, match=r"Nothing was changed.* for 0\.1 seconds.*lslocks.*\.tokens\.lock"):
        add(file, "laptop")
    assert file.find() is None
    add(file, "laptop")


@pytest.mark.parametrize(
    "content",
    [
        "", "{", "[]", "null", "{}", '{"version": 1}', '{"version": 2, "tokens": []}', '{"version": 1, "tokens": [{}]}',
        '{"version": 1, "tokens": 5}', "\0" * 100, "[" * 100_000, "\xff",
    ],
)  # fmt: skip
def test_what_cannot_be_understood_is_damaged_and_never_empty(file: TokenFile, content: str) -> None:
    file.path.write_text(content, encoding="latin-1")
    file.path.chmod(0o600)
    with pytest.raises(ConfigError, match="is damaged, so nobody may change anything"):
        file.read()


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("name", None), ("name", ""), ("name", 5), ("may", None), ("may", []), ("may", "publish"), ("may", ["publish", "fly"]),
        ("salt", ""), ("salt", "00"), ("salt", 5), ("sha256", "00"), ("sha256", None), ("created", 5), ("created", "2026-01-01"),
    ],
)  # fmt: skip
def test_a_token_with_a_bad_field_is_damage(file: TokenFile, key: str, value: object) -> None:
    add(file, "laptop")
    content = json.loads(file.path.read_text())
    content["tokens"][0][key] = value
    file.path.write_text(json.dumps(content))
    with pytest.raises(ConfigError, match="is damaged"):
        file.read()


def test_a_name_that_is_there_twice_is_damage(file: TokenFile) -> None:
    add(file, "laptop")
    content = json.loads(file.path.read_text())
    content["tokens"] *= 2
    file.path.write_text(json.dumps(content))
    with pytest.raises(ConfigError, match="is damaged"):
        file.read()


@pytest.mark.expects_log("cannot be read")
def test_links_and_pipes_are_not_read(file: TokenFile, tmp_path: Path) -> None:
    (tmp_path / "other").write_text('{"version": 1, "tokens": []}')
    file.path.symlink_to(tmp_path / "other")
    with pytest.raises(OSError, match="symbolic"):
        file.read()
    assert "cannot be read" in look(file).known.trouble
    file.path.unlink()
    os.mkfifo(file.path)
    with pytest.raises(OSError, match="no regular file"):
        file.read()


def look(file: TokenFile, told: list[str] | None = None, seen: set[Path] | None = None) -> Tokens:
    return Tokens(file, (told if told is not None else []).append, seen if seen is not None else set())


def test_changes_are_seen_without_a_restart_and_said(file: TokenFile, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    told: list[str] = []
    tokens = look(file, told)
    assert tokens.known.tokens == ()
    text = add(file, "laptop", Right.NOTIFY)
    found = tokens.known.of(text)
    assert found is not None
    assert found.name == "laptop"
    assert tokens.known.of("ota_x") is None
    revoke(file, "laptop")
    other = add(file, "laptop", Right.NOTIFY)
    assert (tokens.known.of(text), tokens.known.of(other) is not None) == (None, True)
    revoke(file, "laptop")
    assert tokens.known.tokens == ()
    made, gone = "The token 'laptop' is known: it may notify.", "The token 'laptop' is revoked."
    none = "There is no token any more: whoever is on this machine may change something, if nobody else reaches the server."
    assert told == [made, made, gone, gone, none]
    assert [record.getMessage() for record in caplog.records] == told
    assert file.find() == (), "that there is none is written down"
    assert look(file).known.trouble == ""


@pytest.mark.expects_log("is gone")
@pytest.mark.parametrize("left", ["a token", "none"])
def test_what_was_there_and_is_gone_does_not_mean_none(tmp_path: Path, left: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    state, away, told, seen = tmp_path / "state", tmp_path / "away", list[str](), set[Path]()
    state.mkdir()
    file = TokenFile(state / "tokens")
    tokens = look(file, told, seen)
    assert tokens.known.trouble == "", "a first start"
    add(file, "laptop")
    if left == "none":
        revoke(file, "laptop")
    good = tokens.known
    assert (good.trouble, len(good.tokens)) == ("", left == "a token")
    del told[:]
    caplog.clear()
    for what in (state, file.path):
        what.rename(away)
        for _ in range(3):
            assert tokens.known.tokens == ()
            assert "tokens' is gone, so nobody may change anything. Bring it back" in tokens.known.trouble
        assert [record.levelname for record in caplog.records] == ["ERROR"], "once, and nobody is said to be revoked"
        assert "is gone" in look(file, told, seen).known.trouble, "after a reload, too"
        away.rename(what)
        caplog.clear()
        assert tokens.known == good
        assert [record.getMessage() for record in caplog.records][:1] == ["the file of tokens can be read again"]
        assert not [line for line in told if "revoked" in line or "is known" in line]
        caplog.clear()
    assert look(TokenFile(tmp_path / "another"), told, seen).known.trouble == ""
    file.path.unlink()
    assert tokens.known.trouble
    text = add(file, "new")
    assert tokens.known.of(text) is not None


@pytest.mark.expects_log("is gone")
def test_a_file_that_goes_while_it_is_read_is_not_none_for_a_moment(file: TokenFile, monkeypatch: pytest.MonkeyPatch) -> None:
    add(file, "laptop")
    tokens, stamp = look(file), file.stamp()
    file.path.unlink()
    assert stamp is not None
    monkeypatch.setattr(file, "stamp", lambda: (*stamp[:3], 0))
    assert "is gone" in tokens.known.trouble


@pytest.mark.expects_log("is damaged")
def test_damage_is_said_once_and_mended_by_a_good_copy(file: TokenFile, caplog: pytest.LogCaptureFixture) -> None:
    text = add(file, "laptop")
    good = file.path.read_bytes()
    tokens = look(file)
    file.path.write_bytes(good[:-20])
    for _ in range(3):
        assert tokens.known.tokens == ()
        assert "nobody may change anything" in tokens.known.trouble
        assert tokens.known.trouble.endswith("or remove it and make the tokens again.")
    assert len(caplog.records) == 1
    file.path.write_bytes(good)
    assert tokens.known.trouble == ""
    assert tokens.known.of(text) is not None
    file.path.write_bytes(b"")
    assert "is damaged" in look(file).known.trouble, "from the start"


@pytest.mark.expects_log("others may open the file of tokens")
def test_a_file_that_others_may_read_is_warned_of(file: TokenFile, caplog: pytest.LogCaptureFixture) -> None:
    add(file, "laptop")
    tokens = look(file)
    file.path.chmod(0o644)
    assert len(tokens.known.tokens) == 1
    assert f"(mode 0644): chmod 600 {str(file.path)!r}" in caplog.records[0].getMessage()
