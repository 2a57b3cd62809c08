"""Threads that share one association: whoever runs its logic holds a lock, which is open while user code runs."""

from __future__ import annotations

import contextvars
import socket
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine
from datetime import datetime
from functools import partial
from typing import Any, TypeVar

from dicomwire import _config
from dicomwire._logging import logger
from dicomwire.associations.coroutines import run
from dicomwire.associations.line import Line
from dicomwire.associations.user_code import UserCodeEnded, is_awaitable
from dicomwire.blocking.idle_watcher import watcher
from dicomwire.blocking.socket_channel import SocketChannel
from dicomwire.blocking.transport_channel import Transport, TransportChannel
from dicomwire.sockets.forking import free
from dicomwire.sockets.interrupts import is_interrupt

LOGGER = logger(__name__)

T = TypeVar("T")

_A_MOMENT = 0.005
"""Seconds for which another thread may have the lock, mostly."""


class ThreadHost:
    """The host of an association whose verbs block; also what the watcher watches."""

    line: Line
    """The association's, once that is made."""

    def __init__(self) -> None:
        self.lock: threading.Lock = threading.Lock()
        self.channel: SocketChannel | None = None
        """The one that the watcher knows about."""

        self._other_channel: TransportChannel | None = None
        self.is_armed: bool = False
        self._finished: threading.Condition | None = None
        """There once somebody waits for the end."""

        self._variables = contextvars.copy_context() if _config.PASS_CONTEXTVARS else None
        self._call_count = 0
        self._running = 0
        self._is_known_to_watcher = False

    def channel_over_socket(self, sock: socket.socket) -> SocketChannel:
        """The channel over a socket that is connected."""
        self.channel = SocketChannel(sock, self.line.session, self.lock)
        return self.channel

    def channel_over(self, transport: Transport) -> TransportChannel:
        """The channel over a connection of another kind; nobody looks after it while nobody calls."""
        self._other_channel = TransportChannel(transport, self.line.session, self.lock)
        return self._other_channel

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run a verb to its end."""
        self._call_count += 1
        try:
            with self.lock:
                self._running += 1
                if self.is_armed:
                    watcher().stir(self)
                try:
                    return run(coroutine)
                finally:
                    self._running -= 1
        except BaseException:
            # A signal, while it waited for the lock: it has not begun, and Python would complain of that.
            coroutine.close()
            raise

    def wait_closed(self, timeout: float | None) -> None:
        """Wait until all is over, ``timeout`` seconds at most."""
        standing = self.line.standing
        with self.lock:
            if self._finished is None:
                self._finished = threading.Condition(self.lock)
            self._finished.wait_for(lambda: not standing.was_opened or standing.is_closed, timeout)

    # -- what the shared logic asks -------------------------------------------------------------------------------
    def opened(self, channel: Any) -> None:
        """Nothing to do: it is known."""

    def timestamp(self) -> datetime:
        """The time of day."""
        return datetime.now()

    def seconds(self) -> float:
        """Those of the system that go on evenly."""
        return time.monotonic()

    async def call(self, function: Callable[..., Any], *args: Any) -> Any:
        """Run user code, which may call methods of its association, and take its time."""
        self.lock.release()
        try:
            if self._variables is not None:
                return self._passing_variables(_performed)(function, *args)
            result = function(*args)
            # By itself, so that one that waits for an event loop fails alone.
            return run(_awaited(result)) if is_awaitable(result) else result
        except Exception:
            raise
        except BaseException as error:
            if is_interrupt(error):
                raise
            raise UserCodeEnded(error) from error
        finally:
            self.lock.acquire()

    def call_now(self, function: Callable[..., Any], *args: Any) -> None:
        """The same for plain code, where nothing can be awaited."""
        self.lock.release()
        try:
            self._passing_variables(function)(*args)
        except Exception:
            raise
        except BaseException as error:
            if is_interrupt(error):
                raise
            raise UserCodeEnded(error) from error
        finally:
            self.lock.acquire()

    def _passing_variables(self, function: Callable[..., T]) -> Callable[..., T]:
        # A copy: no context can be entered twice, and handlers may call what calls handlers.
        return function if self._variables is None else partial(self._variables.copy().run, function)

    def spawn(self, work: Coroutine[Any, Any, None]) -> bool:
        """Run ``work`` in a thread of its own; False if there is none to be had."""
        name = f"dicomwire-operation-{self.line.sides.peer_name}"
        try:
            threading.Thread(target=self._run_spawned, args=(work, self.line), name=name, daemon=True).start()
        except RuntimeError as error:
            LOGGER.warning("operations for %s go one after the other: %s", self.line.sides.peer_name, error)
            return False
        return True

    def _run_spawned(self, work: Coroutine[Any, Any, None], line: Line) -> None:
        try:
            self.run(work)
        except Exception:
            LOGGER.exception("an operation for %s failed", line.sides.peer_name)

    def face(self, work: Coroutine[Any, Any, T]) -> T:
        """Run it."""
        return self.run(work)

    def apart(self, function: Callable[[], T]) -> T:
        """Run a little of the logic for user code, where the lock is open."""
        with self.lock:
            return function()

    def timeouts_set(self, take: Callable[[], None]) -> None:
        """See to it that those who wait hear of it."""
        # Whoever sets a timeout may be a signal handler, in the middle of anything: another thread takes the lock.
        if self._other_channel is not None:
            self._other_channel.timeouts_set = True
        elif self.line.standing.was_opened and not self.line.standing.is_closed:
            self._is_known_to_watcher = True
            watcher().move(self, idle=self.line.sides.is_requestor)

    def left_over(self) -> None:
        """Nothing to do: the watcher looks whether anything is left."""

    def closing(self) -> None:
        """The watcher need not look any more."""
        if self._is_known_to_watcher:
            self._is_known_to_watcher = False
            watcher().remove(self)

    def closed(self) -> None:
        """Let those go on who wait in :meth:`wait_closed`."""
        if self._finished is not None:
            self._finished.notify_all()

    def forsake(self) -> None:
        """This process is a fork."""
        # A thread that the child does not have may hold it.
        free(self.lock)
        self.is_armed = self._is_known_to_watcher = False
        for channel in (self.channel, self._other_channel):
            if channel is not None:
                channel.forsake()

    # -- what the watcher asks ------------------------------------------------------------------------------------
    def watch(self) -> None:
        """Have the association looked after while nobody calls."""
        self._is_known_to_watcher = True
        watcher().add(self)

    @property
    def is_watched(self) -> bool:
        return not self.line.standing.is_closed

    @property
    def calls(self) -> int:
        return self._call_count

    @property
    def is_busy(self) -> bool:
        return self._running > 0

    def watched_socket(self) -> socket.socket:
        """The socket for the watcher to wait on."""
        assert self.channel is not None
        return self.channel.sock

    def watch_deadline(self, now: float) -> float | None:
        """When the watcher must look at the latest; None if nothing is to happen."""
        # Never wait for the lock here: who holds it may be waiting for the watcher, to be forgotten.
        if not self.lock.acquire(blocking=False):
            return now
        try:
            session = self.line.session
            # What came with the last response does not make the socket readable any more.
            return session.next_deadline(now) if session.wants_data else now
        finally:
            self.lock.release()

    def attend(self) -> None:
        """Deal with what has come, or is over, while no thread of the user's does."""
        self.run(self.line.attend())

    def take_timeouts(self) -> bool:
        """Let those who wait see that timeouts were set; False if that is not possible now."""
        if not self.lock.acquire(blocking=False):
            return False
        try:
            self.line.take_timeouts()
            if self.channel is not None:
                self.channel.changed()
        finally:
            self.lock.release()
        return True

    def late_at(self, now: float) -> float | None:
        """When a thread that waits in a call waits too long; None if none does."""
        if not self.lock.acquire(blocking=False):
            return now + _A_MOMENT
        try:
            return None if self.channel is None else self.channel.late_at(now)
        finally:
            self.lock.release()

    def attend_late(self) -> None:
        """Act for a thread that waits too long."""
        self.run(self._attend_late())

    async def _attend_late(self) -> None:
        channel = self.channel
        if channel is not None and channel.is_late():
            # What has come of it by now is told to the peer; whoever waits tells the user.
            await self.line.flush()
            channel.changed()
            channel.wake_reader()


def _performed(function: Any, *args: Any) -> Any:
    result = function(*args)
    return run(_awaited(result)) if is_awaitable(result) else result


async def _awaited(result: Awaitable[T]) -> T:
    return await result
