"""Python's classes for all contracts, made from `proto/` as an agency would make them."""

from importlib.resources import files
from pathlib import Path

from grpc_tools import protoc

PROTO = Path(__file__).resolve().parents[2] / "proto"


def generate(folder: Path) -> None:
    """Writes the modules into `folder`, which then belongs on `sys.path`."""
    contracts = sorted(
        str(file.relative_to(PROTO))
        for top in ("motlan", "vn")
        for file in (PROTO / top).rglob("*.proto")
    )
    arguments = [
        "protoc",
        f"--proto_path={PROTO}",
        f"--proto_path={files('grpc_tools') / '_proto'}",
        f"--python_out={folder}",
        f"--grpc_python_out={folder}",
        *contracts,
    ]
    if protoc.main(arguments) != 0:
        raise RuntimeError(f"no stubs could be made from {PROTO}")
