"""Servers with a thread for each association."""

from __future__ import annotations

import contextlib
import selectors
import socket
import ssl
import threading
import time
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
from dicomwire.blocking.server_hooks import ServerHooks
from dicomwire.blocking.signals import Relay, signals_written_to, wakeup
from dicomwire.blocking.thread_draining import abort_all, drain as give_time
from dicomwire.blocking.tls_handshake import wrapped_as_acceptor
from dicomwire.blocking.workers import Workers
from dicomwire.sockets.addresses import Address, AddressInformation, end_of, information_of
from dicomwire.sockets.forking import free, tell_forks
from dicomwire.sockets.listening import BACKLOG, Listening, bind, listening_on
from dicomwire.sockets.shortage import PAUSE, NoThreadLeft, Shortage, hang_up
from dicomwire.sockets.socket_options import no_delay
from dicomwire.vocabulary.contexts import PresentationContext
from dicomwire.vocabulary.titles_and_uids import make_target

LOGGER = logger(__name__)


class AssociationServer(ServerHooks, ServerBase[Association]):
    """Listens, and gives each connection a thread.  The accepting thread does nothing but accept.

    A subclass may override what :class:`socketserver.TCPServer` lets it override.  When the server is made
    :meth:`server_bind` and :meth:`server_activate` are called; for each connection :meth:`get_request`,
    :meth:`verify_request` and :meth:`process_request`, and in the connection's thread :meth:`process_request_thread`,
    which calls :meth:`finish_request`.  What they raise goes to :meth:`handle_error`, the connection is closed, and the
    server goes on.
    """

    ae: Any
    allow_reuse_address = True
    allow_reuse_port: bool = False
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
        self._shortage = Shortage()
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
        self._wake_in, self._wake_out = wakeup()
        self._offered: list[socket.socket] = []
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
        acts = getattr(self.service_actions, "__func__", None) is not AssociationServer.service_actions
        pause = poll_interval if acts else None
        waiting = False
        try:
            with selectors.DefaultSelector() as selector:
                # Before signals: as long as we wait, nobody closes what they are written to.
                waiting = self._begin_to_wait(selector)
                if not waiting:
                    return
                if self not in self.ae.servers:
                    self.ae.servers.append(self)
                with signals_written_to(self._wake_out) as signals:
                    while not self._stopped.is_set():
                        ready = {key.fileobj for key, _ in selector.select(pause)}
                        if self._wake_in in ready:
                            self._take_signals(signals)
                        if self.socket in ready and not self._stopped.is_set():
                            self._accept()
                        if not self._stopped.is_set():
                            self._act()
        finally:
            if self in self.ae.servers:
                self.ae.servers.remove(self)
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
        self.forsake_unintroduced()
        self.running_associations.forsake(why)
        self._wake_in.close()
        self._wake_out.close()
        if self._serving or self in self.ae.servers or self._stopped.is_set():
            self._stopped = threading.Event()
            self._stopped.set()
            self.socket.close()
        else:
            self._wake_in, self._wake_out = wakeup()
        if self in self.ae.servers:
            self.ae.servers.remove(self)

    def _accept(self) -> None:
        if pause := self.ae.half_open.pause(time.monotonic()):
            self._stopped.wait(pause)
            return
        try:
            request, client_address = self.get_request()
        except (BlockingIOError, InterruptedError, ConnectionError):
            # Gone again before we took it.
            return
        except Exception as error:
            if self._stopped.is_set():
                return
            if self._shortage.is_one(error):
                self._shortage.lasts(error, time.monotonic())
            else:
                # Of what a subclass raises the place is worth knowing.
                trace = None if isinstance(error, OSError) else error
                LOGGER.error("accepting a connection failed: %s", error, exc_info=trace)
            self._stopped.wait(PAUSE)
            return
        client_address = end_of(client_address)
        taken = False
        self._offered = offered = [request]
        try:
            now = time.monotonic()
            self._shortage.is_over(now)
            if not self.arrived(request, client_address, now, partial(hang_up, request)):
                pass
            elif self.verify_request(request, client_address):
                taken = self._begin(request, client_address)
            else:
                LOGGER.info("a connection from %s was refused by verify_request()", shown_address(client_address))
        except Exception:
            self._hand_error(request, client_address)
        finally:
            # A signal that raises may come when a thread has it already: whoever takes it out is who has it.
            if not taken:
                self._take_back(offered, request)

    def _take_back(self, offered: list[socket.socket], request: socket.socket) -> None:
        """Close it unless a thread has taken it up."""
        with contextlib.suppress(IndexError):
            offered.pop()
            self.departed(request)
            self._close(request)

    def _begin(self, request: socket.socket, client_address: tuple[Any, ...]) -> bool:
        """Take up a connection as soon as there is a thread for it; False if the server stops before."""
        while True:
            try:
                self.process_request(request, client_address)
                return True
            except NoThreadLeft as error:
                self._shortage.lasts(error, time.monotonic())
                if self._stopped.wait(PAUSE):
                    return False

    def get_request(self) -> tuple[socket.socket, tuple[Any, ...]]:
        """The next connection: its socket and address.  A TLS handshake follows in the connection's own thread."""
        request, client_address = self.socket.accept()
        request.setblocking(True)
        no_delay(request)
        client_address = end_of(client_address)
        if self.ssl_context is not None and not self.is_proxy(client_address):
            request = wrapped_as_acceptor(request, self.ssl_context)
        return request, client_address

    def process_request(self, request: socket.socket, client_address: tuple[Any, ...]) -> None:
        """Take up a connection: by default in a thread of its own."""
        where = shown_address(client_address) if client_address[0] else "local"
        offered = self._offered if request in self._offered else [request]
        self._workers.run(partial(make_target(self._process), request, client_address, offered), f"dicomwire-{where}")

    def _process(self, request: socket.socket, client_address: tuple[Any, ...], offered: list[socket.socket]) -> None:
        try:
            offered.pop()
        except IndexError:
            # The thread that accepts was interrupted, and has closed it.
            return
        # Nothing may come out of it, whatever a subclass does: the thread serves others, too.
        try:
            self.process_request_thread(request, client_address)
        except BaseException:
            self._hand_error(request, client_address)
            self._close(request)
        finally:
            self.departed(request)

    def _hand_error(self, request: socket.socket, client_address: tuple[Any, ...]) -> None:
        try:
            self.handle_error(request, client_address)
        except Exception:
            LOGGER.exception("handle_error() of a server raised")

    def _close(self, request: socket.socket) -> None:
        try:
            self.shutdown_request(request)
        except Exception:
            LOGGER.exception("closing a connection failed")
            request.close()

    def shutdown(self, drain: float | None = None) -> None:
        """Stop accepting and close the listening socket; running associations go on.  May be called again.

        With ``drain`` they have so many seconds, as with :meth:`AE.shutdown`, and are aborted then.
        """
        if self._stop():
            self.server_close()
        if drain is not None:
            self.end_associations(drain)

    def end_associations(self, seconds: float) -> None:
        """Return when they have ended by themselves, or after so many seconds, when what is left is aborted."""
        give_time(self.active_associations, seconds)
        for thread in abort_all(self.active_associations):
            thread.join()

    def server_close(self) -> None:
        """Close the listening socket; :meth:`shutdown` calls it once, for subclasses that have more to close."""
        self._stop()

    def _stop(self) -> bool:
        """Whether it has not stopped before."""
        with self._state:
            if self._stopped.is_set():
                return False
            self._stopped.set()
            self.hang_up_unintroduced()
            self._workers.close()
            with contextlib.suppress(OSError):
                self._wake_out.send(b"\0")
            if self in self.ae.servers:
                self.ae.servers.remove(self)
            self._listening.end()
            self.socket.close()
            if not self._serving:
                self._wake_in.close()
                self._wake_out.close()
        self._workers.join()
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
