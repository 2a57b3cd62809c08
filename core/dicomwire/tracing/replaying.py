"""A recorded association once more, through a Connection or a Session: without a network, and without a clock."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from attrs import define, field, frozen

from dicomwire._values import Shown, Value
from dicomwire.dimse.command import Command
from dicomwire.dimse.session import Session
from dicomwire.errors import ProtocolError, RemoteProtocolError
from dicomwire.tracing.recorded_connection import UNREAD
from dicomwire.tracing.trace_records import OF_THE_PEER, OURS, RecordKind, TracedAssociation, TraceRecord
from dicomwire.upper_layer.connection import Connection, Data
from dicomwire.upper_layer.connection_events import ConnectionEvent
from dicomwire.upper_layer.limits import Limits, Timeouts
from dicomwire.upper_layer.pdus import HEADER, PDataTF, ReleaseRQ, decode_pdu
from dicomwire.upper_layer.timers import Timer

_ANY = Limits(contexts=1 << 16, transfer_syntaxes=1 << 16)
_SOME = 1.0
"""Seconds that every timer has: they expire where the trace says so, and nowhere else."""

_LONG_AGO = float("-inf")
_RELEASE_RQ = bytes([ReleaseRQ.pdu_type])


class ReplayDiffers(Exception):
    """What was sent then is not what would be sent now."""


@frozen(kw_only=True, repr=False, eq=False)
class Replayed(Value):
    """What ``next_event()`` gives at this point."""

    time: float
    """When the last bytes before it came, or a timer expired."""

    event: ConnectionEvent | RemoteProtocolError
    """An error is what it raised.  Views in an event are valid until the next one."""


def new_connection(association: TracedAssociation, limits: Limits | None = None) -> Connection:
    """One to replay ``association`` into."""
    return Connection(association.role, limits=limits, timeouts=timeouts_for_replay())


def timeouts_for_replay() -> Timeouts:
    """Every timer runs; none expires by itself, as nobody says what time it is."""
    return Timeouts(artim=_SOME, associate=_SOME, release=_SOME, progress=_SOME, response=_SOME, idle=_SOME)


def replay(association: TracedAssociation, into: Connection | Session | None = None) -> Iterator[Replayed]:
    """The events of ``association``, in order: what was received is received again, what was sent is sent again.

    ``into`` is new and of the same role, with timers that have a limit (:func:`timeouts_for_replay`); a `Session` gives
    messages.  Where data sets were left out of the trace they are zeros.

    Raises:
        ReplayDiffers: what was sent cannot be sent now, or it sends something else by itself.
    """
    return _Replay(association, into or new_connection(association)).events()


class _Stuck:
    """A transport whose peer does not read."""

    def taken(self) -> int:
        """Nothing."""
        return 0

    def left_at(self, now: float) -> float | None:
        """Nobody knows."""
        return None

    def is_stuck(self, now: float) -> bool:
        """It is."""
        return True


class _AsSent(Command):
    """A command that is sent as it was: padding, order and what is unknown may be another's, or an option's."""

    def encode(self, command_data_set_type: int | None = None) -> bytes:
        """The bytes that were sent."""
        sent: bytes = self.__dict__["sent"]
        return sent


@define(repr=False)
class _Replay(Shown):
    association: TracedAssociation
    into: Connection | Session
    _time: float = field(default=0.0, init=False)
    _received: bytearray = field(factory=bytearray, init=False)
    """What has not been looked at yet: nor is it now."""

    _ended_at: float | None = field(default=None, init=False)
    """When the peer has closed; whoever was told so then has sent nothing after that, and waited for nothing."""

    _expected: bytearray = field(factory=bytearray, init=False)
    _given: int = field(default=0, init=False)
    """Of what was sent and has not been sent again, so many bytes were given to it."""

    _produced: bytearray = field(factory=bytearray, init=False)
    _command: bytearray = field(factory=bytearray, init=False)

    def events(self) -> Iterator[Replayed]:
        """See :func:`replay`."""
        before: TraceRecord | None = None
        for record, following in pairwise([*self.association.records, None]):
            assert record is not None
            kind = record.kind
            # What came at once may be several records: the count in all but the first is not of what is between them.
            if kind not in OF_THE_PEER or before is None or record.unread != before.unread or not record.unread:
                yield from self._feed(record.unread)
            before = record if kind in OF_THE_PEER else None
            if before is not None:
                self._received.extend(record.bytes_crossed)
                self._time = record.time
                continue
            if kind is RecordKind.RECEIVED_END:
                self._ended_at = record.time
            elif kind in OURS:
                self._expected.extend(record.bytes_crossed)
                self._send()
            elif kind is RecordKind.DEADLINE:
                self._time = record.time
                self._expire(record, following)
            yield from self._drain()
        yield from self._feed(0)
        if self._ended_at is not None:
            self._time = self._ended_at
            self.into.receive_data(b"")
            yield from self._drain()

    def _feed(self, unread: int) -> Iterator[Replayed]:
        """Let it have all that was received but for the last ``unread`` bytes."""
        count = len(self._received) - unread
        if count > 0:
            data = bytes(self._received[:count])
            del self._received[:count]
            self.into.receive_data(data)
            yield from self._drain()

    def _drain(self) -> Iterator[Replayed]:
        while True:
            event: ConnectionEvent | RemoteProtocolError | None
            try:
                event = self.into.next_event()
            except RemoteProtocolError as error:
                event = error
            if event is None:
                return
            yield Replayed(time=self._time, event=event)

    @property
    def _connection(self) -> Connection:
        return self.into.connection if isinstance(self.into, Session) else self.into

    def _expire(self, record: TraceRecord, following: TraceRecord | None) -> None:
        connection = self._connection
        name, _, unread = record.data.decode("latin-1").partition(" ")
        try:
            timer = Timer(name)
        except ValueError:
            raise ReplayDiffers(f"a timer {name!r} is not known") from None
        if timer is Timer.IDLE:
            # A setting, which may change at any time: what was done then tells how it was.
            asked = following is not None and following.kind in OURS and following.data[:1] == _RELEASE_RQ
            connection.idle_releases = asked
        connection.timers.running[timer] = _LONG_AGO
        connection.handle_deadline(0.0, _Stuck() if unread == UNREAD else None)

    # -- what was sent --------------------------------------------------------------------------------------------
    def _send(self) -> None:
        """Send what was sent, but for what it sends by itself."""
        expected = self._expected
        self._compare()
        while len(expected) - self._given >= HEADER.size:
            length = HEADER.size + HEADER.unpack_from(expected, self._given)[1]
            if len(expected) - self._given < length:
                return
            data = bytes(expected[self._given : self._given + length])
            self._given += length
            if self._connection.closed:
                # It was on its way when the connection ended, and comes to nothing.
                del expected[: self._given]
                self._given = 0
                continue
            try:
                self._send_pdu(data)
            except (ProtocolError, ValueError) as error:
                raise ReplayDiffers(f"{_begin(data)} was sent, which cannot be now: {error}") from error
            self._compare()

    def _compare(self) -> None:
        """What it sends is what was sent; of a command in pieces nothing comes before the last one was given."""
        expected, produced = self._expected, self._produced
        produced.extend(b"".join(self.into.data_to_send()))
        same = min(len(produced), len(expected))
        if produced[:same] != expected[:same]:
            raise ReplayDiffers(f"it sends {_begin(produced)}, where {_begin(expected)} was sent")
        del produced[:same], expected[:same]
        self._given = max(0, self._given - same)

    def _send_pdu(self, data: bytes) -> None:
        pdu = decode_pdu(data, _ANY)
        if not isinstance(pdu, PDataTF):
            self.into.send(pdu)
            return
        for value in pdu.presentation_data_value_items:
            if not isinstance(self.into, Session):
                self.into.send(
                    Data(
                        context_id=value.context_id,
                        command=value.is_command,
                        last=value.is_last,
                        fragment=value.fragment,
                    )
                )
            elif not value.is_command:
                self.into.send_data_set(value.fragment, last=value.is_last)
            else:
                self._command.extend(value.fragment)
                if value.is_last:
                    sent = bytes(self._command)
                    command = _AsSent.decode(sent)
                    command.__dict__["sent"] = sent
                    self._command.clear()
                    self.into.begin_message(value.context_id, command, data_set_follows=command.has_data_set)


def _begin(data: bytes | bytearray) -> str:
    return f"{bytes(data[:10]).hex(' ')} ... ({len(data)} bytes)"
