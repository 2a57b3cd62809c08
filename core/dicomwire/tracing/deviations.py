"""What both sides of a recorded association did otherwise than the standard has it."""

from __future__ import annotations

from attrs import define, field, frozen

from dicomwire._values import Value
from dicomwire.dimse.messages import (
    C_ECHO_RQ,
    C_FIND_RQ,
    C_GET_RQ,
    C_MOVE_RQ,
    C_STORE_RQ,
    MESSAGES,
    N_ACTION_RQ,
    N_CREATE_RQ,
    N_DELETE_RQ,
    N_EVENT_REPORT_RQ,
    N_GET_RQ,
    N_SET_RQ,
    DataSetRule,
)
from dicomwire.tracing.dissecting import SeenEvent, SeenMessage, SeenPDU, dissect
from dicomwire.tracing.negotiation_deviations import Found, of_a_request, of_an_answer
from dicomwire.tracing.trace_records import RecordKind, TracedAssociation
from dicomwire.upper_layer.pdus import Abort, AssociateAC, AssociateRJ, AssociateRQ, PDataTF, ReleaseRP, ReleaseRQ
from dicomwire.upper_layer.reasons import NO_VALUE
from dicomwire.upper_layer.state import Role


@frozen(kw_only=True, repr=False, eq=False)
class Deviation(Value):
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


_MOST = 8
_SHORT_PDU = 10
_ABORT_REASONS = (0, 1, 2, 4, 5, 6)

_SECTIONS = {
    C_STORE_RQ: "PS3.7 9.3.1",
    C_FIND_RQ: "PS3.7 9.3.2",
    C_GET_RQ: "PS3.7 9.3.3",
    C_MOVE_RQ: "PS3.7 9.3.4",
    C_ECHO_RQ: "PS3.7 9.3.5",
    N_EVENT_REPORT_RQ: "PS3.7 10.3.1",
    N_GET_RQ: "PS3.7 10.3.2",
    N_SET_RQ: "PS3.7 10.3.3",
    N_ACTION_RQ: "PS3.7 10.3.4",
    N_CREATE_RQ: "PS3.7 10.3.5",
    N_DELETE_RQ: "PS3.7 10.3.6",
}
"""What a message must have, by the command field of its request; C-CANCEL is in three of them."""


def _length(seen: SeenPDU, section: str) -> Found:
    if seen.pdu is not None and seen.length != _SHORT_PDU:
        yield f"{seen.pdu.name} of {seen.length - 6} bytes, which has 4", section


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

    def _look(self, seen: SeenPDU | SeenEvent) -> Found:
        if isinstance(seen, SeenEvent):
            closes = seen.kind in (RecordKind.RECEIVED_END, RecordKind.CLOSED)
            if closes and self.request is not None and not self.has_ended:
                yield self._closing(seen)
            self.has_ended = self.has_ended or closes
            return
        if seen.trouble is not None:
            # What is undecodable in a PDU that is one is a command set.
            yield seen.trouble, "PS3.8 9.3" if seen.pdu is None else "PS3.7 6.3.1"
        match seen.pdu:
            case AssociateRQ() as pdu:
                self.request = pdu
                self.maximum_lengths[self.role_of(seen)] = pdu.maximum_length or 0
                yield from of_a_request(pdu)
            case AssociateAC() as pdu:
                self.accepted = {cx.context_id: cx.transfer_syntax for cx in pdu.presentation_context if cx.result == 0}
                self.maximum_lengths[self.role_of(seen)] = pdu.maximum_length or 0
                yield from of_an_answer(pdu, self.request)
            case PDataTF() as pdu:
                yield from self._p_data(pdu, seen)
                for message in seen.messages:
                    yield from self._message(message)
            case Abort() as pdu:
                self.has_ended = True
                if pdu.source not in (0, 2):
                    yield f"A-ABORT with source {pdu.source}, which is reserved", "PS3.8 9.3.8"
                elif pdu.source == 2 and pdu.reason_diagnostic not in _ABORT_REASONS:
                    yield f"A-ABORT with reason {pdu.reason_diagnostic}, which is reserved", "PS3.8 9.3.8"
                yield from _length(seen, "PS3.8 9.3.8")
            case AssociateRJ() as pdu:
                self.has_ended = True
                if pdu.result_str == NO_VALUE or pdu.reason_str == NO_VALUE:
                    said = f"result {pdu.result}, source {pdu.source} and reason {pdu.reason_diagnostic}"
                    yield f"A-ASSOCIATE-RJ with {said}, which are not defined", "PS3.8 9.3.4"
                yield from _length(seen, "PS3.8 9.3.4")
            case ReleaseRQ():
                yield from _length(seen, "PS3.8 9.3.6")
            case ReleaseRP():
                self.has_ended = True
                yield from _length(seen, "PS3.8 9.3.7")

    def _closing(self, seen: SeenEvent) -> tuple[str, str]:
        if self.accepted is not None:
            return "closes the connection without a release or an abort", "PS3.8 7.2, 7.3"
        if self.role_of(seen) is Role.ACCEPTOR:
            return "closes the connection without an answer or an abort", "PS3.8 7.1, 7.3"
        return "closes the connection before the answer, without an abort", "PS3.8 7.3"

    def _p_data(self, pdu: PDataTF, seen: SeenPDU) -> Found:
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

    def _message(self, message: SeenMessage) -> Found:
        if message.length is not None:
            if message.length % 2:
                yield "a data set of odd length", "PS3.5 7.1"
            return
        command = message.command
        kind = MESSAGES.get(command.command_field)
        if kind is None:
            yield f"Command Field {command.command_field:#06x}, which is no message", "PS3.7 E.1"
            return
        section = _SECTIONS.get(command.command_field & 0x7FFF, "PS3.7 9.3")
        if command.other:
            shown = ", ".join(f"({tag >> 16:04X},{tag & 0xFFFF:04X})" for tag, _ in command.other[:_MOST])
            yield f"{kind.name} with {shown}, which is not of commands", "PS3.7 6.3.1"
        for name in kind.required:
            if getattr(command, name) is None:
                yield f"{kind.name} without {name.replace('_', ' ')}", section
        if command.command_data_set_type is None:
            yield f"{kind.name} without command data set type", section
        elif kind.data_set is DataSetRule.ALWAYS and not command.has_data_set:
            yield f"{kind.name} without a data set", section
        elif kind.data_set is DataSetRule.NEVER and command.has_data_set:
            yield f"{kind.name} with a data set", section
