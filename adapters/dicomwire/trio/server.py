"""Servers on a trio event loop."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Any, Self

import trio

from dicomwire._logging import logger, shown_address
from dicomwire.associations import events as evt
from dicomwire.associations.accepting import serve_connection
from dicomwire.associations.server_base import ServerBase
from dicomwire.sockets.addresses import Address, AddressInformation, end_of, information_of
from dicomwire.sockets.forking import tell_forks
from dicomwire.sockets.listening import listening, listening_on
from dicomwire.sockets.socket_options import no_delay
from dicomwire.trio.association import Association
from dicomwire.trio.socket_channel import SocketChannel
from dicomwire.trio.tls_handshake import secured_as_acceptor
from dicomwire.upper_layer.state import Role
from dicomwire.vocabulary.contexts import PresentationContext
from dicomwire.vocabulary.tls_words import tell_failed_handshake

LOGGER = logger(__name__)


class AssociationServer(ServerBase[Association]):
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
                    association.line.ending.abandon()
        finally:
            manager, self._manager = self._manager, None
            if kind is not None:
                self._nursery.cancel_scope.cancel()
            await manager.__aexit__(None, None, None)

    def forsake(self, why: str) -> None:
        """This process is a fork: the loop of its parent accepts."""
        self._is_forsaken = True
        self.running_associations.forsake(why)

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
        association = Association(self.ae, Role.ACCEPTOR, self.handler_table)
        association.host.nursery = self._nursery
        peer, information = end_of(address), information_of(sock.family)
        association.line.sides.requestor.is_at(peer, information)
        association.line.sides.acceptor.is_at(end_of(sock.getsockname()), information)
        self.adopt(association)
        channel: SocketChannel | None = None
        try:
            sock.setblocking(False)
            no_delay(sock)
            if self.ssl_context is not None:
                sock = await secured_as_acceptor(sock, self.ssl_context, self.ae.acse_timeout)
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
