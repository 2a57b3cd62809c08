"""The six N-services as performer (PS3.7 10.1)."""

from __future__ import annotations

from typing import Any

from attrs import evolve

from dicomwire._logging import logger, reason
from dicomwire.associations import events as evt
from dicomwire.associations.request import Request
from dicomwire.associations.user_code import HandlerRaised
from dicomwire.data.data_sets import encode_data_set
from dicomwire.dimse.messages import (
    N_ACTION_RQ,
    N_CREATE_RQ,
    N_DELETE_RQ,
    N_EVENT_REPORT_RQ,
    N_GET_RQ,
    N_SET_RQ,
    answer,
)
from dicomwire.operations.argument_checks import check_uid
from dicomwire.services.given_status import Response, respond
from dicomwire.vocabulary.statuses import STATUS_SUCCESS, STATUS_WARNING, code_to_category

LOGGER = logger(__name__)

PROCESSING_FAILURE = 0x0110

_EVENTS: dict[int, evt.InterventionEvent] = {
    N_ACTION_RQ: evt.EVT_N_ACTION,
    N_CREATE_RQ: evt.EVT_N_CREATE,
    N_DELETE_RQ: evt.EVT_N_DELETE,
    N_EVENT_REPORT_RQ: evt.EVT_N_EVENT_REPORT,
    N_GET_RQ: evt.EVT_N_GET,
    N_SET_RQ: evt.EVT_N_SET,
}


async def serve_normalized(request: Request) -> Response | None:
    """What the handler says, with the data set it gives if all went well."""
    command = request.command
    failed = answer(command, PROCESSING_FAILURE), None
    try:
        said: Any = await request.ask_handler(_EVENTS[command.command_field])
    except HandlerRaised:
        return failed
    data_set: Any = None
    status = said
    if command.command_field != N_DELETE_RQ:
        try:
            status, data_set = said
        except Exception:  # whatever a user's object makes of it
            LOGGER.error("an N-service handler gave no pair of status and data set")
            return failed
    response = respond(command, status, request.statuses())
    category = code_to_category(response.status or 0)
    if category not in (STATUS_SUCCESS, STATUS_WARNING):
        return response, None
    try:
        if command.command_field == N_CREATE_RQ and command.affected_sop_instance_uid is None:
            uid = _instance_uid(data_set)
            if uid is not None:
                response = evolve(response, affected_sop_instance_uid=uid)
            elif category == STATUS_SUCCESS:
                LOGGER.error("the N-CREATE handler gave no AffectedSOPInstanceUID, and the request had none")
                return failed
        if not data_set:
            return response, None
        data = encode_data_set(data_set, request.context.transfer_syntax)
    except (TypeError, ValueError) as error:
        LOGGER.error("the data set of an N-service handler: %s", reason(error))
        return failed
    if not data:
        return response, None
    # The standard wants them where a reply comes.
    reply = evolve(response, action_type_id=command.action_type_id, event_type_id=command.event_type_id)
    return reply, data


def _instance_uid(data_set: Any) -> str | None:
    """The UID that the handler chose; its element is of group 0000, which is not encoded."""
    from pydicom.dataset import Dataset

    uid = data_set.get("AffectedSOPInstanceUID") if isinstance(data_set, Dataset) else None
    return check_uid(uid, "AffectedSOPInstanceUID") if uid else None
