"""The first lookup of an agency's system. Usage: lookup.py PERSON [FIELDS]"""

import base64
import json
import os
import random
import secrets
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import grpc
import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from vn.population.v1 import population_pb2, population_pb2_grpc

FOLDER = Path(os.environ["DIR"])
ENDPOINTS = json.loads((FOLDER / "endpoints.json").read_text())
SYSTEM = "H26/one-stop"
FILES = ENDPOINTS["systems"][SYSTEM]

DEADLINE_S = 5
ATTEMPTS_MAX = 3
PAUSE_S_MAX = 10
# What may be asked again as it is. Everything else stays as it is until somebody has acted.
REPEAT = {
    "DEADLINE_PASSED",
    "GATEWAY_BUSY",
    "LEDGER_UNAVAILABLE",
    "MESSAGE_LATE",
    "PROVIDER_BROKE_OFF",
    "PROVIDER_BUSY",
    "PROVIDER_SILENT",
    "PROVIDER_UNREACHABLE",
    "RATE_EXCEEDED",
    "TOKEN_EXPIRED",
}


@dataclass
class Refused(Exception):
    """No answer came, and this is why."""

    status: str
    message: str
    # The details of the gateway. A reason is absent where the gateway was not reached.
    reason: str = "none"
    vietnamese: str = ""
    record: str = "none"
    wait_s: float = 0

    @classmethod
    def read(cls, error):
        refused = cls(error.code().name, error.details())
        status = rpc_status.from_call(error)
        for detail in status.details if status else []:
            info = error_details_pb2.ErrorInfo()
            sentence = error_details_pb2.LocalizedMessage()
            retry = error_details_pb2.RetryInfo()
            if detail.Unpack(info) and info.domain == "motlan":
                refused.reason = info.reason
                refused.record = info.metadata.get("record", "none")
            elif detail.Unpack(sentence):
                refused.vietnamese = sentence.message
            elif detail.Unpack(retry):
                refused.wait_s = retry.retry_delay.ToTimedelta().total_seconds()
        return refused

    def may_repeat(self):
        unreached = self.reason == "none" and self.status == "UNAVAILABLE"
        return unreached or self.reason in REPEAT


def token(official, procedure, dossier):
    """The official's statement of why, signed by this system and bound to its certificate."""
    certificate = x509.load_pem_x509_certificate((FOLDER / FILES["cert"]).read_bytes())
    thumbprint = base64.urlsafe_b64encode(certificate.fingerprint(hashes.SHA256()))
    now = int(time.time())
    claims = {
        "iss": SYSTEM,
        "sub": official,
        "aud": ENDPOINTS["audience"],
        "iat": now,
        "exp": now + 300,
        "jti": secrets.token_urlsafe(16),
        "cnf": {"x5t#S256": thumbprint.rstrip(b"=").decode()},
        "purpose": {"procedure": procedure, "dossier": dossier},
    }
    key = (FOLDER / FILES["token_key"]).read_bytes()
    # `EdDSA` where an Ed25519 key is registered.
    return jwt.encode(claims, key, algorithm="ES256", headers={"kid": FILES["token_kid"]})


def connect():
    """One channel serves many calls, from many threads. Keep it open."""
    credentials = grpc.ssl_channel_credentials(
        root_certificates=(FOLDER / ENDPOINTS["ca"]).read_bytes(),
        private_key=(FOLDER / FILES["key"]).read_bytes(),
        certificate_chain=(FOLDER / FILES["cert"]).read_bytes(),
    )
    return grpc.secure_channel(ENDPOINTS["gateway"], credentials)


def look_up(channel, person, fields):
    """The person and the trailers. Raises Refused; each attempt is a lookup, with a record."""
    registry = population_pb2_grpc.PopulationRegistryStub(channel)
    request = population_pb2.GetPersonRequest(personal_id=person)
    for attempt in range(1, ATTEMPTS_MAX + 1):
        bearer = token("canbo.0042", "1.004222", "000.00.00.H26-261122-0001")
        metadata = [("authorization", f"Bearer {bearer}")]
        if fields:
            metadata.append(("motlan-fields", fields))
        try:
            answer, call = registry.GetPerson.with_call(
                request, metadata=metadata, timeout=DEADLINE_S
            )
            return answer, dict(call.trailing_metadata())
        except grpc.RpcError as error:
            refused = Refused.read(error)
        pause = max(refused.wait_s, 0.2 * 2**attempt * random.uniform(0.5, 1))
        if not refused.may_repeat() or attempt == ATTEMPTS_MAX or pause > PAUSE_S_MAX:
            raise refused
        print(f"attempt {attempt}: {refused.status}, again in a moment", file=sys.stderr)
        time.sleep(pause)


def main():
    person, fields = (sys.argv[1:] + [""])[:2]
    try:
        with connect() as channel:
            answer, trailers = look_up(channel, person, fields)
    except Refused as refused:
        print(f"refused: {refused.status} {refused.reason}")
        print(f"message: {refused.message}")
        print(f"vi: {refused.vietnamese}")
        print(f"record: {refused.record}")
        sys.exit(1)
    born, home = answer.date_of_birth, answer.permanent_residence
    print("name:", answer.full_name)
    # What was not given is not set.
    print("born:", f"{born.year}-{born.month}-{born.day}" if answer.HasField("date_of_birth") else "")
    print("province:", home.province_name)
    print("record:", trailers["motlan-record"])
    print("withheld:", trailers["motlan-withheld"])
    print("as of:", trailers["motlan-as-of"])


if __name__ == "__main__":
    main()
