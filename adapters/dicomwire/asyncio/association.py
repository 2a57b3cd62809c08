"""An association on an asyncio event loop."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dicomwire.associations.async_association import AsyncAssociation
from dicomwire.associations.entity_base import ApplicationEntityBase
from dicomwire.associations.handlers import HandlerTable
from dicomwire.asyncio.loop_host import LoopHost
from dicomwire.upper_layer.state import Role

if TYPE_CHECKING:
    from dicomwire.tracing.trace_records import Recorder


class Association(AsyncAssociation):
    """An association on an asyncio event loop."""

    def __init__(
        self, ae: ApplicationEntityBase, role: Role, handlers: HandlerTable, trace: Recorder | None = None
    ) -> None:
        self.host: LoopHost = LoopHost(ae)
        super().__init__(ae, role, handlers, self.host, trace)
        self.host.line = self.line
