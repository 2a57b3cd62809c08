"""C-ECHO as SCP (PS3.4 annex A, PS3.7 9.1.5)."""

from __future__ import annotations

from dicomwire.associations import events as evt
from dicomwire.associations.request import Request
from dicomwire.associations.user_code import HandlerRaised
from dicomwire.dimse.messages import answer
from dicomwire.services.given_status import NO_STATUS, NO_STATUS_TYPE, Response, respond


async def serve_echo(request: Request) -> Response:
    """Success, unless the handler says something else; a handler that fails does not break verification."""
    if not request.has_handler(evt.EVT_C_ECHO):
        return answer(request.command, 0x0000), None
    try:
        status = await request.ask_handler(evt.EVT_C_ECHO)
    except HandlerRaised:
        return answer(request.command, 0x0000), None
    response = respond(request.command, status, request.service_class.statuses)
    if response.status in (NO_STATUS, NO_STATUS_TYPE):
        return answer(request.command, 0x0000), None
    return response, None
