"""A service's thread: its fault is said and told, and only that."""

from __future__ import annotations

import threading

import pytest

from server.service_thread import ServiceThread


def test_it_runs_under_its_name_and_its_end_is_no_fault() -> None:
    names: list[str] = []
    thread = ServiceThread("fleet", "the fleet's thread", lambda: names.append(threading.current_thread().name), pytest.fail)
    thread.start()
    thread.join()
    thread.join()
    assert names == ["fleet"]


@pytest.mark.expects_log("the fleet's thread died")
def test_a_fault_is_logged_and_told() -> None:
    died: list[str] = []

    def run() -> None:
        raise ZeroDivisionError

    thread = ServiceThread("fleet", "the fleet's thread", run, died.append)
    thread.start()
    thread.join()
    assert died == ["fleet"]


def test_one_that_was_not_begun_is_not_waited_for() -> None:
    ServiceThread("fleet", "the fleet's thread", pytest.fail, pytest.fail).join()
