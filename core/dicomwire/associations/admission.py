"""Whom an acceptor lets in: the AE's limit and titles, then the user's identity (PS3.8 9.3.4, PS3.7 D.3.3.7)."""

from __future__ import annotations

from dicomwire import _config
from dicomwire._logging import logger
from dicomwire.associations import events as evt
from dicomwire.associations.association_base import AssociationBase
from dicomwire.associations.channel import Channel
from dicomwire.associations.entity_base import ApplicationEntityBase
from dicomwire.associations.user_code import HandlerRaised
from dicomwire.upper_layer.items import UserIdentityACItem, UserItem
from dicomwire.upper_layer.pdus import APPLICATION_CONTEXT_NAME, AssociateRJ, AssociateRQ
from dicomwire.upper_layer.reasons import (
    ACSEDiagnostic,
    Code,
    PresentationDiagnostic,
    RejectResult,
    RejectSource,
    UserDiagnostic,
)
from dicomwire.vocabulary.titles_and_uids import received_text
from dicomwire.vocabulary.tls_words import is_encrypted

LOGGER = logger(__name__)


def _refusal(result: RejectResult, source: RejectSource, diagnostic: Code) -> AssociateRJ:
    return AssociateRJ(result=result, source=source, reason_diagnostic=diagnostic)


TOO_MANY = _refusal(RejectResult.TRANSIENT, RejectSource.PRESENTATION, PresentationDiagnostic.LOCAL_LIMIT_EXCEEDED)
"""There are as many associations as the AE takes."""

ANOTHER_APPLICATION = _refusal(RejectResult.PERMANENT, RejectSource.USER, UserDiagnostic.APPLICATION_CONTEXT_NAME)
"""The application context is not that of DICOM; only looked at with ``_config.ENFORCE_UID_CONFORMANCE``."""

CALLED_SOMEBODY_ELSE = _refusal(RejectResult.PERMANENT, RejectSource.USER, UserDiagnostic.CALLED_AE_TITLE)
"""The AE insists on being called by its title."""

CALLED_BY_A_STRANGER = _refusal(RejectResult.PERMANENT, RejectSource.USER, UserDiagnostic.CALLING_AE_TITLE)
"""The calling AE title is none of those that are let in."""

NOT_IDENTIFIED = _refusal(RejectResult.TRANSIENT, RejectSource.ACSE, ACSEDiagnostic.NO_REASON)
"""The handler of the user's identity does not know it, or failed."""


async def admit(association: AssociationBase, request: AssociateRQ) -> tuple[UserItem | None, AssociateRJ | None]:
    """The user identity response that an acceptance carries, and the rejection to send instead, if so."""
    refusal = _refused_by_configuration(association, request)
    return (None, refusal) if refusal is not None else await _identity(association)


async def passes_hook(association: AssociationBase, channel: Channel) -> bool:
    """Whether the hook of the AE's ``allowed`` wants a connection, of which nothing was read yet."""
    ae: ApplicationEntityBase = association.ae
    hook = None if ae.allowed is None else ae.allowed.hook
    if hook is None:
        return True
    line = association.line
    transport = channel.transport_socket
    certificate = transport.getpeercert() if is_encrypted(transport) else None
    try:
        if await line.host.call(hook, line.sides.peer.address or (), certificate):
            return True
        LOGGER.info("a connection from %s was refused by the hook of 'allowed'", line.sides.peer_name)
    except Exception:
        LOGGER.exception("the hook of 'allowed' raised: a connection from %s was refused", line.sides.peer_name)
    return False


def take_place(association: AssociationBase) -> None:
    """The request is there whole: first come, first served.  Who gets no place is refused by :func:`admit`."""
    ae: ApplicationEntityBase = association.ae
    if ae.running_associations.take_place(association, ae.maximum_associations):
        ae.half_open.take_out(association.accepted_connection)


def give_up_place(association: AssociationBase) -> None:
    """It is refused: while the peer has still to close, the connection takes nobody's place."""
    ae: ApplicationEntityBase = association.ae
    ae.running_associations.give_up_place(association)
    ae.half_open.put_back(association.accepted_connection)


def _refused_by_configuration(association: AssociationBase, request: AssociateRQ) -> AssociateRJ | None:
    """Why to reject, if so: what the AE's configuration says."""
    ae: ApplicationEntityBase = association.ae
    called = association.line.sides.acceptor.ae_title.strip()
    if not ae.running_associations.has_place(association):
        return TOO_MANY
    if _config.ENFORCE_UID_CONFORMANCE and request.application_context_name != APPLICATION_CONTEXT_NAME:
        return ANOTHER_APPLICATION
    if ae.require_called_aet and received_text(request.called_ae_title) != called:
        return CALLED_SOMEBODY_ELSE
    calling = received_text(request.calling_ae_title)
    required = [title.strip() for title in ae.require_calling_aet]
    is_allowed = ae.allowed is None or ae.allowed.admits_title(calling)
    if not is_allowed or (required and calling not in required):
        return CALLED_BY_A_STRANGER
    return None


async def _identity(association: AssociationBase) -> tuple[UserItem | None, AssociateRJ | None]:
    """The user identity response to send, or the rejection if the identity is refused."""
    if evt.EVT_USER_ID not in association.line.handlers.interventions:
        return None, None
    identity = association.line.sides.requestor.identity()
    if identity is None:
        return None, None
    try:
        verdict = await association.line.handlers.intervene(
            evt.EVT_USER_ID,
            user_id_type=identity.user_identity_type,
            primary_field=identity.primary_field,
            secondary_field=identity.secondary_field,
        )
        verified, response = verdict
    except HandlerRaised:
        return None, NOT_IDENTIFIED
    except (TypeError, ValueError):
        LOGGER.error("the EVT_USER_ID handler gave no pair of verified and response: refused")
        return None, NOT_IDENTIFIED
    if not verified:
        return None, NOT_IDENTIFIED
    if not identity.positive_response_requested or response is None:
        return None, None
    # There is nothing to say of a user name (PS3.7 D.3.3.7.2), but an empty response says that it was checked: DCMTK's
    # storescu goes away without it.
    if response and identity.user_identity_type not in (3, 4, 5):
        return None, None
    return UserIdentityACItem(server_response=bytes(response)), None
