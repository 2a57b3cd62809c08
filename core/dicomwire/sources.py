"""Where an instance to store comes from: files, bytes, streams; read in pieces, decoded never."""

from __future__ import annotations

import io
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias

from attrs import define, frozen

from dicomwire.logic.file_meta import FileMeta, parse_file_meta, read_file_meta
from dicomwire.upper_layer.connection import Buffer

DEFLATED = "1.2.840.10008.1.2.1.99"

Pieces: TypeAlias = Iterator[tuple[Buffer, bool]]
"""Pieces of a data set, each with whether it is the last.  A piece is valid until the next one is asked for."""

_HEAD = 16 * 1024
"""Read at once from the front of a file: small files are whole in it."""


@frozen(kw_only=True)
class EncodedDataSet:
    """A data set that is encoded already, with what a C-STORE has to say of it.

    ``data`` is the data set without file meta information: bytes-like (also an ``mmap``), a binary file object at
    its beginning, or an iterable of bytes-likes.
    """

    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax_uid: str
    data: Any

    def pieces(self, step: int) -> Pieces:
        """The data in pieces of at most ``step`` bytes, an even number; deflated data padded to even length."""
        pad = self.transfer_syntax_uid == DEFLATED
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


@define
class _Tail:
    """What follows the file meta information of an open file."""

    file: io.FileIO
    offset: int
    size: int
    head: memoryview
    """The beginning of it, read already."""

    def pieces(self, step: int, *, pad: bool) -> Pieces:
        if len(self.head) >= self.size:
            data = self.head[: self.size]
            yield _padded(data, pad=pad), True
            return
        self.file.seek(self.offset)
        view = memoryview(bytearray(min(self.size, step) + 1))
        left = self.size
        while left:
            want, have = min(left, step), 0
            while have < want:
                count = self.file.readinto(view[have:want])
                if not count:
                    raise OSError(f"the file ended {left - have} bytes early: it changed while it was sent")
                have += count
            left -= have
            if pad and not left and have & 1:
                # A deflated stream may be followed by one NUL; fragments are even (PS3.5 A.5, PS3.8 9.3.5).
                view[have] = 0
                have += 1
            yield view[:have], not left


@define
class _ViewReader:
    """Reads bytes in memory as a file, without a copy of all of them."""

    view: memoryview
    position: int = 0

    def read(self, size: int) -> bytes:
        start, self.position = self.position, self.position + size
        return self.view[start : self.position].tobytes()


@contextmanager
def opened(source: Any) -> Iterator[EncodedDataSet]:
    """The instance that ``source`` holds: a path, the bytes of a DICOM file, a binary file object at the beginning
    of one, or an :class:`EncodedDataSet`.

    Raises:
        OSError: a file cannot be read.
        pydicom.errors.InvalidDicomError: it is no DICOM file.
        AttributeError: its file meta information lacks something.
        TypeError: it is nothing of the kind.
    """
    if isinstance(source, EncodedDataSet):
        yield source
    elif isinstance(source, str | os.PathLike):
        # FileIO, not open(): nothing is buffered twice.
        with io.FileIO(os.fspath(source), "r") as file:
            size = os.fstat(file.fileno()).st_size
            head = file.read(_HEAD)
            assert head is not None
            meta = parse_file_meta(head, file.read)
            offset = meta.data_set_offset
            yield _instance(meta, _Tail(file, offset, max(0, size - offset), memoryview(head)[offset:]))
    elif _is_buffer(source):
        view = _bytes_view(source)
        meta = read_file_meta(_ViewReader(view))
        yield _instance(meta, view[meta.data_set_offset :])
    elif hasattr(source, "read") and hasattr(source, "seek"):
        start = source.tell()
        meta = read_file_meta(source)
        source.seek(start + meta.data_set_offset)
        yield _instance(meta, source)
    else:
        raise TypeError(f"{type(source).__name__} is nothing that can be stored")


def _instance(meta: FileMeta, data: Any) -> EncodedDataSet:
    for name, uid in (
        ("(0002,0002) Media Storage SOP Class UID", meta.sop_class_uid),
        ("(0002,0003) Media Storage SOP Instance UID", meta.sop_instance_uid),
        ("(0002,0010) Transfer Syntax UID", meta.transfer_syntax_uid),
    ):
        if uid is None:
            raise AttributeError(f"the file meta information has no {name}")
    return EncodedDataSet(
        sop_class_uid=meta.sop_class_uid or "",
        sop_instance_uid=meta.sop_instance_uid or "",
        transfer_syntax_uid=meta.transfer_syntax_uid or "",
        data=data,
    )
