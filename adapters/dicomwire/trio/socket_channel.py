"""One peer behind a socket that trio waits for."""

from __future__ import annotations

import contextlib
import math
import socket
import ssl
from functools import partial
from typing import Any

import trio

from dicomwire.dimse.session import Session
from dicomwire.dimse.stalled_write import peer_has_ended
from dicomwire.sockets.delivery import SocketDelivery
from dicomwire.sockets.socket_options import acknowledge_with
from dicomwire.sockets.tls_stream import receive_records
from dicomwire.sockets.vectors import send_some
from dicomwire.trio.task_turns import TaskTurns
from dicomwire.vocabulary.tls_words import alert_of

_WOULD_BLOCK = (BlockingIOError, ssl.SSLWantReadError)


class SocketChannel:
    """One peer behind a non-blocking socket; trio waits until it is ready."""

    def __init__(self, sock: socket.socket, session: Session) -> None:
        self.sock = sock
        self.session = session
        self._is_tls = isinstance(sock, ssl.SSLSocket)
        self._recv_into = partial(receive_records, sock) if isinstance(sock, ssl.SSLSocket) else sock.recv_into
        self._acknowledge = acknowledge_with(sock)
        self._connection = connection = session.connection
        self._progress = connection.writing
        self._delivery = SocketDelivery(sock, connection)
        self.token: trio.lowlevel.TrioToken = trio.lowlevel.current_trio_token()
        self._turns = TaskTurns(session, self._delivery)
        self._reading = False
        self._writing = False
        self._open = True
        self._flushes = 0
        self._wait_to_send: Any = trio.lowlevel.wait_writable
        self.is_torn: bool = False
        self._scope: trio.CancelScope | None = None
        """Of the task that waits for the peer."""

        self._is_streaming = False
        """The last receive filled its buffer: there is probably more."""

    @property
    def transport_socket(self) -> socket.socket:
        return self.sock

    # -- writing --------------------------------------------------------------------------------------------------
    async def flush(self) -> None:
        """Write what the session has to send; on return its buffers may be used again.

        Raises:
            OSError: the peer cannot be written to, or does not read for too long.
        """
        while self._writing:
            await self._turns.wait()
        buffers = self._connection.data_to_send()
        self._flushes += 1
        if not buffers:
            return
        if not self._open or self.is_torn:
            raise BrokenPipeError("the connection is closed")
        waited = False
        self._writing = True
        try:
            self._send(buffers)
            if buffers:
                waited = True
                await self._write_rest(buffers)
        finally:
            self._writing = False
            if self._turns.waiting:
                self._turns.wake()
        if not waited and self._flushes > 1:
            # Sending alone never lets the loop run: a fast handler would starve reading.
            await trio.lowlevel.checkpoint()

    async def _write_rest(self, buffers: list[Any]) -> None:
        """Write what the socket did not take at once."""
        pause = self._progress.begin(trio.current_time())
        try:
            while True:
                with trio.move_on_after(pause):
                    await _ready(self._wait_to_send, self.sock)
                self._send(buffers)
                if not buffers:
                    return
                self._delivery.moved = -sum(map(len, buffers))
                pause = self._progress.go_on(trio.current_time(), self._delivery)
                self._look_for_the_end()
        except BaseException:
            self.is_torn = True
            raise

    def _look_for_the_end(self) -> None:
        """A peer that does not read may have aborted, or gone: then nobody waits for it to read.

        Raises:
            OSError: it has.
        """
        if peer_has_ended(self.session, self._receive_at_once):
            raise ConnectionResetError("the peer has ended the association")

    def _send(self, buffers: list[Any]) -> None:
        """Send as much as the socket takes now, and remove it from the list."""
        self._wait_to_send = trio.lowlevel.wait_writable
        try:
            while buffers:
                send_some(self.sock, buffers)
        except (BlockingIOError, ssl.SSLWantWriteError):
            pass
        except ssl.SSLWantReadError:
            self._wait_to_send = trio.lowlevel.wait_readable

    # -- reading --------------------------------------------------------------------------------------------------
    async def pump(self) -> None:
        """Return once the session was fed more, told of the end of the stream, or told that its deadline passed."""
        self._flushes = 0
        connection = self._connection
        if self._reading:
            await self._turns.wait()
            return
        if connection.unseen or not self._open:
            if not self._open:
                connection.receive_data(b"")
            await trio.lowlevel.checkpoint()
            return
        self._reading = True
        try:
            now = trio.current_time()
            deadline = connection.timers.next_deadline(now)
            if self._is_streaming and (deadline is None or now < deadline) and self._receive():
                # What is there already is taken without waiting; the loop runs all the same.
                await trio.lowlevel.checkpoint()
                return
            # Wait without holding a buffer.
            connection.recycle_buffer()
            if connection.owes_acknowledgement:
                self._acknowledge(connection)
            with trio.CancelScope(deadline=math.inf if deadline is None else deadline) as scope:
                self._scope = scope
                if self._is_tls and self.sock.pending():  # type: ignore[attr-defined]
                    await trio.lowlevel.checkpoint()
                else:
                    # Here and not in a function: each frame is one to come back through, with each message.
                    await trio.lowlevel.wait_readable(self.sock)
            if scope.cancelled_caught:
                self.session.handle_deadline(trio.current_time(), self._delivery)
            else:
                self._receive()
        except trio.ClosedResourceError:
            # Closed by another task: then there is the end of the stream to be read.
            self._receive()
        finally:
            self._reading = False
            self._scope = None
            if self._turns.waiting:
                self._turns.wake()

    def timeouts_changed(self) -> None:
        """Who waits looks at the deadline anew."""
        if self._scope is not None:
            deadline = self.session.next_deadline(trio.current_time())
            self._scope.deadline = math.inf if deadline is None else deadline
        self.changed()

    def _receive(self) -> bool:
        """Feed the session what is there now, or the end of the stream; False if there is nothing."""
        buffer = self._connection.get_buffer()
        try:
            count = self._recv_into(buffer)
        except _WOULD_BLOCK:
            self._is_streaming = False
            return False
        except OSError as error:
            # Reset, or the TLS stream broke off: the end of the stream, as far as the protocol goes.
            self.session.alert = alert_of(error)
            count = 0
        self._is_streaming = count == len(buffer)
        self._connection.buffer_updated(count)
        return True

    def _receive_at_once(self) -> bool:
        """Feed the session what is there now, if nobody else reads; whether anything was."""
        return self._open and not self._reading and self._receive()

    def poll(self) -> bool:
        """Feed the session what has arrived already, and deadlines that are over, without waiting; whether any came."""
        now = trio.current_time()
        self.session.next_deadline(now)
        received = False
        if self._open and not self._reading and self.session.wants_data:
            received = self._receive()
            if not received:
                self.session.connection.recycle_buffer()
                self._acknowledge(self.session.connection)
        self.session.handle_deadline(now, self._delivery)
        return received

    # -- taking turns ---------------------------------------------------------------------------------------------
    def hold(self, held: bool) -> None:
        """Nothing to do: nobody receives but who deals with what was received."""

    async def turn(self) -> None:
        """Wait for another task's :meth:`changed`, or for the next deadline."""
        scope = self._scope
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
        """Half-close: nothing more will be sent.  Does nothing over TLS, or once the connection is gone."""
        if self._open and not self._is_tls:
            with contextlib.suppress(OSError):
                self.sock.shutdown(socket.SHUT_WR)

    async def aclose(self) -> None:
        """Close the socket.  Never raises, may be called again."""
        self.close()

    def abandon(self) -> None:
        """Send what is queued if that needs no waiting, and close: for tasks that are being cancelled."""
        buffers = self.session.data_to_send()
        if self._open and not self._writing and not self.is_torn:
            # It would have to wait, or the peer is gone: then the peer hears no more from us.
            with contextlib.suppress(OSError):
                self.sock.send(b"".join(buffers))
        self.close()

    def forsake(self) -> None:
        """This process is a fork: close its copy of the socket, and leave the connection to its parent."""
        self._open = False
        self.sock.close()

    def close(self) -> None:
        """Close the socket now."""
        if self._open:
            self._open = False
            trio.lowlevel.notify_closing(self.sock)
            self.sock.close()


async def _ready(wait: Any, sock: socket.socket) -> None:
    """Wait for a socket.

    Raises:
        OSError: another task closed it.
    """
    try:
        await wait(sock)
    except trio.ClosedResourceError as error:
        raise ConnectionAbortedError("the connection was closed meanwhile") from error
