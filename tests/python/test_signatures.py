"""R84, R85: what the demo's catalogue is signed and sealed with, verified without a line of ours."""

import base64
import hashlib
import json
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_public_key,
)

from demo import Demo

ROLES = {"owner": "provider", "data_protection": "provider", "consumer": "consumer"}
UNSEALED = {"manifest.json", "manifest.json.jws.json"}

Key = Ed25519PublicKey | EllipticCurvePublicKey


def test_every_agreement_of_the_demo_is_signed_by_three_with_three_keys(demo: Demo) -> None:
    catalog = demo.folder / "catalog"
    agreements = sorted(catalog.glob("agreements/*.toml"))
    assert len(agreements) >= 6
    for agreement in agreements:
        parties = _parties(agreement)
        signed = {}
        for header, message, signature in _signatures(agreement):
            role, agency, kid = header["role"], header["agency"], header["kid"]
            assert header["typ"] == "motlan-agreement+jws"
            assert agency == parties[ROLES[role]]
            key = _key(catalog / "signers" / agency / role / f"{kid}.pem")
            _verify(key, header["alg"], message, signature)
            signed[role] = _der(key)
        assert signed.keys() == ROLES.keys()
        assert len(set(signed.values())) == len(ROLES)


def test_the_manifest_names_every_file_by_its_hash_and_is_signed(demo: Demo) -> None:
    catalog = demo.folder / "catalog"
    files = {
        str(path.relative_to(catalog)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in catalog.rglob("*")
        if path.is_file()
    }
    manifest = json.loads((catalog / "manifest.json").read_text())
    assert manifest["files"] == {name: one for name, one in files.items() if name not in UNSEALED}
    assert manifest["format"] == 1

    key = _key(demo.folder / "pki/manifest.pem")
    ((header, message, signature),) = _signatures(catalog / "manifest.json")
    assert header["typ"] == "motlan-manifest+jws"
    assert header["kid"] == hashlib.sha256(_der(key)).hexdigest()
    _verify(key, header["alg"], message, signature)

    known = json.loads((demo.folder / "known-revision.json").read_text())
    digest = hashlib.sha256((catalog / "manifest.json").read_bytes()).hexdigest()
    assert known == {"revision": manifest["revision"], "manifest": digest}


def test_a_byte_more_is_not_what_was_signed(demo: Demo) -> None:
    key = _key(demo.folder / "pki/manifest.pem")
    ((header, message, signature),) = _signatures(demo.folder / "catalog/manifest.json")
    with pytest.raises(InvalidSignature):
        _verify(key, header["alg"], message + b"A", signature)


def _parties(agreement: Path) -> dict[str, str]:
    """Provider and consumer, as the head of the file names them."""
    found = {}
    for line in agreement.read_text().splitlines():
        name, _, value = line.partition(" = ")
        if name in {"provider", "consumer"}:
            found.setdefault(name, value.strip('"'))
    return found


def _signatures(file: Path) -> list[tuple[dict[str, str], bytes, bytes]]:
    """Header, what is signed, and the signature, of each that lies beside a file (RFC 7515)."""
    payload = base64.urlsafe_b64encode(file.read_bytes()).rstrip(b"=")
    jws = json.loads(Path(f"{file}.jws.json").read_text())
    assert jws.keys() == {"signatures"}
    return [
        (
            json.loads(_decode(one["protected"])),
            one["protected"].encode() + b"." + payload,
            _decode(one["signature"]),
        )
        for one in jws["signatures"]
    ]


def _decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _key(file: Path) -> Key:
    key = load_pem_public_key(file.read_bytes())
    assert isinstance(key, Ed25519PublicKey | EllipticCurvePublicKey)
    return key


def _der(key: Key) -> bytes:
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _verify(key: Key, alg: str, message: bytes, signature: bytes) -> None:
    if isinstance(key, Ed25519PublicKey):
        assert alg == "EdDSA"
        key.verify(signature, message)
        return
    assert alg == "ES256"
    assert len(signature) == 64
    r, s = (int.from_bytes(half) for half in (signature[:32], signature[32:]))
    key.verify(encode_dss_signature(r, s), message, ECDSA(hashes.SHA256()))
