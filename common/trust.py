"""The public keys that are trusted, and whether one of them made a signature."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from common.cbor import byte_string
from common.envelope import Signature
from common.errors import ConfigError

MAX_BYTES = 64 * 1024
"""A PEM file over this is not read. One key takes some 200 bytes."""
_BLOCK = re.compile(rb"-----BEGIN ([A-Z0-9 ]+)-----.*?-----END \1-----", re.DOTALL)
_ES256_HALF = 32
"""Bytes of r and of s (RFC 9053, 2.1)."""
_ONE_KEY = "A trusted key is a PEM file with an Ed25519 or P-256 public key"


@dataclass(frozen=True, slots=True)
class TrustedKeys:
    """Public keys, of which any one may have signed. Immutable, so any thread may ask."""

    keys: tuple[Ed25519PublicKey | EllipticCurvePublicKey, ...]
    names: tuple[str, ...]
    """The names of their files."""

    @classmethod
    def load(cls, folder: Path) -> TrustedKeys:
        """The keys of every `*.pem` in the folder; ConfigError where there is none, or another thing than public keys in one."""
        try:
            files = sorted(path for path in folder.iterdir() if path.suffix == ".pem")
        except OSError as error:
            raise ConfigError(
                f"The folder of trusted keys {str(folder)!r} cannot be read ({error.strerror}):"
                " make it, with a public key in it, or name another one."
            ) from None
        if not files:
            raise ConfigError(
                f"There is no *.pem in the folder of trusted keys {str(folder)!r}. {_ONE_KEY}: put one there for each signer."
            )
        keys = tuple(key for file in files for key in _keys_of(file))
        return cls(keys, tuple(file.name for file in files))

    def fits(self, signature: Signature) -> bool:
        """Whether one of the keys made this signature over its payload."""
        return any(_made(key, signature) for key in self.keys)


def signed_bytes(protected: bytes, payload: bytes) -> bytes:
    """What a COSE_Sign1 signs: its Sig_structure without external data (RFC 9052, 4.4)."""
    return b"\x84\x6aSignature1" + byte_string(protected) + byte_string(b"") + byte_string(payload)


def _made(key: Ed25519PublicKey | EllipticCurvePublicKey, signature: Signature) -> bool:
    signed, value = signed_bytes(signature.protected, signature.payload), signature.value
    try:
        if isinstance(key, Ed25519PublicKey):
            if signature.algorithm != "EdDSA":
                return False
            key.verify(value, signed)
        else:
            if signature.algorithm != "ES256" or len(value) != 2 * _ES256_HALF:
                return False
            r, s = (int.from_bytes(half, "big") for half in (value[:_ES256_HALF], value[_ES256_HALF:]))
            key.verify(encode_dss_signature(r, s), signed, ECDSA(SHA256()))
    except InvalidSignature:
        return False
    return True


def _keys_of(file: Path) -> Iterator[Ed25519PublicKey | EllipticCurvePublicKey]:
    name, quoted = repr(str(file)), shlex.quote(str(file))
    try:
        with file.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise ConfigError(f"The trusted key {name} cannot be read ({error.strerror}): mend that, or take it away.") from None
    blocks = list(_BLOCK.finditer(data)) if len(data) <= MAX_BYTES else []
    labels = [block[1].decode() for block in blocks]
    if b"PRIVATE KEY-----" in data:
        raise ConfigError(
            f"{name} is a private key: keep it off the gateway."
            f" Put the public key here instead: openssl pkey -in {quoted} -pubout"
        )
    if "CERTIFICATE" in labels:
        raise ConfigError(
            f"{name} is a certificate, and its dates and issuer would not be looked at."
            f" Put the public key in it here instead: openssl x509 -in {quoted} -noout -pubkey"
        )
    if not blocks:
        raise ConfigError(f"{name} is no PEM public key. {_ONE_KEY}; take away what is none, or give it another ending.")
    for block in blocks:
        try:
            key = load_pem_public_key(block[0])
        except UnsupportedAlgorithm:
            key = None
        except (ValueError, TypeError):
            raise ConfigError(f"The public key in {name} is damaged: copy the file again. {_ONE_KEY}.") from None
        if isinstance(key, Ed25519PublicKey) or (isinstance(key, EllipticCurvePublicKey) and isinstance(key.curve, SECP256R1)):
            yield key
        else:
            raise ConfigError(f"The public key in {name} is of another kind. {_ONE_KEY}: SUIT manifests are signed with these.")
