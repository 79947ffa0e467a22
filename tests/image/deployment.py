"""A sample deployment in containers: gateway and owners, each in one of its own."""

import json
import subprocess
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import podman
from demo import Credentials

CONFIG = "/etc/motlan"
DATA = "/var/lib/motlan"
OWNERS = ("population", "civil_status")
READY_S_MAX = 30.0
POLL_S = 0.01


@dataclass
class Deployment:
    """Everything of one deployment. A caller finds in it what it finds in a demo."""

    name: str
    network: str
    config: str
    data: str
    endpoints: dict[str, Any]

    @classmethod
    def lay(cls, name: str) -> Self:
        """Lays it out as `setup` of deploy/compose.yaml does, and starts nothing."""
        network = f"{podman.run_name()}-{name}"
        podman.podman("network", "create", network)
        laid = cls(
            name, network, podman.volume(f"{name}-config"), podman.volume(f"{name}-data"), {}
        )
        laid.once("sample", "lay", "--dir", CONFIG, "--host", "gateway", writable=True)
        laid.read_endpoints()
        return laid

    def read_endpoints(self) -> None:
        """Takes over what was laid."""
        self.endpoints = json.loads(self.read("endpoints.json"))

    @property
    def folder(self) -> Path:
        """What the containers see as `/etc/motlan`."""
        return podman.on_host(self.config)

    @property
    def written(self) -> Path:
        """What the gateway sees as `/var/lib/motlan`."""
        return podman.on_host(self.data)

    def container(self, part: str) -> str:
        """The name of the container of one part."""
        return f"{podman.run_name()}-{self.name}-{part}"

    def volumes(self, *, writable: bool = False) -> list[str]:
        """The flags of both volumes."""
        mode = "rw" if writable else "ro"
        return [f"--volume={self.config}:{CONFIG}:{mode}", f"--volume={self.data}:{DATA}"]

    def once(
        self, *command: str, writable: bool = False, entrypoint: str = "/usr/bin/motlan"
    ) -> subprocess.CompletedProcess[str]:
        """Runs one command of the image to its end, whatever that is for a read-only config."""
        return podman.podman(
            "run",
            "--rm",
            "--network=none",
            f"--name={self.container('once')}",
            *podman.HARDENED,
            "--no-healthcheck",
            f"--entrypoint={entrypoint}",
            *self.volumes(writable=writable),
            podman.image(),
            *command,
            check=writable,
        )

    def start_owners(self) -> None:
        """Starts the sample systems of two owners."""
        for dataset in OWNERS:
            host = dataset.replace("_", "-")
            volume = f"--volume={self.config}:{CONFIG}:ro"
            self.start(
                dataset,
                [f"--network-alias={host}", "--no-healthcheck", volume],
                ["sample", "owner", "--dir", CONFIG, "--dataset", dataset],
            )

    def start_gateway(self) -> float:
        """Starts the gateway, and gives the seconds from podman's start to ready."""
        flags = [
            "--network-alias=gateway",
            "--publish=127.0.0.1::8443",
            "--publish=127.0.0.1::9464",
            *self.volumes(),
        ]
        podman.podman("rm", "--force", "--ignore", self.container("gateway"))
        began = time.monotonic()
        self.start("gateway", flags, [])
        self.find()
        return self.await_ready() - began

    def start(self, part: str, flags: list[str], command: list[str]) -> None:
        """Starts the container of one part."""
        podman.podman(
            "run",
            "--detach",
            f"--name={self.container(part)}",
            f"--network={self.network}",
            *podman.HARDENED,
            *flags,
            podman.image(),
            *command,
        )

    def find(self) -> None:
        """Asks where the gateway can be reached from this machine."""
        told = podman.podman("port", self.container("gateway")).stdout.splitlines()
        ports = dict(line.split("/tcp -> ") for line in told)
        self.endpoints["gateway"] = "localhost:" + ports["8443"].rsplit(":", 1)[1]
        self.endpoints["admin"] = "http://" + ports["9464"]

    def await_ready(self) -> float:
        """Waits until the gateway is ready, and gives the time of that."""
        deadline = time.monotonic() + READY_S_MAX
        while True:
            try:
                with urllib.request.urlopen(f"{self.endpoints['admin']}/readyz", timeout=2):
                    return time.monotonic()
            except OSError as error:
                if time.monotonic() > deadline:
                    raise AssertionError(f"not ready: {error}\n{self.log()}") from error
            time.sleep(POLL_S)

    def log(self) -> str:
        """What the gateway has said."""
        done = podman.podman("logs", self.container("gateway"), check=False)
        return done.stdout + done.stderr

    def audit(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Runs the auditor of the image over the ledger."""
        done = self.once(
            *command, f"--ledger={DATA}/ledger", entrypoint="/usr/bin/motlan-audit"
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done

    @property
    def gateway(self) -> str:
        """The gateway's address."""
        return self.endpoints["gateway"]

    @property
    def audience(self) -> str:
        """What tokens name as `aud`."""
        return self.endpoints["audience"]

    @property
    def samples(self) -> dict[str, str]:
        """Whom and what to ask for."""
        return self.endpoints["samples"]

    @property
    def ledger_key(self) -> str:
        """The verifier key of the ledger's checkpoints."""
        return self.endpoints["ledger_key"]

    @property
    def authority(self) -> bytes:
        """The certificate of the authority, PEM."""
        return self.read(self.endpoints["ca"])

    def credentials(self, system: str) -> Credentials:
        """What `system` holds, e.g. `H26/one-stop`."""
        files = self.endpoints["systems"][system]
        return Credentials(
            certificate=self.read(files["cert"]),
            key=self.read(files["key"]),
            token_key=self.read(files["token_key"]),
            token_kid=files["token_kid"],
        )

    def read(self, file: str) -> bytes:
        """A file of what was laid."""
        return (self.folder / file).read_bytes()
