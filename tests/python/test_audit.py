"""The audit trail, through a client that is not ours: roles, looks, what a citizen sees, holds."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from motlan.audit.v1 import audit_pb2, record_pb2
from vn.population.v1 import population_pb2, population_pb2_grpc

import guide
import receipts
from caller import FUNERAL_GRANT, Caller
from demo import ROOT, Demo
from officer import BASIS, Officer
from refusal import refused

GUIDE = ROOT / "docs/security/audit-service.md"
GROUND = "decision 12 of the investigating body"
DAY_US = 86_400 * 1_000_000


def officer(demo: Demo, system: str) -> Iterator[Officer]:
    """One that is connected, until the tests are over."""
    connected = Officer(demo, system)
    yield connected
    connected.caller.channel.close()


@pytest.fixture(name="auditor", scope="module")
def auditor_fixture(demo: Demo) -> Iterator[Officer]:
    """The inspectorate."""
    yield from officer(demo, "G20/inspection")


@pytest.fixture(name="portal", scope="module")
def portal_fixture(demo: Demo) -> Iterator[Officer]:
    """The citizens' portal."""
    yield from officer(demo, "G22/citizen-portal")


@pytest.fixture(name="protector", scope="module")
def protector_fixture(demo: Demo) -> Iterator[Officer]:
    """The authority for personal data."""
    yield from officer(demo, "G01/data-protection")


def look_up(desk: Caller, person: str) -> str:
    """A lookup by the desk, refused or not: the record of its outcome."""
    stub = population_pb2_grpc.PopulationRegistryStub(desk.channel)
    request = population_pb2.GetPersonRequest(personal_id=person)
    return desk.ask(stub.GetPerson, request).trailers["motlan-record"]


def accesses(officer: Officer, subject: str) -> list[Any]:
    """All accesses, page by page."""
    request = audit_pb2.SubjectAccessesRequest(subject=subject, page_size=5)
    found = []
    while True:
        page = officer.ask("SubjectAccesses", request)
        found.extend(page.accesses)
        if not page.next_page_token:
            return found
        request.page_token = page.next_page_token


def test_every_command_of_the_page_works_as_written(demo: Demo, desk: Caller) -> None:
    look_up(desk, demo.samples["person"])
    (demo.folder / "client").mkdir(exist_ok=True)
    stubs = Path(audit_pb2.__file__).parents[3]
    printed = guide.run(GUIDE, demo, PYTHONPATH=str(stubs))
    assert len(guide.blocks(GUIDE)) >= 9
    assert "  proven: demo-" in printed
    assert "đã tra cứu “" in printed
    assert "held by demo-" in printed


def test_a_search_finds_a_lookup_and_is_found_itself(desk: Caller, auditor: Officer) -> None:
    record = look_up(desk, desk.demo.samples["spouse"])
    subject = desk.demo.samples["spouse"]
    found = auditor.ask("Search", audit_pb2.SearchRequest(subject=subject, page_size=1))
    [first] = found.records
    assert first.id == record
    assert first.sealed.subject == subject
    assert first.record.result == record_pb2.RESULT_RELEASED
    looks = auditor.ask(
        "Search", audit_pb2.SearchRequest(kind=record_pb2.RECORD_KIND_LOOK, subject=subject)
    )
    look = next(one for one in looks.records if one.id == found.look)
    assert look.record.caller == "G20/inspection"
    assert list(look.record.look.filters) == ["subject"]
    assert look.record.look.shown == 1
    assert look.sealed.basis == BASIS
    assert audit_pb2.SearchRequest.FromString(look.sealed.query).subject == subject


@pytest.mark.parametrize(
    ("method", "request_of"),
    [
        ("Search", audit_pb2.SearchRequest),
        ("PlaceHold", audit_pb2.PlaceHoldRequest),
        ("EndHold", audit_pb2.EndHoldRequest),
        ("Erase", audit_pb2.EraseRequest),
    ],
)
def test_a_portal_may_only_show(portal: Officer, method: str, request_of: Any) -> None:
    refusal = refused(portal.ask, method, request_of())
    assert refusal.code == grpc.StatusCode.PERMISSION_DENIED
    assert refusal.reason == "ROLE_NOT_HELD"
    assert refusal.record is not None
    assert refusal.record == refusal.record_trailer


def test_a_token_must_say_on_what_basis(auditor: Officer) -> None:
    request = audit_pb2.SearchRequest()
    refusal = refused(auditor.ask, "Search", request, {"procedure": "1.004222"})
    assert (refusal.reason, refusal.record) == ("TOKEN_CLAIM", None)
    assert "`purpose.basis`" in refusal.message


def test_a_citizen_sees_lookups_with_proofs_and_no_official(desk: Caller, portal: Officer) -> None:
    subject = desk.demo.samples["child"]
    record = look_up(desk, subject)
    stub = population_pb2_grpc.PopulationRegistryStub(desk.channel)
    request = population_pb2.GetPersonRequest(personal_id=subject)
    turned_down = refused(desk.ask, stub.GetPerson, request, procedure=FUNERAL_GRANT)
    shown = accesses(portal, subject)
    by_record = {access.record: access for access in shown}
    assert len(by_record) == len(shown)
    assert by_record[turned_down.record].result == record_pb2.RESULT_REFUSED
    access = by_record[record]
    assert access.result == record_pb2.RESULT_RELEASED
    assert access.agency_name_vi == "UBND TP Hà Nội"
    count = len(access.fields_released)
    assert access.sentence_vi.endswith(f"và nhận được {count} trường thông tin.")
    assert access.sentence_en.endswith(f"and received {count} fields.")
    claims = desk.claims()
    for access in shown:
        told = access.SerializeToString()
        assert claims["sub"].encode() not in told
        assert claims["purpose"]["dossier"].encode() not in told
        proof = access.receipt
        receipts.check(
            proof.leaf, proof.index, list(proof.proof), proof.checkpoint, desk.demo.ledger_key
        )
        assert access.record.endswith(f"-{proof.index}")


def test_a_hold_hides_from_the_citizen_alone(
    desk: Caller, auditor: Officer, portal: Officer, protector: Officer
) -> None:
    subject = desk.demo.samples["spouse"]
    record = look_up(desk, subject)

    def shown() -> set[str]:
        return {access.record for access in accesses(portal, subject)}

    assert record in shown()
    hold = protector.ask(
        "PlaceHold",
        audit_pb2.PlaceHoldRequest(
            subject=subject,
            caller=desk.system,
            ground=GROUND,
            until_us=int(time.time() * 1_000_000) + DAY_US,
        ),
    ).hold
    assert record not in shown()
    found = auditor.ask("Search", audit_pb2.SearchRequest(subject=subject, caller=desk.system))
    assert record in {one.id for one in found.records}
    end = audit_pb2.EndHoldRequest(hold=hold, ground=GROUND)
    protector.ask("EndHold", end)
    assert record in shown()
    assert refused(protector.ask, "EndHold", end).reason == "HOLD_ENDED"


def test_an_erased_person_is_found_by_nobody(
    desk: Caller, auditor: Officer, portal: Officer, protector: Officer
) -> None:
    # Nobody bears this number: no other test asks for it.
    subject = "001099000001"
    stub = population_pb2_grpc.PopulationRegistryStub(desk.channel)
    request = population_pb2.GetPersonRequest(personal_id=subject)
    unknown = refused(desk.ask, stub.GetPerson, request)
    assert [access.record for access in accesses(portal, subject)] == [unknown.record]
    erase = audit_pb2.EraseRequest(subject=subject, ground="order 17 of the authority")
    erased = protector.ask("Erase", erase)
    assert dict(erased.sealed_parts) == {"population": 2, "": 1}
    assert accesses(portal, subject) == []
    # But for what was asked since.
    found = auditor.ask("Search", audit_pb2.SearchRequest(subject=subject))
    assert {one.record.kind for one in found.records} == {record_pb2.RECORD_KIND_LOOK}
