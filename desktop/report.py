"""What the command line says: lines for people as things happen, or one JSON object at the end."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from typing import Any, TextIO

from common.answers import error_code
from common.checked import Checked
from common.device_url import DeviceUrl
from common.errors import OtaError
from common.finding import Finding, Severity, worst_first
from common.notification import DeviceResult, DeviceState, Notification
from common.release import Release, State
from common.rollout import Rollout
from desktop import wording
from desktop.standing import Standing

_NOTHING = "Nothing was published."


class Report:
    """Keeps what is known of the run; prints to stdout what is the result, and to stderr what went wrong."""

    def __init__(self, as_json: bool) -> None:
        self._as_json = as_json
        self._message: dict[str, Any] = {}
        self._checked: Checked | None = None
        self._findings: tuple[Finding, ...] = ()
        self._told: set[str] = set()
        self._width = 0
        self.published = False
        """Whether the release is on the server because of this run, new or with the same bytes as before."""
        self.release: Release | None = None
        self.results: tuple[DeviceResult, ...] = ()
        self.rows: tuple[Standing, ...] | None = None
        """How the devices stand that are watched; None: they are not."""
        self.rollout: Rollout | None = None
        self._shown: dict[str, tuple[object, ...]] = {}

    def publication(self, release: Release, created: bool, findings: Sequence[Finding]) -> None:
        """The server has it. Of one that devices cannot fetch, an error says the rest."""
        name = release.publish_id
        self.release, self.published = release, True
        if release.state is not State.READY:
            return
        forced = ""
        if release.forced:
            errors = sum(f.severity is Severity.ERROR for f in release.findings)
            forced = f", forced in spite of {wording.count(errors, 'error')}" if errors else ", forced"
        if created:
            self._line(f"Published {name} ({wording.files(len(release.files), release.size)}){forced}.")
        else:
            self._line(f"{name} is already published with the same bytes{forced}.")
        self.findings(findings)

    def findings(self, findings: Sequence[Finding]) -> None:
        """What a check says of a release that it does not stop."""
        self._findings = worst_first(findings)
        for finding in self._findings:
            self._line(wording.finding(finding))

    def check(self, checked: Checked, not_asked: str = "") -> None:
        """What a check found, when nothing else is to be done. `not_asked` is a server that there was no need to ask."""
        self._checked = checked
        for line in wording.manifest(checked.manifest) if checked.manifest else ():
            self._line(line)
        self.findings(checked.findings)
        self._line(wording.verdict(checked.findings))
        if not_asked:
            self._line(f"The server at {not_asked} was not asked: this is wrong whatever it serves.")

    def withdrawal(self, release: Release, changed: bool) -> None:
        """A release was taken from the devices."""
        name = release.publish_id
        if changed:
            self._line(f"{name} is withdrawn: devices can no longer fetch it. --restore {name} gives it back to them.")
        else:
            self._line(f"{name} was withdrawn already; nothing was changed. --restore {name} gives it back to the devices.")
        self._change(release, changed)

    def restoration(self, release: Release, changed: bool) -> None:
        """A release was given back to the devices."""
        name = release.publish_id
        if changed:
            self._line(f"{name} is restored. It is {wording.state(release)}.")
        else:
            self._line(f"{name} was not withdrawn; nothing was changed. It is {wording.state(release)}.")
        self._change(release, changed)
        if release.state is not State.READY:
            self.findings(release.findings)

    def plan(
        self, publish_id: str, sizes: Sequence[int], server: str, devices: Sequence[DeviceUrl],
        groups: Sequence[str] = (), waves: str | None = None,
    ) -> None:  # fmt: skip
        """What a dry run would have done."""
        parts = [f"publish {publish_id} ({wording.files(len(sizes), sum(sizes))}) on {server}"] if sizes else []
        if devices or groups:
            whom = ", ".join([*map(str, devices), *(f"group {group}" for group in groups)])
            parts.append(f"notify {whom} of {'it' if sizes else publish_id}" + (f" in waves ({waves})" if waves else ""))
        message = f"Would {' and '.join(parts)}. Nothing was changed."
        self._message = {"dry_run": True, "message": message}
        self._line(message)

    def notifying(self, publish_id: str) -> None:
        """Before the first device's line."""
        if not self.published:
            forced = ", which is forced" if self.release is not None and self.release.forced else ""
            self._line(f"Notifying of {publish_id}{forced}.")

    @property
    def answered(self) -> int:
        """How many devices have."""
        return sum(r.state is not DeviceState.WAITING for r in self.results)

    @property
    def all_accepted(self) -> bool:
        """Every device said yes."""
        return all(r.state is DeviceState.ACCEPTED for r in self.results)

    def news(self, notification: Notification) -> list[DeviceResult]:
        """Take over a snapshot; those that have answered since the one before."""
        self.results = notification.results
        self._width = max((len(r.device) for r in self.results), default=0)
        return [r for r in self.results if r.state is not DeviceState.WAITING and r.device not in self._told]

    def device(self, result: DeviceResult) -> None:
        """One device's answer."""
        self._told.add(result.device)
        code = f" ({result.code})" if result.code else ""
        message = result.message.removeprefix(f"Refused ({result.code}): ")
        why = "" if result.state is DeviceState.ACCEPTED else f": {message}"
        self._line(f"{result.device:{self._width}}  {result.state}{code}{why}")

    def begun(self, rollout: Rollout) -> None:
        """A rollout was begun; the server goes on with it by itself."""
        self.rollout = rollout
        self._line(f"Rollout {rollout.id} of {rollout.publish_id} begins. {rollout.summary}")
        if rollout.caution:
            self._line(rollout.caution)

    def watched(self, rows: tuple[Standing, ...], changes: bool) -> None:
        """How the devices stand now; `changes`: print a line for each that stands otherwise than it did."""
        self.rows = rows
        if not changes:
            return
        width = max((len(row.name) for row in rows), default=0)
        for row in rows:
            stands = (row.state, row.end)
            news = self._shown.get(row.url) != stands
            self._shown[row.url] = stands
            if news and (row.end is not None or not row.state.startswith("waiting")):
                self._line(f"{row.name:{width}}  {row.text}")

    def watched_to_the_end(self, sentence: str, changes: bool) -> None:
        """The last lines of a watch: all devices where their changes were not printed, and what came of it."""
        for row in () if changes else self.rows or ():
            width = max(len(other.name) for other in self.rows or ())
            self._line(f"{row.name:{width}}  {row.text}")
        if sentence:
            self._message = {"message": sentence}
            self._line(sentence)

    def error(self, error: OtaError) -> None:
        """What went wrong, in a sentence, and the findings behind it."""
        found: tuple[Finding, ...] = getattr(error, "findings", ())
        self._failure(error_code(type(error)), str(error), worst_first(found))

    def interrupted(self) -> None:
        """Ctrl-C."""
        if self.rows is not None:
            left = sum(row.end is None for row in self.rows)
            done = f"{self.release.publish_id} is published, and " if self.published and self.release else ""
            count = {0: "the devices go", 1: "1 device that is under way goes"}
            who = count.get(left, f"{left} devices that are under way go")
            text = f"Interrupted: {done}{who} on without this command, and the server with them."
        elif self.published and self.release:
            text = f"Interrupted: {self.release.publish_id} is published, but not every device has answered."
        elif self.results:
            text = "Interrupted: not every device has answered; the server goes on to notify them."
        else:
            text = "Interrupted before the server had confirmed anything; it does no harm to do the same again."
        self._failure("interrupted", text, ())

    def end(self) -> None:
        """The JSON object, where it was asked for."""
        if not self._as_json:
            return
        checked = {"checked": True} if self._checked else {}
        manifest = {"manifest": self._checked.to_json()["manifest"]} if self._checked else {}
        text = json.dumps({
            "published": self.published,
            **checked,
            **self._message,
            "release": self.release.to_json() if self.release else None,
            "findings": [finding.to_json() for finding in self._findings],
            **manifest,
            "results": [result.to_json() for result in self.results],
            **self._fleet(),
        })
        _print(text, sys.stdout)

    def _fleet(self) -> dict[str, Any]:
        rollout = {"rollout": self.rollout.to_json()} if self.rollout else {}
        if self.rows is None:
            return rollout
        # Two device URLs may be of one device.
        known = {row.device.device: row.device for row in self.rows if row.device is not None}
        return {"devices": [device.to_json() for device in known.values()], **rollout}

    def _change(self, release: Release, changed: bool) -> None:
        self.release = release
        self._message = {"changed": changed}
        self._findings = worst_first(release.findings)

    def _failure(self, code: str, message: str, findings: tuple[Finding, ...]) -> None:
        self._message = {"error": code, "message": message}
        self._findings = findings or self._findings
        said = message.removesuffix(_NOTHING)
        for finding in findings:
            said = said.replace(finding.message, "")
        # The server's sentence may be nothing but its findings'.
        first = message if said.strip() or not findings else f"{_NOTHING[:-1]}: {wording.tally(findings)}."
        for line in (first, *map(wording.finding, findings)):
            _print(_clean(line), sys.stderr)

    def _line(self, text: str) -> None:
        if not self._as_json:
            _print(_clean(text), sys.stdout)


def _print(text: str, stream: TextIO | None) -> None:
    if stream is None:
        return  # closed before the start; print() would take stdout in its place
    try:
        print(text, file=stream, flush=True)
    except OSError:
        # Whoever read it has gone, or the disk is full: the work goes on, and Python must not complain once more at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _clean(text: str) -> str:
    """Without control characters: devices and servers wrote parts of it, and a terminal obeys them."""
    return "".join(c if c.isprintable() else "\ufffd" for c in text)
