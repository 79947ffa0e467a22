"""The gateway in its container: ready, healthy, asked and answered, and shut in."""

import time
from pathlib import Path
from typing import Any

import podman
from caller import Caller
from deployment import Deployment
from vn.civil_status.v1 import civil_status_pb2 as civil_status
from vn.civil_status.v1 import civil_status_pb2_grpc
from vn.population.v1 import population_pb2 as population
from vn.population.v1 import population_pb2_grpc

HEALTHY_S_MAX = 20.0
POLL_S = 0.1


def status(container: str) -> dict[str, str]:
    """What the kernel says of a container's first process."""
    process = podman.inspect(container)["State"]["Pid"]
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return {key: value.strip() for key, value in (line.split(":", 1) for line in lines)}


def test_health_turns_green(running: Deployment) -> None:
    # R113.
    gateway = running.container("gateway")
    deadline = time.monotonic() + HEALTHY_S_MAX
    while podman.podman("healthcheck", "run", gateway, check=False).returncode != 0:
        assert time.monotonic() < deadline, running.log()
        time.sleep(POLL_S)
    assert podman.inspect(gateway)["State"]["Health"]["Status"] == "healthy"


def test_a_client_asks_two_owners_through_it(desk: Caller) -> None:
    # R113.
    person = desk.demo.samples["person"]
    registry: Any = population_pb2_grpc.PopulationRegistryStub(desk.channel)
    answer = desk.ask(registry.GetPerson, population.GetPersonRequest(personal_id=person))
    assert answer.message.personal_id == person
    assert "religion" in answer.withheld
    registry = civil_status_pb2_grpc.CivilStatusRegistryStub(desk.channel)
    request = civil_status.GetMarriageRequest(personal_id=person)
    assert desk.ask(registry.GetMarriage, request).messages


def test_it_runs_as_nobody_with_no_capability_and_can_gain_none(running: Deployment) -> None:
    # R113.
    for part in ("gateway", "population"):
        told = status(running.container(part))
        assert told["Uid"].split() == ["65532"] * 4
        assert told["Gid"].split() == ["65532"] * 4
        sets = ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")
        assert {int(told[one], 16) for one in sets} == {0}
        assert told["NoNewPrivs"] == "1"


def test_its_root_stays_as_it_was(running: Deployment, desk: Caller) -> None:
    # R113.
    gateway = running.container("gateway")
    registry: Any = population_pb2_grpc.PopulationRegistryStub(desk.channel)
    request = population.GetPersonRequest(personal_id=desk.demo.samples["person"])
    desk.ask(registry.GetPerson, request)
    # What podman itself mounts for every container.
    mounted = {"/etc", "/proc", "/sys", "/dev", "/run", "/run/.containerenv", "/run/secrets"}
    mounted |= {f"/etc/{name}" for name in ("hostname", "hosts", "resolv.conf", "mtab")}
    changed = podman.podman("diff", gateway).stdout.split()[1::2]
    assert set(changed) <= mounted
    process = podman.inspect(gateway)["State"]["Pid"]
    mounts = Path(f"/proc/{process}/mounts").read_text().splitlines()
    [options] = [line.split()[3] for line in mounts if line.split()[1] == "/"]
    assert "ro" in options.split(",")


def test_its_files_lie_on_the_volume(running: Deployment) -> None:
    names = {path.name for path in running.written.iterdir()}
    assert {"ledger", "ledger.key", "sealing", "known-revision.json", "state.redb"} <= names


def test_a_second_gateway_on_the_same_volume_ends_at_once(running: Deployment) -> None:
    done = running.once("serve", "--config", "/etc/motlan/motlan.toml")
    assert done.returncode == 1
    assert "`/var/lib/motlan/ledger/" in done.stderr
    assert "is held by another process" in done.stderr
