"""Notices what peers do while nobody calls: one thread for all idle requestors of the process.

The same thread looks after those that wait longer than they should.  A thread that waits in the kernel does so for the
time it has asked for, whatever somebody sets meanwhile; and with signals that come again and again it begins anew each
time, and never ends.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import socket
import threading
import time
from collections.abc import Callable
from typing import Protocol

from dicomwire.sockets.shortage import Shortage

_SETTLE = 0.05
"""Seconds without a call after which an association counts as idle.  Calls cost nothing in between."""

_LOOK_AGAIN = 0.5
"""Seconds after which a call that goes on is looked at again."""

_AWAKE = 1.0
"""Seconds for which it goes on looking when nothing is to be looked at: where associations come one after the other the
next finds it awake.  To wake a thread costs more than to have it look."""

_SOON = 0.005
"""Seconds until the next try to look at an association that is busy with something short."""


class Watched(Protocol):
    """What the watcher asks of an association."""

    is_armed: bool
    """Set by the watcher: it waits on the socket.  Whoever begins a call then calls :meth:`Watcher.stir`."""

    @property
    def is_watched(self) -> bool:
        """False once it has ended, and its socket is closed."""
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

    def late_at(self, now: float) -> float | None:
        """When a thread of it that waits now waits too long; None if there is none, or it may wait for ever."""

    def attend_late(self) -> None:
        """Deal with what is overdue, for a thread that does not know; in another one."""

    def take_timeouts(self) -> bool:
        """Its timeouts have been set; False if it is busy with something short, and has to be asked again."""
        ...


class Watcher:
    """Waits for all idle associations at once; those in use are left alone until they have settled.

    What is called may be interrupted by a signal whose handler calls again: so the lock is reentrant.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._selector = selectors.DefaultSelector()
        self._wake_in, self._wake_out = socket.socketpair()
        self._wake_in.setblocking(False)
        self._selector.register(self._wake_in, selectors.EVENT_READ, None)
        self._settling: dict[Watched, int] = {}
        self._armed: dict[Watched, float | None] = {}
        self._moved: dict[Watched, bool] = {}
        """Whose timeouts were set, with whether it is to be looked after as an idle one."""

        self._late: dict[Watched, float] = {}
        """Who may be waiting for an earlier deadline than it has, and when to look."""

        self._sleeping = False
        self._used_at = 0.0
        """When there was something to be looked at for the last time."""

        self._runs = False

    def start(self) -> None:
        """Start the thread; without one to be had, the next association that comes or goes tries again."""
        with self._lock:
            if not self._runs:
                self._runs = _start(self._run, "dicomwire-watcher")

    def add(self, association: Watched) -> None:
        """Watch an association from when it has settled."""
        if not self._runs:
            self.start()
        with self._lock:
            self._settling[association] = -1
            self._wake()

    def remove(self, association: Watched) -> None:
        """Forget an association, before its socket is closed."""
        if not self._runs:
            self.start()
        with self._lock:
            self._settling.pop(association, None)
            self._moved.pop(association, None)
            self._late.pop(association, None)
            self._disarm(association)

    def stir(self, association: Watched) -> None:
        """It is in use again."""
        with self._lock:
            if association in self._armed:
                self._disarm(association)
                self._settling[association] = -1
                self._wake()

    def move(self, association: Watched, *, idle: bool) -> None:
        """Its timeouts were set; ``idle``: it is looked after also while nobody waits for its peer."""
        with self._lock:
            self._moved[association] = idle
            self._wake()

    def forsake(self) -> None:
        """Let go of everything: the thread, and what the selector knows, are the parent's."""
        with contextlib.suppress(OSError):
            self._selector.close()
        self._wake_in.close()
        self._wake_out.close()

    def _wake(self) -> None:
        if self._sleeping:
            self._sleeping = False
            self._wake_out.send(b"\0")

    def _disarm(self, association: Watched) -> None:
        if association in self._armed:
            del self._armed[association]
            association.is_armed = False
            self._selector.unregister(association.watched_socket())

    def _run(self) -> None:
        while True:
            now = time.monotonic()
            with self._lock:
                self._take_moved(now)
                self._arm(now)
                self._look_at_late(now)
                whens = [when for when in self._armed.values() if when is not None]
                whens += self._late.values()
                wait = max(0.0, min(whens) - now) if whens else None
                if self._settling or self._moved:
                    self._used_at = now
                if now - self._used_at < _AWAKE:
                    soon = _SOON if self._moved else _SETTLE
                    wait = soon if wait is None else min(wait, soon)
                else:
                    self._sleeping = True
            ready = self._selector.select(wait)
            with self._lock:
                self._sleeping = False
                self._look(ready)

    def _take_moved(self, now: float) -> None:
        for association, idle in list(self._moved.items()):
            if not association.is_watched:
                del self._moved[association]
            elif association.take_timeouts():
                del self._moved[association]
                if idle:
                    self._disarm(association)
                    self._settling[association] = -1
                else:
                    self._late[association] = now

    def _arm(self, now: float) -> None:
        """Wait on those that nobody has called since the last look."""
        for association, calls in list(self._settling.items()):
            if not association.is_watched:
                del self._settling[association]
            elif association.is_busy or association.calls != calls:
                self._settling[association] = association.calls
                if association.calls == calls:
                    # The same call as at the last look: it waits, or works.
                    self._late.setdefault(association, now)
                else:
                    self._late.pop(association, None)
            else:
                self._try_to_arm(association, now)

    def _try_to_arm(self, association: Watched, now: float) -> None:
        association.is_armed = True
        if association.is_busy:
            # It has not seen that in time, and will not stir.
            association.is_armed = False
            return
        del self._settling[association]
        self._armed[association] = association.watch_deadline(now)
        self._selector.register(association.watched_socket(), selectors.EVENT_READ, association)

    def _look_at_late(self, now: float) -> None:
        for association, when in list(self._late.items()):
            if when > now:
                continue
            late_at = association.late_at(now) if association.is_watched else None
            if late_at is None:
                del self._late[association]
            elif late_at > now:
                # The next wait of a call may be for less than this one.
                most = now + _LOOK_AGAIN if association in self._settling else late_at
                self._late[association] = min(late_at, most)
            else:
                self._late[association] = now + _SETTLE
                _start(association.attend_late, "dicomwire-late")

    def _look(self, ready: list[tuple[selectors.SelectorKey, int]]) -> None:
        now = time.monotonic()
        due = {association for association, when in self._armed.items() if when is not None and when <= now}
        for key, _ in ready:
            if key.data is None:
                self._wake_in.recv(4096)
            elif key.data in self._armed:
                due.add(key.data)
        for association in due:
            self._disarm(association)
            if not association.is_watched:
                continue
            self._settling[association] = -1
            if not association.is_busy:
                _start(association.attend, "dicomwire-attend")


_shortage = Shortage("looking after idle associations")


def _start(work: Callable[[], None], name: str) -> bool:
    """Whether it could be started: else it is tried again."""
    try:
        threading.Thread(target=work, name=name, daemon=True).start()
    except RuntimeError as error:
        _shortage.lasts(error, time.monotonic())
        return False
    _shortage.is_over(time.monotonic())
    return True


_lock = threading.RLock()
_watcher: Watcher | None = None


def watcher() -> Watcher:
    """The watcher of this process; its thread starts with the first association."""
    global _watcher
    with _lock:
        if _watcher is not None:
            return _watcher
        made = _watcher = Watcher()
    # Without the lock: under gevent others run meanwhile.
    made.start()
    return made


def _after_fork() -> None:
    """The child has no such thread, and the selector is its parent's: both have the same list of sockets."""
    global _lock, _watcher
    inherited, _watcher = _watcher, None
    _lock = threading.RLock()
    if inherited is not None:
        inherited.forsake()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
