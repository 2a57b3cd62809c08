"""Servers with a thread for each association, and addresses."""

from __future__ import annotations

import contextlib
import logging
import selectors
import socket
import ssl
import threading
from collections.abc import Callable, Sequence
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from dicomwire import events as evt
from dicomwire._forking import free, tell_forks
from dicomwire._hosts import refuse_eventlet
from dicomwire._leaving import answer_before_leaving
from dicomwire._listening import Listening, listening, listening_on
from dicomwire._logging import shown_address
from dicomwire._signals import Relay, signals_written_to
from dicomwire._socket_channel import SocketChannel
from dicomwire._workers import Workers
from dicomwire.addresses import Address, AddressInformation, end_of, information_of, no_delay
from dicomwire.blocking import Association
from dicomwire.logic.accepting import serve_association
from dicomwire.logic.server import ServerBase
from dicomwire.presentation import PresentationContext
from dicomwire.upper_layer.state import Role
from dicomwire.utils import make_target

if TYPE_CHECKING:
    from dicomwire.blocking import AE

__all__ = ["AddressInformation", "AssociationServer", "RequestHandler", "ThreadedAssociationServer"]

LOGGER = logging.getLogger(__name__)

_OUT_OF_RESOURCES_PAUSE = 0.1


class RequestHandler:
    """Takes up one connection, in its own thread: makes the association and serves it to its end."""

    def __init__(self, request: socket.socket, client_address: tuple[Any, ...], server: AssociationServer) -> None:
        self.request = request
        self.client_address = client_address
        self.server = server
        self.handle()

    @property
    def ae(self) -> AE:
        return self.server.ae

    @property
    def local(self) -> AddressInformation:
        """Where the peer reached us."""
        family = self.request.family
        information: AddressInformation = information_of(family)(end_of(self.request.getsockname()))
        return information

    @property
    def remote(self) -> AddressInformation:
        """Where the peer is."""
        information: AddressInformation = information_of(self.request.family)(self.client_address)
        return information

    def handle(self) -> None:
        """Serve the association to its end."""
        association = self._create_association()
        try:
            if self._handshake():
                channel = SocketChannel(self.request, association._new_session(), association._lock)
                association._run(_serve(association, channel, self.server))
            else:
                association.kill()
        finally:
            self.server._forget(association)
            self.request.close()

    def _handshake(self) -> bool:
        """Finish the TLS handshake, in the time a peer has for its association request."""
        if isinstance(self.request, ssl.SSLSocket):
            self.request.settimeout(self.ae.acse_timeout)
            try:
                self.request.do_handshake()
            except (OSError, ValueError) as error:
                LOGGER.error("TLS handshake with %s failed: %s", shown_address(self.client_address), error)
                return False
        return True

    def _create_association(self) -> Association:
        """The association for this connection; a subclass may make another."""
        association = Association(self.ae, Role.ACCEPTOR, self.server._handlers)
        family = self.request.family
        association.requestor._set_address(self.client_address, information_of(family))
        association.acceptor._set_address(end_of(self.request.getsockname()), information_of(family))
        self.server._adopt(association)
        return association


async def _serve(association: Association, channel: SocketChannel, server: AssociationServer) -> None:
    await association._open(channel)
    await serve_association(association, server._support())


_LAST_CONNECTION = 1.0
"""Seconds for a server's thread to come back from what it does for a connection, such as a hook of a subclass."""


class AssociationServer(ServerBase[Association]):
    """Listens, and gives each connection a thread.  The accepting thread does nothing but accept."""

    ae: AE
    allow_reuse_address = True
    timeout = 60

    def __init__(
        self,
        ae: AE,
        address: Address | None,
        ae_title: str,
        contexts: list[PresentationContext],
        ssl_context: ssl.SSLContext | None = None,
        evt_handlers: Sequence[evt.EventHandler] | None = None,
        request_handler: Callable[[socket.socket, tuple[Any, ...], AssociationServer], Any] | None = None,
        *,
        sock: socket.socket | None = None,
    ) -> None:
        refuse_eventlet()
        super().__init__(ae, ae_title, contexts, evt_handlers)
        self.ssl_context = ssl_context
        self.request_handler = request_handler or RequestHandler
        self._listening: Listening | None = None if sock is None else listening_on(sock)
        self.address_info = self._requested(address)
        self.address_family = self.address_info.address_family
        self.socket: socket.socket
        self.server_address: tuple[Any, ...]
        self._stopped = threading.Event()
        self._serving = False
        # A signal handler may shut down what it has interrupted.
        self._state = threading.RLock()
        self._workers = Workers()
        answer_before_leaving(ae)
        self.server_bind()
        self._wake_in, self._wake_out = _wakeup()
        tell_forks(self)

    def _requested(self, address: Address | None) -> AddressInformation:
        if self._listening is None:
            return AddressInformation.from_address(address)  # type: ignore[arg-type]
        given: AddressInformation = information_of(self._listening.sock.family)(self._listening.server_address)
        return given

    def server_bind(self) -> None:
        """Bind and listen, unless a socket was given."""
        if self._listening is None:
            self._listening = listening(self.address_info, reuse=self.allow_reuse_address)
        self.socket = self._listening.sock
        self.server_address = self._listening.server_address

    def serve_forever(self, poll_interval: float = 0.5) -> None:
        """Accept connections until :meth:`shutdown`.  Nothing is polled: ``poll_interval`` has no effect."""
        try:
            with selectors.DefaultSelector() as selector, signals_written_to(self._wake_out) as signals:
                with self._state:
                    if self._stopped.is_set():
                        return
                    self._serving = True
                    selector.register(self.socket, selectors.EVENT_READ)
                    selector.register(self._wake_in, selectors.EVENT_READ)
                if self not in self.ae._servers:
                    self.ae._servers.append(self)
                while not self._stopped.is_set():
                    if any(key.fileobj is self._wake_in for key, _ in selector.select()):
                        self._take_signals(signals)
                    if not self._stopped.is_set():
                        self._accept()
                        self.service_actions()
        finally:
            if self in self.ae._servers:
                self.ae._servers.remove(self)
            self.shutdown()
            if self._serving:
                self._wake_in.close()
                self._wake_out.close()

    def _take_signals(self, signals: Relay | None) -> None:
        with contextlib.suppress(BlockingIOError):
            numbers = self._wake_in.recv(4096)
            if signals is not None:
                signals.took(numbers)

    def _forsake(self, why: str) -> None:
        """This process is a fork: it has a server of its own if nobody has served with it, else none."""
        free(self._state)
        self._workers = Workers()
        self._associations.clear()
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
            client_address = end_of(client_address)
        except (BlockingIOError, InterruptedError, ConnectionError):
            # Gone again before we took it.
            return
        except OSError as error:
            if self._stopped.is_set():
                return
            LOGGER.error("accepting a connection failed: %s", error)
            # Out of descriptors or memory: what runs must end before there is a chance.
            self._stopped.wait(_OUT_OF_RESOURCES_PAUSE)
            return
        try:
            self.process_request(request, client_address)
        except Exception:
            LOGGER.exception("taking up a connection from %s failed", shown_address(client_address))
            request.close()

    def get_request(self) -> tuple[socket.socket, tuple[Any, ...]]:
        """The next connection: its socket and address.  A TLS handshake follows in the connection's own thread."""
        request, client_address = self.socket.accept()
        request.setblocking(True)
        no_delay(request)
        if self.ssl_context is not None:
            try:
                request = self.ssl_context.wrap_socket(request, server_side=True, do_handshake_on_connect=False)
            except BaseException:
                request.close()
                raise
        return request, end_of(client_address)

    def process_request(self, request: socket.socket, client_address: tuple[Any, ...]) -> None:
        """Take up a connection: by default in a thread of its own."""
        work = partial(make_target(self.process_request_thread), request, client_address)
        self._workers.run(work, f"dicomwire-{client_address[0] or 'local'}")

    def process_request_thread(self, request: socket.socket, client_address: tuple[Any, ...]) -> None:
        """What that thread does."""
        try:
            self.request_handler(request, client_address, self)
        except Exception:
            LOGGER.exception("an association with %s failed", shown_address(client_address))
            request.close()

    def service_actions(self) -> None:
        """Called after each connection; for subclasses."""

    def shutdown(self) -> None:
        """Stop accepting and close the listening socket; running associations go on.  May be called again."""
        with self._state:
            if self._stopped.is_set():
                return
            self._stopped.set()
            self._workers.close()
            with contextlib.suppress(OSError):
                self._wake_out.send(b"\0")
            if self in self.ae._servers:
                self.ae._servers.remove(self)
            if self._listening is not None:
                self._listening.end()
            self.socket.close()
            if not self._serving:
                self._wake_in.close()
                self._wake_out.close()

    def server_close(self) -> None:
        """Close the listening socket."""
        self.shutdown()

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
