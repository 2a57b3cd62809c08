"""An association on an asyncio event loop."""

from __future__ import annotations

from dicomwire.associations.async_association import AsyncAssociation
from dicomwire.associations.entity_base import ApplicationEntityBase
from dicomwire.associations.handlers import HandlerTable
from dicomwire.asyncio.loop_host import LoopHost
from dicomwire.upper_layer.state import Role


class Association(AsyncAssociation):
    """An association on an asyncio event loop."""

    def __init__(self, ae: ApplicationEntityBase, role: Role, handlers: HandlerTable) -> None:
        self.host: LoopHost = LoopHost(ae)
        super().__init__(ae, role, handlers, self.host)
        self.host.line = self.line
