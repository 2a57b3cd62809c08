"""Traces in files: written while associations run, and read again."""

from __future__ import annotations

import os
from collections.abc import Iterable
from itertools import count
from json import dumps
from typing import Any, BinaryIO, Self

from dicomwire._logging import logger
from dicomwire.data import store
from dicomwire.tracing.pcapng_writer import pcapng
from dicomwire.tracing.trace_format import (
    CREDENTIALS_KEPT,
    DATA_SETS_LEFT_OUT,
    MOST,
    encode_head,
    encode_left_out,
    encode_record_head,
    grouped,
    in_records,
    read_records,
    stamp_of,
)
from dicomwire.tracing.trace_records import RecordKind, Trace
from dicomwire.upper_layer.buffer import Buffer

LOGGER = logger(__name__)

_MOST_BUFFERS = 500
"""Less than a system writes in one call, the head of the record included: so records of several threads never mix."""

_LEFT_OUT = (RecordKind.RECEIVED_LEFT_OUT, RecordKind.SENT_LEFT_OUT)


class TraceFile:
    """A new file that associations are recorded in: ``ae.trace = TraceFile("night.dwtrace")``.

    Of the user identity in association requests it gets as many asterisks, unless ``credentials`` are kept.  Of data
    sets, which patients are in, it gets only how long they were, the identifiers of queries too, unless
    ``data_sets`` are kept: that costs a copy of everything.

    Each record is written at once, so that a program that dies leaves all that happened before.  Any number of
    associations, threads and adapters of one process may share one.  When the file cannot be written any more, that is
    logged, and associations go on without.

    Raises:
        FileExistsError: there is something with that name.
        OSError: it cannot be made.
    """

    def __init__(self, path: str | os.PathLike[str], *, credentials: bool = False, data_sets: bool = False) -> None:
        self.path: str = os.fspath(path)
        self._keeps = (credentials, data_sets)
        self._process = os.getpid()
        self._numbers = count(1)
        self._store = store.STORE
        self._descriptor: int | None = self._store.open_to_write(self.path, new=True)
        self.failure: str | None = None
        """Why nothing more is recorded, in words."""

        flags = (CREDENTIALS_KEPT if credentials else 0) | (0 if data_sets else DATA_SETS_LEFT_OUT)
        self._write([encode_head(flags)])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Record nothing more; may be called again."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            self._store.close(descriptor)

    def of_this_process(self) -> TraceFile:
        """Itself; in another process than that which made it, a new one beside it, with that process's number behind
        the name."""
        if self._process == os.getpid():
            return self
        credentials, data_sets = self._keeps
        return TraceFile(f"{self.path}.{os.getpid()}", credentials=credentials, data_sets=data_sets)

    def __reduce__(self) -> tuple[Any, ...]:
        return _elsewhere, (self.path, self._keeps)

    # -- what associations call -----------------------------------------------------------------------------------
    def next_association(self) -> int:
        """See :class:`Recorder`."""
        return next(self._numbers)

    def keeps(self) -> tuple[bool, bool]:
        """See :class:`Recorder`."""
        return self._keeps

    def record(
        self, kind: RecordKind, association: int, time: float, buffers: Iterable[Buffer], unread: int = 0
    ) -> None:
        """See :class:`Recorder`."""
        given = list(buffers)
        stamp = stamp_of(time)
        if sum(map(len, given)) == 0:
            self._write([encode_record_head(kind, association, stamp, 0, unread)])
            return
        for length, run in in_records(given, _MOST_BUFFERS):
            self._write([encode_record_head(kind, association, stamp, length, unread), *run])

    def record_pieces(
        self, association: int, time: float, pieces: Iterable[tuple[RecordKind, Buffer]], unread: int = 0
    ) -> None:
        """See :class:`Recorder`."""
        out: list[Buffer] = []
        stamp = stamp_of(time)
        for kind, length, run in _joined(pieces):
            if kind in _LEFT_OUT:
                out.append(encode_left_out(kind, association, stamp, length, unread))
            elif len(out) + len(run) < _MOST_BUFFERS and length <= MOST:
                out.append(encode_record_head(kind, association, stamp, length, unread))
                out += run
            else:
                for size, part in in_records(run, _MOST_BUFFERS):
                    if len(out) + len(part) >= _MOST_BUFFERS:
                        self._write(out)
                        out = []
                    out += (encode_record_head(kind, association, stamp, size, unread), *part)
        self._write(out)

    def _write(self, buffers: list[Buffer]) -> None:
        descriptor = self._descriptor
        if descriptor is None or not buffers:
            return
        try:
            self._store.write(descriptor, [memoryview(buffer) for buffer in buffers])
        except OSError as error:
            self.failure = str(error)
            LOGGER.error("nothing more is recorded in the trace: %s", error)
            self.close()


def _elsewhere(path: str, keeps: tuple[bool, bool]) -> TraceFile:
    return TraceFile(f"{path}.{os.getpid()}", credentials=keeps[0], data_sets=keeps[1])


def _joined(pieces: Iterable[tuple[RecordKind, Buffer]]) -> Iterable[tuple[RecordKind, int, list[Buffer]]]:
    """Pieces of one kind that follow each other, together: how long they are, and what they are."""
    joined: list[tuple[RecordKind, int, list[Buffer]]] = []
    before: RecordKind | None = None
    for kind, piece in pieces:
        if kind is before:
            _, length, run = joined[-1]
            run.append(piece)
            joined[-1] = kind, length + len(piece), run
        else:
            joined.append((kind, len(piece), [piece]))
            before = kind
    return joined


def write_trace(trace: Trace, path: str | os.PathLike[str]) -> None:
    """Write associations from elsewhere to a new file, with all that they have.

    Raises:
        OSError: it exists, or cannot be written.
    """
    with TraceFile(path, credentials=True, data_sets=True) as file:
        for association in trace:
            for record in association.records:
                data = record.data
                if record.kind is RecordKind.OPENED:
                    data = dumps({"role": association.role.value, **association.about}).encode("ascii")
                if record.kind in _LEFT_OUT:
                    file.record_pieces(association.number, record.time, [(record.kind, bytes(record.left_out))])
                else:
                    file.record(record.kind, association.number, record.time, [data], record.unread)
        if file.failure:
            raise OSError(file.failure)


def write_pcapng(trace: Trace, path: str | os.PathLike[str]) -> None:
    """Write associations to a new file that Wireshark reads; the TCP around their bytes is made up.

    Raises:
        OSError: it exists, or cannot be written.
    """
    descriptor = store.STORE.open_to_write(os.fspath(path), new=True)
    try:
        for block in pcapng(trace):
            store.STORE.write(descriptor, [memoryview(block)])
    finally:
        store.STORE.close(descriptor)


def read_trace(path: str | os.PathLike[str]) -> Trace:
    """The associations in a file that a :class:`TraceFile` has written, or is still writing.

    Raises:
        BadTrace: it is no such file, or of a later version.
        OSError: it cannot be read.
    """
    with store.STORE.reader(path) as file:
        return read_trace_from(file)


def read_trace_from(file: BinaryIO) -> Trace:
    """The same of a file object."""
    remarks: list[str] = []
    return grouped(read_records(file, remarks), remarks)
