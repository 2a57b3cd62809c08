"""One peer behind an asyncio transport."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any, cast

from dicomwire.asyncio.loop_features import (
    Arrival,
    extra_info,
    is_own_socket,
)
from dicomwire.asyncio.writing import Writer
from dicomwire.dimse.session import Session
from dicomwire.sockets.socket_options import acknowledge_with
from dicomwire.upper_layer.connection import Buffer
from dicomwire.upper_layer.state import State
from dicomwire.vocabulary.tls_words import alert_of

_OVERFLOW = 64 * 1024

_TLS_GOODBYE = 0.5
"""Seconds for the peer to answer close_notify."""


class ProtocolChannel(asyncio.BufferedProtocol):
    """One peer behind an asyncio transport, which receives into the session's buffer.

    Any transport will do, of any loop; docs/how-to/write-a-transport.md says what is asked of it.
    """

    def __init__(self, session: Session, connected: Callable[[ProtocolChannel], None] | None = None) -> None:
        self.session = session
        self.transport: asyncio.Transport
        self.on_idle_data: Callable[[], None] | None = None
        """Called when something arrives and nobody waits for it."""

        self._acknowledge = acknowledge_with(None)
        self._writer = Writer(session)
        self._connection = session.connection
        self._connected = connected
        self._loop = asyncio.get_running_loop()
        self._arrival: Arrival | None = None
        """Where a task may be resumed at once; else it waits for a future."""

        self._waiting: asyncio.Future[None] | None = None
        self._is_pumping = False
        self._timer: asyncio.TimerHandle | None = None
        # Not every loop's handle can be asked for it.
        self._timer_at = 0.0
        self._gone: asyncio.Future[None] | None = None
        self._is_tls = False
        self._ssl_object: Any = None
        self._turns: list[asyncio.Future[None]] = []
        self._early = bytearray()
        """What arrived while earlier bytes were still being dealt with; reading is paused then."""

        self._held = False
        self._overflow: bytearray | None = None
        self._ended = False
        self._writing = False
        self._lost = False
        self._is_forsaken = False
        self._flushes = 0

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        return self._loop

    @property
    def is_connected(self) -> bool:
        """The loop has called ``connection_made``."""
        return hasattr(self, "transport")

    @property
    def transport_socket(self) -> Any:
        return self._ssl_object or extra_info(self.transport, "socket")

    @property
    def is_torn(self) -> bool:
        """A PDU was not written to its end, and never will be."""
        return self._writer.is_torn

    # -- called by the loop ---------------------------------------------------------------------------------------
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The loop has connected us (`asyncio.BaseProtocol`)."""
        # Loops have transports of their own, which need not be of asyncio's classes.
        self.transport = cast("asyncio.Transport", transport)
        self._acknowledge = acknowledge_with(extra_info(transport, "socket"))
        # Loops forget it with the connection.
        self._ssl_object = extra_info(transport, "ssl_object")
        self._is_tls = self._ssl_object is not None
        is_own = is_own_socket(transport, self._loop)
        if is_own:
            self._arrival = Arrival(self._loop)
        self._writer.begin(self.transport, is_own=is_own, is_tls=self._is_tls)
        if self._connected is not None:
            self._connected(self)

    def get_buffer(self, sizehint: int) -> memoryview:
        """Where the loop is to receive to (`asyncio.BufferedProtocol`)."""
        # TLS may ask for a buffer and then find nothing to put there: forget the one of last time.
        self._overflow = None
        # The loop's hint is a constant; the session knows whether a data set is coming.
        connection = self._connection
        if not (connection.unseen or self._held or self._early or connection.state is State.STA1):
            return connection.get_buffer()
        # Our request is not sent yet, or all is over; or somebody is still at the bytes in the session's buffer:
        # leave them alone, and let the peer wait.
        self._overflow = bytearray(_OVERFLOW)
        # A view, because TLS receives into slices of it.
        return memoryview(self._overflow)

    def buffer_updated(self, nbytes: int) -> None:
        """The loop has received ``nbytes`` bytes into that buffer."""
        if self._overflow is None:
            self._connection.buffer_updated(nbytes)
        elif self._connection.closed:
            # TLS reads once more when it is closed.
            return
        else:
            # Behind what is there already: not every transport pauses at once.
            self._early += memoryview(self._overflow)[:nbytes]
            self._overflow = None
            self.transport.pause_reading()
        self._wake()

    def data_received(self, data: Buffer) -> None:
        """For transports that know only :class:`asyncio.Protocol`, as those of pipes and serial lines do."""
        rest = memoryview(data)
        while rest:
            buffer = self.get_buffer(len(rest))
            count = min(len(rest), len(buffer))
            buffer[:count] = rest[:count]
            self.buffer_updated(count)
            rest = rest[count:]

    def eof_received(self) -> bool:
        """The peer sends nothing more; True if we still can (`asyncio.BufferedProtocol`)."""
        self._end()
        # Half-closed: we may have an answer to send yet.  TLS cannot, and closes.
        return not self._is_tls

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone; ``exc`` is None if it was closed (`asyncio.BaseProtocol`)."""
        self._lost = True
        self.session.alert = self.session.alert or alert_of(exc)
        self._end()
        if self._gone is not None and not self._gone.done():
            self._gone.set_result(None)
        self._writer.lose()

    def pause_writing(self) -> None:
        """The transport's buffer is full: writing waits."""
        self._writer.is_paused = True

    def resume_writing(self) -> None:
        """The transport's buffer has room again."""
        self._writer.resume()

    def _end(self) -> None:
        self._ended = True
        if not self._early:
            self.session.receive_data(b"")
        self._wake(soon=True)

    def _catch_up(self) -> bool:
        """Feed the session what came too early; True if there was something."""
        if not self._early:
            return False
        early, self._early = self._early, bytearray()
        self.session.receive_data(early)
        if self._ended:
            self.session.receive_data(b"")
        elif not self.transport.is_closing():
            self.transport.resume_reading()
        return True

    def _wake(self, *, soon: bool = False) -> None:
        """Let the task that waits go on, or ``soon``: when the transport is done with what it is in the middle of."""
        if not self._is_pumping:
            if self.on_idle_data is not None:
                self.on_idle_data()
        elif self._arrival is None:
            if self._waiting is not None and not self._waiting.done():
                self._waiting.set_result(None)
        elif soon:
            self._loop.call_soon(self._arrival.fire)
        else:
            self._arrival.fire_now_or_soon()

    # -- called by the shared logic -------------------------------------------------------------------------------
    async def flush(self) -> None:
        """Write what the session has to send; on return its buffers may be used again.

        Raises:
            OSError: the peer cannot be written to, or does not read for too long.
        """
        while self._writing:
            # The task that writes may be in the middle of a PDU.
            await self.turn()
        buffers = self._connection.data_to_send()
        self._flushes += 1
        waited = False
        if buffers:
            if self._lost or self._writer.is_torn or self.transport.is_closing():
                raise ConnectionResetError("the connection is closed")
            self._writing = True
            try:
                waited = await self._writer.write(buffers)
            finally:
                self._writing = False
                if self._turns:
                    self.changed()
        if not waited and self._flushes > 1:
            # Writing alone never lets the loop run: a fast handler would starve reading.
            await asyncio.sleep(0)

    async def pump(self) -> None:
        """Return once the session was fed more, told of the end of the stream, or told that its deadline passed."""
        self._flushes = 0
        if self._is_pumping:
            # Another task waits already, and tells.
            await self.turn()
            return
        connection = self._connection
        if self._lost and not self._early:
            connection.receive_data(b"")
        if connection.unseen or (self._early and self._catch_up()):
            # So it may go on for ever, if the peer always has more for us.
            now = self._loop.time()
            deadline = self.session.next_deadline(now)
            if deadline is not None and deadline <= now:
                self.session.handle_deadline(now, self._writer.delivery)
            await asyncio.sleep(0)
            return
        connection.recycle_buffer()
        if connection.owes_acknowledgement:
            self._acknowledge(connection)
        self._set_timer()
        self._is_pumping = True
        try:
            if self._arrival is not None:
                await self._arrival
            else:
                self._waiting = self._loop.create_future()
                await self._waiting
        finally:
            self._is_pumping = False
            if self._turns:
                self.changed()

    def _set_timer(self) -> None:
        """See to it that the session's next deadline is handled; one timer does for many waits, as deadlines move."""
        deadline = self._connection.timers.next_deadline(self._loop.time())
        if deadline is None:
            return
        if self._timer is not None:
            if self._timer_at <= deadline:
                return
            self._timer.cancel()
        self._timer_at = deadline
        self._timer = self._loop.call_at(deadline, self._look_at_deadline)

    def timeouts_changed(self) -> None:
        """Who waits looks at the deadline anew."""
        if self._is_pumping:
            self._set_timer()
        self.changed()

    def forsake(self) -> None:
        """This process is a fork: the transport and the loop's selector are its parent's, too."""
        self._is_forsaken = self._lost = True
        self._writer.lose()
        self._timer = self.on_idle_data = None

    def _look_at_deadline(self) -> None:
        self._timer = None
        if not self._is_pumping:
            return
        self.session.handle_deadline(self._loop.time(), self._writer.delivery)
        if self.session.wants_data:
            # It has moved meanwhile.
            self._set_timer()
        else:
            self._wake()

    def _timer_for(self, waiting: asyncio.Future[None]) -> asyncio.TimerHandle | None:
        """Wake ``waiting`` at the session's next deadline, which it handles then."""
        now = self._loop.time()
        deadline = self.session.next_deadline(now)
        return None if deadline is None else self._loop.call_at(deadline, self._overdue, waiting)

    def _overdue(self, waiting: asyncio.Future[None]) -> None:
        self.session.handle_deadline(self._loop.time(), self._writer.delivery)
        if not waiting.done():
            waiting.set_result(None)

    def poll(self) -> bool:
        """The loop feeds the session; what it brought too early is fed now."""
        now = self._loop.time()
        self.session.next_deadline(now)
        self.session.handle_deadline(now, self._writer.delivery)
        if self.session.wants_data and self._catch_up():
            return True
        self._acknowledge(self.session.connection)
        return False

    def hold(self, held: bool) -> None:
        """Views of received data are in use: what arrives meanwhile goes elsewhere."""
        self._held = held

    async def turn(self) -> None:
        """Wait for another task's :meth:`changed`, or for the next deadline."""
        waiting = self._loop.create_future()
        self._turns.append(waiting)
        timer = self._timer_for(waiting)
        try:
            await waiting
        finally:
            if timer is not None:
                timer.cancel()
            if waiting in self._turns:
                self._turns.remove(waiting)

    def changed(self) -> None:
        """Wake the tasks that wait in :meth:`turn`."""
        if self._turns:
            turns, self._turns = self._turns, []
            for waiting in turns:
                if not waiting.done():
                    waiting.set_result(None)

    async def send_eof(self) -> None:
        """Half-close: nothing more will be sent.  Does nothing where the transport cannot, or is gone."""
        # A transport without these methods, or one that does not implement them, cannot.
        with contextlib.suppress(OSError, RuntimeError, AttributeError):
            if not self._lost and self.transport.can_write_eof():
                self.transport.write_eof()

    def _stop_timers(self) -> None:
        # They would keep the association in memory.
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        attend, self.on_idle_data = self.on_idle_data, None
        if attend is not None:
            # The attendant sees that it is over, which it may hear from nobody else if the connection is lost already.
            attend()

    async def aclose(self) -> None:
        """Close the transport.  Never raises, may be called again."""
        if self._is_forsaken:
            return
        self._stop_timers()
        self.transport.close()
        if self._arrival is None and not self._lost:
            # We have said close_notify; few peers answer it, and TLS would keep the socket open until they do.
            # Other transports may still hold what a peer that does not read will never take.
            self._gone = self._loop.create_future()
            await asyncio.wait([self._gone], timeout=_TLS_GOODBYE)
            if not self._lost:
                self.transport.abort()

    def abandon(self) -> None:
        """Send what is queued if that needs no waiting, and close: for tasks that are being cancelled."""
        if self._is_forsaken:
            return
        buffers = self.session.data_to_send()
        self._stop_timers()
        if buffers and not (self._lost or self._writing or self._writer.is_paused or self._writer.is_torn):
            with contextlib.suppress(OSError):
                self._writer.give(b"".join(buffers))
            if self._is_tls or not self._writer.is_paused:
                self.transport.close()
                return
            # Else it would stay open until the peer reads what does not fit, if ever.
        self.transport.abort()
