"""AE for trio: the same names, arguments and events as the blocking AE; what waits is awaited.

Nothing runs outside a nursery: ``async with`` on a server owns the tasks of its associations, and ``async with`` on
an association owns the task that notices what its peer does while no operation waits for it.
"""

from __future__ import annotations

import contextlib
import inspect
import math
import socket
import ssl
from collections.abc import Coroutine, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from types import TracebackType
from typing import Any, Self

import trio

from dicomwire._acknowledging import acknowledge_with
from dicomwire._delivery import SocketDelivery
from dicomwire._dialing import Dialing
from dicomwire._dialing_trio import dial, open_dialing, resolved
from dicomwire._forking import tell_forks
from dicomwire._listening import listening, listening_on
from dicomwire._logging import logger, shown_address
from dicomwire._vectors import send_some
from dicomwire.addresses import Address, AddressInformation, Peer, end_of, information_of, no_delay
from dicomwire.associations import events as evt
from dicomwire.associations.accepting import serve_association
from dicomwire.associations.awaited import AsyncApplicationEntity, AsyncAssociation
from dicomwire.associations.requesting import establish, new_requestor, not_connected
from dicomwire.associations.server import ServerBase
from dicomwire.associations.user_code import is_async
from dicomwire.compat.pdu_primitives import NegotiationItem
from dicomwire.dimse.session import Session
from dicomwire.upper_layer.state import Role
from dicomwire.vocabulary.contexts import PresentationContext
from dicomwire.vocabulary.tls_words import alert_of, tell_failed_handshake

__all__ = ["AE", "Association", "AssociationServer"]

LOGGER = logger(__name__)

TLSArguments = tuple[ssl.SSLContext, str | None]

_WOULD_BLOCK = (BlockingIOError, ssl.SSLWantReadError)


class SocketChannel:
    """One peer behind a non-blocking socket; trio waits until it is ready."""

    def __init__(self, sock: socket.socket, session: Session) -> None:
        self.sock = sock
        self.session = session
        self._acknowledge = acknowledge_with(sock)
        self._progress = session.connection.writing
        self._delivery = SocketDelivery(sock, session.connection)
        self.token: trio.lowlevel.TrioToken = trio.lowlevel.current_trio_token()
        self._turns = trio.lowlevel.ParkingLot()
        self._reading = False
        self._writing = False
        self._open = True
        self._flushes = 0
        self._wait_to_send: Any = trio.lowlevel.wait_writable
        self.is_torn: bool = False
        self._scope: trio.CancelScope | None = None
        """Of the task that waits for the peer."""

        self._is_streaming = False
        """The last receive filled its buffer: there is probably more."""

    @property
    def transport_socket(self) -> socket.socket:
        return self.sock

    # -- writing --------------------------------------------------------------------------------------------------
    async def flush(self) -> None:
        """Write what the session has to send; on return its buffers may be used again.

        Raises:
            OSError: the peer cannot be written to, or does not read for too long.
        """
        while self._writing:
            await self.turn()
        buffers = self.session.data_to_send()
        self._flushes += 1
        if not buffers:
            return
        if not self._open or self.is_torn:
            raise BrokenPipeError("the connection is closed")
        self._writing = True
        try:
            waited = await self._write(buffers)
        finally:
            self._writing = False
            self.changed()
        if not waited and self._flushes > 1:
            # Sending alone never lets the loop run: a fast handler would starve reading.
            await trio.lowlevel.checkpoint()

    async def _write(self, buffers: list[Any]) -> bool:
        """Write everything; True if that took waiting."""
        index = self._send(buffers, 0)
        if index >= len(buffers):
            return False
        pause = self._progress.begin(trio.current_time())
        try:
            while True:
                with trio.move_on_after(pause):
                    await _ready(self._wait_to_send, self.sock)
                index = self._send(buffers, index)
                if index >= len(buffers):
                    return True
                self._delivery.moved = -sum(map(len, buffers[index:]))
                pause = self._progress.go_on(trio.current_time(), self._delivery)
        except BaseException:
            self.is_torn = True
            raise

    def _send(self, buffers: list[Any], index: int) -> int:
        """Send as much as the socket takes now."""
        self._wait_to_send = trio.lowlevel.wait_writable
        try:
            while index < len(buffers):
                index = send_some(self.sock, buffers, index)
        except (BlockingIOError, ssl.SSLWantWriteError):
            pass
        except ssl.SSLWantReadError:
            self._wait_to_send = trio.lowlevel.wait_readable
        return index

    # -- reading --------------------------------------------------------------------------------------------------
    async def pump(self) -> None:
        """Return once the session was fed more, told of the end of the stream, or told that its deadline passed."""
        self._flushes = 0
        session = self.session
        if self._reading:
            await self.turn()
            return
        if not session.wants_data or not self._open:
            if not self._open:
                session.receive_data(b"")
            await trio.lowlevel.checkpoint()
            return
        self._reading = True
        try:
            now = trio.current_time()
            deadline = session.next_deadline(now)
            if self._is_streaming and (deadline is None or now < deadline) and self._receive():
                # What is there already is taken without waiting; the loop runs all the same.
                await trio.lowlevel.checkpoint()
                return
            # Wait without holding a buffer.
            connection = session.connection
            connection.recycle_buffer()
            if connection.owes_acknowledgement:
                self._acknowledge(connection)
            with trio.CancelScope(deadline=math.inf if deadline is None else deadline) as scope:
                self._scope = scope
                await self._wait_readable()
            if scope.cancelled_caught:
                session.handle_deadline(trio.current_time(), self._delivery)
            else:
                self._receive()
        finally:
            self._reading = False
            self._scope = None
            self.changed()

    def timeouts_changed(self) -> None:
        """Who waits looks at the deadline anew."""
        if self._scope is not None:
            deadline = self.session.next_deadline(trio.current_time())
            self._scope.deadline = math.inf if deadline is None else deadline
        self.changed()

    async def _wait_readable(self) -> None:
        if isinstance(self.sock, ssl.SSLSocket) and self.sock.pending():
            await trio.lowlevel.checkpoint()
            return
        # Closed by another task: then there is the end of the stream to be read.
        with contextlib.suppress(ConnectionAbortedError):
            await _ready(trio.lowlevel.wait_readable, self.sock)

    def _receive(self) -> bool:
        """Feed the session what is there now, or the end of the stream; False if there is nothing."""
        buffer = self.session.get_buffer()
        try:
            count = self.sock.recv_into(buffer)
        except _WOULD_BLOCK:
            self._is_streaming = False
            return False
        except OSError as error:
            # Reset, or the TLS stream broke off: the end of the stream, as far as the protocol goes.
            self.session.alert = alert_of(error)
            count = 0
        self._is_streaming = count == len(buffer)
        self.session.buffer_updated(count)
        return True

    def poll(self) -> bool:
        """Feed the session what has arrived already, and deadlines that are over, without waiting; whether any came."""
        now = trio.current_time()
        self.session.next_deadline(now)
        received = False
        if self._open and not self._reading and self.session.wants_data:
            received = self._receive()
            if not received:
                self.session.connection.recycle_buffer()
                self._acknowledge(self.session.connection)
        self.session.handle_deadline(now, self._delivery)
        return received

    # -- taking turns ---------------------------------------------------------------------------------------------
    def hold(self, held: bool) -> None:
        """Nothing to do: nobody receives but who deals with what was received."""

    async def turn(self) -> None:
        """Wait for another task's :meth:`changed`, or for the next deadline."""
        deadline = self.session.next_deadline(trio.current_time())
        with trio.CancelScope(deadline=math.inf if deadline is None else deadline) as scope:
            await self._turns.park()
        if scope.cancelled_caught:
            self.session.handle_deadline(trio.current_time(), self._delivery)

    def changed(self) -> None:
        """Wake the tasks that wait in :meth:`turn`."""
        # Nearly always nobody waits, and to find that out costs the parking lot more than a look.
        if self._turns:
            self._turns.unpark_all()

    # -- the end --------------------------------------------------------------------------------------------------
    async def send_eof(self) -> None:
        """Half-close: nothing more will be sent.  Does nothing over TLS, or once the connection is gone."""
        if self._open and not isinstance(self.sock, ssl.SSLSocket):
            with contextlib.suppress(OSError):
                self.sock.shutdown(socket.SHUT_WR)

    async def aclose(self) -> None:
        """Close the socket.  Never raises, may be called again."""
        self._close()

    def abandon(self) -> None:
        """Send what is queued if that needs no waiting, and close: for tasks that are being cancelled."""
        buffers = self.session.data_to_send()
        if self._open and not self._writing and not self.is_torn:
            # It would have to wait, or the peer is gone: then the peer hears no more from us.
            with contextlib.suppress(OSError):
                self.sock.send(b"".join(buffers))
        self._close()

    def forsake(self) -> None:
        """This process is a fork: close its copy of the socket, and leave the connection to its parent."""
        self._open = False
        self.sock.close()

    def _close(self) -> None:
        if self._open:
            self._open = False
            trio.lowlevel.notify_closing(self.sock)
            self.sock.close()


async def _ready(wait: Any, sock: socket.socket) -> None:
    """Wait for a socket.

    Raises:
        OSError: another task closed it.
    """
    try:
        await wait(sock)
    except trio.ClosedResourceError as error:
        raise ConnectionAbortedError("the connection was closed meanwhile") from error


class Association(AsyncAssociation):
    """An association on a trio event loop.

    Inside ``async with`` a task of its own notices what the peer does while no operation waits for it.
    """

    _manager: AbstractAsyncContextManager[trio.Nursery] | None = None
    _nursery: trio.Nursery | None = None

    def _is_cancelled(self, message_id: int) -> bool:
        try:
            trio.lowlevel.current_task()
        except RuntimeError:
            # A handler in a worker thread: the session belongs to the loop.
            return trio.from_thread.run_sync(super()._is_cancelled, message_id)
        return super()._is_cancelled(message_id)

    def _deadline_moved(self) -> None:
        channel = self._channel
        if not isinstance(channel, SocketChannel) or self._closed:
            return
        try:
            here = trio.lowlevel.current_trio_token() is channel.token
        except RuntimeError:
            here = False
        if here:
            self._take_timeouts()
        else:
            # A handler in a worker thread, or another thread of the program: the scopes belong to the loop, which may
            # have ended.
            with contextlib.suppress(trio.RunFinishedError):
                channel.token.run_sync_soon(self._take_timeouts)

    def _take_timeouts(self) -> None:
        if isinstance(self._channel, SocketChannel) and not self._closed:
            super()._deadline_moved()
            self._channel.timeouts_changed()

    def _forsake(self, why: str) -> None:
        super()._forsake(why)
        if isinstance(self._channel, SocketChannel):
            self._channel.forsake()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> bool:
        if self._nursery is None:
            return False
        self._nursery.start_soon(self._guard, work)
        return True

    async def _guard(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except Exception:
            LOGGER.exception("an operation for %s failed", self._peer_name)

    async def _call(self, function: Any, *args: Any) -> Any:
        if self._ae.handlers_in_threads and not is_async(function):
            # In a box: trio takes it for a mistake if a function gives a coroutine.
            (result,) = await trio.to_thread.run_sync(lambda: (self._call_in_thread(function, *args),))
        else:
            result = function(*args)
        return await result if inspect.isawaitable(result) else result

    def _timestamp(self) -> datetime:
        return datetime.now()

    async def __aenter__(self) -> Self:
        if self.is_established and self.is_requestor:
            self._manager = trio.open_nursery()
            self._nursery = await self._manager.__aenter__()
            self._nursery.start_soon(self._read_for_all)
        return self

    async def _read_for_all(self) -> None:
        while not self._ended:
            await self._advance()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            await super().__aexit__(kind, error, traceback)
            await self.wait_closed()
        finally:
            if self._manager is not None and self._nursery is not None:
                self._nursery.cancel_scope.cancel()
                manager, self._manager = self._manager, None
                # The body's exception is not the nursery's: it goes its own way, unwrapped.
                await manager.__aexit__(None, None, None)


async def _handshake(sock: ssl.SSLSocket) -> None:
    while True:
        try:
            sock.do_handshake()
            return
        except ssl.SSLWantReadError:
            await trio.lowlevel.wait_readable(sock)
        except ssl.SSLWantWriteError:
            await trio.lowlevel.wait_writable(sock)


class AssociationServer(ServerBase[Association]):
    """Accepts associations inside ``async with``, whose nursery owns their tasks."""

    ae: AE

    def __init__(
        self,
        ae: AE,
        address: Address | AddressInformation | None,
        ae_title: str | None,
        contexts: list[PresentationContext] | None,
        ssl_context: ssl.SSLContext | None,
        evt_handlers: Sequence[evt.EventHandler] | None,
        *,
        sock: socket.socket | None = None,
    ) -> None:
        super().__init__(ae, ae_title, contexts, evt_handlers)
        self.ssl_context = ssl_context
        self._listening = listening(address) if sock is None else listening_on(sock)  # type: ignore[arg-type]
        self.socket: socket.socket = self._listening.sock
        self.server_address: tuple[Any, ...] = self._listening.server_address
        self._stopped = trio.Event()
        self._is_forsaken = False
        tell_forks(self)
        self._manager: AbstractAsyncContextManager[trio.Nursery] | None = None
        self._nursery: trio.Nursery | None = None

    async def __aenter__(self) -> Self:
        self._manager = trio.open_nursery()
        self._nursery = await self._manager.__aenter__()
        self._nursery.start_soon(self._accept_for_ever)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        assert self._manager is not None and self._nursery is not None
        self.shutdown()
        try:
            if kind is None:
                async with trio.open_nursery() as nursery:
                    for association in self.active_associations:
                        nursery.start_soon(association.abort)
            else:
                for association in self.active_associations:
                    if not association._ended:
                        association._abandon()
        finally:
            manager, self._manager = self._manager, None
            if kind is not None:
                self._nursery.cancel_scope.cancel()
            await manager.__aexit__(None, None, None)

    def _forsake(self, why: str) -> None:
        """This process is a fork: the loop of its parent accepts."""
        self._is_forsaken = True
        self._associations.clear()

    async def _accept_for_ever(self) -> None:
        assert self._nursery is not None
        while not self._stopped.is_set():
            try:
                await trio.lowlevel.wait_readable(self.socket)
                sock, address = self.socket.accept()
            except (BlockingIOError, ConnectionError):
                # Gone again before we took it.
                continue
            except trio.ClosedResourceError:
                return
            except OSError as error:
                if self._stopped.is_set():
                    return
                LOGGER.error("accepting a connection failed: %s", error)
                # Out of descriptors or memory: what runs must end before there is a chance.
                await trio.sleep(0.1)
                continue
            self._nursery.start_soon(self._serve, sock, address)

    async def _serve(self, sock: socket.socket, address: tuple[Any, ...]) -> None:
        association = Association(self.ae, Role.ACCEPTOR, self._handlers)
        association._nursery = self._nursery
        peer, information = end_of(address), information_of(sock.family)
        association.requestor._set_address(peer, information)
        association.acceptor._set_address(end_of(sock.getsockname()), information)
        self._adopt(association)
        channel: SocketChannel | None = None
        try:
            sock.setblocking(False)
            no_delay(sock)
            sock = await self._secure(sock)
            channel = SocketChannel(sock, association._new_session())
            await association._open(channel)
            await serve_association(association, self._support())
        except (OSError, trio.TooSlowError) as error:
            tell_failed_handshake(association, error)
            association.kill()
        except Exception:
            LOGGER.exception("an association with %s failed", shown_address(peer))
        finally:
            self._forget(association)
            if channel is None:
                sock.close()
            else:
                channel._close()

    async def _secure(self, sock: socket.socket) -> socket.socket:
        if self.ssl_context is None:
            return sock
        secure = self.ssl_context.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)
        try:
            limit = self.ae.acse_timeout
            with trio.fail_after(math.inf if limit is None else limit):
                await _handshake(secure)
        except BaseException:
            secure.close()
            raise
        return secure

    def shutdown(self) -> None:
        """Stop accepting and close the listening socket; running associations go on.  May be called again."""
        if self._stopped.is_set() or self._is_forsaken:
            return
        self._stopped.set()
        self._listening.end()
        trio.lowlevel.notify_closing(self.socket)
        self.socket.close()
        if self in self.ae._servers:
            self.ae._servers.remove(self)

    def server_close(self) -> None:
        """Close the listening socket."""
        self.shutdown()

    async def serve_forever(self) -> None:
        """Return when the server has been shut down and the associations it accepted have ended."""
        await self._stopped.wait()
        for association in self.active_associations:
            await association.wait_closed()


class AE(AsyncApplicationEntity):
    """An application entity on a trio event loop."""

    def __init__(self, ae_title: str = "PYNETDICOM") -> None:
        super().__init__(ae_title)
        self._servers: list[AssociationServer] = []
        tell_forks(self)

    async def associate(
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
        """Request an association and wait for the outcome; arguments and errors of :meth:`dicomwire.AE.associate`."""
        dialing = await open_dialing(addr, port, bind_address, sock)
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
            connected = await self._secure(await dial(dialing), tls_args, dialing)
        except (OSError, ValueError) as error:
            await not_connected(association, error)
            return association
        dialing.settle(association, connected.getsockname())
        channel = SocketChannel(connected, association._new_session())
        self._register(association)
        await association._open(channel)
        await establish(association, request)
        return association

    async def _secure(self, sock: socket.socket, tls_args: TLSArguments | None, dialing: Dialing) -> socket.socket:
        no_delay(sock)
        if tls_args is None:
            return sock
        context, server_hostname = tls_args
        try:
            secure = context.wrap_socket(sock, server_hostname=server_hostname, do_handshake_on_connect=False)
        except BaseException:
            sock.close()
            raise
        deadline = dialing.handshake_deadline(trio.current_time())
        try:
            with trio.fail_at(math.inf if deadline is None else deadline):
                await _handshake(secure)
        except trio.TooSlowError:
            secure.close()
            raise dialing.handshake_timeout() from None
        except BaseException:
            secure.close()
            raise
        return secure

    async def start_server(
        self,
        address: Address | None,
        block: bool = True,
        ssl_context: ssl.SSLContext | None = None,
        evt_handlers: Sequence[evt.EventHandler] | None = None,
        ae_title: str | None = None,
        contexts: list[PresentationContext] | None = None,
        *,
        sock: socket.socket | None = None,
        task_status: trio.TaskStatus[AssociationServer] = trio.TASK_STATUS_IGNORED,
    ) -> AssociationServer:
        """Accept associations on ``address``; arguments and errors of :meth:`dicomwire.AE.start_server`.

        With ``block`` in the calling task until shut down or cancelled, for ``await nursery.start(...)``; else in
        ``async with`` on the server that comes back, which listens already.
        """
        where = address if sock is not None else await resolved(address)
        server = AssociationServer(self, where, ae_title, contexts, ssl_context, evt_handlers, sock=sock)
        self._servers.append(server)
        if block:
            async with server:
                task_status.started(server)
                await server.serve_forever()
        else:
            await trio.lowlevel.checkpoint()
        return server

    async def shutdown(self) -> None:
        """Abort every active association, and stop every server.  May be called again."""
        for server in self._servers.copy():
            server.shutdown()
        async with trio.open_nursery() as nursery:
            for association in self.active_associations:
                assert isinstance(association, Association)
                nursery.start_soon(association.abort)
        for association in self._to_be_waited_for:
            assert isinstance(association, Association)
            await association.wait_closed()
