"""What the fuzzer found worth keeping is fed again at each run, without the fuzzer."""

from __future__ import annotations

from pathlib import Path

from tests.fuzz.target import Target

CORPUS = Path(__file__).parents[1] / "fuzz" / "corpus"


def test_the_corpus_is_answered_as_the_reference_says() -> None:
    inputs = sorted(CORPUS.iterdir())
    assert len(inputs) > 20
    with Target() as target:
        for file in inputs:
            target.feed(file.read_bytes())
