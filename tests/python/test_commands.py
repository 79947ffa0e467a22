"""`motlan token`, and the health service, for people who have nothing else at hand."""

from pathlib import Path

from vn.population.v1 import population_pb2 as population
from vn.population.v1 import population_pb2_grpc

import signing
from caller import FUNERAL_GRANT, Caller, call
from demo import Demo
from refusal import refused


def test_a_minted_token_serves_a_lookup(demo: Demo, desk: Caller) -> None:
    minted = demo.token_command("--dossier", "000.00.00.H26-261122-0003")
    assert minted.returncode == 0, minted.stderr
    stub = population_pb2_grpc.PopulationRegistryStub(desk.channel)
    request = population.GetPersonRequest(personal_id=demo.samples["person"])
    answer = desk.ask(stub.GetPerson, request, token=minted.stdout.strip())
    assert answer.message.full_name


def test_a_minted_token_says_what_it_was_asked_to(demo: Demo, desk: Caller) -> None:
    minted = demo.token_command("--procedure", FUNERAL_GRANT)
    stub = population_pb2_grpc.PopulationRegistryStub(desk.channel)
    request = population.GetPersonRequest(personal_id=demo.samples["person"])
    refusal = refused(desk.ask, stub.GetPerson, request, token=minted.stdout.strip())
    assert refusal.reason == "PURPOSE_NOT_COVERED"
    systems = ("H26/one-stop", "H29/one-stop")
    minted_by = [demo.token_command("--system", system).stdout.strip() for system in systems]
    assert {signing.header(token)["alg"] for token in minted_by} == {"ES256", "EdDSA"}


def test_no_token_for_a_system_that_the_demo_lacks(demo: Demo) -> None:
    minted = demo.token_command("--system", "H99/none")
    assert minted.returncode != 0
    assert minted.stdout == ""
    [line] = minted.stderr.splitlines()
    assert "`H99/none`" in line and "H26/one-stop" in line


def test_no_token_from_a_folder_that_is_no_demos(demo: Demo, tmp_path: Path) -> None:
    minted = demo.token_command("--dir", str(tmp_path))
    assert minted.returncode != 0
    assert minted.stdout == ""
    [line] = minted.stderr.splitlines()
    assert str(tmp_path) in line and "endpoints.json" in line


def test_the_health_service_answers_without_a_token(desk: Caller) -> None:
    # grpc.health.v1: HealthCheckRequest{service} and HealthCheckResponse{SERVING}, by hand.
    check = desk.channel.unary_unary("/grpc.health.v1.Health/Check")
    for service in (b"", b"vn.population.v1.PopulationRegistry"):
        request = b"\x0a" + bytes([len(service)]) + service if service else b""
        assert call(check, request, ()).message == b"\x08\x01"
