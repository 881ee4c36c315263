"""`token add`, `list` and `revoke`, as people and scripts run them."""

from __future__ import annotations

import itertools
import os
import pty
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from server.access import command
from server.access.token import Right
from server.access.token_file import TokenFile
from tests.support.faults import Faults, failing

ROOT = Path(__file__).parents[2]


@pytest.fixture
def state(tmp_path: Path) -> Path:
    folder = tmp_path / "state"
    folder.mkdir()
    return folder


def run(state: Path, *arguments: str) -> int:
    return command.main([*arguments, "--state-dir", str(state)])


def names(state: Path) -> list[str]:
    return [token.name for token in TokenFile(state / "tokens").read()]


def test_a_script_gets_the_token_alone(state: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "server", "token", "add", "laptop", "--state-dir", str(state)],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    text = done.stdout.removesuffix("\n")
    token = TokenFile(state / "tokens").read()[0]
    assert token.fits(text)
    assert (token.name, token.rights) == ("laptop", tuple(Right))
    assert text not in done.stderr
    assert "'laptop' may publish, notify and remove" in done.stderr
    assert stat.S_IMODE((state / "tokens").stat().st_mode) == 0o600


def test_list_and_revoke(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(state, "list") == 0
    assert "There is no token" in capsys.readouterr().err
    assert run(state, "add", "laptop") == 0
    assert run(state, "add", "ci", "--may", "notify, publish") == 0
    text = capsys.readouterr().out.split()[0]
    assert run(state, "list") == 0
    lines = capsys.readouterr().out.splitlines()
    rows = [line.split()[:2] for line in lines]
    assert rows == [["NAME", "MAY"], ["laptop", "publish,notify,remove"], ["ci", "publish,notify"]]
    assert text not in "".join(lines)
    assert run(state, "revoke", "laptop", "--yes") == 0
    assert names(state) == ["ci"]
    assert "There is no token any more" not in capsys.readouterr().err
    assert run(state, "revoke", "ci", "--yes") == 0
    assert "There is no token any more" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["add", "laptop"], 73, "There is a token 'laptop' already"),
        (["add", "a b"], 64, "is no name for a token"),
        (["add", "ci", "--may", "fly"], 64, "'fly' is nothing that a token may: give one or more of publish, notify, remove"),
        (["add", "ci", "--may", " ,"], 64, "--may names nothing"),
        (["revoke", "ci", "--yes"], 66, "There is no token 'ci'"),
        (["revoke", "laptop"], 64, "--yes"),
    ],
)
def test_what_is_refused(
    state: Path, arguments: list[str], status: int, said: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run(state, "add", "laptop")
    capsys.readouterr()
    with open(os.devnull) as nothing:
        monkeypatch.setattr(sys, "stdin", nothing)
        assert run(state, *arguments) == status
    out, err = capsys.readouterr()
    assert (out, said in err, err.startswith("ota-server token: ")) == ("", True, True)
    assert names(state) == ["laptop"]


@pytest.mark.parametrize("arguments", [[], ["add"], ["revoke"], ["fly"], ["add", "x", "--ma", "publish"], ["list", "x"]])
def test_wrong_usage(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as raised:
        command.main(arguments)
    assert raised.value.code == 64


@pytest.mark.parametrize(
    ("answer", "status", "left"), [("y\n", 0, []), ("yes\n", 0, []), ("\n", 1, ["laptop"]), ("no\n", 1, ["laptop"])]
)
def test_revoking_asks(
    state: Path, answer: str, status: int, left: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run(state, "add", "laptop")
    keyboard, terminal = pty.openpty()
    try:
        os.write(keyboard, answer.encode())
        with open(terminal, encoding="utf-8") as stdin:
            monkeypatch.setattr(sys, "stdin", stdin)
            assert run(state, "revoke", "laptop") == status
    finally:
        os.close(keyboard)
    assert names(state) == left
    assert "Revoke the token 'laptop'?" in capsys.readouterr().err


@pytest.mark.parametrize("error", [KeyboardInterrupt(), UnicodeDecodeError("utf-8", b"\xff", 0, 1, "")], ids=["Ctrl-C", "bytes"])
def test_who_breaks_off_is_not_sure(
    state: Path, error: BaseException, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Terminal:
        """Somebody sits at it and gives no answer."""

        def isatty(self) -> bool:
            return True

        def readline(self) -> str:
            raise error

    run(state, "add", "laptop")
    monkeypatch.setattr(sys, "stdin", Terminal())
    assert run(state, "revoke", "laptop") == 1
    assert capsys.readouterr().err.endswith("[y/N] \nNothing was changed.\n")
    assert names(state) == ["laptop"]


def test_a_damaged_file_is_not_written_over(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (state / "tokens").write_text("{")
    (state / "tokens").chmod(0o600)
    for arguments in (["add", "laptop"], ["list"], ["revoke", "laptop", "--yes"]):
        assert run(state, *arguments) == 78
        assert "is damaged" in capsys.readouterr().err
    assert (state / "tokens").read_text() == "{"


def test_root_takes_the_packaged_servers_folder_and_its_owner(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root writes for others: sudo make test")
    packaged, moved, config = tmp_path / "packaged", tmp_path / "moved", tmp_path / "ota-server.toml"
    monkeypatch.setattr(command, "PACKAGED_STATE", packaged)
    monkeypatch.setattr(command, "PACKAGED_CONFIG", config)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)
    assert command.main(["add", "home"]) == 0
    assert names(tmp_path / "home" / ".local" / "state" / "ota-server") == ["home"]
    for folder in (packaged, moved):
        folder.mkdir()
        os.chown(folder, 65534, 65534)
    assert command.main(["add", "packaged"]) == 0
    assert names(packaged) == ["packaged"]
    assert (packaged / "tokens").stat().st_uid == 65534
    config.write_text(f'state-dir = "{moved}"\nfirmware-dir = "{tmp_path}/firmware"\n')
    assert command.main(["add", "moved"]) == 0
    assert names(moved) == ["moved"]
    config.write_text('stat-dir = "x"\n')
    assert command.main(["list"]) == 78
    assert "Did you mean 'state-dir'?" in capsys.readouterr().err
    assert run(tmp_path / "nowhere", "add", "laptop") == 78
    assert "There is no state folder" in capsys.readouterr().err


def test_somebody_else_is_told_to_be_root(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root becomes somebody else: sudo make test")
    tmp_path.chmod(0o755)
    state = tmp_path / "state"
    state.mkdir(mode=0o700)
    # The first call imports all there is to import: the interpreter's own modules may lie where only root looks.
    code = (
        "import os, sys; from server.access import command; state = sys.argv[1]; command.main(['list', '--state-dir', state]);"
        "os.setuid(65534); sys.exit(command.main(['add', 'laptop', '--state-dir', state]))"
    )
    done = subprocess.run([sys.executable, "-c", code, str(state)], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 77, done.stderr
    assert f"Do it as root: sudo python -m server token add laptop --state-dir {state}" in done.stderr


def test_a_token_is_revoked_whatever_else_is_wrong_with_the_settings(
    tmp_path: Path, state: Path
) -> None:
    run(state, "add", "lost")
    config = tmp_path / "ota-server.toml"
    config.write_text(f'state-dir = "{state}"\nkeep = "many"\nquotta = 1\n')
    assert command.main(["list", "--config", str(config)]) == 0
    assert command.main(["revoke", "lost", "--yes", "--config", str(config)]) == 0
    assert names(state) == []


@pytest.mark.parametrize("text", ['stat-dir = "/srv"', "state-dir = 3", "state-dir = [", "keep = 0"])
def test_settings_that_do_not_tell_the_folder_are_no_dead_end(
    tmp_path: Path, state: Path, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    run(state, "add", "lost")
    config = tmp_path / "ota-server.toml"
    config.write_text(text)
    assert command.main(["revoke", "lost", "--yes", "--config", str(config)]) == 78
    assert "or name the folder of the file of tokens with --state-dir." in capsys.readouterr().err
    assert command.main(["revoke", "lost", "--yes", "--config", str(config), "--state-dir", str(state)]) == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [(["list"], "Not all of the list"), (["add", "ci"], "The token 'ci' was made, but is in nobody's hands")],
)
def test_a_stdout_that_takes_nothing_is_said(state: Path, arguments: list[str], said: str) -> None:
    run(state, "add", "laptop")
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "server", "token", *arguments, "--state-dir", str(state)],
            cwd=ROOT, stdout=full, stderr=subprocess.PIPE, text=True, check=False,
        )  # fmt: skip
    assert done.returncode == 74, done.stderr
    why = "What is to be shown cannot be written to stdout (No space left on device)"
    assert done.stderr.startswith(f"ota-server token: {why}. {said}")
    assert done.stderr.count("\n") == 1


def test_a_disk_that_hides_which_folder_it_is_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "PACKAGED_STATE", tmp_path / "packaged")
    monkeypatch.setattr(command, "PACKAGED_CONFIG", tmp_path / "ota-server.toml")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("LANGUAGE", "C")
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)
    said = set()
    for number in itertools.count(1):
        with failing(Faults(number)) as faults:
            status = command.main(["list"])
        if not faults.at:
            break
        err = capsys.readouterr().err
        assert (status, err.count("\n")) in ((0, 1), (74, 1)), (faults.at, err)
        said.add(err.partition("(")[0])
    assert "ota-server token: Where the file of tokens is cannot be found out " in said
