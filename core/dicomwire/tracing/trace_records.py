"""What a trace is made of: records of bytes, times and ends (docs/reference/trace-format.md)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import IntEnum
from typing import Any, Protocol

from attrs import field, frozen

from dicomwire._values import Value
from dicomwire.upper_layer.buffer import Buffer
from dicomwire.upper_layer.state import Role


class RecordKind(IntEnum):
    """What a record says; the value is its number in a file."""

    OPENED = 1
    """The connection is open; who is at its ends, as JSON."""

    RECEIVED = 2
    """Bytes have come from the peer."""

    SENT = 3
    """Bytes were handed over to be written."""

    RECEIVED_LEFT_OUT = 4
    """So many bytes have come, which are not in the trace."""

    SENT_LEFT_OUT = 5
    RECEIVED_END = 6
    """The peer has closed, or the connection is lost."""

    DEADLINE = 7
    """A timer has expired: its name."""

    CLOSED = 8
    """We are done with the connection."""

    RECEIVED_HEADS = 9
    """Whole P-DATA-TF PDUs have come, each with one fragment of a data set, which is not in the trace: the 12 bytes
    before each.  Only in files; whoever reads them gets two records for each."""

    SENT_HEADS = 10


OF_THE_PEER = frozenset((RecordKind.RECEIVED, RecordKind.RECEIVED_LEFT_OUT))
OURS = frozenset((RecordKind.SENT, RecordKind.SENT_LEFT_OUT))


@frozen(kw_only=True, repr=False, eq=False)
class TraceRecord(Value):
    """One thing that happened on one connection."""

    kind: RecordKind
    association: int
    """A number that tells associations of one trace apart; it says nothing else."""

    time: float
    """Seconds since 1970, UTC, in steps of a microsecond; of the clock of who recorded it."""

    unread: int = 0
    """Of what was received before, so many bytes were not looked at yet."""

    data: bytes = field(default=b"", repr=False)
    """Empty where it was left out."""

    left_out: int = 0
    """How many bytes are not in the trace."""

    @property
    def length(self) -> int:
        """Bytes that crossed the connection."""
        return len(self.data) + self.left_out

    @property
    def bytes_crossed(self) -> bytes:
        """The bytes that crossed the connection; zeros where they were left out."""
        return self.data or bytes(self.left_out)


class Recorder(Protocol):
    """Takes what is recorded: a :class:`TraceFile`, or whatever a program makes of it.

    It is called wherever the association runs, in several threads maybe, and must not wait nor raise.
    """

    def next_association(self) -> int:
        """A number for one more association."""
        ...

    def keeps(self) -> tuple[bool, bool]:
        """Whether the trace is to have credentials, and data sets."""
        ...

    def record(
        self, kind: RecordKind, association: int, time: float, buffers: Iterable[Buffer], unread: int = 0
    ) -> None:
        """Take what happened; the buffers may change when it returns."""

    def record_pieces(
        self, association: int, time: float, pieces: Iterable[tuple[RecordKind, Buffer]], unread: int = 0
    ) -> None:
        """Take several things that happened at once; of pieces that are left out only the length is for the trace."""


@frozen(kw_only=True, repr=False, eq=False)
class TracedAssociation(Value):
    """All records of one association, in order."""

    number: int
    role: Role
    """Whose side recorded it; captures are seen from the requestor's."""

    about: dict[str, Any]
    """What the first record says: ``name``, ``local`` and ``peer`` (host and port), ``program``; any may be missing."""

    records: list[TraceRecord] = field(repr=False)

    @property
    def is_complete(self) -> bool:
        """It was recorded up to its end."""
        return any(record.kind in (RecordKind.CLOSED, RecordKind.RECEIVED_END) for record in self.records)


@frozen(kw_only=True, repr=False, eq=False)
class Trace(Value):
    """What a file holds."""

    associations: list[TracedAssociation]
    remarks: list[str] = field(factory=list)
    """What is wrong with it: a last record that is torn, segments that a capture has missed."""

    def __iter__(self) -> Iterator[TracedAssociation]:
        return iter(self.associations)

    def __len__(self) -> int:
        return len(self.associations)
