"""What others sign, made by a second implementation from the claims that the guide shows."""

import json
import re
import time
from typing import Any

import grpc
from vn.population.v1 import population_pb2 as population
from vn.population.v1 import population_pb2_grpc

import signing
from caller import Caller
from demo import ROOT, Demo
from refusal import refused

GUIDE = (ROOT / "docs/agency/backing.md").read_text()
NATIONAL_ID = "G01/national-id"
APPROVING = "H26/approval"
RESIDENCE_GRANT = "g01-h26-population-2026/residence"
DENIED = grpc.StatusCode.PERMISSION_DENIED
STRANGER = grpc.StatusCode.UNAUTHENTICATED


def shown(kind: str, **claims: Any) -> dict[str, Any]:
    """The claims of the guide at this time, with others in their place."""
    [block] = re.findall(rf"^```json {kind}\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)
    now_s = int(time.time())
    return {**json.loads(block), "iat": now_s, "exp": now_s + 3600, **claims}


def consent(demo: Demo, **claims: Any) -> tuple[str, str]:
    """A consent of the sample's person for the desk."""
    subject = demo.samples["person"]
    whole = shown("consent", recipient="H26", sub=subject, **claims)
    whole["aud"] = demo.audience
    signed = signing.sign(whole, demo.credentials(NATIONAL_ID), typ="motlan-consent+jwt")
    return ("motlan-consent", signed)


def get_person(caller: Caller) -> Any:
    """The method that all ask here."""
    return population_pb2_grpc.PopulationRegistryStub(caller.channel).GetPerson


def person(demo: Demo) -> Any:
    """The request for somebody of the sample."""
    return population.GetPersonRequest(personal_id=demo.samples["person"])


def test_a_consent_as_in_the_guide_lets_no_more_leave_than_was_consented(
    demo: Demo, desk: Caller
) -> None:
    whole = desk.ask(get_person(desk), person(demo)).message
    assert whole.HasField("permanent_residence") and whole.personal_id
    part = desk.ask(get_person(desk), person(demo), consent(demo)).message
    named = {field.name for field, _ in part.ListFields()}
    assert named == {"full_name", "date_of_birth"}
    assert part.full_name == whole.full_name


def test_a_consent_of_somebody_else_changes_nothing(demo: Demo, desk: Caller) -> None:
    other = consent(demo, jti="another", dataset="land")
    answer = desk.ask(get_person(desk), person(demo), other).message
    assert answer.HasField("permanent_residence")


def test_what_was_signed_by_somebody_else_is_turned_away(demo: Demo, desk: Caller) -> None:
    claims = shown("consent", iss=desk.system, aud=demo.audience)
    forged = signing.sign(claims, desk.credentials, typ="motlan-consent+jwt")
    refusal = refused(desk.ask, get_person(desk), person(demo), ("motlan-consent", forged))
    assert (refusal.code, refusal.reason) == (STRANGER, "CONSENT_ISSUER")
    assert refusal.record is None


def test_what_the_person_did_not_consent_to_is_refused_by_name(demo: Demo, desk: Caller) -> None:
    fields = ("motlan-fields", "full_name,permanent_residence")
    refusal = refused(desk.ask, get_person(desk), person(demo), consent(demo), fields)
    assert (refusal.code, refusal.reason) == (DENIED, "FIELD_NOT_CONSENTED")
    assert "`permanent_residence`" in refusal.message and "full_name" not in refusal.message


def test_an_approval_as_in_the_guide_is_on_record(demo: Demo, desk: Caller) -> None:
    claims = shown("approval", iss=APPROVING, aud=demo.audience)
    asked = desk.claims()
    claims["request"] |= {
        "system": desk.system,
        "official": asked["sub"],
        "dossier": asked["purpose"]["dossier"],
        "subject": demo.samples["person"],
        "grant": RESIDENCE_GRANT,
    }
    approval = signing.sign(claims, demo.credentials(APPROVING), typ="motlan-approval+jwt")
    cited = ("motlan-grant", RESIDENCE_GRANT)
    answer = desk.ask(get_person(desk), person(demo), ("motlan-approval", approval), cited)
    assert answer.message.full_name
