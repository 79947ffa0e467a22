"""What a mask grants, told once more: after the prose of `crates/mask/src/lib.rs`, on parsed messages.

What upb reads differently from the mask, and why that is fair:

- A number that a closed enum does not have is to upb an unknown field. The mask knows no enums: the
  number is data of its field, and leaves or stays with it. Such numbers are here called strays.
- To upb a stray leaves the `oneof` as it was; the mask takes its field for the last member. Where a
  `oneof` with a granted and a denied member has a stray, what is left of it may be less than what
  upb reads, never more.
- A map entry that holds anything unknown is to upb an unknown field as a whole. The mask cuts out
  what is unknown, and the entry leaves: `without_strangers` does the same to the input.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Union

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.unknown_fields import UnknownFieldSet

import wire

Tree = dict[str, Union["Tree", None]]
"""The granted paths of a message by first step; `None` grants all that is known beneath."""

Place = tuple[Any, ...]
"""Where a message lies: the numbers of the fields that lead there, with indexes and keys."""

_ANY = "google.protobuf.Any"


def tree(paths: list[str]) -> Tree:
    """Of two paths of which one covers the other, only the wider one counts."""
    root: Tree = {}
    for path in paths:
        *steps, last = path.split(".")
        node: Tree | None = root
        for step in steps:
            node = node.setdefault(step, {}) if node is not None else None
        if node is not None:
            node[last] = None
    return root


class UnreadableKey(Exception):
    """A map has a key of proto2 that is not UTF-8: upb holds it, but gives Python no way in."""


@dataclass
class Met:
    """What was met while a message was pruned."""

    dropped: set[str] = field(default_factory=set)
    """Paths that were there and are not granted."""
    present: set[str] = field(default_factory=set)
    """Granted paths that were there."""
    unnamed: bool = False
    """Something was there that has no path."""
    strays: list[tuple[Place, int, Any]] = field(default_factory=list)
    """Granted numbers that a closed enum does not have."""
    aside: dict[str, bool] = field(default_factory=dict)
    """Maps of which upb put an entry among the unknown fields, and whether strays explain that."""
    misread: set[str] = field(default_factory=set)
    """What upb does not know though its number is known: it has a wrong wire type."""
    unsettled: set[tuple[Place, str]] = field(default_factory=set)
    """The `oneof`s of which mask and upb may differ in what is the last member."""


def prune(message: Any, granted: Tree, unsettled: set[tuple[Place, str]] | None = None) -> Met:
    """Clears in `message` all that is not granted, and each `oneof` that is `unsettled`."""
    met = Met(unsettled=set(unsettled or ()))
    _prune(message, granted, met, (), "")
    message.DiscardUnknownFields()
    return met


def _prune(message: Any, granted: Tree | None, met: Met, place: Place, prefix: str) -> None:
    _strays(message, granted, met, place, prefix)
    for known, value in message.ListFields():
        path = prefix + known.name
        if known.is_extension:
            message.ClearExtension(known)
            met.unnamed = True
        elif granted is None and _holds_any(known):
            message.ClearField(known.name)
            met.unnamed = True
        elif granted is not None and known.name not in granted:
            message.ClearField(known.name)
            met.dropped.add(path)
        elif known.containing_oneof and (place, known.containing_oneof.name) in met.unsettled:
            message.ClearField(known.name)
        else:
            beneath = granted[known.name] if granted is not None else None
            if granted is not None and beneath is None:
                met.present.add(path)
            for step, inner in _messages(known, value):
                _prune(inner, beneath, met, (*place, known.number, step), path + ".")


def _strays(message: Any, granted: Tree | None, met: Met, place: Place, prefix: str) -> None:
    """Sorts what upb does not know: strays, and what nobody knows."""
    for unknown in UnknownFieldSet(message):
        known = message.DESCRIPTOR.fields_by_number.get(unknown.field_number)
        if known is None:
            met.unnamed = True
            continue
        if _is_map(known):
            met.aside[prefix + known.name] = _has_closed_enum(known)
        if not _has_closed_enum(known):
            if not _is_map(known):
                met.misread.add(prefix + known.name)
            continue
        oneof = known.containing_oneof
        if oneof and len({_grants(granted, member) for member in oneof.fields}) == 2:
            met.unsettled.add((place, oneof.name))
        if granted is not None and known.name not in granted:
            met.dropped.add(prefix + known.name)
        elif not oneof or (place, oneof.name) not in met.unsettled:
            met.strays.append((place, known.number, unknown.data))
            met.present.add(prefix + known.name)


def _has_closed_enum(known: FieldDescriptor) -> bool:
    value = known.message_type.fields_by_name["value"] if _is_map(known) else known
    return value.enum_type is not None and value.enum_type.is_closed


def _grants(granted: Tree | None, known: FieldDescriptor) -> bool:
    """Whether a field is granted, as a whole or in part."""
    return not _holds_any(known) if granted is None else known.name in granted


def _is_map(known: FieldDescriptor) -> bool:
    return known.message_type is not None and known.message_type.GetOptions().map_entry


def _holds_any(known: FieldDescriptor) -> bool:
    value = known.message_type.fields_by_name["value"] if _is_map(known) else known
    return value.message_type is not None and value.message_type.full_name == _ANY


def _messages(known: FieldDescriptor, value: Any) -> Iterator[tuple[Any, Any]]:
    """The messages that a field holds, each with what tells it from the others."""
    if known.message_type is None:
        return
    if _is_map(known):
        if known.message_type.fields_by_name["value"].message_type is not None:
            if any(isinstance(key, bytes) for key in value):
                raise UnreadableKey
            yield from value.items()
    elif known.is_repeated:
        yield from enumerate(value)
    else:
        yield None, value


def without_strangers(data: bytes, message: Descriptor, in_entry: bool = False) -> bytes:
    """Cuts out of map entries, at every depth, what is neither key nor value."""
    out = bytearray()
    for part in wire.parts(data):
        known = message.fields_by_number.get(part.number)
        if known is None:
            out += b"" if in_entry else data[part.start : part.end]
            continue
        inner = known.message_type
        expected = wire.GROUP if known.type == FieldDescriptor.TYPE_GROUP else wire.DELIMITED
        if inner is None or part.wire != expected:
            out += data[part.start : part.end]
            continue
        body = without_strangers(data[part.body : part.body_end], inner, _is_map(known))
        length = wire.varint(len(body)) if part.wire == wire.DELIMITED else b""
        out += data[part.start : part.tag_end] + length + body + data[part.body_end : part.end]
    return bytes(out)
