"""A stop while callers ask: who got an answer finds it in the ledger."""

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import grpc
import podman
import pytest
from caller import Caller
from deployment import DATA, Deployment
from vn.population.v1 import population_pb2 as population
from vn.population.v1 import population_pb2_grpc

CALLERS = 8
ANSWERS_BEFORE_STOP = 200
WARM_S_MAX = 30.0
GRACE_S = 40


@dataclass
class Load:
    """Callers that ask until the gateway is gone."""

    records: list[str] = field(default_factory=list)
    warm: threading.Event = field(default_factory=threading.Event)

    def ask(self, caller: Caller) -> None:
        """Asks without a pause until a call fails, and keeps the record of each answer."""
        registry: Any = population_pb2_grpc.PopulationRegistryStub(caller.channel)
        person = caller.demo.samples["person"]
        request = population.GetPersonRequest(personal_id=person)
        token = caller.token()
        while True:
            try:
                answer = caller.ask(registry.GetPerson, request, token=token)
            except grpc.RpcError as error:
                # Stopping; a call that was broken off would end otherwise.
                assert error.code() is grpc.StatusCode.UNAVAILABLE, error
                return
            assert answer.message.personal_id == person
            self.records.append(answer.trailers["motlan-record"])
            if len(self.records) >= ANSWERS_BEFORE_STOP:
                self.warm.set()


@pytest.fixture(name="callers")
def who_ask(running: Deployment) -> Iterator[list[Caller]]:
    """Callers with a connection each."""
    callers = [Caller.connect(running, "H26/one-stop") for _ in range(CALLERS)]
    for caller in callers:
        grpc.channel_ready_future(caller.channel).result(timeout=10)
    yield callers
    for caller in callers:
        caller.channel.close()


def test_a_stop_under_load_loses_no_answer_and_the_next_start_goes_on(
    running: Deployment, callers: list[Caller]
) -> None:
    # R113.
    gateway = running.container("gateway")
    load = Load()
    with ThreadPoolExecutor(CALLERS) as pool:
        asked = [pool.submit(load.ask, caller) for caller in callers]
        assert load.warm.wait(WARM_S_MAX), running.log()
        podman.podman("stop", f"--time={GRACE_S}", gateway)
        for one in asked:
            one.result(timeout=20)
    state = podman.inspect(gateway)["State"]
    assert (state["Status"], state["ExitCode"]) == ("exited", 0), running.log()

    key = f"--key={running.ledger_key}"
    running.audit("verify", key, f"--sealing={DATA}/sealing")
    shown = running.audit("show", "--json").stdout.splitlines()
    released = {
        record["record"] for record in map(json.loads, shown) if record.get("result") == "RELEASED"
    }
    assert len(set(load.records)) == len(load.records) >= ANSWERS_BEFORE_STOP
    assert set(load.records) <= released
    print(f"\n{len(load.records)} answers before the stop, all on record")

    running.start_gateway()
    again = Caller.connect(running, "H26/one-stop")
    registry: Any = population_pb2_grpc.PopulationRegistryStub(again.channel)
    request = population.GetPersonRequest(personal_id=again.demo.samples["person"])
    assert again.ask(registry.GetPerson, request).message.full_name
    again.channel.close()
