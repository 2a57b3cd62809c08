"""Where a received data set goes while it arrives."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, BinaryIO, Protocol, runtime_checkable

from attrs import define, field

from dicomwire import _large_memory
from dicomwire._large_memory import LargeMemory
from dicomwire.upper_layer.connection import Buffer

_IOV_MAX = 512


def _keep_freed_memory() -> None:
    """Let the C library keep the memory of data sets that are done with for those to come.

    glibc gives what is free at the end of its heap back to the system, and gets it again page by page, which costs more
    than to receive what goes there.  It does not for less than twice the largest block that it has seen freed: this
    one, which is never touched.
    """
    bytes(8 << 20)


_keep_freed_memory()


@runtime_checkable
class Sink(Protocol):
    """Takes a data set piece by piece.  Any method may return an awaitable in the asyncio and trio adapters.

    The next piece is read from the peer when ``write`` has returned: a slow sink slows its sender, and nothing
    piles up in between.
    """

    def write(self, fragments: list[memoryview], /) -> Awaitable[None] | None:
        """Take what has arrived; the views are valid during the call only."""

    def close(self) -> Awaitable[None] | None:
        """The data set is complete."""

    def discard(self) -> Awaitable[None] | None:
        """It never will be, or is not wanted any more: leave nothing behind."""


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
        return held if isinstance(held, bytearray) else held.view()

    def write(self, fragments: list[memoryview]) -> None:
        held = self._held
        if isinstance(held, bytearray):
            for fragment in fragments:
                # Its extend() would make a copy first.
                held += fragment
            if len(held) >= _LARGE and _large_memory.IS_AVAILABLE:
                self._held = held = LargeMemory(held)
        else:
            for fragment in fragments:
                held.extend(fragment)
        if len(held) > self.limit:
            raise MemoryError(f"data set longer than {self.limit} bytes")

    def close(self) -> None:
        if isinstance(self._held, LargeMemory):
            self._held.trim()

    def discard(self) -> None:
        self._held = bytearray()


def write_all(descriptor: int, fragments: list[memoryview]) -> None:
    """Write buffers to a file descriptor, all of them, in as few calls as it takes."""
    if not hasattr(os, "writev"):
        fragments = [memoryview(b"".join(fragments))]
    for start in range(0, len(fragments), _IOV_MAX):
        batch = fragments[start : start + _IOV_MAX]
        size = sum(map(len, batch))
        written = os.writev(descriptor, batch) if hasattr(os, "writev") else 0
        if written < size:
            for fragment in batch:
                skip = min(written, len(fragment))
                written -= skip
                rest = fragment[skip:]
                while rest:
                    rest = rest[os.write(descriptor, rest) :]


@define
class FileSink:
    """Writes a complete DICOM file: ``header`` (preamble and file meta information), then the data set.

    ``discard`` removes the file.
    """

    path: Path
    header: bytes = b""
    exclusive: bool = False
    """Refuse to touch a file that exists (FileExistsError)."""

    _descriptor: int = field(default=-1, init=False)

    @classmethod
    def of_descriptor(cls, path: Path, descriptor: int, header: bytes) -> FileSink:
        """A sink for a file that is open already."""
        sink = cls(path, header)
        sink._descriptor = descriptor
        write_all(descriptor, [memoryview(header)])
        return sink

    def write(self, fragments: list[memoryview]) -> None:
        if self._descriptor < 0:
            self._open()
        write_all(self._descriptor, fragments)

    def _open(self) -> None:
        flags = os.O_WRONLY | os.O_CREAT | (os.O_EXCL if self.exclusive else os.O_TRUNC) | getattr(os, "O_BINARY", 0)
        self._descriptor = os.open(self.path, flags | getattr(os, "O_NOFOLLOW", 0), 0o666)
        write_all(self._descriptor, [memoryview(self.header)])

    def close(self) -> None:
        if self._descriptor < 0:
            self._open()
        self._release()

    def discard(self) -> None:
        # Closing may fail for the same reason as writing did; the file goes all the same.
        with contextlib.suppress(OSError):
            self._release()
        with contextlib.suppress(OSError):
            self.path.unlink()

    def _release(self) -> None:
        if self._descriptor >= 0:
            descriptor, self._descriptor = self._descriptor, -1
            os.close(descriptor)


@define
class WriterSink:
    """Hands each piece to ``write``: a callback, or the method of a binary file or an async writer."""

    _write: Callable[[memoryview], Any]

    def write(self, fragments: list[memoryview]) -> Awaitable[None] | None:
        for index, fragment in enumerate(fragments):
            result = self._write(fragment)
            if hasattr(result, "__await__"):
                return self._write_rest(result, fragments[index + 1 :])
        return None

    async def _write_rest(self, pending: Awaitable[Any], fragments: list[memoryview]) -> None:
        await pending
        for fragment in fragments:
            result = self._write(fragment)
            if hasattr(result, "__await__"):
                await result

    def close(self) -> None:
        """Nothing to do: the target belongs to the user."""

    def discard(self) -> None:
        """Nothing to do: the target belongs to the user."""


@define
class _BytearraySink:
    data: bytearray

    def write(self, fragments: list[memoryview]) -> None:
        for fragment in fragments:
            self.data += fragment

    def close(self) -> None:
        """Nothing to do: the data stays with the user."""

    def discard(self) -> None:
        self.data.clear()


SinkTarget = Sink | str | os.PathLike[str] | bytearray | BinaryIO | Callable[[memoryview], Any] | None


def make_sink(target: SinkTarget, *, header: bytes, limit: int) -> Sink:
    """The sink for what a handler chose: see ``EVT_C_STORE_SINK``.

    A path becomes a complete DICOM file that begins with ``header``; every other target gets the data set alone.

    Raises:
        TypeError: nothing of the kind.
    """
    if target is None:
        return MemorySink(limit)
    if isinstance(target, bytearray):
        return _BytearraySink(target)
    if isinstance(target, str | os.PathLike):
        return FileSink(Path(target), header)
    if isinstance(target, Sink):
        return target
    write = getattr(target, "write", target)
    if not callable(write):
        raise TypeError(f"a data set cannot go to {type(target).__name__}")
    return WriterSink(write)
