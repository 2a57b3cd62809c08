"""Traces as text for people; neither credentials nor patients are in it, unless those are asked for."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from dicomwire._logging import printable, shown_address
from dicomwire.tracing.dissecting import SeenEvent, SeenPDU, dissect
from dicomwire.tracing.trace_entries import Entries, Entry
from dicomwire.tracing.trace_records import Trace, TracedAssociation

_LINE_LENGTH = 160
_MARGIN = " " * 26


def show(trace: Trace, *, patient_data: bool = False) -> Iterator[str]:
    """The lines of what ``trace`` holds: every PDU with its items, every message with its elements.

    Of data sets there are the elements that they have, and their values only with ``patient_data``; of those that are
    stored, only the length.  Nothing that a peer has said reaches a terminal as it is.
    """
    for association in trace:
        yield from (printable(line, _LINE_LENGTH) for line in _association(association, patient_data))
        yield ""
    yield from (printable(f"Note: {remark}", _LINE_LENGTH) for remark in trace.remarks)


def _association(association: TracedAssociation, patient_data: bool) -> Iterator[str]:
    begin = association.records[0].time if association.records else 0.0
    about = association.about
    where = f"{place(about.get('local'))} with {place(about.get('peer'))}"
    when = moment(begin)
    yield f"Association {association.number}, recorded by the {association.role.value} at {where}, {when} UTC"
    entries = Entries(patient_data)
    before = begin
    sent = received = 0
    for seen in dissect(association):
        stamp = f"{seen.time - begin:+12.6f} {_since(seen.time - before):>8} "
        before = seen.time
        entry = entries.entry(seen)
        if isinstance(seen, SeenEvent):
            yield f"{stamp}   {entry.headline}"
            continue
        if seen.is_sent:
            sent += seen.length
        else:
            received += seen.length
        yield from _pdu(stamp, seen, entry)
    yield f"{_MARGIN}{sent} bytes sent, {received} received in {before - begin:.6f} s"


def _pdu(stamp: str, seen: SeenPDU, entry: Entry) -> Iterator[str]:
    arrow = "->" if seen.is_sent else "<-"
    if seen.pdu is None:
        yield f"{stamp}{arrow} {entry.headline}: {entry.trouble}"
        return
    yield f"{stamp}{arrow} {entry.headline}"
    yield from (_MARGIN + line for line in entry.lines)
    if entry.trouble:
        yield f"{_MARGIN}{entry.trouble}"
    yield from (_MARGIN + line for message in entry.messages for line in message)


def moment(time: float) -> str:
    """A time of a trace for people, in UTC."""
    return datetime.fromtimestamp(time, UTC).isoformat(" ", "microseconds").removesuffix("+00:00")


def place(address: Any) -> str:
    """Where an end of a connection was, as the record of its beginning has it."""
    try:
        return shown_address(tuple(address))
    except (TypeError, IndexError):
        return "an unknown place"


def _since(seconds: float) -> str:
    """The time since what is above, rounded: long waits catch the eye."""
    return f"{seconds:.1f} s" if seconds >= 1 else f"{seconds * 1e3:.1f} ms" if seconds >= 0.001 else ""
