"""`make fuzz`: coverage-guided; new inputs go into the corpus that is named first, a failing one beside it.

The first argument names what is fuzzed, `datagram` or `manifest`; the others are libFuzzer's.
"""

from __future__ import annotations

import sys

import atheris

with atheris.instrument_imports(include=["server.coap", "coapthon", "common"]):
    from tests.fuzz.manifests import ManifestTarget
    from tests.fuzz.target import Target

TARGETS = {"datagram": Target, "manifest": ManifestTarget}


def main() -> None:
    program, *arguments = sys.argv
    if not arguments or arguments[0] not in TARGETS:
        sys.exit(f"usage: python -m tests.fuzz {{{','.join(TARGETS)}}} [libFuzzer's arguments]")
    with TARGETS[arguments[0]]() as target:
        atheris.Setup([program, *arguments[1:]], target.feed)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
