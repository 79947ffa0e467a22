"""What a caller learns from a call that brought no answer."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import grpc
import pytest
from google.rpc import error_details_pb2
from grpc_status import rpc_status


@dataclass(frozen=True)
class Refusal:
    """An error with its details."""

    code: grpc.StatusCode
    message: str
    reason: str
    domain: str
    vietnamese: str
    locale: str
    # As told in the details, and as told in the trailers.
    record: str | None
    record_trailer: str | None


def refused(method: Callable[..., Any], *arguments: Any, **keywords: Any) -> Refusal:
    """Calls `method`, which must bring no answer."""
    with pytest.raises(grpc.RpcError) as raised:
        method(*arguments, **keywords)
    return read(raised.value)


def read(error: Any) -> Refusal:
    """Takes an error apart. It must carry both details."""
    status = rpc_status.from_call(error)
    assert status is not None, f"{error.code()} without details: {error.details()}"
    cause = error_details_pb2.ErrorInfo()
    sentence = error_details_pb2.LocalizedMessage()
    for part in (cause, sentence):
        [packed] = [detail for detail in status.details if detail.Is(part.DESCRIPTOR)]
        assert packed.Unpack(part)
    return Refusal(
        code=error.code(),
        message=error.details(),
        reason=cause.reason,
        domain=cause.domain,
        vietnamese=sentence.message,
        locale=sentence.locale,
        record=cause.metadata.get("record"),
        record_trailer=dict(error.trailing_metadata()).get("motlan-record"),
    )
