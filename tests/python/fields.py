"""Which fields of a message are set, and which the contract's views name."""

from collections.abc import Iterator

from google.protobuf.descriptor import ServiceDescriptor
from google.protobuf.message import Message
from google.protobuf.unknown_fields import UnknownFieldSet


def leaves(message: Message, prefix: str = "") -> Iterator[str]:
    """The paths of all values in `message`, down to the last. Bytes of no known field are `?`."""
    if len(UnknownFieldSet(message)) > 0:
        yield f"{prefix}?"
    for field, value in message.ListFields():
        path = f"{prefix}{field.name}"
        if field.message_type is None:
            yield path
            continue
        for part in value if field.is_repeated else [value]:
            yield from leaves(part, f"{path}.")


def covers(view: set[str], path: str) -> bool:
    """Whether a path of `view` is `path` or lies above it."""
    return any(path == wide or path.startswith(f"{wide}.") for wide in view)


def view_paths(service: ServiceDescriptor, name: str) -> set[str]:
    """The paths of a view, from the options of the contract."""
    from motlan.contract.v1 import contract_pb2

    dataset = service.GetOptions().Extensions[contract_pb2.dataset]
    [view] = [view for view in dataset.views if view.name == name]
    return set(view.paths)
