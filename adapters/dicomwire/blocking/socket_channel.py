"""A channel over a blocking socket, for threads that take turns."""

from __future__ import annotations

import contextlib
import select
import socket
import ssl
import threading
import time

from dicomwire.blocking.thread_turns import ThreadTurns
from dicomwire.dimse.session import Session
from dicomwire.dimse.stalled_write import peer_has_ended
from dicomwire.sockets.delivery import SocketDelivery
from dicomwire.sockets.socket_options import acknowledge_with
from dicomwire.sockets.socket_timeouts import TIMED_OUT, SocketTimeouts, is_cooperative, timeouts_of
from dicomwire.sockets.tls_stream import TLSStream
from dicomwire.sockets.vectors import send_some
from dicomwire.upper_layer.connection import Buffer
from dicomwire.upper_layer.progress import PeerDoesNotRead, pause
from dicomwire.vocabulary.tls_words import alert_of

_A_MOMENT = 0.001
"""Seconds that a poll, which holds the lock, may take."""

_GRACE = 0.03
"""Seconds for a thread that waits to find by itself that its time is up."""


class SocketChannel:
    """One peer behind a connected socket.

    ``lock`` guards the session: whoever runs the shared logic holds it, and it is let go while a thread waits for
    the socket or for another thread.  At any time one thread reads and one writes at the most.
    """

    def __init__(self, sock: socket.socket, session: Session, lock: threading.Lock) -> None:
        self.sock = sock
        self.session = session
        self.lock = lock
        self.is_torn: bool = False
        self._has_sent_eof = self._has_seen_eof = False
        self._look_at: float | None = None
        """When the thread that writes looks again whether the peer takes it; None while nobody writes."""

        self._since = 0.0

        self._gave_up: PeerDoesNotRead | None = None
        self._is_tls = isinstance(sock, ssl.SSLSocket)
        self._stream: socket.socket | TLSStream
        self._timeouts: SocketTimeouts
        if isinstance(sock, ssl.SSLSocket) and not is_cooperative(sock):
            self._stream = stream = TLSStream(sock)
            self._timeouts = stream.timeouts
        else:
            # Of gevent's TLS sockets, too: it runs one greenlet at a time, and they wait by themselves.
            self._stream, self._timeouts = sock, timeouts_of(sock)
        self._connection = session.connection
        self._timers = session.connection.timers
        self._limits = session.connection.timeouts
        self._limit = self._limits.write
        self._pause = pause(self._limit)
        self._delivery = SocketDelivery(sock, session.connection)
        self._turns = ThreadTurns(lock, session, sock.close, self._delivery)
        self._acknowledge = acknowledge_with(sock)

    @property
    def transport_socket(self) -> socket.socket:
        return self.sock

    # -- writing --------------------------------------------------------------------------------------------------
    async def flush(self) -> None:
        """Write what the session has to send; on return its buffers may be used again.

        Raises:
            OSError: the peer cannot be written to, or does not read for too long.
        """
        turns = self._turns
        while turns.writing:
            # The thread that writes takes what we have queued with it.
            self._wait()
        buffers = self._connection.data_to_send()
        if not buffers:
            return
        if not turns.is_open or self.is_torn:
            raise BrokenPipeError("the connection is closed")
        turns.writing = True
        self.lock.release()
        try:
            self._write(buffers)
        except BaseException as error:
            # A KeyboardInterrupt, too.
            self.is_torn = True
            if self._gave_up is not None and isinstance(error, OSError):
                raise self._gave_up from None
            raise
        finally:
            self.lock.acquire()
            turns.writing = False
            self._look_at = None
            if turns.waiting or not turns.is_open:
                turns.look_up()

    def _write(self, buffers: list[Buffer]) -> None:
        if (limit := self._limits.write) is not self._limit:
            self._limit, self._pause = limit, pause(limit)
        seconds = self._pause
        self._since = since = time.monotonic()
        self._look_at = since + seconds
        timeouts = self._timeouts
        while True:
            # Each time: a thread that reads may have changed Python's timeout.
            if seconds is not timeouts.sending:
                timeouts.send(seconds)
            try:
                send_some(self._stream, buffers)
                if not buffers:
                    return
            except TIMED_OUT:
                pass
            self._delivery.moved = -sum(map(len, buffers))
            seconds = self._look()
            self._look_for_the_end()

    def _look(self) -> float:
        """The seconds that the write may wait on; PeerDoesNotRead if it has waited too long."""
        writing, now = self._connection.writing, time.monotonic()
        writing.begin(self._since)
        seconds = writing.go_on(now, self._delivery)
        self._look_at = now + seconds
        return seconds

    def _look_for_the_end(self) -> None:
        """A peer that does not read may have aborted, or gone: then nobody waits for it to read.

        Raises:
            OSError: it has.
        """
        with self.lock:
            if peer_has_ended(self.session, self._receive_at_once):
                raise ConnectionResetError("the peer has ended the association")

    # -- reading --------------------------------------------------------------------------------------------------
    async def pump(self) -> None:
        """Return once the session was fed more, told of the end of the stream, or told that its deadline passed."""
        connection, turns = self._connection, self._turns
        if connection.unseen:
            return
        if turns.reading:
            self._wait()
            return
        if not turns.is_open:
            connection.receive_data(b"")
            return
        now = time.monotonic()
        deadline = self._timers.next_deadline(now)
        buffer = connection.get_buffer()
        if connection.owes_acknowledgement:
            self._acknowledge(connection)
        turns.reading = True
        self.lock.release()
        try:
            count = self._receive(buffer, None if deadline is None else deadline - now)
        finally:
            self.lock.acquire()
            turns.reading = False
            if turns.waiting or not turns.is_open:
                turns.look_up()
        if count < 0:
            self.session.handle_deadline(time.monotonic(), self._delivery)
        else:
            connection.buffer_updated(count)

    def _receive(self, buffer: memoryview, seconds: float | None) -> int:
        """Bytes received, 0 at the end of the stream, -1 when the time is up."""
        if seconds is not None and seconds <= 0:
            return -1
        try:
            self._timeouts.receive(seconds)
            if count := self._stream.recv_into(buffer):
                return count
            self._has_seen_eof = True
            return 0
        except TIMED_OUT:
            return -1
        except OSError as error:
            # Reset, or the TLS stream broke off, or another thread closed it: the end of the stream, as far as the
            # protocol goes.
            self.session.alert = alert_of(error)
            return 0

    def poll(self) -> bool:
        """Feed the session what has arrived already, and deadlines that are over, without waiting; whether any came."""
        self.session.next_deadline(time.monotonic())
        received = self.session.wants_data and self._receive_at_once()
        if not received:
            self._acknowledge(self.session.connection)
        self.session.handle_deadline(time.monotonic(), self._delivery)
        return received

    def _receive_at_once(self) -> bool:
        """Feed the session what has arrived already, if nobody else reads; whether any came."""
        turns = self._turns
        if turns.is_open and not turns.reading and self._is_readable():
            buffer = self.session.get_buffer()
            # What is readable is received at once, but of a TLS record only a part may have come.
            count = self._receive(buffer, _A_MOMENT if self._is_tls else 1.0)
            if count >= 0:
                self.session.buffer_updated(count)
            return count >= 0
        return False

    def _is_readable(self) -> bool:
        if self._is_tls and self.sock.pending():  # type: ignore[attr-defined]
            return True
        if hasattr(select, "poll"):
            poller = select.poll()
            poller.register(self.sock, select.POLLIN)
            return bool(poller.poll(0))
        return bool(select.select([self.sock], [], [], 0)[0])

    # -- taking turns ---------------------------------------------------------------------------------------------
    def hold(self, held: bool) -> None:
        """Nothing to do: nobody receives but who deals with what was received."""

    async def turn(self) -> None:
        """Wait for another thread's :meth:`changed`, or for the next deadline."""
        self._wait()

    def _wait(self) -> None:
        if not self._turns.wait():
            self.wake_reader()

    def has_written(self, seconds: float) -> bool:
        """Whether nobody writes, or nobody any more after ``seconds`` at most."""
        return self._turns.has_written(seconds)

    def changed(self) -> None:
        """Wake the threads that wait in :meth:`turn`."""
        self._turns.wake()

    def wake_reader(self) -> None:
        """Let a thread that waits for the peer look up: the association is over."""
        if self._turns.reading and (self.session.connection.ending or self.session.connection.closed):
            self._shutdown(socket.SHUT_RD)

    def late_at(self, now: float) -> float | None:
        """When the thread that reads or writes waits too long: its deadline was moved, or signals have put it off."""
        if self._turns.writing and self._look_at is not None:
            return self._look_at + _GRACE
        deadline = self.session.next_deadline(now) if self._turns.reading else None
        return None if deadline is None else deadline + _GRACE

    def is_late(self) -> bool:
        """Whether a deadline has passed for a thread that waits: act on it, as that thread would."""
        now = time.monotonic()
        late_at = self.late_at(now)
        if late_at is None or now < late_at:
            return False
        if self._turns.writing:
            # Signals keep it from looking by itself.
            try:
                self._look()
            except PeerDoesNotRead as error:
                self._gave_up = error
                self.break_off()
            return False
        self.session.handle_deadline(now, self._delivery)
        return True

    @property
    def is_reading(self) -> bool:
        return self._turns.reading

    # -- the end --------------------------------------------------------------------------------------------------
    def _shutdown(self, how: int) -> None:
        try:
            # Not SSLSocket.shutdown, which would forget that the stream is encrypted while it is still used.
            socket.socket.shutdown(self.sock, how)
        except OSError:
            # It may be closed already, by the peer or by us.
            return

    def break_off(self) -> None:
        """Make a thread that is stuck in writing give up."""
        self._shutdown(socket.SHUT_RDWR)

    async def send_eof(self) -> None:
        """Half-close: nothing more will be sent.  Does nothing where the transport cannot, or is gone."""
        # A thread that reads goes on: it is the one to see that the peer has closed.
        if self._turns.is_open and not self._is_tls:
            self._shutdown(socket.SHUT_WR)
            self._has_sent_eof = True

    async def aclose(self) -> None:
        """Close the socket.  Never raises, may be called again."""
        if self._turns.is_open:
            # A thread that uses the socket gives up then.  And closing alone says nothing to the peer while a child of
            # a fork has the socket open, too.  Where both sides have said it already, there is nobody left to be told.
            if not (self._has_sent_eof and self._has_seen_eof):
                self._shutdown(socket.SHUT_RDWR)
            self._turns.leave()

    def forsake(self) -> None:
        """This process is a fork: close its copy of the socket, and leave the connection to its parent."""
        self._turns.forsake()

    def abandon(self) -> None:
        """Send what is queued if that needs no waiting, and close."""
        turns = self._turns
        if not turns.is_open:
            return
        turns.is_open = False
        buffers = self.session.data_to_send()
        if not turns.writing and not self.is_torn:
            # It would have to wait, or the peer is gone: then the peer hears no more from us.
            with contextlib.suppress(OSError):
                self._timeouts.send(0)
                self._stream.send(b"".join(buffers))
        self._shutdown(socket.SHUT_RDWR)
        turns.look_up()
