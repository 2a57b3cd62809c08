"""C-ECHO as SCP (PS3.4 annex A, PS3.7 9.1.5)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dicomwire import events as evt
from dicomwire.dimse.command import Command
from dicomwire.dimse.messages import answer
from dicomwire.logic.handlers import HandlerRaised
from dicomwire.logic.received import ReceivedMessage
from dicomwire.logic.services.statuses import NO_STATUS, NO_STATUS_TYPE, respond
from dicomwire.status import VERIFICATION_SERVICE_CLASS_STATUS

if TYPE_CHECKING:
    from dicomwire.logic.association import AssociationBase


async def serve_echo(association: AssociationBase, message: ReceivedMessage) -> Command:
    """Success, unless the handler says something else; a handler that fails does not break verification."""
    if association._handlers.intervention(evt.EVT_C_ECHO) is None:
        return answer(message.command, 0x0000)
    try:
        status = await association._intervene(evt.EVT_C_ECHO, message)
    except HandlerRaised:
        return answer(message.command, 0x0000)
    response = respond(message.command, status, VERIFICATION_SERVICE_CLASS_STATUS)
    if response.status in (NO_STATUS, NO_STATUS_TYPE):
        return answer(message.command, 0x0000)
    return response
