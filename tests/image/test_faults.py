"""What the gateway does not start with in a container, and what it says then."""

import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from deployment import Deployment


@pytest.fixture(name="idle", scope="module")
def laid_and_not_started() -> Deployment:
    """A deployment of which nothing runs."""
    return Deployment.lay("idle")


@pytest.fixture(name="spoil")
def spoiled_for_one_test() -> Iterator[Callable[[Path, int], None]]:
    """Changes a file's mode, and changes it back."""
    before: list[tuple[Path, int]] = []

    def spoil(path: Path, mode: int) -> None:
        before.append((path, stat.S_IMODE(path.stat().st_mode)))
        path.chmod(mode)

    yield spoil
    for path, mode in before:
        path.chmod(mode)


def refusal(deployment: Deployment) -> str:
    """What `serve` says, which must not start."""
    done = deployment.once("serve", "--config", "/etc/motlan/motlan.toml")
    assert done.returncode == 1, done.stdout + done.stderr
    return done.stderr


def test_a_key_that_others_can_read(idle: Deployment, spoil: Callable[[Path, int], None]) -> None:
    # R113.
    spoil(idle.folder / "pki/gateway.key", 0o644)
    said = refusal(idle)
    assert "others may read `/etc/motlan/pki/gateway.key` (mode 0644)" in said


def test_a_key_of_the_systems_that_our_group_reads_is_taken(idle: Deployment) -> None:
    # So Kubernetes mounts a secret with `fsGroup` and `defaultMode: 0440`.
    key = idle.folder / "pki/gateway.key"
    before = key.stat()
    os.chown(key, 0, 65532)
    key.chmod(0o440)
    try:
        done = idle.once("check", "--config", "/etc/motlan/motlan.toml")
        assert "gateway.key" not in done.stderr
        key.chmod(0o444)
        assert "others may read" in refusal(idle)
    finally:
        os.chown(key, before.st_uid, before.st_gid)
        key.chmod(stat.S_IMODE(before.st_mode))


def test_a_volume_that_cannot_be_written(
    idle: Deployment, spoil: Callable[[Path, int], None]
) -> None:
    # R113.
    before = idle.written.stat()
    os.chown(idle.written, 0, 0)
    spoil(idle.written, 0o755)
    try:
        said = refusal(idle)
    finally:
        os.chown(idle.written, before.st_uid, before.st_gid)
    assert "`/var/lib/motlan` cannot be written" in said


def test_a_ledger_that_was_never_made(idle: Deployment) -> None:
    ledger = idle.written / "ledger"
    aside = ledger.rename(idle.written / "aside")
    try:
        assert "motlan ledger init" in refusal(idle)
    finally:
        aside.rename(ledger)


def test_what_is_laid_is_left_as_it_is(idle: Deployment) -> None:
    before = idle.read("pki/gateway.pem")
    done = idle.once("sample", "lay", "--dir", "/etc/motlan", writable=True)
    assert "is laid already" in done.stdout
    assert idle.read("pki/gateway.pem") == before
