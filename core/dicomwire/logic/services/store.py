"""C-STORE as SCP (PS3.4 annex B, PS3.7 9.1.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dicomwire import events as evt
from dicomwire.dimse.messages import answer
from dicomwire.logic.handlers import HandlerRaised
from dicomwire.logic.received import ReceivedMessage
from dicomwire.logic.services.statuses import Response, respond
from dicomwire.service_class import ServiceClass

if TYPE_CHECKING:
    from dicomwire.logic.association import AssociationBase

OUT_OF_RESOURCES = 0xA700
HANDLER_FAILED = 0xC211


async def serve_store(
    association: AssociationBase, message: ReceivedMessage, service_class: type[ServiceClass]
) -> Response:
    """The handler's status, once the whole data set is where it should be."""
    command = message.command
    try:
        if message.failure is not None:
            out = isinstance(message.failure, OSError | MemoryError)
            return answer(command, OUT_OF_RESOURCES if out else HANDLER_FAILED), None
        try:
            status = await association._intervene(evt.EVT_C_STORE, message)
        except HandlerRaised:
            return answer(command, HANDLER_FAILED), None
        return respond(command, status, service_class.statuses), None
    finally:
        if message.temporary and message.path is not None:
            message.path.unlink(missing_ok=True)
