"""The application entity on an asyncio event loop."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Coroutine, Sequence
from typing import Any

from dicomwire.associations import events as evt
from dicomwire.associations.awaited import AsyncApplicationEntity
from dicomwire.associations.requesting import establish, new_requestor, not_connected
from dicomwire.asyncio.association import Association
from dicomwire.asyncio.channel import ProtocolChannel
from dicomwire.asyncio.dialing import connected, open_dialing
from dicomwire.asyncio.server import AssociationServer
from dicomwire.compat.pdu_primitives import NegotiationItem
from dicomwire.sockets.addresses import Address, Peer, no_delay
from dicomwire.sockets.forking import tell_forks
from dicomwire.vocabulary.contexts import PresentationContext

TLSArguments = tuple[ssl.SSLContext, str | None]


class AE(AsyncApplicationEntity):
    """An application entity on an asyncio event loop."""

    def __init__(self, ae_title: str = "PYNETDICOM") -> None:
        super().__init__(ae_title)
        self._servers: list[AssociationServer] = []
        tell_forks(self.running)

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
        options: dict[str, Any] = {}
        if tls_args is not None:
            context, server_hostname = tls_args
            options = {"ssl": context, "server_hostname": server_hostname or ""}
        session = association.line.session
        try:
            channel = await connected(dialing, lambda: ProtocolChannel(session), options)
        except (OSError, ValueError) as error:
            await not_connected(association, error)
            return association
        no_delay(channel.transport.get_extra_info("socket"))
        dialing.settle(association, channel.transport.get_extra_info("sockname"))
        self.running.add(association)
        await association.line.open(channel)
        await establish(association, request)
        if association.is_established:
            association.host.look_after(channel)
        return association

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
    ) -> AssociationServer:
        """Accept associations on ``address``: with ``block`` until shut down or cancelled, else as tasks of the loop.

        Arguments and errors of :meth:`dicomwire.AE.start_server`.  The server is an async context manager; leaving
        it ends its associations.
        """
        server = AssociationServer(self, ae_title, contexts, ssl_context, evt_handlers)
        await server._listen(address, sock)
        self._servers.append(server)
        if block:
            async with server:
                await server.serve_forever()
        return server

    async def shutdown(self) -> None:
        """Abort every active association, and stop every server.  May be called again."""
        aborts: list[Coroutine[Any, Any, None]] = [
            association.abort() for association in self.active_associations if isinstance(association, Association)
        ]
        for server in self._servers.copy():
            server.shutdown()
        await asyncio.gather(*aborts)
        for association in self.running.to_be_waited_for():
            assert isinstance(association, Association)
            await association.wait_closed()
