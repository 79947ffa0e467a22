"""What leaves when it was agreed: exactly the view, and what is told beside it."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from google.protobuf import message_factory
from google.protobuf.descriptor import ServiceDescriptor
from vn.business.v1 import business_pb2 as business
from vn.civil_status.v1 import civil_status_pb2 as civil_status
from vn.land.v1 import land_pb2 as land
from vn.population.v1 import population_pb2 as population
from vn.population.v1 import population_pb2_grpc

from caller import CHEMICALS, FUNERAL_GRANT, RESIDENCE, Caller
from fields import covers, leaves, view_paths

RESIDENCE_VIEW = {
    "personal_id",
    "full_name",
    "date_of_birth",
    "sex",
    "permanent_residence",
    "current_address",
}


@pytest.fixture(name="registry")
def population_registry(desk: Caller) -> Any:
    """The population database, as the desk sees it."""
    return population_pb2_grpc.PopulationRegistryStub(desk.channel)


@pytest.fixture(name="person")
def who_applies(desk: Caller) -> Any:
    """The request for the applicant."""
    return population.GetPersonRequest(personal_id=desk.demo.samples["person"])


def test_a_granted_lookup_brings_the_view_and_nothing_else(
    desk: Caller, registry: Any, person: Any
) -> None:
    answer = desk.ask(registry.GetPerson, person)
    assert {field.name for field, _ in answer.message.ListFields()} == RESIDENCE_VIEW
    assert all(covers(RESIDENCE_VIEW, path) for path in leaves(answer.message))
    assert answer.message.personal_id == person.personal_id
    assert answer.message.permanent_residence.province_name


def test_the_trailers_tell_the_record_the_time_and_what_was_withheld(
    desk: Caller, registry: Any, person: Any
) -> None:
    answer = desk.ask(registry.GetPerson, person)
    # A field that no view can reach is named, as is one that this view lacks.
    assert {"religion", "working_note", "relatives"} <= answer.withheld
    assert not any(covers(answer.withheld, path) for path in leaves(answer.message))
    known = {field.name for field in population.Person.DESCRIPTOR.fields}
    assert answer.withheld <= known
    assert answer.trailers["motlan-record"].startswith("demo-")
    as_of = datetime.fromisoformat(answer.trailers["motlan-as-of"])
    assert abs(datetime.now(UTC) - as_of) < timedelta(minutes=1)
    assert "motlan-receipt-bin" not in answer.trailers


def test_each_lookup_has_a_record_of_its_own(desk: Caller, registry: Any, person: Any) -> None:
    answers = [desk.ask(registry.GetPerson, person) for _ in range(3)]
    assert len({answer.trailers["motlan-record"] for answer in answers}) == 3


def test_a_list_streams_every_member_within_the_view(desk: Caller, registry: Any) -> None:
    head = desk.demo.samples["person"]
    request = population.ListHouseholdRequest(personal_id=head)
    answer = desk.ask(registry.ListHousehold, request)
    view = view_paths(population.DESCRIPTOR.services_by_name["PopulationRegistry"], "household")
    assert len(answer.messages) > 1
    assert answer.messages[0].personal_id == head
    assert desk.demo.samples["spouse"] in [one.personal_id for one in answer.messages]
    for member in answer.messages:
        assert all(covers(view, path) for path in leaves(member))
        assert {path.split(".")[0] for path in leaves(member)} == {
            path.split(".")[0] for path in view
        }
    assert "relatives.date_of_birth" in answer.withheld


@pytest.mark.parametrize(
    ("asked", "comes"),
    [
        ("full_name", {"full_name"}),
        ("full_name,sex", {"full_name", "sex"}),
        (
            "permanent_residence.province_code",
            {"permanent_residence.province_code"},
        ),
        ("date_of_birth.year , full_name", {"date_of_birth.year", "full_name"}),
    ],
)
def test_a_caller_can_ask_for_less(
    desk: Caller, registry: Any, person: Any, asked: str, comes: set[str]
) -> None:
    answer = desk.ask(registry.GetPerson, person, ("motlan-fields", asked))
    assert set(leaves(answer.message)) == comes


def test_the_one_grant_that_fits_can_be_cited(desk: Caller, registry: Any, person: Any) -> None:
    cited = ("motlan-grant", "g01-h26-population-2026/residence")
    answer = desk.ask(registry.GetPerson, person, cited)
    assert answer.message.full_name


@dataclass(frozen=True)
class Granted:
    """A lookup that the reference agreements allow."""

    service: ServiceDescriptor
    method: str
    # Of the request: the field, and which sample stands in it.
    subject: tuple[str, str]
    procedure: str
    view: str


CIVIL_STATUS = civil_status.DESCRIPTOR.services_by_name["CivilStatusRegistry"]
LAND = land.DESCRIPTOR.services_by_name["LandRegistry"]
BUSINESS = business.DESCRIPTOR.services_by_name["BusinessRegistry"]
PERSON = ("personal_id", "person")
GRANTED = [
    Granted(LAND, "GetParcel", ("certificate_no", "certificate"), RESIDENCE, "certificate"),
    Granted(LAND, "ListParcelsOfHolder", PERSON, RESIDENCE, "certificate"),
    Granted(CIVIL_STATUS, "GetMarriage", PERSON, RESIDENCE, "marriage_extract"),
    Granted(CIVIL_STATUS, "GetMaritalStatus", PERSON, RESIDENCE, "marital_status"),
    Granted(CIVIL_STATUS, "GetDeath", ("personal_id", "deceased"), FUNERAL_GRANT, "death_extract"),
    Granted(
        BUSINESS, "GetEnterprise", ("enterprise_code", "enterprise"), CHEMICALS, "registration"
    ),
]


@pytest.mark.parametrize("granted", GRANTED, ids=lambda granted: granted.method)
def test_every_granted_dataset_keeps_to_its_view(desk: Caller, granted: Granted) -> None:
    method = granted.service.FindMethodByName(granted.method)
    request, reply = (
        message_factory.GetMessageClass(message)
        for message in (method.input_type, method.output_type)
    )
    open_call = desk.channel.unary_stream if method.server_streaming else desk.channel.unary_unary
    call = open_call(
        f"/{granted.service.full_name}/{granted.method}",
        request_serializer=request.SerializeToString,
        response_deserializer=reply.FromString,
    )
    field, sample = granted.subject
    question = request(**{field: desk.demo.samples[sample]})
    answer = desk.ask(call, question, procedure=granted.procedure)
    view = view_paths(granted.service, granted.view)
    assert answer.messages
    for message in answer.messages:
        paths = set(leaves(message))
        assert len(paths) > 3
        assert {path for path in paths if not covers(view, path)} == set()
