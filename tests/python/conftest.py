"""What all tests share: stubs on the path, and one demo that stays up for the whole run."""

import sys
import tempfile
from collections.abc import Iterator

import grpc
import pytest

import stubs
from caller import Caller
from demo import Demo

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
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """The running demo. Its own scenes and ledger must be sound too, with us as further callers."""
    folder = tmp_path_factory.mktemp("demo")
    running = Demo.start(folder / "kept", folder / "demo.log")
    yield running
    code = running.stop()
    assert code == 0, f"the demo ended with {code}:\n{running.log.read_text()}"


@pytest.fixture(scope="session")
def desk(demo: Demo) -> Iterator[Caller]:
    """Hà Nội's one-stop desk, which has agreements."""
    yield from _connected(demo, "H26/one-stop")


@pytest.fixture(scope="session")
def other_desk(demo: Demo) -> Iterator[Caller]:
    """Another city's, which has none."""
    yield from _connected(demo, "H29/one-stop")


@pytest.fixture(scope="session")
def suspended_desk(demo: Demo) -> Iterator[Caller]:
    """One whose system is suspended, though it has an agreement."""
    yield from _connected(demo, "H17/one-stop")


def _connected(demo: Demo, system: str) -> Iterator[Caller]:
    caller = Caller.connect(demo, system)
    grpc.channel_ready_future(caller.channel).result(timeout=10)
    yield caller
    caller.channel.close()
