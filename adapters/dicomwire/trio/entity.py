"""The application entity on a trio event loop."""

from __future__ import annotations

import math
import socket
import ssl
from collections.abc import Sequence

import trio

from dicomwire.associations import events as evt
from dicomwire.associations.awaited import AsyncApplicationEntity
from dicomwire.associations.requesting import establish, new_requestor, not_connected
from dicomwire.compat.pdu_primitives import NegotiationItem
from dicomwire.sockets.addresses import Address, Peer, no_delay
from dicomwire.sockets.dialing import Dialing
from dicomwire.sockets.forking import tell_forks
from dicomwire.trio.association import Association
from dicomwire.trio.channel import SocketChannel
from dicomwire.trio.dialing import dial, open_dialing, resolved
from dicomwire.trio.handshake import handshake
from dicomwire.trio.server import AssociationServer
from dicomwire.vocabulary.contexts import PresentationContext

TLSArguments = tuple[ssl.SSLContext, str | None]


class AE(AsyncApplicationEntity):
    """An application entity on a trio event loop."""

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
        try:
            connected = await self._secure(await dial(dialing), tls_args, dialing)
        except (OSError, ValueError) as error:
            await not_connected(association, error)
            return association
        dialing.settle(association, connected.getsockname())
        channel = SocketChannel(connected, association.line.session)
        self.running.add(association)
        await association.line.open(channel)
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
                await handshake(secure)
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
        for association in self.running.to_be_waited_for():
            assert isinstance(association, Association)
            await association.wait_closed()
