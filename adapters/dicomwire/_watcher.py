"""Notices what peers do while nobody calls: one thread for all idle requestors of the process."""

from __future__ import annotations

import selectors
import socket
import threading
import time
from typing import Protocol

_SETTLE = 0.05
"""Seconds without a call after which an association counts as idle.  Calls cost nothing in between."""


class Watched(Protocol):
    """What the watcher asks of an association."""

    @property
    def is_watched(self) -> bool:
        """False once it has ended."""
        ...

    @property
    def calls(self) -> int:
        """How many calls have begun so far."""
        ...

    @property
    def is_busy(self) -> bool:
        """A call is under way."""
        ...

    def watched_socket(self) -> socket.socket:
        """The socket to wait on."""
        ...

    def watch_deadline(self, now: float) -> float | None:
        """When something is overdue."""

    def attend(self) -> None:
        """Deal with what the peer did, or with what is overdue; in a thread of its own."""


class Watcher:
    """Waits for all idle associations at once; those in use are left alone until they have settled."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._selector = selectors.DefaultSelector()
        self._wake_in, self._wake_out = socket.socketpair()
        self._wake_in.setblocking(False)
        self._selector.register(self._wake_in, selectors.EVENT_READ, None)
        self._settling: dict[Watched, int] = {}
        self._armed: dict[Watched, float | None] = {}
        self._sleeping = False
        threading.Thread(target=self._run, name="dicomwire-watcher", daemon=True).start()

    def add(self, association: Watched) -> None:
        """Watch an association from when it has settled."""
        with self._lock:
            self._settling[association] = -1
            self._wake()

    def remove(self, association: Watched) -> None:
        """Forget an association, before its socket is closed."""
        with self._lock:
            self._settling.pop(association, None)
            self._disarm(association)

    def _wake(self) -> None:
        if self._sleeping:
            self._sleeping = False
            self._wake_out.send(b"\0")

    def _disarm(self, association: Watched) -> None:
        if association in self._armed:
            del self._armed[association]
            self._selector.unregister(association.watched_socket())

    def _run(self) -> None:
        while True:
            now = time.monotonic()
            with self._lock:
                self._arm(now)
                deadlines = [when for when in self._armed.values() if when is not None]
                wait = None if not deadlines else max(0.0, min(deadlines) - now)
                if self._settling:
                    wait = _SETTLE if wait is None else min(wait, _SETTLE)
                else:
                    self._sleeping = True
            ready = self._selector.select(wait)
            with self._lock:
                self._sleeping = False
                self._look(ready)

    def _arm(self, now: float) -> None:
        """Wait on those that nobody has called since the last look."""
        for association, calls in list(self._settling.items()):
            if not association.is_watched:
                del self._settling[association]
            elif association.is_busy or association.calls != calls:
                self._settling[association] = association.calls
            else:
                del self._settling[association]
                self._armed[association] = association.watch_deadline(now)
                self._selector.register(association.watched_socket(), selectors.EVENT_READ, association)

    def _look(self, ready: list[tuple[selectors.SelectorKey, int]]) -> None:
        now = time.monotonic()
        due = {association for association, when in self._armed.items() if when is not None and when <= now}
        for key, _ in ready:
            if key.data is None:
                self._wake_in.recv(4096)
            else:
                due.add(key.data)
        for association in due:
            self._disarm(association)
            if not association.is_watched:
                continue
            self._settling[association] = -1
            if not association.is_busy:
                threading.Thread(target=association.attend, name="dicomwire-attend", daemon=True).start()


_lock = threading.Lock()
_watcher: Watcher | None = None


def watcher() -> Watcher:
    """The watcher of this process; its thread starts with the first association."""
    global _watcher
    with _lock:
        if _watcher is None:
            _watcher = Watcher()
        return _watcher
