"""What each C service class is: its messages and its statuses (PS3.4).

These classes are the vocabulary of dispatch: `sop_class` maps UIDs to them, and the services read them.  They hold no
behaviour of an SCP.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

from dicomwire.vocabulary import statuses as status
from dicomwire.vocabulary.statuses import StatusTable

# Command fields of requests (PS3.7 E.1).
C_STORE = 0x0001
C_GET = 0x0010
C_FIND = 0x0020
C_MOVE = 0x0021
C_ECHO = 0x0030


class ServiceClass:
    """The base of all service classes; as it is, it serves nothing."""

    uid: ClassVar[str] = ""
    """UID of the service class itself, if it is named in common extended negotiation (PS3.7 D.3.3.6)."""

    messages: frozenset[int] = frozenset()
    """Command fields of the requests served (PS3.7 E.1)."""

    statuses: StatusTable = status.GENERAL_STATUS
    """The table in force."""

    def __init__(self, assoc: Any) -> None:
        self.assoc = assoc
        """The association that is served."""

    @property
    def ae(self) -> Any:
        """The application entity of the association."""
        return self.assoc.ae

    @property
    def dimse(self) -> Any:
        """Sends messages made by hand: ``dimse.send_msg(primitive, context_id)``."""
        return self.assoc.dimse

    def SCP(self, req: Any, context: Any) -> Any:
        """Serve the request ``req``, a primitive, on ``context``; override it for a service of your own.

        An override sends its responses with ``self.dimse.send_msg``; it may be a coroutine function in the adapters
        with event loops, and may leave the work to the library by returning what ``super().SCP(req, context)`` does.
        """
        return self.assoc.line.host.face(self.assoc.performer.serve_as_library(type(self), req))

    def is_cancelled(self, msg_id: int) -> bool:
        """Whether the peer has cancelled the request with that message ID."""
        return bool(self.assoc.line.is_cancelled(msg_id))

    def validate_status(self, status: Any, rsp: Any) -> Any:
        """Put ``status``, an int or a ``Dataset``, into the response primitive ``rsp``, and give that back.

        0xC001 if the ``Dataset`` has no ``Status``, 0xC002 for what is neither.
        """
        if isinstance(status, int):
            rsp.Status = int(status)
        elif hasattr(status, "group_dataset"):
            rsp.Status = int(status.get("Status", 0xC001))
            for element in status:
                if element.keyword != "Status" and hasattr(type(rsp), element.keyword):
                    setattr(rsp, element.keyword, element.value)
        else:
            rsp.Status = 0xC002
        return rsp

    def statuses_for(self, message: int) -> StatusTable:
        """The table for responses to a request with that command field."""
        return self.statuses

    def is_valid_status(self, code: int) -> bool:
        """Whether the service class defines `code`."""
        return code in self.statuses


class VerificationServiceClass(ServiceClass):
    """PS3.4 annex A."""

    messages: frozenset[int] = frozenset({C_ECHO})
    statuses: StatusTable = status.VERIFICATION_SERVICE_CLASS_STATUS


class StorageServiceClass(ServiceClass):
    """PS3.4 annex B."""

    uid = "1.2.840.10008.4.2"
    messages: frozenset[int] = frozenset({C_STORE})
    statuses: StatusTable = status.STORAGE_SERVICE_CLASS_STATUS


class NonPatientObjectStorageServiceClass(ServiceClass):
    """PS3.4 annex GG."""

    messages: frozenset[int] = frozenset({C_STORE})
    statuses: StatusTable = status.NON_PATIENT_SERVICE_CLASS_STATUS


class QueryRetrieveServiceClass(ServiceClass):
    """PS3.4 annex C.  One SOP class serves one of the messages: ``sop_class.uid_to_messages`` says which."""

    messages: frozenset[int] = frozenset({C_FIND, C_GET, C_MOVE})
    statuses_by_message: ClassVar[Mapping[int, StatusTable]] = {
        C_FIND: status.QR_FIND_SERVICE_CLASS_STATUS,
        C_GET: status.QR_GET_SERVICE_CLASS_STATUS,
        C_MOVE: status.QR_MOVE_SERVICE_CLASS_STATUS,
    }
    statuses: StatusTable = (
        status.QR_FIND_SERVICE_CLASS_STATUS | status.QR_GET_SERVICE_CLASS_STATUS | status.QR_MOVE_SERVICE_CLASS_STATUS
    )

    def statuses_for(self, message: int) -> StatusTable:
        """The table for responses to a request with that command field."""
        return self.statuses_by_message.get(message, self.statuses)


class ColorPaletteQueryRetrieveServiceClass(QueryRetrieveServiceClass):
    """PS3.4 annex X."""


class DefinedProcedureProtocolQueryRetrieveServiceClass(QueryRetrieveServiceClass):
    """PS3.4 annex HH."""


class HangingProtocolQueryRetrieveServiceClass(QueryRetrieveServiceClass):
    """PS3.4 annex U."""


class ImplantTemplateQueryRetrieveServiceClass(QueryRetrieveServiceClass):
    """PS3.4 annex BB."""


class InventoryQueryRetrieveServiceClass(QueryRetrieveServiceClass):
    """PS3.4 annex JJ."""


class ProtocolApprovalQueryRetrieveServiceClass(QueryRetrieveServiceClass):
    """PS3.4 annex II."""


class BasicWorklistManagementServiceClass(ServiceClass):
    """PS3.4 annex K."""

    messages: frozenset[int] = frozenset({C_FIND})
    statuses: StatusTable = status.QR_FIND_SERVICE_CLASS_STATUS


class SubstanceAdministrationQueryServiceClass(ServiceClass):
    """PS3.4 annex V."""

    messages: frozenset[int] = frozenset({C_FIND})
    statuses: StatusTable = status.SUBSTANCE_ADMINISTRATION_SERVICE_CLASS_STATUS


class RelevantPatientInformationQueryServiceClass(ServiceClass):
    """PS3.4 annex Q.  At most one match."""

    messages: frozenset[int] = frozenset({C_FIND})
    statuses: StatusTable = status.RELEVANT_PATIENT_SERVICE_CLASS_STATUS
