"""A registered system with its connection to the gateway."""

from dataclasses import dataclass
from typing import Any, Self

import grpc
from google.protobuf.message import Message

import signing
from demo import Credentials, Demo

RESIDENCE = "1.004222"
FUNERAL_GRANT = "1.014177"
CHEMICALS = "2.002093"

CALL_S_MAX = 10.0

Metadata = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Answer:
    """What one call brought."""

    messages: list[Any]
    trailers: dict[str, Any]

    @property
    def message(self) -> Any:
        """The only message."""
        [message] = self.messages
        return message

    @property
    def withheld(self) -> set[str]:
        """The fields that were there and did not leave."""
        return set(self.trailers["motlan-withheld"].split(","))


@dataclass(frozen=True)
class Caller:
    """A client with one system's certificate, and the means to sign its tokens."""

    demo: Demo
    system: str
    credentials: Credentials
    channel: grpc.Channel

    @classmethod
    def connect(cls, demo: Demo, system: str) -> Self:
        """A caller with everything that the demo gave to `system`."""
        credentials = demo.credentials(system)
        channel = grpc.secure_channel(
            demo.gateway,
            grpc.ssl_channel_credentials(demo.authority, credentials.key, credentials.certificate),
        )
        return cls(demo, system, credentials, channel)

    def claims(self, procedure: str = RESIDENCE) -> dict[str, Any]:
        """The claims of a right token."""
        return signing.claims(
            self.system, self.demo.audience, self.credentials.certificate, procedure
        )

    def token(self, procedure: str = RESIDENCE) -> str:
        """A right token, signed."""
        return signing.sign(self.claims(procedure), self.credentials)

    def ask(
        self,
        method: Any,
        request: Message | bytes,
        *more: tuple[str, str],
        procedure: str = RESIDENCE,
        token: str | None = None,
    ) -> Answer:
        """Calls `method` of a stub with a token, its own or `token`, and `more` metadata."""
        token = token or self.token(procedure)
        metadata = (("authorization", f"Bearer {token}"), *more)
        return call(method, request, metadata)


def call(method: Any, request: Message | bytes, metadata: Metadata) -> Answer:
    """Calls `method` of a stub with exactly this metadata."""
    if isinstance(method, grpc.UnaryStreamMultiCallable):
        stream = method(request, metadata=metadata, timeout=CALL_S_MAX)
        messages = list(stream)
        return Answer(messages, dict(stream.trailing_metadata()))
    message, ended = method.with_call(request, metadata=metadata, timeout=CALL_S_MAX)
    return Answer([message], dict(ended.trailing_metadata()))
