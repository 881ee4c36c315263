"""A call in a thread of its own: what came of it is told once, in the UI thread."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PyQt5.QtCore import QThread
from pytestqt.qtbot import QtBot

from common.client import Cancelled
from common.errors import OtaError, ServerUnreachable
from desktop.window.jobs import Jobs

ROOT = Path(__file__).parents[2]


class Told:
    """What reached the UI, and in which thread."""

    def __init__(self) -> None:
        self.results: list[Any] = []
        self.errors: list[OtaError] = []
        self.moves: list[tuple[int, int]] = []
        self.threads: set[int] = set()

    def succeeded(self, result: object) -> None:
        self.results.append(result)
        self.threads.add(threading.get_ident())

    def failed(self, error: OtaError) -> None:
        self.errors.append(error)
        self.threads.add(threading.get_ident())

    def progress(self, done: int, total: int) -> None:
        self.moves.append((done, total))
        self.threads.add(threading.get_ident())

    @property
    def outcomes(self) -> int:
        return len(self.results) + len(self.errors)


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def jobs(qtbot: QtBot) -> Iterator[Jobs]:  # noqa: ARG001
    jobs = Jobs()
    yield jobs
    jobs.stop()


def begin(jobs: Jobs, told: Told, call: Callable[..., object]) -> Any:
    return jobs.start(call, told.succeeded, told.failed, told.progress)


def until(qtbot: QtBot, condition: Callable[[], bool]) -> None:
    qtbot.waitUntil(condition)


def test_a_result_arrives_in_the_ui_thread_and_the_call_ran_in_another(jobs: Jobs, told: Told, qtbot: QtBot) -> None:
    begin(jobs, told, lambda *_: threading.get_ident())
    until(qtbot, lambda: told.outcomes == 1 and jobs.running == 0)
    assert told.threads == {threading.get_ident()}
    assert told.results[0] != threading.get_ident()


def test_a_lambda_too_is_called_in_the_ui_thread(jobs: Jobs, qtbot: QtBot) -> None:
    seen: list[Any] = []
    jobs.start(lambda *_: 1, lambda result: seen.append((result, threading.get_ident())), seen.append)
    until(qtbot, lambda: seen != [])
    assert seen == [(1, threading.get_ident())]


def test_none_is_a_result(jobs: Jobs, told: Told, qtbot: QtBot) -> None:
    begin(jobs, told, lambda *_: None)
    until(qtbot, lambda: told.outcomes == 1)
    assert told.results == [None]


def test_an_error_for_people_arrives_as_it_is(jobs: Jobs, told: Told, qtbot: QtBot) -> None:
    error = ServerUnreachable("No server answers there.")

    def call(*_: object) -> None:
        raise error

    begin(jobs, told, call)
    until(qtbot, lambda: told.outcomes == 1)
    assert told.errors == [error]
    assert told.threads == {threading.get_ident()}


@pytest.mark.expects_log("a job ended by a fault of its own")
@pytest.mark.parametrize("fault", [KeyError("secret"), SystemExit(3), MemoryError()], ids=lambda f: type(f).__name__)
def test_a_fault_becomes_a_sentence_and_the_log_has_the_traceback(
    jobs: Jobs, told: Told, qtbot: QtBot, caplog: pytest.LogCaptureFixture, fault: BaseException
) -> None:
    def call(*_: object) -> None:
        raise fault

    begin(jobs, told, call)
    until(qtbot, lambda: told.outcomes == 1)
    assert type(told.errors[0]) is OtaError
    assert type(fault).__name__ in str(told.errors[0])
    assert "secret" not in str(told.errors[0])
    assert caplog.records[0].exc_info


def test_progress_beyond_2_gib_arrives_whole_and_a_flood_of_it_is_thinned(jobs: Jobs, told: Told, qtbot: QtBot) -> None:
    total = 5 * 2**30

    def call(progress: Callable[[int, int], None], _: object) -> None:
        for done in range(0, total + 1, total // 4096):
            progress(done, total)

    begin(jobs, told, call)
    until(qtbot, lambda: told.outcomes == 1)
    assert told.moves[-1] == (total, total)
    assert told.moves == sorted(told.moves)
    assert len(told.moves) < 200


@pytest.mark.usefixtures("patient")
def test_a_call_that_looks_is_cancelled_at_once(jobs: Jobs, told: Told, qtbot: QtBot) -> None:
    def call(_: object, cancelled: Callable[[], bool]) -> None:
        while not cancelled():
            time.sleep(0.005)
        raise Cancelled("Publishing was cancelled.")

    job = begin(jobs, told, call)
    qtbot.wait(20)
    assert told.outcomes == 0
    job.cancel()
    until(qtbot, lambda: told.outcomes == 1)
    assert [str(e) for e in told.errors] == ["Publishing was cancelled."]
    job._give_up()  # as its timer does in the end
    assert told.outcomes == 1


def test_a_call_that_does_not_look_is_said_to_be_cancelled_and_its_result_is_dropped(
    jobs: Jobs, told: Told, qtbot: QtBot
) -> None:
    answer = threading.Event()
    job = begin(jobs, told, lambda *_: answer.wait(60))
    job.cancel()
    until(qtbot, lambda: told.outcomes == 1)
    assert isinstance(told.errors[0], Cancelled)
    assert "had not answered" in str(told.errors[0])
    assert jobs.running == 1
    answer.set()
    until(qtbot, lambda: jobs.running == 0)
    assert told.outcomes == 1


@pytest.mark.usefixtures("patient")
def test_what_succeeds_in_spite_of_a_cancel_is_told_as_it_was(jobs: Jobs, told: Told, qtbot: QtBot) -> None:
    def call(_: object, cancelled: Callable[[], bool]) -> str:
        while not cancelled():
            time.sleep(0.005)
        return "published"

    begin(jobs, told, call).cancel()
    until(qtbot, lambda: told.outcomes == 1)
    assert told.results == ["published"]


def test_many_at_once_all_end_and_none_is_kept(jobs: Jobs, told: Told, qtbot: QtBot) -> None:
    for number in range(40):
        begin(jobs, told, lambda *_, number=number: number)
    until(qtbot, lambda: told.outcomes == 40 and jobs.running == 0)
    assert sorted(told.results) == list(range(40))


@pytest.mark.usefixtures("patient")
def test_stop_ends_what_looks_and_nothing_is_told_afterwards(jobs: Jobs, told: Told, qtbot: QtBot) -> None:
    def call(progress: Callable[[int, int], None], cancelled: Callable[[], bool]) -> None:
        while not cancelled():
            progress(1, 2)
            time.sleep(0.005)

    started = [begin(jobs, told, call) for _ in range(5)]
    jobs.stop()
    assert all(job.isFinished() for job in started)
    begin(jobs, told, lambda *_: 1)
    qtbot.wait(50)
    assert told.outcomes == 0
    assert told.moves == []


def test_stop_does_not_wait_for_what_hangs(jobs: Jobs, told: Told, qtbot: QtBot) -> None:
    answer = threading.Event()
    hanging: list[QThread] = [begin(jobs, told, lambda *_: answer.wait(60)) for _ in range(3)]
    jobs.stop()
    assert not any(job.isFinished() for job in hanging)
    answer.set()
    assert all(job.wait(60_000) for job in hanging)
    qtbot.wait(50)
    assert told.outcomes == 0


def test_a_program_ends_cleanly_while_a_call_hangs(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    program = (
        "import sys, threading, time\nfrom PyQt5.QtCore import QCoreApplication\nfrom desktop.window.jobs import Jobs\n"
        "app = QCoreApplication([])\njobs = Jobs()\n"
        "began = threading.Event()\n"
        "jobs.start(lambda *_: (began.set(), time.sleep(600)), print, print)\nbegan.wait()\n"
        "jobs.stop()\nprint('stopped')\ndel jobs\n"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=90, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "stopped\n", "")
