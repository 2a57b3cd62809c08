"""Between the documented primitives and the items on the wire."""

from __future__ import annotations

from collections.abc import Iterable

from dicomwire.associations.negotiation import NegotiatedContext
from dicomwire.compat.pdu_primitives import (
    A_ASSOCIATE,
    AsynchronousOperationsWindowNegotiation,
    ImplementationClassUIDNotification,
    ImplementationVersionNameNotification,
    MaximumLengthNotification,
    NegotiationItem,
    SCP_SCU_RoleSelectionNegotiation,
    SOPClassCommonExtendedNegotiation,
    SOPClassExtendedNegotiation,
    UserIdentityNegotiation,
)
from dicomwire.upper_layer.items import (
    AsynchronousOperationsWindowItem,
    ImplementationClassUIDItem,
    ImplementationVersionNameItem,
    MaximumLengthItem,
    RoleSelectionItem,
    SOPClassCommonExtendedItem,
    SOPClassExtendedItem,
    UserIdentityACItem,
    UserIdentityRQItem,
    UserItem,
)
from dicomwire.upper_layer.pdus import AssociateAC, AssociateRJ, AssociateRQ
from dicomwire.vocabulary.contexts import PresentationContext, context_as_received, negotiated_as
from dicomwire.vocabulary.titles_and_uids import received_text


def presentation_context(context: NegotiatedContext) -> PresentationContext:
    """The documented form of a negotiated context."""
    made = context_as_received(context.context_id, context.abstract_syntax, context.transfer_syntaxes)
    return negotiated_as(made, context)


def to_item(primitive: NegotiationItem) -> UserItem:
    """The sub-item that carries a negotiation primitive.

    Raises:
        ValueError: it is not complete.
        TypeError: it is no negotiation primitive.
    """
    primitive.check_complete()
    match primitive:
        case MaximumLengthNotification():
            return MaximumLengthItem(maximum_length=primitive.maximum_length_received)
        case ImplementationClassUIDNotification():
            return ImplementationClassUIDItem(implementation_class_uid=str(primitive.implementation_class_uid))
        case ImplementationVersionNameNotification():
            return ImplementationVersionNameItem(implementation_version_name=str(primitive.implementation_version_name))
        case AsynchronousOperationsWindowNegotiation():
            return AsynchronousOperationsWindowItem(
                maximum_number_operations_invoked=primitive.maximum_number_operations_invoked,
                maximum_number_operations_performed=primitive.maximum_number_operations_performed,
            )
        case SCP_SCU_RoleSelectionNegotiation():
            return RoleSelectionItem(
                sop_class_uid=str(primitive.sop_class_uid),
                scu_role=bool(primitive.scu_role),
                scp_role=bool(primitive.scp_role),
            )
        case SOPClassExtendedNegotiation():
            return SOPClassExtendedItem(
                sop_class_uid=str(primitive.sop_class_uid),
                service_class_application_information=primitive.service_class_application_information or b"",
            )
        case SOPClassCommonExtendedNegotiation():
            return SOPClassCommonExtendedItem(
                sop_class_uid=str(primitive.sop_class_uid),
                service_class_uid=str(primitive.service_class_uid),
                related_general_sop_class_identification=tuple(
                    str(uid) for uid in primitive.related_general_sop_class_identification
                ),
            )
        case UserIdentityNegotiation():
            return UserIdentityRQItem(
                user_identity_type=primitive.user_identity_type or 0,
                primary_field=primitive.primary_field or b"",
                secondary_field=primitive.secondary_field or b"",
                positive_response_requested=primitive.positive_response_requested,
            )
        case _:
            raise TypeError(f"{type(primitive).__name__} is no negotiation item")


def to_primitive(item: UserItem) -> NegotiationItem | None:
    """The documented form of a sub-item; None for unknown ones, and for values that no primitive can hold."""
    try:
        return _to_primitive(item)
    except (TypeError, ValueError):
        return None


def _to_primitive(item: UserItem) -> NegotiationItem | None:
    made: NegotiationItem
    match item:
        case MaximumLengthItem():
            made = MaximumLengthNotification()
            made.maximum_length_received = item.maximum_length
        case ImplementationClassUIDItem():
            made = ImplementationClassUIDNotification()
            made.implementation_class_uid = item.implementation_class_uid
        case ImplementationVersionNameItem():
            made = ImplementationVersionNameNotification()
            made.implementation_version_name = item.implementation_version_name
        case AsynchronousOperationsWindowItem():
            made = AsynchronousOperationsWindowNegotiation()
            made.maximum_number_operations_invoked = item.maximum_number_operations_invoked
            made.maximum_number_operations_performed = item.maximum_number_operations_performed
        case RoleSelectionItem():
            made = SCP_SCU_RoleSelectionNegotiation()
            made.sop_class_uid = item.sop_class_uid
            made.scu_role = item.scu_role
            made.scp_role = item.scp_role
        case SOPClassExtendedItem():
            made = SOPClassExtendedNegotiation()
            made.sop_class_uid = item.sop_class_uid
            made.service_class_application_information = item.service_class_application_information
        case SOPClassCommonExtendedItem():
            made = SOPClassCommonExtendedNegotiation()
            made.sop_class_uid = item.sop_class_uid
            made.service_class_uid = item.service_class_uid
            made.related_general_sop_class_identification = list(item.related_general_sop_class_identification)
        case UserIdentityRQItem():
            made = UserIdentityNegotiation()
            made.user_identity_type = item.user_identity_type
            made.primary_field = item.primary_field
            made.secondary_field = item.secondary_field
            made.positive_response_requested = item.positive_response_requested
        case UserIdentityACItem():
            made = UserIdentityNegotiation()
            made.server_response = item.server_response
        case _:
            return None
    return made


def to_primitives(items: Iterable[UserItem]) -> list[NegotiationItem]:
    """The documented forms of sub-items, those without one left out."""
    return [made for item in items if (made := to_primitive(item)) is not None]


def associate_primitive(pdu: AssociateRQ | AssociateAC | AssociateRJ) -> A_ASSOCIATE:
    """The documented form of an association request, or of the answer to one."""
    made = A_ASSOCIATE()
    if isinstance(pdu, AssociateRJ):
        made.result, made.result_source, made.diagnostic = pdu.result, pdu.source, pdu.reason_diagnostic
        return made
    made.application_context_name = pdu.application_context_name
    made.calling_ae_title = received_text(pdu.calling_ae_title)
    made.called_ae_title = received_text(pdu.called_ae_title)
    made.user_information = to_primitives(pdu.user_information)
    if isinstance(pdu, AssociateRQ):
        made.presentation_context_definition_list = [
            context_as_received(item.context_id, item.abstract_syntax, item.transfer_syntax)
            for item in pdu.presentation_context
        ]
    else:
        made.result = 0
        for item in pdu.presentation_context:
            context = context_as_received(item.context_id, None, filter(None, (item.transfer_syntax,)))
            context.result = item.result
            made.presentation_context_definition_results_list.append(context)
    return made
