"""Which service serves a request."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from dicomwire import _config
from dicomwire._logging import printable
from dicomwire.dimse.command import Command
from dicomwire.dimse.messages import C_ECHO_RQ, C_STORE_RQ, MESSAGES, answer
from dicomwire.errors import LocalProtocolError
from dicomwire.logic.received import ReceivedMessage
from dicomwire.logic.services.echo import serve_echo
from dicomwire.logic.services.store import serve_store
from dicomwire.sop_class import is_known, uid_to_messages

if TYPE_CHECKING:
    from dicomwire.logic.association import AssociationBase

LOGGER = logging.getLogger(__name__)

UNKNOWN_SOP_CLASS = 0x0118
SOP_CLASS_NOT_SUPPORTED = 0x0122
UNRECOGNIZED_OPERATION = 0x0211
CANNOT_UNDERSTAND = 0xC000

Service = Callable[["AssociationBase", ReceivedMessage], Awaitable[Command]]

SERVICES: dict[int, Service] = {C_ECHO_RQ: serve_echo, C_STORE_RQ: serve_store}
"""By command field: a coroutine function that gives the final response."""


async def serve(association: AssociationBase, message: ReceivedMessage) -> None:
    """Serve one request and send the final response, unless the association ended meanwhile."""
    command = message.command
    refused = refusal(association, message)
    if refused is None:
        response = await SERVICES[command.command_field](association, message)
    else:
        LOGGER.warning(
            "%s on SOP class %s answered %#06x",
            MESSAGES[command.command_field].name,
            printable(_sop_class(message)),
            refused,
        )
        response = answer(command, refused)
    try:
        await association._send(message.context.context_id, response)
    except LocalProtocolError:
        LOGGER.debug("the association ended before the response to message ID %d", message.message_id)


def _sop_class(message: ReceivedMessage) -> str:
    """The SOP class of the request, or of its context if it names none."""
    command = message.command
    return command.affected_sop_class_uid or command.requested_sop_class_uid or message.context.abstract_syntax


def refusal(association: AssociationBase, message: ReceivedMessage) -> int | None:
    """The status that refuses the request, if nothing serves it."""
    field = message.command.command_field
    if field not in SERVICES:
        return UNRECOGNIZED_OPERATION
    context = association._context(message.context.context_id)
    if context is None or not context.as_scp:
        return SOP_CLASS_NOT_SUPPORTED
    if field == C_STORE_RQ and not message.command.affected_sop_instance_uid:
        return CANNOT_UNDERSTAND
    if field == C_STORE_RQ and _config.UNRESTRICTED_STORAGE_SERVICE:
        return None
    uid = _sop_class(message)
    accepted = association.acceptor._accepted_common.get(uid)
    # In common extended negotiation the peer said which service class the SOP class belongs to.
    messages = uid_to_messages(uid if accepted is None else accepted[0])
    if field in messages:
        return None
    if not messages and not is_known(uid):
        LOGGER.warning("no service class for SOP class %s: see dicomwire.register_uid()", printable(uid))
        return UNKNOWN_SOP_CLASS if field != C_STORE_RQ else SOP_CLASS_NOT_SUPPORTED
    return UNRECOGNIZED_OPERATION
