"""Servers with a thread for each association."""

from __future__ import annotations

import contextlib
import selectors
import socket
import ssl
import threading
from collections.abc import Callable, Sequence
from functools import partial
from types import TracebackType
from typing import Any, Self

from dicomwire._logging import logger, shown_address
from dicomwire.associations import events as evt
from dicomwire.associations.server_base import ServerBase
from dicomwire.blocking.association import Association
from dicomwire.blocking.at_exit import answer_before_leaving
from dicomwire.blocking.eventlet_refused import refuse_eventlet
from dicomwire.blocking.request_handler import RequestHandler
from dicomwire.blocking.signals import Relay, signals_written_to
from dicomwire.blocking.tls_handshake import wrapped_as_acceptor
from dicomwire.blocking.workers import Workers
from dicomwire.sockets.addresses import Address, AddressInformation, end_of, information_of
from dicomwire.sockets.forking import free, tell_forks
from dicomwire.sockets.listening import BACKLOG, Listening, bind, listening_on
from dicomwire.sockets.socket_options import no_delay
from dicomwire.vocabulary.contexts import PresentationContext
from dicomwire.vocabulary.titles_and_uids import make_target

__all__ = ["AddressInformation", "AssociationServer", "RequestHandler", "ThreadedAssociationServer"]

LOGGER = logger(__name__)

_OUT_OF_RESOURCES_PAUSE = 0.1

_LAST_CONNECTION = 1.0
"""Seconds for a server's thread to come back from what it does for a connection, such as a hook of a subclass."""


class AssociationServer(ServerBase[Association]):
    """Listens, and gives each connection a thread.  The accepting thread does nothing but accept.

    A subclass may override what :class:`socketserver.TCPServer` lets it override.  When the server is made
    :meth:`server_bind` and :meth:`server_activate` are called; for each connection :meth:`get_request`,
    :meth:`verify_request` and :meth:`process_request`, and in the connection's thread :meth:`process_request_thread`,
    which calls :meth:`finish_request`.  What they raise goes to :meth:`handle_error`, the connection is closed, and the
    server goes on.
    """

    ae: Any
    allow_reuse_address = True
    allow_reuse_port = False
    """Other servers may listen on the same port, if they say so as well; or the argument ``reuse_port``."""

    request_queue_size = BACKLOG
    """How many connections may wait to be accepted."""

    socket_type = socket.SOCK_STREAM
    timeout: float | None = 60
    """Seconds for which :meth:`handle_request` waits for a connection; None: no limit."""

    def __init__(
        self,
        ae: Any,
        address: Address | None,
        ae_title: str,
        contexts: list[PresentationContext],
        ssl_context: ssl.SSLContext | None = None,
        evt_handlers: Sequence[evt.EventHandler] | None = None,
        request_handler: Callable[[socket.socket, tuple[Any, ...], AssociationServer], Any] | None = None,
        *,
        sock: socket.socket | None = None,
        reuse_port: bool = False,
    ) -> None:
        refuse_eventlet()
        super().__init__(ae, ae_title, contexts, evt_handlers)
        self.ssl_context = ssl_context
        self.RequestHandlerClass: Callable[..., Any] = request_handler or RequestHandler
        self.allow_reuse_port = self.allow_reuse_port or reuse_port
        given = None if sock is None else listening_on(sock, reuse_port=reuse_port)
        self.address_info: AddressInformation = (
            AddressInformation.from_address(address)  # type: ignore[arg-type]
            if given is None
            else information_of(given.sock.family)(given.server_address)
        )
        self.address_family: socket.AddressFamily = self.address_info.address_family
        self._listening: Listening = given or Listening(socket.socket(self.address_family, self.socket_type))
        self.socket: socket.socket = self._listening.sock
        self.server_address: tuple[Any, ...] = self.address_info.as_tuple
        self._stopped = threading.Event()
        self._serving = 0
        """Threads that wait for connections, and for what wakes them."""
        # A signal handler may shut down what it has interrupted.
        self._state = threading.RLock()
        self._workers = Workers()
        answer_before_leaving(ae)
        try:
            self.server_bind()
            self.server_activate()
        except BaseException:
            self._listening.end()
            self.socket.close()
            raise
        # Whatever a subclass has done to it: nothing may hold up the thread that accepts.
        self.socket.setblocking(False)
        self._wake_in, self._wake_out = _wakeup()
        tell_forks(self)

    @property
    def request_handler(self) -> Callable[[socket.socket, tuple[Any, ...], AssociationServer], Any]:
        """``RequestHandlerClass`` under the name of the argument."""
        return self.RequestHandlerClass

    def fileno(self) -> int:
        """The descriptor of the listening socket, for ``select`` and :meth:`handle_request`."""
        return self.socket.fileno()

    def server_bind(self) -> None:
        """Bind the socket, unless one was given; ``socket`` is there already and may be given options before."""
        if self._listening.given is None:
            self._listening.file = bind(
                self.socket, self.address_info, reuse=self.allow_reuse_address, reuse_port=self.allow_reuse_port
            )
        self.server_address = self._listening.server_address

    def server_activate(self) -> None:
        """Listen, unless a socket was given, which listens already."""
        if self._listening.given is None:
            self.socket.listen(self.request_queue_size)

    def serve_forever(self, poll_interval: float = 0.5) -> None:
        """Accept connections until :meth:`shutdown`.

        Nothing is polled, unless a subclass has :meth:`service_actions`: those follow each connection, and come every
        ``poll_interval`` seconds.
        """
        pause = None if _is_ours(self.service_actions, AssociationServer.service_actions) else poll_interval
        waiting = False
        try:
            with selectors.DefaultSelector() as selector, signals_written_to(self._wake_out) as signals:
                waiting = self._begin_to_wait(selector)
                if waiting and self not in self.ae._servers:
                    self.ae._servers.append(self)
                while not self._stopped.is_set():
                    ready = {key.fileobj for key, _ in selector.select(pause)}
                    if self._wake_in in ready:
                        self._take_signals(signals)
                    if self.socket in ready and not self._stopped.is_set():
                        self._accept()
                    if not self._stopped.is_set():
                        self._act()
        finally:
            if self in self.ae._servers:
                self.ae._servers.remove(self)
            self.shutdown()
            if waiting:
                self._end_to_wait()

    def handle_request(self) -> None:
        """Take up one connection; :meth:`handle_timeout` if none comes within ``timeout`` seconds."""
        with selectors.DefaultSelector() as selector:
            if not self._begin_to_wait(selector):
                return
            try:
                ready = selector.select(self.timeout)
                if self._stopped.is_set():
                    return
                if ready:
                    self._accept()
                else:
                    self.handle_timeout()
            finally:
                self._end_to_wait()

    def handle_timeout(self) -> None:
        """Called when no connection has come while :meth:`handle_request` waited; for subclasses."""

    def _begin_to_wait(self, selector: selectors.BaseSelector) -> bool:
        """Wait for connections and for what wakes us; False if the server has stopped."""
        with self._state:
            if self._stopped.is_set():
                return False
            self._serving += 1
            selector.register(self.socket, selectors.EVENT_READ)
            selector.register(self._wake_in, selectors.EVENT_READ)
        return True

    def _end_to_wait(self) -> None:
        with self._state:
            self._serving -= 1
            if self._stopped.is_set() and not self._serving:
                self._wake_in.close()
                self._wake_out.close()

    def _act(self) -> None:
        try:
            self.service_actions()
        except Exception:
            LOGGER.exception("service_actions() of a server raised")

    def _take_signals(self, signals: Relay | None) -> None:
        with contextlib.suppress(BlockingIOError):
            numbers = self._wake_in.recv(4096)
            if signals is not None:
                signals.took(numbers)

    def forsake(self, why: str) -> None:
        """This process is a fork: it has a server of its own if nobody has served with it, else none."""
        free(self._state)
        self._workers = Workers()
        self.running_associations.forsake(why)
        self._wake_in.close()
        self._wake_out.close()
        if self._serving or self in self.ae._servers or self._stopped.is_set():
            self._stopped = threading.Event()
            self._stopped.set()
            self.socket.close()
        else:
            self._wake_in, self._wake_out = _wakeup()
        if self in self.ae._servers:
            self.ae._servers.remove(self)

    def _accept(self) -> None:
        try:
            request, client_address = self.get_request()
        except (BlockingIOError, InterruptedError, ConnectionError):
            # Gone again before we took it.
            return
        except Exception as error:
            if self._stopped.is_set():
                return
            # Of what a subclass raises the place is worth knowing.
            trace = None if isinstance(error, OSError) else error
            LOGGER.error("accepting a connection failed: %s", error, exc_info=trace)
            # Out of descriptors or memory: what runs must end before there is a chance.
            self._stopped.wait(_OUT_OF_RESOURCES_PAUSE)
            return
        client_address = end_of(client_address)
        taken = False
        try:
            if self.verify_request(request, client_address):
                self.process_request(request, client_address)
                taken = True
            else:
                LOGGER.info("a connection from %s was refused by verify_request()", shown_address(client_address))
        except Exception:
            self._hand_error(request, client_address)
        finally:
            if not taken:
                self._close(request)

    def get_request(self) -> tuple[socket.socket, tuple[Any, ...]]:
        """The next connection: its socket and address.  A TLS handshake follows in the connection's own thread."""
        request, client_address = self.socket.accept()
        request.setblocking(True)
        no_delay(request)
        if self.ssl_context is not None:
            request = wrapped_as_acceptor(request, self.ssl_context)
        return request, end_of(client_address)

    def verify_request(self, request: socket.socket, client_address: tuple[Any, ...]) -> bool:
        """Whether to take up a connection; one that is not is closed.  Before TLS has begun, in the accepting thread.

        A certificate can be looked at in a handler of ``EVT_CONN_OPEN`` or ``EVT_REQUESTED``.
        """
        return True

    def process_request(self, request: socket.socket, client_address: tuple[Any, ...]) -> None:
        """Take up a connection: by default in a thread of its own."""
        where = shown_address(client_address) if client_address[0] else "local"
        self._workers.run(partial(make_target(self._process), request, client_address), f"dicomwire-{where}")

    def _process(self, request: socket.socket, client_address: tuple[Any, ...]) -> None:
        # Nothing may come out of it, whatever a subclass does.
        try:
            self.process_request_thread(request, client_address)
        except Exception:
            self._hand_error(request, client_address)
            self._close(request)

    def process_request_thread(self, request: socket.socket, client_address: tuple[Any, ...]) -> None:
        """What that thread does."""
        self.finish_request(request, client_address)

    def finish_request(self, request: socket.socket, client_address: tuple[Any, ...]) -> None:
        """Serve a connection to its end, by making a ``RequestHandlerClass`` of it."""
        self.RequestHandlerClass(request, client_address, self)

    def handle_error(self, request: socket.socket, client_address: tuple[Any, ...]) -> None:
        """Called in an ``except`` block when taking up or serving a connection has raised; logs it by default."""
        LOGGER.exception("an association with %s failed", shown_address(client_address))

    def _hand_error(self, request: socket.socket, client_address: tuple[Any, ...]) -> None:
        try:
            self.handle_error(request, client_address)
        except Exception:
            LOGGER.exception("handle_error() of a server raised")

    def shutdown_request(self, request: socket.socket) -> None:
        """End a connection that was refused, or whose handler raised."""
        with contextlib.suppress(OSError):
            # Closing alone says nothing to the peer while a child of a fork has the socket open, too.
            request.shutdown(socket.SHUT_WR)
        self.close_request(request)

    def close_request(self, request: socket.socket) -> None:
        """Close the socket of a connection; called by :meth:`shutdown_request`."""
        request.close()

    def _close(self, request: socket.socket) -> None:
        try:
            self.shutdown_request(request)
        except Exception:
            LOGGER.exception("closing a connection failed")
            request.close()

    def service_actions(self) -> None:
        """Called after each connection and every ``poll_interval`` seconds; for subclasses."""

    def shutdown(self) -> None:
        """Stop accepting and close the listening socket; running associations go on.  May be called again."""
        if self._stop():
            self.server_close()

    def server_close(self) -> None:
        """Close the listening socket; :meth:`shutdown` calls it once, for subclasses that have more to close."""
        self._stop()

    def _stop(self) -> bool:
        """Whether it has not stopped before."""
        with self._state:
            if self._stopped.is_set():
                return False
            self._stopped.set()
            self._workers.close()
            with contextlib.suppress(OSError):
                self._wake_out.send(b"\0")
            if self in self.ae._servers:
                self.ae._servers.remove(self)
            self._listening.end()
            self.socket.close()
            if not self._serving:
                self._wake_in.close()
                self._wake_out.close()
        return True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Stop listening, and abort the associations that still run."""
        self.shutdown()
        running = self.active_associations
        for association in running:
            association.abort(block=False)
        for association in running:
            association.join()


def _is_ours(method: Callable[[], None], ours: Callable[[AssociationServer], None]) -> bool:
    """Nobody has overridden it, in a subclass or on the server itself."""
    return getattr(method, "__func__", None) is ours


def _wakeup() -> tuple[socket.socket, socket.socket]:
    """What wakes the accepting thread, and the end that anybody may write to, a signal handler too."""
    wake_in, wake_out = socket.socketpair()
    wake_in.setblocking(False)
    wake_out.setblocking(False)
    return wake_in, wake_out


class ThreadedAssociationServer(AssociationServer):
    """What ``start_server(block=False)`` gives: a server that serves in a thread of its own."""

    _thread: threading.Thread | None = None

    def shutdown(self) -> None:
        """As for every server; the thread has ended, too, unless it is at work for a connection for a second more."""
        super().shutdown()
        thread = self._thread
        if thread is not None and thread.is_alive() and thread is not threading.current_thread():
            thread.join(_LAST_CONNECTION)
