"""The upper layer protocol as a value with two ends: bytes in, events out; PDUs in, bytes out (PS3.8 9)."""

from __future__ import annotations

from collections import deque

from dicomwire.errors import LocalProtocolError, RemoteProtocolError
from dicomwire.upper_layer.buffer import LARGE, SMALL, Buffer, ReceiveBuffer
from dicomwire.upper_layer.connection_events import ConnectionClosed, ConnectionEvent, TimedOut, Tolerated
from dicomwire.upper_layer.indications import INDICATIONS, Indication
from dicomwire.upper_layer.inputs import RECEIVED, SENT, Sendable
from dicomwire.upper_layer.limits import Limits, Timeouts
from dicomwire.upper_layer.machine import Machine
from dicomwire.upper_layer.p_data_reader import PDataReader
from dicomwire.upper_layer.p_data_writer import Data, PDataWriter
from dicomwire.upper_layer.pdu_reader import PDUReader
from dicomwire.upper_layer.pdus import NAMES, PDU, Abort, AssociateAC, AssociateRQ, PDataTF, ReleaseRQ
from dicomwire.upper_layer.progress import Delivery, WriteProgress
from dicomwire.upper_layer.reasons import AbortReason, AbortSource
from dicomwire.upper_layer.remembered import decode_remembered
from dicomwire.upper_layer.state import TABLE, Action, Input, Role, State, Tell
from dicomwire.upper_layer.tap import PDUReceived, PDUSent, Tap
from dicomwire.upper_layer.timers import Timer, Timers

__all__ = ["Buffer", "Connection", "Data", "Sendable"]

_STREAM = 32 * 1024
"""Bytes received at once that show a peer in full flow: acknowledgements of their own would only slow it down."""

_P_DATA = PDataTF.pdu_type

_RELEASING = frozenset((State.STA7, State.STA9, State.STA10, State.STA11, State.STA12))
_RELEASE_ASKED = (Tell.RELEASE_INDICATION, Tell.RELEASE_COLLISION)


class Connection:
    """One side of one association, from transport connection to close.

    Feed it with :meth:`receive_data` or the pair :meth:`get_buffer` and :meth:`buffer_updated`, take
    :meth:`next_event` until it gives None, write what :meth:`data_to_send` hands over, and close the transport
    when :attr:`closed` turns True.  It never waits, calls back or reads a clock.

    With ``connected=False`` the transport is still to be opened: :meth:`transport_connected` says that it is.
    """

    def __init__(
        self,
        role: Role,
        *,
        limits: Limits | None = None,
        timeouts: Timeouts | None = None,
        connected: bool = True,
        tap: Tap | None = None,
    ) -> None:
        self.role = role
        self.limits: Limits = limits or Limits()
        self.timers: Timers = Timers(timeouts or Timeouts())
        self.writing: WriteProgress = WriteProgress(self.limits, self.timers.timeouts)
        """For adapters to ask while a write has to wait."""

        self.queued: int = 0
        """Bytes of messages that were queued to be sent, in total."""

        self.tap = tap
        self.closed: bool = False
        """The transport can be closed, once what ``data_to_send()`` gives is written; for looking at only."""

        self.closes: bool = False
        """It is for us to close it: the peer waits for that (PS3.8 9.2).  For looking at only."""

        self.idle_releases = False
        """Ask for release when the idle deadline passes, instead of aborting."""

        self.owes_acknowledgement: bool = False
        """Bytes have come since we last sent any.  A transport that acknowledges them only together with what we send
        should do so before it waits for more, and set this to False: some peers send no more until then (RFC 896)."""

        self.unseen: bool = False
        """Something has come, from the peer or with a deadline, and nobody has found yet that all of it was told.  The
        layer above says so, which knows: it sets this to False."""

        self.waiting: deque[ConnectionEvent] = deque()
        """Events that ``next_event()`` gives before it reads on; for looking at only."""

        self._buffer = ReceiveBuffer()
        self.p_data: PDataReader = PDataReader(self._buffer, self.limits, self.timers)
        """Where we are in the P-DATA-TF being read."""

        self._pdus = PDUReader(self._buffer, self.limits, self.p_data)
        self._writer = PDataWriter(self.limits, self.timers)
        self._connected = connected
        self._started = False
        self._end_of_stream = False
        self.unsent: list[Buffer] = []
        """What ``data_to_send()`` hands over next; for looking at only."""

        self._pending_request: AssociateRQ | None = None
        self._deaf = False
        self._machine = Machine(role, self.timers)
        self.state: State = self._machine.state
        """For looking at only."""

        self.ending: bool = False
        """All is over, and the peer should close (Sta13): read and drop until it does.  For looking at only."""

        if role is Role.ACCEPTOR and connected:
            self.transport_connected()

    @property
    def timeouts(self) -> Timeouts:
        """Seconds for each phase; changes apply at the next wait."""
        return self.timers.timeouts

    @property
    def is_established(self) -> bool:
        return self.state is State.STA6

    @property
    def peer_maximum_length(self) -> int:
        """The longest P-DATA-TF body the peer takes, 0 for no limit; known once the association is negotiated."""
        return self._writer.peer_maximum_length

    @property
    def fragment_size(self) -> int:
        """The most bytes of a message that one P-DATA-TF to this peer can carry, an even number."""
        return self._writer.fragment_size

    @property
    def message_open(self) -> bool:
        """The peer is in the middle of a message.  A layer above that knows of messages corrects it."""
        return self.p_data.message_open

    @message_open.setter
    def message_open(self, value: bool) -> None:
        self.p_data.message_open = value

    # -- the state machine ---------------------------------------------------------------------------------------
    def _perform(self, kind: Input, item: object = None, *, reason: int = AbortReason.NO_REASON) -> Action:
        """Do what the cell of table 9-10 for ``kind`` says, all but the telling.

        ``item`` is the PDU received or to be sent, ``reason`` that of an A-ABORT which the provider makes.

        Raises:
            LocalProtocolError: the cell is empty.
        """
        machine = self._machine
        name, action = machine.find(kind, item)
        pdu = None if action.send is None else machine.to_send(action, item, reason)
        if pdu is not None:
            self._queue(pdu)
        if machine.follow(kind, name, action, self.tap):
            self._pdus.drop_rest(self.p_data.abandon())
            if machine.state is State.STA1:
                self._buffer.discard()
        if action.close:
            self.closed = self.closes = True
        self.state = machine.state
        self.ending = machine.state is State.STA13
        self.p_data.is_free = machine.takes_freely
        return action

    def _tell(self, action: Action, about: object) -> Indication | None:
        """What ``action`` tells the user, about a PDU or about what ended the association."""
        tell = action.tell
        if tell is None:
            return None
        if tell is Tell.P_DATA:
            return self.p_data.begin(self.tap)
        if tell is Tell.ASSOCIATE_INDICATION or tell is Tell.ASSOCIATE_ACCEPTED:
            assert isinstance(about, AssociateRQ | AssociateAC)
            self._writer.adopt(about.maximum_length)
        elif tell in _RELEASE_ASKED and self.p_data.message_open:
            self.p_data.message_open = False
            self.waiting.append(Tolerated(what="release requested in the middle of a message, which is lost"))
        return INDICATIONS[tell](about)

    def _happen(self, kind: Input, item: Sendable | None = None) -> None:
        """Something but what the peer sends has happened; what there is to tell, ``next_event()`` tells."""
        action = self._perform(kind, item)
        if action.tell is not None and (told := self._tell(action, item)) is not None:
            assert isinstance(told, ConnectionEvent)
            self.waiting.append(told)

    # -- transport -----------------------------------------------------------------------------------------------
    def transport_connected(self) -> None:
        """The transport connection is open (Evt2 for the requestor, Evt5 for the acceptor)."""
        if self._started and self.state is State.STA1:
            raise LocalProtocolError(f"the transport was connected before ({self.state.label})")
        is_ours = self.role is Role.REQUESTOR
        self._happen(Input.TRANSPORT_CONFIRMED if is_ours else Input.TRANSPORT_INDICATION, self._pending_request)
        self._pending_request = None
        self._started = self._connected = True

    def receive_data(self, data: Buffer) -> None:
        """Take received bytes, any number; ``b""`` says that the peer closed.

        They are not copied if all earlier ones are read: a ``bytearray`` must not change until these are, too.

        Raises:
            LocalProtocolError: no transport connection is open, or too many earlier bytes are unread.
        """
        self.unseen = True
        if len(data):
            if not self._machine.receives:
                self._check_receiving()
            self._buffer.feed(data, self.limits.unread)
            self.owes_acknowledgement = True
            self.timers.restart(Timer.IDLE)
        else:
            self._end_of_stream = True

    def get_buffer(self, sizehint: int = -1) -> memoryview:
        """Room to receive into, never empty; large while a data set arrives or if ``sizehint`` says so.

        Views of earlier events are invalid from here on.
        """
        if not self._machine.receives:
            self._check_receiving()
        is_large = sizehint > SMALL or self.p_data.message_open or self.p_data.left > SMALL
        return self._buffer.writable(LARGE if is_large else SMALL)

    def buffer_updated(self, count: int) -> None:
        """``count`` bytes were received into the last ``get_buffer()``; 0 says that the peer closed."""
        self.unseen = True
        if count:
            self._buffer.end += count
            if count < _STREAM:
                self.owes_acknowledgement = True
            running = self.timers.running
            if Timer.IDLE in running:
                running[Timer.IDLE] = None
        else:
            self._end_of_stream = True

    def recycle_buffer(self) -> None:
        """Give the receive buffer back if all is read: for callers that now wait without one."""
        self._buffer.recycle()

    @property
    def unread(self) -> int:
        """Bytes received and not parsed yet."""
        return len(self._buffer)

    def _check_receiving(self) -> None:
        if not self.closed:
            raise LocalProtocolError(f"no transport connection is open ({self.state.label})")

    def data_to_send(self) -> list[Buffer]:
        """The buffers to write now, in order and unjoined; the queue is empty afterwards."""
        out = self.unsent
        if out:
            self.unsent = []
            self.owes_acknowledgement = False
        return out

    # -- time ----------------------------------------------------------------------------------------------------
    def next_deadline(self, now: float) -> float | None:
        """When to call :meth:`handle_deadline`, or None.

        ``now`` and the result are monotonic seconds of the caller's clock.  Call it before every wait: timers
        that were started since the last call begin at ``now``.
        """
        return self.timers.next_deadline(now)

    def handle_deadline(self, now: float, delivery: Delivery | None = None) -> None:
        """It is ``now``: react to what is overdue.  ``next_event()`` tells what it was.

        ``delivery`` is asked whether what is to be answered has set out at all.
        """
        for timer in self.timers.expired(now):
            if delivery is None or not self.writing.set_out_late(timer, now, delivery, self.timers):
                self.timers.stop(timer)
                self._expired(timer, unread=delivery is not None and delivery.is_stuck(now))
        self.unseen = self.unseen or bool(self.waiting)

    def _expired(self, timer: Timer, *, unread: bool) -> None:
        if timer is Timer.ARTIM or timer is Timer.CLOSE:
            if Input.ARTIM_EXPIRED not in TABLE[self.state]:
                return
            self._happen(Input.ARTIM_EXPIRED)
        elif timer is Timer.IDLE and self.idle_releases and self.state is State.STA6:
            self.send(ReleaseRQ())
        elif Input.ABORT_REQUEST in TABLE[self.state]:
            # Timers beside ARTIM belong to the user's layer (PS3.8 9.1.5): their expiry is its abort (AA-1).
            provider = timer in (Timer.RELEASE, Timer.PROGRESS)
            self.send(Abort(source=AbortSource.PROVIDER if provider else AbortSource.USER))
        else:
            return
        self.waiting.append(TimedOut(timer=timer, unread=unread))

    # -- sending -------------------------------------------------------------------------------------------------
    def send(self, item: Sendable) -> None:
        """Send a PDU, or data for P-DATA-TF PDUs.

        Raises:
            LocalProtocolError: the state machine forbids it now.  Nothing was sent, nothing changed.
            ValueError: the PDU cannot be encoded.
            TypeError: ``item`` is nothing that is sent.
        """
        if isinstance(item, Data):
            self.send_fragment(item.context_id, item.fragment, command=item.command, last=item.last)
            return
        kind = SENT.get(type(item))
        if kind is None:
            raise TypeError(f"{type(item).__name__} cannot be sent; send data as Data")
        if kind not in TABLE[self.state]:
            raise LocalProtocolError(f"{item.name} cannot be sent in {self.state.label}, {self.state.meaning}")
        if kind is Input.ASSOCIATE_REQUEST and (self.role is Role.ACCEPTOR or self._started):
            raise LocalProtocolError(f"{item.name} can be sent once, and by the requestor only")
        # What cannot be encoded changes nothing, also where it is sent later or not at all.
        item.encode()
        self._happen(kind, item)
        if type(item) is AssociateAC or type(item) is AssociateRQ:
            self.p_data.announced(item.maximum_length)
        if type(item) is AssociateRQ:
            self._started = True
            self._pending_request = item
            if self._connected:
                self.transport_connected()

    def send_fragment(self, context_id: int, data: Buffer, *, command: bool, last: bool) -> None:
        """What ``send(Data(...))`` does; see there."""
        if self._machine.sends_freely and self.tap is None:
            self.queued += self._writer.write(self.unsent, context_id, data, command, last, None)
            return
        if Input.P_DATA_REQUEST not in TABLE[self.state]:
            raise LocalProtocolError(f"{Data.name} cannot be sent in {self.state.label}, {self.state.meaning}")
        self._happen(Input.P_DATA_REQUEST, Data(context_id=context_id, command=command, last=last, fragment=data))

    def _queue(self, pdu: PDU | Data) -> None:
        if isinstance(pdu, Data):
            write, tap = self._writer.write, self.tap
            self.queued += write(self.unsent, pdu.context_id, pdu.fragment, pdu.command, pdu.last, tap)
            return
        data = pdu.encode()
        self.unsent.append(data)
        if self.tap is not None:
            self.tap.add(PDUSent(data))

    # -- receiving -----------------------------------------------------------------------------------------------
    def next_event(self) -> ConnectionEvent | None:
        """The next thing the peer did, or None: feed me more, or nothing more will come.

        Raises:
            RemoteProtocolError: the peer broke the protocol; nothing else is raised, whatever the bytes.
        """
        if self.waiting:
            return self.waiting.popleft()
        told: Indication | None
        try:
            told = self.p_data.next(self.tap) if self.p_data.left else self._parse()
        except RemoteProtocolError as error:
            told = self._refuse(Input.INVALID_PDU, error)
        if told is None and self._end_of_stream and not self.closed:
            told = self._closed_by_peer()
        if isinstance(told, RemoteProtocolError):
            raise told from None
        if told is None and self.state is not State.STA1:
            if self.state is not State.STA13:
                self.p_data.watch()
            elif self._pdus.dropped > self.limits.after_end:
                # Who goes on sending is not waited for: AA-2, as when ARTIM expires.
                self._happen(Input.ARTIM_EXPIRED)
        return told

    @property
    def is_drained(self) -> bool:
        """Nothing that was received is left to be told of."""
        buffer = self._buffer
        return buffer.start == buffer.end and not (self._end_of_stream or self.waiting)

    @property
    def is_quiet(self) -> bool:
        """Nothing is left to be told of, and the peer is in the middle of nothing: ``next_event()`` gives None."""
        return not (self.p_data.message_open or self.p_data.left) and self.is_drained

    def protocol_error(self, error: RemoteProtocolError) -> RemoteProtocolError:
        """Abort for ``error`` and return it, to be raised; for a layer above that finds P-DATA content wrong."""
        self._refuse(Input.INVALID_PDU, error)
        return error

    def _refuse(self, kind: Input, error: RemoteProtocolError) -> Indication | None:
        """What the peer sent is wrong (Evt19) or may not come now: AA-8, AA-1 before there is an association, AA-7."""
        # The user has not heard of an association and of its end there; whoever serves the connection has to, though.
        is_early = self.state is State.STA2
        action = self._perform(kind, reason=error.reason)
        # Behind a bad length nobody knows where the next PDU starts.
        self._deaf = error.reason != AbortReason.UNEXPECTED_PDU
        if self._deaf:
            self._pdus.discard()
        error.source = action.source or AbortSource.USER
        if error.source == AbortSource.USER:
            error.reason = AbortReason.NO_REASON
        told = self._tell(action, error)
        return error if is_early else told

    def _parse(self) -> Indication | None:
        """Take PDUs until one has something to tell."""
        told: Indication | None = None
        while told is None:
            if self._deaf or not self._machine.receives:
                self._pdus.discard()
                return None
            header = self._pdus.header()
            if header is None:
                return None
            kind, length = header
            if kind == _P_DATA and self.p_data.is_free and self.tap is None:
                return self.p_data.begin(self.tap)
            received = RECEIVED[kind]
            action = self._machine.look(received)
            if self.state is State.STA13:
                # Nobody needs its body.
                self._pdus.check(kind, length)
                self._pdus.drop(length)
                told = self._tell(self._perform(received, reason=AbortReason.UNEXPECTED_PDU), None)
            elif action is not None and action.send == Abort.name:
                # Nor is it waited for here, and none of it may be answered again in Sta13.
                self._pdus.drop(length)
                what = f"{NAMES[kind]} in {self.state.label}, {self.state.meaning}"
                told = self._refuse(received, RemoteProtocolError(what, reason=AbortReason.UNEXPECTED_PDU))
            elif kind == _P_DATA and action is not None and action.tell is Tell.P_DATA:
                self.p_data.check(length)
                told = self._tell(self._perform(received), None)
                break
            else:
                self._pdus.check(kind, length)
                data = self._pdus.take(length)
                if data is None:
                    return None
                told = self._receive(received, data)
        return told

    def _receive(self, kind: Input, data: bytes) -> Indication | None:
        """A PDU has come whole, and may come now."""
        pdu = decode_remembered(data, self.limits)
        self.timers.stop(Timer.PROGRESS)
        if self.tap is not None:
            self.tap.add(PDUReceived(data))
        action = self._perform(kind, pdu)
        return None if action.tell is None else self._tell(action, pdu)

    def _closed_by_peer(self) -> Indication | None:
        """Evt17."""
        about = ConnectionClosed(missing=self._pdus.missing(), releasing=self.state in _RELEASING)
        if Input.TRANSPORT_CLOSED not in TABLE[self.state]:
            return None
        action = self._perform(Input.TRANSPORT_CLOSED)
        self._started = self.closed = True
        return self._tell(action, about)
