"""Whom an acceptor lets in: the AE's limit and titles, then the user's identity (PS3.8 9.3.4, PS3.7 D.3.3.7)."""

from __future__ import annotations

from dicomwire import _config
from dicomwire._logging import logger
from dicomwire.associations import events as evt
from dicomwire.associations.association_base import AssociationBase
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

LOGGER = logger(__name__)


async def admit(association: AssociationBase, request: AssociateRQ) -> tuple[UserItem | None, AssociateRJ | None]:
    """The user identity response that an acceptance carries, and the rejection to send instead, if so."""
    refusal = _refused_by_configuration(association, request)
    return (None, refusal) if refusal is not None else await _identity(association)


def _refused_by_configuration(association: AssociationBase, request: AssociateRQ) -> AssociateRJ | None:
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


async def _identity(association: AssociationBase) -> tuple[UserItem | None, AssociateRJ | None]:
    """The user identity response to send, or the rejection if the identity is refused."""
    if evt.EVT_USER_ID not in association.line.handlers.interventions:
        return None, None
    identity = association.line.sides.requestor.identity()
    if identity is None:
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
