"""What is shown of each thing that happened in a trace: the same words for the text and for the page."""

from __future__ import annotations

from attrs import define, field, frozen

from dicomwire._values import Value
from dicomwire.compat.logged_identifiers import data_set_lines
from dicomwire.dimse.messages import C_STORE_RQ, MESSAGES
from dicomwire.tracing.dissecting import SeenEvent, SeenMessage, SeenPDU
from dicomwire.tracing.trace_records import RecordKind
from dicomwire.upper_layer.pdus import AssociateAC, AssociateRQ
from dicomwire.vocabulary.descriptions import describe, describe_command
from dicomwire.vocabulary.statuses import code_to_category


@frozen(kw_only=True, repr=False, eq=False)
class Entry(Value):
    """One thing that happened, in words."""

    headline: str
    lines: list[str] = field(factory=list)
    """The fields of a PDU; what is below something is indented."""

    trouble: str | None = None
    """Why it, or a message in it, could not be decoded."""

    messages: list[list[str]] = field(factory=list)
    """What ends in it: a headline and lines of each."""


@define
class Entries:
    """Makes the entries of one association, in order: a later one needs what an earlier one has said."""

    patient_data: bool
    abstract_syntaxes: dict[int, str] = field(factory=dict)
    """Those that were proposed, by context ID."""

    def entry(self, seen: SeenPDU | SeenEvent) -> Entry:
        """What to show of the next thing; credentials are not in it, and patients only if they are to be."""
        if isinstance(seen, SeenEvent):
            return Entry(headline=_event(seen))
        pdu = seen.pdu
        if pdu is None:
            return Entry(headline=f"{seen.length} bytes", trouble=seen.trouble)
        if isinstance(pdu, AssociateRQ):
            self.abstract_syntaxes.update((cx.context_id, cx.abstract_syntax) for cx in pdu.presentation_context)
        names = self.abstract_syntaxes if isinstance(pdu, AssociateAC) else None
        headline, *lines = describe(pdu, names).splitlines()
        left_out = f", {seen.left_out} of them not in the trace" if seen.left_out else ""
        return Entry(
            headline=headline + left_out,
            lines=lines,
            trouble=seen.trouble,
            messages=[_message(message, self.patient_data) for message in seen.messages],
        )


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
