"""What the tests share: stubs on the path, and deployments in containers."""

import sys
import tempfile
from collections.abc import Iterator

import grpc
import pytest

import stubs
from caller import Caller
from deployment import Deployment

_GENERATED = pytest.StashKey[tempfile.TemporaryDirectory[str]]()


def pytest_configure(config: pytest.Config) -> None:
    """Makes the stubs before any test module imports them."""
    generated = tempfile.TemporaryDirectory(prefix="motlan-stubs-")
    config.stash[_GENERATED] = generated
    stubs.generate(stubs.Path(generated.name))
    sys.path.insert(0, generated.name)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Takes them away again."""
    config.stash[_GENERATED].cleanup()


@pytest.fixture(scope="session")
def laid() -> Deployment:
    """A deployment with its owners up."""
    deployment = Deployment.lay("one")
    deployment.start_owners()
    return deployment


@pytest.fixture(scope="session")
def running(laid: Deployment) -> Deployment:
    """The same, with its gateway ready."""
    seconds = laid.start_gateway()
    print(f"\nfrom `podman run` to ready: {seconds:.2f} s", file=sys.stderr)
    return laid


@pytest.fixture(name="desk")
def connected_desk(running: Deployment) -> Iterator[Caller]:
    """Hà Nội's one-stop desk."""
    caller = Caller.connect(running, "H26/one-stop")
    grpc.channel_ready_future(caller.channel).result(timeout=10)
    yield caller
    caller.channel.close()
