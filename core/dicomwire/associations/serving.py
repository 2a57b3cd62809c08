"""Which service serves a request."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from dicomwire import _config
from dicomwire._logging import logger, printable
from dicomwire.associations.negotiation import NegotiatedContext
from dicomwire.associations.received import ReceivedMessage
from dicomwire.dimse.command import Command
from dicomwire.dimse.messages import (
    C_ECHO_RQ,
    C_FIND_RQ,
    C_GET_RQ,
    C_MOVE_RQ,
    C_STORE_RQ,
    MESSAGES,
    N_ACTION_RQ,
    N_CREATE_RQ,
    N_DELETE_RQ,
    N_EVENT_REPORT_RQ,
    N_GET_RQ,
    N_SET_RQ,
    answer,
)
from dicomwire.errors import LocalProtocolError
from dicomwire.services.echo_scp import serve_echo
from dicomwire.services.find_scp import serve_find
from dicomwire.services.given_status import Response
from dicomwire.services.normalized_scp import serve_normalized
from dicomwire.services.retrieve_scp import serve_get, serve_move
from dicomwire.services.store_scp import serve_store
from dicomwire.vocabulary.service_classes import ServiceClass, StorageServiceClass
from dicomwire.vocabulary.sop_classes import is_known, uid_to_messages, uid_to_service_class

if TYPE_CHECKING:
    from dicomwire.associations.association import AssociationBase
    from dicomwire.associations.association_engine import AssociationEngine

LOGGER = logger(__name__)

PROCESSING_FAILURE = 0x0110
UNKNOWN_SOP_CLASS = 0x0118
MISSING_ATTRIBUTE = 0x0120
SOP_CLASS_NOT_SUPPORTED = 0x0122
UNRECOGNIZED_OPERATION = 0x0211
CANNOT_UNDERSTAND = 0xC000

Service = Callable[["AssociationBase", ReceivedMessage, type[ServiceClass]], Awaitable[Response | None]]

SERVICES: dict[int, Service] = {
    C_ECHO_RQ: serve_echo,
    C_STORE_RQ: serve_store,
    C_FIND_RQ: serve_find,
    C_GET_RQ: serve_get,
    C_MOVE_RQ: serve_move,
    N_ACTION_RQ: serve_normalized,
    N_CREATE_RQ: serve_normalized,
    N_DELETE_RQ: serve_normalized,
    N_EVENT_REPORT_RQ: serve_normalized,
    N_GET_RQ: serve_normalized,
    N_SET_RQ: serve_normalized,
}
"""By command field: a coroutine function that gives the final response, or None if the association ended meanwhile."""

# What a request must name beside its SOP class; a missing priority harms nobody.
_NEEDED = {
    field: tuple(name for name in kind.required if name not in ("message_id", "priority") and "sop_class" not in name)
    for field, kind in MESSAGES.items()
    if field in SERVICES
}


class Dispatch(NamedTuple):
    """Who serves a kind of request on a presentation context."""

    service_class: type[ServiceClass]
    refused: int | None
    """The status that refuses it, if nobody does."""


async def serve(association: AssociationBase, message: ReceivedMessage) -> None:
    """Serve one request and send the final response, unless the association ended meanwhile."""
    command = message.command
    found = dispatch(association, message)
    refused = _lacking(command) if found.refused is None else found.refused
    response: Response | None
    try:
        if refused is None:
            service_class = found.service_class
            if service_class.SCP is not ServiceClass.SCP:
                await _serve_by_hand(association, message, service_class)
                return
            response = await SERVICES[command.command_field](association, message, service_class)
        else:
            LOGGER.warning(
                "%s on SOP class %s answered %#06x",
                MESSAGES[command.command_field].name,
                printable(_sop_class(message)),
                refused,
            )
            response = answer(command, refused), None
        if response is not None:
            await association._send(message.context.context_id, *response)
    except LocalProtocolError:
        LOGGER.debug("the association ended before the response to message ID %d", message.message_id)


async def _serve_by_hand(
    association: AssociationBase, message: ReceivedMessage, service_class: type[ServiceClass]
) -> None:
    """Let the user's own service class do it; it sends its responses itself."""
    association._by_hand.append(message)
    try:
        await association._call(service_class(association).SCP, message.primitive, message.context_tuple)
        message.settle(kept=True)
    except LocalProtocolError:
        raise
    except Exception:
        LOGGER.exception("%s.SCP raised", service_class.__name__)
        session = association._session
        if session is not None and message.message_id in session.serving:
            # It has not given its final response; the peer would wait for it.
            await association._send(message.context.context_id, answer(message.command, PROCESSING_FAILURE))
    finally:
        message.settle(kept=False)
        association._by_hand.remove(message)


async def serve_as(association: AssociationBase, service_class: type[ServiceClass], request: Any) -> None:
    """What the library itself does for a request that a user's service class has taken."""
    message = next(message for message in association._by_hand if message.primitive is request)
    response = await SERVICES[message.command.command_field](association, message, service_class)
    if response is not None:
        await association._send(message.context.context_id, *response)


def _sop_class(message: ReceivedMessage) -> str:
    """The SOP class of the request, or of its context if it names none."""
    command = message.command
    return command.affected_sop_class_uid or command.requested_sop_class_uid or message.context.abstract_syntax


def refusal(association: AssociationEngine, message: ReceivedMessage) -> int | None:
    """The status that refuses the request, if nothing serves it."""
    refused = dispatch(association, message).refused
    return _lacking(message.command) if refused is None else refused


def _lacking(command: Command) -> int | None:
    """The status that refuses a request without something that it must name."""
    for name in _NEEDED[command.command_field]:
        if getattr(command, name) is None:
            return CANNOT_UNDERSTAND if command.command_field < N_EVENT_REPORT_RQ else MISSING_ATTRIBUTE
    return None


def dispatch(association: AssociationEngine, message: ReceivedMessage) -> Dispatch:
    """Who serves this request; the answer is the same for all requests of its kind."""
    uid = _sop_class(message)
    key = message.context.context_id, message.command.command_field, uid, _config.UNRESTRICTED_STORAGE_SERVICE
    found: Dispatch | None = association._dispatched.get(key)
    if found is None:
        found = _dispatch(association, message, uid)
        if len(association._dispatched) < 1024:
            association._dispatched[key] = found
    return found


def _is_wished(association: AssociationEngine, field: int, context: NegotiatedContext) -> bool:
    """The peer stores where we proposed to be SCP, and never answered the proposal.

    Some peers ignore role selection, and send the instances of a C-GET nevertheless.
    """
    if field != C_STORE_RQ or not association.is_requestor:
        return False
    uid = context.abstract_syntax
    _, scp = association.requestor._roles().get(uid, (False, False))
    return scp and uid not in association.acceptor._roles()


def _dispatch(association: AssociationEngine, message: ReceivedMessage, uid: str) -> Dispatch:
    field = message.command.command_field
    if field not in SERVICES:
        return Dispatch(ServiceClass, UNRECOGNIZED_OPERATION)
    context = association._context(message.context.context_id)
    # Events are reported to whoever is not the SCP.
    if context is None or not (context.as_scp or field == N_EVENT_REPORT_RQ or _is_wished(association, field, context)):
        return Dispatch(ServiceClass, SOP_CLASS_NOT_SUPPORTED)
    if field == C_STORE_RQ and _config.UNRESTRICTED_STORAGE_SERVICE:
        return Dispatch(StorageServiceClass, None)
    accepted = association.acceptor._accepted_common.get(uid)
    # In common extended negotiation the peer said which service class the SOP class belongs to.
    served = uid if accepted is None else accepted[0]
    service_class, messages = uid_to_service_class(served), uid_to_messages(served)
    if field in messages or (not messages and service_class.SCP is not ServiceClass.SCP):
        return Dispatch(service_class, None)
    if not messages and not is_known(uid):
        LOGGER.warning("no service class for SOP class %s: see dicomwire.register_uid()", printable(uid))
        return Dispatch(service_class, UNKNOWN_SOP_CLASS if field != C_STORE_RQ else SOP_CLASS_NOT_SUPPORTED)
    return Dispatch(service_class, UNRECOGNIZED_OPERATION)
