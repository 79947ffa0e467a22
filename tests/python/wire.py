"""The wire format, as far as it takes to cut something out of a message that upb has read."""

from collections.abc import Iterator
from dataclasses import dataclass

DELIMITED = 2
GROUP = 3
_GROUP_END = 4
_FIXED = {1: 8, 5: 4}


@dataclass(frozen=True)
class Part:
    """One field on the wire, by its positions."""

    number: int
    wire: int
    start: int
    tag_end: int
    body: int
    """Where the value starts, after a length."""
    body_end: int
    """Where it ends, before the end of a group."""
    end: int


def parts(data: bytes) -> Iterator[Part]:
    """The fields of a message in their order."""
    at = 0
    while at < len(data):
        part = _part(data, at)
        yield part
        at = part.end


def _part(data: bytes, start: int) -> Part:
    tag, tag_end = _read(data, start)
    number, wire = tag >> 3, tag & 7
    if wire == GROUP:
        at = tag_end
        while _read(data, at)[0] & 7 != _GROUP_END:
            at = _part(data, at).end
        return Part(number, wire, start, tag_end, tag_end, at, _read(data, at)[1])
    body = tag_end
    if wire == DELIMITED:
        length, body = _read(data, tag_end)
        end = body + length
    elif wire in _FIXED:
        end = body + _FIXED[wire]
    else:
        end = _read(data, body)[1]
    return Part(number, wire, start, tag_end, body, end, end)


def _read(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while data[at] & 0x80:
        value |= (data[at] & 0x7F) << shift
        shift += 7
        at += 1
    return value | data[at] << shift, at + 1


def varint(value: int) -> bytes:
    """The shortest varint."""
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
