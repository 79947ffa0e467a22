"""deploy/kubernetes: each manifest by the published schemas, and all of them by each other."""

import copy
import os
import re
import shutil
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

FOLDER = Path(__file__).resolve().parents[2] / "deploy/kubernetes"
# The oldest that knows `preStop.sleep` without a switch, and the newest that the validator has.
VERSIONS = ("1.32", kubernetes_validate.latest_version())
# As limits.drain_ms_max unless set.
DRAIN_S = 30
# Of cert-manager, and of Kustomize: the schemas of Kubernetes do not have them.
FOREIGN = ("cert-manager.io/", "kustomize.config.k8s.io/")
TLS_FILES = {"tls.crt", "tls.key", "ca.crt"}


def documents() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every manifest, with the file that it stands in."""
    for file in sorted(FOLDER.rglob("*.yaml")):
        for document in yaml.safe_load_all(file.read_text()):
            yield str(file.relative_to(FOLDER)), document


def ours() -> list[Any]:
    """Those that the schemas have, each a case of its own."""
    native = [one for one in documents() if not one[1]["apiVersion"].startswith(FOREIGN)]
    return [pytest.param(one, id=f"{file}-{one['kind']}") for file, one in native]


def only(kind: str, folder: str = ".", name: str | None = None) -> dict[str, Any]:
    """The one manifest of this kind."""
    found = [
        one
        for file, one in documents()
        if one["kind"] == kind
        and str(Path(file).parent) == folder
        and name in (None, one["metadata"]["name"])
    ]
    [manifest] = found
    return manifest


@pytest.fixture(name="pod")
def pod_of_the_gateway() -> dict[str, Any]:
    """The pod's specification."""
    return only("StatefulSet")["spec"]["template"]["spec"]


@pytest.fixture(name="settings")
def settings_of_the_gateway() -> dict[str, Any]:
    """motlan.toml as the ConfigMap has it."""
    return tomllib.loads((FOLDER / "config/motlan.toml").read_text())


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("manifest", ours())
def test_a_manifest_is_as_the_schema_has_it(manifest: dict[str, Any], version: str) -> None:
    kubernetes_validate.validate(manifest, version, strict=True)


def test_the_validator_sees_what_is_wrong() -> None:
    right = only("StatefulSet")
    wrong = copy.deepcopy(right)
    wrong["spec"]["replicas"] = "one"
    unknown = copy.deepcopy(right)
    unknown["spec"]["template"]["spec"]["containers"][0]["readOnlyRoot"] = True
    for broken in (wrong, unknown):
        with pytest.raises(kubernetes_validate.ValidationError):
            kubernetes_validate.validate(broken, VERSIONS[-1], strict=True)


@pytest.mark.parametrize("folder", [".", "config", "first-run"])
def test_a_kustomization_names_every_file_beside_it(folder: str) -> None:
    here = FOLDER / folder
    text = (here / "kustomization.yaml").read_text()
    resources = yaml.safe_load(text).get("resources", [])
    named = {one for one in resources if one.endswith(".yaml")}
    # One that needs cert-manager stands in a comment.
    named |= set(re.findall(r"^#  - (\S+\.yaml)$", text, re.MULTILINE))
    there = {file.name for file in here.glob("*.yaml")} - {"kustomization.yaml"}
    assert named == there
    # Beyond its own files, a kustomization may name folders only.
    folders = [here / one for one in resources if not one.endswith(".yaml")]
    assert all((one / "kustomization.yaml").is_file() for one in folders)


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not installed")
@pytest.mark.parametrize("folder", [".", "first-run"])
def test_kustomize_builds_it_and_what_comes_out_is_right(folder: str) -> None:
    command = ["kubectl", "kustomize", str(FOLDER / folder)]
    built = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert built.returncode == 0, built.stderr
    for manifest in yaml.safe_load_all(built.stdout):
        kubernetes_validate.validate(manifest, VERSIONS[-1], strict=True)
        assert manifest["kind"] == "Namespace" or manifest["metadata"]["namespace"] == "motlan"


def test_the_pod_is_shut_in(pod: dict[str, Any]) -> None:
    # R113.
    for one in (pod, only("Job", "first-run")["spec"]["template"]["spec"]):
        context = one["securityContext"]
        assert context["runAsNonRoot"] is True
        assert {context[key] for key in ("runAsUser", "runAsGroup", "fsGroup")} == {65532}
        assert context["fsGroupChangePolicy"] == "OnRootMismatch"
        assert context["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in [*one.get("initContainers", []), *one["containers"]]:
            inner = container["securityContext"]
            assert inner["readOnlyRootFilesystem"] is True
            assert inner["allowPrivilegeEscalation"] is False
            assert inner["capabilities"] == {"drop": ["ALL"]}


def test_one_ledger_has_one_pod(pod: dict[str, Any], settings: dict[str, Any]) -> None:
    spec = only("StatefulSet")["spec"]
    assert spec["replicas"] == 1
    assert settings["instance"] == f"{only('StatefulSet')['metadata']['name']}-0"
    # What the first run fills is the claim that the set's one pod will have.
    [template] = spec["volumeClaimTemplates"]
    claim = only("PersistentVolumeClaim", "first-run")
    assert claim["metadata"]["name"] == f"{template['metadata']['name']}-motlan-0"
    assert claim["spec"] == template["spec"]
    assert pod["terminationGracePeriodSeconds"] > DRAIN_S + 5


def test_ports_agree(pod: dict[str, Any], settings: dict[str, Any]) -> None:
    [container] = pod["containers"]
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    listen = settings["listen"]
    assert listen == {"gateway": f"0.0.0.0:{ports['grpc']}", "admin": f"0.0.0.0:{ports['admin']}"}
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        assert container[probe]["httpGet"]["port"] == "admin"
    for name, port in (("motlan", "grpc"), ("motlan-admin", "admin")):
        [served] = only("Service", name=name)["spec"]["ports"]
        assert served["targetPort"] == port
        assert served["port"] == ports[port]
    admitted = only("NetworkPolicy")["spec"]["ingress"]
    assert {port["port"] for rule in admitted for port in rule["ports"]} == set(ports)


def test_everything_selects_the_pod(pod: dict[str, Any]) -> None:
    assert pod["containers"]
    spec = only("StatefulSet")["spec"]
    labels = spec["template"]["metadata"]["labels"]
    assert spec["selector"]["matchLabels"] == labels
    assert only("PodDisruptionBudget")["spec"]["selector"]["matchLabels"] == labels
    assert only("NetworkPolicy")["spec"]["podSelector"]["matchLabels"] == labels
    for name in ("motlan", "motlan-admin"):
        assert only("Service", name=name)["spec"]["selector"] == labels
    assert spec["serviceName"] == "motlan-admin"


def paths(table: dict[str, Any]) -> Iterator[str]:
    """Every path of a configuration."""
    for value in table.values():
        if isinstance(value, dict):
            yield from paths(value)
        elif isinstance(value, str) and value.startswith("/"):
            yield value


def test_every_path_of_the_configuration_is_mounted(
    pod: dict[str, Any], settings: dict[str, Any]
) -> None:
    job = only("Job", "first-run")["spec"]["template"]["spec"]
    for one in (pod, job):
        volumes = {volume["name"] for volume in one["volumes"]}
        claims = only("StatefulSet")["spec"]["volumeClaimTemplates"] if one is pod else []
        volumes |= {claim["metadata"]["name"] for claim in claims}
        for container in [*one.get("initContainers", []), *one["containers"]]:
            mounts = {mount["mountPath"] for mount in container["volumeMounts"]}
            assert {mount["name"] for mount in container["volumeMounts"]} <= volumes
            config = Path(container["args"][container["args"].index("--config") + 1])
            assert str(config.parent) in mounts
            needed = [path for path in paths(settings) if one is pod or "tls" not in path]
            for path in needed:
                assert any(path.startswith(f"{mount}/") for mount in mounts), path


def test_the_secrets_have_the_layout_of_cert_manager(
    pod: dict[str, Any], settings: dict[str, Any]
) -> None:
    secrets = {
        volume["secret"]["secretName"]: volume for volume in pod["volumes"] if "secret" in volume
    }
    made = [one for _, one in documents() if one["kind"] == "Certificate"]
    assert {one["spec"]["secretName"] for one in made} == set(secrets)
    # Read by our group, by nobody else, and written by nobody.
    assert {volume["secret"]["defaultMode"] for volume in secrets.values()} == {0o440}
    for table in ("tls", "provider_tls"):
        assert {Path(path).name for path in paths(settings[table])} == TLS_FILES


def motlan(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs the binary that goes into the image."""
    command = [os.environ["MOTLAN"], *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_the_steps_of_the_first_run_make_what_the_configuration_needs(tmp_path: Path) -> None:
    etc, data, sample = tmp_path / "etc", tmp_path / "data", tmp_path / "sample"
    lay = motlan("sample", "lay", "--dir", str(sample), "--data", str(tmp_path / "unused"))
    assert lay.returncode == 0, lay.stderr
    for folder in (etc / "config", etc / "tls", etc / "provider-tls", etc / "catalog-key", data):
        folder.mkdir(parents=True)
    shutil.copytree(sample / "catalog", etc / "catalog/current")
    shutil.copy(sample / "pki/manifest.pem", etc / "catalog-key/manifest.pem")
    for side, stem in (("tls", "gateway"), ("provider-tls", "gateway-client")):
        shutil.copy(sample / f"pki/{stem}.pem", etc / side / "tls.crt")
        shutil.copy(sample / f"pki/{stem}.key", etc / side / "tls.key")
        shutil.copy(sample / "pki/ca.pem", etc / side / "ca.crt")
    text = (FOLDER / "config/motlan.toml").read_text()
    text = text.replace("/etc/motlan", str(etc)).replace("/var/lib/motlan", str(data))
    config = etc / "config/motlan.toml"
    config.write_text(text)

    job = only("Job", "first-run")["spec"]["template"]["spec"]
    for container in [*job["initContainers"], *job["containers"]]:
        arguments = [
            argument.replace("/etc/motlan", str(etc)) for argument in container["args"]
        ]
        done = motlan(*arguments)
        assert done.returncode == 0, done.stderr
    # Nothing is wrong but that the sample's owners run nowhere.
    told = motlan("check", "--config", str(config)).stderr
    *faults, count = told.splitlines()
    assert all("endpoints.toml" in line for line in faults), told
    assert count.startswith(f"{len(faults)} faults"), told
    config.write_text(text.replace("[ledger]", "[ledger]\nfolders = 1"))
    assert "`ledger.folders` is not a known key" in motlan("check", "--config", str(config)).stderr
