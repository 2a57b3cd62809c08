"""Data of an instance without its file, in all forms that are taken."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

from dicomwire.sources import EncodedDataSet
from tests.support.encoded import (
    CT,
    EXPLICIT,
)


class Reader:
    """Reads, and does nothing else; a little at a time."""

    def __init__(self, data: bytes) -> None:
        self._left = data

    def read(self, size: int) -> bytes:
        size = min(size, 1000)
        data, self._left = self._left[:size], self._left[size:]
        return data


BARE: dict[str, Callable[[bytes], Any]] = {
    "bytes": bytes,
    "memoryview": lambda data: memoryview(bytearray(data)),
    "file": io.BytesIO,
    "reader": Reader,
    "list": lambda data: [data[:1], data[1:9], b"", data[9:]],
    "generator": lambda data: (data[at : at + 7] for at in range(0, len(data), 7)),
    "empty": lambda data: [b"", data],
}


def bare(data: object, transfer_syntax: str = EXPLICIT, *, instance: str = "1.2.3", sop_class: str = CT) -> Any:
    return EncodedDataSet(
        sop_class_uid=sop_class, sop_instance_uid=instance, transfer_syntax_uid=transfer_syntax, data=data
    )


def joined(instance: EncodedDataSet, step: int = 1 << 20) -> bytes:
    """The data of an instance; each piece is checked and copied before the next is asked for."""
    data, ended = b"", False
    for piece, last in instance.pieces(step):
        assert not ended
        assert len(piece) % 2 == 0
        assert last or len(piece)
        # What was read from the front of a file is one piece.
        assert len(piece) <= max(step, 16 << 10)
        data += bytes(piece)
        ended = last
    assert ended
    return data
