"""A witness of Mot Lan's, met by a log's client that is not ours, over a real log."""

import json
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidSignature
from vn.population.v1 import population_pb2 as population
from vn.population.v1 import population_pb2_grpc

import cosignatures
from caller import Caller
from demo import BINARY

AUDIT = BINARY.with_name("motlan-audit")
STOP_S_MAX = 10


@dataclass(frozen=True)
class Witness:
    """One that runs."""

    url: str
    key: str


@pytest.fixture(name="witness")
def running_witness(desk: Caller, tmp_path: Path) -> Iterator[Witness]:
    """A new witness to the demo's log."""
    assert AUDIT.is_file(), f"{AUDIT} is missing: build motlan-auditor first"
    files = ["--key", str(tmp_path / "witness.key"), "--state", str(tmp_path / "state")]
    init = [str(AUDIT), "witness", "init", "--name", "witness.example/1", *files]
    subprocess.run(init, check=True, capture_output=True, timeout=10)
    listen = ["--listen", "127.0.0.1:0", "--log", desk.demo.ledger_key]
    serve = [str(AUDIT), "witness", "serve", *files, *listen]
    with subprocess.Popen(serve, stdout=subprocess.PIPE, text=True) as process:
        told = json.loads(process.stdout.readline())
        yield Witness(f"http://{told['listen']}", told["key"])
        process.terminate()
        assert process.wait(STOP_S_MAX) == 0


@pytest.fixture(name="log")
def served_log(desk: Caller) -> str:
    """Where the demo's log is served."""
    return f"{desk.demo.endpoints['admin']}/log"


def grow(desk: Caller) -> None:
    """Two records more."""
    stub = population_pb2_grpc.PopulationRegistryStub(desk.channel)
    request = population.GetPersonRequest(personal_id=desk.demo.samples["person"])
    desk.ask(stub.GetPerson, request)


def newest(log: str) -> str:
    """The newest checkpoint."""
    return cosignatures.fetch(f"{log}/checkpoint").decode()


# R70: what is cosigned verifies by code that is not ours.
def test_a_foreign_log_client_gets_cosignatures_that_verify(
    desk: Caller, witness: Witness, log: str
) -> None:
    old = 0
    for _ in range(3):
        note = newest(log)
        size = cosignatures.size_of(note)
        proof = cosignatures.consistency(old, cosignatures.leaf_hashes(log, size))
        answer = cosignatures.submit(witness.url, old, proof, note)
        assert answer.status == 200, answer
        signed = cosignatures.cosigned_at(answer.body, note, witness.key)
        assert abs(signed - time.time()) < 60
        other = note.replace(f"\n{size}\n", f"\n{size + 1}\n")
        with pytest.raises(InvalidSignature):
            cosignatures.cosigned_at(answer.body, other, witness.key)
        grow(desk)
        assert size > old
        old = size


def test_a_witness_says_where_it_is_and_takes_no_wrong_proof(
    desk: Caller, witness: Witness, log: str
) -> None:
    first = newest(log)
    size = cosignatures.size_of(first)
    assert cosignatures.submit(witness.url, 0, [], first).status == 200
    grow(desk)
    note = newest(log)
    asked = cosignatures.submit(witness.url, 0, [], note)
    assert (asked.status, asked.kind, asked.body) == (409, "text/x.tlog.size", f"{size}\n")
    hashes = cosignatures.leaf_hashes(log, cosignatures.size_of(note))
    proof = cosignatures.consistency(size, hashes)
    assert proof
    for wrong in (proof[1:], proof[:-1], [*proof, proof[0]], [bytes(32), *proof[1:]]):
        assert cosignatures.submit(witness.url, size, wrong, note).status == 422
    forged = note.replace(f"\n{cosignatures.size_of(note)}\n", f"\n{size}\n")
    assert cosignatures.submit(witness.url, size, [], forged).status == 403
    stranger = note.replace("motlan.example", "stranger.example")
    assert cosignatures.submit(witness.url, size, proof, stranger).status == 404
    assert cosignatures.submit(witness.url, size, proof, "nonsense\n").status == 400
    assert cosignatures.submit(witness.url, size, proof, note).status == 200
