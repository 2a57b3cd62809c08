"""Accepting an association and serving it to its end."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

from dicomwire import _config
from dicomwire._logging import logger
from dicomwire.associations import events as evt
from dicomwire.associations.association_base import AssociationBase
from dicomwire.associations.channel import Channel
from dicomwire.associations.configured_contexts import supported_by
from dicomwire.associations.coroutines import outcome
from dicomwire.associations.entity_base import ApplicationEntityBase
from dicomwire.associations.explanation import tell_refused
from dicomwire.associations.negotiation import Supported, accept_contexts
from dicomwire.associations.server_base import ServerBase
from dicomwire.associations.user_code import HandlerRaised
from dicomwire.associations.window import answer_to
from dicomwire.compat.wire_items import to_item
from dicomwire.errors import LocalProtocolError
from dicomwire.upper_layer.items import (
    AsynchronousOperationsWindowItem,
    PresentationContextACItem,
    RoleSelectionItem,
    SOPClassExtendedItem,
    UserIdentityACItem,
    UserItem,
)
from dicomwire.upper_layer.pdus import APPLICATION_CONTEXT_NAME, AssociateAC, AssociateRJ, AssociateRQ
from dicomwire.upper_layer.reasons import (
    ACSEDiagnostic,
    Code,
    PresentationDiagnostic,
    RejectResult,
    RejectSource,
    UserDiagnostic,
)
from dicomwire.vocabulary.titles_and_uids import received_text

AssociationT = TypeVar("AssociationT", bound=AssociationBase)

LOGGER = logger(__name__)


async def serve_over(
    association: AssociationT,
    server: ServerBase[AssociationT],
    make: Callable[[AssociationT], Channel | Awaitable[Channel]],
) -> None:
    """Accept an association over a connection that somebody else has opened, and serve it to its end.

    ``make`` gives the channel.  What it raises comes out.
    """
    server.adopt(association)
    try:
        channel: Channel = await outcome(make(association))
        await outcome(association.line.host.face(serve_connection(association, channel, server)))
    finally:
        server.forget(association)


async def serve_connection(association: AssociationBase, channel: Channel, server: ServerBase[Any]) -> None:
    """The whole life of an association over a connection that ``server`` has accepted, TLS included."""
    line, control = association.line, association.control
    await line.open(channel)
    supported = server.supported()
    standing, sides = line.standing, line.sides
    with line.exchange:
        while control.request is None and not standing.has_ended:
            await line.advance()
        if standing.has_ended:
            return
        request = control.request
        assert request is not None
        sides.requestor.say(request)
        sides.acceptor.ae_title = sides.acceptor.ae_title or received_text(request.called_ae_title)
        await line.handlers.notify_primitive(evt.EVT_ACSE_RECV, lambda: association.requestor.primitive)
        await line.handlers.notify(evt.EVT_REQUESTED)
        if line.session.connection.ending and not standing.has_ended:
            # A handler has rejected it with codes of its own.
            await line.ending.finish("rejected", "rejected by a handler")
        if not standing.has_ended:
            await _decide(association, request, supported)
        await line.wait_closed()


async def _decide(association: AssociationBase, request: AssociateRQ, supported: Mapping[str, Supported]) -> None:
    line, sides = association.line, association.line.sides
    reject = _grounds(association, request)
    identity_response: UserItem | None = None
    if reject is None:
        identity_response, refused = await _identity(association)
        reject = refused
    if line.standing.has_ended:
        return
    if reject is not None:
        await _reject(association, reject)
        return
    await _common_extended(association)
    if sides.acceptor.chose_contexts:
        # A handler has changed what is supported, for this association.
        supported = supported_by(sides.acceptor.contexts)
    proposed_roles = sides.requestor.roles()
    outcomes, granted = accept_contexts(request.presentation_context, supported, proposed_roles, _is_open_to)
    association.contexts.set(outcomes)
    extended = await _sop_class_extended(association)
    window = await answer_to(
        association.requestor.asynchronous_operations, association.ae.asynchronous_operations, line.handlers
    )
    if line.standing.has_ended:
        return
    items: list[UserItem] = sides.acceptor.basic_items()
    if window is not None:
        invoked, performed = window
        # Ours is the other point of view.
        association.use_window((performed, invoked))
        items.append(
            AsynchronousOperationsWindowItem(
                maximum_number_operations_invoked=invoked, maximum_number_operations_performed=performed
            )
        )
    items += [RoleSelectionItem(sop_class_uid=uid, scu_role=scu, scp_role=scp) for uid, (scu, scp) in granted.items()]
    items += extended
    if identity_response is not None:
        items.append(identity_response)
    items += _added(association, items)
    called, calling = request.titles
    answer = AssociateAC(
        called_ae_title=called,
        calling_ae_title=calling,
        reserved=request.reserved,
        presentation_context=tuple(
            PresentationContextACItem(
                context_id=outcome.context_id, result=outcome.result, transfer_syntax=outcome.transfer_syntax
            )
            for outcome in outcomes
        ),
        user_information=tuple(items),
    )
    try:
        line.session.send(answer)
    except LocalProtocolError:
        # The peer is gone, or a handler has ended it; the next event says so.
        return
    sides.acceptor.say(answer)
    line.standing.is_established = True
    tell_refused(association)
    await line.handlers.notify_primitive(evt.EVT_ACSE_SENT, lambda: association.acceptor.primitive)
    await line.handlers.notify(evt.EVT_ACCEPTED)
    if line.standing.is_established:
        await line.handlers.notify(evt.EVT_ESTABLISHED)
    await line.flush()


def _added(association: AssociationBase, items: list[UserItem]) -> list[UserItem]:
    """What an ``EVT_REQUESTED`` handler has added to the answer, where negotiation has not said it already."""
    present = {(item.kind, getattr(item, "sop_class_uid", None)) for item in items}
    added = [to_item(primitive) for primitive in association.line.sides.acceptor.items]
    return [item for item in added if (item.kind, getattr(item, "sop_class_uid", None)) not in present]


def _grounds(association: AssociationBase, request: AssociateRQ) -> AssociateRJ | None:
    """Why to reject, if so: what the AE's configuration says."""
    ae: ApplicationEntityBase = association.ae
    called = association.line.sides.acceptor.ae_title.strip()
    if ae.running_associations.accepted_count > ae.maximum_associations:
        return _refusal(RejectResult.TRANSIENT, RejectSource.PRESENTATION, PresentationDiagnostic.LOCAL_LIMIT_EXCEEDED)
    if _config.ENFORCE_UID_CONFORMANCE and request.application_context_name != APPLICATION_CONTEXT_NAME:
        return _refusal(RejectResult.PERMANENT, RejectSource.USER, UserDiagnostic.APPLICATION_CONTEXT_NAME)
    if ae.require_called_aet and received_text(request.called_ae_title) != called:
        return _refusal(RejectResult.PERMANENT, RejectSource.USER, UserDiagnostic.CALLED_AE_TITLE)
    required = [title.strip() for title in ae.require_calling_aet]
    if required and received_text(request.calling_ae_title) not in required:
        return _refusal(RejectResult.PERMANENT, RejectSource.USER, UserDiagnostic.CALLING_AE_TITLE)
    return None


def _refusal(result: RejectResult, source: RejectSource, diagnostic: Code) -> AssociateRJ:
    return AssociateRJ(result=result, source=source, reason_diagnostic=diagnostic)


async def _reject(association: AssociationBase, refusal: AssociateRJ) -> None:
    line = association.line
    try:
        line.session.send(refusal)
    except LocalProtocolError:
        return
    line.sides.acceptor.say(refusal)
    await line.handlers.notify_primitive(evt.EVT_ACSE_SENT, lambda: association.acceptor.primitive)
    await line.ending.finish("rejected", f"rejected: {refusal.reason_str}")


async def _identity(association: AssociationBase) -> tuple[UserItem | None, AssociateRJ | None]:
    """The user identity response to send, or the rejection if the identity is refused."""
    identity = association.line.sides.requestor.identity()
    if identity is None or evt.EVT_USER_ID not in association.line.handlers.interventions:
        return None, None
    refusal = _refusal(RejectResult.TRANSIENT, RejectSource.ACSE, ACSEDiagnostic.NO_REASON)
    try:
        verdict = await association.line.handlers.intervene(
            evt.EVT_USER_ID,
            user_id_type=identity.user_identity_type,
            primary_field=identity.primary_field,
            secondary_field=identity.secondary_field,
        )
        verified, response = verdict
    except HandlerRaised:
        return None, refusal
    except (TypeError, ValueError):
        LOGGER.error("the EVT_USER_ID handler gave no pair of verified and response: refused")
        return None, refusal
    if not verified:
        return None, refusal
    if not identity.positive_response_requested or response is None:
        return None, None
    # There is nothing to say of a user name (PS3.7 D.3.3.7.2), but an empty response says that it was checked: DCMTK's
    # storescu goes away without it.
    if response and identity.user_identity_type not in (3, 4, 5):
        return None, None
    return UserIdentityACItem(server_response=bytes(response)), None


async def _ask(association: AssociationBase, event: evt.InterventionEvent, **attrs: Any) -> dict[Any, Any]:
    """A mapping from the handler; empty if it raised or gave something else."""
    try:
        answer = await association.line.handlers.intervene(event, **attrs)
    except HandlerRaised:
        return {}
    if isinstance(answer, dict):
        return answer
    LOGGER.error("the %s handler gave %s, not a dictionary", event.name, type(answer).__name__)
    return {}


async def _common_extended(association: AssociationBase) -> None:
    if evt.EVT_SOP_COMMON not in association.line.handlers.interventions:
        return
    items = association.requestor.sop_class_common_extended
    accepted = await _ask(association, evt.EVT_SOP_COMMON, items=items)
    for uid, item in accepted.items():
        if uid in items:
            related = [str(related) for related in item.related_general_sop_class_identification]
            association.line.sides.acceptor.accepted_common[str(uid)] = (str(item.service_class_uid), related)


async def _sop_class_extended(association: AssociationBase) -> list[UserItem]:
    if evt.EVT_SOP_EXTENDED not in association.line.handlers.interventions:
        return []
    information = association.line.sides.requestor.application_information()
    answer = await _ask(association, evt.EVT_SOP_EXTENDED, app_info=information)
    return [
        SOPClassExtendedItem(sop_class_uid=str(uid), service_class_application_information=value)
        for uid, value in answer.items()
        if uid in information and isinstance(value, bytes)
    ]


def _is_open_to(abstract_syntax: str) -> bool:
    if not _config.UNRESTRICTED_STORAGE_SERVICE:
        return False
    from dicomwire.vocabulary.context_lists import is_unrestricted

    return is_unrestricted(abstract_syntax)
