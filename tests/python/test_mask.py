"""What leaves a mask is, to a reader that is not ours, exactly what is granted."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from typing import Any

import pytest
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.internal import api_implementation
from google.protobuf.message import DecodeError

import corpus
import masking
import wire
from corpus import Case, Left

CASES_MIN = 100_000
UNKNOWN = 123_456_780
"""A field number that no contract of the corpus has."""
LAXER = [
    # A field with a wrong wire type is to upb an unknown one.
    r"field \d+ at byte \d+ has the wrong wire type",
    # It does not mind field number 0, nor a tag of more than 32 bits.
    r"field number out of range at byte \d+",
    # It loses what a varint has above 64 bits.
    r"overlong varint at byte \d+",
]
"""What the mask refuses, and upb may read."""


class Wrong(Exception):
    """What leaves is not what is granted."""


def expect(holds: bool, why: str) -> None:
    """Like `assert`, for what the negative controls want to catch."""
    if not holds:
        raise Wrong(why)


def read(case: Case, data: bytes) -> Any | None:
    """What upb reads, if it does."""
    try:
        return case.message.FromString(data)
    except DecodeError:
        return None


def canonical(message: Any) -> bytes:
    """Equal for equal messages, and by the bits of each number."""
    return message.SerializePartialToString(deterministic=True)


def judge(case: Case, left: Left) -> str:
    """Raises `Wrong` unless `left` is what `case` grants; says how much could be compared."""
    granted = masking.tree(case.paths)
    out = read(case, left.data)
    expect(out is not None, "what leaves cannot be read")
    expect(len(left.data) <= len(case.data), "more leaves than came")
    whole = read(case, case.data)
    if whole is None:
        # Something is wrong within what was dropped. What leaves must be clean nonetheless.
        inside(masking.prune(out, granted))
        return "upb does not read the input"
    met = masking.prune(whole, granted)
    if met.aside:
        whole = read(case, masking.without_strangers(case.data, case.message.DESCRIPTOR))
        met = masking.prune(whole, granted)
    met_out = masking.prune(out, granted, met.unsettled)
    inside(met_out)
    expect(met_out.strays == met.strays, f"{met_out.strays} of {met.strays} left")
    expect(canonical(out) == canonical(whole), f"left:\n{out}\ngranted:\n{whole}")
    report(case, left, met)
    return "compared but for a oneof" if met.unsettled else "compared"


def inside(met: masking.Met) -> None:
    """Nothing was there that is not granted."""
    expect(not met.dropped and not met.unnamed, f"{met.dropped} left, or what has no path")
    known_by_upb = not met.misread and all(met.aside.values())
    expect(known_by_upb, f"upb does not know {met.misread} or {met.aside}")


def report(case: Case, left: Left, met: masking.Met) -> None:
    """What the mask says it withheld must be what was met; it may have seen more on the wire."""
    unreported = met.dropped - left.dropped
    expect(not unreported, f"{unreported} dropped and not reported")
    expect(not met.unnamed or "?" in left.dropped, "what has no path is not reported")
    expect(not met.present & left.absent, f"{met.present & left.absent} reported absent")
    expect(left.absent <= set(case.paths), f"{left.absent} reported absent")
    granted = {name for name in left.dropped for path in case.paths if covers(path, name)}
    expect(not granted, f"{granted} granted and reported dropped")


def covers(wide: str, narrow: str) -> bool:
    """Whether granting `wide` grants `narrow`."""
    return narrow == wide or narrow.startswith(wide + ".")


@pytest.fixture(scope="module", autouse=True)
def upb() -> None:
    """The reader is the one that most of the world reads Python's messages with."""
    assert api_implementation.Type() == "upb"


def test_what_leaves_a_mask_is_what_upb_reads_and_the_paths_grant() -> None:
    tally: Counter[str] = Counter()
    for case in corpus.cases():
        tally[verdict(case)] += 1
    assert tally.total() >= CASES_MIN
    assert tally["compared"] * 2 > tally.total(), tally
    # What cannot be compared in full stays rare.
    assert tally["compared but for a oneof"] * 100 < tally.total(), tally
    assert tally["upb does not read the input"] * 20 < tally.total(), tally
    assert tally["a key is unreadable"] * 1000 < tally.total(), tally
    assert tally["only the mask refuses"] * 100 < tally.total(), tally
    assert tally["both refuse"] > 10_000, tally


def verdict(case: Case) -> str:
    """How much of a case could be compared, and all that could be is right."""
    if case.left is None:
        assert case.spoilt, f"case {case.number}: well-formed, but {case.refusal}"
        return refusal(case)
    try:
        return judge(case, case.left)
    except masking.UnreadableKey:
        assert case.spoilt, f"case {case.number}: a well-formed message has an unreadable key"
        return "a key is unreadable"
    except Wrong as wrong:
        raise AssertionError(f"case {case.number}: {wrong}\n{case}") from wrong


def refusal(case: Case) -> str:
    """Whether upb refuses the input too. It need not, where it is the laxer one of the two."""
    if read(case, case.data) is None:
        return "both refuse"
    laxer = any(re.fullmatch(reason, case.refusal) for reason in LAXER)
    assert laxer, f"case {case.number}: upb reads it, but {case.refusal}\n{case}"
    return "only the mask refuses"


def sample() -> Iterator[tuple[Case, Left]]:
    """Some well-formed cases of all contracts."""
    for case in islice(corpus.cases(), 0, None, 37):
        if case.left is not None and not case.spoilt:
            yield case, case.left


def is_found(case: Case, left: Left) -> bool:
    """Whether the judge sees that this is not what is granted."""
    try:
        judge(case, left)
    except Wrong:
        return True
    return False


def test_an_unknown_field_that_leaves_is_found() -> None:
    leak = wire.varint(UNKNOWN << 3) + b"\x01"
    for case, left in sample():
        assert not is_found(case, left)
        assert is_found(case, replace(left, data=left.data + leak)), case
        # The same in the input: the mask had to drop it and say so, as for other cases it does.
        untold = replace(case, data=case.data + leak)
        assert is_found(untold, left) == ("?" not in left.dropped), case


def test_a_field_that_leaves_and_is_not_granted_is_found() -> None:
    leaks = 0
    for case, left in sample():
        for field in case.message.DESCRIPTOR.fields:
            if not any(covers(field.name, path) for path in case.paths):
                leaks += 1
                leaked = replace(left, data=left.data + one(field))
                assert is_found(case, leaked), f"{field.name} got by in {case}"
    assert leaks > 5_000


def one(field: FieldDescriptor) -> bytes:
    """One occurrence of a field, with a value that is read as something where a zero is not."""
    wire_type, value = {
        FieldDescriptor.TYPE_DOUBLE: (1, bytes(7) + b"\x01"),
        FieldDescriptor.TYPE_FIXED64: (1, bytes(7) + b"\x01"),
        FieldDescriptor.TYPE_SFIXED64: (1, bytes(7) + b"\x01"),
        FieldDescriptor.TYPE_FLOAT: (5, bytes(3) + b"\x01"),
        FieldDescriptor.TYPE_FIXED32: (5, bytes(3) + b"\x01"),
        FieldDescriptor.TYPE_SFIXED32: (5, bytes(3) + b"\x01"),
        FieldDescriptor.TYPE_STRING: (2, b"\x01x"),
        FieldDescriptor.TYPE_BYTES: (2, b"\x01x"),
        FieldDescriptor.TYPE_MESSAGE: (2, b"\x00"),
        FieldDescriptor.TYPE_GROUP: (3, wire.varint(field.number << 3 | 4)),
    }.get(field.type, (0, b"\x01"))
    return wire.varint(field.number << 3 | wire_type) + value


def test_whatever_else_is_done_to_what_leaves_is_nearly_always_found() -> None:
    tried: Counter[str] = Counter()
    found: Counter[str] = Counter()
    for case, left in sample():
        data = left.data
        for name, spoilt in {
            "nothing dropped": case.data,
            "nothing left": b"",
            "last byte lost": data[:-1],
            "a bit changed": data[:-1] + bytes([data[-1] ^ 1]) if data else data,
        }.items():
            if spoilt != data:
                tried[name] += 1
                found[name] += is_found(case, replace(left, data=spoilt))
        for path in left.dropped:
            tried["a name kept back"] += 1
            withheld = replace(left, dropped=left.dropped - {path})
            found["a name kept back"] += is_found(case, withheld)
    for name, times in tried.items():
        assert times > 1_000 and found[name] * 10 > times * 8, (tried, found)
