"""A receipt proves to anybody that a record stands in the ledger, and never about whom it is."""

from dataclasses import dataclass
from typing import Any

import grpc
import pytest
from motlan.audit.v1 import audit_pb2, audit_pb2_grpc, record_pb2
from vn.population.v1 import population_pb2 as population
from vn.population.v1 import population_pb2_grpc

import receipts
from caller import FUNERAL_GRANT, Caller
from refusal import refused


@dataclass(frozen=True)
class Held:
    """A receipt, and the record that it is for."""

    record: str
    receipt: Any
    subject: str


@pytest.fixture(name="held", scope="module")
def held_receipt(desk: Caller) -> Held:
    """What a caller gets that asks for a receipt at once."""
    subject = desk.demo.samples["person"]
    answer = desk.ask(
        population_pb2_grpc.PopulationRegistryStub(desk.channel).GetPerson,
        population.GetPersonRequest(personal_id=subject),
        ("motlan-receipt", "full"),
    )
    receipt = audit_pb2.Receipt.FromString(answer.trailers["motlan-receipt-bin"])
    return Held(answer.trailers["motlan-record"], receipt, subject)


def get_receipt(caller: Caller, record: str) -> Any:
    """Fetches a receipt later. It takes the certificate, and no token."""
    audit = audit_pb2_grpc.AuditStub(caller.channel)
    request = audit_pb2.GetReceiptRequest(record=record)
    return audit.GetReceipt(request, timeout=10).receipt


def check(receipt: Any, verifier: str) -> receipts.Checkpoint:
    """Checks a receipt with code that is not ours."""
    proof = list(receipt.proof)
    return receipts.check(receipt.leaf, receipt.index, proof, receipt.checkpoint, verifier)


def test_a_receipt_holds_for_a_foreign_verifier(desk: Caller, held: Held) -> None:
    checkpoint = check(held.receipt, desk.demo.ledger_key)
    instance, quarter, index = held.record.rsplit("-", 2)
    assert int(index) == held.receipt.index < checkpoint.size
    assert checkpoint.origin.endswith(f"/{instance}/{quarter}")


def test_the_record_names_fields_and_never_whom_it_is_about(desk: Caller, held: Held) -> None:
    record = record_pb2.Record.FromString(held.receipt.leaf)
    assert record.kind == record_pb2.RECORD_KIND_OUTCOME
    assert record.result == record_pb2.RESULT_RELEASED
    assert record.caller == desk.system
    assert record.method == "/vn.population.v1.PopulationRegistry/GetPerson"
    assert record.grant == "g01-h26-population-2026/residence"
    assert "full_name" in record.fields_released
    assert "religion" in record.fields_withheld
    claims = desk.claims()
    for personal in (held.subject, claims["sub"], claims["purpose"]["dossier"]):
        assert personal.encode() not in held.receipt.leaf


def test_a_receipt_fetched_later_is_for_the_same_record(desk: Caller, held: Held) -> None:
    later = get_receipt(desk, held.record)
    assert (later.leaf, later.index) == (held.receipt.leaf, held.receipt.index)
    assert check(later, desk.demo.ledger_key).size >= later.index + 1


def test_a_refusal_has_a_receipt_too(desk: Caller) -> None:
    stub = population_pb2_grpc.PopulationRegistryStub(desk.channel)
    request = population.GetPersonRequest(personal_id=desk.demo.samples["person"])
    refusal = refused(desk.ask, stub.GetPerson, request, procedure=FUNERAL_GRANT)
    assert refusal.record is not None
    receipt = get_receipt(desk, refusal.record)
    check(receipt, desk.demo.ledger_key)
    record = record_pb2.Record.FromString(receipt.leaf)
    assert record.result == record_pb2.RESULT_REFUSED
    assert record.reason == "PURPOSE_NOT_COVERED"


@pytest.mark.parametrize("record", ["demo-2026q4-999999", "demo", "", "x-2026q4-1"])
def test_there_is_no_receipt_of_no_record(desk: Caller, record: str) -> None:
    refusal = refused(get_receipt, desk, record)
    assert refusal.code == grpc.StatusCode.NOT_FOUND
    assert refusal.reason == "RECORD_NOT_FOUND"


def test_nobody_gets_the_receipt_of_anothers_record(other_desk: Caller, held: Held) -> None:
    refusal = refused(get_receipt, other_desk, held.record)
    assert refusal.code == grpc.StatusCode.NOT_FOUND
    nothing = refused(get_receipt, other_desk, "demo-2026q4-999999")
    assert refusal == nothing, "it must look as if there were no such record"


@pytest.mark.parametrize("part", ["leaf", "index", "proof", "order", "size", "signature", "key"])
def test_a_receipt_that_was_changed_anywhere_proves_nothing(
    desk: Caller, held: Held, part: str
) -> None:
    changed = audit_pb2.Receipt.FromString(held.receipt.SerializeToString())
    verifier = desk.demo.ledger_key
    match part:
        case "leaf":
            changed.leaf = flipped(changed.leaf)
        case "index":
            changed.index -= 1
        case "proof":
            changed.proof[0] = flipped(changed.proof[0])
        case "order":
            hashes = list(changed.proof)
            changed.proof[:] = hashes[1:] + hashes[:1]
        case "size":
            origin, size, rest = changed.checkpoint.split("\n", 2)
            changed.checkpoint = f"{origin}\n{int(size) + 1}\n{rest}"
        case "signature":
            # Within the base64 of the signature, past the key's four bytes.
            at = changed.checkpoint.rindex(" ") + 20
            swapped = "A" if changed.checkpoint[at] != "A" else "B"
            note = changed.checkpoint
            changed.checkpoint = f"{note[:at]}{swapped}{note[at + 1 :]}"
        case "key":
            verifier = OTHER_LOGS_KEY
    with pytest.raises(receipts.NotProvenError):
        check(changed, verifier)


# The example of Go's package golang.org/x/mod/sumdb/note.
OTHER_LOGS_KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"


def flipped(raw: bytes) -> bytes:
    """`raw` with one bit of its middle changed."""
    middle = len(raw) // 2
    return raw[:middle] + bytes([raw[middle] ^ 1]) + raw[middle + 1 :]
