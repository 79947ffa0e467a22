"""podman's command, with the flags that the gateway's page tells operators to give."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

COMMAND_S_MAX = 60.0

# What every container of the image can do without (docs/operator/container.md).
HARDENED = (
    "--read-only",
    "--read-only-tmpfs=false",
    "--cap-drop=all",
    "--security-opt=no-new-privileges",
)


def run_name() -> str:
    """What the names of everything that this run makes begin with: by it, `run` takes it away."""
    return os.environ["MOTLAN_RUN"]


def image() -> str:
    """The image that is tried."""
    return os.environ["MOTLAN_IMAGE"]


def podman(*arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Runs podman. `check` demands that it ends with 0."""
    command = ["podman", *arguments]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=COMMAND_S_MAX, check=False
    )
    if check and done.returncode != 0:
        raise AssertionError(f"`{' '.join(command)}`: {done.returncode}\n{done.stderr}")
    return done


def inspect(what: str) -> dict[str, Any]:
    """What podman knows of a container or an image."""
    [found] = json.loads(podman("inspect", what).stdout)
    return found


def volume(name: str) -> str:
    """Makes a volume, and gives its whole name."""
    whole = f"{run_name()}-{name}"
    podman("volume", "create", whole)
    return whole


def on_host(name: str) -> Path:
    """Where a volume lies on this machine."""
    return Path(podman("volume", "inspect", "--format", "{{.Mountpoint}}", name).stdout.strip())


def binary() -> Path:
    """The binary `motlan` that the image was built from."""
    return Path(os.environ["MOTLAN"])
