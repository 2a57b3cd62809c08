"""Requesting an association."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from attrs import frozen

from dicomwire._logging import logger
from dicomwire._values import Value
from dicomwire.associations import events as evt
from dicomwire.associations.association_base import AssociationBase
from dicomwire.associations.channel import Channel
from dicomwire.associations.configured_contexts import requested_items
from dicomwire.associations.coroutines import outcome
from dicomwire.associations.entity_base import ApplicationEntityBase
from dicomwire.associations.explanation import advice_without_connection, explain, tell_refused
from dicomwire.associations.handlers import HandlerTable
from dicomwire.associations.negotiated_contexts import Chosen
from dicomwire.associations.negotiation import NegotiatedContext, outcomes_of, tell_unproposed
from dicomwire.associations.server_base import handler_table, library_table
from dicomwire.associations.sides import roles_of
from dicomwire.associations.window import agreed
from dicomwire.compat.pdu_primitives import (
    AsynchronousOperationsWindowNegotiation,
    NegotiationItem,
    SCP_SCU_RoleSelectionNegotiation,
    SOPClassCommonExtendedNegotiation,
    SOPClassExtendedNegotiation,
    UserIdentityNegotiation,
)
from dicomwire.compat.wire_items import associate_primitive, to_item
from dicomwire.upper_layer.connection_events import AssociateAccepted
from dicomwire.upper_layer.items import (
    AsynchronousOperationsWindowItem,
    ImplementationClassUIDItem,
    ImplementationVersionNameItem,
    MaximumLengthItem,
    PresentationContextRQItem,
    UserIdentityRQItem,
    UserItem,
)
from dicomwire.upper_layer.limits import Timeouts
from dicomwire.upper_layer.pdus import AssociateAC, AssociateRQ
from dicomwire.upper_layer.reasons import AbortSource
from dicomwire.upper_layer.remembered import derive_from_both
from dicomwire.upper_layer.state import Role
from dicomwire.vocabulary.contexts import PresentationContext
from dicomwire.vocabulary.titles_and_uids import set_ae

if TYPE_CHECKING:
    from dicomwire.tracing.trace_records import Recorder

LOGGER = logger(__name__)

AssociationT = TypeVar("AssociationT", bound=AssociationBase)
DialedT_contra = TypeVar("DialedT_contra", bound=AssociationBase, contravariant=True)

_EXTENDED = (
    SCP_SCU_RoleSelectionNegotiation,
    SOPClassExtendedNegotiation,
    SOPClassCommonExtendedNegotiation,
    AsynchronousOperationsWindowNegotiation,
    UserIdentityNegotiation,
)
_ONCE = (AsynchronousOperationsWindowNegotiation, UserIdentityNegotiation)


@frozen(kw_only=True, repr=False, eq=False)
class RequestOptions(Value):
    """What a program asks for in ``associate``, as it was given: nothing is checked yet."""

    contexts: Sequence[PresentationContext] | None = None
    """Those to propose; none, or None: those of the AE."""

    ae_title: str = "ANY-SCP"
    """The called title."""

    max_pdu: int = 16382
    """The longest P-DATA-TF body we take; 0 is no limit."""

    ext_neg: Sequence[NegotiationItem] | None = None
    evt_handlers: Sequence[evt.EventHandler] | None = None
    timeouts: Timeouts | None = None
    """Those of this association; None: those of the AE."""

    trace: Recorder | None = None
    """Where it is recorded; None: where the AE says."""


class Dialer(Protocol[DialedT_contra]):
    """How an adapter reaches a peer, for one association; :func:`associate` calls it in this order."""

    async def prepare(self) -> None:
        """Check whom to call, and look up names.

        Raises:
            TypeError, ValueError: a bad argument.
            OSError: a name cannot be resolved, or the local address not be bound.
        """

    @property
    def peer(self) -> tuple[Any, ...] | None:
        """The end of the peer: the one reached, or else the first to be tried; None if there are no addresses."""
        ...

    @property
    def address_type(self) -> Callable[[tuple[Any, ...]], Any] | None:
        """What makes an ``AddressInformation`` of either end."""
        ...

    def close(self) -> None:
        """Nothing comes of it: the arguments were bad.  A connection from outside stays open."""

    async def connect(self, association: DialedT_contra) -> Channel:
        """Open the connection, TLS included, in the time that the AE of ``association`` has for it.

        Raises:
            OSError, ValueError: there is none, and nothing is left open.
        """
        ...

    @property
    def local(self) -> tuple[Any, ...] | None:
        """Our end of the connection."""
        ...

    def opened(self, association: DialedT_contra) -> None:
        """The association has its channel; nothing was sent yet."""

    def established(self, association: DialedT_contra) -> None:
        """The peer has accepted: from now on somebody must notice what it does while no verb waits for it."""


class ChannelDialer(Generic[DialedT_contra]):
    """A :class:`Dialer` over a connection that somebody else has opened: ``make`` gives its channel."""

    peer = local = address_type = None

    def __init__(self, make: Callable[[DialedT_contra], Channel | Awaitable[Channel]]) -> None:
        self._make = make

    async def prepare(self) -> None:
        """There is nothing to look up."""

    def close(self) -> None:
        """It stays the caller's."""

    async def connect(self, association: DialedT_contra) -> Channel:
        """See :class:`Dialer`."""
        channel: Channel = await outcome(self._make(association))
        return channel

    def opened(self, association: DialedT_contra) -> None:
        """Nobody looks after it."""

    def established(self, association: DialedT_contra) -> None:
        """Nobody looks after it."""


@frozen(repr=False, eq=False)
class Proposal(Value):
    """A checked association request, and the contexts it was made of."""

    request: AssociateRQ
    contexts: list[PresentationContext]
    called: str
    """The called title as it was given."""


def propose(ae: ApplicationEntityBase, options: RequestOptions) -> Proposal:
    """Check what is asked for in the documented order, and make the request of it.

    Raises:
        TypeError: a title or length of the wrong type, or an item that is no extended negotiation.
        ValueError: a bad title, length, context or item.
        RuntimeError: no presentation context at all.
    """
    contexts, max_pdu, ext_neg = options.contexts, options.max_pdu, options.ext_neg
    title = set_ae(options.ae_title, "ae_title", allow_empty=False, allow_none=False)
    assert title is not None
    if not isinstance(max_pdu, int | float):
        raise TypeError(f"max_pdu is a number, not {type(max_pdu).__name__}")
    if max_pdu < 0 or 0 < max_pdu < 7:
        raise ValueError(f"max_pdu {max_pdu}: no fragment fits; use 0 for no limit, or 7 and more")
    items = _all_extended(ext_neg) if ext_neg else []
    for context in contexts or ():
        if not isinstance(context, PresentationContext):
            raise ValueError(f"contexts holds {type(context).__name__}, not only presentation contexts")
    chosen = list(contexts or ae.requested_contexts)
    proposed = requested_items(chosen)
    if not proposed:
        raise RuntimeError("no presentation contexts: add some to the AE, or give them to associate()")
    uid, version = ae.implementation_class_uid, ae.implementation_version_name
    if ae.asynchronous_operations != (1, 1) and not any(item.kind == 0x53 for item in items):
        invoked, performed = ae.asynchronous_operations
        window = AsynchronousOperationsWindowItem(
            maximum_number_operations_invoked=invoked, maximum_number_operations_performed=performed
        )
        items.append(window)
    # Who the user is is not kept beyond the association.
    names_user = items and any(isinstance(item, UserIdentityRQItem) for item in items)
    make = _request.__wrapped__ if names_user else _request
    request = make(title, ae.ae_title, int(max_pdu), uid, version, proposed, tuple(items))
    return Proposal(request, chosen, title)


@lru_cache(maxsize=32)
def _request(
    called: str,
    calling: str,
    maximum_length: int,
    class_uid: str,
    version_name: str | None,
    contexts: tuple[PresentationContextRQItem, ...],
    items: tuple[UserItem, ...],
) -> AssociateRQ:
    user_information: list[UserItem] = [
        MaximumLengthItem(maximum_length=maximum_length),
        ImplementationClassUIDItem(implementation_class_uid=str(class_uid)),
    ]
    if version_name is not None:
        user_information.append(ImplementationVersionNameItem(implementation_version_name=version_name))
    user_information += items
    order = {0x51: 1, 0x52: 2, 0x53: 3, 0x54: 4, 0x55: 5, 0x56: 6, 0x57: 7, 0x58: 8}
    user_information.sort(key=lambda item: order.get(item.kind, 9))
    request = AssociateRQ(
        called_ae_title=called,
        calling_ae_title=calling,
        presentation_context=contexts,
        user_information=tuple(user_information),
    )
    # What cannot be encoded is found here.
    request.encode()
    return request


def _all_extended(given: Sequence[NegotiationItem]) -> list[UserItem]:
    items = [_extended(item) for item in given]
    for kind in _ONCE:
        if sum(isinstance(item, kind) for item in given) > 1:
            raise ValueError(f"more than one {kind.__name__}")
    return items


def _extended(item: NegotiationItem) -> UserItem:
    if not isinstance(item, _EXTENDED):
        raise TypeError(f"{type(item).__name__} is no extended negotiation item")
    return to_item(item)


def new_requestor(
    kind: Callable[[ApplicationEntityBase, Role, HandlerTable, Recorder | None], AssociationT],
    ae: ApplicationEntityBase,
    options: RequestOptions,
    address: tuple[Any, ...] | None,
    address_type: Callable[[tuple[Any, ...]], Any] | None,
) -> tuple[AssociationT, AssociateRQ]:
    """An association to be established with the peer at ``address``, and its request; errors of :func:`propose`."""
    proposal = propose(ae, options)
    # The association copies it before it changes it.
    table = handler_table(options.evt_handlers) if options.evt_handlers else library_table()
    association = kind(ae, Role.REQUESTOR, table, options.trace)
    if options.timeouts is not None:
        association.timeouts = options.timeouts
    association.line.sides.requestor.contexts = proposal.contexts
    association.line.sides.acceptor.ae_title = proposal.called
    if address is not None:
        association.line.sides.acceptor.is_at(address, address_type)
    return association, proposal.request


async def associate(
    kind: Callable[[ApplicationEntityBase, Role, HandlerTable, Recorder | None], AssociationT],
    ae: ApplicationEntityBase,
    dialer: Dialer[AssociationT],
    options: RequestOptions,
) -> AssociationT:
    """Request an association: the verb of every AE.

    The time until the connection is there belongs to nobody yet.  What follows runs as a verb of the association does.

    Raises:
        TypeError, ValueError, RuntimeError: as :func:`propose`.
        TypeError, ValueError, OSError: as ``dialer.prepare()``.
    """
    await dialer.prepare()
    try:
        association, request = new_requestor(kind, ae, options, dialer.peer, dialer.address_type)
    except BaseException:
        dialer.close()
        raise
    try:
        channel = await dialer.connect(association)
    except (OSError, ValueError) as error:
        await outcome(association.line.host.face(not_connected(association, error)))
        return association
    sides, address_type = association.line.sides, dialer.address_type
    for side, address in ((sides.acceptor, dialer.peer), (sides.requestor, dialer.local)):
        if address is not None:
            side.is_at(address, address_type)
    ae.running_associations.add(association)
    await outcome(association.line.host.face(_begin(association, channel, request, dialer)))
    return association


async def _begin(
    association: AssociationT, channel: Channel, request: AssociateRQ, dialer: Dialer[AssociationT]
) -> None:
    await association.line.open(channel)
    dialer.opened(association)
    await establish(association, request)
    if association.is_established:
        dialer.established(association)


async def not_connected(association: AssociationBase, error: Exception) -> None:
    """There is no transport connection: the association ends before it began."""
    why = str(error) or ("timed out" if isinstance(error, TimeoutError) else "connection closed")
    # What was tried is in the error, of an adapter that tries several addresses.
    peer = association.line.sides.peer_name
    named = "" if peer in why else f" to {peer}"
    LOGGER.error("no connection%s: %s", named, why)
    association.line.standing.advice = advice_without_connection(error)
    await association.line.ending.finish("aborted", f"no connection: {why}")


async def establish(association: AssociationBase, request: AssociateRQ) -> None:
    """Send the request over the open channel, and act on the answer."""
    line, control = association.line, association.control
    with line.exchange:
        if line.handlers.bound[evt.EVT_ACSE_SENT]:
            await line.handlers.notify_primitive(evt.EVT_ACSE_SENT, lambda: associate_primitive(request))
        line.session.send(request)
        line.sides.requestor.say(request)
        # On its way before anybody is told: a handler may take its time, or wait for the peer to have it.
        await line.flush()
        if line.handlers.bound[evt.EVT_REQUESTED]:
            await line.handlers.notify(evt.EVT_REQUESTED)
        while control.answer is None and not line.standing.has_ended:
            await line.advance()
        answer = control.answer
        if answer is None or line.standing.has_ended:
            return
        line.sides.acceptor.say(answer.pdu)
        if line.handlers.bound[evt.EVT_ACSE_RECV]:
            await line.handlers.notify_primitive(evt.EVT_ACSE_RECV, lambda: association.acceptor.primitive)
        if isinstance(answer, AssociateAccepted):
            await _accepted(association, request, answer)
        else:
            await line.ending.finish("rejected", f"rejected: {answer.describe()}")


def _outcomes(request: AssociateRQ, answer: AssociateAC) -> tuple[tuple[list[NegotiatedContext], list[int]], Chosen]:
    """What becomes of the contexts proposed, and room for what is chosen among them."""
    proposed, answered = request.presentation_context, answer.presentation_context
    return outcomes_of(proposed, answered, roles_of(request), roles_of(answer)), {}


async def _accepted(association: AssociationBase, request: AssociateRQ, answer: AssociateAccepted) -> None:
    line = association.line
    pdu = answer.pdu
    (contexts, unproposed), chosen = derive_from_both(request, pdu, _outcomes)
    if unproposed:
        tell_unproposed(unproposed)
    association.contexts.set(contexts, chosen)
    window = agreed(request.asynchronous_operations, pdu.asynchronous_operations)
    association.use_window(window)
    tell_refused(association)
    if any(context.result == 0 for context in contexts):
        line.standing.is_established = True
        if line.handlers.bound[evt.EVT_ACCEPTED]:
            await line.handlers.notify(evt.EVT_ACCEPTED)
        if line.handlers.bound[evt.EVT_ESTABLISHED] and line.standing.is_established:
            await line.handlers.notify(evt.EVT_ESTABLISHED)
        return
    await line.handlers.notify(evt.EVT_ACCEPTED)
    LOGGER.error("no presentation context was accepted: %s", explain(association))
    await association.control.abort(source=AbortSource.PROVIDER)
    line.standing.failure = "no presentation context was accepted"
