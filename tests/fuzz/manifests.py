"""What is fuzzed: any bytes through the manifest reader and the signature check, which must never be talked into trust."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from common.cbor import Malformed, decode
from common.errors import InvalidManifest
from common.manifest import Manifest, parse
from common.signature import SignatureState, state_of
from common.trust import TrustedKeys
from tests.support import suit

CORPUS = Path(__file__).with_name("corpus-manifest")
_SAMPLES = Path(__file__).parents[1] / "samples" / "riot"
_NUMBERS = range(1 << 64)


class ManifestTarget:
    """The reader, and the keys that are trusted: RIOT's samples' and those of the made envelopes in the corpus."""

    def __init__(self) -> None:
        riots = TrustedKeys.load(_SAMPLES)
        made = tuple(signer.key.public_key() for signer in (suit.eddsa(), suit.es256()))
        self._keys = TrustedKeys((*riots.keys, *made), (*riots.names, "eddsa", "es256"))
        manifests = [self._read(file.read_bytes()) for file in sorted(CORPUS.iterdir())]
        self._valid = [_content(manifest) for manifest in manifests if manifest and self._trusts(manifest)]

    def __enter__(self) -> ManifestTarget:
        return self

    def __exit__(self, *_: object) -> None:
        """There is nothing to clean up."""

    def feed(self, data: bytes) -> None:
        """Raises for a wrong answer: another exception, numbers out of range, or trust in what nobody signed."""
        try:
            decode(data, "it")
        except Malformed:
            pass
        manifest = self._read(data)
        if manifest is None:
            return
        for claim in manifest.images:
            numbers = [number for number in (manifest.sequence_number, claim.offset, claim.size) if number is not None]
            assert all(number in _NUMBERS for number in numbers)
            assert claim.sha256 is None or (len(claim.sha256), claim.algorithm) == (64, "sha-256")
        if self._trusts(manifest):
            assert _content(manifest) in self._valid

    def _trusts(self, manifest: Manifest) -> bool:
        return state_of(manifest, self._keys) is SignatureState.VALID

    @staticmethod
    def _read(data: bytes) -> Manifest | None:
        try:
            return parse(data)
        except InvalidManifest:
            return None


def _content(manifest: Manifest) -> tuple[Any, ...]:
    return manifest.sequence_number, manifest.vendor_id, manifest.class_id, manifest.images, manifest.components
