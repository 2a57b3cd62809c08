"""Accepting an association and serving it to its end."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeVar

from attrs import field, frozen

from dicomwire import _config
from dicomwire._values import Shown
from dicomwire.associations import events as evt
from dicomwire.associations.admission import admit, give_up_place, passes_hook, take_place
from dicomwire.associations.association_base import AssociationBase
from dicomwire.associations.channel import Channel
from dicomwire.associations.configured_contexts import supported_by
from dicomwire.associations.coroutines import outcome
from dicomwire.associations.explanation import tell_refused
from dicomwire.associations.extended_negotiation import common_extended, sop_class_extended
from dicomwire.associations.negotiated_contexts import Chosen
from dicomwire.associations.negotiation import AcceptorContexts, NegotiatedContext, Roles, accept_contexts
from dicomwire.associations.server_base import ServerBase
from dicomwire.associations.sides import roles_of
from dicomwire.associations.window import Window, answer_to
from dicomwire.compat.wire_items import to_item
from dicomwire.errors import LocalProtocolError
from dicomwire.upper_layer.connection_events import AssociateRejected
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
    if not await passes_hook(association, channel):
        line.ending.kill()
        channel.abandon()
        return
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
        take_place(association)
        sides.requestor.say(request)
        sides.acceptor.ae_title = sides.acceptor.ae_title or received_text(request.called_ae_title)
        if line.handlers.bound[evt.EVT_ACSE_RECV]:
            await line.handlers.notify_primitive(evt.EVT_ACSE_RECV, lambda: association.requestor.primitive)
        if line.handlers.bound[evt.EVT_REQUESTED]:
            await line.handlers.notify(evt.EVT_REQUESTED)
        if line.session.connection.ending and not standing.has_ended:
            # A handler has rejected it with codes of its own.
            give_up_place(association)
            await line.ending.finish("rejected", "rejected by a handler")
        if not standing.has_ended:
            await _decide(association, request, supported)
        if line.waiting:
            # For it to be established, or not.
            line.channel.changed()
        await line.wait_closed()


async def _decide(association: AssociationBase, request: AssociateRQ, supported: AcceptorContexts) -> None:
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
        supported = AcceptorContexts(supported_by(sides.acceptor.contexts))
    # What the next association with this request is told, too.
    is_usual = not (sides.acceptor.chose_contexts or _config.UNRESTRICTED_STORAGE_SERVICE)
    if is_usual:
        accepted = request.derive((_Accepted, supported), lambda: _accept(request, supported))
    else:
        accepted = _accept(request, supported)
    association.contexts.set(accepted.outcomes, accepted.chosen)
    extended = await sop_class_extended(association)
    window = await answer_to(request.asynchronous_operations, association.ae.asynchronous_operations, line.handlers)
    if line.standing.has_ended:
        return
    if window is not None:
        invoked, performed = window
        # Ours is the other point of view.
        association.use_window((performed, invoked))
    if identity_response is not None:
        extended.append(identity_response)
    added = [to_item(primitive) for primitive in sides.acceptor.items]
    said = sides.acceptor.basic_items
    if extended or added or not is_usual:
        answer = _answer(request, accepted, said(), window, extended, added)
    else:
        key = AssociateAC, accepted, sides.acceptor.basic, window
        answer = request.derive(key, lambda: _answer(request, accepted, said(), window))
    try:
        line.session.send(answer)
    except LocalProtocolError:
        # The peer is gone, or a handler has ended it; the next event says so.
        return
    sides.acceptor.say(answer)
    line.standing.is_established = True
    tell_refused(association)
    if line.handlers.bound[evt.EVT_ACSE_SENT]:
        await line.handlers.notify_primitive(evt.EVT_ACSE_SENT, lambda: association.acceptor.primitive)
    if line.handlers.bound[evt.EVT_ACCEPTED]:
        await line.handlers.notify(evt.EVT_ACCEPTED)
    if line.handlers.bound[evt.EVT_ESTABLISHED] and line.standing.is_established:
        await line.handlers.notify(evt.EVT_ESTABLISHED)
    await line.flush()


@frozen(eq=False, repr=False)
class _Accepted(Shown):
    """What becomes of the contexts that a request proposes, as long as the acceptor supports the same ones."""

    outcomes: list[NegotiatedContext]
    granted: Mapping[str, Roles]
    chosen: Chosen = field(factory=dict)


def _accept(request: AssociateRQ, supported: AcceptorContexts) -> _Accepted:
    return _Accepted(
        *accept_contexts(request.presentation_context, supported.supported, roles_of(request), _is_open_to)
    )


def _answer(
    request: AssociateRQ,
    accepted: _Accepted,
    items: list[UserItem],
    window: Window | None,
    extended: Sequence[UserItem] = (),
    added: Sequence[UserItem] = (),
) -> AssociateAC:
    """The acceptance; ``added`` is what a handler wants said, where negotiation has not said it already."""
    if window is not None:
        invoked, performed = window
        items.append(
            AsynchronousOperationsWindowItem(
                maximum_number_operations_invoked=invoked, maximum_number_operations_performed=performed
            )
        )
    for uid, (scu, scp) in accepted.granted.items():
        items.append(RoleSelectionItem(sop_class_uid=uid, scu_role=scu, scp_role=scp))
    items += extended
    present = {_sort_of(item) for item in items}
    items += [item for item in added if _sort_of(item) not in present]
    called, calling = request.titles
    return AssociateAC(
        called_ae_title=called,
        calling_ae_title=calling,
        reserved=request.reserved,
        presentation_context=tuple(
            PresentationContextACItem(
                context_id=outcome.context_id, result=outcome.result, transfer_syntax=outcome.transfer_syntax
            )
            for outcome in accepted.outcomes
        ),
        user_information=tuple(items),
    )


def _sort_of(item: UserItem) -> tuple[int, str | None]:
    return item.kind, getattr(item, "sop_class_uid", None)


async def _reject(association: AssociationBase, refusal: AssociateRJ) -> None:
    line = association.line
    try:
        line.session.send(refusal)
    except LocalProtocolError:
        return
    line.sides.acceptor.say(refusal)
    await line.handlers.notify_primitive(evt.EVT_ACSE_SENT, lambda: association.acceptor.primitive)
    give_up_place(association)
    await line.ending.finish("rejected", f"rejected: {AssociateRejected(pdu=refusal).describe()}")


def _is_open_to(abstract_syntax: str) -> bool:
    if not _config.UNRESTRICTED_STORAGE_SERVICE:
        return False
    from dicomwire.vocabulary.context_lists import is_unrestricted

    return is_unrestricted(abstract_syntax)
