"""The bytes of data sets to send, wherever they are: in memory, in a file, in something that reads, in pieces."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from io import BufferedRandom, BufferedReader, BytesIO, FileIO
from typing import Any, TypeAlias

from dicomwire.data.padding import CannotPad, Padding, padded
from dicomwire.upper_layer.connection import Buffer

Pieces: TypeAlias = Iterator[tuple[Buffer, bool]]
"""Pieces of a data set, each with whether it is the last.  A piece is valid until the next one is asked for."""


class Content:
    """A data set, which may be read once."""

    size: int | None = None
    """In bytes; None if only reading tells."""

    is_foreign = False
    """Reading it runs code of the user's, which may wait, and use the association that sends it."""

    pads = False
    """A NUL may be put behind it: a deflated stream may be followed by one (PS3.5 A.5)."""

    padding: Padding | None = None
    """What is done to its elements while they pass."""

    def head(self, count: int) -> bytes:
        """The first bytes: at least so many, or all.  What was read stays part of the data."""
        raise NotImplementedError

    def drop(self, count: int) -> None:
        """The first bytes, which are in the head, are not part of it."""
        raise NotImplementedError

    def read_at(self, offset: int, count: int) -> Buffer:
        """Bytes from anywhere, if the size is known."""
        raise NotImplementedError

    def rewind(self) -> None:
        """After :meth:`read_at`: reading goes on behind the head."""

    def chunks(self, step: int) -> Iterator[Buffer]:
        """All of it, in chunks of any size; one is valid until the next is asked for."""
        raise NotImplementedError

    def at_once(self) -> Buffer | None:
        """All of it, if it is in memory and can be sent as it is."""
        return None

    def pieces(self, step: int) -> Pieces:
        """All of it, in pieces of at most ``step`` bytes, an even number, and even themselves.

        Raises:
            CannotPad: it has turned out to be of odd length, at its end.
        """
        chunks = self.chunks(step)
        if self.padding is not None:
            chunks = padded(chunks, self.padding)
        return _even(chunks, step, pads=self.pads)


def _even(chunks: Iterator[Buffer], step: int, *, pads: bool) -> Pieces:
    """Chunks of any size as pieces: which is the last is only known when there is no more."""
    held = b""
    for item in chunks:
        view = view_of(item)
        for start in range(0, len(view), step):
            chunk = view[start : start + step]
            if held:
                # One or two bytes wait from the chunk before.
                need = 2 - len(held)
                held += bytes(chunk[:need])
                chunk = chunk[need:]
                if len(chunk):
                    yield held, False
                    held = b""
            if len(chunk):
                # Keep back two bytes, or the odd one, so that there is a last piece; the user may reuse the memory.
                keep = 2 - (len(chunk) & 1)
                held = bytes(chunk[len(chunk) - keep :])
                if len(chunk) > keep:
                    yield chunk[: len(chunk) - keep], False
    yield last_piece(held, pads=pads), True


def last_piece(data: Buffer, *, pads: bool) -> Buffer:
    """The last piece of a data set: even.

    Raises:
        CannotPad: it is not, and nothing may be put behind it.
    """
    if not len(data) & 1:
        return data
    if not pads:
        raise CannotPad("the data set is of odd length, and has no value that could be padded")
    return bytes(data) + b"\0"


def view_of(data: Any) -> memoryview:
    """The bytes of a buffer."""
    view = memoryview(data)
    return view if view.itemsize == 1 and view.ndim == 1 else view.cast("B")


# -- in memory ----------------------------------------------------------------------------------------------------
class InMemory(Content):
    """A buffer."""

    size: int | None

    def __init__(self, view: memoryview) -> None:
        self._view = view
        self.size = view.nbytes

    def head(self, count: int) -> bytes:
        """The first bytes: at least so many, or all."""
        return bytes(self._view[:count])

    def drop(self, count: int) -> None:
        """The first bytes are not part of it."""
        self._view = self._view[count:]
        self.size = len(self._view)

    def read_at(self, offset: int, count: int) -> Buffer:
        """Bytes from anywhere."""
        return bytes(self._view[offset : offset + count])

    def release(self) -> None:
        """Let go of the buffer, which its owner may want to close: the traceback of an error keeps us."""
        self._view.release()

    def chunks(self, step: int) -> Iterator[Buffer]:
        """The whole buffer at once, whatever ``step`` is."""
        yield self._view

    def pieces(self, step: int) -> Pieces:
        """Views of at most ``step`` bytes; only a padded last one is copied."""
        if self.padding is not None:
            return super().pieces(step)
        return self._slices(step)

    def at_once(self) -> Buffer | None:
        """The buffer; None if it has to be padded."""
        view = self._view
        return None if view.nbytes & 1 or self.padding is not None else view

    def _slices(self, step: int) -> Pieces:
        view = self._view
        last = max(0, (len(view) - 1) // step * step)
        for start in range(0, last, step):
            yield view[start : start + step], False
        yield last_piece(view[last:], pads=self.pads), True


# -- in a file ----------------------------------------------------------------------------------------------------
class InFile(Content):
    """What follows ``offset`` in an open file."""

    size: int | None

    def __init__(self, descriptor: int, offset: int, size: int, head: memoryview) -> None:
        self.descriptor = descriptor
        self.offset: int = offset
        self.size = self._size = size
        self._head = head
        """The beginning of it, read already."""

    def head(self, count: int) -> bytes:
        """The first bytes: at least so many, or all."""
        if len(self._head) < min(count, self._size):
            self._head = memoryview(self.read_at(0, min(count, self._size)))
        return bytes(self._head)

    def drop(self, count: int) -> None:
        """The first bytes are not part of it."""
        self.offset += count
        self.size = self._size = self._size - count
        self._head = self._head[count:]

    def read_at(self, offset: int, count: int) -> Buffer:
        """Bytes from anywhere; fewer at the end of the file."""
        buffer = bytearray(count)
        return buffer[: _read_at(self.descriptor, memoryview(buffer), self.offset + offset)]

    def chunks(self, step: int) -> Iterator[Buffer]:
        """What the file holds, in one buffer that is used again.

        Raises:
            OSError: it cannot be read, or has become shorter.
        """
        return (piece for piece, _ in self._read(step))

    def pieces(self, step: int) -> Pieces:
        """What the file holds, in one buffer that is used again.

        Raises:
            OSError: it cannot be read, or has become shorter.
            CannotPad: it has turned out to be of odd length, at its end.
        """
        return super().pieces(step) if self.padding is not None else self._read(step, check=True)

    def _read(self, step: int, *, check: bool = False) -> Pieces:
        left, head = self._size, self._head
        if step >= left <= len(head):
            yield last_piece(head, pads=self.pads) if check else head, True
            return
        # First what is there: the peer gets to work while we read on.
        head = head[: min(len(head), step) & ~1]
        if head:
            yield head, False
            left -= len(head)
        offset = self.offset + len(head)
        buffer = _take_scratch(min(left, step) + 1)
        view = memoryview(buffer)
        try:
            while left:
                want, have = min(left, step), 0
                while have < want:
                    count = _read_at(self.descriptor, view[have:want], offset)
                    if not count:
                        raise OSError(f"the file ended {left - have} bytes early: it changed while it was sent")
                    have += count
                    offset += count
                left -= have
                if self.pads and not left and have & 1:
                    view[have] = 0
                    have += 1
                yield view[:have], not left
        finally:
            _give_scratch(buffer)


_SCRATCH: list[bytearray] = []
"""Buffers that nobody reads into now: fresh memory costs as much as the reading.  Append and pop are atomic."""

_SCRATCH_KEPT = 2
_SCRATCH_MOST = (1 << 20) + 1


def _take_scratch(size: int) -> bytearray:
    try:
        buffer = _SCRATCH.pop()
    except IndexError:
        return bytearray(size)
    return buffer if len(buffer) >= size else bytearray(size)


def _give_scratch(buffer: bytearray) -> None:
    if len(_SCRATCH) < _SCRATCH_KEPT and len(buffer) <= _SCRATCH_MOST:
        _SCRATCH.append(buffer)


def _read_at(descriptor: int, view: memoryview, offset: int) -> int:
    if hasattr(os, "preadv"):
        return os.preadv(descriptor, [view], offset)
    os.lseek(descriptor, offset, os.SEEK_SET)
    data = os.read(descriptor, len(view))
    view[: len(data)] = data
    return len(data)


# -- read or handed over piece by piece ------------------------------------------------------------------------------
class StreamContent(Content):
    """A data set that comes when it is asked for."""

    size: int | None = None
    is_foreign = True

    def __init__(self) -> None:
        self._head = b""
        self._has_ended = False

    def more(self, count: int) -> Buffer:
        """What comes next, about ``count`` bytes; nothing at the end."""
        raise NotImplementedError

    def head(self, count: int) -> bytes:
        """The first bytes: at least so many, or all; waits for them."""
        self.grow(count - len(self._head))
        return self._head

    def grow(self, count: int) -> bytes:
        """Have at least so many bytes more in the head, if there are: those that came."""
        have = len(self._head)
        parts = [self._head]
        while count > 0 and not self._has_ended:
            part = bytes(self.more(count))
            self._has_ended = not part
            parts.append(part)
            count -= len(part)
        self._head = b"".join(parts)
        return self._head[have:]

    def drop(self, count: int) -> None:
        """The first bytes, which are in the head, are not part of it."""
        self._head = self._head[count:]
        if self.size is not None:
            self.size -= count

    def chunks(self, step: int) -> Iterator[Buffer]:
        """The head, then what comes, about ``step`` bytes at a time."""
        head, self._head = self._head, b""
        if head:
            yield head
        while not self._has_ended:
            more = self.more(step)
            if not len(more):
                return
            yield more


class FromFile(StreamContent):
    """What a file object holds, from where it stands."""

    size: int | None

    def __init__(self, file: Any) -> None:
        super().__init__()
        self._file = file
        # The wrappers of the module tempfile have the file itself.
        inner = getattr(file, "file", None) or getattr(file, "_file", file)
        is_plain = isinstance(inner, BytesIO | BufferedReader | BufferedRandom | FileIO) and inner.seekable()
        if is_plain and hasattr(file, "seek") and hasattr(file, "tell"):
            # Others may have to read, or to inflate, all of it to tell; and something else has a ``_file``, too.
            start = file.tell()
            self.size = max(0, file.seek(0, os.SEEK_END) - start)
            file.seek(start)
        self._buffer = memoryview(b"")
        self._origin: int | None = None
        """Where the head begins in it, once somebody has read elsewhere."""

    def more(self, count: int) -> Buffer:
        """The next ``count`` bytes of the file, or fewer, in a buffer that is used again."""
        if not hasattr(self._file, "readinto"):
            return self._file.read(count) or b""
        if len(self._buffer) < count:
            self._buffer = memoryview(bytearray(count))
        return self._buffer[: self._file.readinto(self._buffer[:count]) or 0]

    def read_at(self, offset: int, count: int) -> Buffer:
        """Bytes from anywhere in the file, counted from where the head begins."""
        origin = self._origin
        if origin is None:
            origin = self._origin = self._file.tell() - len(self._head)
        self._file.seek(origin + offset)
        data: bytes = self._file.read(count)
        return data

    def rewind(self) -> None:
        """Put the file where the head ends."""
        if self._origin is not None:
            self._file.seek(self._origin + len(self._head))


class FromIterable(StreamContent):
    """What an iterable of buffers yields."""

    def __init__(self, data: Iterable[Any]) -> None:
        super().__init__()
        self._parts = iter(data)

    def more(self, count: int) -> Buffer:
        """The next part that is not empty, however large."""
        for part in self._parts:
            # An empty one is no end.
            if len(view := view_of(part)):
                return view
        return b""


def content_of(data: Any) -> Content:
    """A buffer, a file object or an iterable of buffers.

    Raises:
        TypeError: it is nothing of the kind.
    """
    if is_buffer(data):
        return InMemory(view_of(data))
    return FromFile(data) if hasattr(data, "read") else FromIterable(data)


def is_buffer(data: Any) -> bool:
    """Whether it holds bytes as ``bytes`` does: a ``memoryview`` of it can be made."""
    try:
        memoryview(data).release()
    except TypeError:
        return False
    return True
