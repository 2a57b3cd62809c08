"""AE for programs without an event loop: calls block, and a server has a thread for each association."""

from __future__ import annotations

import contextvars
import inspect
import socket
import ssl
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from datetime import datetime
from functools import partial, update_wrapper
from types import TracebackType
from typing import TYPE_CHECKING, Any, Concatenate, Generic, Literal, ParamSpec, Self, TypeAlias, TypeVar, overload

from dicomwire import _config, events as evt
from dicomwire._dialing import Dialing, dial, over_given
from dicomwire._forking import free, tell_forks
from dicomwire._hosts import refuse_eventlet
from dicomwire._logging import logger, shown_address
from dicomwire._socket_channel import SocketChannel
from dicomwire._watcher import watcher
from dicomwire.addresses import Address, Peer, destinations, no_delay
from dicomwire.logic.association import AssociationBase
from dicomwire.logic.colour import run
from dicomwire.logic.ending import refuse_to_wait
from dicomwire.logic.entity import ApplicationEntityBase
from dicomwire.logic.operations.echo import send_c_echo
from dicomwire.logic.operations.normalized import (
    send_n_action,
    send_n_create,
    send_n_delete,
    send_n_event_report,
    send_n_get,
    send_n_set,
)
from dicomwire.logic.operations.query import send_c_cancel, send_c_find, send_c_get, send_c_move
from dicomwire.logic.operations.store import send_c_store, send_c_store_many
from dicomwire.logic.requesting import establish, new_requestor, not_connected
from dicomwire.logic.retrieving import get_to_folder, move_to_folder
from dicomwire.logic.stream import Stream
from dicomwire.pdu_primitives import NegotiationItem
from dicomwire.presentation import PresentationContext
from dicomwire.upper_layer.pdus import Abort, AssociateRJ
from dicomwire.upper_layer.state import Role
from dicomwire.utils import make_target

if TYPE_CHECKING:
    from dicomwire.transport import AssociationServer, ThreadedAssociationServer

    ServerT = TypeVar("ServerT", bound=AssociationServer)

LOGGER = logger(__name__)

P = ParamSpec("P")
T = TypeVar("T")

_A_MOMENT = 0.005
"""Seconds for which another thread may have the lock, mostly."""

_TO_FINISH = 0.1
"""Seconds for a thread that writes to have written, before its association is broken off."""

TLSArguments: TypeAlias = tuple[ssl.SSLContext, str | None]


def blocking(
    function: Callable[Concatenate[AssociationBase, P], Coroutine[Any, Any, T]],
) -> Callable[Concatenate[Association, P], T]:
    """The plain method of a shared coroutine function; keeps its signature."""

    def plain(self: Association, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return self._run(function(self, *args, **kwargs))

    return update_wrapper(plain, function)


class Responses(Generic[T]):
    """The responses to one request, an iterator; may be left early."""

    def __init__(self, association: Association, stream: Stream[T]) -> None:
        self._association = association
        self._stream = stream

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> T:
        """Wait for the next response."""
        try:
            return self._association._run(self._stream.__anext__())
        except StopAsyncIteration:
            raise StopIteration from None

    def close(self) -> None:
        """Take no more responses: the rest is dropped as it comes."""
        self._stream.leave()


def iterated(
    function: Callable[Concatenate[AssociationBase, P], Coroutine[Any, Any, Stream[T]]],
) -> Callable[Concatenate[Association, P], Responses[T]]:
    """The plain method of a shared coroutine function that gives a stream; keeps its signature."""

    def plain(self: Association, /, *args: P.args, **kwargs: P.kwargs) -> Responses[T]:
        return Responses(self, self._run(function(self, *args, **kwargs)))

    return update_wrapper(plain, function)


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
        if self._channel is not None and not self._closed:
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
        if isinstance(self._channel, SocketChannel):
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


def completed(
    function: Callable[Concatenate[ApplicationEntityBase, P], Coroutine[Any, Any, T]],
) -> Callable[Concatenate[AE, P], T]:
    """The plain method of a shared coroutine function of an AE; keeps its signature."""

    def plain(self: AE, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return run(function(self, *args, **kwargs))

    return update_wrapper(plain, function)


_get_to_folder = completed(get_to_folder)
_move_to_folder = completed(move_to_folder)


class AE(ApplicationEntityBase):
    """An application entity: what a program is in a DICOM network, as requestor and acceptor of associations."""

    def __init__(self, ae_title: str = "PYNETDICOM") -> None:
        super().__init__(ae_title)
        self._servers: list[AssociationServer] = []
        tell_forks(self)

    # -- as requestor ---------------------------------------------------------------------------------------------
    def associate(
        self,
        addr: Peer | None,
        port: int | None,
        contexts: list[PresentationContext] | None = None,
        ae_title: str = "ANY-SCP",
        max_pdu: int = 16382,
        ext_neg: list[NegotiationItem] | None = None,
        bind_address: tuple[str, int] | tuple[str, int, int, int] | None = None,
        tls_args: TLSArguments | None = None,
        evt_handlers: Sequence[evt.EventHandler] | None = None,
        *,
        sock: socket.socket | None = None,
    ) -> Association:
        """Request an association and wait for the outcome: look at ``is_established`` of what comes back.

        ``addr`` is a host, ``(address, flowinfo, scope_id)`` for IPv6, or the path of a Unix domain socket (a ``Path``,
        or ``"unix:/path"``; ``port`` is 0 then).  The addresses of a host are tried as RFC 8305 has it, all within
        ``connection_timeout``, which begins when the name is resolved and ends when TLS is agreed upon.  ``sock`` is a
        stream socket that is connected already: ``addr`` and ``port`` are not looked at, None will do.  It is closed
        with the association; only if the call raises is it still the caller's.  ``contexts`` default to
        ``requested_contexts``; ``max_pdu`` is the longest P-DATA-TF body we take, 0 for no limit; ``ext_neg`` holds
        items of extended negotiation; ``tls_args`` is an ``SSLContext`` and the server's host name or None.

        Raises:
            TypeError, ValueError: a bad argument.
            RuntimeError: no presentation contexts; or eventlet has patched this program.
            OSError: ``addr`` cannot be resolved, or the local address not be bound.
        """
        refuse_eventlet()
        # What is None or of another type is refused there.
        places: Any = (addr, port, bind_address)
        dialing = Dialing(destinations(*places)) if sock is None else over_given(sock, bind_address)
        with dialing.kept_for_the_caller():
            association, request = new_requestor(
                Association,
                self,
                contexts,
                ae_title,
                max_pdu,
                ext_neg,
                evt_handlers,
                dialing.peer,
                dialing.address_type,
            )
        dialing.allow(self.connection_timeout, self.acse_timeout)
        try:
            connected = self._secure(dial(dialing), tls_args, dialing)
        except (OSError, ValueError) as error:
            association._run(not_connected(association, error))
            return association
        dialing.settle(association, connected.getsockname())
        channel = SocketChannel(connected, association._new_session(), association._lock)
        self._register(association)
        association._run(_request(association, channel, request))
        return association

    get_to_folder = _get_to_folder
    move_to_folder = _move_to_folder

    def _secure(self, sock: socket.socket, tls_args: TLSArguments | None, dialing: Dialing) -> socket.socket:
        no_delay(sock)
        if tls_args is None:
            return sock
        context, server_hostname = tls_args
        now = time.monotonic()
        deadline = dialing.handshake_deadline(now)
        try:
            # The timeout is for the handshake as a whole, however many times it reads.
            sock.settimeout(None if deadline is None else max(0.001, deadline - now))
            return context.wrap_socket(sock, server_hostname=server_hostname)
        except TimeoutError as error:
            sock.close()
            raise dialing.handshake_timeout() from error
        except BaseException:
            sock.close()
            raise

    # -- as acceptor ----------------------------------------------------------------------------------------------
    @overload
    def start_server(
        self,
        address: Address | None,
        block: Literal[True] = True,
        ssl_context: ssl.SSLContext | None = None,
        evt_handlers: Sequence[evt.EventHandler] | None = None,
        ae_title: str | None = None,
        contexts: list[PresentationContext] | None = None,
        *,
        sock: socket.socket | None = None,
    ) -> None: ...

    @overload
    def start_server(
        self,
        address: Address | None,
        block: Literal[False],
        ssl_context: ssl.SSLContext | None = None,
        evt_handlers: Sequence[evt.EventHandler] | None = None,
        ae_title: str | None = None,
        contexts: list[PresentationContext] | None = None,
        *,
        sock: socket.socket | None = None,
    ) -> ThreadedAssociationServer: ...

    @overload
    def start_server(
        self,
        address: Address | None,
        block: bool,
        ssl_context: ssl.SSLContext | None = None,
        evt_handlers: Sequence[evt.EventHandler] | None = None,
        ae_title: str | None = None,
        contexts: list[PresentationContext] | None = None,
        *,
        sock: socket.socket | None = None,
    ) -> ThreadedAssociationServer | None: ...

    def start_server(
        self,
        address: Address | None,
        block: bool = True,
        ssl_context: ssl.SSLContext | None = None,
        evt_handlers: Sequence[evt.EventHandler] | None = None,
        ae_title: str | None = None,
        contexts: list[PresentationContext] | None = None,
        *,
        sock: socket.socket | None = None,
    ) -> ThreadedAssociationServer | None:
        """Accept associations on ``address``: with ``block`` until :meth:`shutdown`, else in the background.

        Port 0 lets the system choose: see ``server_address`` of the server that comes back.  A ``Path``, or
        ``"unix:/path"``, is a Unix domain socket.  ``sock`` is a stream socket from outside that listens, or is bound
        and will: ``address`` is not looked at, None will do.  The server closes it.

        Raises:
            TypeError, ValueError: a bad argument, or no supported contexts.
            OSError: the address cannot be resolved or bound.
        """
        from dicomwire.transport import ThreadedAssociationServer

        server = self.make_server(
            address,
            ae_title=ae_title,
            contexts=contexts,
            ssl_context=ssl_context,
            evt_handlers=evt_handlers,
            server_class=ThreadedAssociationServer,
            **({} if sock is None else {"sock": sock}),
        )
        if block:
            try:
                server.serve_forever()
            except KeyboardInterrupt:
                LOGGER.info("interrupted: shutting down")
                self.shutdown()
            finally:
                server.shutdown()
            return None
        assert isinstance(server, ThreadedAssociationServer)
        # Before the thread runs: shutdown() may come first.
        self._servers.append(server)
        name = f"dicomwire-server-{shown_address(server.server_address)}"
        thread = threading.Thread(target=make_target(server.serve_forever), name=name, daemon=True)
        server._thread = thread
        thread.start()
        return server

    @overload
    def make_server(
        self,
        address: Address | None,
        ae_title: str | None = None,
        contexts: list[PresentationContext] | None = None,
        ssl_context: ssl.SSLContext | None = None,
        evt_handlers: Sequence[evt.EventHandler] | None = None,
        server_class: None = None,
        **kwargs: Any,
    ) -> AssociationServer: ...

    @overload
    def make_server(
        self,
        address: Address | None,
        ae_title: str | None = None,
        contexts: list[PresentationContext] | None = None,
        ssl_context: ssl.SSLContext | None = None,
        evt_handlers: Sequence[evt.EventHandler] | None = None,
        *,
        server_class: Callable[..., ServerT],
        **kwargs: Any,
    ) -> ServerT: ...

    @overload
    def make_server(
        self,
        address: Address | None,
        ae_title: str | None,
        contexts: list[PresentationContext] | None,
        ssl_context: ssl.SSLContext | None,
        evt_handlers: Sequence[evt.EventHandler] | None,
        server_class: Callable[..., ServerT],
        **kwargs: Any,
    ) -> ServerT: ...

    def make_server(
        self,
        address: Address | None,
        ae_title: str | None = None,
        contexts: list[PresentationContext] | None = None,
        ssl_context: ssl.SSLContext | None = None,
        evt_handlers: Sequence[evt.EventHandler] | None = None,
        server_class: Callable[..., AssociationServer] | None = None,
        **kwargs: Any,
    ) -> AssociationServer:
        """A server that listens on ``address``; its ``serve_forever()`` accepts associations.

        ``kwargs`` are for the class: ours takes ``sock``, as :meth:`start_server` does, and ``request_handler``.

        Raises: as :meth:`start_server`.
        """
        from dicomwire.transport import AssociationServer

        make = server_class or AssociationServer
        title = ae_title or self.ae_title
        chosen = contexts or self.supported_contexts
        return make(self, address, title, chosen, ssl_context, evt_handlers=evt_handlers or [], **kwargs)

    @property
    def _is_at_work(self) -> bool:
        """Somebody has asked our servers for something, and has no answer yet."""
        running = [item for item in self.active_associations if isinstance(item, Association)]
        return any(association.is_acceptor and association._is_at_work for association in running)

    def shutdown(self) -> None:
        """Abort every active association, and stop every server that is serving.  May be called again.

        Returns when all handlers have been told, ``EVT_CONN_CLOSE`` last, and have returned; in such a handler at once.
        """
        running = [item for item in self.active_associations if isinstance(item, Association)]
        threads = [threading.Thread(target=association.abort, daemon=True) for association in running]
        for thread in threads:
            thread.start()
        for server in self._servers.copy():
            server.shutdown()
        for thread in threads:
            thread.join()
        still_there = self._to_be_waited_for
        for association in running:
            if association in still_there:
                association.join()


async def _request(association: Association, channel: SocketChannel, request: Any) -> None:
    await association._open(channel)
    association._watch()
    await establish(association, request)
