"""Where an instance to store comes from: files, bytes, streams; read in pieces, decoded never."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from typing import Any, TypeAlias

from attrs import define, frozen

from dicomwire._globals import DEFLATED_SYNTAXES
from dicomwire.logic.file_meta import FileMeta, parse_file_meta, read_file_meta
from dicomwire.upper_layer.connection import Buffer

Pieces: TypeAlias = Iterator[tuple[Buffer, bool]]
"""Pieces of a data set, each with whether it is the last.  A piece is valid until the next one is asked for."""

_HEAD = 16 * 1024
"""Read at once from the front of a file: small files are whole in it."""


# Without slots: frozen classes with slots take twice as long to make.
@frozen(kw_only=True, slots=False)
class EncodedDataSet:
    """A data set that is encoded already, with what a C-STORE has to say of it.

    ``data`` is the data set without file meta information: bytes-like (also an ``mmap``), a binary file object at
    its beginning, or an iterable of bytes-likes.
    """

    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax_uid: str
    data: Any

    @property
    def is_foreign(self) -> bool:
        """Reading it runs code of the user's, which may wait, and use the association that sends it."""
        return not isinstance(self.data, _Tail) and not _is_buffer(self.data)

    def pieces(self, step: int) -> Pieces:
        """The data in pieces of at most ``step`` bytes, an even number; deflated data padded to even length."""
        pad = self.transfer_syntax_uid in DEFLATED_SYNTAXES
        if isinstance(self.data, _Tail):
            return self.data.pieces(step, pad=pad)
        if _is_buffer(self.data):
            return _of_buffer(self.data, step, pad=pad)
        if hasattr(self.data, "read"):
            return _of_file(self.data, step, pad=pad)
        return _of_iterable(self.data, step, pad=pad)


def _bytes_view(data: Any) -> memoryview:
    view = memoryview(data)
    return view if view.itemsize == 1 and view.ndim == 1 else view.cast("B")


def _padded(data: Buffer, *, pad: bool) -> Buffer:
    """The last piece.  A deflated stream may be followed by one NUL; fragments are even (PS3.5 A.5, PS3.8 9.3.5)."""
    return bytes(data) + b"\0" if pad and len(data) & 1 else data


def _of_buffer(data: Any, step: int, *, pad: bool) -> Pieces:
    view = _bytes_view(data)
    last = max(0, (len(view) - 1) // step * step)
    for start in range(0, last, step):
        yield view[start : start + step], False
    yield _padded(view[last:], pad=pad), True


def _of_file(file: Any, step: int, *, pad: bool) -> Pieces:
    # Two buffers by turns: whether a piece is the last is known only when the next one is read.
    held, other = memoryview(bytearray(step)), memoryview(bytearray(step))
    size = _fill(file, held)
    while size == step and (ahead := _fill(file, other)):
        yield held, False
        held, other, size = other, held, ahead
    yield _padded(held[:size], pad=pad), True


def _fill(file: Any, buffer: memoryview) -> int:
    """Read until ``buffer`` is full or the file ends; the bytes read."""
    have = 0
    while have < len(buffer):
        if hasattr(file, "readinto"):
            count = file.readinto(buffer[have:])
        else:
            chunk = file.read(len(buffer) - have)
            count = len(chunk)
            buffer[have : have + count] = chunk
        if not count:
            break
        have += count
    return have


def _of_iterable(data: Iterable[Any], step: int, *, pad: bool) -> Pieces:
    """Chunks of any size as pieces: all even but the last, which is only known when there is no more."""
    held = b""
    for item in data:
        view = _bytes_view(item)
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
    yield _padded(held, pad=pad), True


def _is_buffer(data: Any) -> bool:
    try:
        memoryview(data).release()
    except TypeError:
        return False
    return True


@define(slots=False)
class _Tail:
    """What follows the file meta information of an open file."""

    descriptor: int
    offset: int
    size: int
    head: memoryview
    """The beginning of it, read already."""

    def pieces(self, step: int, *, pad: bool) -> Pieces:
        left, head = self.size, self.head
        if len(head) >= left:
            yield _padded(head, pad=pad), True
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
                if pad and not left and have & 1:
                    # A deflated stream may be followed by one NUL; fragments are even (PS3.5 A.5, PS3.8 9.3.5).
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


@define
class _ViewReader:
    """Reads bytes in memory as a file, without a copy of all of them."""

    view: memoryview
    position: int = 0

    def read(self, size: int) -> bytes:
        start, self.position = self.position, self.position + size
        return self.view[start : self.position].tobytes()


class Opened:
    """Gives the instance in a ``with`` statement, at whose end a file that was opened for it is closed."""

    __slots__ = ("_descriptor", "_instance")

    def __init__(self, instance: EncodedDataSet, descriptor: int = -1) -> None:
        self._instance = instance
        self._descriptor = descriptor

    def __enter__(self) -> EncodedDataSet:
        return self._instance

    def __exit__(self, *_: object) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)


def opened(source: Any) -> Opened:
    """The instance that ``source`` holds: a path, the bytes of a DICOM file, a binary file object at the beginning
    of one, or an :class:`EncodedDataSet`.

    Raises:
        OSError: a file cannot be read.
        pydicom.errors.InvalidDicomError: it is no DICOM file.
        IncompleteFileMeta: its file meta information lacks something.
        TypeError: it is nothing of the kind.
    """
    if isinstance(source, EncodedDataSet):
        return Opened(source)
    if isinstance(source, str | os.PathLike):
        return _opened_file(os.fspath(source))
    if _is_buffer(source):
        view = _bytes_view(source)
        meta = read_file_meta(_ViewReader(view))
        return Opened(_instance(meta, view[meta.data_set_offset :]))
    if hasattr(source, "read") and hasattr(source, "seek"):
        start = source.tell()
        meta = read_file_meta(source)
        source.seek(start + meta.data_set_offset)
        return Opened(_instance(meta, source))
    raise TypeError(f"{type(source).__name__} is nothing that can be stored")


def _opened_file(path: str) -> Opened:
    # Descriptors, because a file object costs more than all its reads of a small file.
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
    try:
        head = os.read(descriptor, _HEAD)
        meta = parse_file_meta(head, lambda size: os.read(descriptor, size))
        offset = meta.data_set_offset
        size = os.fstat(descriptor).st_size
        tail = _Tail(descriptor, offset, max(0, size - offset), memoryview(head)[offset:size])
        return Opened(_instance(meta, tail), descriptor)
    except BaseException:
        os.close(descriptor)
        raise


class IncompleteFileMeta(AttributeError):
    """The file meta information does not say what a C-STORE has to; the data set may."""


def _instance(meta: FileMeta, data: Any) -> EncodedDataSet:
    if meta.sop_class_uid is None:
        raise IncompleteFileMeta("the file meta information has no (0002,0002) Media Storage SOP Class UID")
    if meta.sop_instance_uid is None:
        raise IncompleteFileMeta("the file meta information has no (0002,0003) Media Storage SOP Instance UID")
    if meta.transfer_syntax_uid is None:
        raise IncompleteFileMeta("the file meta information has no (0002,0010) Transfer Syntax UID")
    return EncodedDataSet(
        sop_class_uid=meta.sop_class_uid,
        sop_instance_uid=meta.sop_instance_uid,
        transfer_syntax_uid=meta.transfer_syntax_uid,
        data=data,
    )
