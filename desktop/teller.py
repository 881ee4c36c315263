"""Notifies devices for the command line, at once or in waves, and watches them for as long as was asked for."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from typing import TextIO

from common import rollout_client
from common.client import Client
from common.errors import OtaError
from common.fleet_client import FleetClient
from common.notification import Notification
from common.rollout import RolloutPlan
from desktop.arguments import Arguments
from desktop.finder import Finder
from desktop.progress import Progress
from desktop.report import Report
from desktop.screen import Screen
from desktop.watch import Notified, RolledOut, Sight, verdict, watch


class Teller:
    """Whatever becomes known is in the report at once, so that an interruption finds it there. Threads: one."""

    def __init__(self, client: Client, arguments: Arguments, report: Report, progress: Progress) -> None:
        """`arguments` name devices or groups."""
        self._client = client
        self._arguments = arguments
        self._report = report
        self._progress = progress

    def tell(self, publish_id: str) -> bool:
        """Whether all went as it was asked for. Raises OtaError."""
        arguments = self._arguments
        self._report.notifying(publish_id)
        if arguments.waves is not None:
            return self._roll_out(publish_id, arguments.waves)
        fleet = FleetClient(self._client)
        notification = fleet.notify(publish_id, arguments.devices, arguments.groups, arguments.nul)
        if arguments.wait is None:
            return self._wait_for_answers(notification)
        source = Notified(self._client, notification, Finder())

        def seen() -> None:
            self._report.results = source.notification.results

        return self._watch(source, arguments.wait, seen)

    def _wait_for_answers(self, notification: Notification) -> bool:
        report = self._report
        for now in self._client.watch(notification):
            for result in report.news(now):
                self._progress.end()
                report.device(result)
            if not now.done:
                self._progress.devices(report.answered, len(now.results))
        return report.all_accepted

    def _roll_out(self, publish_id: str, waves: str) -> bool:
        arguments = self._arguments
        plan = RolloutPlan(
            publish_id,
            devices=tuple(map(str, arguments.devices)),
            groups=arguments.groups,
            waves=waves,
            share=arguments.share or "100 %",
            stop_after=arguments.stop_after or 1,
            accept=arguments.accept,
        )
        source = RolledOut(self._client, rollout_client.begin(self._client, plan), Finder())
        self._report.begun(source.rollout)
        if arguments.wait is None:
            return True

        def seen() -> None:
            self._report.rollout = source.rollout

        self._watch(source, arguments.wait, seen)
        return source.rollout.succeeded

    def _watch(self, source: Notified | RolledOut, seconds: float, seen: Callable[[], None]) -> bool:
        """A bar a device on a terminal; a line for each change where stdout is none, or stderr."""
        report, sentence = self._report, ""
        terminal = sys.stderr if is_terminal(sys.stderr) and os.environ.get("TERM", "dumb") != "dumb" else None
        changes = terminal is None or not is_terminal(sys.stdout)
        report.watched((), changes)
        screen = Screen(terminal)

        def take(sight: Sight) -> None:
            nonlocal sentence
            sentence = sight.sentence
            seen()
            report.watched(sight.rows, changes)
            screen.show(sight.rows)

        try:
            with screen:
                over = watch(source, seconds, take, time.monotonic, time.sleep)
        except (OtaError, KeyboardInterrupt):
            report.watched_to_the_end("", changes)
            raise
        rows = report.rows or ()
        good = sum(row.is_good(self._arguments.accept) for row in rows)
        report.watched_to_the_end(sentence if over and sentence else verdict(rows, good, seconds, over), changes)
        return good == len(rows)


def is_terminal(stream: TextIO | None) -> bool:
    """A stream that was closed before the start is None."""
    return stream is not None and stream.isatty()
