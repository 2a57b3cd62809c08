"""C-FIND as SCP (PS3.4 annex C, K, Q, V and others, PS3.7 9.1.2)."""

from __future__ import annotations

from typing import Any

from dicomwire._logging import logger, reason
from dicomwire.associations import events as evt
from dicomwire.associations.request import Request
from dicomwire.associations.user_code import HandlerRaised
from dicomwire.data.data_sets import encode_data_set
from dicomwire.dimse.messages import PENDING, answer, is_final
from dicomwire.services.answers_in_steps import END, Answers
from dicomwire.services.given_status import Response, respond
from dicomwire.upper_layer.connection import Buffer
from dicomwire.vocabulary.service_classes import RelevantPatientInformationQueryServiceClass

LOGGER = logger(__name__)

SUCCESS = 0x0000
HANDLER_FAILED = 0xC311
BAD_IDENTIFIER = 0xC312


async def serve_find(request: Request) -> Response | None:
    """A Pending response for each match the handler yields, then the final one."""
    command = request.command
    table = request.statuses()
    only_one = issubclass(request.service_class, RelevantPatientInformationQueryServiceClass)
    answers = Answers(request, evt.EVT_C_FIND)
    try:
        await answers.open()
        while (value := await answers.next()) is not END:
            # What came while the handler was at it: nothing is sent to a peer that has released or aborted.
            if not await request.is_wanted():
                return None
            try:
                status, identifier = value
            except Exception:  # whatever a user's object makes of it
                LOGGER.error("the C-FIND handler yielded no pair of status and identifier")
                return answer(command, HANDLER_FAILED), None
            response = respond(command, status, table)
            if is_final(command, response.status):
                return response, None
            data: Buffer | None = None
            if response.status in PENDING:
                data = _identifier(identifier, request.context.transfer_syntax)
                if data is None:
                    return answer(command, BAD_IDENTIFIER), None
            await request.respond(response, data)
            if only_one:
                break
    except HandlerRaised:
        return answer(command, HANDLER_FAILED), None
    finally:
        await answers.close()
    return answer(command, SUCCESS), None


def _identifier(identifier: Any, transfer_syntax: str) -> Buffer | None:
    """A match, encoded; None if there is none, or it cannot be."""
    try:
        if identifier:
            return encode_data_set(identifier, transfer_syntax) or None
        LOGGER.error("the C-FIND handler yielded a Pending status without identifier")
    except ValueError as error:
        LOGGER.error("the identifier of a C-FIND handler: %s", reason(error))
    return None
