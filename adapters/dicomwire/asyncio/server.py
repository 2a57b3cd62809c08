"""Servers on an asyncio event loop."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Sequence
from functools import partial
from types import TracebackType
from typing import Any, Self

from dicomwire._logging import logger
from dicomwire.associations import events as evt
from dicomwire.associations.accepting import serve_connection
from dicomwire.associations.async_server import AsyncServerBase
from dicomwire.asyncio.acceptor import Acceptor
from dicomwire.asyncio.association import Association
from dicomwire.asyncio.introducing_connections import introduced
from dicomwire.asyncio.loop_dialer import open_listening
from dicomwire.asyncio.loop_draining import drain as give_time
from dicomwire.asyncio.protocol_channel import ProtocolChannel
from dicomwire.asyncio.tls_handshake import secured_as_acceptor
from dicomwire.sockets.addresses import Address, end_of, family_of, family_of_client, information_of
from dicomwire.sockets.forking import tell_forks
from dicomwire.sockets.listening import Listening
from dicomwire.sockets.shortage import PAUSE, Shortage, hang_up
from dicomwire.sockets.socket_options import no_delay
from dicomwire.upper_layer.state import Role
from dicomwire.vocabulary.contexts import PresentationContext
from dicomwire.vocabulary.tls_words import tell_failed_handshake

LOGGER = logger(__name__)


class AssociationServer(AsyncServerBase[Association]):
    """Accepts associations on an event loop, and owns their tasks.  ``async with`` ends it and them."""

    ae: Any

    def __init__(
        self,
        ae: Any,
        ae_title: str | None,
        contexts: list[PresentationContext] | None,
        ssl_context: ssl.SSLContext | None,
        evt_handlers: Sequence[evt.EventHandler] | None,
    ) -> None:
        super().__init__(ae, ae_title, contexts, evt_handlers)
        self.ssl_context = ssl_context
        self.server_address: tuple[Any, ...]
        self._listening: Listening
        self._acceptor: Acceptor
        self._accepting: asyncio.Task[None] | None = None
        self._beginning: set[asyncio.Task[None]] = set()
        """What agrees upon TLS, and has the loop take up connections."""

        self._tasks: set[asyncio.Task[None]] = set()
        self._stopped = asyncio.Event()
        self._is_forsaken = False
        tell_forks(self)

    async def _listen(self, address: Address | None, given: socket.socket | None, reuse_port: bool) -> None:
        self._listening = await open_listening(address, given, reuse_port)
        self.server_address = self._listening.server_address
        loop = asyncio.get_running_loop()
        self._acceptor = Acceptor(loop, self._listening.sock)
        self._accepting = loop.create_task(self._accept_for_ever(loop))

    def forsake(self, why: str) -> None:
        """This process is a fork: the loop of its parent accepts."""
        self._is_forsaken = True
        self.forsake_unintroduced()
        self.running_associations.forsake(why)

    async def _accept_for_ever(self, loop: asyncio.AbstractEventLoop) -> None:
        half_open, shortage = self.ae.half_open, Shortage()
        while not self._stopped.is_set():
            if pause := half_open.pause(loop.time()):
                await asyncio.sleep(pause)
                continue
            try:
                connected, address = await self._acceptor.next()
            except ConnectionError:
                # Gone again before we took it.
                continue
            except OSError as error:
                if self._stopped.is_set():
                    return
                if shortage.is_one(error):
                    shortage.lasts(error, loop.time())
                else:
                    LOGGER.error("accepting a connection failed: %s", error)
                await asyncio.sleep(PAUSE)
                continue
            now, peer = loop.time(), end_of(address)
            shortage.is_over(now)
            if not self.arrived(connected, peer, now, partial(hang_up, connected)):
                connected.close()
                continue
            task = loop.create_task(self._begin(loop, connected, peer))
            self._beginning.add(task)
            task.add_done_callback(partial(self._begun, connected))

    def _begun(self, sock: socket.socket, task: asyncio.Task[None]) -> None:
        self._beginning.discard(task)
        if task.cancelled():
            # Before it began, maybe.
            self.departed(sock)
            sock.close()

    async def _begin(self, loop: asyncio.AbstractEventLoop, sock: socket.socket, peer: tuple[Any, ...]) -> None:
        """Hear a proxy, agree upon TLS if there is to be, each in its own time; then serve."""
        family, proxied = family_of(sock), None
        if self.is_unintroduced(sock):
            proxied = await introduced(self, sock, peer, self.ae.acse_timeout)
            if proxied is None:
                self.departed(sock)
                sock.close()
                return
            peer, family = proxied.client, family_of_client(proxied, family)
        association = Association(self.ae, Role.ACCEPTOR, self.handler_table, self.trace)
        association.accepted_connection = sock
        association.line.sides.requestor.is_at(peer, information_of(family))
        association.line.sides.proxied = proxied
        channel = ProtocolChannel(association.line.session, partial(self._connected, association))
        try:
            if self.ssl_context is None:
                await loop.connect_accepted_socket(lambda: channel, sock)
            else:
                await secured_as_acceptor(sock, self.ssl_context, association.timeouts.handshake, lambda: channel)
        except (OSError, ValueError) as error:
            tell_failed_handshake(association, error)
            self.departed(sock)
            sock.close()
        except BaseException:
            if channel.is_connected:
                channel.transport.abort()
                if not channel.transport.is_closing():
                    # uvloop has closed the socket without a word, and will not say so: a task would wait for ever.
                    channel.connection_lost(None)
            sock.close()
            raise

    def _connected(self, association: Association, channel: ProtocolChannel) -> None:
        no_delay(channel.transport.get_extra_info("socket"))
        if (address := channel.transport.get_extra_info("sockname")) is not None:
            association.line.sides.acceptor.is_at(end_of(address), information_of(family_of(self._listening.sock)))
        self.adopt(association)
        task = asyncio.get_running_loop().create_task(self._serve(association, channel))
        self._tasks.add(task)
        task.add_done_callback(partial(self._served, association, channel))

    def _served(self, association: Association, channel: ProtocolChannel, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not channel.transport.is_closing():
            # Cancelled before it began, and so before it could close anything.
            channel.transport.abort()
            self.forget(association)

    async def _serve(self, association: Association, channel: ProtocolChannel) -> None:
        try:
            await serve_connection(association, channel, self)
            await association.host.join_tasks()
        except Exception:
            LOGGER.exception("an association with %s failed", association.line.sides.peer_name)
        finally:
            association.host.cancel_tasks()
            self.forget(association)

    async def end_associations(self, seconds: float) -> None:
        """Give them so many seconds, and abort what is left."""
        self.give_up_beginning()
        await give_time(self.active_associations, seconds)

    def stop_accepting(self) -> None:
        """Close the listening socket."""
        if not self._is_forsaken:
            self._listening.end()
            if self._accepting is not None:
                self._accepting.cancel()
                self._acceptor.close()
        self._stopped.set()
        self.hang_up_unintroduced()
        if self in self.ae.servers:
            self.ae.servers.remove(self)

    async def serve_forever(self) -> None:
        """Return when the server has been shut down and the associations it accepted have ended."""
        await self._stopped.wait()
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def _end(self) -> None:
        self.shutdown()
        self.give_up_beginning()
        await self._have_begun()
        await asyncio.gather(*(association.abort() for association in self.active_associations))
        if self._tasks:
            await asyncio.wait(self._tasks)

    def give_up_beginning(self) -> None:
        """Close what is not an association yet."""
        for task in self._beginning:
            task.cancel()

    async def _have_begun(self) -> None:
        """Wait for those that were given up: the loop may have taken up one before it was told."""
        if self._beginning:
            await asyncio.wait(self._beginning)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if kind is None:
            await self._end()
            return
        # Handlers may take for ever, and nobody waits for them any more.
        self.shutdown()
        self.give_up_beginning()
        for association in self.active_associations:
            association.line.ending.abandon()
        for task in self._tasks:
            task.cancel()
        await self._have_begun()
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
