"""A record of what crosses a connection, for logs, notification events and captures."""

from __future__ import annotations

from collections import deque
from typing import TypeAlias

from attrs import frozen

from dicomwire._values import Value
from dicomwire.upper_layer.state import Input, State


@frozen(repr=False, eq=False)
class PDUSent(Value):
    """The bytes of one whole PDU that were queued for sending."""

    data: bytes


@frozen(repr=False, eq=False)
class PDUReceived(Value):
    """The bytes of one whole PDU that was read."""

    data: bytes


@frozen(repr=False, eq=False)
class Transition(Value):
    """One step of the state machine (PS3.8 9.2)."""

    state: State
    input: Input
    action: str
    then: State


Record: TypeAlias = PDUSent | PDUReceived | Transition


class Tap:
    """Collects records in order until somebody takes them.

    P-DATA-TF PDUs are recorded only with ``p_data``: they must be copied whole for it, which undoes the
    bounded memory of streaming.
    """

    def __init__(self, *, p_data: bool = False, transitions: bool = False) -> None:
        self.p_data = p_data
        self.transitions = transitions
        self._records: deque[Record] = deque()
        self._partial = bytearray()

    def take(self) -> list[Record]:
        """The records since the last call."""
        records = list(self._records)
        self._records.clear()
        return records

    def add(self, record: Record) -> None:
        """Take one record."""
        self._records.append(record)

    def p_data_read(self, data: memoryview | bytes, *, begins_pdu: bool = False, ends_pdu: bool = False) -> None:
        """A run of bytes of a P-DATA-TF was read; the first one begins it, the last one ends it."""
        if begins_pdu or not self.p_data:
            self._partial.clear()
        if not self.p_data or not (begins_pdu or self._partial):
            # Nobody listened when this PDU began.
            return
        self._partial += data
        if ends_pdu:
            self._records.append(PDUReceived(bytes(self._partial)))
            self._partial.clear()

    def p_data_queued(self, buffers: list[bytes | memoryview]) -> None:
        """One P-DATA-TF was queued."""
        if self.p_data:
            self._records.append(PDUSent(b"".join(buffers)))
