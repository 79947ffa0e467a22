"""Once-only through a client that is not ours: procedures of every sector of the annex, planned and
collected, and each piece of evidence and each ground checked with nothing of Mot Lan."""

import csv
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from itertools import zip_longest
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf import json_format
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from motlan.audit.v1 import audit_pb2, audit_pb2_grpc
from motlan.audit.v1 import record_pb2 as record
from motlan.once.v1 import once_pb2 as once
from motlan.once.v1 import once_pb2_grpc
from vn.business.v1 import business_pb2 as business
from vn.civil_status.v1 import civil_status_pb2 as civil_status
from vn.land.v1 import land_pb2 as land
from vn.population.v1 import population_pb2 as population

import grounds
import guide
import receipts
import signing
from caller import CALL_S_MAX, RESIDENCE, Caller
from demo import ROOT, Demo

GUIDE = ROOT / "docs/once/collect.md"
ANNEX = ROOT / "deploy/catalog/procedures/procedures_66_7_2025.csv"
COUNT = 20
DOSSIER = "000.00.00.H26-261122-0004"
VIETNAM = timezone(timedelta(hours=7))
SECOND_US = 1_000_000

# Their messages can come as evidence, in an `Any`.
CONTRACTS = {contract.DESCRIPTOR.package for contract in (business, civil_status, land, population)}

# Whom or what of the sample a document is about; else it goes by what the method asks for.
OF_DOCUMENT = {"birth_certificate": "child", "death_certificate": "deceased"}
OF_FIELD = {
    "personal_id": "person",
    "enterprise_code": "enterprise",
    "certificate_no": "certificate",
}


@dataclass(frozen=True)
class Dossier:
    """What is asked for, and as whom."""

    desk: Caller
    stub: Any
    procedure: str
    variant: str = ""
    code: str = DOSSIER

    def plan(self, variant: str | None = None) -> Any:
        """The plan of its variant, or of another; all variants where that is empty."""
        variant = self.variant if variant is None else variant
        request = once.PlanRequest(procedure=self.procedure, variant=variant)
        # No token: nothing of a plan is personal.
        return self.stub.Plan(request, timeout=CALL_S_MAX)

    def request(self, *components: Any, **other: Any) -> Any:
        """A request for these components."""
        whole = {
            "procedure": self.procedure,
            "variant": self.variant,
            "dossier": self.code,
            "channel": record.CHANNEL_ONLINE,
        }
        return once.CollectRequest(components=components, **(whole | other))

    def collect(self, request: Any) -> list[Any]:
        """All that comes back, with a token for this dossier."""
        claims = self.desk.claims()
        claims["purpose"] = {"procedure": self.procedure, "dossier": self.code}
        if self.variant:
            claims["purpose"]["variant"] = self.variant
        token = signing.sign(claims, self.desk.credentials)
        metadata = (("authorization", f"Bearer {token}"),)
        return list(self.stub.Collect(request, metadata=metadata, timeout=CALL_S_MAX))


@pytest.fixture(name="stub", scope="module")
def stub_fixture(desk: Caller) -> Any:
    """The service."""
    return once_pb2_grpc.OnceOnlyStub(desk.channel)


def procedures() -> list[str]:
    """The first of each sector, then the second of each, and so on, until there are enough."""
    sectors: dict[str, dict[str, None]] = {}
    with ANNEX.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            sectors.setdefault(row["sector"], {})[row["procedure_code"]] = None
    by_turns = zip_longest(*sectors.values())
    chosen = dict.fromkeys(code for turn in by_turns for code in turn if code)
    assert len(sectors) == 15
    return list(chosen)[:COUNT]


def wanted(component: Any, demo: Demo) -> Any:
    """One planned component, about somebody of the sample whom it fits."""
    if component.holding != once.HOLDING_PUBLISHED:
        return once.Wanted(document=component.document)
    whom = OF_DOCUMENT.get(component.document) or OF_FIELD[component.subject]
    return once.Wanted(document=component.document, subject=demo.samples[whom])


def clauses(component: Any) -> list[str]:
    """The clauses of a planned component, each once, in their order."""
    return list(dict.fromkeys(basis.clause for basis in component.bases))


def leaf_of(result: Any, demo: Demo) -> Any:
    """The record that the receipt proves, which must be the one that is named."""
    proof = result.receipt
    receipts.check(proof.leaf, proof.index, list(proof.proof), proof.checkpoint, demo.ledger_key)
    assert result.record.endswith(f"-{proof.index}")
    return record.Record.FromString(proof.leaf)


def check_evidence(evidence: Any, component: Any, dossier: Dossier) -> None:
    leaf = leaf_of(evidence, dossier.desk.demo)
    assert leaf.kind == record.RECORD_KIND_OUTCOME
    assert leaf.result == record.RESULT_RELEASED
    assert (leaf.caller, leaf.procedure) == (dossier.desk.system, dossier.procedure)
    assert (leaf.dataset, leaf.method) == (component.dataset, component.method)
    assert leaf.grant in component.grants and leaf.view
    # The owner's own message, read with the owner's own contract.
    assert evidence.message.TypeName().rpartition(".")[0] in CONTRACTS
    assert len(json_format.MessageToDict(evidence.message)) > 3
    as_of = datetime.fromisoformat(evidence.as_of)
    assert abs(datetime.now(VIETNAM) - as_of) < timedelta(minutes=1)


def check_ground(ground: Any, component: Any, asked: Any, dossier: Dossier) -> str:
    """Gives the outcome."""
    demo = dossier.desk.demo
    claims = grounds.check(ground.token, demo.ledger_key)
    outcome = record.GroundOutcome.Name(ground.outcome).removeprefix("GROUND_OUTCOME_")
    said = {
        "caller": dossier.desk.system,
        "procedure": dossier.procedure,
        "variant": dossier.variant,
        "dossier": dossier.code,
        "sub": asked.subject,
        "document": component.document,
        "dataset": component.dataset,
        "database": component.database,
        "outcome": outcome,
        "fields": list(ground.fields),
        "clauses": clauses(component),
        "channel": "ONLINE",
        "due": ground.due_us // SECOND_US,
        "record": ground.record,
    }
    # What is empty is left out, and nothing is there beside.
    said = {name: value for name, value in said.items() if value}
    about_it = {"iss", "jti", "iat", "received", "lookup"}
    assert {name: claims[name] for name in claims if name not in about_it} == said
    assert claims["iss"].startswith(demo.ledger_key.split("+", 1)[0])
    assert abs(claims["iat"] - time.time()) < 60 and claims["received"] <= claims["iat"]
    assert list(ground.clauses) == clauses(component)
    assert ground.sentence_vi.startswith("Đề nghị") and ground.sentence_en
    leaf = leaf_of(ground, demo)
    assert leaf.kind == record.RECORD_KIND_COMPONENT
    assert (leaf.caller, leaf.procedure) == (claims["caller"], claims["procedure"])
    assert leaf.dataset == component.dataset
    kept = leaf.component
    assert (kept.document, kept.variant) == (component.document, dossier.variant)
    assert (kept.database, kept.outcome) == (component.database, ground.outcome)
    assert list(kept.clauses) == clauses(component)
    assert kept.lookup == claims.get("lookup", "")
    assert kept.due_us == ground.due_us
    assert kept.received_us // SECOND_US == claims["received"]
    assert kept.commitment == grounds.commitment(claims)
    return outcome


def collected(dossier: Dossier) -> Iterator[str]:
    """What becomes of every planned component: `EVIDENCE`, or the outcome of a ground."""
    planned = list(dossier.plan().components)
    asked = [wanted(component, dossier.desk.demo) for component in planned]
    answers = dossier.collect(dossier.request(*asked))
    assert sorted(answer.component for answer in answers) == list(range(len(planned)))
    for answer in answers:
        component = planned[answer.component]
        assert answer.document == component.document
        result = answer.WhichOneof("result")
        is_published = component.holding == once.HOLDING_PUBLISHED
        assert result == ("evidence" if is_published and component.grants else "ground")
        if result == "evidence":
            check_evidence(answer.evidence, component, dossier)
            yield "EVIDENCE"
            continue
        outcome = check_ground(answer.ground, component, asked[answer.component], dossier)
        assert outcome == ("NOT_SHARED" if is_published else "NOT_PUBLISHED")
        yield outcome


def test_every_command_of_the_guide_works_as_written(demo: Demo) -> None:
    (demo.folder / "client").mkdir(exist_ok=True)
    stubs = Path(once.__file__).parents[3]
    printed = guide.run(GUIDE, demo, PYTHONPATH=str(stubs))
    assert len(guide.blocks(GUIDE)) >= 8
    # What the guide shows of it is what comes, in whatever order; but for when, which goes on.
    shown = re.findall(r"^```text\n(.*?)^```$", GUIDE.read_text(), re.MULTILINE | re.DOTALL)
    lines = [line for line in "".join(shown).splitlines() if "tell the applicant" not in line]
    assert len(lines) == 12
    assert set(lines) <= set(printed.splitlines())
    assert printed.count("tell the applicant") == 3
    assert "and says the same." in printed


def test_procedures_of_every_sector_are_planned_and_collected(desk: Caller, stub: Any) -> None:
    came: list[str] = []
    chosen = procedures()
    for procedure in chosen:
        listed = Dossier(desk, stub, procedure).plan("")
        assert (listed.procedure, listed.listing) == (procedure, once.LISTING_ANNEX)
        several = len(listed.variants) > 1
        variant = listed.variants[0].code if several else ""
        came.extend(collected(Dossier(desk, stub, procedure, variant)))
    assert len(chosen) == COUNT and len(came) >= COUNT
    assert set(came) == {"EVIDENCE", "NOT_SHARED", "NOT_PUBLISHED"}


def test_a_procedure_that_the_annex_lacks_is_planned_by_article_4(desk: Caller, stub: Any) -> None:
    dossier = Dossier(desk, stub, "3.999999")
    planned = dossier.plan()
    assert planned.listing == once.LISTING_ARTICLE_4 and not planned.variants
    assert set(collected(dossier)) == {"NOT_SHARED", "NOT_PUBLISHED"}


def test_what_was_declared_otherwise_is_a_ground_and_a_correction(desk: Caller, stub: Any) -> None:
    dossier = Dossier(desk, stub, RESIDENCE, variant="3")
    [component] = [one for one in dossier.plan().components if one.document == "identity_paper"]
    asked = once.Wanted(document=component.document, subject=desk.demo.samples["person"])
    [answer] = dossier.collect(dossier.request(asked))
    check_evidence(answer.evidence, component, dossier)
    person = population.Person()
    assert answer.evidence.message.Unpack(person)
    # Written otherwise is not another name.
    asked.declared.update({"full_name": f" {person.full_name.upper()} "})
    [answer] = dossier.collect(dossier.request(asked))
    assert answer.WhichOneof("result") == "evidence"
    asked.declared.update({"full_name": "Nguyễn Văn Khác", "sex": person.sex})
    [answer] = dossier.collect(dossier.request(asked))
    assert check_ground(answer.ground, component, asked, dossier) == "MISMATCH"
    assert list(answer.ground.fields) == ["full_name"]
    assert answer.ground.correction > 0
    assert b"Kh\xc3\xa1c" not in answer.SerializeToString()


def test_what_the_desk_can_mend_is_a_refusal_and_no_ground(desk: Caller, stub: Any) -> None:
    dossier = Dossier(desk, stub, RESIDENCE, variant="3")
    person = desk.demo.samples["person"]
    right = once.Wanted(document="identity_paper", subject=person)
    miscited = once.Wanted(document="marriage_certificate", subject=person, grant="none/such")
    answers = dossier.collect(dossier.request(right, miscited))
    by_document = {answer.document: answer for answer in answers}
    assert by_document["identity_paper"].WhichOneof("result") == "evidence"
    refusal = by_document["marriage_certificate"].refusal
    assert (refusal.reason, refusal.retry_ms) == ("GRANT_UNKNOWN", 0)
    assert "`none/such`" in refusal.message and refusal.message_vi
    audit = audit_pb2_grpc.AuditStub(desk.channel)
    request = audit_pb2.GetReceiptRequest(record=refusal.record)
    proof = audit.GetReceipt(request, timeout=CALL_S_MAX).receipt
    leaf = record.Record.FromString(proof.leaf)
    assert leaf.result == record.RESULT_REFUSED and not leaf.grant


def wrong(dossier: Dossier, request: Any) -> set[str]:
    """The fields that are said to be wrong."""
    with pytest.raises(grpc.RpcError) as raised:
        dossier.collect(request)
    error = raised.value
    assert error.code() == grpc.StatusCode.INVALID_ARGUMENT
    status = rpc_status.from_call(error)
    assert status is not None
    cause, faults = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()
    for part in (cause, faults):
        [packed] = [detail for detail in status.details if detail.Is(part.DESCRIPTOR)]
        assert packed.Unpack(part)
    assert cause.reason == "REQUEST_MALFORMED" and "record" not in cause.metadata
    return {violation.field for violation in faults.field_violations}


def test_a_wrong_request_names_every_field_and_asks_nobody(desk: Caller, stub: Any) -> None:
    dossier = Dossier(desk, stub, RESIDENCE, variant="3")
    person = desk.demo.samples["person"]
    right = once.Wanted(document="identity_paper", subject=person)
    short = once.Wanted(document="birth_certificate", subject=person[:-1])
    beyond = once.Wanted(document="identity_paper", subject=person)
    beyond.declared.update({"religion": "Không", "full_name": 7})
    unheard = once.Wanted(document="diploma", subject=person)
    fields = wrong(dossier, dossier.request(right, short, beyond, unheard))
    assert fields == {
        "components[1].subject",
        "components[2].declared.religion",
        "components[2].declared.full_name",
        "components[3].document",
    }
    tomorrow_us = int((time.time() + 86_400) * SECOND_US)
    nowhere = dossier.request(right, channel=record.CHANNEL_UNSPECIFIED, received_us=tomorrow_us)
    assert wrong(dossier, nowhere) == {"channel", "received_us"}
    # The token names another dossier, and this one is none.
    assert wrong(dossier, dossier.request(right, dossier="H26/4")) == {"dossier"}
