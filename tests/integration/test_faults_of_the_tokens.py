"""Each file operation on the tokens fails in turn, or is the last one of a killed command.

What `token add` and `token revoke` say is true, and so is their exit status; the old tokens stand or the new ones; a token
that was revoked is not back; and a server that cannot read them lets nobody change anything.
"""

from __future__ import annotations

import errno
import itertools
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from server.access import command
from server.access.token_file import TokenFile
from server.access.tokens import Known, Tokens
from tests.support.access import add_token, revoke_token
from tests.support.faults import CHANGES, Faults, failing, kinds

MEMORY = Path("/dev/shm")
"""Where there is one, syncing costs nothing."""
OURS = {"tokens", ".tokens.lock"}


@dataclass(frozen=True)
class Case:
    """A command, and the names of the tokens before and after it."""

    words: tuple[str, ...]
    before: tuple[str, ...]
    after: tuple[str, ...]


CASES = {
    "the first": Case(("add", "new"), (), ("new",)),
    "another one": Case(("add", "new"), ("old",), ("old", "new")),
    "revoke": Case(("revoke", "old", "--yes"), ("old", "other"), ("other",)),
    "list": Case(("list",), ("old", "other"), ("old", "other")),
}


class Trial:
    """A command over and over, each time in a fresh state folder."""

    def __init__(self, case: Case, place: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.case, self._capsys = case, capsys
        self.state, self._template = place / "state", place / "template"
        self._template.mkdir()
        for name in case.before:
            add_token(self._template, name)

    def fresh(self) -> None:
        shutil.rmtree(self.state, ignore_errors=True)
        shutil.copytree(self._template, self.state)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(token.name for token in TokenFile(self.state / "tokens").read())

    @property
    def left(self) -> set[str]:
        """What is in the folder and has no business there."""
        return {path.name for path in self.state.iterdir()} - OURS

    def run(self, *words: str) -> tuple[int, str, str]:
        """Exit status, stdout, stderr."""
        self._capsys.readouterr()
        status = command.main([*(words or self.case.words), "--state-dir", str(self.state)])
        return status, *self._capsys.readouterr()

    def complaints(self, status: int, out: str, err: str) -> Iterator[str]:
        """What is wrong after a command that said this."""
        names = self.names
        if status not in (0, 74, 78):
            yield f"the exit status is {status}"
        if status == 0:
            if names != self.case.after:
                yield f"it says that it was done, and there are {names}"
            if self.case.words[0] == "add" and not TokenFile(self.state / "tokens").read()[-1].fits(out.strip()):
                yield "what it shows is no token"
        else:
            if out or not err.startswith("ota-server token: ") or err.count("\n") != 1:
                yield f"it says {out!r} and {err!r}"
            done = "was made" in err or "is revoked now" in err
            if names != (self.case.after if done else self.case.before):
                yield f"there are {names} after {err!r}"
            if "is damaged" not in err and "Nothing was changed" not in err and not done:
                yield f"nobody can tell what became of it: {err!r}"

    def again(self) -> Iterator[str]:
        """What is wrong when the disk is well."""
        if self.names == self.case.before:
            said = self.run()
            yield from (f"then {text}" for text in self.complaints(*said))
            if said[0]:
                yield f"it is not done then: {said[2]}"
        assert self.run("add", "another")[0] == 0
        if self.left:
            yield f"{self.left} are left"


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("LANGUAGE", "C")  # or argparse would look for translations, again and again
    with tempfile.TemporaryDirectory(dir=MEMORY if os.access(MEMORY, os.W_OK) else tmp_path) as folder:
        yield Path(folder)


@pytest.fixture
def as_root(monkeypatch: pytest.MonkeyPatch) -> None:
    """Or else somebody whose the folder is would be told to be root."""
    if os.geteuid() != 0:
        monkeypatch.setattr(os, "geteuid", lambda: 0)
        monkeypatch.setattr(os, "fchown", lambda *_: None)


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


@pytest.mark.usefixtures("as_root")
@pytest.mark.parametrize("name", CASES)
def test_each_operation_of_a_command_fails_in_turn(
    place: Path, name: str, capsys: pytest.CaptureFixture[str], long: bool
) -> None:
    trial, wrong = Trial(CASES[name], place, capsys), list[str]()
    for number in itertools.count(1):
        for faults in kinds(number, long):
            trial.fresh()
            before = descriptors()
            with failing(faults):
                said = trial.run()
            found = list(trial.complaints(*said))
            if descriptors() != before:
                found.append("a descriptor is left open")
            if len(trial.left) > 1:
                found.append(f"{trial.left} are left")
            found += trial.again()
            wrong += [f"{faults.at}{' and from then on' if faults.lasting else ''}: {text}" for text in found]
        if not faults.at:
            break
    assert not wrong, "\n".join(wrong)
    assert number > 3


@pytest.mark.parametrize("name", [name for name in CASES if name != "list"])
def test_a_kill_at_each_operation_of_a_command(place: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """And what it says that it has done is done."""
    trial, wrong = Trial(CASES[name], place, capsys), list[str]()
    for number in itertools.count(1):
        trial.fresh()
        child = os.fork()
        if child == 0:
            try:
                with failing(Faults(number, instead=lambda: os._exit(9), only=CHANGES, half=True)):
                    status, out, err = trial.run()
                (place / "said").write_text(out + err)
                os._exit(status)
            finally:
                os._exit(8)
        _, ended = os.waitpid(child, 0)
        status = os.waitstatus_to_exitcode(ended)
        assert status in (0, 9), (place / "said").read_text()
        if trial.names not in ({trial.case.after} if status == 0 else {trial.case.before, trial.case.after}):
            wrong.append(f"killed before operation {number}: there are {trial.names}")
        wrong += [f"killed before operation {number}: {text}" for text in trial.again()]
        if status == 0:
            break
    assert not wrong, "\n".join(wrong)
    assert number > 5


def look(state: Path) -> Tokens:
    return Tokens(TokenFile(state / "tokens"), lambda _: None, set())


def is_safe(known: Known, names: set[str]) -> bool:
    """Those tokens are known, or nobody may change anything."""
    return {token.name for token in known.tokens} == names and not known.trouble if not known.trouble else not known.tokens


@pytest.mark.expects_log("so nobody may change anything")
@pytest.mark.parametrize("when", ["start", "later"])
@pytest.mark.parametrize("names", [{"old"}, set()], ids=["a token", "none left"])
def test_a_server_that_cannot_read_them_lets_nobody_change_anything(
    place: Path, when: str, names: set[str], caplog: pytest.LogCaptureFixture, long: bool
) -> None:
    for name in ("revoked", *names):
        add_token(place, name)
    content = (place / "tokens").read_bytes()
    file, wrong = place / "tokens", list[str]()
    for number in itertools.count(1):
        for faults in kinds(number, long):
            file.write_bytes(content)
            tokens = look(place) if when == "later" else None
            revoke_token(place, "revoked")
            caplog.clear()
            with failing(faults):
                tokens = tokens or look(place)
                seen = [tokens.known, tokens.known]
            if not all(is_safe(known, names) for known in seen):
                wrong.append(f"{faults.at}: {seen}")
            if len(set(caplog.messages)) < len(caplog.messages):
                wrong.append(f"{faults.at}: {caplog.messages} are said")
            os.utime(file)  # what was half read is read again when it is another file
            if tokens.known.trouble or not is_safe(tokens.known, names):
                wrong.append(f"{faults.at}: {tokens.known} then")
        if not faults.at:
            break
    assert not wrong, "\n".join(wrong)
    assert number > 3


@pytest.mark.expects_log("so nobody may change anything")
def test_a_server_without_tokens_needs_no_file_to_be_opened(place: Path) -> None:
    """At the limit of open files it said that the file was gone, though none had ever been there."""
    with failing(Faults(1, errno.EMFILE, lasting=True, only=frozenset({"open"}))):
        tokens = look(place)
    assert tokens.known == Known()
    add_token(place, "laptop")
    with failing(Faults(1, errno.EMFILE, lasting=True, only=frozenset({"open"}))):
        assert "(Too many open files), so nobody may change anything. It is read again" in tokens.known.trouble
    assert [token.name for token in tokens.known.tokens] == ["laptop"]
