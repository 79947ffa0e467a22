"""Grounds to ask, checked by somebody else: nothing of Mot Lan is in here.

From RFC 7515 (the compact JWS), RFC 8037 (Ed25519 in it), C2SP's signed-note (the verifier
key), and docs/LEDGER.md (what binds a ground to its record).
"""

import base64
import hashlib
import hmac
import json
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

TYPE = "motlan-ground+jwt"


def check(token: str, verifier: str) -> dict[str, Any]:
    """The claims, if the log of `verifier` signed them; else `InvalidSignature` is raised."""
    _name, key_hash, encoded = verifier.split("+", 2)
    header, claims, signature = token.split(".")
    assert json.loads(_raw(header)) == {"alg": "EdDSA", "kid": key_hash, "typ": TYPE}
    # The first byte of the verifier key is the algorithm.
    key = Ed25519PublicKey.from_public_bytes(base64.b64decode(encoded, validate=True)[1:])
    key.verify(_raw(signature), f"{header}.{claims}".encode())
    found: dict[str, Any] = json.loads(_raw(claims), object_pairs_hook=_once_each)
    return found


def commitment(claims: dict[str, Any]) -> bytes:
    """What the record of the ground must hold, and nobody can make without the ground."""
    tag = hmac.new(_raw(claims["jti"]), digestmod=hashlib.sha256)
    for text in (claims["dossier"], claims.get("sub", "")):
        tag.update(len(text.encode()).to_bytes(8, "big") + text.encode())
    return tag.digest()


def _raw(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    assert len(dict(pairs)) == len(pairs), "a claim stands there twice"
    return dict(pairs)
