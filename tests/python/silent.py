"""A second gateway over the demo's files, whose population owner is silent."""

import dataclasses
import json
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from demo import BINARY, Demo

STOP_S_MAX = 20.0


@contextmanager
def gateway(demo: Demo, folder: Path) -> Iterator[Demo]:
    """Makes its ledger, serves until the end of the block, and stops it. `folder` must not exist.

    The owner's port accepts connections, and then nothing more comes from it.
    """
    shutil.copytree(demo.folder, folder, ignore=shutil.ignore_patterns("ledger*", "sealing"))
    config = ("--config", str(folder / "motlan.toml"))
    subprocess.run([BINARY, "ledger", "init", *config], check=True, capture_output=True)
    with socket.create_server(("127.0.0.1", 0)) as owner:
        _put_owner(folder / "catalog/endpoints.toml", owner.getsockname()[1])
        # What was changed is no longer what was sealed.
        seal = ("--catalog", str(folder / "catalog"), "--key", str(folder / "pki/manifest.key"))
        subprocess.run([BINARY, "policy", "seal", *seal], check=True, capture_output=True)
        process = subprocess.Popen(
            [BINARY, "serve", *config], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        assert process.stdout is not None
        output = process.stdout
        try:
            where = json.loads(output.readline())
            port = where["gateway"].rsplit(":", 1)[1]
            endpoints = {**demo.endpoints, "gateway": f"localhost:{port}"}
            yield dataclasses.replace(demo, endpoints=endpoints, process=process)
        finally:
            process.terminate()
            try:
                code = process.wait(STOP_S_MAX)
            finally:
                process.kill()
                output.close()
        assert code == 0, f"the gateway ended with {code}"


def _put_owner(endpoints: Path, port: int) -> None:
    before, _, after = endpoints.read_text().partition("[population]\n")
    rest = after.split("\n", 1)[1]
    address = f'addresses = ["127.0.0.1:{port}"]'
    endpoints.write_text(f"{before}[population]\n{address}\n{rest}")
