"""Servers in memory."""

from __future__ import annotations

from collections.abc import Iterable
from types import TracebackType
from typing import Any, Self

from dicomwire.associations import events as evt
from dicomwire.associations.accepting import serve_connection
from dicomwire.associations.async_server import AsyncServerBase
from dicomwire.memory.association import Association
from dicomwire.memory.end import End
from dicomwire.memory.memory_channel import MemoryChannel
from dicomwire.memory.memory_draining import drain as give_time
from dicomwire.memory.network import Network
from dicomwire.upper_layer.state import Role
from dicomwire.vocabulary.contexts import PresentationContext


class Server(AsyncServerBase[Association]):
    """Accepts associations inside a :class:`Network`."""

    ae: Any

    def __init__(
        self,
        ae: Any,
        address: tuple[str, int],
        ae_title: str | None,
        contexts: list[PresentationContext] | None,
        evt_handlers: Iterable[evt.EventHandler] | None,
    ) -> None:
        super().__init__(ae, ae_title, contexts, evt_handlers)
        self.network: Network = ae.network
        host, port = address
        self.server_address: tuple[str, int] = (host or "memory", self.network.listen(self, port))

    @property
    def _is_stopped(self) -> bool:
        return not self.network.is_listening(self)

    def take_up(self, end: End, address: tuple[str, int]) -> None:
        """Take up a connection by ``end``; who has the other one is at ``address``."""
        if not self.arrived(end, address, self.network.now, end.close):
            end.close()
            return
        association = Association(self.ae, Role.ACCEPTOR, self.handler_table, self.trace)
        association.accepted_connection = end
        channel = MemoryChannel(association.line.session, end)
        association.line.sides.requestor.is_at(address, None)
        association.line.sides.acceptor.is_at(self.server_address, None)
        self.adopt(association)
        self.network.spawn(self._serve(association, channel))

    async def _serve(self, association: Association, channel: MemoryChannel) -> None:
        try:
            await serve_connection(association, channel, self)
        finally:
            self.forget(association)

    async def end_associations(self, seconds: float) -> None:
        """Give them so many seconds, and abort what is left."""
        await give_time(self.network, self.active_associations, seconds)

    def stop_accepting(self) -> None:
        """Nobody finds it any more."""
        self.network.stop_listening(self)
        if self in self.ae.servers:
            self.ae.servers.remove(self)

    async def serve_forever(self) -> None:
        """Return when the server has been shut down and the associations it accepted have ended."""
        await self.network.until(lambda: self._is_stopped and not self.active_associations)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.shutdown()
        for association in self.active_associations:
            await association.abort()
