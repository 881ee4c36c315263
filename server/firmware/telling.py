"""What changed in the catalogue, as lines of the log."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence

from common.finding import Severity
from common.release import Problem, Release, State
from server.firmware.shelving import Change

_MANY = 50
"""Lines of one sort for one look, over which there is one line for all: the first look at a large folder."""
_log = logging.getLogger(__name__)


def tell(changes: Sequence[Change], before: Sequence[Problem], after: Sequence[Problem]) -> None:
    """One line for each release that came, went or changed, and for each problem that is new."""
    changed = [c.new for c in changes if c.new and (not c.old or _told(c.old) != _told(c.new))]
    if len(changed) > _MANY:
        states = Counter(release.state for release in changed)
        _log.info("%d releases: %s", len(changed), ", ".join(f"{states[s]} {s}" for s in State if states[s]))
        changed = [release for release in changed if release.state is State.REJECTED][:_MANY]
    for release in changed:
        reasons = " ".join(f.message for f in release.findings if f.severity is not Severity.INFO)
        forced = " (forced)" if release.forced else ""
        _log.info("release %r is %s%s%s", release.publish_id, release.state, forced, f": {reasons}" if reasons else "")
    gone = [c.publish_id for c in changes if c.old and not c.new]
    if len(gone) > _MANY:
        _log.info("%d releases are gone", len(gone))
    for publish_id in gone if len(gone) <= _MANY else []:
        _log.info("release %r is gone", publish_id)
    known = set(before)
    problems = [problem for problem in after if problem not in known]
    for problem in problems[:_MANY]:
        _log.warning("in the firmware folder, %r: %s", problem.path, problem.message)
    if len(problems) > _MANY:
        _log.warning("in the firmware folder, %d more problems: the page shows all", len(problems) - _MANY)


def _told(release: Release) -> tuple[object, ...]:
    """What is worth a line when it changes."""
    return (release.state, release.forced, release.files)
