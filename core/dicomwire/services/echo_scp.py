"""C-ECHO as SCP (PS3.4 annex A, PS3.7 9.1.5)."""

from __future__ import annotations

from functools import lru_cache

from dicomwire.associations import events as evt
from dicomwire.associations.request import Request
from dicomwire.associations.user_code import HandlerRaised
from dicomwire.dimse.command import Command
from dicomwire.dimse.messages import C_ECHO_RQ, answer
from dicomwire.services.given_status import NO_STATUS, NO_STATUS_TYPE, Response, respond

SUCCESS = 0x0000


async def serve_echo(request: Request) -> Response:
    """Success, unless the handler says something else; a handler that fails does not break verification."""
    if not request.has_handler(evt.EVT_C_ECHO):
        return _success(request.command), None
    try:
        status = await request.ask_handler(evt.EVT_C_ECHO)
    except HandlerRaised:
        return _success(request.command), None
    if type(status) is int and status == SUCCESS:
        return _success(request.command), None
    response = respond(request.command, status, request.service_class.statuses)
    if response.status in (NO_STATUS, NO_STATUS_TYPE):
        return _success(request.command), None
    return response, None


def _success(request: Command) -> Command:
    return _kept(request.message_id, request.affected_sop_class_uid, request.affected_sop_instance_uid)


@lru_cache(maxsize=16)
def _kept(message_id: int | None, sop_class_uid: str | None, sop_instance_uid: str | None) -> Command:
    # Most peers number their echoes 1.
    request = Command(
        command_field=C_ECHO_RQ,
        message_id=message_id,
        affected_sop_class_uid=sop_class_uid,
        affected_sop_instance_uid=sop_instance_uid,
    )
    return answer(request, SUCCESS).kept_encoded()
