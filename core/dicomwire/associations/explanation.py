"""What became of an association and its presentation contexts, in words for people."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Protocol

from dicomwire._logging import logger, printable
from dicomwire.associations.line import Line
from dicomwire.associations.negotiated_contexts import NegotiatedContexts
from dicomwire.associations.negotiation import (
    ABSTRACT_SYNTAX_NOT_SUPPORTED,
    ACCEPTED,
    PROVIDER_REJECTED,
    TRANSFER_SYNTAXES_NOT_SUPPORTED,
    USER_REJECTED,
    NegotiatedContext,
    Roles,
    agree,
)
from dicomwire.associations.sides import Sides
from dicomwire.upper_layer.items import PresentationContextACItem, PresentationContextRQItem, UserIdentityRQItem
from dicomwire.upper_layer.pdus import AssociateAC, AssociateRJ, AssociateRQ
from dicomwire.upper_layer.reasons import RejectResult, RejectSource, UserDiagnostic
from dicomwire.vocabulary.titles_and_uids import uid_name
from dicomwire.vocabulary.tls_words import WANTS_A_CERTIFICATE, advice_on_handshake, is_encrypted

LOGGER = logger(__name__)

_MOST_CLASSES = 8
"""SOP classes named for each reason."""

_MOST_SYNTAXES = 6

_LONG_REQUEST = 4096
"""Bytes of an A-ASSOCIATE-RQ from which on its length may be why a peer closes. Few limits are smaller."""

_RESULTS = {
    USER_REJECTED: "rejected by the user",
    PROVIDER_REJECTED: "rejected by the provider, without a reason",
    ABSTRACT_SYNTAX_NOT_SUPPORTED: "abstract syntax not supported",
    TRANSFER_SYNTAXES_NOT_SUPPORTED: "transfer syntax not supported",
}
_NO_ROLE = "no role left"
STOPPED_BY_ITSELF = "nobody cancelled: the peer stopped by itself, it may limit how much it gives at a time"
"""What to make of status 0xFE00 (Cancel) that nobody asked for; archives answer so beyond a limit of theirs."""

_MISNAMED = "transfer syntax not supported (the peer calls it abstract syntax not supported)"
_NOT_ANSWERED = "not answered"
_NOT_PROPOSED = "accepted with a transfer syntax that was not proposed"


_TIMED_OUT = {
    "timed out waiting for a response": "dimse_timeout is how long to wait for it",
    "timed out waiting for the rest of a message": "network_timeout is how long it may take",
    "timed out waiting for traffic": "network_timeout is how long there may be none",
}
"""Of an association that was there: what can be done about it."""


class Explained(Protocol):
    """What has to be known of an association to explain it."""

    @property
    def line(self) -> Line: ...
    @property
    def contexts(self) -> NegotiatedContexts: ...


def explain(association: Explained) -> str:
    """What became of an association and its contexts: why contexts were refused, why there is none or no more."""
    parts = []
    if end := _end(association):
        parts.append(end)
    sides, negotiated = association.line.sides, association.contexts
    if negotiated:
        parts += [_refused(sides, negotiated), *_unlike_asked(sides, negotiated)]
    return "; ".join(parts) or "nothing was negotiated yet"


def how_it_ended(association: Explained) -> str:
    """Why there is no association, or no more, and what to do about it; empty if there is one."""
    return _end(association)


def tell_refused(association: Explained) -> None:
    """Log by name which presentation contexts have just been refused, and why."""
    negotiated = association.contexts
    if LOGGER.isEnabledFor(logging.INFO) and any(context.result != ACCEPTED for context in negotiated.all):
        LOGGER.info("%s", _refused(association.line.sides, negotiated))


# -- how it ended --------------------------------------------------------------------------------------------------
def _end(association: Explained) -> str:
    standing = association.line.standing
    why, advice = standing.failure or "", _advice(association)
    if why and not association.contexts and standing.was_opened and standing.is_aborted:
        why += ", before the request was answered"
    return f"{why}: {advice}" if why and advice else why


def _advice(association: Explained) -> str | None:
    """What whoever asked for an association can do about its failure."""
    line, standing = association.line, association.line.standing
    if not line.sides.is_requestor or not standing.failure:
        return None
    if standing.is_rejected:
        return _after_rejection(line.sides)
    if not standing.was_opened:
        return standing.advice
    is_closed = standing.failure.startswith("connection closed")
    if association.contexts:
        if is_closed and not line.session.alert:
            return "its log may say why"
        return next((advice for why, advice in _TIMED_OUT.items() if standing.failure.startswith(why)), None)
    is_tls = is_encrypted(line.channel.transport_socket)
    if standing.failure.startswith("timed out"):
        busy = "be busy; acse_timeout is how long to wait for it"
        return f"it may {busy}" if is_tls else f"it may expect TLS, or {busy}"
    if is_closed:
        first = WANTS_A_CERTIFICATE if is_tls else "it may expect TLS"
        return f"{first}, or something else than DICOM on that port, or not accept our address{_or_length(line.sides)}"
    if standing.failure.startswith("aborted by the"):
        return "its log may say why; often it does not know our title or address"
    return None


def _or_length(sides: Sides) -> str:
    """Some peers hold the request to their maximum length, which is of P-DATA alone (PS3.8 D.1): DICOM-rs if strict."""
    request = sides.requestor.said
    if not isinstance(request, AssociateRQ) or (length := len(request.encode())) < _LONG_REQUEST:
        return ""
    count = len(request.presentation_context)
    return f", or not take a request of {length} bytes: try fewer presentation contexts than {count}"


def is_refused_for_good(association: Explained) -> bool:
    """Whether the peer would refuse the same request again: a permanent rejection, or no context was accepted.

    One for want of room (PS3.8 table 9-21, source 3) may be none later, whatever the peer calls it.
    """
    said = association.line.sides.acceptor.said
    if isinstance(said, AssociateRJ):
        return said.result == RejectResult.PERMANENT and said.source != RejectSource.PRESENTATION
    contexts = association.contexts.all
    return isinstance(said, AssociateAC) and not any(context.result == ACCEPTED for context in contexts)


def _after_rejection(sides: Sides) -> str | None:
    pdu, request = sides.acceptor.said, sides.requestor.said
    if not isinstance(pdu, AssociateRJ) or not isinstance(request, AssociateRQ):
        return None
    match pdu.source, pdu.reason_diagnostic:
        case RejectSource.USER, UserDiagnostic.CALLING_AE_TITLE:
            title = printable(request.calling_ae_title, 16)
            return f"it does not know '{title}': have it added to its configuration, or give the AE a title it knows"
        case RejectSource.USER, UserDiagnostic.CALLED_AE_TITLE:
            title = printable(request.called_ae_title, 16)
            return f"'{title}' is not its title: give its own as called AE title (ae_title)"
        case RejectSource.PRESENTATION, _:
            return "try again later, or with fewer associations at a time"
    if request.user_item(UserIdentityRQItem) is not None:
        return "it may not accept our user identity; its log may say more"
    return "try again later; its log may say why" if pdu.result == RejectResult.TRANSIENT else "its log may say why"


def advice_without_connection(error: Exception) -> str | None:
    """What to do about a connection that could not be opened."""
    if (advice := advice_on_handshake(error)) is not None:
        return advice
    if isinstance(error, ConnectionRefusedError):
        return "nobody listens there: check address and port, and that the peer is running"
    if isinstance(error, ConnectionResetError):
        return "it may expect TLS or not, unlike us, or not accept our address"
    if isinstance(error, TimeoutError):
        return "nobody answers: check the address, and firewalls in between"
    return None


# -- contexts that were refused ------------------------------------------------------------------------------------
def _refused(sides: Sides, negotiated: NegotiatedContexts) -> str:
    contexts = negotiated.all
    grouped: dict[str, list[NegotiatedContext]] = {}
    for context in sorted(contexts, key=lambda context: context.result):
        if context.result != ACCEPTED:
            grouped.setdefault(_reason(sides, negotiated, context), []).append(context)
    count = sum(map(len, grouped.values()))
    if not count:
        return f"all {len(contexts)} presentation contexts accepted"
    who = "the peer" if sides.is_requestor else "we"
    reasons = []
    for reason, refused in grouped.items():
        named = _classes(sides, negotiated, refused)
        reasons.append(f"{reason}: {named}" if len(grouped) == 1 else f"{len(refused)} {reason}: {named}")
    return f"{who} accepted {len(contexts) - count} and rejected {count} of {len(contexts)}: {'; '.join(reasons)}"


def _reason(sides: Sides, negotiated: NegotiatedContexts, context: NegotiatedContext) -> str:
    if _lacks_roles(sides, context):
        return _NO_ROLE
    if _is_misnamed(negotiated, context):
        return _MISNAMED
    if context.result == PROVIDER_REJECTED and isinstance(sides.acceptor.said, AssociateAC):
        answered = _answered(sides, context)
        if answered is None:
            return _NOT_ANSWERED
        if answered.result == ACCEPTED:
            return _NOT_PROPOSED
    return _RESULTS.get(context.result, f"result {context.result}")


def _answered(sides: Sides, context: NegotiatedContext) -> PresentationContextACItem | None:
    """What the acceptor said of a context."""
    answer = sides.acceptor.said
    items = answer.presentation_context if isinstance(answer, AssociateAC) else ()
    return next((item for item in items if item.context_id == context.context_id), None)


def _is_misnamed(negotiated: NegotiatedContexts, context: NegotiatedContext) -> bool:
    """It is said of a class that it is not supported, and the class was accepted with other transfer syntaxes.

    CTN, Orthanc and DCMTK 3.6.8 answer so.
    """
    return context.result == ABSTRACT_SYNTAX_NOT_SUPPORTED and any(
        other.result == ACCEPTED and other.abstract_syntax == context.abstract_syntax for other in negotiated.all
    )


def _lacks_roles(sides: Sides, context: NegotiatedContext) -> bool:
    """It was refused because the roles that were asked for and those that were granted have none in common."""
    wish = _wish(sides, context)
    if context.result != USER_REJECTED or wish is None:
        return False
    if not sides.is_requestor:
        return True
    answered = _answered(sides, context)
    if answered is not None and answered.result == ACCEPTED:
        return True
    granted = sides.acceptor.roles().get(context.abstract_syntax)
    return granted is not None and not any(agree(wish, granted))


def _classes(sides: Sides, negotiated: NegotiatedContexts, contexts: Iterable[NegotiatedContext]) -> str:
    """The SOP classes of refused contexts by name, each with what it was refused for."""
    details: dict[str, list[str]] = {}
    for context in contexts:
        known = details.setdefault(context.abstract_syntax, [])
        if context.result == TRANSFER_SYNTAXES_NOT_SUPPORTED or _is_misnamed(negotiated, context):
            known += [uid_name(uid) for uid in _proposed(sides, context) if uid_name(uid) not in known]
        elif context.result == USER_REJECTED and (wish := _wish(sides, context)) is not None and not known:
            granted = sides.acceptor.roles().get(context.abstract_syntax)
            if granted is not None and not _lacks_roles(sides, context):
                # The roles are not why.
                continue
            known.append(f"asked for {_roles(wish)}" + (f", granted {_roles(granted)}" if granted else ""))
    return _listed(
        [
            f"{uid_name(uid)} ({_listed(known, _MOST_SYNTAXES)})" if known else uid_name(uid)
            for uid, known in details.items()
        ],
        _MOST_CLASSES,
    )


def _listed(names: list[str], most: int) -> str:
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more} more" if more > 0 else "")


def _proposed(sides: Sides, context: NegotiatedContext) -> tuple[str, ...]:
    """The transfer syntaxes that were proposed in a context."""
    request = sides.requestor.said
    items: tuple[PresentationContextRQItem, ...] = ()
    if isinstance(request, AssociateRQ):
        items = request.presentation_context
    return next((item.transfer_syntax for item in items if item.context_id == context.context_id), ())


# -- roles ---------------------------------------------------------------------------------------------------------
def _wish(sides: Sides, context: NegotiatedContext) -> Roles | None:
    return sides.requestor.roles().get(context.abstract_syntax)


def _roles(roles: Roles) -> str:
    return " and ".join(name for name, is_held in zip(("SCU", "SCP"), roles, strict=True) if is_held) or "no role"


def _unlike_asked(sides: Sides, negotiated: NegotiatedContexts) -> list[str]:
    """Accepted contexts in which the requestor has not the roles it asked for."""
    wishes, granted = sides.requestor.roles(), sides.acceptor.roles()
    grouped: dict[str, list[str]] = {}
    for context in negotiated.all:
        wish = wishes.get(context.abstract_syntax)
        if context.result != ACCEPTED or wish is None:
            continue
        scu, scp = context.as_scu, context.as_scp
        got = (scu, scp) if sides.is_requestor else (scp, scu)
        if got != wish:
            silent = "" if context.abstract_syntax in granted else ", because the answer has no role selection for it"
            named = grouped.setdefault(f"asked for {_roles(wish)} but got {_roles(got)}{silent}", [])
            if uid_name(context.abstract_syntax) not in named:
                named.append(uid_name(context.abstract_syntax))
    who = "we" if sides.is_requestor else "the peer"
    return [f"{who} {what}: {_listed(names, _MOST_CLASSES)}" for what, names in grouped.items()]


# -- why a request cannot be sent ----------------------------------------------------------------------------------
def why_none(sides: Sides, negotiated: NegotiatedContexts, abstract_syntax: str) -> str:
    """What became of the presentation contexts of a SOP class of which none can be used."""
    contexts = [context for context in negotiated.all if context.abstract_syntax == abstract_syntax]
    if not contexts:
        return "it was not proposed" if sides.is_requestor else "the peer did not propose it"
    return _listed([_fate(sides, negotiated, context) for context in contexts], 4)


def _fate(sides: Sides, negotiated: NegotiatedContexts, context: NegotiatedContext) -> str:
    if context.result == ACCEPTED:
        roles = _roles((context.as_scu, context.as_scp))
        return f"context {context.context_id} was accepted with {uid_name(context.transfer_syntax)}, we are {roles}"
    syntaxes = _listed([uid_name(uid) for uid in _proposed(sides, context)], _MOST_SYNTAXES)
    return f"context {context.context_id} with {syntaxes} was refused, {_reason(sides, negotiated, context)}"
