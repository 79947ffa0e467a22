"""A log's side of witnessing, written by somebody else: nothing of Mot Lan is in here.

From RFC 6962 section 2.1 (tree and consistency proofs), C2SP's tlog-tiles (where hashes lie),
tlog-witness (what is sent) and tlog-cosignature (what comes back, `cosignature/v1`).
"""

import base64
import hashlib
import urllib.error
import urllib.request
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

COSIGNATURE = b"\x04"
TILE_HASHES = 256
ANSWER_S_MAX = 10


@dataclass(frozen=True)
class Answer:
    """What a witness answered."""

    status: int
    kind: str
    body: str


def text_of(note: str) -> str:
    """What is signed."""
    return note[: note.rindex("\n\n") + 1]


def size_of(note: str) -> int:
    """How many records the checkpoint speaks for."""
    return int(note.split("\n")[1])


def fetch(url: str) -> bytes:
    """A page of the log."""
    with urllib.request.urlopen(url, timeout=ANSWER_S_MAX) as response:
        return response.read()


def leaf_hashes(log: str, size: int) -> list[bytes]:
    """The leaves' hashes, from the tiles of the lowest level."""
    hashes = []
    for tile in range((size + TILE_HASHES - 1) // TILE_HASHES):
        width = min(TILE_HASHES, size - tile * TILE_HASHES)
        part = "" if width == TILE_HASHES else f".p/{width}"
        read = fetch(f"{log}/tile/0/{tile:03}{part}")
        hashes += [read[at : at + 32] for at in range(0, len(read), 32)]
    assert len(hashes) == size < TILE_HASHES * 1000
    return hashes


def root(hashes: list[bytes]) -> bytes:
    """MTH of RFC 6962."""
    if len(hashes) <= 1:
        return hashes[0] if hashes else hashlib.sha256().digest()
    half = _half(hashes)
    return hashlib.sha256(b"\x01" + root(hashes[:half]) + root(hashes[half:])).digest()


def consistency(old: int, hashes: list[bytes], *, whole: bool = True) -> list[bytes]:
    """PROOF of RFC 6962, or with `whole` not set SUBPROOF."""
    if old == 0:
        return []
    if old == len(hashes):
        return [] if whole else [root(hashes)]
    half = _half(hashes)
    left, right = hashes[:half], hashes[half:]
    if old <= half:
        return [*consistency(old, left, whole=whole), root(right)]
    return [*consistency(old - half, right, whole=False), root(left)]


def _half(hashes: list[bytes]) -> int:
    return 1 << (len(hashes) - 1).bit_length() - 1


def submit(witness: str, old: int, proof: list[bytes], note: str) -> Answer:
    """Sends a checkpoint to a witness."""
    lines = [f"old {old}", *(base64.b64encode(part).decode() for part in proof), "", note]
    data = "\n".join(lines).encode()
    request = urllib.request.Request(f"{witness}/add-checkpoint", data, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=ANSWER_S_MAX) as response:
            return Answer(response.status, response.headers["content-type"], response.read().decode())
    except urllib.error.HTTPError as error:
        return Answer(error.code, error.headers["content-type"], error.read().decode())


def cosigned_at(line: str, note: str, verifier: str) -> int:
    """When the witness of `verifier` signed; an exception where it did not."""
    name, key_hash, encoded = verifier.split("+", 2)
    key = base64.b64decode(encoded, validate=True)
    key_id = hashlib.sha256(f"{name}\n".encode() + key).digest()[:4]
    assert (key[:1], key_id.hex()) == (COSIGNATURE, key_hash)
    dash, signer, signature = line.removesuffix("\n").split(" ")
    raw = base64.b64decode(signature, validate=True)
    assert (dash, signer, raw[:4], len(raw)) == ("—", name, key_id, 4 + 8 + 64)
    time_s = int.from_bytes(raw[4:12], "big")
    message = f"cosignature/v1\ntime {time_s}\n{text_of(note)}".encode()
    Ed25519PublicKey.from_public_bytes(key[1:]).verify(raw[12:], message)
    return time_s
