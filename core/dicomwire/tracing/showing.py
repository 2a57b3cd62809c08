"""Traces as text for people; neither credentials nor patients are in it, unless those are asked for."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from dicomwire._logging import printable, shown_address
from dicomwire.compat.logged_identifiers import data_set_lines
from dicomwire.dimse.messages import C_STORE_RQ, MESSAGES
from dicomwire.tracing.dissecting import SeenEvent, SeenMessage, SeenPDU, dissect
from dicomwire.tracing.trace_records import RecordKind, Trace, TracedAssociation
from dicomwire.upper_layer.pdus import AssociateAC, AssociateRQ
from dicomwire.vocabulary.descriptions import describe, describe_command
from dicomwire.vocabulary.statuses import code_to_category

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
    where = f"{_place(about.get('local'))} with {_place(about.get('peer'))}"
    when = datetime.fromtimestamp(begin, UTC).isoformat(" ", "microseconds").removesuffix("+00:00")
    yield f"Association {association.number}, recorded by the {association.role.value} at {where}, {when} UTC"
    names: dict[int, str] = {}
    before = begin
    sent = received = 0
    for seen in dissect(association):
        stamp = f"{seen.time - begin:+12.6f} {_since(seen.time - before):>8} "
        before = seen.time
        if isinstance(seen, SeenEvent):
            yield f"{stamp}   {_event(seen)}"
            continue
        if seen.is_sent:
            sent += seen.length
        else:
            received += seen.length
        yield from _pdu(stamp, seen, names, patient_data)
    yield f"{_MARGIN}{sent} bytes sent, {received} received in {before - begin:.6f} s"


def _pdu(stamp: str, seen: SeenPDU, names: dict[int, str], patient_data: bool) -> Iterator[str]:
    arrow = "->" if seen.is_sent else "<-"
    pdu = seen.pdu
    if pdu is None:
        yield f"{stamp}{arrow} {seen.length} bytes: {seen.trouble}"
        return
    if isinstance(pdu, AssociateRQ):
        names.update((context.context_id, context.abstract_syntax) for context in pdu.presentation_context)
    first, *lines = describe(pdu, names if isinstance(pdu, AssociateAC) else None).splitlines()
    left_out = f", {seen.left_out} of them not in the trace" if seen.left_out else ""
    yield f"{stamp}{arrow} {first}{left_out}"
    yield from (_MARGIN + line for line in lines)
    if seen.trouble:
        yield f"{_MARGIN}{seen.trouble}"
    for message in seen.messages:
        yield from (_MARGIN + line for line in _message(message, patient_data))


def _message(message: SeenMessage, patient_data: bool) -> list[str]:
    command = message.command
    kind = MESSAGES.get(command.command_field)
    name = kind.name if kind else f"unknown message {command.command_field:#06x}"
    if message.length is not None:
        what = f"{(kind and kind.data_set_keyword) or 'DataSet'} of {name}, {message.length} bytes"
        if message.is_left_out:
            return [f"{what} (not in the trace)"]
        if message.data_set is None or message.transfer_syntax is None or command.command_field == C_STORE_RQ:
            return [what]
        return data_set_lines(what, message.data_set, message.transfer_syntax, with_values=patient_data)
    number = command.message_id if command.message_id is not None else command.message_id_being_responded_to
    status = "" if command.status is None else f", status 0x{command.status:04X} ({code_to_category(command.status)})"
    lines = describe_command(command).splitlines()[1:]
    return [f"{name}, message ID {number}{status}", *lines]


def _event(seen: SeenEvent) -> str:
    if seen.kind is RecordKind.RECEIVED_END:
        return "the peer closes"
    if seen.kind is RecordKind.DEADLINE:
        return f"the timer {seen.text} expires"
    return "closed"


def _place(address: Any) -> str:
    try:
        return shown_address(tuple(address))
    except (TypeError, IndexError):
        return "an unknown place"


def _since(seconds: float) -> str:
    """The time since what is above, rounded: long waits catch the eye."""
    return f"{seconds:.1f} s" if seconds >= 1 else f"{seconds * 1e3:.1f} ms" if seconds >= 0.001 else ""
