"""Who gets in: a registered certificate, and a token that its own system signed for it."""

from collections.abc import Callable
from typing import Any

import grpc
import pytest
from vn.population.v1 import population_pb2 as population
from vn.population.v1 import population_pb2_grpc

import signing
from caller import Caller, call
from demo import Demo
from refusal import Refusal, refused

Claims = dict[str, Any]


def refused_token(caller: Caller, token: str | None) -> Refusal:
    """How the gateway turns this token, or none, away. It never keeps a record of that."""
    registry = population_pb2_grpc.PopulationRegistryStub(caller.channel)
    request = population.GetPersonRequest(personal_id=caller.demo.samples["person"])
    metadata = (("authorization", f"Bearer {token}"),) if token else ()
    refusal = refused(call, registry.GetPerson, request, metadata)
    assert refusal.code == grpc.StatusCode.UNAUTHENTICATED
    assert (refusal.domain, refusal.locale) == ("motlan", "vi")
    assert refusal.record is None and refusal.record_trailer is None
    return refusal


def test_a_call_without_a_token_is_turned_away(desk: Caller) -> None:
    assert refused_token(desk, None).reason == "TOKEN_MISSING"


def test_a_stolen_token_is_of_no_use_to_another_system(desk: Caller, other_desk: Caller) -> None:
    assert refused_token(other_desk, desk.token()).reason.startswith("TOKEN_")
    # Nor after the gateway has seen it from its owner, and remembers it.
    stub = population_pb2_grpc.PopulationRegistryStub(desk.channel)
    request = population.GetPersonRequest(personal_id=desk.demo.samples["person"])
    token = desk.token()
    assert desk.ask(stub.GetPerson, request, token=token).message.full_name
    assert refused_token(other_desk, token).reason.startswith("TOKEN_")


def test_tokens_of_both_algorithms_are_taken(desk: Caller, other_desk: Caller) -> None:
    algorithms = set()
    for caller in (desk, other_desk):
        header = signing.header(caller.token())
        algorithms.add(header["alg"])
        stub = population_pb2_grpc.PopulationRegistryStub(caller.channel)
        request = population.GetPersonRequest(personal_id="000000000000")
        # What is refused has a record, so the token was taken.
        assert refused(caller.ask, stub.GetPerson, request).record is not None
    assert algorithms == {"ES256", "EdDSA"}


WRONG_CLAIMS: dict[str, tuple[Callable[[Claims], Any], str]] = {
    "expired": (lambda c: c.update(exp=c["iat"] - 1), "TOKEN_EXPIRED"),
    "too long": (lambda c: c.update(exp=c["iat"] + 601), "TOKEN_TOO_LONG"),
    "iat ahead": (lambda c: c.update(iat=c["iat"] + 60), "TOKEN_NOT_YET_VALID"),
    "nbf ahead": (lambda c: c.update(nbf=c["iat"] + 60), "TOKEN_NOT_YET_VALID"),
    "other aud": (lambda c: c.update(aud="https://elsewhere.example"), "TOKEN_AUDIENCE"),
    "no aud": (lambda c: c.pop("aud"), "TOKEN_AUDIENCE"),
    "other iss": (lambda c: c.update(iss="H29/one-stop"), "TOKEN_ISSUER"),
    "no iss": (lambda c: c.pop("iss"), "TOKEN_ISSUER"),
    "no sub": (lambda c: c.pop("sub"), "TOKEN_CLAIM"),
    "no exp": (lambda c: c.pop("exp"), "TOKEN_CLAIM"),
    "no jti": (lambda c: c.pop("jti"), "TOKEN_CLAIM"),
    "no cnf": (lambda c: c.pop("cnf"), "TOKEN_CLAIM"),
    "no purpose": (lambda c: c.pop("purpose"), "TOKEN_CLAIM"),
    "no code": (lambda c: c.update(purpose={"procedure": "a b"}), "TOKEN_CLAIM"),
    "more purpose": (lambda c: c["purpose"].update(because="so"), "TOKEN_CLAIM"),
    "odd dossier": (lambda c: c["purpose"].update(dossier="có dấu"), "TOKEN_CLAIM"),
}


@pytest.mark.parametrize(("spoil", "reason"), WRONG_CLAIMS.values(), ids=WRONG_CLAIMS.keys())
def test_a_token_with_a_wrong_claim_is_turned_away(
    desk: Caller, spoil: Callable[[Claims], Any], reason: str
) -> None:
    claims = desk.claims()
    spoil(claims)
    refusal = refused_token(desk, signing.sign(claims, desk.credentials))
    assert refusal.reason == reason


def test_a_token_bound_to_another_certificate_is_turned_away(
    desk: Caller, other_desk: Caller
) -> None:
    claims = desk.claims()
    other = signing.thumbprint(other_desk.credentials.certificate)
    claims["cnf"] = {"x5t#S256": other}
    refusal = refused_token(desk, signing.sign(claims, desk.credentials))
    assert refusal.reason == "TOKEN_OTHER_CERTIFICATE"


def test_a_token_that_somebody_else_signed_is_turned_away(desk: Caller, other_desk: Caller) -> None:
    claims = desk.claims()
    others = signing.sign(claims, other_desk.credentials)
    # The two desks' keys are of different types.
    assert refused_token(desk, others).reason == "TOKEN_ALGORITHM"
    signature = others.rsplit(".", 1)[1]
    mixed = f"{desk.token().rsplit('.', 1)[0]}.{signature}"
    assert refused_token(desk, mixed).reason == "TOKEN_SIGNATURE"


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        ({"alg": "none"}, "TOKEN_MALFORMED"),
        ({"alg": "HS256"}, "TOKEN_ALGORITHM"),
        ({"kid": "2020-1"}, "TOKEN_KEY_UNKNOWN"),
        ({"kid": None}, "TOKEN_KEY_UNKNOWN"),
        ({"typ": "JOSE"}, "TOKEN_MALFORMED"),
    ],
)
def test_a_token_with_a_lying_header_is_turned_away(
    desk: Caller, header: dict[str, str | None], reason: str
) -> None:
    token = signing.sign(desk.claims(), desk.credentials, **header)
    assert refused_token(desk, token).reason == reason


def test_a_certificate_that_is_no_registered_systems_gets_no_lookup(
    demo: Demo, desk: Caller
) -> None:
    # Issued by the same authority, to the gateway itself.
    credentials = grpc.ssl_channel_credentials(
        demo.authority,
        demo.read("pki/gateway-client.key"),
        demo.read("pki/gateway-client.pem"),
    )
    with grpc.secure_channel(demo.gateway, credentials) as channel:
        registry = population_pb2_grpc.PopulationRegistryStub(channel)
        request = population.GetPersonRequest(personal_id=demo.samples["person"])
        refusal = refused(desk.ask, registry.GetPerson, request)
    assert refusal.code == grpc.StatusCode.UNAUTHENTICATED
    assert refusal.reason == "SYSTEM_UNREGISTERED"


def test_without_a_certificate_there_is_no_connection(demo: Demo, desk: Caller) -> None:
    credentials = grpc.ssl_channel_credentials(demo.authority)
    with grpc.secure_channel(demo.gateway, credentials) as channel:
        registry = population_pb2_grpc.PopulationRegistryStub(channel)
        request = population.GetPersonRequest(personal_id=demo.samples["person"])
        with pytest.raises(grpc.RpcError) as raised:
            desk.ask(registry.GetPerson, request)
    assert raised.value.code() == grpc.StatusCode.UNAVAILABLE
    assert raised.value.trailing_metadata() in (None, ())


def test_without_tls_there_is_no_connection(demo: Demo, desk: Caller) -> None:
    with grpc.insecure_channel(demo.gateway) as channel:
        registry = population_pb2_grpc.PopulationRegistryStub(channel)
        request = population.GetPersonRequest(personal_id=demo.samples["person"])
        with pytest.raises(grpc.RpcError) as raised:
            desk.ask(registry.GetPerson, request)
    assert raised.value.code() == grpc.StatusCode.UNAVAILABLE
