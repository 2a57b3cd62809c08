"""The application entity on a trio event loop."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Sequence
from typing import TYPE_CHECKING

import trio

from dicomwire.associations import events as evt
from dicomwire.associations.accepting import serve_over
from dicomwire.associations.async_association import AsyncApplicationEntity
from dicomwire.associations.awaitables import opening, serving
from dicomwire.associations.requesting import ChannelDialer, RequestOptions, associate
from dicomwire.associations.server_base import ServerBase
from dicomwire.compat.pdu_primitives import NegotiationItem
from dicomwire.sockets.addresses import Address, Peer
from dicomwire.sockets.forking import tell_forks
from dicomwire.sockets.socket_dialer import Call, TLSArguments
from dicomwire.trio.association import Association
from dicomwire.trio.nursery_dialer import NurseryDialer, resolved
from dicomwire.trio.nursery_draining import drain as give_time
from dicomwire.trio.server import AssociationServer
from dicomwire.trio.stream_channel import StreamChannel
from dicomwire.upper_layer.limits import Timeouts
from dicomwire.upper_layer.state import Role
from dicomwire.vocabulary.contexts import PresentationContext

if TYPE_CHECKING:
    from dicomwire.tracing.trace_records import Recorder


class AE(AsyncApplicationEntity):
    """An application entity on a trio event loop."""

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
        return await associate(Association, self, NurseryDialer(call), options)

    @opening
    async def associate_over(
        self,
        stream: trio.abc.Stream,
        contexts: list[PresentationContext] | None = None,
        ae_title: str = "ANY-SCP",
        max_pdu: int = 16382,
        ext_neg: list[NegotiationItem] | None = None,
        evt_handlers: Sequence[evt.EventHandler] | None = None,
        *,
        timeouts: Timeouts | None = None,
        trace: Recorder | None = None,
    ) -> Association:
        """Request an association over a trio stream of any kind (extension); arguments and errors of :meth:`associate`.

        ``stream`` is closed with the association; only if an argument is refused is it still the caller's.
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
        dialer = ChannelDialer[Association](lambda association: StreamChannel(stream, association.line.session))
        return await associate(Association, self, dialer, options)

    async def serve_over(
        self,
        stream: trio.abc.Stream,
        evt_handlers: Sequence[evt.EventHandler] | None = None,
        ae_title: str | None = None,
        contexts: list[PresentationContext] | None = None,
        *,
        trace: Recorder | None = None,
    ) -> Association:
        """Accept an association over a trio stream of any kind, and return when it has ended (extension).

        Arguments and errors of :meth:`start_server`; ``stream`` is closed with the association.
        """
        server = ServerBase[Association](self, ae_title, contexts, evt_handlers)
        association = Association(self, Role.ACCEPTOR, server.handler_table, trace)
        channel = StreamChannel(stream, association.line.session)
        association.host.opened(channel)
        await association.host.open_nursery()
        has_ended = False
        try:
            await serve_over(association, server, lambda _: channel)
            has_ended = True
        finally:
            # Also if it was cancelled before it began.
            channel.abandon()
            await association.host.close_nursery(cancel=not has_ended)
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
        task_status: trio.TaskStatus[AssociationServer] = trio.TASK_STATUS_IGNORED,
    ) -> AssociationServer:
        """Accept associations on ``address``; arguments and errors of :meth:`dicomwire.AE.start_server`.

        With ``block`` in the calling task until shut down or cancelled, for ``await nursery.start(...)``; else in
        ``async with`` on the server that comes back, which listens already.
        """
        where = address if sock is not None else await resolved(address)
        server = AssociationServer(
            self, where, ae_title, contexts, ssl_context, evt_handlers, sock=sock, reuse_port=reuse_port
        )
        server.trace = trace
        self.servers.append(server)
        if block:
            async with server:
                task_status.started(server)
                await server.serve_forever()
        else:
            server.tell_who_knocks()
            try:
                await trio.lowlevel.checkpoint()
            except trio.Cancelled:
                # Nobody is given it, so nobody could end it.
                server.shutdown()
                raise
        return server

    async def shutdown(self, drain: float = 0) -> None:
        """Abort every active association, and stop every server.  May be called again.

        With ``drain`` servers stop accepting, and associations have so many seconds: each is released as soon as no
        operation is under way, and what is left then is aborted.  A second call aborts at once.
        """
        for server in self.servers.copy():
            server.shutdown()
        if drain:
            await give_time(self.active_associations, drain)
        async with trio.open_nursery() as nursery:
            for association in self.active_associations:
                assert isinstance(association, Association)
                nursery.start_soon(association.abort)
        for association in self.running_associations.to_be_waited_for():
            assert isinstance(association, Association)
            await association.wait_closed()
