"""Memory that grows to the size of whole volumes.

A system gives memory out page by page when it is touched first.  With pages of 4 KiB that costs several times what it
costs to receive what goes there; Linux has pages of 2 MiB for those who ask.
"""

from __future__ import annotations

import contextlib
import mmap
from typing import Any

from dicomwire.upper_layer.connection import Buffer

IS_AVAILABLE = hasattr(mmap, "MADV_HUGEPAGE")

_PAGE = 2 << 20


class LargeMemory:
    """Bytes that can be appended to, in large pages; ``len()`` is how many there are."""

    def __init__(self, beginning: Buffer) -> None:
        self._map = mmap.mmap(-1, _rounded(2 * len(beginning)), flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        # A kernel may be built without them.
        with contextlib.suppress(OSError):
            self._map.madvise(mmap.MADV_HUGEPAGE)
        self._size = 0
        self.extend(beginning)

    def __len__(self) -> int:
        return self._size

    def extend(self, more: Buffer) -> None:
        end = self._size + len(more)
        room = len(self._map)
        if end > room:
            # The kernel moves pages by their addresses, not their bytes.
            self._map.resize(_rounded(max(end, room + room // 4)))
        self._map[self._size : end] = more
        self._size = end

    def trim(self) -> None:
        """Give back what was reserved, unless a view is in use."""
        with contextlib.suppress(BufferError):
            self._map.resize(self._size)

    def view(self) -> memoryview:
        """All of them; while it is in use, no more can be appended than was reserved."""
        return memoryview(self._map)[: self._size]


def with_bytes(values: dict[str, Any]) -> dict[str, Any]:
    """``values`` for a pickle or a copy, which cannot have views."""
    return {name: bytes(value) if isinstance(value, memoryview) else value for name, value in values.items()}


def _rounded(size: int) -> int:
    return -(-size // _PAGE) * _PAGE
