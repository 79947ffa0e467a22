"""A caller's deadline is kept, and a caller that does not wait is on record all the same."""

import time
from collections.abc import Iterator
from typing import Any

import grpc
import pytest
from motlan.audit.v1 import audit_pb2, audit_pb2_grpc, record_pb2
from vn.population.v1 import population_pb2 as population
from vn.population.v1 import population_pb2_grpc

import silent
from caller import Caller
from demo import Demo
from refusal import refused

WAIT_S_MAX = 10.0
POLL_S = 0.02


@pytest.fixture(name="hurried", scope="module")
def caller_of_a_silent_owner(
    demo: Demo, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Caller]:
    """A desk whose question the owner never answers."""
    folder = tmp_path_factory.mktemp("silent") / "gateway"
    with silent.gateway(demo, folder) as served:
        caller = Caller.connect(served, "H26/one-stop")
        yield caller
        caller.channel.close()


def question(caller: Caller) -> tuple[Any, Any, tuple[str, str]]:
    """A method, its request, and a token for it."""
    registry = population_pb2_grpc.PopulationRegistryStub(caller.channel)
    request = population.GetPersonRequest(personal_id=caller.demo.samples["person"])
    return registry.GetPerson, request, ("authorization", f"Bearer {caller.token()}")


def let_pass(caller: Caller) -> Any:
    """Waits for the gateway to end a lookup of 300 ms. What it says then."""
    method, request, token = question(caller)
    # As metadata, so that it is the gateway that ends it, not this client.
    deadline = ("grpc-timeout", "300m")
    return refused(method.with_call, request, metadata=(token, deadline))


def record(caller: Caller, name: str) -> Any:
    """The record `name`, which must come within the wait."""
    audit = audit_pb2_grpc.AuditStub(caller.channel)
    request = audit_pb2.GetReceiptRequest(record=name)
    end = time.monotonic() + WAIT_S_MAX
    while True:
        try:
            receipt = audit.GetReceipt(request, timeout=WAIT_S_MAX).receipt
            return record_pb2.Record.FromString(receipt.leaf)
        except grpc.RpcError as error:
            missing = error.code() == grpc.StatusCode.NOT_FOUND
            if not missing or time.monotonic() > end:
                raise
        time.sleep(POLL_S)


def test_a_lookup_ends_at_the_callers_deadline(hurried: Caller) -> None:
    started = time.monotonic()
    refusal = let_pass(hurried)
    took_s = time.monotonic() - started
    assert refusal.code == grpc.StatusCode.DEADLINE_EXCEEDED
    assert refusal.reason == "PROVIDER_SILENT"
    assert refusal.record is not None
    # A tenth is kept back, so that the reason comes before the caller gives up.
    assert 0.25 < took_s < 3


def test_a_caller_that_hangs_up_is_on_record(hurried: Caller) -> None:
    earlier = let_pass(hurried).record
    assert earlier is not None
    log, index = earlier.rsplit("-", 1)
    method, request, token = question(hurried)
    under_way = method.future(request, metadata=(token, ("grpc-timeout", "600m")))
    asked = record(hurried, f"{log}-{int(index) + 1}")
    assert asked.kind == record_pb2.RECORD_KIND_QUESTION
    under_way.cancel()
    ended = record(hurried, f"{log}-{int(index) + 2}")
    assert ended.kind == record_pb2.RECORD_KIND_OUTCOME
    assert ended.question == int(index) + 1
    assert ended.result == record_pb2.RESULT_FAILED


def test_this_clients_own_deadline_ends_it_too(hurried: Caller) -> None:
    method, request, token = question(hurried)
    with pytest.raises(grpc.RpcError) as raised:
        method(request, metadata=(token,), timeout=0.2)
    assert raised.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED
