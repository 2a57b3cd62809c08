"""The application entity in memory."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from typing import TYPE_CHECKING

from dicomwire.associations import events as evt
from dicomwire.associations.accepting import serve_over
from dicomwire.associations.async_association import AsyncApplicationEntity
from dicomwire.associations.awaitables import opening, serving
from dicomwire.associations.requesting import RequestOptions, associate
from dicomwire.associations.server_base import ServerBase
from dicomwire.compat.pdu_primitives import NegotiationItem
from dicomwire.memory.association import Association
from dicomwire.memory.end import End
from dicomwire.memory.memory_channel import MemoryChannel
from dicomwire.memory.memory_dialer import EndDialer, MemoryDialer
from dicomwire.memory.memory_draining import drain as give_time
from dicomwire.memory.network import Network
from dicomwire.memory.server import Server
from dicomwire.upper_layer.limits import Timeouts
from dicomwire.upper_layer.state import Role
from dicomwire.vocabulary.contexts import PresentationContext

if TYPE_CHECKING:
    from dicomwire.tracing.trace_records import Recorder


class AE(AsyncApplicationEntity):
    """An application entity inside a :class:`Network`; verbs and arguments are those of the other adapters."""

    def __init__(self, ae_title: str = "PYNETDICOM", network: Network | None = None) -> None:
        super().__init__(ae_title)
        self.network: Network = network or Network()
        self.servers: list[Server] = []
        """Its servers that have not been shut down; for looking at only (extension)."""

    @opening
    async def associate(
        self,
        addr: str,
        port: int,
        contexts: list[PresentationContext] | None = None,
        ae_title: str = "ANY-SCP",
        max_pdu: int = 16382,
        ext_neg: list[NegotiationItem] | None = None,
        bind_address: tuple[str, int] | None = None,
        tls_args: None = None,
        evt_handlers: Sequence[evt.EventHandler] | None = None,
        *,
        sock: None = None,
        timeouts: Timeouts | None = None,
        trace: Recorder | None = None,
    ) -> Association:
        """Request an association; see :meth:`dicomwire.AE.associate`.  Any host will do: the port finds the server."""
        _refuse_sockets(addr, sock)
        options = RequestOptions(
            contexts=contexts,
            ae_title=ae_title,
            max_pdu=max_pdu,
            ext_neg=ext_neg,
            evt_handlers=evt_handlers,
            timeouts=timeouts,
            trace=trace,
        )
        return await associate(Association, self, MemoryDialer(self.network, addr, port, bind_address), options)

    @opening
    async def associate_over(
        self,
        end: End,
        contexts: list[PresentationContext] | None = None,
        ae_title: str = "ANY-SCP",
        max_pdu: int = 16382,
        ext_neg: list[NegotiationItem] | None = None,
        evt_handlers: Sequence[evt.EventHandler] | None = None,
        *,
        timeouts: Timeouts | None = None,
        trace: Recorder | None = None,
    ) -> Association:
        """Request an association over one end of a connection (extension); arguments and errors of :meth:`associate`.

        Raises:
            ValueError: the end is in another network.
        """
        self._check(end)
        options = RequestOptions(
            contexts=contexts,
            ae_title=ae_title,
            max_pdu=max_pdu,
            ext_neg=ext_neg,
            evt_handlers=evt_handlers,
            timeouts=timeouts,
            trace=trace,
        )
        return await associate(Association, self, EndDialer(end), options)

    async def serve_over(
        self,
        end: End,
        evt_handlers: Sequence[evt.EventHandler] | None = None,
        ae_title: str | None = None,
        contexts: list[PresentationContext] | None = None,
        *,
        trace: Recorder | None = None,
    ) -> Association:
        """Accept an association over one end of a connection, and return when it has ended (extension).

        Arguments and errors of :meth:`start_server`; ``end`` is closed with the association.

        Raises:
            ValueError: the end is in another network.
        """
        self._check(end)
        server = ServerBase[Association](self, ae_title, contexts, evt_handlers)
        association = Association(self, Role.ACCEPTOR, server.handler_table, trace)
        await serve_over(association, server, lambda _: MemoryChannel(association.line.session, end))
        return association

    def _check(self, end: End) -> None:
        if end.network is not self.network:
            raise ValueError("the end is in another Network than this AE: nobody would take what it sends")

    @serving
    async def start_server(
        self,
        address: tuple[str, int],
        block: bool = True,
        ssl_context: None = None,
        evt_handlers: Sequence[evt.EventHandler] | None = None,
        ae_title: str | None = None,
        contexts: list[PresentationContext] | None = None,
        *,
        sock: None = None,
        reuse_port: bool = False,
        trace: Recorder | None = None,
    ) -> Server:
        """Accept associations; see :meth:`dicomwire.AE.start_server`."""
        _refuse_sockets(address, sock)
        if reuse_port:
            raise ValueError("reuse_port: a port in memory has one server, there are no other processes")
        server = Server(self, address, ae_title, contexts, evt_handlers)
        server.trace = trace
        self.servers.append(server)
        if block:
            await self.network.until(lambda: not self.network.is_listening(server))
        return server

    async def shutdown(self, drain: float = 0) -> None:
        """Abort every association and stop every server of this AE.

        With ``drain`` servers stop accepting, and associations have so many seconds: each is released as soon as no
        operation is under way, and what is left then is aborted.  A second call aborts at once.
        """
        if drain:
            for server in self.servers.copy():
                server.shutdown()
            await give_time(self.network, self.active_associations, drain)
        for association in self.active_associations:
            assert isinstance(association, Association)
            await association.abort()
        for association in self.running_associations.to_be_waited_for():
            assert isinstance(association, Association)
            await association.wait_closed()
        while self.servers:
            self.servers.pop().shutdown()


def _refuse_sockets(address: object, sock: object) -> None:
    if sock is not None:
        raise TypeError("there are no sockets in memory: a sock is for the other adapters")
    host = address[0] if isinstance(address, tuple) and address else address
    if isinstance(host, PathLike) or (isinstance(host, str) and host.startswith("unix:")):
        raise TypeError("there are no Unix domain sockets in memory: an address is a host and a port")
