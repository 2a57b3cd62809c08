"""What decoded PDUs hold, under the names programs know; for debugging.

An item that is only text or a list of others (application context, abstract and transfer syntax, user information)
is a field of the PDU or item that holds it, and has no class.
"""

from dicomwire.upper_layer.items import (
    AsynchronousOperationsWindowItem as AsynchronousOperationsWindowSubItem,
    ImplementationClassUIDItem as ImplementationClassUIDSubItem,
    ImplementationVersionNameItem as ImplementationVersionNameSubItem,
    MaximumLengthItem as MaximumLengthSubItem,
    PresentationContextACItem as PresentationContextItemAC,
    PresentationContextRQItem as PresentationContextItemRQ,
    RoleSelectionItem as SCP_SCU_RoleSelectionSubItem,
    SOPClassCommonExtendedItem as SOPClassCommonExtendedNegotiationSubItem,
    SOPClassExtendedItem as SOPClassExtendedNegotiationSubItem,
    UnknownItem,
    UserIdentityACItem as UserIdentitySubItemAC,
    UserIdentityRQItem as UserIdentitySubItemRQ,
)
from dicomwire.upper_layer.pdus import PresentationDataValue as PresentationDataValueItem

__all__ = [
    "AsynchronousOperationsWindowSubItem",
    "ImplementationClassUIDSubItem",
    "ImplementationVersionNameSubItem",
    "MaximumLengthSubItem",
    "PresentationContextItemAC",
    "PresentationContextItemRQ",
    "PresentationDataValueItem",
    "SCP_SCU_RoleSelectionSubItem",
    "SOPClassCommonExtendedNegotiationSubItem",
    "SOPClassExtendedNegotiationSubItem",
    "UnknownItem",
    "UserIdentitySubItemAC",
    "UserIdentitySubItemRQ",
]
