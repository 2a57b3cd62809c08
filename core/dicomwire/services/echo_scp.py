"""C-ECHO as SCP (PS3.4 annex A, PS3.7 9.1.5)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dicomwire.associations import events as evt
from dicomwire.associations.received import ReceivedMessage
from dicomwire.associations.user_code import HandlerRaised
from dicomwire.dimse.messages import answer
from dicomwire.services.given_status import NO_STATUS, NO_STATUS_TYPE, Response, respond
from dicomwire.vocabulary.service_classes import ServiceClass

if TYPE_CHECKING:
    from dicomwire.associations.association import AssociationBase


async def serve_echo(
    association: AssociationBase, message: ReceivedMessage, service_class: type[ServiceClass]
) -> Response:
    """Success, unless the handler says something else; a handler that fails does not break verification."""
    if association._handlers.intervention(evt.EVT_C_ECHO) is None:
        return answer(message.command, 0x0000), None
    try:
        status = await association._intervene(evt.EVT_C_ECHO, message)
    except HandlerRaised:
        return answer(message.command, 0x0000), None
    response = respond(message.command, status, service_class.statuses)
    if response.status in (NO_STATUS, NO_STATUS_TYPE):
        return answer(message.command, 0x0000), None
    return response, None
