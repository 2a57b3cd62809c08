"""One association's session and channel: who reads for all, who sends, and what happens to what arrives."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from itertools import count
from logging import INFO
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias, TypeVar

from dicomwire._logging import logger
from dicomwire.associations import events as evt
from dicomwire.associations.adapter_host import Host
from dicomwire.associations.channel import Channel
from dicomwire.associations.ending import Ending
from dicomwire.associations.handlers import LIBRARY_LOG, Handlers
from dicomwire.associations.sides import Sides
from dicomwire.associations.standing import Standing
from dicomwire.associations.wire_notifications import adjust_tap, report_tap
from dicomwire.dimse.command import Command
from dicomwire.dimse.message_events import DataSetReceived, MessageReceived
from dicomwire.dimse.session import Session
from dicomwire.errors import RemoteProtocolError
from dicomwire.upper_layer.connection import Buffer, Connection
from dicomwire.upper_layer.connection_events import ConnectionEvent
from dicomwire.upper_layer.limits import Limits, Timeouts
from dicomwire.upper_layer.progress import PeerDoesNotRead
from dicomwire.upper_layer.state import State

if TYPE_CHECKING:
    from dicomwire.observing.observations import Observer
    from dicomwire.tracing.recorded_connection import RecordedConnection
    from dicomwire.tracing.trace_records import Recorder

LOGGER = logger(__name__)

_AT_ONCE = 1 << 20
"""The most bytes of a data set that are queued before they are written."""

_SENDING = (State.STA6, State.STA8)
"""Where messages may be sent (PS3.8 9.2.3)."""

_NUMBERS = count(1)


class ProtocolBroken(NamedTuple):
    """The peer broke the protocol; the A-ABORT is queued."""

    error: RemoteProtocolError


RecordedT = TypeVar("RecordedT", bound="RecordedConnection")

Arrived: TypeAlias = ConnectionEvent | ProtocolBroken


class _Exchange:
    """See :attr:`Line.exchange`; a class, because a generator costs ten times as much."""

    __slots__ = ("_line",)

    def __init__(self, line: Line) -> None:
        self._line = line

    def __enter__(self) -> None:
        """Nothing is done before."""

    def __exit__(self, kind: type[BaseException] | None, error: object, traceback: object) -> None:
        if kind is not None:
            self._line.ending.abandon()


class Line:
    """What all parts of an association share.

    Every coroutine of an association may take part in reading for all, by :meth:`advance`.  Whoever finds nobody at it
    takes the next event and deals with it, or waits for more bytes; the others wait for their turn.  So one thread or
    task can wait for a response while another waits for requests, and messages go to whom they belong.
    """

    def __init__(
        self,
        sides: Sides,
        handlers: Handlers,
        host: Host,
        limits: Limits,
        timeouts: Timeouts,
        own_title: str,
        trace: Recorder | None = None,
        observers: Sequence[Observer] = (),
    ) -> None:
        self.name: str = f"A{next(_NUMBERS)}"
        """What the log calls it."""

        self.sides: Sides = sides
        self.handlers: Handlers = handlers
        self.host: Host = host
        self.timeouts: Timeouts = timeouts
        self.standing: Standing = Standing()
        self.session: Session
        if observers:
            self.session = self._observed(observers, trace, limits)
        elif trace is not None:
            # Most programs record nothing.
            from dicomwire.tracing.recorded_connection import RecordedConnection

            self.session = Session(self._recorded(RecordedConnection, trace, limits))
        else:
            self.session = Session(Connection(sides.role, limits=limits, timeouts=timeouts))
        self.channel: Channel
        """There once the transport is open."""

        self.exchange: _Exchange = _Exchange(self)
        """``with`` it while an exchange with the peer is under way: left by an exception, the association ends.  That
        is how a cancelled task leaves no half-sent message and no open socket behind."""

        self.ending: Ending
        self.on_control: Callable[[Arrived], Awaitable[None]]
        """Deals with what is no message."""

        self.on_message: Callable[[MessageReceived], Awaitable[Coroutine[Any, Any, None] | None]]
        """Receives a message; what comes back is still to be done for it, while others may read."""

        self.is_reading: bool = False
        """Somebody reads for all."""

        self.is_sending: bool = False
        """Somebody is in the middle of a message."""

        self.performing: int = 0
        """How many operations of the peer's are being performed."""

        self.owes_release: bool = False
        """The peer has asked for release, and gets it when nothing of its is performed any more."""

        self.is_mute: bool = False
        """Writing has failed: nothing can be said any more."""

        self.unread_by_peer: str | None = None
        """What is said of a peer that did not take what we sent."""

        self.waiting: int = 0
        """How many wait in :meth:`turn`; for looking at only.  Who ends what they may wait for calls
        ``channel.changed()``."""

        self._own_title = own_title
        self.adjust_tap()

    def _recorded(self, kind: type[RecordedT], trace: Recorder, limits: Limits) -> RecordedT:
        host, sides = self.host, self.sides

        def about() -> dict[str, Any]:
            local, peer = sides.own.address, sides.peer.address
            return {"name": self.name, "local": local and local[:2], "peer": peer and peer[:2]}

        return kind(
            sides.role,
            recorder=trace,
            clock=lambda: host.timestamp().timestamp(),
            about=about,
            limits=limits,
            timeouts=self.timeouts,
        )

    def _observed(self, observers: Sequence[Observer], trace: Recorder | None, limits: Limits) -> Session:
        # Most programs observe nothing.
        from dicomwire.observing.observed_session import (
            ObservedAndRecordedConnection,
            ObservedConnection,
            ObservedSession,
        )
        from dicomwire.observing.watching import Watch

        host, sides = self.host, self.sides

        def peer() -> tuple[str, int] | None:
            address = sides.peer.address
            return (str(address[0]), int(address[1])) if address and len(address) > 1 else None

        watch = Watch(observers, sides.role, name=self.name, timestamp=host.timestamp, seconds=host.seconds, peer=peer)
        if trace is None:
            return ObservedSession(ObservedConnection(sides.role, limits=limits, timeouts=self.timeouts), watch)
        return ObservedSession(self._recorded(ObservedAndRecordedConnection, trace, limits), watch)

    def told_to_the_end(self) -> None:
        """All is over: whoever records or observes is told so."""
        session, standing = self.session, self.standing
        if (record_end := getattr(session.connection, "record_end", None)) is not None:
            record_end()
        if (watch := getattr(session, "watch", None)) is not None:
            watch.ended(standing.outcome, was_opened=standing.was_opened)

    def log_fields(self) -> tuple[str, str, str, str]:
        """Its short name, where the peer is, and the called and the calling title, for log records and people."""
        # The session has the request first: its arrival is logged before anybody acts on it.
        request = self.sides.requestor.said or self.session.request
        called, calling = self.sides.titles(request, self._own_title)
        return self.name, self.sides.peer_name if self.sides.peer.address else "-", called, calling

    def adjust_tap(self) -> None:
        """Handlers were bound or unbound."""
        adjust_tap(self.session.connection, self.handlers)

    def take_timeouts(self) -> None:
        """Timeouts were set: what is waited for now has its deadlines by them."""
        self.session.deadline.timeouts_changed()

    async def open(self, channel: Channel) -> None:
        """The transport is there."""
        self.channel = channel
        self.standing.was_opened = True
        self.host.opened(channel)
        if self.handlers.bound[evt.EVT_CONN_OPEN]:
            with self.exchange:
                await self.handlers.notify(evt.EVT_CONN_OPEN, address=self.sides.peer.address)

    def forsake(self, why: str) -> None:
        """This process is a fork, and the association its parent's."""
        self.host.forsake()
        self.is_reading = self.is_sending = False
        self.ending.forsake(why)

    # -- reading --------------------------------------------------------------------------------------------------
    async def turn(self) -> None:
        """Wait until somebody else has read or sent, or a deadline passes."""
        self.waiting += 1
        try:
            await self.channel.turn()
        finally:
            self.waiting -= 1

    async def advance(self, *, wait: bool = True) -> bool:
        """Take the next event and deal with it, or wait until there may be one; True if there was one."""
        channel, session = self.channel, self.session
        if self.is_reading:
            await self.turn()
            return False
        self.is_reading = True
        connection = session.connection
        rest: Coroutine[Any, Any, None] | None = None
        try:
            event = self._take() if connection.unseen else None
            if event is None and wait and not self.standing.has_ended and not connection.closed:
                if connection.unsent:
                    await self.flush()
                await channel.pump()
                try:
                    # What _take() does: nearly every message comes this way.
                    event = session.next_event()
                except RemoteProtocolError as error:
                    event = ProtocolBroken(error)
            if connection.tap is not None:
                await report_tap(connection, self.handlers)
            if type(event) is MessageReceived:
                rest = await self.on_message(event)
            elif event is not None:
                await self.on_control(event)
            elif connection.closed:
                await self.ending.finish(None)
            elif connection.unsent:
                await self.flush()
        finally:
            self.is_reading = False
            if self.waiting:
                channel.changed()
        if rest is not None:
            await rest
        return event is not None

    async def attend(self) -> bool:
        """Deal with what has arrived while no operation runs, and with deadlines; waits for nothing.

        Whether the association is still established.
        """
        standing = self.standing
        if standing.was_opened and not standing.has_ended and not self.is_reading:
            while not standing.has_ended and (await self.advance(wait=False) or self.channel.poll()):
                pass
            if not standing.has_ended:
                # A deadline that poll() found over.
                await self.advance(wait=False)
        return standing.is_established

    async def wait_closed(self) -> None:
        """Return when all is over."""
        while not self.standing.is_closed:
            if self.standing.has_ended:
                await self.turn()
            else:
                await self.advance()

    async def next_data_set_event(self) -> DataSetReceived | None:
        """The next piece of the data set being received, for whoever reads; None if the association ends before it."""
        session = self.session
        connection = session.connection
        while True:
            event = self._take() if connection.unseen else None
            if connection.tap is not None:
                self.channel.hold(True)
                try:
                    await report_tap(connection, self.handlers)
                finally:
                    self.channel.hold(False)
            if type(event) is DataSetReceived:
                return event
            if event is not None:
                await self.on_control(event)
            if self.standing.has_ended:
                return None
            if event is None:
                if connection.closed:
                    await self.ending.finish(None)
                    return None
                await self.channel.pump()

    def _take(self) -> Arrived | None:
        try:
            return self.session.next_event()
        except RemoteProtocolError as error:
            return ProtocolBroken(error)

    def is_cancelled(self, message_id: int) -> bool:
        """Whether the peer has cancelled a request that is being served; for user code."""
        return self.host.apart(lambda: self._look_for_cancel(message_id))

    def _look_for_cancel(self, message_id: int) -> bool:
        if message_id not in self.session.cancelled and self.standing.was_opened:
            self.channel.poll()
            self.session.scan()
        return message_id in self.session.cancelled

    # -- sending --------------------------------------------------------------------------------------------------
    async def flush(self) -> None:
        """Write what is queued, unless writing has failed before: then nothing can be said any more."""
        if self.is_mute:
            self.session.data_to_send()
            # With nothing to write it still lets an event loop run, which alone sees that the peer is gone.
            await self.channel.flush()
            return
        try:
            await self.channel.flush()
        except OSError as error:
            self._fall_silent(error)
        except BaseException:
            if self.channel.is_torn:
                # Cancelled in the middle of a PDU: the peer could make nothing of what follows.
                self.ending.abandon()
            raise
        if self.session.connection.tap is not None:
            await report_tap(self.session.connection, self.handlers)

    def _fall_silent(self, error: OSError) -> None:
        self.is_mute = True
        self.session.data_to_send()
        if isinstance(error, TimeoutError) and error.errno is None:
            # It may never read again, nor close.  Else what it has sent, an A-ABORT maybe, is read to its end.
            self.session.receive_data(b"")
            what = str(error) if isinstance(error, PeerDoesNotRead) else "does not read what we send"
            self.unread_by_peer = f"the peer {self.sides.peer_in_full} {what}"
            LOGGER.warning("%s", self.unread_by_peer)
        else:
            # What the peer said before it went is read, and told at the end: one line is enough.
            LOGGER.debug("writing to %s failed: %s", self.sides.peer_name, error)

    async def send(self, context_id: int, command: Command, data_set: Buffer | None = None) -> None:
        """Send one message, once nobody else is in the middle of one.

        Raises:
            LocalProtocolError: there is no association any more.
        """
        while self.is_sending:
            await self.turn()
        if data_set is None or len(data_set) <= _AT_ONCE:
            # Queued before anybody is told: meanwhile another thread or task may want to send.
            session = self.session
            session.begin_message(context_id, command, data_set_follows=data_set is not None)
            if data_set is not None:
                session.send_data_set(data_set, last=True)
            if self.handlers.own[evt.EVT_DIMSE_SENT] or LIBRARY_LOG.isEnabledFor(INFO):
                await self.handlers.notify_message(evt.EVT_DIMSE_SENT, context_id, command, data_set)
            await self.flush()
            return
        view = memoryview(data_set)
        step = self.piece_size
        pieces = ((view[at : at + step], at + step >= len(view)) for at in range(0, len(view), step))
        await self.stream(context_id, command, pieces, data_set)

    @property
    def piece_size(self) -> int:
        """How many bytes of a data set to queue at a time: full fragments, about a MiB of them."""
        fragment = self.session.connection.fragment_size
        return fragment * (_AT_ONCE // fragment) or _AT_ONCE

    async def stream(
        self,
        context_id: int,
        command: Command,
        pieces: Iterator[tuple[Buffer, bool]],
        data_set: Buffer | None = None,
        *,
        foreign: bool = False,
    ) -> None:
        """Send one message whose data set comes in pieces, each with whether it is the last.

        A piece may reuse the memory of the one before: that one has been written.  ``foreign`` ones are made by code of
        the user's.  Who listens is shown ``data_set``.
        """
        while self.is_sending:
            await self.turn()
        self.is_sending = True
        session = self.session
        try:
            session.begin_message(context_id, command, data_set_follows=True)
            if self.handlers.own[evt.EVT_DIMSE_SENT] or LIBRARY_LOG.isEnabledFor(INFO):
                await self.handlers.notify_message(evt.EVT_DIMSE_SENT, context_id, command, data_set)
            last = False
            while not last:
                piece, last = await self.host.call(next, pieces) if foreign else next(pieces)
                if session.connection.state not in _SENDING or self.is_mute:
                    # Aborted meanwhile, by another thread or a handler; or the peer does not read.
                    return
                session.send_data_set(piece, last=last)
                await self.flush()
        finally:
            self.is_sending = False
            if self.waiting:
                self.channel.changed()
