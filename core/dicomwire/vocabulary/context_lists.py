"""Which SOP classes the ready-made lists of presentation contexts are of, and which are storage."""

from dicomwire.vocabulary import sop_class_table as table
from dicomwire.vocabulary.served_sop_classes import is_known, uid_to_service_class
from dicomwire.vocabulary.service_classes import StorageServiceClass

_SERVICE_CLASS_OF_LIST = {
    "AllStoragePresentationContexts": "StorageServiceClass",
    "ApplicationEventLoggingPresentationContexts": "ApplicationEventLoggingServiceClass",
    "BasicWorklistManagementPresentationContexts": "BasicWorklistManagementServiceClass",
    "ColorPalettePresentationContexts": "ColorPaletteQueryRetrieveServiceClass",
    "DefinedProcedureProtocolPresentationContexts": "DefinedProcedureProtocolQueryRetrieveServiceClass",
    "DisplaySystemPresentationContexts": "DisplaySystemManagementServiceClass",
    "HangingProtocolPresentationContexts": "HangingProtocolQueryRetrieveServiceClass",
    "ImplantTemplatePresentationContexts": "ImplantTemplateQueryRetrieveServiceClass",
    "InstanceAvailabilityPresentationContexts": "InstanceAvailabilityNotificationServiceClass",
    "MediaCreationManagementPresentationContexts": "MediaCreationManagementServiceClass",
    "MediaStoragePresentationContexts": "ServiceClass",
    "ModalityPerformedPresentationContexts": "ProcedureStepServiceClass",
    "NonPatientObjectPresentationContexts": "NonPatientObjectStorageServiceClass",
    "PrintManagementPresentationContexts": "PrintManagementServiceClass",
    "ProcedureStepPresentationContexts": "ProcedureStepServiceClass",
    "ProtocolApprovalPresentationContexts": "ProtocolApprovalQueryRetrieveServiceClass",
    "QueryRetrievePresentationContexts": "QueryRetrieveServiceClass",
    "RTMachineVerificationPresentationContexts": "RTMachineVerificationServiceClass",
    "RelevantPatientInformationPresentationContexts": "RelevantPatientInformationQueryServiceClass",
    "StorageCommitmentPresentationContexts": "StorageCommitmentServiceClass",
    "SubstanceAdministrationPresentationContexts": "SubstanceAdministrationQueryServiceClass",
    "UnifiedProcedurePresentationContexts": "UnifiedProcedureStepServiceClass",
    "VerificationPresentationContexts": "VerificationServiceClass",
}


def uids_of_list(name: str) -> list[str] | None:
    """The SOP classes of the list with this name; None if there is none."""
    if name == "StoragePresentationContexts":
        storage = table.SOP_CLASSES["StorageServiceClass"]
        return [*table.RETIRED_STORAGE.values(), *(storage[keyword] for keyword in table.DEFAULT_STORAGE)]
    if name in _SERVICE_CLASS_OF_LIST:
        return [*table.SOP_CLASSES[_SERVICE_CLASS_OF_LIST[name]].values()]
    return None


def storage_classes() -> list[str]:
    """Every storage SOP class that an SCP of ours serves, the retired ones too: archives hold what they once got."""
    return sorted({*table.SOP_CLASSES["StorageServiceClass"].values(), *table.RETIRED_STORAGE.values()})


def is_unrestricted(abstract_syntax: str) -> bool:
    """Whether ``UNRESTRICTED_STORAGE_SERVICE`` accepts this SOP class: storage, private, or unknown to us."""
    is_private = not abstract_syntax.startswith("1.2.840.10008.")
    if is_private or not is_known(abstract_syntax):
        return True
    return issubclass(uid_to_service_class(abstract_syntax), StorageServiceClass)
