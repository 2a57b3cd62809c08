"""The application entity on a trio event loop."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Sequence

import trio

from dicomwire.associations import events as evt
from dicomwire.associations.async_association import AsyncApplicationEntity
from dicomwire.associations.requesting import RequestOptions, associate
from dicomwire.compat.pdu_primitives import NegotiationItem
from dicomwire.sockets.addresses import Address, Peer
from dicomwire.sockets.forking import tell_forks
from dicomwire.sockets.socket_dialer import Call, TLSArguments
from dicomwire.trio.association import Association
from dicomwire.trio.nursery_dialer import NurseryDialer, resolved
from dicomwire.trio.server import AssociationServer
from dicomwire.vocabulary.contexts import PresentationContext


class AE(AsyncApplicationEntity):
    """An application entity on a trio event loop."""

    def __init__(self, ae_title: str = "PYNETDICOM") -> None:
        super().__init__(ae_title)
        self._servers: list[AssociationServer] = []
        tell_forks(self.running_associations)

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
        options = RequestOptions(
            contexts=contexts, ae_title=ae_title, max_pdu=max_pdu, ext_neg=ext_neg, evt_handlers=evt_handlers
        )
        call = Call(addr=addr, port=port, bind_address=bind_address, tls_args=tls_args, sock=sock)
        return await associate(Association, self, NurseryDialer(call), options)

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
        for association in self.running_associations.to_be_waited_for():
            assert isinstance(association, Association)
            await association.wait_closed()
