"""Records of a trace as bytes (docs/reference/trace-format.md)."""

from __future__ import annotations

from collections.abc import Iterator
from json import loads
from struct import Struct
from typing import Any, BinaryIO

from dicomwire.tracing.trace_records import RecordKind, Trace, TracedAssociation, TraceRecord
from dicomwire.upper_layer.buffer import Buffer
from dicomwire.upper_layer.pdus import P_DATA_HEAD
from dicomwire.upper_layer.state import Role

MAGIC = b"\x89DWT\r\n\x1a\n"
"""As that of PNG: what has changed ends of lines, or took the file for text, is found out."""

VERSION = 1
_HEAD = Struct(">8sHHL")
_RECORD = Struct(">BxHLQLL")
_COUNT = Struct(">Q")
_RECORD_AND_COUNT = Struct(_RECORD.format + "Q")
_MOST_UNREAD = 0xFFFFFFFF

CREDENTIALS_KEPT, DATA_SETS_LEFT_OUT = 1, 2
"""Bits of the flags of a file."""

MOST = 16 << 20
"""Bytes that one record holds at most: longer pieces are several."""

_KINDS = {kind.value: kind for kind in RecordKind}
_LEFT_OUT = (RecordKind.RECEIVED_LEFT_OUT, RecordKind.SENT_LEFT_OUT)

_HEADS = {
    RecordKind.RECEIVED_HEADS: (RecordKind.RECEIVED, RecordKind.RECEIVED_LEFT_OUT),
    RecordKind.SENT_HEADS: (RecordKind.SENT, RecordKind.SENT_LEFT_OUT),
}


class BadTrace(ValueError):
    """A file is no trace, or one of a later version."""


def encode_head(flags: int) -> bytes:
    """The beginning of a file."""
    return _HEAD.pack(MAGIC, VERSION, flags, 0)


def stamp_of(time: float) -> int:
    """Seconds as a record has them: microseconds."""
    return max(0, round(time * 1e6))


def encode_record_head(kind: RecordKind, association: int, stamp: int, length: int, unread: int) -> bytes:
    """What is before the ``length`` bytes of a record."""
    return _RECORD.pack(kind, 0, association, stamp, unread if unread < _MOST_UNREAD else _MOST_UNREAD, length)


def encode_left_out(kind: RecordKind, association: int, stamp: int, count: int, unread: int) -> bytes:
    """The records of ``count`` bytes that are not in the trace."""
    if count <= MOST:
        unread = unread if unread < _MOST_UNREAD else _MOST_UNREAD
        return _RECORD_AND_COUNT.pack(kind, 0, association, stamp, unread, _COUNT.size, count)
    head = encode_record_head(kind, association, stamp, _COUNT.size, unread)
    return b"".join(head + _COUNT.pack(min(MOST, count - start)) for start in range(0, count, MOST))


def in_records(buffers: list[Buffer], most_buffers: int) -> Iterator[tuple[int, list[Buffer]]]:
    """Buffers in runs that fit in a record, and in one call of the system: how long each run is, and the run."""
    run: list[Buffer] = []
    length = 0
    for buffer in buffers:
        view = memoryview(buffer).cast("B") if len(buffer) > MOST else buffer
        for start in range(0, len(view), MOST):
            piece = view[start : start + MOST] if len(view) > MOST else view
            if run and (length + len(piece) > MOST or len(run) == most_buffers):
                yield length, run
                run, length = [], 0
            run.append(piece)
            length += len(piece)
    if run:
        yield length, run


def is_trace(beginning: bytes) -> bool:
    """Whether a file that begins so is a trace, of whatever version."""
    return beginning.startswith(MAGIC)


def read_records(file: BinaryIO, remarks: list[str]) -> Iterator[TraceRecord]:
    """The records of a file, one after the other; what is wrong with its end goes to ``remarks``.

    Raises:
        BadTrace: it is no trace, or of a version that is not known here.
    """
    head = file.read(_HEAD.size)
    if len(head) < _HEAD.size or not is_trace(head):
        raise BadTrace("not a trace of dicomwire")
    version = _HEAD.unpack(head)[1]
    if version != VERSION:
        raise BadTrace(f"a trace of version {version}, and only version {VERSION} is known here")
    at = _HEAD.size
    while head := file.read(_RECORD.size):
        if len(head) < _RECORD.size:
            remarks.append(f"the last record is torn: {len(head)} bytes of its head at offset {at}")
            return
        number, _, association, time, unread, length = _RECORD.unpack(head)
        kind = _KINDS.get(number)
        if length > MOST:
            remarks.append(f"broken at offset {at}: a record of {length} bytes, more than {MOST}; the rest is not read")
            return
        data = file.read(length)
        if len(data) < length:
            remarks.append(f"the last record is torn: {len(data)} of {length} bytes at offset {at}")
            return
        at += _RECORD.size + length
        if kind is None:
            # Of a later minor change: whoever does not know it can do without.
            continue
        left_out = 0
        if kind in _LEFT_OUT:
            if length != _COUNT.size:
                remarks.append(f"broken at offset {at}: a count of {length} bytes; the rest is not read")
                return
            left_out, data = _COUNT.unpack(data)[0], b""
            if left_out > MOST:
                remarks.append(f"broken at offset {at}: {left_out} bytes left out at once; the rest is not read")
                return
        if kind in _HEADS:
            for one_kind, head, count in _expanded(kind, data):
                yield TraceRecord(
                    kind=one_kind, association=association, time=time / 1e6, unread=unread, data=head, left_out=count
                )
            continue
        yield TraceRecord(
            kind=kind, association=association, time=time / 1e6, unread=unread, data=data, left_out=left_out
        )


def _expanded(kind: RecordKind, data: bytes) -> Iterator[tuple[RecordKind, bytes, int]]:
    """For each head, that and what is left out behind it."""
    kept, left_out = _HEADS[kind]
    for at in range(0, len(data) - P_DATA_HEAD.size + 1, P_DATA_HEAD.size):
        head = data[at : at + P_DATA_HEAD.size]
        yield kept, head, 0
        yield left_out, b"", max(0, min(P_DATA_HEAD.unpack(head)[2] - 2, MOST))


def grouped(records: Iterator[TraceRecord], remarks: list[str]) -> Trace:
    """Records by association, in the order in which those began."""
    found: dict[int, TracedAssociation] = {}
    strays = 0
    for record in records:
        if record.kind is RecordKind.OPENED:
            about = _about(record.data)
            role = Role.ACCEPTOR if about.get("role") == Role.ACCEPTOR.value else Role.REQUESTOR
            found[record.association] = TracedAssociation(
                number=record.association, role=role, about=about, records=[record]
            )
        elif record.association in found:
            found[record.association].records.append(record)
        else:
            strays += 1
    if strays:
        remarks.append(f"{strays} records of associations whose beginning is missing")
    return Trace(associations=list(found.values()), remarks=remarks)


def _about(data: bytes) -> dict[str, Any]:
    try:
        about = loads(data)
    except ValueError:
        return {}
    return about if isinstance(about, dict) else {}
