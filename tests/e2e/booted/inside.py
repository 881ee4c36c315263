"""Runs in the booted gateway: each check in its turn, and what came of it as a line of JSON in /share/results."""

from __future__ import annotations

import json
import sys
import time
import traceback
from pathlib import Path

from tests.e2e.booted.checks import CHECKS
from tests.e2e.booted.owner_checks import OWNER_CHECKS
from tests.e2e.booted.package_checks import PACKAGE_CHECKS

ALL = (*CHECKS, *OWNER_CHECKS, *PACKAGE_CHECKS)


def main() -> int:
    """0 where every check passed."""
    failed = 0
    with Path("/share/results").open("w") as results:
        for check in ALL:
            begin = time.monotonic()
            try:
                said = check() or ""
                ok = True
            except Exception:
                said, ok = traceback.format_exc(), False
                failed += 1
            results.write(json.dumps({"name": check.__name__, "ok": ok, "said": said}) + "\n")
            results.flush()
            print(f"{'ok' if ok else 'FAILED'} {check.__name__} ({time.monotonic() - begin:.1f} s) {said}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
