"""Captures in JSON, as the tests of this project keep them: a list of chunks with time, side and hexadecimal digits."""

from __future__ import annotations

from json import loads
from typing import Any

from dicomwire.tracing.trace_format import BadTrace
from dicomwire.tracing.trace_records import RecordKind, Trace, TracedAssociation, TraceRecord
from dicomwire.upper_layer.state import Role


def trace_of_json(text: str | bytes) -> Trace:
    """The one association of such a file, as the requestor has seen it.

    Raises:
        BadTrace: it is no such file.
    """
    try:
        capture = loads(text)
        records = [_record(RecordKind.OPENED, 0.0)]
        for chunk in capture["chunks"]:
            kind = RecordKind.SENT if chunk["from"] == Role.REQUESTOR.value else RecordKind.RECEIVED
            records.append(_record(kind, float(chunk["t"]), bytes.fromhex(chunk["hex"])))
    except (ValueError, KeyError, TypeError) as error:
        raise BadTrace(f"not a capture in JSON: {type(error).__name__}") from error
    first = capture.get("closed_first_by")
    if first is not None:
        kind = RecordKind.CLOSED if first == Role.REQUESTOR.value else RecordKind.RECEIVED_END
        records.append(_record(kind, records[-1].time))
    about: dict[str, Any] = {"name": capture.get("name")}
    return Trace(associations=[TracedAssociation(number=1, role=Role.REQUESTOR, about=about, records=records)])


def _record(kind: RecordKind, time: float, data: bytes = b"") -> TraceRecord:
    return TraceRecord(kind=kind, association=1, time=time, data=data)
