"""Threads that are used again: starting one costs more than all else about a short association."""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections import deque
from collections.abc import Callable

from dicomwire.sockets.shortage import NoThreadLeft

_MOST_IDLE = 16
_PATIENCE = 5.0
"""Seconds that a thread waits for more work."""

_LAST_STEPS = 1.0
"""Seconds that :meth:`Workers.join` waits at most: a signal may have interrupted what an ending thread needs."""

Job = tuple[Callable[[], object], str]
Inbox = queue.SimpleQueue[Job | None]


class Workers:
    """Runs each job in a thread of its own, which may have run others before."""

    def __init__(self) -> None:
        # Both ends of a deque are safe to use from several threads.
        self._idle: deque[tuple[Inbox, threading.Thread]] = deque()
        self._ending: deque[threading.Thread] = deque()
        self._is_closed = False

    def run(self, work: Callable[[], object], name: str) -> None:
        """Run ``work``, which must not raise, in a thread of that name.

        Raises:
            NoThreadLeft: there is none, and the system starts none.
        """
        try:
            self._idle.pop()[0].put((work, name))
        except IndexError:
            inbox: Inbox = queue.SimpleQueue()
            # Not as an argument of the thread, which would keep it to its end.
            inbox.put((work, name))
            try:
                threading.Thread(target=self._work, args=(inbox,), name=name, daemon=True).start()
            except RuntimeError as error:
                raise NoThreadLeft(str(error)) from error

    def close(self) -> None:
        """Let the idle threads end, and those at work when they are done."""
        self._is_closed = True
        with contextlib.suppress(IndexError):
            while True:
                inbox, thread = self._idle.pop()
                self._ending.append(thread)
                inbox.put(None)

    def join(self) -> None:
        """Wait until the threads that :meth:`close` found idle have ended; those at work are not waited for."""
        until = time.monotonic() + _LAST_STEPS
        with contextlib.suppress(IndexError):
            while True:
                self._ending.pop().join(max(0.0, until - time.monotonic()))

    def _work(self, inbox: Inbox) -> None:
        job = inbox.get()
        thread = threading.current_thread()
        while job is not None:
            work, thread.name = job
            work()
            # Nothing of the job may stay in memory while the thread waits.
            del work, job
            if self._is_closed or len(self._idle) >= _MOST_IDLE:
                return
            thread.name = "dicomwire-idle"
            self._idle.append((inbox, thread))
            if self._is_closed:
                self.close()
            job = self._next(inbox, thread)

    def _next(self, inbox: Inbox, thread: threading.Thread) -> Job | None:
        try:
            return inbox.get(timeout=_PATIENCE)
        except queue.Empty:
            with contextlib.suppress(ValueError):
                self._idle.remove((inbox, thread))
                return None
            # Taken at the last moment: a job is on its way.
            return inbox.get()
