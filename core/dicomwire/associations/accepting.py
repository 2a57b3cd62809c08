"""Accepting an association and serving it to its end."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

from dicomwire import _config
from dicomwire.associations import events as evt
from dicomwire.associations.admission import admit
from dicomwire.associations.association_base import AssociationBase
from dicomwire.associations.channel import Channel
from dicomwire.associations.configured_contexts import supported_by
from dicomwire.associations.coroutines import outcome
from dicomwire.associations.explanation import tell_refused
from dicomwire.associations.extended_negotiation import common_extended, sop_class_extended
from dicomwire.associations.negotiation import Supported, accept_contexts
from dicomwire.associations.server_base import ServerBase
from dicomwire.associations.window import answer_to
from dicomwire.compat.wire_items import to_item
from dicomwire.errors import LocalProtocolError
from dicomwire.upper_layer.items import (
    AsynchronousOperationsWindowItem,
    PresentationContextACItem,
    RoleSelectionItem,
    UserItem,
)
from dicomwire.upper_layer.pdus import AssociateAC, AssociateRJ, AssociateRQ
from dicomwire.vocabulary.titles_and_uids import received_text

AssociationT = TypeVar("AssociationT", bound=AssociationBase)


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
    identity_response, refusal = await admit(association, request)
    if line.standing.has_ended:
        return
    if refusal is not None:
        await _reject(association, refusal)
        return
    await common_extended(association)
    if sides.acceptor.chose_contexts:
        # A handler has changed what is supported, for this association.
        supported = supported_by(sides.acceptor.contexts)
    proposed_roles = sides.requestor.roles()
    outcomes, granted = accept_contexts(request.presentation_context, supported, proposed_roles, _is_open_to)
    association.contexts.set(outcomes)
    extended = await sop_class_extended(association)
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


async def _reject(association: AssociationBase, refusal: AssociateRJ) -> None:
    line = association.line
    try:
        line.session.send(refusal)
    except LocalProtocolError:
        return
    line.sides.acceptor.say(refusal)
    await line.handlers.notify_primitive(evt.EVT_ACSE_SENT, lambda: association.acceptor.primitive)
    await line.ending.finish("rejected", f"rejected: {refusal.reason_str}")


def _is_open_to(abstract_syntax: str) -> bool:
    if not _config.UNRESTRICTED_STORAGE_SERVICE:
        return False
    from dicomwire.vocabulary.context_lists import is_unrestricted

    return is_unrestricted(abstract_syntax)
