"""deploy/compose.yaml: what it says, and its gateway and owners as they run."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import podman
import pytest
import yaml
from caller import Caller
from deployment import Deployment
from vn.civil_status.v1 import civil_status_pb2 as civil_status
from vn.civil_status.v1 import civil_status_pb2_grpc
from vn.population.v1 import population_pb2 as population
from vn.population.v1 import population_pb2_grpc

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
COMPOSE = DEPLOY / "compose.yaml"
SERVICES = {"setup", "gateway", "population", "civil-status", "prometheus", "otel-collector"}
# As limits.drain_ms_max unless set.
DRAIN_S = 30
UP_S_MAX = 90


@pytest.fixture(name="services", scope="module")
def parsed() -> dict[str, Any]:
    """The services, with what they share merged in."""
    return yaml.safe_load(COMPOSE.read_text())["services"]


def compose(project: str, *arguments: str, **variables: str) -> str:
    """Runs podman-compose on the file."""
    command = [str(Path(sys.executable).with_name("podman-compose"))]
    command += ["--project-name", project, "--file", str(COMPOSE), *arguments]
    environment = {**os.environ, **variables}
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=UP_S_MAX, check=False, env=environment
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_all_services_are_there_and_shut_in(services: dict[str, Any]) -> None:
    assert set(services) == SERVICES
    for service in services.values():
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]


def test_what_it_names_is_there(services: dict[str, Any]) -> None:
    whole = yaml.safe_load(COMPOSE.read_text())
    for service in services.values():
        assert set(service.get("networks", [])) <= set(whole["networks"])
        assert set(service.get("depends_on", [])) <= set(services)
        for mount in service["volumes"]:
            source = mount.split(":")[0]
            assert (DEPLOY / source).exists() if source[0] == "." else source in whole["volumes"]


def test_a_stop_waits_longer_than_the_gateway_drains(services: dict[str, Any]) -> None:
    assert int(services["gateway"]["stop_grace_period"].removesuffix("s")) > DRAIN_S


def test_prometheus_and_the_collector_are_where_the_others_look_for_them(
    services: dict[str, Any], running: Deployment
) -> None:
    scraped = yaml.safe_load((DEPLOY / "prometheus/prometheus.yml").read_text())
    [job] = [job for job in scraped["scrape_configs"] if job["job_name"] == "motlan"]
    assert job["static_configs"][0]["targets"] == ["gateway:9464"]
    collector = yaml.safe_load((DEPLOY / "otel-collector.yaml").read_text())
    [receiver] = collector["receivers"]["otlp"]["protocols"].values()
    assert receiver["endpoint"] == "0.0.0.0:4317"
    assert "http://otel-collector:4317" in services["setup"]["command"]
    # As the configuration that `setup` lays has them.
    laid = running.read("motlan.toml").decode()
    for line in ('gateway = "0.0.0.0:8443"', 'admin = "0.0.0.0:9464"'):
        assert line in laid
    published = [port.rsplit(":", 1)[1] for port in services["gateway"]["ports"]]
    assert published == ["8443", "9464"]


def test_the_parser_refuses_a_file_that_is_none(tmp_path: Path) -> None:
    broken = tmp_path / "compose.yaml"
    broken.write_text(COMPOSE.read_text().replace("networks: [owners]", "networks: [nowhere]"))
    command = [str(Path(sys.executable).with_name("podman-compose")), "--file", str(broken)]
    command += ["--project-name", f"{podman.run_name()}-broken", "config"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode != 0
    assert "nowhere" in done.stdout + done.stderr


@pytest.fixture(name="composed")
def brought_up() -> Iterator[Deployment]:
    """The gateway with both owners, as the file has them; the other images cannot be had here."""
    project = f"{podman.run_name()}-compose"
    ports = {"MOTLAN_PORT": free_port(), "MOTLAN_ADMIN_PORT": free_port()}
    variables = {"MOTLAN_IMAGE": podman.image(), **ports}
    compose(project, "up", "--detach", "gateway", "population", "civil-status", **variables)
    config, data = f"{project}_config", f"{project}_data"
    deployment = Deployment("compose", "", config, data, {})
    deployment.read_endpoints()
    deployment.endpoints["gateway"] = f"localhost:{ports['MOTLAN_PORT']}"
    deployment.endpoints["admin"] = f"http://127.0.0.1:{ports['MOTLAN_ADMIN_PORT']}"
    yield deployment
    compose(project, "down", "--volumes", **variables)


def free_port() -> str:
    """A port that is free now."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return str(taken.getsockname()[1])


def test_its_gateway_answers_from_both_owners(composed: Deployment) -> None:
    composed.await_ready()
    desk = Caller.connect(composed, "H26/one-stop")
    person = composed.samples["person"]
    registry: Any = population_pb2_grpc.PopulationRegistryStub(desk.channel)
    answer = desk.ask(registry.GetPerson, population.GetPersonRequest(personal_id=person))
    assert answer.message.personal_id == person
    registry = civil_status_pb2_grpc.CivilStatusRegistryStub(desk.channel)
    request = civil_status.GetMarriageRequest(personal_id=person)
    assert desk.ask(registry.GetMarriage, request).messages
    desk.channel.close()
