"""What each N service class is: its messages and its statuses (PS3.4).

The vocabulary of dispatch, like `service_class`; no behaviour of an SCP.
"""

from dicomwire.vocabulary import statuses as status
from dicomwire.vocabulary.service_classes import C_FIND, ServiceClass
from dicomwire.vocabulary.statuses import StatusTable

# Command fields of requests (PS3.7 E.1).
N_EVENT_REPORT = 0x0100
N_GET = 0x0110
N_SET = 0x0120
N_ACTION = 0x0130
N_CREATE = 0x0140
N_DELETE = 0x0150

ALL_N_MESSAGES = frozenset({N_EVENT_REPORT, N_GET, N_SET, N_ACTION, N_CREATE, N_DELETE})


class ApplicationEventLoggingServiceClass(ServiceClass):
    """PS3.4 annex P."""

    messages: frozenset[int] = frozenset({N_ACTION})
    statuses: StatusTable = status.APPLICATION_EVENT_LOGGING_SERVICE_CLASS_STATUS


class DisplaySystemManagementServiceClass(ServiceClass):
    """PS3.4 annex EE."""

    messages: frozenset[int] = frozenset({N_GET})
    statuses: StatusTable = status.GENERAL_STATUS


class InstanceAvailabilityNotificationServiceClass(ServiceClass):
    """PS3.4 annex R."""

    messages: frozenset[int] = frozenset({N_CREATE})
    statuses: StatusTable = status.GENERAL_STATUS


class MediaCreationManagementServiceClass(ServiceClass):
    """PS3.4 annex S."""

    messages: frozenset[int] = frozenset({N_CREATE, N_GET, N_ACTION})
    statuses: StatusTable = status.MEDIA_CREATION_MANAGEMENT_SERVICE_CLASS_STATUS


class PrintManagementServiceClass(ServiceClass):
    """PS3.4 annex H."""

    messages: frozenset[int] = ALL_N_MESSAGES
    statuses: StatusTable = status.PRINT_JOB_MANAGEMENT_SERVICE_CLASS_STATUS


class ProcedureStepServiceClass(ServiceClass):
    """Modality performed procedure step, PS3.4 annex F."""

    messages: frozenset[int] = frozenset({N_CREATE, N_SET, N_GET, N_EVENT_REPORT})
    statuses: StatusTable = status.PROCEDURE_STEP_STATUS


class RTMachineVerificationServiceClass(ServiceClass):
    """PS3.4 annex DD."""

    messages: frozenset[int] = ALL_N_MESSAGES
    statuses: StatusTable = status.RT_MACHINE_VERIFICATION_SERVICE_CLASS_STATUS


class StorageCommitmentServiceClass(ServiceClass):
    """PS3.4 annex J."""

    messages: frozenset[int] = frozenset({N_ACTION, N_EVENT_REPORT})
    statuses: StatusTable = status.STORAGE_COMMITMENT_SERVICE_CLASS_STATUS


class StorageManagementServiceClass(ServiceClass):
    """PS3.4 annex KK."""

    messages: frozenset[int] = frozenset({N_ACTION, N_EVENT_REPORT})
    statuses: StatusTable = status.STORAGE_MANAGEMENT_SERVICE_CLASS_STATUS


class UnifiedProcedureStepServiceClass(ServiceClass):
    """PS3.4 annex CC."""

    uid = "1.2.840.10008.5.1.4.34.6"
    messages: frozenset[int] = frozenset({N_CREATE, N_GET, N_SET, N_ACTION, N_EVENT_REPORT, C_FIND})
    statuses: StatusTable = status.UNIFIED_PROCEDURE_STEP_SERVICE_CLASS_STATUS
