"""Servers on a trio event loop."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from functools import partial
from types import TracebackType
from typing import Any, Self

import trio

from dicomwire._logging import logger, shown_address
from dicomwire.associations import events as evt
from dicomwire.associations.accepting import serve_connection
from dicomwire.associations.async_server import AsyncServerBase
from dicomwire.associations.proxied import Proxied
from dicomwire.sockets.addresses import Address, AddressInformation, end_of, family_of, family_of_client, information_of
from dicomwire.sockets.forking import tell_forks
from dicomwire.sockets.listening import listening, listening_on
from dicomwire.sockets.shortage import PAUSE, Shortage, hang_up
from dicomwire.sockets.socket_options import no_delay
from dicomwire.trio.association import Association
from dicomwire.trio.introducing_connections import introduced
from dicomwire.trio.nursery_draining import drain as give_time
from dicomwire.trio.socket_channel import SocketChannel
from dicomwire.trio.tls_handshake import secured_as_acceptor, wrapped_as_acceptor
from dicomwire.upper_layer.state import Role
from dicomwire.vocabulary.contexts import PresentationContext
from dicomwire.vocabulary.tls_words import tell_failed_handshake

LOGGER = logger(__name__)


class AssociationServer(AsyncServerBase[Association]):
    """Accepts associations inside ``async with``, whose nursery owns their tasks."""

    ae: Any

    def __init__(
        self,
        ae: Any,
        address: Address | AddressInformation | None,
        ae_title: str | None,
        contexts: list[PresentationContext] | None,
        ssl_context: ssl.SSLContext | None,
        evt_handlers: Sequence[evt.EventHandler] | None,
        *,
        sock: socket.socket | None = None,
        reuse_port: bool = False,
    ) -> None:
        super().__init__(ae, ae_title, contexts, evt_handlers)
        self.ssl_context = ssl_context
        self._listening = (
            listening(address, reuse_port=reuse_port)  # type: ignore[arg-type]
            if sock is None
            else listening_on(sock, reuse_port=reuse_port)
        )
        self.socket: socket.socket = self._listening.sock
        self.server_address: tuple[Any, ...] = self._listening.server_address
        self._stopped = trio.Event()
        self._is_forsaken = False
        tell_forks(self)
        self._unentered = trio.CancelScope()
        self._is_watched_no_more = trio.Event()
        self._is_watched_no_more.set()
        self._manager: AbstractAsyncContextManager[trio.Nursery] | None = None
        self._nursery: trio.Nursery | None = None

    @property
    def state(self) -> str:
        """What ``repr`` says of it."""
        if self._nursery is None and not self._stopped.is_set():
            return "accepts nobody before async with"
        return super().state

    def tell_who_knocks(self) -> None:
        """Until it is entered, say in the log when somebody connects: the system lets them, and nobody serves them."""
        self._is_watched_no_more = trio.Event()
        trio.lowlevel.spawn_system_task(self._tell_who_knocks)

    async def _tell_who_knocks(self) -> None:
        try:
            with self._unentered:
                await trio.lowlevel.wait_readable(self.socket)
                LOGGER.warning(
                    "somebody connects to %s, where nobody is accepted yet: enter the server with async with",
                    shown_address(self.server_address),
                )
        except (OSError, ValueError, trio.ClosedResourceError):
            # Shut down before it was entered.
            pass
        finally:
            self._is_watched_no_more.set()

    async def __aenter__(self) -> Self:
        # Two tasks cannot wait for one socket.  The other ends at once; without the shield a cancellation would leave
        # a server that nobody ends.
        self._unentered.cancel()
        with trio.CancelScope(shield=True):
            await self._is_watched_no_more.wait()
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
                    association.line.ending.abandon()
        finally:
            manager, self._manager = self._manager, None
            if kind is not None:
                self._nursery.cancel_scope.cancel()
            await manager.__aexit__(None, None, None)

    def forsake(self, why: str) -> None:
        """This process is a fork: the loop of its parent accepts."""
        self._is_forsaken = True
        self.forsake_unintroduced()
        self.running_associations.forsake(why)

    async def _accept_for_ever(self) -> None:
        assert self._nursery is not None
        half_open, shortage = self.ae.half_open, Shortage()
        while not self._stopped.is_set():
            if pause := half_open.pause(trio.current_time()):
                await trio.sleep(pause)
                continue
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
                if shortage.is_one(error):
                    shortage.lasts(error, trio.current_time())
                else:
                    LOGGER.error("accepting a connection failed: %s", error)
                await trio.sleep(PAUSE)
                continue
            shortage.is_over(trio.current_time())
            self._take_up(self._nursery, sock, end_of(address))

    def _take_up(self, nursery: trio.Nursery, sock: socket.socket, peer: tuple[Any, ...]) -> None:
        try:
            sock.setblocking(False)
            no_delay(sock)
            if self.ssl_context is not None and not self.is_proxy(peer):
                sock = wrapped_as_acceptor(sock, self.ssl_context)
        except OSError as error:
            LOGGER.info("a connection from %s has ended before it began: %s", shown_address(peer), error)
            sock.close()
            return
        if self.arrived(sock, peer, trio.current_time(), partial(hang_up, sock)):
            nursery.start_soon(self._serve, sock, peer)
        else:
            sock.close()

    async def _hear(self, sock: socket.socket, proxy: tuple[Any, ...]) -> tuple[Proxied, socket.socket] | None:
        heard = None
        try:
            heard = await introduced(self, sock, proxy, self.ae.acse_timeout, self.ssl_context)
        except OSError as error:
            LOGGER.info("a connection from the proxy at %s has ended: %s", shown_address(proxy), error)
        finally:
            if heard is None:
                self.departed(sock)
                sock.close()
        return heard

    async def _serve(self, sock: socket.socket, peer: tuple[Any, ...]) -> None:
        family, proxied = family_of(sock), None
        if self.is_unintroduced(sock):
            heard = await self._hear(sock, peer)
            if heard is None:
                return
            proxied, sock = heard
            peer, family = proxied.client, family_of_client(proxied, family)
        association = Association(self.ae, Role.ACCEPTOR, self.handler_table, self.trace)
        association.host.nursery = self._nursery
        association.accepted_connection = sock
        association.line.sides.requestor.is_at(peer, information_of(family))
        association.line.sides.acceptor.is_at(end_of(sock.getsockname()), information_of(family_of(sock)))
        association.line.sides.proxied = proxied
        self.adopt(association)
        channel: SocketChannel | None = None
        try:
            if isinstance(sock, ssl.SSLSocket):
                await secured_as_acceptor(sock, association.timeouts.handshake)
            channel = SocketChannel(sock, association.line.session)
            await serve_connection(association, channel, self)
        except (OSError, trio.TooSlowError) as error:
            tell_failed_handshake(association, error)
            association.kill()
        except Exception:
            LOGGER.exception("an association with %s failed", shown_address(peer))
        finally:
            self.forget(association)
            if channel is None:
                sock.close()
            else:
                channel.close()

    async def end_associations(self, seconds: float) -> None:
        """Give them so many seconds, and abort what is left."""
        await give_time(self.active_associations, seconds)

    def stop_accepting(self) -> None:
        """Close the listening socket."""
        if self._stopped.is_set() or self._is_forsaken:
            return
        self._stopped.set()
        self.hang_up_unintroduced()
        self._listening.end()
        trio.lowlevel.notify_closing(self.socket)
        self.socket.close()
        if self in self.ae.servers:
            self.ae.servers.remove(self)

    async def serve_forever(self) -> None:
        """Return when the server has been shut down and the associations it accepted have ended."""
        await self._stopped.wait()
        for association in self.active_associations:
            await association.wait_closed()
