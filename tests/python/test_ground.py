"""R98: a ground verifies by code that is not ours, and one that is not the log's is refused."""

import base64
import hashlib
import hmac
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from motlan.audit.v1 import audit_pb2 as audit
from motlan.audit.v1 import record_pb2 as records

from demo import BINARY, ROOT
from guide import blocks

AUDIT = BINARY.with_name("motlan-audit")
GUIDE = ROOT / "docs/security/ground.md"
SAMPLES = ROOT / "docs/security/samples"
NAME = "motlan.example/audit/hn1"
ORIGIN = f"{NAME}/2026q3"
TIME_S = 1_786_672_800
RUN_S_MAX = 20


def b64url(part: bytes) -> str:
    """As a JWS has it."""
    return base64.urlsafe_b64encode(part).decode().rstrip("=")


def canonical(value: dict[str, object]) -> bytes:
    """RFC 8785, for texts, whole numbers and lists of texts."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


@dataclass
class Log:
    """A log of one record, with a key of its own: all that a ground needs, made here."""

    key: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)

    @property
    def verifier(self) -> str:
        """The verifier key of C2SP signed-note."""
        public = b"\x01" + self.key.public_key().public_bytes_raw()
        return f"{NAME}+{self.key_id(public).hex()}+{base64.b64encode(public).decode()}"

    @staticmethod
    def key_id(public: bytes) -> bytes:
        """The hash in it."""
        return hashlib.sha256(f"{NAME}\n".encode() + public).digest()[:4]

    @property
    def header(self) -> dict[str, object]:
        """What stands before the claims."""
        return {"alg": "EdDSA", "kid": self.verifier.split("+")[1], "typ": "motlan-ground+jwt"}

    def sign(self, claims: dict[str, object], header: dict[str, object] | None = None) -> str:
        """A compact JWS."""
        signed = f"{b64url(canonical(header or self.header))}.{b64url(canonical(claims))}"
        return f"{signed}.{b64url(self.key.sign(signed.encode()))}"

    def receipt(self, record: records.Record) -> bytes:
        """That the record is the one of the log."""
        leaf = record.SerializeToString(deterministic=True)
        root = base64.b64encode(hashlib.sha256(b"\x00" + leaf).digest()).decode()
        text = f"{ORIGIN}\n1\n{root}\n"
        key_id = bytes.fromhex(self.verifier.split("+")[1])
        signature = base64.b64encode(key_id + self.key.sign(text.encode())).decode()
        note = f"{text}\n— {NAME} {signature}\n"
        return audit.Receipt(leaf=leaf, index=0, checkpoint=note).SerializeToString()


def ground(jti: bytes) -> dict[str, object]:
    """The claims."""
    return {
        "iss": ORIGIN,
        "jti": b64url(jti),
        "iat": TIME_S,
        "record": "hn1-2026q3-0",
        "caller": "H26/one-stop",
        "procedure": "1.004222",
        "dossier": "000.A0.01.H26-260814-0007",
        "sub": "001099000017",
        "document": "birth_certificate",
        "dataset": "civil_status",
        "outcome": "NOT_FOUND",
        "clauses": ["Nghị quyết 66.7/2025/NQ-CP, Phụ lục I, số 737"],
        "channel": "PAPER",
        "received": TIME_S - 60,
        "lookup": "hn1-2026q2-9",
    }


def recorded(claims: dict[str, object], jti: bytes) -> records.Record:
    """What is recorded of it."""
    tag = hmac.new(jti, digestmod=hashlib.sha256)
    for name in ("dossier", "sub"):
        text = str(claims[name]).encode()
        tag.update(len(text).to_bytes(8, "big") + text)
    return records.Record(
        format=2,
        kind=records.RECORD_KIND_COMPONENT,
        time_us=TIME_S * 1_000_000 + 5,
        caller=claims["caller"],
        dataset=claims["dataset"],
        procedure=claims["procedure"],
        component=records.Component(
            document=claims["document"],
            outcome=records.GROUND_OUTCOME_NOT_FOUND,
            clauses=claims["clauses"],
            channel=records.CHANNEL_PAPER,
            received_us=claims["received"] * 1_000_000 + 7,
            lookup=claims["lookup"],
            commitment=tag.digest(),
        ),
    )


Judge = Callable[..., tuple[int, str]]


@pytest.fixture(name="log")
def new_log() -> Log:
    """A log with a fresh key."""
    return Log()


@pytest.fixture(name="judge")
def judge_with(tmp_path: Path, log: Log) -> Judge:
    """`motlan-audit ground verify`: its exit code, and all that it says."""
    assert AUDIT.is_file(), f"{AUDIT} is missing: build motlan-auditor first"

    def judge(token: str, receipt: bytes | None = None, *more: str) -> tuple[int, str]:
        (tmp_path / "ground").write_text(token)
        command = [str(AUDIT), "ground", "verify", "ground", "--key", log.verifier, *more]
        if receipt is not None:
            (tmp_path / "receipt").write_bytes(receipt)
            command += ["--receipt", "receipt"]
        done = subprocess.run(
            command, cwd=tmp_path, capture_output=True, text=True, timeout=RUN_S_MAX, check=False
        )
        return done.returncode, done.stdout + done.stderr

    return judge


def test_a_ground_that_python_signed_is_judged_as_the_ledgers_own(log: Log, judge: Judge) -> None:
    jti = os.urandom(16)
    claims = ground(jti)
    token, receipt = log.sign(claims), log.receipt(recorded(claims, jti))
    code, told = judge(token, receipt, "--dossier", str(claims["dossier"]))
    assert code == 0, told
    assert "stands in a log of 1 records, and says the same" in told
    assert judge(token, None, "--dossier", "000.A0.01.H26-260814-0008")[0] == 1


def test_what_the_key_signed_and_the_record_does_not_say_is_refused(log: Log, judge: Judge) -> None:
    jti = os.urandom(16)
    claims = ground(jti)
    receipt = log.receipt(recorded(claims, jti))
    others: dict[str, object] = {
        "jti": b64url(os.urandom(16)),
        "iat": TIME_S + 1,
        "caller": "H29/one-stop",
        "procedure": "1.004223",
        "variant": "1",
        "dossier": "000.A0.01.H26-260814-0008",
        "sub": "001099000018",
        "document": "death_certificate",
        "dataset": "population",
        "outcome": "UNAVAILABLE",
        "clauses": ["another"],
        "channel": "ONLINE",
        "received": TIME_S - 61,
        "due": TIME_S + 1,
        "lookup": "hn1-2026q2-8",
        "record": "hn1-2026q3-1",
    }
    for name, value in others.items():
        token = log.sign({**claims, name: value})
        assert judge(token)[0] == 0, name
        code, told = judge(token, receipt)
        assert code == 1, (name, told)
        assert "NOT what was recorded" in told


def test_a_forgery_is_refused_whatever_it_calls_itself(log: Log, judge: Judge) -> None:
    claims = ground(os.urandom(16))
    header, body, signature = log.sign(claims).split(".")
    public = base64.b64decode(log.verifier.split("+", 2)[2])[1:]
    unsigned = b64url(canonical({**log.header, "alg": "none"}))
    keyed = b64url(canonical({**log.header, "alg": "HS256"}))
    tag = b64url(hmac.digest(public, f"{keyed}.{body}".encode(), "sha256"))
    stranger = Log()
    forgeries = [
        f"{unsigned}.{body}.",
        f"{keyed}.{body}.{tag}",
        f"{header}.{b64url(canonical({**claims, 'dossier': 'another'}))}.{signature}",
        stranger.sign(claims),
        stranger.sign(claims, log.header),
        log.sign(claims, {**log.header, "crit": ["exp"]}),
        log.sign(claims, {**log.header, "typ": "JWT"}),
        log.sign({**claims, "more": "x"}),
    ]
    for forgery in forgeries:
        code, told = judge(forgery)
        assert (code, "proves NOTHING" in told) == (1, True), told


def test_the_guides_own_check_reads_the_sample_and_refuses_it_spoilt(tmp_path: Path) -> None:
    (script,) = [block.text for block in blocks(GUIDE) if block.kind == "python"]

    def run(token: str) -> subprocess.CompletedProcess[str]:
        (tmp_path / "ground").write_text(token)
        command = [sys.executable, "-c", script, "ground", str(SAMPLES / "log.key")]
        return subprocess.run(
            command, cwd=tmp_path, capture_output=True, text=True, timeout=RUN_S_MAX, check=False
        )

    token = (SAMPLES / "ground.jws").read_text().strip()
    done = run(token)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["dossier"] == "000.A0.01.H26-260814-0007"
    header, body, signature = token.split(".")
    other = b64url(canonical({**json.loads(done.stdout), "sub": "001099000018"}))
    for spoilt in (f"{header}.{other}.{signature}", f"{other}.{body}.{signature}"):
        assert run(spoilt).returncode == 1
