"""The upper layer protocol as a value with two ends: bytes in, events out; PDUs in, bytes out (PS3.8 9)."""

from __future__ import annotations

from collections import deque
from struct import Struct
from typing import TypeAlias

from attrs import field, frozen

from dicomwire._shown import Shown
from dicomwire.errors import (
    NOT_SPECIFIED,
    UNEXPECTED_PDU,
    UNRECOGNIZED_PDU,
    LocalProtocolError,
    RemoteProtocolError,
)
from dicomwire.upper_layer.buffer import LARGE, SMALL, ReceiveBuffer
from dicomwire.upper_layer.events import (
    Aborted,
    AssociateAccepted,
    AssociateRejected,
    AssociateRequested,
    ConnectionClosed,
    DataReceived,
    Event,
    Released,
    ReleaseRequested,
    RequestRefused,
    TimedOut,
    Tolerated,
)
from dicomwire.upper_layer.limits import Limits, Timeouts
from dicomwire.upper_layer.pdus import (
    HEADER,
    NAMES,
    PDU,
    Abort,
    AnyPDU,
    AssociateAC,
    AssociateRJ,
    AssociateRQ,
    ReleaseRP,
    ReleaseRQ,
    check_pdv_length,
    decode_pdu,
)
from dicomwire.upper_layer.progress import Delivery, WriteProgress, enough
from dicomwire.upper_layer.state import ACTIONS, TABLE, Action, Input, Role, State
from dicomwire.upper_layer.tap import PDUReceived, PDUSent, Tap, Transition
from dicomwire.upper_layer.timers import Timer, Timers

Buffer: TypeAlias = bytes | bytearray | memoryview

_PDV = Struct(">LBB")
_P_DATA_HEAD = Struct(">BxLLBB")

_P_DATA = 0x04
_UNLIMITED_FRAGMENT = 0xFFFFFFF0
_SCARCE = 16384
"""Assumed when the peer does not say its maximum length (reference value of the oldest implementations)."""

_LEAST_P_DATA_LIMIT = 1 << 20
"""Peers mistake whose limit is meant, and streaming makes long PDUs cheap."""

_ANSWERED = frozenset((Timer.ASSOCIATE, Timer.RELEASE, Timer.RESPONSE, Timer.IDLE))
"""Timers that begin when we have sent something: when it has set out, that is, and not when a system has queued it."""

_STREAM = 32 * 1024
"""Bytes received at once that show a peer in full flow: acknowledgements of their own would only slow it down."""

_MOMENT = 0.05
"""Seconds by which the clock of a transport, which is a coarse one, must differ from ours to mean anything."""

_RECEIVED = {
    0x01: Input.ASSOCIATE_RQ_RECEIVED,
    0x02: Input.ASSOCIATE_AC_RECEIVED,
    0x03: Input.ASSOCIATE_RJ_RECEIVED,
    0x04: Input.P_DATA_RECEIVED,
    0x05: Input.RELEASE_RQ_RECEIVED,
    0x06: Input.RELEASE_RP_RECEIVED,
    0x07: Input.ABORT_RECEIVED,
}

_TAKES_P_DATA = frozenset(state for state in State if TABLE[state].get(Input.P_DATA_RECEIVED) in ("DT-2", "AR-6"))

_SENT: dict[type[PDU], Input] = {
    AssociateRQ: Input.ASSOCIATE_REQUEST,
    AssociateAC: Input.ASSOCIATE_ACCEPT,
    AssociateRJ: Input.ASSOCIATE_REJECT,
    ReleaseRQ: Input.RELEASE_REQUEST,
    ReleaseRP: Input.RELEASE_RESPONSE,
    Abort: Input.ABORT_REQUEST,
}

_LOOKS_LIKE = (
    (b"GET ", "an HTTP request"),
    (b"POST", "an HTTP request"),
    (b"HEAD", "an HTTP request"),
    (b"HTTP", "an HTTP answer"),
    (b"PUT ", "an HTTP request"),
    (b"OPTI", "an HTTP request"),
    (b"DELE", "an HTTP request"),
    (b"PATC", "an HTTP request"),
    (b"CONN", "an HTTP request"),
    (b"PRI ", "an HTTP/2 connection"),
    (b"SSH-", "SSH"),
    (b"PROX", "a PROXY protocol header, which no proxy must send here"),
    (b"\r\n\r\n", "a PROXY protocol header, version 2, which no proxy must send here"),
    (b"\x0bMSH", "an HL7 message"),
    (b"\x16\x03", "a TLS handshake: does the peer expect TLS here?"),
    (b"\x15\x03", "a TLS alert"),
)


@frozen(kw_only=True, repr=False)
class Data(Shown):
    """A piece of a message to send (P-DATA request); cut into P-DATA-TF PDUs the peer can take.

    ``fragment`` is any bytes-like of any length, even unless ``last``; it is not copied, so it must not change
    until the buffers of ``data_to_send()`` are written.
    """

    context_id: int
    command: bool
    last: bool
    fragment: Buffer = field(repr=False)


Sendable: TypeAlias = AssociateRQ | AssociateAC | AssociateRJ | ReleaseRQ | ReleaseRP | Abort | Data


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
        self.peer_maximum_length: int = _SCARCE
        """The longest P-DATA-TF body the peer takes, 0 for no limit; known once the association is negotiated."""

        self.idle_releases = False
        """Ask for release when the idle deadline passes, instead of aborting."""

        self._state = State.STA1
        self._connected = connected
        self._started = False
        self._buffer = ReceiveBuffer()
        self._end_of_stream = False
        self._events: deque[Event] = deque()
        self._out: list[Buffer] = []
        self._pending_request: AssociateRQ | None = None
        self._p_data_limit = self.limits.p_data_pdu or _LEAST_P_DATA_LIMIT
        # Where we are in the P-DATA-TF being read.
        self._pdu_left = 0
        self._pdv_left = -1
        self._pdv_context = 0
        self._pdv_control = 0
        self._empty_fragments = 0
        self._odd_tolerated = False
        self._progress = 0
        self.message_open: bool = False
        """The peer is in the middle of a message.  A layer above that knows of messages corrects it."""

        self.owes_acknowledgement: bool = False
        """Bytes have come since we last sent any.  A transport that acknowledges them only together with what we send
        should do so before it waits for more, and set this to False: some peers send no more until then (RFC 896)."""

        # What is to be dropped of a PDU nobody needs (Sta13).
        self._skip = 0
        self._deaf = False
        self._aborts_in_sta13 = 0
        if role is Role.ACCEPTOR and connected:
            self.transport_connected()

    @property
    def timeouts(self) -> Timeouts:
        """Seconds for each phase; changes apply at the next wait."""
        return self.timers.timeouts

    @property
    def state(self) -> State:
        return self._state

    @property
    def is_established(self) -> bool:
        return self._state is State.STA6

    @property
    def closed(self) -> bool:
        """The transport can be closed, once what ``data_to_send()`` gives is written."""
        return self._state is State.STA1 and self._started

    @property
    def ending(self) -> bool:
        """The association is over and the peer should close (Sta13): read and drop until it does."""
        return self._state is State.STA13

    # -- transport -----------------------------------------------------------------------------------------------
    def transport_connected(self) -> None:
        """The transport connection is open (Evt2 for the requestor, Evt5 for the acceptor)."""
        if self.role is Role.ACCEPTOR:
            if self._started:
                raise LocalProtocolError(f"the transport was connected before ({self._state.label})")
            self._step(Input.TRANSPORT_INDICATION)
            self._started = True
        else:
            self._step(Input.TRANSPORT_CONFIRMED)
            assert self._pending_request is not None
            self._queue(self._pending_request)
            self._pending_request = None
            self.timers.start(Timer.ASSOCIATE)
        self._connected = True

    def receive_data(self, data: Buffer) -> None:
        """Take received bytes, any number; ``b""`` says that the peer closed.

        They are not copied if all earlier ones are read: a ``bytearray`` must not change until these are, too.

        Raises:
            LocalProtocolError: no transport connection is open, or too many earlier bytes are unread.
        """
        if len(data):
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
        if self._state is not State.STA6:
            self._check_receiving()
        is_large = sizehint > SMALL or self.message_open or self._pdu_left > SMALL
        return self._buffer.writable(LARGE if is_large else SMALL)

    def buffer_updated(self, count: int) -> None:
        """``count`` bytes were received into the last ``get_buffer()``; 0 says that the peer closed."""
        if count:
            self._buffer.end += count
            if count < _STREAM:
                self.owes_acknowledgement = True
            self.timers.restart(Timer.IDLE)
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
        if (self._state is State.STA1 and not self._started) or self._state is State.STA4:
            raise LocalProtocolError(f"no transport connection is open ({self._state.label})")

    @property
    def has_output(self) -> bool:
        """``data_to_send()`` would hand something over."""
        return bool(self._out)

    def data_to_send(self) -> list[Buffer]:
        """The buffers to write now, in order and unjoined; the queue is empty afterwards."""
        out = self._out
        if out:
            self._out = []
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
            if timer not in _ANSWERED or delivery is None or not self._was_under_way(timer, now, delivery):
                self.timers.stop(timer)
                self._expired(timer, unread=delivery is not None and delivery.is_stuck(now))

    def _was_under_way(self, timer: Timer, now: float, delivery: Delivery) -> bool:
        """What we sent set out later than the timer began, which begins then; on a slow line that may be much later."""
        left_at = delivery.left_at(now)
        started = self.timers.running.get(timer)
        if left_at is None or started is None or left_at <= started + _MOMENT:
            return False
        if not self.writing.has_moved(delivery, left_at - started):
            # Drop by drop: a system may have queued megabytes.
            return False
        self.timers.running[timer] = left_at
        return True

    def _expired(self, timer: Timer, *, unread: bool) -> None:
        if timer is Timer.ARTIM:
            self._step(Input.ARTIM_EXPIRED)
            self._over()
            self._buffer.discard()
        elif timer is Timer.IDLE and self.idle_releases and self._state is State.STA6:
            self.send(ReleaseRQ())
        elif Input.ABORT_REQUEST in TABLE[self._state]:
            # Timers beside ARTIM belong to the user's layer (PS3.8 9.1.5): their expiry is its abort (AA-1).
            provider = timer in (Timer.RELEASE, Timer.PROGRESS)
            self._abort(Abort(source=2 if provider else 0))
        else:
            return
        self._events.append(TimedOut(timer=timer, unread=unread))

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
        kind = _SENT.get(type(item))
        if kind is None:
            raise TypeError(f"{type(item).__name__} cannot be sent; send data as Data")
        if kind not in TABLE[self._state]:
            raise LocalProtocolError(f"{item.name} cannot be sent in {self._state.label}, {self._state.meaning}")
        if isinstance(item, AssociateRQ):
            if self.role is Role.ACCEPTOR or self._started:
                raise LocalProtocolError(f"{item.name} can be sent once, and by the requestor only")
            item.encode()
            self._step(kind)
            self._started = True
            self._limit_p_data(item.maximum_length)
            self._pending_request = item
            if self._connected:
                self.transport_connected()
        elif isinstance(item, Abort):
            self._abort(item)
        else:
            self._queue(item)
            self._step(kind)
            if isinstance(item, AssociateAC):
                self._limit_p_data(item.maximum_length)
                self._established()
            elif isinstance(item, ReleaseRQ):
                self.timers.start(Timer.RELEASE)
            elif self._state is State.STA13:
                self._over()

    def _abort(self, pdu: Abort) -> None:
        """Evt15: AA-1, or AA-2 while the transport is still connecting."""
        pdu.encode()
        if self._step(Input.ABORT_REQUEST).send:
            self._queue(pdu)
        self._over()

    @property
    def fragment_size(self) -> int:
        """The most bytes of a message that one P-DATA-TF to this peer can carry, an even number."""
        if self.peer_maximum_length == 0:
            return _UNLIMITED_FRAGMENT
        return (self.peer_maximum_length - 6) & ~1

    def send_fragment(self, context_id: int, data: Buffer, *, command: bool, last: bool) -> None:
        """What ``send(Data(...))`` does; see there."""
        if self._state is not State.STA6 and self._state is not State.STA8:
            raise LocalProtocolError(f"P-DATA-TF cannot be sent in {self._state.label}, {self._state.meaning}")
        if not 0 <= context_id <= 255:
            raise ValueError(f"presentation context ID {context_id} does not fit in a byte")
        if not isinstance(data, bytes | bytearray):
            data = memoryview(data)
            if data.itemsize != 1 or data.ndim != 1:
                data = data.cast("B")
        size, left, out = self.fragment_size, len(data), self._out
        self.queued += left
        kind = 1 if command else 0
        if left > size:
            view = memoryview(data)
            # Full fragments share one header.
            head = _P_DATA_HEAD.pack(_P_DATA, size + 6, size + 2, context_id, kind)
            full = (left - 1) // size * size
            fragments = [view[offset : offset + size] for offset in range(0, full, size)]
            for fragment in fragments:
                out += (head, fragment)
            if self.tap is not None:
                for fragment in fragments:
                    self.tap.p_data_queued([head, fragment])
            data = view[full:]
            left -= full
        if left or last:
            # Never an empty fragment that is not the last.
            head = _P_DATA_HEAD.pack(_P_DATA, left + 6, left + 2, context_id, kind | 2 if last else kind)
            out += (head, data)
            if self.tap is not None:
                self.tap.p_data_queued([head, memoryview(data)])
        if self.tap is not None:
            # DT-1 and AR-7 leave the state as it is; only those who watch need the step.
            self._step(Input.P_DATA_REQUEST)
        self.timers.restart(Timer.IDLE)

    def _queue(self, pdu: AnyPDU) -> None:
        data = pdu.encode()
        self._out.append(data)
        if self.tap is not None:
            self.tap.add(PDUSent(data))

    # -- receiving -----------------------------------------------------------------------------------------------
    def next_event(self) -> Event | None:
        """The next thing the peer did, or None: feed me more, or nothing more will come.

        Raises:
            RemoteProtocolError: the peer broke the protocol; nothing else is raised, whatever the bytes.
        """
        if self._events:
            return self._events.popleft()
        try:
            event = self._fragment() if self._pdu_left else self._parse()
        except RemoteProtocolError as error:
            if self._state is not State.STA13:
                raise self.protocol_error(error) from None
            # The user has heard the end of this association; AA-7 and silence from here on.
            self._step(Input.INVALID_PDU)
            self._abort_again(error.reason)
            self._deaf = True
            self._buffer.discard()
            event = None
        if event is not None:
            return event
        if self._end_of_stream and self._state is not State.STA1:
            return self._closed_by_peer()
        if not self._deaf:
            self._watch_progress()
        return None

    @property
    def has_events(self) -> bool:
        """``next_event()`` would give something without reading more: a deadline has passed."""
        return bool(self._events)

    @property
    def is_drained(self) -> bool:
        """Nothing that was received is left to be told of."""
        buffer = self._buffer
        return buffer.start == buffer.end and not (self._end_of_stream or self._events)

    @property
    def is_quiet(self) -> bool:
        """Nothing is left to be told of, and the peer is in the middle of nothing: ``next_event()`` gives None."""
        return not (self.message_open or self._pdu_left) and self.is_drained

    def protocol_error(self, error: RemoteProtocolError) -> RemoteProtocolError:
        """Abort for ``error`` and return it, to be raised; also for a layer above that finds P-DATA content wrong.

        Evt19, or a PDU that may not come now: AA-8, or AA-1 before there is an association.
        """
        action = self._step(Input.INVALID_PDU)
        error.source = action.source or 0
        # Behind a bad length nobody knows where the next PDU starts.
        self._deaf = error.reason != UNEXPECTED_PDU
        if error.source == 0:
            error.reason = NOT_SPECIFIED
        self._queue(Abort(source=error.source, reason_diagnostic=error.reason))
        self._over()
        return error

    def _parse(self) -> Event | None:
        buffer = self._buffer
        while True:
            if self._deaf or self._state is State.STA1:
                buffer.discard()
                return None
            if self._skip:
                dropped = min(self._skip, len(buffer))
                buffer.start += dropped
                self._skip -= dropped
                if self._skip:
                    return None
            start = buffer.start
            unread = buffer.end - start
            if not unread:
                return None
            kind = buffer.view[start]
            if kind not in _RECEIVED:
                self._unrecognized()
            if unread < 6:
                return None
            (_, length) = HEADER.unpack_from(buffer.view, start)
            if kind == _P_DATA and self._state in _TAKES_P_DATA:
                if 6 <= length <= self._p_data_limit and self.tap is None:
                    buffer.start = start + 6
                    self._pdu_left = length
                else:
                    self._start_p_data(length)
                return self._fragment()
            action = TABLE[self._state].get(_RECEIVED[kind])
            self._judge(kind, length, action)
            if self._state is State.STA13:
                self._late(kind, length)
                continue
            if unread < 6 + length:
                return None
            data = buffer.view[buffer.start : buffer.start + 6 + length].tobytes()
            pdu = decode_pdu(data, self.limits)
            buffer.start += 6 + length
            self.timers.stop(Timer.PROGRESS)
            if self.tap is not None:
                self.tap.add(PDUReceived(data))
            event = self._received(pdu)
            if event is not None:
                return event

    def _judge(self, kind: int, length: int, action: str | None) -> None:
        """Refuse a PDU on its header alone, before its body is waited for."""
        if action == "AA-1" or action == "AA-8":
            # Taken off here, its body dropped as it comes: it must not be answered again in Sta13.
            self._buffer.start += 6
            self._pdu_left = length
            raise RemoteProtocolError(
                f"{NAMES[kind]} in {self._state.label}, {self._state.meaning}", reason=UNEXPECTED_PDU
            )
        limits = self.limits
        if kind == _P_DATA:
            limit = self._p_data_limit
        elif kind <= 0x02:
            limit = limits.associate_pdu
        else:
            limit = limits.control_pdu
        if length > limit:
            raise RemoteProtocolError(f"{NAMES[kind]} of {length} bytes, more than {limit}")

    def _unrecognized(self) -> None:
        view, start = self._buffer.view, self._buffer.start
        first = view[start : start + 4].tobytes()
        message = f"unrecognized PDU type {first[0]:#04x}"
        for signature, what in _LOOKS_LIKE:
            if first.startswith(signature):
                message += f": this looks like {what}"
        raise RemoteProtocolError(message, reason=UNRECOGNIZED_PDU)

    def _late(self, kind: int, length: int) -> None:
        """Sta13: nobody is told any more; the body is dropped as it comes."""
        self._buffer.start += 6
        self._skip = length
        action = self._step(_RECEIVED[kind])
        if action.send:
            self._abort_again(UNEXPECTED_PDU)

    def _abort_again(self, reason: int) -> None:
        """AA-7, at most once: a peer that keeps sending garbage is not worth a conversation."""
        self._aborts_in_sta13 += 1
        if self._aborts_in_sta13 == 1:
            self._queue(Abort(source=2, reason_diagnostic=reason))

    # -- P-DATA --------------------------------------------------------------------------------------------------
    def _start_p_data(self, length: int) -> None:
        if length < 6:
            raise RemoteProtocolError(
                f"P-DATA-TF of {length} bytes, too short for a presentation data value"
                if length
                else "P-DATA-TF without any presentation data value"
            )
        if length > self._p_data_limit:
            raise RemoteProtocolError(f"P-DATA-TF of {length} bytes, more than {self._p_data_limit}")
        buffer = self._buffer
        # DT-2 and AR-6 leave the state as it is; only those who watch need the step, and this call.
        assert self.tap is not None
        self._step(Input.P_DATA_RECEIVED)
        self.tap.p_data_read(buffer.view[buffer.start : buffer.start + 6], begins_pdu=True)
        buffer.start += 6
        self._pdu_left = length

    def _fragment(self) -> Event | None:
        """What has arrived of the next fragment; one piece of it at most."""
        buffer = self._buffer
        start = buffer.start
        available = buffer.end - start
        if self._pdv_left < 0:
            if self._pdu_left < 6:
                raise RemoteProtocolError(f"{self._pdu_left} bytes left in a P-DATA-TF, too few for a PDV")
            if available < 6:
                return None
            length, self._pdv_context, self._pdv_control = _PDV.unpack_from(buffer.view, start)
            if not 2 <= length <= self._pdu_left - 4:
                check_pdv_length(length, self._pdu_left)
            if self.tap is not None:
                self.tap.p_data_read(buffer.view[start : start + 6], ends_pdu=self._pdu_left == 6)
            start += 6
            available -= 6
            self._pdu_left -= 6
            self._pdv_left = length - 2
            buffer.start = start
            if length == 2:
                self._count_empty_fragment()
            elif length & 1 and not self._odd_tolerated:
                self._odd_tolerated = True
                return Tolerated(what=f"fragments of odd length, the first of {length - 2} bytes")
        count = self._pdv_left
        if available < count:
            if not available:
                return None
            count = available
        buffer.start = end = start + count
        fragment = buffer.view[start:end]
        self._pdu_left -= count
        self._pdv_left -= count
        if self.tap is not None and count:
            self.tap.p_data_read(fragment, ends_pdu=not self._pdu_left)
        control = self._pdv_control
        last = False
        if not self._pdv_left:
            self._pdv_left = -1
            last = control & 2 != 0
        self._progressed(count, last)
        return DataReceived(self._pdv_context, control & 1 != 0, last, fragment)

    def _progressed(self, count: int, last: bool) -> None:
        """A message has come ``count`` bytes further, perhaps to its end."""
        if count:
            self._empty_fragments = 0
        self.message_open = not last
        self._progress += count
        if Timer.PROGRESS not in self.timers.running:
            # What comes without being waited for says nothing about what does.
            self._progress = 0
        elif last or self._progress >= enough(self.limits, self.timers.timeouts.progress):
            self._progress = 0
            self.timers.stop(Timer.PROGRESS)

    def more_fragments(self, context_id: int, fragments: list[memoryview]) -> bool:
        """Append what has arrived of a data set on ``context_id``, as far as it is what large ones are made of.

        That is fragments that are not empty, each alone in its P-DATA-TF.  Whatever else there is, or is wrong, is left
        to :meth:`next_event`.  True if the data set ends with them.
        """
        left = self._pdu_left
        if self.tap is not None or self._state is not State.STA6:
            return False
        buffer = self._buffer
        view, start, end = buffer.view, buffer.start, buffer.end
        begin, last = start, False
        if left:
            if left != self._pdv_left or self._pdv_context != context_id or self._pdv_control & 1 or start == end:
                return False
            # In the middle of one.
            stop = min(start + left, end)
            fragments.append(view[start:stop])
            self._pdu_left = left = left - (stop - start)
            self._pdv_left = left or -1
            last = not left and self._pdv_control & 2 != 0
            start = stop
        limit, may_be_odd = self._p_data_limit, self._odd_tolerated
        while end - start >= 12 and not last:
            pdu_type, length, pdv_length, context, control = _P_DATA_HEAD.unpack_from(view, start)
            if (
                pdu_type != _P_DATA
                or length > limit
                or pdv_length != length - 4
                or pdv_length < 3
                or context != context_id
                or control & 1
                or (pdv_length & 1 and not may_be_odd)
            ):
                break
            stop = start + 6 + length
            if stop > end:
                # The rest of this one is still to come.
                if start + 12 < end:
                    fragments.append(view[start + 12 : end])
                self._pdu_left = self._pdv_left = stop - end
                self._pdv_context, self._pdv_control = context, control
                start = end
                break
            fragments.append(view[start + 12 : stop])
            start = stop
            last = control & 2 != 0
        if start != begin:
            buffer.start = start
            self._progressed(start - begin, last)
            if start == end and not last:
                self.timers.start_if_stopped(Timer.PROGRESS)
        return last

    def _count_empty_fragment(self) -> None:
        self._empty_fragments += 1
        if self._empty_fragments > self.limits.empty_fragments:
            raise RemoteProtocolError(f"more than {self.limits.empty_fragments} empty fragments in a row")

    def _watch_progress(self) -> None:
        """Nothing more to parse now: is the peer in the middle of something?"""
        if self._state is State.STA13 or self._state is State.STA1:
            return
        if self._pdu_left or self.message_open or len(self._buffer):
            self.timers.start_if_stopped(Timer.PROGRESS)
        else:
            self.timers.stop(Timer.PROGRESS)

    # -- transitions ---------------------------------------------------------------------------------------------
    def _step(self, kind: Input) -> Action:
        """Run the cell of table 9-10 for ``kind``: state and ARTIM; the caller does the rest.

        Raises:
            LocalProtocolError: the cell is empty.
        """
        state = self._state
        name = TABLE[state].get(kind)
        if name is None:
            raise LocalProtocolError(f"{kind.label} ({kind.name}) cannot happen in {state.label}, {state.meaning}")
        action = ACTIONS[name]
        then = action.then
        if then is None:  # AR-8
            then = State.STA9 if self.role is Role.REQUESTOR else State.STA10
        if self.tap is not None and self.tap.transitions:
            self.tap.add(Transition(state, kind, name, then))
        self._state = then
        if action.artim == "start":
            self.timers.start(Timer.ARTIM)
        elif action.artim == "stop":
            self.timers.stop(Timer.ARTIM)
        return action

    def _received(self, pdu: AnyPDU) -> Event | None:
        """Run the transition for a whole and valid PDU, and say what to tell the user."""
        if isinstance(pdu, AssociateRQ):
            return self._request_received(pdu)
        collision = self._state is State.STA7
        action = self._step(_RECEIVED[pdu.pdu_type])
        if isinstance(pdu, AssociateAC):
            self.timers.stop(Timer.ASSOCIATE)
            self._adopt(pdu.maximum_length)
            self._established()
            return AssociateAccepted(pdu=pdu)
        if isinstance(pdu, AssociateRJ):
            self._over()
            return AssociateRejected(pdu=pdu)
        if isinstance(pdu, ReleaseRQ):
            if self.message_open:
                self.message_open = False
                self._events.append(Tolerated(what="release requested in the middle of a message, which is lost"))
            return ReleaseRequested(collision=collision)
        if isinstance(pdu, ReleaseRP):
            self.timers.stop(Timer.RELEASE)
            if self._state is State.STA1:
                self._over()
            return Released()
        assert isinstance(pdu, Abort)
        self._over()
        return Aborted(pdu=pdu) if action.tell else None

    def _request_received(self, pdu: AssociateRQ) -> Event:
        self._step(Input.ASSOCIATE_RQ_RECEIVED)
        if not pdu.protocol_version & 1:
            refusal = AssociateRJ(result=1, source=2, reason_diagnostic=2)
            self._queue(refusal)
            self._state = State.STA13
            self.timers.start(Timer.ARTIM)
            self._over()
            return RequestRefused(request=pdu, pdu=refusal)
        self._adopt(pdu.maximum_length)
        return AssociateRequested(pdu=pdu)

    def _adopt(self, maximum_length: int | None) -> None:
        """Judge and keep the peer's maximum length."""
        # Below 8 not even the smallest fragment of even length fits.
        least = max(self.limits.peer_maximum_length, 8)
        if maximum_length is None:
            maximum_length = _SCARCE
        elif 0 < maximum_length < least:
            raise RemoteProtocolError(f"maximum length {maximum_length} is too small to serve, the least is {least}")
        self.peer_maximum_length = maximum_length

    def _limit_p_data(self, announced: int | None) -> None:
        """How long a P-DATA-TF may be, after what we announced."""
        if self.limits.p_data_pdu is None:
            # Without a limit of ours there is none: fragments are handed on as they arrive.
            doubled = max(2 * (announced or _SCARCE), _LEAST_P_DATA_LIMIT)
            self._p_data_limit = 0xFFFFFFFF if announced == 0 else doubled

    def _established(self) -> None:
        self.timers.start(Timer.IDLE)

    def _over(self) -> None:
        """No association any more: only ARTIM may still run."""
        for timer in Timer:
            if timer is not Timer.ARTIM:
                self.timers.stop(timer)
        self.message_open = False
        # The rest of a P-DATA-TF being read is nobody's any more.
        self._skip = self._pdu_left
        self._pdu_left = 0

    def _closed_by_peer(self) -> Event | None:
        """Evt17."""
        told = TABLE[self._state][Input.TRANSPORT_CLOSED] == "AA-4"
        releasing = self._state in (State.STA7, State.STA9, State.STA10, State.STA11, State.STA12)
        missing = self._missing() if self._pdu_left or len(self._buffer) else 0
        self._step(Input.TRANSPORT_CLOSED)
        self._started = True
        self._over()
        self._buffer.discard()
        return ConnectionClosed(missing=missing, releasing=releasing) if told else None

    def _missing(self) -> int:
        """Bytes that the PDU being read lacks."""
        buffer = self._buffer
        if self._pdu_left:
            # What is unread is the start of a PDV header.
            return self._pdu_left - len(buffer)
        if len(buffer) < 6:
            return 6 - len(buffer)
        return int(HEADER.unpack_from(buffer.view, buffer.start)[1]) + 6 - len(buffer)
