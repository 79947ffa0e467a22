"""A demo that stays up: started as anybody would start it, found through its `endpoints.json`."""

import json
import os
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

ROOT = Path(__file__).resolve().parents[2]
# MOTLAN names another binary, e.g. a debug build.
BINARY = Path(os.environ.get("MOTLAN", ROOT / "target/release/motlan"))

# What it prints last. Before that it does not yet heed Ctrl-C.
STAYS_UP = b"The gateway stays up"
START_S_MAX = 30.0
STOP_S_MAX = 20.0
POLL_S = 0.02


class DemoError(Exception):
    """The demo does not run."""


@dataclass(frozen=True)
class Credentials:
    """What one system holds."""

    certificate: bytes
    key: bytes
    token_key: bytes
    token_kid: str


@dataclass(frozen=True)
class Demo:
    """A gateway with its providers, up on this machine."""

    folder: Path
    endpoints: dict[str, Any]
    process: subprocess.Popen[bytes]
    log: Path

    @classmethod
    def start(cls, folder: Path, log: Path) -> Self:
        """Starts it in `folder`, which must not exist. Returns once it has played and stays up."""
        if not BINARY.is_file():
            raise DemoError(
                f"{BINARY} is missing: run `cargo build --release --package motlan-gateway` first"
            )
        command = [str(BINARY), "demo", "--keep", "--dir", str(folder)]
        with log.open("wb") as output:
            process = subprocess.Popen(command, cwd=ROOT, stdout=output, stderr=subprocess.STDOUT)
        endpoints = folder / "endpoints.json"
        deadline = time.monotonic() + START_S_MAX
        while not (STAYS_UP in log.read_bytes() and endpoints.exists()):
            ended = process.poll() is not None
            if ended or time.monotonic() > deadline:
                process.kill()
                process.wait()
                what = "ended" if ended else f"was not up after {START_S_MAX:.0f} s"
                raise DemoError(f"`{' '.join(command)}` {what}:\n{log.read_text()}")
            time.sleep(POLL_S)
        return cls(folder, json.loads(endpoints.read_text()), process, log)

    def stop(self) -> int:
        """Stops it as Ctrl-C does. Its exit code says whether all went as the demo tells."""
        self.process.send_signal(signal.SIGINT)
        try:
            return self.process.wait(STOP_S_MAX)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise DemoError(f"the demo did not stop within {STOP_S_MAX:.0f} s") from None

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
        """A file of the demo's folder."""
        return (self.folder / file).read_bytes()

    def token_command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Runs `motlan token` on the demo's folder, or on another that `arguments` name."""
        folder = () if "--dir" in arguments else ("--dir", str(self.folder))
        command = [str(BINARY), "token", *folder, *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
