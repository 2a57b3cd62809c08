"""An association on a trio event loop."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Self

from dicomwire.associations.async_association import AsyncAssociation
from dicomwire.associations.entity_base import ApplicationEntityBase
from dicomwire.associations.handlers import HandlerTable
from dicomwire.trio.nursery_host import NurseryHost
from dicomwire.upper_layer.state import Role

if TYPE_CHECKING:
    from dicomwire.tracing.trace_records import Recorder


class Association(AsyncAssociation):
    """An association on a trio event loop.

    Inside ``async with`` a task of its own notices what the peer does while no operation waits for it.
    """

    def __init__(
        self, ae: ApplicationEntityBase, role: Role, handlers: HandlerTable, trace: Recorder | None = None
    ) -> None:
        self.host: NurseryHost = NurseryHost(ae)
        super().__init__(ae, role, handlers, self.host, trace)
        self.host.line = self.line

    async def __aenter__(self) -> Self:
        if self.is_established and self.is_requestor:
            nursery = await self.host.open_nursery()
            nursery.start_soon(self._read_for_all)
        return self

    async def _read_for_all(self) -> None:
        while not self.line.standing.has_ended:
            await self.line.advance()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            await super().__aexit__(kind, error, traceback)
            await self.wait_closed()
        finally:
            await self.host.close_nursery(cancel=True)
