"""Worker processes, and the one that starts them, starts them again when they die, and ends them."""

from __future__ import annotations

import logging
import multiprocessing
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection, wait
from multiprocessing.context import BaseContext
from multiprocessing.process import BaseProcess
from typing import Any

from attrs import define, field

from dicomwire.apps._common.exit_codes import CannotStart
from dicomwire.apps._common.output import logging_settings
from dicomwire.apps._common.worker_process import ABORT, FINISH, RENEW, Work, perform
from dicomwire.blocking.signals import signals_written_to

METHOD = "fork" if sys.platform == "linux" else "spawn"
"""How a process is made.  Forks start at once, and have what was read already, as the key of a certificate.  Ours has
one thread, so they are safe, but not where the system's own libraries have others: macOS."""

FIRST_PAUSE = 0.1
LONGEST_PAUSE = 30.0
"""Seconds before a worker that has died is replaced: twice as long each time."""

SETTLED = 60.0
"""Seconds after which the death of a worker has nothing to do with that of the one before."""

_LAST = 5.0
"""Seconds beyond those that they have by themselves until workers are killed."""


@define(eq=False)
class _Place:
    """A worker, and those that take its place."""

    work: Work
    name: str
    process: BaseProcess | None = None
    connection: Connection | None = None
    is_ready: bool = False
    pause: float = 0.0
    began: float = 0.0
    due: float = 0.0
    """When to start it, if it does not run."""

    def order(self, order: bytes) -> None:
        """Tell the worker, if there is one."""
        if self.connection is not None:
            with suppress(OSError):
                self.connection.send_bytes(order)


@define(eq=False)
class Supervisor:
    """Keeps a worker running for each of ``works``, until SIGINT or SIGTERM."""

    works: Sequence[Work]
    logger: logging.Logger
    begun: Callable[[], object]
    """Called when the first worker is ready."""

    ending: Callable[[], object]
    """Called once, when they are told to finish."""

    drain: float = 10.0
    """Seconds in which they let operations finish."""

    renewed: Callable[[], Sequence[Work] | None] | None = None
    """Called after SIGHUP: what those do that begin from then on.  Those that run are told to renew themselves, unless
    it gives None.  Without it SIGHUP is not looked at."""

    _places: list[_Place] = field(init=False)
    _context: BaseContext = field(init=False)
    _wakeup: tuple[socket.socket, socket.socket] = field(factory=socket.socketpair, init=False)
    _signals: int = field(default=0, init=False)
    _hangups: int = field(default=0, init=False)
    _has_begun: bool = field(default=False, init=False)
    _is_ending: bool = field(default=False, init=False)
    _last: float = field(default=0.0, init=False)
    """When those are killed that still run."""

    def __attrs_post_init__(self) -> None:
        self._places = [_Place(work, f"worker {number}") for number, work in enumerate(self.works, 1)]
        self._context = multiprocessing.get_context(METHOD)

    def run(self) -> None:
        """Return when all workers have ended after a signal.

        Raises:
            CannotStart: one has died before any was ready.
        """
        with self._counting_signals():
            try:
                while not self._is_ending or any(place.process is not None for place in self._places):
                    self._start_due()
                    self._wait()
                    self._obey_signals()
            finally:
                self._kill()
                for place in self._places:
                    if place.process is not None:
                        place.process.join()

    @contextmanager
    def _counting_signals(self) -> Iterator[None]:
        wake_in, wake_out = self._wakeup
        wake_in.setblocking(False)
        wake_out.setblocking(False)
        before: dict[signal.Signals, Any] = {}
        with wake_in, wake_out, signals_written_to(wake_out) as relay:
            if relay is not None:
                for number in (signal.SIGINT, signal.SIGTERM):
                    # Who ignores one goes on doing so: a shell does that for what runs in the background.
                    if signal.getsignal(number) is not signal.SIG_IGN:
                        before[number] = signal.signal(number, self._count)
                if self.renewed is not None and sys.platform != "win32":
                    before[signal.SIGHUP] = signal.signal(signal.SIGHUP, self._count_hangup)
            try:
                yield
            finally:
                for number, handler in before.items():
                    signal.signal(number, handler)

    def _count(self, number: int, frame: object) -> None:
        self._signals += 1

    def _count_hangup(self, number: int, frame: object) -> None:
        self._hangups += 1

    def _obey_signals(self) -> None:
        if self._hangups and self.renewed is not None:
            # However many came, once is enough.
            self._hangups = 0
            if works := self.renewed():
                for place, work in zip(self._places, works, strict=True):
                    place.work = work
                self._order(RENEW)
        if self._signals and not self._is_ending:
            self._signals -= 1
            self._is_ending = True
            self._last = time.monotonic() + self.drain + _LAST
            text = "Interrupted: shutting down, operations may finish in %g s; once more aborts them"
            self.logger.info(text, self.drain)
            self.ending()
            self._order(FINISH)
        if self._signals:
            self._signals = 0
            self._last = min(self._last, time.monotonic() + _LAST)
            self._order(ABORT)
        if self._is_ending and time.monotonic() >= self._last:
            self._kill()

    def _order(self, order: bytes) -> None:
        for place in self._places:
            place.order(order)

    # -- their lives ----------------------------------------------------------------------------------------------
    def _start_due(self) -> None:
        if self._is_ending:
            return
        now = time.monotonic()
        for place in self._places:
            if place.process is None and place.due <= now:
                place.began, place.is_ready = now, False
                try:
                    self._start(place)
                except OSError as error:
                    self._died(place, f"cannot be started: {error}")

    def _start(self, place: _Place) -> None:
        ours, theirs = self._context.Pipe()
        is_fork = METHOD == "fork"
        others = [other.connection for other in self._places if other.connection is not None]
        arguments = (
            place.work,
            theirs,
            [ours, *others, *self._wakeup] if is_fork else [],
            None if is_fork else logging_settings(),
        )
        process: Any = self._context.Process(target=perform, args=arguments, name=place.name)  # type: ignore[attr-defined]
        try:
            process.start()
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
        place.process, place.connection = process, ours

    def _wait(self) -> None:
        """Until a worker says something or ends, a signal comes, or something is due."""
        now = time.monotonic()
        idle = [place.due for place in self._places if place.process is None]
        whens = [self._last] if self._is_ending else idle
        timeout = max(0.0, min(whens) - now) if whens else None
        by_thing: dict[Any, _Place] = {}
        for place in self._places:
            if place.process is not None:
                by_thing[place.process.sentinel] = place
                if not place.is_ready:
                    by_thing[place.connection] = place
        for thing in wait([self._wakeup[0], *by_thing], timeout):
            if thing is self._wakeup[0]:
                with suppress(BlockingIOError):
                    self._wakeup[0].recv(4096)
            elif isinstance(thing, int):
                self._ended(by_thing[thing])
            else:
                self._heard(by_thing[thing])

    def _heard(self, place: _Place) -> None:
        if place.connection is None:
            # What it said has been heard when it ended.
            return
        place.is_ready = True
        try:
            place.connection.recv_bytes()
        except (EOFError, OSError):
            # The end of the process is noticed by itself.
            return
        if not self._has_begun:
            self._has_begun = True
            self.begun()

    def _ended(self, place: _Place) -> None:
        process, place.process = place.process, None
        assert process is not None and place.connection is not None
        if not place.is_ready and place.connection.poll():
            self._heard(place)
        process.join()
        place.connection.close()
        place.connection = None
        code = process.exitcode or 0
        who = f"(process {process.pid})"
        process.close()
        if not self._is_ending:
            self._died(place, f"{who} was killed by signal {-code}" if code < 0 else f"{who} ended with code {code}")
        elif code:
            self.logger.error("%s %s did not end by itself", place.name, who)

    def _died(self, place: _Place, how: str) -> None:
        """There is to be another one.

        Raises:
            CannotStart: none could begin.
        """
        if not self._has_begun:
            raise CannotStart(f"{place.name} {how}, before it could begin")
        now = time.monotonic()
        before = 0.0 if now - place.began >= SETTLED else place.pause
        place.pause = min(max(FIRST_PAUSE, 2 * before), LONGEST_PAUSE)
        place.due = now + place.pause
        self.logger.error("%s %s: another one starts in %g s", place.name, how, place.pause)

    def _kill(self) -> None:
        for place in self._places:
            if place.process is not None:
                place.process.kill()
