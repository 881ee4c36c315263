"""`make fuzz`: coverage-guided; new inputs go into the corpus that is named first, a failing one beside it."""

from __future__ import annotations

import sys

import atheris

with atheris.instrument_imports(include=["server.coap", "coapthon"]):
    from tests.fuzz.target import Target


def main() -> None:
    with Target() as target:
        atheris.Setup(sys.argv, target.feed)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
