"""Tokens as an agency's own system signs them: a JWT of ES256 or EdDSA, bound to a certificate."""

import base64
import hashlib
import json
import secrets
import time
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from demo import Credentials

LIFETIME_S = 300


def thumbprint(certificate_pem: bytes) -> str:
    """What `cnf` holds of a certificate (RFC 8705)."""
    certificate = x509.load_pem_x509_certificate(certificate_pem)
    der = certificate.public_bytes(serialization.Encoding.DER)
    return _base64url(hashlib.sha256(der).digest())


def claims(system: str, audience: str, certificate_pem: bytes, procedure: str) -> dict[str, Any]:
    """The claims of a token that is right in everything."""
    now_s = int(time.time())
    return {
        "iss": system,
        "sub": "canbo.python",
        "aud": audience,
        "iat": now_s,
        "exp": now_s + LIFETIME_S,
        "jti": secrets.token_urlsafe(16),
        "cnf": {"x5t#S256": thumbprint(certificate_pem)},
        "purpose": {"procedure": procedure, "dossier": "000.00.00.H26-261122-0002"},
    }


def sign(token: dict[str, Any], credentials: Credentials, **header: str | None) -> str:
    """Signs `token`. `header` lets its header lie; None leaves a parameter out."""
    key = serialization.load_pem_private_key(credentials.token_key, password=None)
    algorithm = "EdDSA" if isinstance(key, ed25519.Ed25519PrivateKey) else "ES256"
    whole = {"alg": algorithm, "typ": "JWT", "kid": credentials.token_kid, **header}
    whole = {name: value for name, value in whole.items() if value is not None}
    signed = ".".join(_base64url(json.dumps(part).encode()) for part in (whole, token))
    return f"{signed}.{_base64url(_signature(key, signed.encode()))}"


def header(token: str) -> dict[str, Any]:
    """The header of a token."""
    encoded = token.split(".", 1)[0]
    return json.loads(base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)))


def _signature(key: Any, signed: bytes) -> bytes:
    match key:
        case ed25519.Ed25519PrivateKey():
            return key.sign(signed)
        case ec.EllipticCurvePrivateKey():
            # A JWT holds the two numbers as they are (RFC 7518), not in DER.
            r, s = decode_dss_signature(key.sign(signed, ec.ECDSA(hashes.SHA256())))
            return r.to_bytes(32, "big") + s.to_bytes(32, "big")
        case _:
            raise TypeError("a token key is Ed25519 or P-256")


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
