"""A system that works with the audit trail."""

from typing import Any

from motlan.audit.v1 import audit_pb2_grpc

import signing
from caller import CALL_S_MAX, Caller
from demo import Demo

BASIS = "Điều 9 Quy chế kiểm tra"


class Officer:
    """One that is connected."""

    def __init__(self, demo: Demo, system: str) -> None:
        self.caller = Caller.connect(demo, system)
        self.stub = audit_pb2_grpc.AuditStub(self.caller.channel)

    def ask(self, method: str, request: Any, purpose: dict[str, str] | None = None) -> Any:
        """Calls a method with a token for `purpose`, a right one if none is given."""
        claims = self.caller.claims()
        claims["purpose"] = {"basis": BASIS} if purpose is None else purpose
        token = signing.sign(claims, self.caller.credentials)
        metadata = (("authorization", f"Bearer {token}"),)
        return getattr(self.stub, method)(request, metadata=metadata, timeout=CALL_S_MAX)
