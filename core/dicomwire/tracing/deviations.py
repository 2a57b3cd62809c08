"""What both sides of a recorded association did otherwise than the standard has it."""

from __future__ import annotations

from collections.abc import Iterator

from attrs import define, field, frozen

from dicomwire._attrs_repr import Shown
from dicomwire._logging import printable
from dicomwire.dimse.messages import MESSAGES, DataSetRule
from dicomwire.tracing.dissecting import SeenEvent, SeenMessage, SeenPDU, dissect
from dicomwire.tracing.trace_records import RecordKind, TracedAssociation
from dicomwire.upper_layer.pdus import (
    APPLICATION_CONTEXT_NAME,
    Abort,
    AssociateAC,
    AssociateRJ,
    AssociateRQ,
    PDataTF,
    ReleaseRP,
)
from dicomwire.upper_layer.state import Role


@frozen(kw_only=True, repr=False)
class Deviation(Shown):
    """One thing that somebody did otherwise."""

    role: Role
    """Who."""

    time: float
    what: str
    section: str
    """Where the standard says how it is to be: ``"PS3.8 9.3.2"``."""

    def __str__(self) -> str:
        return f"{self.role.value}: {self.what} ({self.section})"


def deviations(association: TracedAssociation) -> list[Deviation]:
    """All that was found in ``association``, in order; the same thing is told once of each side.

    What is found is what can be seen from outside, and peers are served in spite of it.
    """
    judge = Judge(association.role)
    for seen in dissect(association):
        judge.take(seen)
    return list(judge.found.values())


_Found = Iterator[tuple[str, str]]


@define
class Judge:
    """Takes what was seen of one association, in order, and finds deviations."""

    recorded_by: Role
    found: dict[tuple[Role, str], Deviation] = field(factory=dict)
    """Those that were found until now, by who and what."""

    request: AssociateRQ | None = None
    accepted: dict[int, str | None] | None = None
    has_ended: bool = False
    maximum_lengths: dict[Role, int] = field(factory=dict)
    """The longest P-DATA-TF body that each side takes."""

    def take(self, seen: SeenPDU | SeenEvent) -> None:
        """Look at the next thing that happened."""
        role = self.role_of(seen)
        for what, section in self._look(seen):
            self.found.setdefault((role, what), Deviation(role=role, time=seen.time, what=what, section=section))

    def role_of(self, seen: SeenPDU | SeenEvent) -> Role:
        """Who did it."""
        is_sent = seen.is_sent if isinstance(seen, SeenPDU) else seen.kind is not RecordKind.RECEIVED_END
        other = Role.ACCEPTOR if self.recorded_by is Role.REQUESTOR else Role.REQUESTOR
        return self.recorded_by if is_sent else other

    def _look(self, seen: SeenPDU | SeenEvent) -> _Found:
        if isinstance(seen, SeenEvent):
            closes = seen.kind in (RecordKind.RECEIVED_END, RecordKind.CLOSED)
            if closes and self.accepted is not None and not self.has_ended:
                yield "closes the connection without a release or an abort", "PS3.8 7.2, 7.3"
            self.has_ended = self.has_ended or closes
            return
        if seen.trouble is not None:
            yield seen.trouble, "PS3.8 9.3"
        match seen.pdu:
            case AssociateRQ() as pdu:
                self.request = pdu
                yield from self._common(pdu, self.role_of(seen))
                yield from self._proposed(pdu)
            case AssociateAC() as pdu:
                self.accepted = {cx.context_id: cx.transfer_syntax for cx in pdu.presentation_context if cx.result == 0}
                yield from self._common(pdu, self.role_of(seen))
                yield from self._answered(pdu)
            case PDataTF() as pdu:
                yield from self._p_data(pdu, seen)
                for message in seen.messages:
                    yield from self._message(message)
            case Abort() as pdu:
                self.has_ended = True
                if pdu.source not in (0, 2):
                    yield f"A-ABORT with source {pdu.source}, which is reserved", "PS3.8 9.3.8"
            case AssociateRJ() | ReleaseRP():
                self.has_ended = True

    def _common(self, pdu: AssociateRQ | AssociateAC, role: Role) -> _Found:
        if not pdu.protocol_version & 1:
            yield f"{pdu.name} with protocol version {pdu.protocol_version:#06x}: bit 0 is version 1", "PS3.8 9.3.2"
        if pdu.application_context_name is None:
            yield f"{pdu.name} without application context", "PS3.8 9.3.2.1"
        elif pdu.application_context_name != APPLICATION_CONTEXT_NAME:
            name = printable(pdu.application_context_name)
            yield f"{pdu.name} with application context {name}, which is not DICOM's", "PS3.7 A.2.1"
        if pdu.maximum_length is None:
            yield f"{pdu.name} without maximum length", "PS3.8 D.1"
        if not pdu.implementation_class_uid:
            yield f"{pdu.name} without implementation class UID", "PS3.7 D.3.3.2"
        if not pdu.called_ae_title or not pdu.calling_ae_title:
            yield f"{pdu.name} with an AE title of nothing but spaces", "PS3.8 9.3.2"
        for item in pdu.unknown_items:
            yield f"{pdu.name} with an item of type {item.kind:#04x}, which is not defined there", "PS3.8 9.3.2"
        self.maximum_lengths[role] = pdu.maximum_length or 0

    def _proposed(self, pdu: AssociateRQ) -> _Found:
        numbers = [context.context_id for context in pdu.presentation_context]
        if not numbers:
            yield "proposes no presentation context", "PS3.8 9.3.2"
        for number in sorted({number for number in numbers if number % 2 == 0}):
            yield f"proposes presentation context {number}: IDs are odd", "PS3.8 9.3.2.2"
        for number in sorted({number for number in numbers if numbers.count(number) > 1}):
            yield f"proposes presentation context {number} more than once", "PS3.8 9.3.2.2"
        for context in pdu.presentation_context:
            if not context.abstract_syntax:
                yield f"proposes presentation context {context.context_id} without abstract syntax", "PS3.8 9.3.2.2"
            if not context.transfer_syntax:
                yield f"proposes presentation context {context.context_id} without transfer syntax", "PS3.8 9.3.2.2"

    def _answered(self, pdu: AssociateAC) -> _Found:
        if self.request is None:
            return
        proposed = {context.context_id: context.transfer_syntax for context in self.request.presentation_context}
        for context in pdu.presentation_context:
            number = context.context_id
            if number not in proposed:
                yield f"answers presentation context {number}, which was not proposed", "PS3.8 9.3.3.2"
            elif context.result == 0 and context.transfer_syntax not in proposed[number]:
                yield f"accepts presentation context {number} with a transfer syntax not proposed", "PS3.8 9.3.3.2"
            elif context.result > 4:
                yield f"answers presentation context {number} with result {context.result}", "PS3.8 9.3.3.2"
        missing = proposed.keys() - {context.context_id for context in pdu.presentation_context}
        if missing:
            numbers = ", ".join(map(str, sorted(missing)))
            yield f"does not answer presentation context {numbers}", "PS3.8 9.3.3.2"

    def _p_data(self, pdu: PDataTF, seen: SeenPDU) -> _Found:
        if self.has_ended or self.accepted is None:
            yield "P-DATA-TF where there is no association", "PS3.8 9.2"
            return
        role = self.role_of(seen)
        other = Role.ACCEPTOR if role is Role.REQUESTOR else Role.REQUESTOR
        limit = self.maximum_lengths.get(other, 0)
        if limit and seen.length - 6 > limit:
            yield f"P-DATA-TF longer than the {limit} bytes that the peer takes", "PS3.8 D.1"
        for value in pdu.presentation_data_value_items:
            if value.context_id not in self.accepted:
                yield f"presentation context {value.context_id}, which was not accepted", "PS3.8 9.3.5.1"
            if value.control_header & ~3:
                yield f"message control header {value.control_header:#04x}: bits 2 to 7 are 0", "PS3.8 E.2"

    def _message(self, message: SeenMessage) -> _Found:
        if message.length is not None:
            if message.length % 2:
                yield "a data set of odd length", "PS3.5 7.1"
            return
        command = message.command
        kind = MESSAGES.get(command.command_field)
        if kind is None:
            yield f"Command Field {command.command_field:#06x}, which is no message", "PS3.7 E.1"
            return
        section = "PS3.7 9.3" if command.command_field & 0x7FFF < 0x0100 else "PS3.7 10.3"
        for name in kind.required:
            if getattr(command, name) is None:
                yield f"{kind.name} without {name.replace('_', ' ')}", section
        if command.command_data_set_type is None:
            yield f"{kind.name} without command data set type", section
        elif kind.data_set is DataSetRule.ALWAYS and not command.has_data_set:
            yield f"{kind.name} without a data set", section
        elif kind.data_set is DataSetRule.NEVER and command.has_data_set:
            yield f"{kind.name} with a data set", section
