"""What both sides of a recorded association have said: PDUs and messages, whatever order they came in."""

from __future__ import annotations

from collections.abc import Iterator

from attrs import define, field, frozen

from dicomwire._values import Shown, Value
from dicomwire.dimse.command import Command
from dicomwire.errors import RemoteProtocolError
from dicomwire.tracing.trace_records import OF_THE_PEER, OURS, RecordKind, TracedAssociation, TraceRecord
from dicomwire.upper_layer.limits import Limits
from dicomwire.upper_layer.pdus import (
    HEADER,
    NAMES,
    AnyPDU,
    AssociateAC,
    AssociateRQ,
    PDataTF,
    PresentationDataValue,
    decode_pdu,
)

_ANY = Limits(contexts=1 << 16, transfer_syntaxes=1 << 16)
_MOST_KEPT = 1 << 20
"""Bytes of a data set that are kept to be shown; of longer ones there is only the length."""


_LONGEST = 256 << 20
"""Bytes of a PDU that are waited for."""


@frozen(kw_only=True, repr=False, eq=False)
class SeenMessage(Value):
    """A command set that has become whole, or the data set behind one."""

    context_id: int
    command: Command
    data_set: bytes | None = field(default=None, repr=False)
    """None if this is the command, or the data set is long or not in the trace."""

    length: int | None = None
    """Bytes of the data set; None if this is the command."""

    is_left_out: bool = False
    transfer_syntax: str | None = None


@frozen(kw_only=True, repr=False, eq=False)
class SeenPDU(Value):
    """One PDU, or bytes that are none, when its last byte crossed the connection."""

    time: float
    began: float
    """When its first byte did."""

    is_sent: bool
    length: int
    """With its header."""

    pdu: AnyPDU | None = None
    trouble: str | None = None
    """Why there is none."""

    left_out: int = 0
    """Bytes of it that are not in the trace."""

    messages: list[SeenMessage] = field(factory=list)
    """What ends in it."""


@frozen(kw_only=True, repr=False, eq=False)
class SeenEvent(Value):
    """What is not bytes: the end of the stream, a timer that has expired, our close."""

    time: float
    kind: RecordKind
    text: str


def dissect(association: TracedAssociation) -> Iterator[SeenPDU | SeenEvent]:
    """All that happened, in the order of the trace.  What cannot be decoded is told as that, and nothing is raised."""
    seen = _Association()
    sides = {True: _Direction(True, seen), False: _Direction(False, seen)}
    for record in association.records:
        if record.kind in OURS or record.kind in OF_THE_PEER:
            yield from sides[record.kind in OURS].take(record)
        elif record.kind is not RecordKind.OPENED:
            text = record.data.decode("ascii", "replace")
            yield SeenEvent(time=record.time, kind=record.kind, text=text)
    for side in sides.values():
        yield from side.rest()


@define(repr=False)
class _Association(Shown):
    """What both directions have to know."""

    abstract_syntaxes: dict[int, str] = field(factory=dict)
    transfer_syntaxes: dict[int, str] = field(factory=dict)


@define(repr=False)
class _Direction(Shown):
    is_sent: bool
    association: _Association
    _data: bytearray = field(factory=bytearray)
    _began: float = 0.0
    _time: float = 0.0
    _left_out: int = 0
    _is_lost: bool = False
    _is_first: bool = True
    _command: bytearray = field(factory=bytearray)
    _message: Command | None = None
    _data_set: bytearray = field(factory=bytearray)
    _length: int = 0
    _message_left_out: bool = False

    def take(self, record: TraceRecord) -> Iterator[SeenPDU]:
        """The PDUs that are whole with these bytes."""
        if not self._data:
            self._began = record.time
        self._time = record.time
        self._data += record.bytes_crossed
        self._left_out += record.left_out
        at = 0
        while len(self._data) - at >= HEADER.size and not self._is_lost:
            kind, length = HEADER.unpack_from(self._data, at)
            if kind not in NAMES or length > _LONGEST:
                self._is_lost = True
                break
            end = at + HEADER.size + length
            if end > len(self._data):
                break
            yield self._pdu(bytes(self._data[at:end]))
            at, self._began, self._left_out = end, record.time, 0
        del self._data[:at]
        if self._is_lost:
            yield from self.rest()

    def rest(self) -> Iterator[SeenPDU]:
        """What is no whole PDU."""
        if self._data:
            what = (
                "no PDU, or one that is too long to be shown"
                if self._is_lost
                else "the beginning of a PDU that does not end"
            )
            # Behind other PDUs it may be from the middle of a data set.
            is_known = self._is_first or not self._is_lost
            beginning = f", begins with {bytes(self._data[:8]).hex(' ')}" if is_known else ""
            trouble = f"{what}{beginning}"
            yield SeenPDU(
                time=self._time, began=self._began, is_sent=self.is_sent, length=len(self._data), trouble=trouble
            )
            self._data.clear()
            self._is_first = False

    def _pdu(self, data: bytes) -> SeenPDU:
        self._is_first = False
        pdu: AnyPDU | None = None
        trouble = None
        messages: list[SeenMessage] = []
        try:
            pdu = decode_pdu(data, _ANY)
        except RemoteProtocolError as error:
            trouble = f"{NAMES[data[0]]} that cannot be decoded: {error}"
        if isinstance(pdu, AssociateRQ):
            self.association.abstract_syntaxes = {cx.context_id: cx.abstract_syntax for cx in pdu.presentation_context}
        elif isinstance(pdu, AssociateAC):
            accepted = ((cx.context_id, cx.transfer_syntax) for cx in pdu.presentation_context if cx.result == 0)
            self.association.transfer_syntaxes = {number: syntax for number, syntax in accepted if syntax}
        elif isinstance(pdu, PDataTF):
            for value in pdu.presentation_data_value_items:
                try:
                    message = self._fragment(value)
                except RemoteProtocolError as error:
                    trouble = f"a command set that cannot be decoded: {error}"
                else:
                    messages += [] if message is None else [message]
        return SeenPDU(
            time=self._time,
            began=self._began,
            is_sent=self.is_sent,
            length=len(data),
            pdu=pdu,
            trouble=trouble,
            left_out=self._left_out,
            messages=messages,
        )

    def _fragment(self, value: PresentationDataValue) -> SeenMessage | None:
        if value.is_command:
            self._command += value.fragment
            if not value.is_last:
                return None
            data = bytes(self._command)
            self._command.clear()
            self._message = None
            self._message = command = Command.decode(data)
            return SeenMessage(context_id=value.context_id, command=command)
        self._length += len(value.fragment)
        self._message_left_out = self._message_left_out or bool(self._left_out)
        if self._length <= _MOST_KEPT:
            self._data_set += value.fragment
        if not value.is_last:
            return None
        kept = bytes(self._data_set) if self._length <= _MOST_KEPT and not self._message_left_out else None
        command = self._message or Command(command_field=0)
        message = SeenMessage(
            context_id=value.context_id,
            command=command,
            data_set=kept,
            length=self._length,
            is_left_out=self._message_left_out,
            transfer_syntax=self.association.transfer_syntaxes.get(value.context_id),
        )
        self._data_set.clear()
        self._length, self._message_left_out = 0, False
        return message
