"""A received data set in memory."""

from __future__ import annotations

from attrs import define, field

from dicomwire.data import large_memory as _large_memory
from dicomwire.data.large_memory import LargeMemory
from dicomwire.upper_layer.connection import Buffer


def _keep_freed_memory() -> None:
    """Let the C library keep the memory of data sets that are done with for those to come.

    glibc gives what is free at the end of its heap back to the system, and gets it again page by page, which costs more
    than to receive what goes there.  It does not for less than twice the largest block that it has seen freed: this
    one, which is never touched.
    """
    bytes(8 << 20)


_keep_freed_memory()


_LARGE = 4 << 20
"""Bytes of a data set from which it is kept in large pages."""


@define
class MemorySink:
    """Keeps the data set in memory.

    ``write`` raises ``MemoryError`` beyond ``limit`` bytes.
    """

    limit: int
    _held: bytearray | LargeMemory = field(factory=bytearray, alias="data")

    @property
    def data(self) -> Buffer:
        """What has come: a ``bytearray``, or a ``memoryview`` if it is large; nothing is written while that is used."""
        held = self._held
        return held.view() if type(held) is LargeMemory else held

    def write(self, fragments: list[memoryview]) -> None:
        """Keep a copy.

        Raises:
            MemoryError: it would be more than ``limit`` bytes.
        """
        held = self._held
        if type(held) is LargeMemory:
            for fragment in fragments:
                held.extend(fragment)
        else:
            for fragment in fragments:
                # Its extend() would make a copy first.
                held += fragment
        size = len(held)
        if size >= _LARGE and type(held) is not LargeMemory and _large_memory.IS_AVAILABLE:
            self._held = LargeMemory(held)
        if size > self.limit:
            raise MemoryError(f"data set longer than {self.limit} bytes")

    def close(self) -> None:
        """The data set is complete: memory that it does not need is given back."""
        if type(self._held) is LargeMemory:
            self._held.trim()

    def discard(self) -> None:
        """Forget what has come."""
        self._held = bytearray()
