"""Bytes as the messages of a WebSocket."""

from __future__ import annotations

from collections.abc import Iterator

from dicomwire.upper_layer.connection import Buffer

GRACE = 1.0
"""Seconds for a peer to answer that we close."""

_LONGEST = 1 << 18
"""Bytes of a message: less than a peer refuses, which is a MiB by default."""


def messages_of(data: Buffer) -> Iterator[bytes]:
    """The messages that carry ``data``."""
    view = memoryview(data)
    for at in range(0, len(view), _LONGEST):
        yield bytes(view[at : at + _LONGEST])
