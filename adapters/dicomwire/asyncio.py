"""AE for asyncio: the same names, arguments and events as the blocking AE; what waits is awaited."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import os
import socket
import ssl
from collections.abc import Callable, Coroutine, Sequence
from datetime import datetime
from functools import partial
from types import TracebackType
from typing import Any, Self, cast

from dicomwire._acknowledging import acknowledge_with
from dicomwire._asyncio_host import (
    Arrival,
    extra_info,
    is_own_socket,
    pieces,
    tells_when_written,
    unread_error,
    vector_descriptor,
)
from dicomwire._delivery import SocketDelivery
from dicomwire._dialing_asyncio import connected, open_dialing, open_listening
from dicomwire._forking import tell_forks
from dicomwire._listening import BACKLOG, Listening
from dicomwire._logging import logger
from dicomwire._vectors import IOV_MAX, advance
from dicomwire.addresses import Address, Peer, end_of, information_of, no_delay
from dicomwire.associations import events as evt
from dicomwire.associations.accepting import serve_association
from dicomwire.associations.awaited import AsyncApplicationEntity, AsyncAssociation
from dicomwire.associations.requesting import establish, new_requestor, not_connected
from dicomwire.associations.server import ServerBase
from dicomwire.associations.user_code import is_async
from dicomwire.compat.pdu_primitives import NegotiationItem
from dicomwire.dimse.session import Session
from dicomwire.upper_layer.connection import Buffer
from dicomwire.upper_layer.state import Role, State
from dicomwire.vocabulary.contexts import PresentationContext
from dicomwire.vocabulary.tls_words import alert_of, tell_failed_handshake

__all__ = ["AE", "Association", "AssociationServer"]

LOGGER = logger(__name__)

_OVERFLOW = 64 * 1024

_AT_ONCE = 64 * 1024
"""Bytes given to the transport, and copied by it, where it has to find out when there is room again."""

_NO_LIMIT = 86400

_TLS_GOODBYE = 0.5
"""Seconds for the peer to answer close_notify."""

TLSArguments = tuple[ssl.SSLContext, str | None]


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
        self._delivery = SocketDelivery(None, session.connection)
        self._connected = connected
        self._loop = asyncio.get_running_loop()
        self._arrival: Arrival | None = None
        """Where a task may be resumed at once; else it waits for a future."""

        self._waiting: asyncio.Future[None] | None = None
        self._is_pumping = False
        self._timer: asyncio.TimerHandle | None = None
        # Not every loop's handle can be asked for it.
        self._timer_at = 0.0
        self._descriptor = -1
        """Of a socket that takes vectors; else the transport writes."""

        self._takes_buffers = False
        """The transport may be given buffers that are used again once it has written them; else copies."""

        self._writable: asyncio.Future[None] | None = None
        self._gone: asyncio.Future[None] | None = None
        self._is_tls = False
        self._ssl_object: Any = None
        self._turns: list[asyncio.Future[None]] = []
        self._early = bytearray()
        """What arrived while earlier bytes were still being dealt with; reading is paused then."""

        self._held = False
        self._overflow: bytearray | None = None
        self._ended = False
        self._paused_writing = False
        self._writing = False
        self.is_torn: bool = False
        """A PDU was not written to its end, and never will be."""

        self._lost = False
        self._is_forsaken = False
        self._flushes = 0

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        return self._loop

    @property
    def transport_socket(self) -> Any:
        return self._ssl_object or extra_info(self.transport, "socket")

    # -- called by the loop ---------------------------------------------------------------------------------------
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The loop has connected us (`asyncio.BaseProtocol`)."""
        # Loops have transports of their own, which need not be of asyncio's classes.
        self.transport = cast("asyncio.Transport", transport)
        sock = extra_info(transport, "socket")
        self._acknowledge = acknowledge_with(sock)
        self._delivery = SocketDelivery(sock, self.session.connection)
        # Loops forget it with the connection.
        self._ssl_object = extra_info(transport, "ssl_object")
        self._is_tls = self._ssl_object is not None
        own = is_own_socket(transport, self._loop)
        if own:
            self._arrival = Arrival(self._loop)
            self._descriptor = vector_descriptor(transport)
        self._takes_buffers = tells_when_written(transport)
        if own or self._takes_buffers:
            # Tell when everything is written: until then the buffers handed over must not change.
            # TLS pauses at the limit and not above it, so with 0 it would do so with nothing left to write.
            self.transport.set_write_buffer_limits(high=1 if self._is_tls else 0)
        if self._connected is not None:
            self._connected(self)

    def get_buffer(self, sizehint: int) -> memoryview:
        """Where the loop is to receive to (`asyncio.BufferedProtocol`)."""
        # TLS may ask for a buffer and then find nothing to put there: forget the one of last time.
        self._overflow = None
        # The loop's hint is a constant; the session knows whether a data set is coming.
        session = self.session
        if session.wants_data and not self._held and not self._early and session.connection.state is not State.STA1:
            return session.get_buffer()
        # Our request is not sent yet, or all is over; or somebody is still at the bytes in the session's buffer:
        # leave them alone, and let the peer wait.
        self._overflow = bytearray(_OVERFLOW)
        # A view, because TLS receives into slices of it.
        return memoryview(self._overflow)

    def buffer_updated(self, nbytes: int) -> None:
        """The loop has received ``nbytes`` bytes into that buffer."""
        if self._overflow is None:
            self.session.buffer_updated(nbytes)
        elif self.session.connection.closed:
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
        if self._writable is not None and not self._writable.done():
            self._writable.set_result(None)

    def pause_writing(self) -> None:
        """The transport's buffer is full: writing waits."""
        self._paused_writing = True

    def resume_writing(self) -> None:
        """The transport's buffer has room again."""
        self._paused_writing = False
        if self._writable is not None and not self._writable.done():
            self._writable.set_result(None)

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
        buffers = self.session.data_to_send()
        self._flushes += 1
        waited = False
        if buffers:
            if self._lost or self.is_torn or self.transport.is_closing():
                raise ConnectionResetError("the connection is closed")
            self._writing = True
            try:
                waited = await self._write(buffers)
            finally:
                self._writing = False
                self.changed()
        if not waited and self._flushes > 1:
            # Writing alone never lets the loop run: a fast handler would starve reading.
            await asyncio.sleep(0)

    async def _write(self, buffers: list[Buffer]) -> bool:
        """Write everything; True if that took waiting.

        Where that is known to be right it goes past the transport, which would join the buffers.  What does not fit is
        given to the transport bit by bit, because it alone may ask the loop when there is room.
        """
        if self._descriptor < 0 or self._paused_writing:
            return await self._write_plainly(buffers)
        index, count = 0, len(buffers)
        since: float | None = None
        waited = False
        try:
            while True:
                batch = buffers[index : index + IOV_MAX]
                try:
                    written = os.writev(self._descriptor, batch)
                except BlockingIOError:
                    written = 0
                index = index + len(batch) if written == sum(map(len, batch)) else advance(buffers, index, written)
                if index >= count:
                    return waited
                if since is None:
                    since = self._loop.time()
                head = memoryview(buffers[index])[:_AT_ONCE]
                self.transport.write(head)
                index = advance(buffers, index, len(head))
                waited = await self._drained(since) or waited
                if index >= count:
                    return waited
        except BaseException:
            self.is_torn = True
            raise

    async def _write_plainly(self, buffers: list[Buffer]) -> bool:
        """Write everything by the transport alone, and by what every transport has; True if that took waiting."""
        if self._takes_buffers:
            self.transport.writelines(buffers)
            if self._is_tls and self.session.connection.state is State.STA5:
                self.session.alert = alert_of(unread_error(self.transport))
            return await self._drained(self._loop.time())
        # It may keep what it is given for as long as it likes, so it is given copies.
        waited = False
        left = sum(map(len, buffers))
        try:
            for piece in pieces(buffers, _AT_ONCE):
                self._give(piece)
                left -= len(piece)
                waited = await self._drained(self._loop.time()) or waited
        except BaseException:
            self.is_torn = self.is_torn or left > 0
            raise
        return waited

    def _give(self, data: bytes) -> None:
        try:
            self.transport.write(data)
        except (AttributeError, RuntimeError) as error:
            # Pipes that are only read have no such method; closed transports of some loops say so by a RuntimeError.
            raise OSError(f"{type(self.transport).__name__} cannot write: {error}") from error

    async def _drained(self, since: float) -> bool:
        """Wait until the transport has written what it has; True if that took waiting.

        ``since`` is when writing began.

        Raises:
            TimeoutError: the peer takes nothing, or too little.
        """
        if not self._paused_writing:
            return False
        if self._writable is None or self._writable.done():
            self._writable = self._loop.create_future()
        progress, delivery = self.session.connection.writing, self._delivery
        # Where it does not tell: it is given no more than this before it is waited for.
        moved = delivery.moved + (self._unwritten() or _AT_ONCE)
        progress.begin(since)
        try:
            while not self._writable.done():
                pause = progress.go_on(self._loop.time(), delivery)
                await asyncio.wait([self._writable], timeout=pause)
                delivery.moved = moved - self._unwritten()
        except TimeoutError:
            self.transport.abort()
            raise
        if self._lost or self.transport.is_closing():
            raise ConnectionResetError("the connection was lost")
        return True

    def _unwritten(self) -> int:
        """Bytes that the transport holds, as far as it tells."""
        try:
            return self.transport.get_write_buffer_size()
        except (AttributeError, NotImplementedError):
            return 0

    async def pump(self) -> None:
        """Return once the session was fed more, told of the end of the stream, or told that its deadline passed."""
        self._flushes = 0
        if self._is_pumping:
            # Another task waits already, and tells.
            await self.turn()
            return
        session = self.session
        if self._lost and not self._early:
            session.receive_data(b"")
        if not session.wants_data or self._catch_up():
            # So it may go on for ever, if the peer always has more for us.
            now = self._loop.time()
            deadline = session.next_deadline(now)
            if deadline is not None and deadline <= now:
                session.handle_deadline(now, self._delivery)
            await asyncio.sleep(0)
            return
        connection = session.connection
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

    def _set_timer(self) -> None:
        """See to it that the session's next deadline is handled; one timer does for many waits, as deadlines move."""
        deadline = self.session.next_deadline(self._loop.time())
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
        self._timer = self.on_idle_data = None

    def _look_at_deadline(self) -> None:
        self._timer = None
        if not self._is_pumping:
            return
        self.session.handle_deadline(self._loop.time(), self._delivery)
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
        self.session.handle_deadline(self._loop.time(), self._delivery)
        if not waiting.done():
            waiting.set_result(None)

    def poll(self) -> bool:
        """The loop feeds the session; what it brought too early is fed now."""
        now = self._loop.time()
        self.session.next_deadline(now)
        self.session.handle_deadline(now, self._delivery)
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
        if buffers and not (self._lost or self._paused_writing or self._writing or self.is_torn):
            with contextlib.suppress(OSError):
                self._give(b"".join(buffers))
            if self._is_tls or not self._paused_writing:
                self.transport.close()
                return
            # Else it would stay open until the peer reads what does not fit, if ever.
        self.transport.abort()


class Association(AsyncAssociation):
    """An association on an asyncio event loop."""

    _attendant: _Attendant | None = None
    _tasks: set[asyncio.Task[None]] | None = None

    def _spawn(self, work: Coroutine[Any, Any, None]) -> bool:
        if self._tasks is None:
            self._tasks = set()
        task = asyncio.get_running_loop().create_task(self._guard(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return True

    async def _guard(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except Exception:
            LOGGER.exception("an operation for %s failed", self._peer_name)

    def _is_cancelled(self, message_id: int) -> bool:
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            # A handler in a worker thread: the session belongs to the loop.
            assert isinstance(self._channel, ProtocolChannel)
            return asyncio.run_coroutine_threadsafe(self._ask_cancelled(message_id), self._channel.loop).result()
        return super()._is_cancelled(message_id)

    async def _ask_cancelled(self, message_id: int) -> bool:
        return super()._is_cancelled(message_id)

    async def _join_tasks(self) -> None:
        """Wait for what was spawned; cancelled, cancel it too."""
        tasks = self._tasks
        try:
            if tasks:
                await asyncio.wait(tasks)
        finally:
            for task in list(tasks or ()):
                task.cancel()

    def _deadline_moved(self) -> None:
        channel = self._channel
        if not isinstance(channel, ProtocolChannel) or self._closed:
            return
        try:
            here = asyncio.get_running_loop() is channel.loop
        except RuntimeError:
            here = False
        if here:
            self._take_timeouts()
        else:
            # A handler in a worker thread, or another thread of the program: the timers belong to the loop, which may
            # have ended.
            with contextlib.suppress(RuntimeError):
                channel.loop.call_soon_threadsafe(self._take_timeouts)

    def _take_timeouts(self) -> None:
        if self._closed or not isinstance(self._channel, ProtocolChannel):
            return
        super()._deadline_moved()
        self._channel.timeouts_changed()
        if self._attendant is not None:
            self._attendant.set_timer()

    def _forsake(self, why: str) -> None:
        super()._forsake(why)
        if isinstance(self._channel, ProtocolChannel):
            self._channel.forsake()

    def _left_over(self) -> None:
        if self._attendant is not None:
            self._attendant.attend()

    async def _call(self, function: Any, *args: Any) -> Any:
        if self._ae.handlers_in_threads and not is_async(function):
            result = await asyncio.to_thread(self._call_in_thread, function, *args)
        else:
            result = function(*args)
        return await result if inspect.isawaitable(result) else result

    def _timestamp(self) -> datetime:
        return datetime.now()


class _Attendant:
    """Deals with what a peer does while no operation of a requestor waits for it, and with deadlines."""

    def __init__(self, association: Association, channel: ProtocolChannel) -> None:
        self._association = association
        self._channel = channel
        self._loop = asyncio.get_running_loop()
        self._task: asyncio.Task[None] | None = None
        self._is_called = False
        self._timer: asyncio.TimerHandle | None = None
        channel.on_idle_data = self.attend
        self.set_timer()
        if not channel.session.wants_data:
            # It came together with the acceptance.
            self.attend()

    def _due(self) -> None:
        self._timer = None
        idle = self._association.network_timeout
        if not self._is_attending and self._association._advancing and idle is not None:
            # An operation sees to deadlines; the next of ours begins when it ends.
            self._timer = self._loop.call_later(idle, self._due)
        else:
            self.attend()

    def attend(self) -> None:
        if self._association._ended:
            self._stop()
        elif not self._is_attending and not self._association._advancing:
            self._begin_soon()

    def _begin_soon(self) -> None:
        # Not now: a task of an eager factory would begin in the middle of what the transport is doing.
        if not self._is_called:
            self._is_called = True
            self._loop.call_soon(self._begin)

    @property
    def _is_attending(self) -> bool:
        # A task may have ended before create_task() returns: eager ones do.
        return self._task is not None and not self._task.done()

    def _begin(self) -> None:
        self._is_called = False
        if not self._association._ended and not self._is_attending:
            self._task = self._loop.create_task(self._attend())

    async def _attend(self) -> None:
        try:
            await self._association._attend()
        finally:
            self.set_timer()
            if not (self._channel.session.wants_data or self._association._advancing or self._association._ended):
                # It came while this was at its last step.
                self._begin_soon()

    def set_timer(self) -> None:
        """The idle deadline moves with every operation: look again when it would have been due."""
        self._stop()
        if self._association._ended:
            return
        now = self._loop.time()
        session, idle = self._channel.session, self._association.network_timeout
        deadline = session.next_deadline(now)
        if session.outstanding and idle is not None:
            # The idle deadline begins when the response has come: not earlier than now.
            deadline = now + idle if deadline is None else min(deadline, now + idle)
        if deadline is not None:
            self._timer = self._loop.call_at(deadline, self._due)

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class AssociationServer(ServerBase[Association]):
    """Accepts associations on an event loop, and owns their tasks.  ``async with`` ends it and them."""

    ae: AE

    def __init__(
        self,
        ae: AE,
        ae_title: str | None,
        contexts: list[PresentationContext] | None,
        ssl_context: ssl.SSLContext | None,
        evt_handlers: Sequence[evt.EventHandler] | None,
    ) -> None:
        super().__init__(ae, ae_title, contexts, evt_handlers)
        self.ssl_context = ssl_context
        self.server_address: tuple[Any, ...]
        self._server: asyncio.Server | None = None
        self._listening: Listening
        self._accepting: asyncio.Task[None] | None = None
        """With TLS, in place of ``_server``."""

        self._handshakes: set[asyncio.Task[None]] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._stopped = asyncio.Event()
        self._is_forsaken = False
        tell_forks(self)

    async def _listen(self, address: Address | None, given: socket.socket | None) -> None:
        self._listening = await open_listening(address, given)
        self.server_address = self._listening.server_address
        loop = asyncio.get_running_loop()
        sock = self._listening.sock
        try:
            if self.ssl_context is not None:
                # The loop's own servers keep to themselves that a handshake has failed.
                self._accepting = loop.create_task(self._accept_for_ever(loop, sock, self.ssl_context))
                # Also if it is cancelled before it has begun.
                self._accepting.add_done_callback(lambda _: sock.close())
            else:
                self._server = await loop.create_server(self._accept, sock=sock, backlog=BACKLOG)
        except BaseException:
            self._listening.remove_file()
            sock.close()
            raise

    def _forsake(self, why: str) -> None:
        """This process is a fork: the loop of its parent accepts."""
        self._is_forsaken = True
        self._associations.clear()

    async def _accept_for_ever(
        self, loop: asyncio.AbstractEventLoop, sock: socket.socket, context: ssl.SSLContext
    ) -> None:
        while not self._stopped.is_set():
            try:
                connected, address = await loop.sock_accept(sock)
            except ConnectionError:
                # Gone again before we took it.
                continue
            except OSError as error:
                if self._stopped.is_set():
                    return
                LOGGER.error("accepting a connection failed: %s", error)
                # Out of descriptors or memory: what runs must end before there is a chance.
                await asyncio.sleep(0.1)
                continue
            task = loop.create_task(self._secure(loop, connected, address, context))
            self._handshakes.add(task)
            task.add_done_callback(partial(self._secured, connected))

    def _secured(self, sock: socket.socket, task: asyncio.Task[None]) -> None:
        self._handshakes.discard(task)
        if task.cancelled():
            # Before it began, maybe.
            sock.close()

    async def _secure(
        self,
        loop: asyncio.AbstractEventLoop,
        sock: socket.socket,
        address: tuple[Any, ...],
        context: ssl.SSLContext,
    ) -> None:
        """Agree upon TLS, in the time a peer has for its association request."""
        association = Association(self.ae, Role.ACCEPTOR, self._handlers)
        association.requestor._set_address(end_of(address), information_of(sock.family))
        try:
            await loop.connect_accepted_socket(
                partial(self._channel_of, association),
                sock,
                ssl=context,
                # None would be a limit of the loop's own.
                ssl_handshake_timeout=self.ae.acse_timeout or _NO_LIMIT,
            )
        except (OSError, ValueError) as error:
            tell_failed_handshake(association, error)
            sock.close()
        except BaseException:
            sock.close()
            raise

    def _accept(self) -> ProtocolChannel:
        return self._channel_of(Association(self.ae, Role.ACCEPTOR, self._handlers))

    def _channel_of(self, association: Association) -> ProtocolChannel:
        return ProtocolChannel(association._new_session(), partial(self._connected, association))

    def _connected(self, association: Association, channel: ProtocolChannel) -> None:
        no_delay(channel.transport.get_extra_info("socket"))
        family = self._listening.sock.family
        for side, name in ((association.requestor, "peername"), (association.acceptor, "sockname")):
            if (address := channel.transport.get_extra_info(name)) is not None:
                side._set_address(end_of(address), information_of(family))
        self._adopt(association)
        task = asyncio.get_running_loop().create_task(self._serve(association, channel))
        self._tasks.add(task)
        task.add_done_callback(partial(self._served, association, channel))

    def _served(self, association: Association, channel: ProtocolChannel, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not channel.transport.is_closing():
            # Cancelled before it began, and so before it could close anything.
            channel.transport.abort()
            self._forget(association)

    async def _serve(self, association: Association, channel: ProtocolChannel) -> None:
        try:
            await association._open(channel)
            await serve_association(association, self._support())
            await association._join_tasks()
        except Exception:
            LOGGER.exception("an association with %s failed", association._peer_name)
        finally:
            for operation in list(association._tasks or ()):
                operation.cancel()
            self._forget(association)

    def shutdown(self) -> None:
        """Stop accepting and close the listening socket; running associations go on.  May be called again."""
        if not self._is_forsaken:
            self._listening.end()
            if self._server is not None:
                self._server.close()
            if self._accepting is not None:
                self._accepting.cancel()
        self._stopped.set()
        if self in self.ae._servers:
            self.ae._servers.remove(self)

    def server_close(self) -> None:
        """Close the listening socket."""
        self.shutdown()

    async def serve_forever(self) -> None:
        """Return when the server has been shut down and the associations it accepted have ended."""
        await self._stopped.wait()
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def _end(self) -> None:
        self.shutdown()
        self._give_up_handshakes()
        await asyncio.gather(*(association.abort() for association in self.active_associations))
        if self._tasks:
            await asyncio.wait(self._tasks)

    def _give_up_handshakes(self) -> None:
        for task in self._handshakes:
            task.cancel()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if kind is None:
            await self._end()
            return
        # Handlers may take for ever, and nobody waits for them any more.
        self.shutdown()
        self._give_up_handshakes()
        for association in self.active_associations:
            if not association._ended:
                association._abandon()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)


class AE(AsyncApplicationEntity):
    """An application entity on an asyncio event loop."""

    def __init__(self, ae_title: str = "PYNETDICOM") -> None:
        super().__init__(ae_title)
        self._servers: list[AssociationServer] = []
        tell_forks(self)

    async def associate(
        self,
        addr: Peer | None,
        port: int | None,
        contexts: list[PresentationContext] | None = None,
        ae_title: str = "ANY-SCP",
        max_pdu: int = 16382,
        ext_neg: list[NegotiationItem] | None = None,
        bind_address: tuple[str, int] | tuple[str, int, int, int] | None = None,
        tls_args: TLSArguments | None = None,
        evt_handlers: Sequence[evt.EventHandler] | None = None,
        *,
        sock: socket.socket | None = None,
    ) -> Association:
        """Request an association and wait for the outcome; arguments and errors of :meth:`dicomwire.AE.associate`."""
        dialing = await open_dialing(addr, port, bind_address, sock)
        with dialing.kept_for_the_caller():
            association, request = new_requestor(
                Association,
                self,
                contexts,
                ae_title,
                max_pdu,
                ext_neg,
                evt_handlers,
                dialing.peer,
                dialing.address_type,
            )
        dialing.allow(self.connection_timeout, self.acse_timeout)
        options: dict[str, Any] = {}
        if tls_args is not None:
            context, server_hostname = tls_args
            options = {"ssl": context, "server_hostname": server_hostname or ""}
        session = association._new_session()
        try:
            channel = await connected(dialing, lambda: ProtocolChannel(session), options)
        except (OSError, ValueError) as error:
            await not_connected(association, error)
            return association
        no_delay(channel.transport.get_extra_info("socket"))
        dialing.settle(association, channel.transport.get_extra_info("sockname"))
        self._register(association)
        await association._open(channel)
        await establish(association, request)
        if association.is_established:
            association._attendant = _Attendant(association, channel)
        return association

    async def start_server(
        self,
        address: Address | None,
        block: bool = True,
        ssl_context: ssl.SSLContext | None = None,
        evt_handlers: Sequence[evt.EventHandler] | None = None,
        ae_title: str | None = None,
        contexts: list[PresentationContext] | None = None,
        *,
        sock: socket.socket | None = None,
    ) -> AssociationServer:
        """Accept associations on ``address``: with ``block`` until shut down or cancelled, else as tasks of the loop.

        Arguments and errors of :meth:`dicomwire.AE.start_server`.  The server is an async context manager; leaving
        it ends its associations.
        """
        server = AssociationServer(self, ae_title, contexts, ssl_context, evt_handlers)
        await server._listen(address, sock)
        self._servers.append(server)
        if block:
            async with server:
                await server.serve_forever()
        return server

    async def shutdown(self) -> None:
        """Abort every active association, and stop every server.  May be called again."""
        aborts: list[Coroutine[Any, Any, None]] = [
            association.abort() for association in self.active_associations if isinstance(association, Association)
        ]
        for server in self._servers.copy():
            server.shutdown()
        await asyncio.gather(*aborts)
        for association in self._to_be_waited_for:
            assert isinstance(association, Association)
            await association.wait_closed()
