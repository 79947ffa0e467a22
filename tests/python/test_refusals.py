"""What does not leave: a refusal has a status, a reason, a sentence in two languages, a record."""

from typing import Any

import grpc
import pytest
from vn.business.v1 import business_pb2 as business
from vn.business.v1 import business_pb2_grpc
from vn.population.v1 import population_pb2 as population
from vn.population.v1 import population_pb2_grpc

from caller import CHEMICALS, FUNERAL_GRANT, Caller
from refusal import refused

PERSON = "/vn.population.v1.PopulationRegistry/GetPerson"
GRANT = "g01-h26-population-2026/residence"
DENIED = grpc.StatusCode.PERMISSION_DENIED
INVALID = grpc.StatusCode.INVALID_ARGUMENT


def get_person(caller: Caller) -> Any:
    """The method that all ask here."""
    return population_pb2_grpc.PopulationRegistryStub(caller.channel).GetPerson


def person(caller: Caller, role: str = "person") -> Any:
    """The request for somebody of the sample."""
    return population.GetPersonRequest(personal_id=caller.demo.samples[role])


def test_without_an_agreement_nothing_leaves(other_desk: Caller) -> None:
    refusal = refused(other_desk.ask, get_person(other_desk), person(other_desk))
    assert (refusal.code, refusal.reason) == (DENIED, "NO_AGREEMENT")
    assert "`H29`" in refusal.message and PERSON in refusal.message


def test_without_an_agreement_for_the_purpose_nothing_leaves(desk: Caller) -> None:
    refusal = refused(desk.ask, get_person(desk), person(desk), procedure=FUNERAL_GRANT)
    assert (refusal.code, refusal.reason) == (DENIED, "PURPOSE_NOT_COVERED")
    assert GRANT in refusal.message and FUNERAL_GRANT in refusal.message


def test_a_field_that_was_not_granted_is_refused_by_name(desk: Caller) -> None:
    fields = ("motlan-fields", "full_name,religion")
    refusal = refused(desk.ask, get_person(desk), person(desk), fields)
    assert (refusal.code, refusal.reason) == (DENIED, "FIELD_NOT_GRANTED")
    assert "`religion`" in refusal.message and "full_name" not in refusal.message


def test_a_refusal_tells_its_record_twice_and_speaks_vietnamese(desk: Caller) -> None:
    refusal = refused(desk.ask, get_person(desk), person(desk), procedure=FUNERAL_GRANT)
    assert refusal.domain == "motlan"
    assert refusal.locale == "vi"
    assert refusal.vietnamese == "Thỏa thuận không bao gồm thủ tục này."
    assert refusal.record is not None
    assert refusal.record.startswith("demo-")
    assert refusal.record == refusal.record_trailer


def test_a_person_who_is_not_there_is_not_found_and_on_record(desk: Caller) -> None:
    refusal = refused(desk.ask, get_person(desk), person(desk, "unknown_person"))
    assert refusal.code == grpc.StatusCode.NOT_FOUND
    assert refusal.reason == "SUBJECT_NOT_FOUND"
    assert refusal.record is not None
    assert person(desk, "unknown_person").personal_id not in refusal.message


def test_a_suspended_system_is_refused_whatever_was_agreed(
    suspended_desk: Caller,
) -> None:
    registry = business_pb2_grpc.BusinessRegistryStub(suspended_desk.channel)
    code = suspended_desk.demo.samples["enterprise"]
    request = business.GetEnterpriseRequest(enterprise_code=code)
    refusal = refused(suspended_desk.ask, registry.GetEnterprise, request, procedure=CHEMICALS)
    assert (refusal.code, refusal.reason) == (DENIED, "SYSTEM_SUSPENDED")
    assert refusal.record is not None


@pytest.mark.parametrize(
    ("name", "value", "code", "reason", "says"),
    [
        ("motlan-fields", "full_nam", INVALID, "FIELD_UNKNOWN", "`full_name`"),
        ("motlan-fields", ",".join(["sex"] * 129), INVALID, "TOO_MANY_FIELDS", "129"),
        ("motlan-fields", "", INVALID, "METADATA_MALFORMED", "motlan-fields"),
        ("motlan-receipt", "yes", INVALID, "METADATA_MALFORMED", "motlan-receipt"),
        ("motlan-grant", "g01/none", DENIED, "GRANT_UNKNOWN", "`g01/none`"),
    ],
    ids=["unknown field", "too many fields", "no field", "odd receipt", "unknown grant"],
)
def test_metadata_that_cannot_be_met_is_refused(
    desk: Caller, name: str, value: str, code: grpc.StatusCode, reason: str, says: str
) -> None:
    refusal = refused(desk.ask, get_person(desk), person(desk), (name, value))
    assert (refusal.code, refusal.reason) == (code, reason)
    assert says in refusal.message


@pytest.mark.parametrize(
    ("message", "says"),
    [(b"", "`personal_id` is empty"), (b"\x0a\xff", "GetPersonRequest")],
)
def test_a_request_that_names_nobody_is_refused_and_on_record(
    desk: Caller, message: bytes, says: str
) -> None:
    refusal = refused(desk.ask, desk.channel.unary_unary(PERSON), message)
    assert (refusal.code, refusal.reason) == (INVALID, "REQUEST_MALFORMED")
    assert says in refusal.message
    assert refusal.record is not None


def test_a_method_that_is_not_in_the_catalogue_is_unimplemented(desk: Caller) -> None:
    method = desk.channel.unary_unary("/vn.population.v1.PopulationRegistry/GetAll")
    refusal = refused(desk.ask, method, b"")
    assert refusal.code == grpc.StatusCode.UNIMPLEMENTED
    assert refusal.reason == "METHOD_UNKNOWN"
    assert refusal.record is None


def test_a_compressed_request_is_not_accepted(desk: Caller) -> None:
    def ask() -> None:
        get_person(desk)(
            person(desk),
            metadata=(("authorization", f"Bearer {desk.token()}"),),
            compression=grpc.Compression.Gzip,
        )

    refusal = refused(ask)
    assert refusal.code == grpc.StatusCode.UNIMPLEMENTED
    assert refusal.reason == "MESSAGE_MALFORMED"
