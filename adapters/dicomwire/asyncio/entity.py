"""The application entity on an asyncio event loop."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Coroutine, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from dicomwire.associations import events as evt
from dicomwire.associations.accepting import serve_over
from dicomwire.associations.async_association import AsyncApplicationEntity
from dicomwire.associations.awaitables import opening, serving
from dicomwire.associations.requesting import RequestOptions, associate
from dicomwire.associations.server_base import ServerBase
from dicomwire.asyncio.association import Association
from dicomwire.asyncio.loop_dialer import Connect, LoopDialer, ProtocolDialer, channel_by
from dicomwire.asyncio.loop_draining import drain as give_time
from dicomwire.asyncio.server import AssociationServer
from dicomwire.compat.pdu_primitives import NegotiationItem
from dicomwire.sockets.addresses import Address, Peer
from dicomwire.sockets.forking import tell_forks
from dicomwire.sockets.socket_dialer import Call, TLSArguments
from dicomwire.upper_layer.limits import Timeouts
from dicomwire.upper_layer.state import Role
from dicomwire.vocabulary.contexts import PresentationContext

if TYPE_CHECKING:
    from dicomwire.tracing.trace_records import Recorder


class AE(AsyncApplicationEntity):
    """An application entity on an asyncio event loop."""

    def __init__(self, ae_title: str = "PYNETDICOM") -> None:
        super().__init__(ae_title)
        self.servers: list[AssociationServer] = []
        """Its servers that have not been shut down; for looking at only (extension)."""

        tell_forks(self.running_associations)
        tell_forks(self.half_open)

    @opening
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
        timeouts: Timeouts | None = None,
        trace: Recorder | None = None,
    ) -> Association:
        """Request an association and wait for the outcome; arguments and errors of :meth:`dicomwire.AE.associate`."""
        options = RequestOptions(
            contexts=contexts,
            ae_title=ae_title,
            max_pdu=max_pdu,
            ext_neg=ext_neg,
            evt_handlers=evt_handlers,
            timeouts=timeouts,
            trace=trace,
        )
        call = Call(addr=addr, port=port, bind_address=bind_address, tls_args=tls_args, sock=sock)
        return await associate(Association, self, LoopDialer(call), options)

    @opening
    async def associate_over(
        self,
        connect: Connect,
        contexts: list[PresentationContext] | None = None,
        ae_title: str = "ANY-SCP",
        max_pdu: int = 16382,
        ext_neg: list[NegotiationItem] | None = None,
        evt_handlers: Sequence[evt.EventHandler] | None = None,
        *,
        timeouts: Timeouts | None = None,
        trace: Recorder | None = None,
    ) -> Association:
        """Request an association over an asyncio transport of any kind (extension).

        ``connect(factory)`` is awaited: it connects the protocol that ``factory()`` gives, as in
        ``lambda factory: loop.create_unix_connection(factory, path)``.  An `OSError` of it means that there is no
        connection.  Other arguments and errors are those of :meth:`associate`.
        """
        options = RequestOptions(
            contexts=contexts,
            ae_title=ae_title,
            max_pdu=max_pdu,
            ext_neg=ext_neg,
            evt_handlers=evt_handlers,
            timeouts=timeouts,
            trace=trace,
        )
        return await associate(Association, self, ProtocolDialer(connect), options)

    async def serve_over(
        self,
        connect: Connect,
        evt_handlers: Sequence[evt.EventHandler] | None = None,
        ae_title: str | None = None,
        contexts: list[PresentationContext] | None = None,
        *,
        trace: Recorder | None = None,
    ) -> Association:
        """Accept an association over an asyncio transport of any kind, and return when it has ended (extension).

        ``connect`` is that of :meth:`associate_over`; what it raises comes out.  Other arguments and errors are those
        of :meth:`start_server`.
        """
        server = ServerBase[Association](self, ae_title, contexts, evt_handlers)
        association = Association(self, Role.ACCEPTOR, server.handler_table, trace)
        try:
            await serve_over(association, server, partial(channel_by, connect))
            await association.host.join_tasks()
        finally:
            association.host.cancel_tasks()
        return association

    @serving
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
        reuse_port: bool = False,
        trace: Recorder | None = None,
    ) -> AssociationServer:
        """Accept associations on ``address``: with ``block`` until shut down or cancelled, else as tasks of the loop.

        Arguments and errors of :meth:`dicomwire.AE.start_server`.  The server is an async context manager; leaving
        it ends its associations.
        """
        server = AssociationServer(self, ae_title, contexts, ssl_context, evt_handlers)
        server.trace = trace
        await server._listen(address, sock, reuse_port)
        self.servers.append(server)
        if block:
            async with server:
                await server.serve_forever()
        return server

    async def shutdown(self, drain: float = 0) -> None:
        """Abort every active association, and stop every server.  May be called again.

        With ``drain`` servers stop accepting, and associations have so many seconds: each is released as soon as no
        operation is under way, and what is left then is aborted.  A second call aborts at once.
        """
        if drain:
            for server in self.servers.copy():
                server.shutdown()
                server.give_up_beginning()
            await give_time(self.active_associations, drain)
        aborts: list[Coroutine[Any, Any, None]] = [
            association.abort() for association in self.active_associations if isinstance(association, Association)
        ]
        for server in self.servers.copy():
            server.shutdown()
        await asyncio.gather(*aborts)
        for association in self.running_associations.to_be_waited_for():
            assert isinstance(association, Association)
            await association.wait_closed()
