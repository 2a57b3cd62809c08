"""One peer behind any stream of trio's."""

from __future__ import annotations

import contextlib
import math
import os
from typing import Any

import trio

from dicomwire._logging import logger
from dicomwire.dimse.session import Session
from dicomwire.sockets.delivery import SocketDelivery
from dicomwire.sockets.socket_options import acknowledge_with
from dicomwire.sockets.vectors import pieces
from dicomwire.trio.task_turns import TaskTurns
from dicomwire.upper_layer.connection import Buffer
from dicomwire.upper_layer.progress import PeerDoesNotRead, enough, pause
from dicomwire.vocabulary.tls_words import alert_of

LOGGER = logger(__name__)

_AHEAD = 64 * 1024
"""The most bytes that are received at once, and so the most that wait here for somebody to want them."""

_GOODBYE = 0.5
"""Seconds for a stream to close by itself."""

_AT_ONCE = 0.05
"""Seconds for what is sent without waiting: a stream cannot be asked whether it would have to."""

_LOST = (OSError, trio.BrokenResourceError, trio.ClosedResourceError)
"""What streams raise where there is no connection any more."""


class StreamChannel:
    """One peer behind a :class:`trio.abc.Stream`.

    A stream cannot be asked what has arrived without waiting.  So there is :meth:`read_ahead`, for a task that lives as
    long as the association: it receives one piece, and the next when that was wanted.  Where no such task runs, whoever
    wants a piece receives it.
    """

    def __init__(self, stream: trio.abc.Stream, session: Session) -> None:
        self.session = session
        self.token: trio.lowlevel.TrioToken = trio.lowlevel.current_trio_token()
        self.is_torn: bool = False
        self._stream = stream
        self._connection = connection = session.connection
        # Of no other kind: what wraps a stream may hand on the socket below, and do anything with the bytes.
        self._socket = stream.socket if isinstance(stream, trio.SocketStream) else None
        self._delivery = SocketDelivery(self._socket, connection)
        self._acknowledge = acknowledge_with(self._socket)
        self._turns = TaskTurns(session, self._delivery)
        self._arrived: Buffer | None = None
        """What was received and nobody has wanted yet; ``b""``, which stays, is the end of the stream."""

        self._arrivals = trio.lowlevel.ParkingLot()
        """Who waits for a piece that another task receives, or for that to be taken."""

        self._receiving = False
        self._pumping = False
        self._writing = False
        self._open = True
        self._flushes = 0
        self._pump_scope: trio.CancelScope | None = None
        self._write_scope: trio.CancelScope | None = None
        self._ahead_scope: trio.CancelScope | None = None
        self._since = 0.0
        """When the stream was given what it is sending."""

    @property
    def transport_socket(self) -> Any:
        return self._socket

    # -- writing --------------------------------------------------------------------------------------------------
    async def flush(self) -> None:
        """Write what the session has to send; on return its buffers may be used again.

        Raises:
            OSError: the peer cannot be written to, or does not read for too long.
        """
        while self._writing:
            self._hurry()
            await self._turns.wait()
        self._flushes += 1
        if not self._connection.unsent:
            if self._flushes > 1:
                await trio.lowlevel.checkpoint()
            return
        # Of what a task that is cancelled already has begun to send nobody would know how much has gone out.
        await trio.lowlevel.checkpoint_if_cancelled()
        buffers = self._connection.data_to_send()
        if not self._open or self.is_torn:
            raise BrokenPipeError("the connection is closed")
        self._writing = True
        try:
            # That lets the loop run, by the rules of trio.
            await self._write(buffers)
        except BaseException:
            self.is_torn = True
            raise
        finally:
            self._writing = False
            self._write_scope = None
            self._delivery.moved = 0
            self.changed()

    def _hurry(self) -> None:
        """The association is over for who wants to send: who is sending has no more than a moment."""
        if self._write_scope is not None and (self._connection.ending or self._connection.closed):
            soon = trio.current_time() + pause(self.session.connection.timeouts.write)
            self._write_scope.deadline = min(self._write_scope.deadline, soon)

    async def _write(self, buffers: list[Buffer]) -> None:
        """Send as much at a time as a peer has to take in ``Timeouts.write``: a stream does not tell how far it is."""
        limits, timeouts, delivery = self._connection.limits, self._connection.timeouts, self._delivery
        left = sum(map(len, buffers))
        for piece in pieces(buffers, enough(limits, timeouts.write)):
            delivery.moved = -left
            self._since = since = trio.current_time()
            with trio.CancelScope(deadline=self._write_deadline()) as scope:
                self._write_scope = scope
                try:
                    await self._stream.send_all(piece)
                except _LOST as error:
                    raise _lost(error) from error
            now = trio.current_time()
            if scope.cancelled_caught:
                if not self._open:
                    raise ConnectionAbortedError("the connection was closed meanwhile")
                raise PeerDoesNotRead(f"has not read {len(piece)} bytes of what we send in {now - since:.3g} s")
            left -= len(piece)
            if now - since >= pause(timeouts.write):
                delivery.moved = -left
                self._connection.writing.begin(since)
                self._connection.writing.go_on(now, delivery)

    def _write_deadline(self) -> float:
        limit = self._connection.timeouts.write
        return math.inf if limit is None else self._since + limit

    # -- reading --------------------------------------------------------------------------------------------------
    async def read_ahead(self) -> None:
        """Receive while nobody waits for it, one piece at a time, until the stream ends or is closed."""
        with trio.CancelScope() as scope:
            self._ahead_scope = scope
            while self._open and self._arrived != b"":
                await self._fill()
                while self._arrived:
                    await self._arrivals.park()

    async def _fill(self) -> None:
        """Return when there is a piece, which another task may have received, or the end of the stream."""
        while self._arrived is None:
            if self._receiving:
                await self._arrivals.park()
                continue
            self._receiving = True
            try:
                self._arrived = await self._stream.receive_some(_AHEAD)
            except _LOST as error:
                # Reset, or the TLS stream broke off, or another task closed it: the end of the stream, as far as the
                # protocol goes.
                self.session.alert = alert_of(error) or alert_of(error.__cause__)
                self._arrived = b""
            finally:
                self._receiving = False
                self._arrivals.unpark_all()

    def _take(self) -> None:
        """Feed the session what has arrived."""
        data = self._arrived
        assert data is not None
        if data:
            self._arrived = None
            self._arrivals.unpark_all()
        self._connection.receive_data(data)

    async def pump(self) -> None:
        """Return once the session was fed more, told of the end of the stream, or told that its deadline passed."""
        self._flushes = 0
        connection = self._connection
        if self._pumping:
            await self._turns.wait()
            return
        if connection.unseen or not self._open:
            if not self._open:
                connection.receive_data(b"")
            await trio.lowlevel.checkpoint()
            return
        self._pumping = True
        try:
            now = trio.current_time()
            deadline = connection.timers.next_deadline(now)
            if self._arrived is not None and (deadline is None or now < deadline):
                self._take()
                await trio.lowlevel.checkpoint()
                return
            if connection.owes_acknowledgement:
                self._acknowledge(connection)
            with trio.CancelScope(deadline=math.inf if deadline is None else deadline) as scope:
                self._pump_scope = scope
                await self._fill()
            if not self._open:
                connection.receive_data(b"")
            elif scope.cancelled_caught:
                self.session.handle_deadline(trio.current_time(), self._delivery)
            else:
                self._take()
        finally:
            self._pumping = False
            self._pump_scope = None
            self.changed()

    def poll(self) -> bool:
        """Feed the session what has arrived already, and deadlines that are over, without waiting; whether any came."""
        now = trio.current_time()
        self.session.next_deadline(now)
        received = self._open and not self._pumping and self._arrived is not None and self.session.wants_data
        if received:
            self._take()
        else:
            self._acknowledge(self._connection)
        self.session.handle_deadline(now, self._delivery)
        return received

    def timeouts_changed(self) -> None:
        """Who waits looks at the deadline anew."""
        if self._pump_scope is not None:
            deadline = self.session.next_deadline(trio.current_time())
            self._pump_scope.deadline = math.inf if deadline is None else deadline
        if self._write_scope is not None:
            self._write_scope.deadline = self._write_deadline()
        self.changed()

    # -- taking turns ---------------------------------------------------------------------------------------------
    def hold(self, held: bool) -> None:
        """Nothing to do: the session is fed by those only who deal with what was received."""

    async def turn(self) -> None:
        """Wait for another task's :meth:`changed`, or for the next deadline."""
        scope = self._pump_scope
        if scope is not None:
            # Who reads may have begun before this deadline did, and is the one who acts on it.
            deadline = self.session.next_deadline(trio.current_time())
            scope.deadline = min(scope.deadline, math.inf if deadline is None else deadline)
        await self._turns.wait()

    def changed(self) -> None:
        """Wake the tasks that wait in :meth:`turn`."""
        if self._turns.waiting:
            self._turns.wake()

    # -- the end --------------------------------------------------------------------------------------------------
    async def send_eof(self) -> None:
        """Half-close: nothing more will be sent.  Does nothing where the stream cannot, or is gone."""
        send_eof = getattr(self._stream, "send_eof", None)
        if send_eof is not None and self._open and not self._writing:
            with trio.move_on_after(_GOODBYE), contextlib.suppress(*_LOST):
                await send_eof()

    async def aclose(self) -> None:
        """Close the stream.  Never raises, may be called again."""
        if self._open:
            self._let_go()
            await self._close()

    def abandon(self) -> None:
        """Send what is queued if that needs no waiting, and close: for tasks that are being cancelled."""
        if self._open:
            data = b"".join(self.session.data_to_send())
            if self._writing or self.is_torn:
                data = b""
            self._let_go()
            # Streams are closed by who may wait, which the caller may not: trio's own nursery is there for the last
            # step, which takes a moment at the most.
            trio.lowlevel.spawn_system_task(self._leave, data)

    async def _leave(self, data: bytes) -> None:
        try:
            deadline = trio.current_time() + _AT_ONCE
            with trio.CancelScope(deadline=deadline, shield=True), contextlib.suppress(*_LOST):
                if data:
                    await self._stream.send_all(data)
            # A farewell of the stream's own may need waiting, too.
            await trio.aclose_forcefully(self._stream)
        except Exception:
            # Else it would end the whole program.
            LOGGER.exception("closing a %s failed", type(self._stream).__name__)

    async def _close(self) -> None:
        with trio.move_on_after(_GOODBYE), contextlib.suppress(*_LOST):
            await self._stream.aclose()

    def _let_go(self) -> None:
        """Nobody uses the stream any more."""
        self._open = False
        for scope in (self._pump_scope, self._write_scope, self._ahead_scope):
            if scope is not None:
                scope.cancel()

    def forsake(self) -> None:
        """This process is a fork: close its copy of a socket, and leave everything else to its parent and the loop."""
        self._open = False
        if self._socket is not None:
            with contextlib.suppress(OSError):
                os.close(self._socket.detach())


def _lost(error: Exception) -> OSError:
    """The same as an `OSError`: what the shared logic knows."""
    return error if isinstance(error, OSError) else BrokenPipeError(str(error) or "the connection is closed")
