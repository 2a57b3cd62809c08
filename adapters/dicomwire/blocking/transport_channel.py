"""A channel over any transport that blocks, for threads that take turns."""

from __future__ import annotations

import contextlib
import threading
import time
from functools import partial
from typing import Protocol

from dicomwire.blocking.thread_turns import ThreadTurns
from dicomwire.dimse.session import Session
from dicomwire.upper_layer.connection import Buffer

_LOOK = 0.25
"""The most seconds that a thread waits for the peer before it looks whether something has changed meanwhile."""

_AT_ONCE = 64 * 1024
"""Buffers that are shorter, all together, are joined."""


class Transport(Protocol):
    """What carries the bytes of one connection.

    At any time one thread sends and one receives, at the most; :meth:`close` is called when none does.
    """

    def receive(self, seconds: float) -> Buffer:
        """The next bytes, as many as there are; ``b""`` when the peer sends nothing more.

        Waits at most so many seconds for the first of them; with 0, takes what is there.

        Raises:
            TimeoutError: there were none.
            OSError: the connection is lost; that is its end.
        """
        ...

    def send(self, data: Buffer, seconds: float | None) -> None:
        """Send all of ``data``, whose memory is used again when this returns.

        Raises:
            TimeoutError: the peer took nothing for so many seconds; None: it may take as long as it likes.
            OSError: it cannot be reached.
        """

    def send_eof(self) -> None:
        """Let the peer know that nothing more is sent, if the transport can say so and still receive."""

    def close(self) -> None:
        """Close; may be called again."""


class TransportChannel:
    """One peer behind a :class:`Transport`.

    ``lock`` guards the session: whoever runs the shared logic holds it, and it is let go while a thread waits for the
    peer or for another thread.
    """

    transport_socket = None

    def __init__(self, transport: Transport, session: Session, lock: threading.Lock) -> None:
        self.session = session
        self.is_torn: bool = False
        self._transport = transport
        self._lock = lock
        self._turns = ThreadTurns(lock, session, partial(_close, transport))
        self.timeouts_set: bool = False
        """By anybody, in the middle of anything: whoever waits sees to it."""

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
        buffers = self.session.data_to_send()
        if not buffers:
            return
        if not turns.is_open or self.is_torn:
            raise BrokenPipeError("the connection is closed")
        turns.writing = True
        self._lock.release()
        try:
            self._send(buffers)
        except BaseException:
            self.is_torn = True
            raise
        finally:
            self._lock.acquire()
            turns.writing = False
            turns.look_up()

    def _send(self, buffers: list[Buffer]) -> None:
        if sum(map(len, buffers)) <= _AT_ONCE:
            buffers = [b"".join(buffers)]
        for data in buffers:
            self._transport.send(data, self.session.connection.timeouts.write)

    # -- reading --------------------------------------------------------------------------------------------------
    async def pump(self) -> None:
        """Return once the session was fed more, told of the end of the stream, or told that its deadline passed."""
        session, turns = self.session, self._turns
        if not session.wants_data:
            return
        if turns.reading:
            self._wait()
            return
        turns.reading = True
        try:
            while True:
                self._take_timeouts()
                deadline = session.next_deadline(now := time.monotonic())
                left = _LOOK if deadline is None else min(_LOOK, deadline - now)
                if left <= 0:
                    session.handle_deadline(now)
                    return
                if self._take(left) or not session.wants_data:
                    return
        finally:
            turns.reading = False
            turns.look_up()

    def _take(self, seconds: float) -> bool:
        """Feed the session what comes in so many seconds, or the end of the stream; False if nothing does."""
        data: Buffer = b""
        if self._turns.is_open:
            self._lock.release()
            try:
                data = self._transport.receive(seconds)
            except TimeoutError:
                return False
            except OSError:
                # Lost: the end of the stream, as far as the protocol goes.
                pass
            finally:
                self._lock.acquire()
        if self.session.wants_data:
            # Else it was aborted meanwhile.
            self.session.receive_data(data)
        return True

    def poll(self) -> bool:
        """Feed the session what has arrived already, and deadlines that are over, without waiting; whether any came."""
        self.session.next_deadline(time.monotonic())
        turns = self._turns
        received = False
        if turns.is_open and not turns.reading and self.session.wants_data:
            turns.reading = True
            try:
                received = self._take(0)
            finally:
                turns.reading = False
                turns.look_up()
        self.session.handle_deadline(time.monotonic())
        return received

    # -- taking turns ---------------------------------------------------------------------------------------------
    def hold(self, held: bool) -> None:
        """Nothing to do: nobody receives but who deals with what was received."""

    async def turn(self) -> None:
        """Wait for another thread's :meth:`changed`, or for the next deadline."""
        self._wait()

    def _wait(self) -> None:
        self._take_timeouts()
        self._turns.wait()

    def _take_timeouts(self) -> None:
        if self.timeouts_set:
            self.timeouts_set = False
            self.session.deadline.timeouts_changed()

    def changed(self) -> None:
        """Wake the threads that wait in :meth:`turn`."""
        self._turns.wake()

    # -- the end --------------------------------------------------------------------------------------------------
    async def send_eof(self) -> None:
        """Half-close: nothing more will be sent.  Does nothing where the transport cannot, or is gone."""
        if self._turns.is_open and not self._turns.writing:
            with contextlib.suppress(OSError):
                self._transport.send_eof()

    async def aclose(self) -> None:
        """Close the transport.  Never raises, may be called again."""
        # Not under the hands of the thread that uses it; that one looks up soon.
        self._turns.leave()

    def abandon(self) -> None:
        """Send what is queued if that needs no waiting, and close."""
        turns = self._turns
        if not turns.is_open:
            return
        turns.is_open = False
        data = b"".join(self.session.data_to_send())
        if data and not turns.writing and not self.is_torn:
            with contextlib.suppress(OSError):
                self._transport.send(data, 0)
        turns.look_up()

    def forsake(self) -> None:
        """This process is a fork: close its copy of the transport, and leave the connection to its parent."""
        self._turns.forsake()


def _close(transport: Transport) -> None:
    with contextlib.suppress(OSError):
        transport.close()
