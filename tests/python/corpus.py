"""The mask's property test, as it wrote itself down: contracts, inputs, and what the mask let out."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from google.protobuf import descriptor_pool, message_factory

PATH = Path(__file__).parents[2] / "target" / "tmp" / "mask-corpus.jsonl"


@dataclass(frozen=True)
class Left:
    """What left a mask, and what it says it withheld."""

    data: bytes
    dropped: frozenset[str]
    absent: frozenset[str]


@dataclass(frozen=True)
class Case:
    """One input, and what came of it."""

    number: int
    """The property test knows the case by it."""
    message: type[Any]
    paths: list[str]
    data: bytes
    spoilt: bool
    left: Left | None
    """Nothing if the mask refused the input: then `refusal` says why."""
    refusal: str


def cases() -> Iterator[Case]:
    """All cases, one contract after the other."""
    assert PATH.exists(), f"no {PATH}: `cargo test -p motlan-mask` writes it"
    message: type[Any] | None = None
    with PATH.open(encoding="ascii") as lines:
        for line in lines:
            told = json.loads(line)
            if "contract" in told:
                message = _message(told["files"], told["message"])
                continue
            assert message is not None, "the corpus begins with a case"
            yield _case(told, message)


def _message(files: list[str], name: str) -> type[Any]:
    pool = descriptor_pool.DescriptorPool()
    for file in files:
        pool.AddSerializedFile(bytes.fromhex(file))
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(name))


def _case(told: dict[str, Any], message: type[Any]) -> Case:
    left = None
    if "left" in told:
        dropped, absent = frozenset(told["dropped"]), frozenset(told["absent"])
        left = Left(bytes.fromhex(told["left"]), dropped, absent)
    return Case(
        number=told["case"],
        message=message,
        paths=told["paths"],
        data=bytes.fromhex(told["input"]),
        spoilt=told["spoilt"],
        left=left,
        refusal=told.get("refused", ""),
    )
