"""An association whose verbs block."""

from __future__ import annotations

import contextvars
import inspect
import socket
import threading
from collections.abc import Awaitable, Callable, Coroutine
from datetime import datetime
from functools import partial
from types import TracebackType
from typing import Any, Self, TypeVar

from dicomwire import _config
from dicomwire._logging import logger
from dicomwire.associations import events as evt
from dicomwire.associations.association import AssociationBase
from dicomwire.associations.coroutines import run
from dicomwire.associations.ending import refuse_to_wait
from dicomwire.associations.entity import ApplicationEntityBase
from dicomwire.blocking.channel import SocketChannel
from dicomwire.blocking.faces import blocking, iterated
from dicomwire.blocking.transport_channel import Transport, TransportChannel
from dicomwire.blocking.watcher import watcher
from dicomwire.operations.echo_scu import send_c_echo
from dicomwire.operations.normalized_scu import (
    send_n_action,
    send_n_create,
    send_n_delete,
    send_n_event_report,
    send_n_get,
    send_n_set,
)
from dicomwire.operations.query_scu import send_c_cancel, send_c_find, send_c_get, send_c_move
from dicomwire.operations.store_scu import send_c_store, send_c_store_many
from dicomwire.sockets.forking import free, tell_forks
from dicomwire.upper_layer.pdus import Abort, AssociateRJ
from dicomwire.upper_layer.state import Role

LOGGER = logger(__name__)

T = TypeVar("T")

_A_MOMENT = 0.005
"""Seconds for which another thread may have the lock, mostly."""

_TO_FINISH = 0.1
"""Seconds for a thread that writes to have written, before its association is broken off."""

# With names of their own, as type checkers take the types of names for declared ones, and those of calls not.
_send_c_echo = blocking(send_c_echo)
_send_c_store = blocking(send_c_store)
_send_c_store_many = iterated(send_c_store_many)
_send_c_find = iterated(send_c_find)
_send_c_get = iterated(send_c_get)
_send_c_move = iterated(send_c_move)
_send_c_cancel = blocking(send_c_cancel)
_send_n_action = blocking(send_n_action)
_send_n_create = blocking(send_n_create)
_send_n_delete = blocking(send_n_delete)
_send_n_event_report = blocking(send_n_event_report)
_send_n_get = blocking(send_n_get)
_send_n_set = blocking(send_n_set)


class Association(AssociationBase):
    """An association whose verbs block.  May be used from several threads; ``with`` releases it at the end."""

    def __init__(self, ae: ApplicationEntityBase, role: Role, handlers: evt.HandlerTable) -> None:
        super().__init__(ae, role, handlers)
        self.name += f"@{self._timestamp():%Y%m%d%H%M%S}"
        self._lock = threading.Lock()
        self._finished = threading.Condition(self._lock)
        self._variables = contextvars.copy_context() if _config.PASS_CONTEXTVARS else None
        self._call_count = 0
        self._running = 0
        self.is_armed: bool = False
        self._is_known_to_watcher = False
        self.ident: int = threading.get_ident()
        """The thread that opened it, or serves it."""

        self.native_id: int = threading.get_native_id()
        """That thread as the system numbers it."""

        self.daemon = True
        """An association does not keep a program alive; setting this has no effect."""
        # Not only by its AE, which forgets it while a thread is still at its end, and holds the lock.
        tell_forks(self)

    send_c_echo = _send_c_echo
    send_c_store = _send_c_store
    send_c_store_many = _send_c_store_many
    send_c_find = _send_c_find
    send_c_get = _send_c_get
    send_c_move = _send_c_move
    send_c_cancel = _send_c_cancel
    send_n_action = _send_n_action
    send_n_create = _send_n_create
    send_n_delete = _send_n_delete
    send_n_event_report = _send_n_event_report
    send_n_get = _send_n_get
    send_n_set = _send_n_set

    def release(self) -> None:
        """Release the association: returns when it is released, aborted or ``acse_timeout`` has passed.

        Does nothing if it is not established.
        """
        self._run(self._release())

    def abort(self, block: bool = True) -> None:
        """Abort the association, with ``block`` until the connection is closed; does nothing if it has ended."""
        channel = self._channel
        if isinstance(channel, SocketChannel) and not channel.has_written(_TO_FINISH if block else _A_MOMENT):
            # Another thread is in the middle of a PDU: there is no way to say it nicely.
            channel.break_off()
        self._run(self._abort(block=block))

    def is_alive(self) -> bool:
        """The association runs, or handlers are still being told of its end, ``EVT_CONN_CLOSE`` last."""
        return self._channel is not None and not self._closed

    def getName(self) -> str:
        """``name``, as threads have it."""
        return self.name

    def join(self, timeout: float | None = None) -> None:
        """Wait until the association has ended and its last handlers have returned, ``timeout`` seconds at most.

        Raises:
            RuntimeError: it would wait for itself, in a handler that is told of its end.
        """
        refuse_to_wait(self)
        with self._finished:
            self._finished.wait_for(lambda: self._channel is None or self._closed, timeout)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if kind is None:
            self.release()
        else:
            self.abort()

    # -- how shared coroutines run in threads ---------------------------------------------------------------------
    def _run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        self._call_count += 1
        with self._lock:
            self._running += 1
            if self.is_armed:
                watcher().stir(self)
            try:
                return run(coroutine)
            finally:
                self._running -= 1
                if self._closed:
                    self._finished.notify_all()

    @property
    def _is_at_work(self) -> bool:
        """It serves a request of the peer: nobody is waiting for the next one."""
        channel = self._channel
        return isinstance(channel, SocketChannel) and not self._ended and (self._serving > 0 or not channel.is_reading)

    def _call_now(self, function: Any, *args: Any) -> None:
        self._lock.release()
        try:
            self._passing_variables(function)(*args)
        finally:
            self._lock.acquire()

    async def _call(self, function: Any, *args: Any) -> Any:
        # A handler may call methods of its association, and take its time.
        self._lock.release()
        try:
            if self._variables is not None:
                return self._passing_variables(_performed)(function, *args)
            result = function(*args)
            # By itself, so that one that waits for an event loop fails alone.
            return run(_awaited(result)) if inspect.isawaitable(result) else result
        finally:
            self._lock.acquire()

    def _passing_variables(self, function: Callable[..., T]) -> Callable[..., T]:
        # A copy: no context can be entered twice, and handlers may call what calls handlers.
        return function if self._variables is None else partial(self._variables.copy().run, function)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> bool:
        name = f"dicomwire-operation-{self._peer_name}"
        threading.Thread(target=self._run_spawned, args=(work,), name=name, daemon=True).start()
        return True

    def _run_spawned(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            self._run(work)
        except Exception:
            LOGGER.exception("an operation for %s failed", self._peer_name)

    def _face(self, work: Coroutine[Any, Any, T]) -> T:
        return self._run(work)

    def _apart(self, function: Callable[[], None]) -> None:
        with self._lock:
            function()

    def _timestamp(self) -> datetime:
        return datetime.now()

    def _deadline_moved(self) -> None:
        # Whoever sets a timeout may be a signal handler, in the middle of anything: another thread takes the lock.
        if isinstance(self._channel, TransportChannel):
            self._channel.timeouts_set = True
        elif self._channel is not None and not self._closed:
            self._is_known_to_watcher = True
            watcher().move(self, idle=self.is_requestor)

    def _is_cancelled(self, message_id: int) -> bool:
        with self._lock:
            return super()._is_cancelled(message_id)

    async def _close(self, *, wait: bool = True) -> None:
        await super()._close(wait=wait)
        self._unwatch()
        self._finished.notify_all()

    def _let_go(self) -> None:
        self._unwatch()
        super()._let_go()

    def _watch(self) -> None:
        self._is_known_to_watcher = True
        watcher().add(self)

    def _channel_over(self, transport: Transport) -> TransportChannel:
        return TransportChannel(transport, self._new_session(), self._lock)

    def _unwatch(self) -> None:
        if self._is_known_to_watcher:
            self._is_known_to_watcher = False
            watcher().remove(self)

    def _abandon_now(self, pdu: Abort) -> None:
        with self._lock:
            super()._abandon_now(pdu)
            self._finished.notify_all()

    def _refuse_now(self, pdu: AssociateRJ) -> None:
        with self._lock:
            super()._refuse_now(pdu)

    def kill(self) -> None:
        """Stop at once: nothing is sent, no event fires."""
        with self._lock:
            super().kill()
            self._finished.notify_all()

    def _forsake(self, why: str) -> None:
        # A thread that the child does not have may hold it.
        free(self._lock)
        self.is_armed = self._is_known_to_watcher = False
        super()._forsake(why)
        if isinstance(self._channel, SocketChannel | TransportChannel):
            self._channel.forsake()

    # -- what the watcher asks ------------------------------------------------------------------------------------
    @property
    def is_watched(self) -> bool:
        return not self._closed

    @property
    def calls(self) -> int:
        return self._call_count

    @property
    def is_busy(self) -> bool:
        return self._running > 0

    def watched_socket(self) -> socket.socket:
        """The socket for the watcher to wait on."""
        assert isinstance(self._channel, SocketChannel)
        return self._channel.sock

    def watch_deadline(self, now: float) -> float | None:
        """When the watcher must look at the latest; None if nothing is to happen."""
        # Never wait for the lock here: who holds it may be waiting for the watcher, to be forgotten.
        if not self._lock.acquire(blocking=False):
            return now
        try:
            session = self._session
            if session is None:
                return None
            # What came with the last response does not make the socket readable any more.
            return session.next_deadline(now) if session.wants_data else now
        finally:
            self._lock.release()

    def attend(self) -> None:
        """Deal with what has come, or is over, while no thread of the user's does."""
        self._run(self._attend())

    def take_timeouts(self) -> bool:
        """Let those who wait see that timeouts were set; False if that is not possible now."""
        if not self._lock.acquire(blocking=False):
            return False
        try:
            super()._deadline_moved()
            if self._channel is not None:
                self._channel.changed()
        finally:
            self._lock.release()
        return True

    def late_at(self, now: float) -> float | None:
        """When a thread that waits in a call waits too long; None if none does."""
        if not self._lock.acquire(blocking=False):
            return now + _A_MOMENT
        try:
            channel = self._channel
            return channel.late_at(now) if isinstance(channel, SocketChannel) else None
        finally:
            self._lock.release()

    def attend_late(self) -> None:
        """Act for a thread that waits too long."""
        self._run(self._attend_late())

    async def _attend_late(self) -> None:
        channel = self._channel
        if isinstance(channel, SocketChannel) and channel.is_late():
            # What has come of it by now is told to the peer; whoever waits tells the user.
            await self._flush()
            channel.changed()
            channel.wake_reader()


def _performed(function: Any, *args: Any) -> Any:
    result = function(*args)
    return run(_awaited(result)) if inspect.isawaitable(result) else result


async def _awaited(result: Awaitable[T]) -> T:
    return await result
