"""The log as strangers read it: over HTTP, with code that is not ours.

Go's packages `golang.org/x/mod/sumdb/{tlog,note}` check it, by the program `tests/go/logcheck`.
"""

import os
import shutil
import subprocess
import tempfile
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from vn.population.v1 import population_pb2 as population
from vn.population.v1 import population_pb2_grpc

import served
from caller import Caller
from demo import ROOT, Demo

AUDIT = Path(os.environ.get("MOTLAN_AUDIT", ROOT / "target/release/motlan-audit"))
# Two full tiles, a partial one, and a partial one of the level above.
RECORDS_MIN = 600
GO_S_MAX = 180.0

Run = Callable[..., subprocess.CompletedProcess[str]]


@dataclass(frozen=True)
class Log:
    """The demo's log, with a checkpoint from before it grew."""

    url: str
    key: str
    ledger: Path
    size: int
    old: Path


@pytest.fixture(name="log", scope="module")
def served_log(demo: Demo, desk: Caller, tmp_path_factory: pytest.TempPathFactory) -> Log:
    """Waits for nobody: asks until the log is long enough, and keeps a checkpoint from before."""
    url = f"{demo.endpoints['admin']}/log"
    old = tmp_path_factory.mktemp("log") / "old"
    old.write_bytes(served.fetch(f"{url}/checkpoint").body)
    stub = population_pb2_grpc.PopulationRegistryStub(desk.channel)
    request = population.GetPersonRequest(personal_id=demo.samples["person"])
    token = desk.token()
    while (size := size_of(served.fetch(f"{url}/checkpoint"))) < RECORDS_MIN:
        desk.ask(stub.GetPerson, request, token=token)
    return Log(url, demo.ledger_key, demo.folder / demo.endpoints["ledger"], size, old)


def size_of(checkpoint: served.Page) -> int:
    """How many records a checkpoint speaks for."""
    return int(checkpoint.body.split(b"\n")[1])


@pytest.fixture(name="go", scope="session")
def built_logcheck() -> Iterator[Run]:
    """The Go program, or a loud word on why there is none."""
    ready = subprocess.run(
        [ROOT / "tests/setup-go"], capture_output=True, text=True, timeout=GO_S_MAX, check=False
    )
    if ready.returncode != 0:
        why = f"NOT CHECKED by code that is not ours: {ready.stderr.strip()}"
        warnings.warn(why, stacklevel=1)
        pytest.skip(why)
    with tempfile.TemporaryDirectory(prefix="motlan-go-") as folder:
        program = Path(folder) / "logcheck"
        more = {"GO111MODULE": "off", "GOPATH": "/usr/share/gocode", "CGO_ENABLED": "0"}
        environment = os.environ | more | {"GOCACHE": f"{folder}/cache", "GOFLAGS": ""}
        subprocess.run(
            [shutil.which("go") or "go", "build", "-o", program, "."],
            cwd=ROOT / "tests/go/logcheck",
            env=environment,
            timeout=GO_S_MAX,
            check=True,
        )
        yield lambda *arguments: run(program, *arguments)


def run(program: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Runs a program to its end."""
    command = [str(program), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def audit(*arguments: object) -> None:
    """Runs `motlan-audit`, which must find nothing wrong."""
    ended = run(AUDIT, *arguments)
    assert ended.returncode == 0, ended.stdout + ended.stderr


def flipped(body: bytes) -> bytes:
    """One bit of the middle changed."""
    middle = len(body) // 2
    return body[:middle] + bytes([body[middle] ^ 1]) + body[middle + 1 :]


def cut(body: bytes) -> bytes:
    """Without its last hash, or a piece of its last record."""
    return body[:-32]


def swapped(body: bytes) -> bytes:
    """The first two hashes exchanged."""
    return body[32:64] + body[:32] + body[64:]


def resized(body: bytes) -> bytes:
    """A checkpoint for one record fewer, with the signature left."""
    origin, size, rest = body.split(b"\n", 2)
    return b"\n".join([origin, b"%d" % (int(size) - 1), rest])


def test_the_whole_log_holds_for_go_and_extends_what_it_was(log: Log, go: Run) -> None:
    ended = go("log", log.url, log.key, log.old)
    assert ended.returncode == 0, ended.stderr
    assert f": {log.size} records" in ended.stdout


@pytest.mark.parametrize(
    ("page", "change"),
    [
        ("/tile/0/000", flipped),
        ("/tile/0/001", swapped),
        ("/tile/0/001", cut),
        ("/tile/0/002.p/{rest}", flipped),
        ("/tile/1/000.p/2", flipped),
        ("/tile/entries/000", flipped),
        ("/tile/entries/001", cut),
        ("/tile/entries/002.p/{rest}", flipped),
        ("/checkpoint", flipped),
        ("/checkpoint", resized),
    ],
)
def test_go_refuses_a_log_with_anything_changed(
    log: Log, go: Run, page: str, change: served.Change
) -> None:
    page = page.format(rest=log.size % 256)
    with served.changed(log.url, page, change) as between:
        ended = go("log", between, log.key, log.old)
    assert ended.returncode == 1, ended.stderr
    assert "refused" in ended.stderr


def test_go_refuses_another_key_and_another_history(log: Log, go: Run) -> None:
    other = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
    assert go("log", log.url, other).returncode == 1
    changed = log.old.with_name("changed")
    changed.write_bytes(flipped(log.old.read_bytes()))
    assert go("log", log.url, log.key, changed).returncode == 1


@pytest.mark.parametrize("record", [0, 255, 256, 555])
def test_go_believes_our_inclusion_proofs_and_no_changed_one(
    log: Log, go: Run, tmp_path: Path, record: int
) -> None:
    proof = tmp_path / "record.tlog-proof"
    audit("prove", "inclusion", record, "--ledger", log.ledger, "--out", proof)
    audit("proof", "verify", proof, "--key", log.key)
    ended = go("proof", proof, log.key)
    assert ended.returncode == 0, ended.stderr
    assert f": record {record} of " in ended.stdout
    text = proof.read_text()
    lines = text.split("\n")
    for changed in (
        text.replace(f"index {record}\n", f"index {record + 1}\n"),
        text.replace("extra Cg", "extra Cw").replace("extra CA", "extra CB"),
        "\n".join(lines[:3] + [lines[4], lines[3]] + lines[5:]),
        "\n".join(lines[:3] + lines[4:]),
        resized_in(text),
    ):
        assert changed != text
        proof.write_text(changed)
        for refusal in (go("proof", proof, log.key), verified(proof, log.key)):
            assert refusal.returncode == 1, f"{refusal.stderr}\n{changed}"


def verified(proof: Path, key: str) -> subprocess.CompletedProcess[str]:
    """What `motlan-audit` says to a proof."""
    return run(AUDIT, "proof", "verify", proof, "--key", key)


def resized_in(proof: str) -> str:
    """The checkpoint at the end of a proof changed."""
    head, checkpoint = proof.split("\n\n", 1)
    return f"{head}\n\n{resized(checkpoint.encode()).decode()}"


def test_go_believes_our_consistency_proof_and_no_changed_one(
    log: Log, go: Run, tmp_path: Path
) -> None:
    grown, new = tmp_path / "grown", tmp_path / "new"
    new.write_bytes(served.fetch(f"{log.url}/checkpoint").body)
    audit("prove", "consistency", log.old, new, "--ledger", log.ledger, "--out", grown)
    audit("consistency", "verify", grown, "--old", log.old, "--key", log.key)
    ended = go("consistency", grown, log.old, log.key)
    assert ended.returncode == 0, ended.stderr
    text = grown.read_text()
    lines = text.split("\n")
    for changed in (
        "\n".join([lines[0], lines[2], lines[1], *lines[3:]]),
        "\n".join([lines[0], *lines[2:]]),
        resized_in(text),
    ):
        assert changed != text
        grown.write_text(changed)
        assert go("consistency", grown, log.old, log.key).returncode == 1, changed
        arguments = ("consistency", "verify", grown, "--old", log.old, "--key", log.key)
        assert run(AUDIT, *arguments).returncode == 1, changed


def test_tiles_are_served_as_published(log: Log) -> None:
    checkpoint = served.fetch(f"{log.url}/checkpoint")
    assert checkpoint.headers["content-type"] == "text/plain; charset=utf-8"
    assert checkpoint.headers["cache-control"] == "max-age=1"
    full = served.fetch(f"{log.url}/tile/0/000")
    assert (full.status, len(full.body)) == (200, 256 * 32)
    part = served.fetch(f"{log.url}/tile/0/000.p/7")
    assert part.body == full.body[: 7 * 32]
    bundle = served.fetch(f"{log.url}/tile/entries/000")
    start = served.fetch(f"{log.url}/tile/entries/000.p/3")
    assert 0 < len(start.body) < len(bundle.body)
    assert bundle.body.startswith(start.body)
    # `/log/` is another log after the turn of the quarter; `/log/<quarter>/` never is.
    quarter = checkpoint.body.decode().splitlines()[0].rsplit("/", 1)[1]
    own = served.fetch(f"{log.url}/{quarter}/tile/0/000")
    assert own.body == full.body
    assert "immutable" in own.headers["cache-control"]
    for page in (full, part, bundle, start):
        assert page.headers["content-type"] == "application/octet-stream"
        assert page.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    "path",
    [
        "tile/0/003",
        "tile/0/002.p/255",
        "tile/0/002",
        "tile/1/000",
        "tile/1/000.p/3",
        "tile/2/000.p/1",
        "tile/63/000.p/1",
        "tile/64/000.p/1",
        "tile/entries/002",
        "tile/entries/x999/x999/x999/x999/x999/x999/999",
        "tile/0/0",
        "tile/0/x000/000",
        "tile/0/000.p/0",
        "tile/0/000.p/256",
        "tile/0/../../checkpoint",
        "tile/-1/000",
        "tile/",
        "",
    ],
)
def test_there_is_nothing_beyond_the_log(log: Log, path: str) -> None:
    page = served.fetch(f"{log.url}/{path}")
    assert page.status == 404, page.body
    assert "immutable" not in (page.headers["cache-control"] or "")


def test_bundles_hold_nothing_of_whom_it_is_about(log: Log, desk: Caller) -> None:
    claims = desk.claims()
    subject = desk.demo.samples["person"]
    for index in ("000", "001"):
        bundle = served.fetch(f"{log.url}/tile/entries/{index}").body
        assert desk.system.encode() in bundle
        for personal in (subject, claims["sub"], claims["purpose"]["dossier"]):
            assert personal.encode() not in bundle
