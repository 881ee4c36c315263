"""What the fuzzer found worth keeping is fed again at each run, without the fuzzer."""

from __future__ import annotations

from pathlib import Path

from tests.fuzz.manifests import CORPUS as MANIFESTS
from tests.fuzz.manifests import ManifestTarget
from tests.fuzz.target import Target

DATAGRAMS = Path(__file__).parents[1] / "fuzz" / "corpus"


def test_the_datagrams_are_answered_as_the_reference_says() -> None:
    inputs = sorted(DATAGRAMS.iterdir())
    assert len(inputs) > 20
    with Target() as target:
        for file in inputs:
            target.feed(file.read_bytes())


def test_the_manifests_are_read_refused_or_opaque() -> None:
    inputs = sorted(MANIFESTS.iterdir())
    assert len(inputs) > 15
    with ManifestTarget() as target:
        for file in inputs:
            target.feed(file.read_bytes())
