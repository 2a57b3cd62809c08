"""Memory that grows to the size of whole volumes.

A system gives memory out page by page when it is touched first.  With pages of 4 KiB that costs several times what it
costs to receive what goes there; Linux has pages of 2 MiB for those who ask.
"""

from __future__ import annotations

import contextlib
import mmap
import sys
from typing import Any, final

from dicomwire.upper_layer.connection import Buffer

IS_AVAILABLE = hasattr(mmap, "MADV_HUGEPAGE")

_PAGE = 2 << 20


_REFUSED = (OSError, ValueError, SystemError)
"""What Python raises where memory cannot be mapped, or what is mapped cannot grow or shrink: the kernel refuses, as in
sandboxes and beyond a limit, or there is no such call."""


@final
class LargeMemory:
    """Bytes that can be appended to, in large pages; ``len()`` is how many there are.

    Where large pages cannot be had, or cannot grow, it goes on in ordinary memory.
    """

    def __init__(self, beginning: Buffer) -> None:
        self._size = 0
        self._memory: mmap.mmap | bytearray
        try:
            self._memory = mmap.mmap(-1, _rounded(2 * len(beginning)), flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        except _REFUSED:
            self._memory = bytearray(len(beginning))
        else:
            # A kernel may be built without them.
            with contextlib.suppress(OSError):
                self._memory.madvise(mmap.MADV_HUGEPAGE)
        self.extend(beginning)

    def __len__(self) -> int:
        return self._size

    def extend(self, more: Buffer) -> None:
        """Append bytes.

        Raises:
            MemoryError: there is no room for them; what has come before is still there.
        """
        end = self._size + len(more)
        if isinstance(self._memory, mmap.mmap) and end > len(self._memory):
            self._grow(self._memory, end)
        # A bytearray grows by that.
        self._memory[self._size : end] = more
        self._size = end

    def write(self, fragments: list[memoryview]) -> None:
        """Append buffers, all of them, as :meth:`extend` does."""
        for fragment in fragments:
            self.extend(fragment)

    def _grow(self, memory: mmap.mmap, end: int) -> None:
        room = len(memory)
        for size in (max(end, room + room // 4), end):
            # The kernel moves pages by their addresses, not their bytes.
            with contextlib.suppress(*_REFUSED):
                memory.resize(_rounded(size))
                return
        with memoryview(memory) as view:
            self._memory = bytearray(view[: self._size])
        memory.close()

    def trim(self) -> None:
        """Give back what was reserved, unless a view is in use."""
        if isinstance(self._memory, mmap.mmap):
            with contextlib.suppress(BufferError, *_REFUSED):
                self._memory.resize(self._size)

    def view(self) -> memoryview:
        """All of them; while it is in use, no more can be appended than was reserved."""
        return memoryview(self._memory)[: self._size]


def large_bytes(view: memoryview) -> bytes:
    """A copy of a view of bytes, in large pages where it is large and there are any: Linux, CPython.

    ``bytes`` gets its memory from the C library, which asks for none.
    """
    size = len(view)
    if size < _PAGE * 2 or not IS_AVAILABLE or sys.implementation.name != "cpython":
        return bytes(view)
    try:
        import ctypes

        advise = ctypes.CDLL(None).madvise
    except (ImportError, OSError, AttributeError):
        return bytes(view)
    # What is made so may be written to as long as nobody else has it: the documented way of C extensions.
    make, place_of = ctypes.pythonapi.PyBytes_FromStringAndSize, ctypes.pythonapi.PyBytes_AsString
    make.restype, make.argtypes = ctypes.py_object, (ctypes.c_void_p, ctypes.c_ssize_t)
    place_of.restype, place_of.argtypes = ctypes.c_void_p, (ctypes.py_object,)
    copy: bytes = make(None, size)
    place: int = place_of(copy)
    start, end = -(-place // mmap.PAGESIZE) * mmap.PAGESIZE, (place + size) // mmap.PAGESIZE * mmap.PAGESIZE
    # If the system will not, they are small.
    advise(ctypes.c_void_p(start), ctypes.c_size_t(end - start), ctypes.c_int(mmap.MADV_HUGEPAGE))
    memoryview((ctypes.c_char * size).from_address(place)).cast("B")[:] = view
    return copy


def with_bytes(values: dict[str, Any]) -> dict[str, Any]:
    """``values`` for a pickle or a copy, which cannot have views."""
    return {name: bytes(value) if isinstance(value, memoryview) else value for name, value in values.items()}


def _rounded(size: int) -> int:
    return -(-size // _PAGE) * _PAGE
