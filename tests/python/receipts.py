"""Receipts, checked by somebody else: nothing of Mot Lan is in here.

From RFC 6962 (hashes), RFC 9162 section 2.1.3.2 (the path to the root), and C2SP's signed-note and
tlog-checkpoint (who signed the root).
"""

import base64
import hashlib
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

ED25519 = b"\x01"
PROOF_HASHES_MAX = 64


class NotProvenError(Exception):
    """The receipt proves nothing."""


@dataclass(frozen=True)
class Checkpoint:
    """What the log signed."""

    origin: str
    size: int
    root: bytes


def check(leaf: bytes, index: int, proof: list[bytes], note: str, verifier: str) -> Checkpoint:
    """Returns the checkpoint if the log of `verifier` signed it and holds `leaf` at `index`."""
    checkpoint = _checkpoint(_signed_text(note, verifier))
    name = verifier.split("+", 1)[0]
    if f"{checkpoint.origin}/".removeprefix(f"{name}/") == f"{checkpoint.origin}/":
        raise NotProvenError(f"{name} does not speak for {checkpoint.origin}")
    if _root(leaf, index, checkpoint.size, proof) != checkpoint.root:
        raise NotProvenError("the proof does not lead to the checkpoint")
    return checkpoint


def _root(leaf: bytes, index: int, size: int, proof: list[bytes]) -> bytes:
    if not 0 <= index < size or len(proof) > PROOF_HASHES_MAX:
        raise NotProvenError("no such place in the log")
    node, last = index, size - 1
    digest = hashlib.sha256(b"\x00" + leaf).digest()
    for sibling in proof:
        if len(sibling) != 32 or last == 0:
            raise NotProvenError("the proof is malformed")
        if node % 2 == 1 or node == last:
            digest = hashlib.sha256(b"\x01" + sibling + digest).digest()
            while node % 2 == 0 and node != 0:
                node, last = node // 2, last // 2
        else:
            digest = hashlib.sha256(b"\x01" + digest + sibling).digest()
        node, last = node // 2, last // 2
    if last != 0:
        raise NotProvenError("the proof is too short")
    return digest


def _signed_text(note: str, verifier: str) -> str:
    name, key_hash, encoded = verifier.split("+", 2)
    key = base64.b64decode(encoded, validate=True)
    key_id = hashlib.sha256(f"{name}\n".encode() + key).digest()[:4]
    if key[:1] != ED25519 or key_id.hex() != key_hash:
        raise NotProvenError("this is no whole Ed25519 verifier key")
    body, separator, signatures = note.rpartition("\n\n")
    if not separator or not signatures.endswith("\n"):
        raise NotProvenError("this is no signed note")
    text = f"{body}\n"
    for line in signatures.splitlines():
        dash, signer, signature = line.split(" ")
        raw = base64.b64decode(signature, validate=True)
        if (dash, signer, raw[:4]) == ("—", name, key_id):
            try:
                Ed25519PublicKey.from_public_bytes(key[1:]).verify(raw[4:], text.encode())
            except InvalidSignature:
                raise NotProvenError("the signature does not fit") from None
            return text
    raise NotProvenError(f"no signature by {name}")


def _checkpoint(text: str) -> Checkpoint:
    origin, size, root, *_extensions = text.splitlines()
    return Checkpoint(origin, int(size), base64.b64decode(root, validate=True))
