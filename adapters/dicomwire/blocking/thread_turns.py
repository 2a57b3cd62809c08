"""Threads that use one association take turns: one reads for all, one writes, the others wait for those."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from dicomwire.dimse.session import Session
from dicomwire.upper_layer.progress import Delivery


class ThreadTurns:
    """Who reads from a transport, and who writes to it.

    Everything here is used by who holds ``lock``.  It is let go while a thread waits in :meth:`wait`, or for the
    transport.  Who is about to do that says so by ``reading`` or ``writing``; when it is done it takes that back, and
    calls :meth:`look_up` if somebody is ``waiting`` or the connection is not open any more.
    """

    def __init__(
        self, lock: threading.Lock, session: Session, close: Callable[[], None], delivery: Delivery | None = None
    ) -> None:
        self.lock = lock
        self.reading: bool = False
        self.writing: bool = False
        self.waiting: int = 0
        """How many threads wait for one of those."""

        self.is_open: bool = True
        """Who finds it False leaves the transport alone; the last thread that uses it closes it."""

        self._session = session
        self._close = close
        self._delivery = delivery
        self._condition: threading.Condition | None = None
        """There once somebody waits: most associations have one thread."""

    def wait(self) -> bool:
        """Let another thread go on until it has changed something; False if a deadline has passed, which is handled."""
        now = time.monotonic()
        deadline = self._session.next_deadline(now)
        woken = self._wait(None if deadline is None else max(0.0, deadline - now))
        if not woken:
            self._session.handle_deadline(time.monotonic(), self._delivery)
        return woken

    def _wait(self, seconds: float | None) -> bool:
        self.waiting += 1
        try:
            return self._changes().wait(seconds)
        finally:
            self.waiting -= 1

    def _changes(self) -> threading.Condition:
        if self._condition is None:
            self._condition = threading.Condition(self.lock)
        return self._condition

    def wake(self) -> None:
        """Something has changed: let those who wait look."""
        if self.waiting:
            self._changes().notify_all()

    def look_up(self) -> None:
        """A thread is done with the transport, or the connection is not open any more: who waits goes on."""
        if not self.is_open and not self.reading and not self.writing:
            self._close()
        self.wake()

    def leave(self) -> None:
        """Nobody may use the transport any more: return when the last thread that does has closed it."""
        self.is_open = False
        while self.reading or self.writing:
            self._wait(None)
        self._close()

    def has_written(self, seconds: float) -> bool:
        """Whether nobody writes, or nobody any more after ``seconds`` at most; for who does not hold the lock."""
        if not self.writing:
            return True
        with self.lock:
            self.waiting += 1
            try:
                return self._changes().wait_for(lambda: not self.writing, seconds)
            finally:
                self.waiting -= 1

    def forsake(self) -> None:
        """This process is a fork: the threads are its parent's, and so is the connection; our copy is closed."""
        self.is_open = self.reading = self.writing = False
        self.waiting = 0
        self._close()
