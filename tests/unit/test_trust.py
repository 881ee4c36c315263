"""Trusted keys: what may lie in their folder, and which signatures they fit."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from common.envelope import Signature
from common.errors import ConfigError
from common.manifest import parse
from common.signature import SignatureState, state_of
from common.trust import TrustedKeys, signed_bytes
from tests.support import suit
from tests.support.suit import read

BODY = suit.current_body([suit.Slot(b"image", uri="coap://[::1]/image")])


def folder(path: Path, **files: bytes) -> Path:
    path.mkdir(exist_ok=True)
    for name, data in files.items():
        (path / f"{name}.pem").write_bytes(data)
    return path


def test_riots_samples(tmp_path: Path, samples: Path) -> None:
    keys = TrustedKeys.load(folder(tmp_path, riot=(samples / "public-key.pem").read_bytes()))
    states = {path.name: state_of(parse(path.read_bytes()), keys) for path in samples.rglob("*suit*") if path.is_file()}
    assert len(states) == 5
    assert states.pop("other-key-1700000200.suit") is SignatureState.INVALID
    assert states.pop("unsigned-1700000200.suit") is SignatureState.ABSENT
    assert set(states.values()) == {SignatureState.VALID}


def test_both_kinds_of_keys(tmp_path: Path) -> None:
    ours = folder(tmp_path, b_second=suit.es256().public_pem, a_first=suit.eddsa().public_pem)
    (ours / "notes.txt").write_text("-----BEGIN PRIVATE KEY-----")
    keys = TrustedKeys.load(ours)
    assert keys.names == ("a_first.pem", "b_second.pem")
    for signer in (suit.es256(), suit.eddsa()):
        assert state_of(read(suit.current(BODY, signer)), keys) is SignatureState.VALID
        assert state_of(read(suit.draft_09(BODY, signer)), keys) is SignatureState.VALID
        assert state_of(read(suit.current(BODY, signer, attached=True, told=False)), keys) is SignatureState.VALID
    for signer in (suit.es256(2), suit.eddsa(2)):
        assert state_of(read(suit.current(BODY, signer)), keys) is SignatureState.INVALID
    assert state_of(read(suit.current(BODY, suit.es256(2), suit.eddsa())), keys) is SignatureState.VALID


def test_one_file_may_hold_several_keys(tmp_path: Path) -> None:
    both = b"the first\r\n" + suit.es256().public_pem.replace(b"\n", b"\r\n") + b"and\n" + suit.eddsa().public_pem
    keys = TrustedKeys.load(folder(tmp_path, both=both))
    assert [state_of(read(suit.draft_09(BODY, s)), keys) for s in (suit.es256(), suit.eddsa())] == [SignatureState.VALID] * 2


def test_a_tampered_manifest_and_a_tampered_signature(tmp_path: Path) -> None:
    keys = TrustedKeys.load(folder(tmp_path, es256=suit.es256().public_pem, eddsa=suit.eddsa().public_pem))
    for signer in (suit.es256(), suit.eddsa()):
        other = suit.current_body([suit.Slot(b"other", uri="coap://[::1]/image")])
        swapped = suit.current(BODY, signer).replace(BODY, other)
        assert read(swapped).digest_fits is False
        assert state_of(read(swapped), keys) is SignatureState.INVALID
        [signature] = read(suit.current(BODY, signer)).signatures
        assert keys.fits(signature)
        values = [signature.value[:-1], signature.value + b"\0", b"", bytes(64), b"\xff" * 64, signature.value[::-1]]
        assert not any(keys.fits(replace(signature, value=value)) for value in values)
        others = [{"protected": b""}, {"payload": b""}, {"algorithm": ""}, {"algorithm": "-35"}, {"algorithm": "COSE_Mac0"}]
        assert not any(keys.fits(replace(signature, **other)) for other in others)
        confused = {"EdDSA": "ES256", "ES256": "EdDSA"}[signature.algorithm]
        assert not keys.fits(replace(signature, algorithm=confused))


def test_the_bytes_that_are_signed(samples: Path) -> None:
    [signature] = read((samples / "fw/sample/samr21-xpro/riot.suit.1700000100.bin").read_bytes()).signatures
    expected = "846a5369676e61747572653143a10127405824820258209b23ac6eeb6c127b1d80de3a7ee6ac9f47618ac2daf06e3e469407ce14dad379"
    assert isinstance(signature, Signature)
    assert signed_bytes(signature.protected, signature.payload).hex() == expected


def test_the_drafts_own_example(tmp_path: Path) -> None:
    """Example 0 and its key (draft-ietf-suit-manifest-19, B and B.1)."""
    key = (
        "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEhJaBGq4LqqvSYVcYnuzaJr6qi/Eb\n"
        "bz/m4rVlnIXbwK07HypLbAmBMcCjbazR14vTgdzfsJwFLbM5kdtzOLSolg=="
    )
    envelope = bytes.fromhex(
        "d86ba2025873825824822f58206658ea560262696dd1f13b782239a064da7c6c5cbaf52fded428a6fc83c7e5af584ad28443a10126a0f658"
        "4068113f1e76731330fea16136cead2be4fa8d4bb3e327e3f9232eb4f13b5d118f2ea6e31d9a09a240f6f5770776916e15a4ebca1b6262cf"
        "6e40a44353bd8161d9035871a50101020003585fa202818141000458568614a40150fa6b4a53d5ad5fdfbe9de663e4d41ffe02501492af14"
        "25695e48bf429b2d51f2ab45035824822f582000112233445566778899aabbccddeeff0123456789abcdeffedcba98765432100e1987d001"
        "0f020f074382030f0943821702"
    )
    manifest = read(envelope)
    assert (manifest.digest_fits, manifest.sequence_number) == (True, 0)
    assert (manifest.vendor_id, manifest.class_id) == (
        "fa6b4a53-d5ad-5fdf-be9d-e663e4d41ffe",
        "1492af14-2569-5e48-bf42-9b2d51f2ab45",
    )
    keys = TrustedKeys.load(folder(tmp_path, draft=f"-----BEGIN PUBLIC KEY-----\n{key}\n-----END PUBLIC KEY-----\n".encode()))
    assert state_of(manifest, keys) is SignatureState.VALID


RSA = rsa.generate_private_key(65537, 2048).public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
P384 = ec.generate_private_key(ec.SECP384R1()).public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
CERTIFICATE = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "is no PEM public key"),
        (b"hello", "is no PEM public key"),
        (bytes(70_000) + suit.eddsa().public_pem, "is no PEM public key"),
        (suit.eddsa().public_pem[:60], "is no PEM public key"),
        (suit.eddsa().public_pem.replace(b"MC", b"MB"), "is damaged: copy the file again"),
        (suit.eddsa().private_pem, "is a private key: keep it off the gateway.* openssl pkey -in '.*key.pem' -pubout"),
        (suit.es256().public_pem + suit.es256().private_pem, "is a private key"),
        (suit.eddsa().private_pem.replace(b"PRIVATE", b"OPENSSH PRIVATE"), "is a private key"),
        (suit.eddsa().private_pem.replace(b"PRIVATE", b"ENCRYPTED PRIVATE")[:80], "is a private key"),
        (RSA, "is of another kind.* Ed25519 or P-256"),
        (P384, "is of another kind.* Ed25519 or P-256"),
        (CERTIFICATE, "is a certificate.* openssl x509 -in '.*key.pem' -noout -pubkey"),
    ],
)
def test_what_is_no_public_key(tmp_path: Path, data: bytes, said: str) -> None:
    keys = folder(tmp_path / "the keys", key=data, good=suit.es256().public_pem)
    with pytest.raises(ConfigError, match=said) as caught:
        TrustedKeys.load(keys)
    assert repr(str(keys / "key.pem")) in str(caught.value)


def test_folders_without_keys(tmp_path: Path) -> None:
    (tmp_path / "key.pub").write_bytes(suit.eddsa().public_pem)
    with pytest.raises(ConfigError, match=r"There is no \*.pem in the folder"):
        TrustedKeys.load(tmp_path)
    for path in (tmp_path / "missing", tmp_path / "key.pub"):
        with pytest.raises(ConfigError, match=r"folder of trusted keys .* cannot be read"):
            TrustedKeys.load(path)
    (tmp_path / "folder.pem").mkdir()
    with pytest.raises(ConfigError, match=r"folder.pem' cannot be read"):
        TrustedKeys.load(tmp_path)


def test_the_command_that_is_advised_makes_a_key_that_is_taken(tmp_path: Path) -> None:
    private = tmp_path / "private"
    private.write_bytes(suit.es256().private_pem)
    try:
        public = subprocess.run(["openssl", "pkey", "-in", private, "-pubout"], check=True, capture_output=True).stdout
    except FileNotFoundError:
        pytest.skip("apt-get install openssl")
    keys = TrustedKeys.load(folder(tmp_path / "keys", key=public))
    assert state_of(read(suit.current(BODY, suit.es256())), keys) is SignatureState.VALID
