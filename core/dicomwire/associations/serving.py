"""Which service serves a request, and its final response."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

from dicomwire import _config
from dicomwire._logging import logger, printable
from dicomwire.associations.negotiated_contexts import NegotiatedContexts
from dicomwire.associations.negotiation import NegotiatedContext
from dicomwire.associations.request import Dispatch, Request
from dicomwire.associations.sides import Sides
from dicomwire.dimse.accepted_contexts import AcceptedContext
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
from dicomwire.services.get_scp import serve_get
from dicomwire.services.given_status import Response
from dicomwire.services.move_scp import serve_move
from dicomwire.services.normalized_scp import serve_normalized
from dicomwire.services.store_scp import serve_store
from dicomwire.vocabulary.served_sop_classes import is_known, uid_to_messages, uid_to_service_class
from dicomwire.vocabulary.service_classes import ServiceClass, StorageServiceClass

LOGGER = logger(__name__)

PROCESSING_FAILURE = 0x0110
UNKNOWN_SOP_CLASS = 0x0118
MISSING_ATTRIBUTE = 0x0120
SOP_CLASS_NOT_SUPPORTED = 0x0122
UNRECOGNIZED_OPERATION = 0x0211
CANNOT_UNDERSTAND = 0xC000

_MOST_KNOWN = 1024

Service: TypeAlias = Callable[[Request], Awaitable[Response | None]]

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


async def serve(request: Request, by_hand: list[Request]) -> None:
    """Serve one request and send the final response, unless the association ended meanwhile.

    ``by_hand`` are the requests that service classes of the user's are serving.
    """
    command = request.command
    response: Response | None
    try:
        if request.unserved is None:
            if request.service_class.SCP is not ServiceClass.SCP:
                await _serve_by_hand(request, by_hand)
                return
            response = await _serve(request)
        else:
            name = MESSAGES[command.command_field].name
            LOGGER.warning(
                "%s on SOP class %s answered %#06x",
                name,
                printable(_sop_class(request.context, command)),
                request.unserved,
            )
            response = answer(command, request.unserved), None
        if response is not None:
            await request.line.send(request.context.context_id, *response)
    except LocalProtocolError:
        LOGGER.debug("the association ended before the response to message ID %d", request.message_id)


async def _serve(request: Request) -> Response | None:
    """What the library does for it; a response also if that fails, such as on an object of a handler's that raises."""
    try:
        return await SERVICES[request.command.command_field](request)
    except (LocalProtocolError, OSError):
        raise
    except Exception:
        LOGGER.exception("serving message ID %d failed", request.message_id)
        if request.message_id not in request.line.session.serving:
            return None
        return answer(request.command, PROCESSING_FAILURE), None


async def _serve_by_hand(request: Request, by_hand: list[Request]) -> None:
    """Let the user's own service class do it; it sends its responses itself."""
    by_hand.append(request)
    try:
        service = request.service_class(request.association)
        await request.call(service.SCP, request.primitive, request.context_tuple)
        request.settle(kept=True)
    except LocalProtocolError:
        raise
    except Exception:
        LOGGER.exception("%s.SCP raised", request.service_class.__name__)
        if request.message_id in request.line.session.serving:
            # It has not given its final response; the peer would wait for it.
            await request.respond(answer(request.command, PROCESSING_FAILURE))
    finally:
        request.settle(kept=False)
        by_hand.remove(request)


async def serve_as_library(request: Request, service_class: type[ServiceClass]) -> None:
    """What the library itself does for a request that a user's service class has taken."""
    request.service_class = service_class
    response = await SERVICES[request.command.command_field](request)
    if response is not None:
        await request.respond(*response)


class Dispatcher:
    """Knows who serves which requests; the answer is the same for all requests of a kind."""

    def __init__(self, sides: Sides, contexts: NegotiatedContexts) -> None:
        self._sides = sides
        self._contexts = contexts
        self._known: dict[Any, Dispatch] = {}

    def find(self, context: AcceptedContext, command: Command) -> Dispatch:
        """Who serves this request; a status instead for what nobody does, and for what lacks something it must name."""
        uid = command.affected_sop_class_uid or command.requested_sop_class_uid or context.abstract_syntax
        key = context.context_id, command.command_field, uid, _config.UNRESTRICTED_STORAGE_SERVICE
        if key in self._known:
            found = self._known[key]
        else:
            found = self._find(context.context_id, command.command_field, uid)
            if len(self._known) < _MOST_KNOWN:
                self._known[key] = found
        if found.refused is None:
            for name in _NEEDED[command.command_field]:
                if getattr(command, name) is None:
                    lacking = CANNOT_UNDERSTAND if command.command_field < N_EVENT_REPORT_RQ else MISSING_ATTRIBUTE
                    return Dispatch(found.service_class, lacking)
        return found

    def _find(self, context_id: int, field: int, uid: str) -> Dispatch:
        if field not in SERVICES:
            return Dispatch(ServiceClass, UNRECOGNIZED_OPERATION)
        context = self._contexts.by_id(context_id)
        # Events are reported to whoever is not the SCP.
        if context is None or not (context.as_scp or field == N_EVENT_REPORT_RQ or self._is_wished(field, context)):
            return Dispatch(ServiceClass, SOP_CLASS_NOT_SUPPORTED)
        if field == C_STORE_RQ and _config.UNRESTRICTED_STORAGE_SERVICE:
            return Dispatch(StorageServiceClass, None)
        accepted = self._sides.acceptor.accepted_common.get(uid)
        # In common extended negotiation the peer said which service class the SOP class belongs to.
        served = uid if accepted is None else accepted[0]
        service_class, messages = uid_to_service_class(served), uid_to_messages(served)
        if field in messages or (not messages and service_class.SCP is not ServiceClass.SCP):
            return Dispatch(service_class, None)
        if not messages and not is_known(uid):
            LOGGER.warning("no service class for SOP class %s: see dicomwire.register_uid()", printable(uid))
            return Dispatch(service_class, UNKNOWN_SOP_CLASS if field != C_STORE_RQ else SOP_CLASS_NOT_SUPPORTED)
        return Dispatch(service_class, UNRECOGNIZED_OPERATION)

    def _is_wished(self, field: int, context: NegotiatedContext) -> bool:
        """The peer stores where we proposed to be SCP, and never answered the proposal.

        Some peers ignore role selection, and send the instances of a C-GET nevertheless.
        """
        if field != C_STORE_RQ or not self._sides.is_requestor:
            return False
        uid = context.abstract_syntax
        _, scp = self._sides.requestor.roles().get(uid, (False, False))
        return scp and uid not in self._sides.acceptor.roles()


def _sop_class(context: AcceptedContext, command: Command) -> str:
    """The SOP class of the request, or of its context if it names none."""
    return command.affected_sop_class_uid or command.requested_sop_class_uid or context.abstract_syntax
