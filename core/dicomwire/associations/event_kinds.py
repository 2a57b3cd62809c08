"""A type for each kind of event, ``evt.StoreEvent`` and so on, to annotate handlers with: what these may look at.

They are for type checkers, which find ``event.datset`` and attributes of other kinds.  Nothing is ever an instance of
them: a handler is given an :class:`dicomwire.events.Event`, whatever it is annotated with, and tests make that by hand.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.tag import BaseTag
    from pydicom.uid import UID

    from dicomwire.compat import dimse_primitives as primitives
    from dicomwire.compat.dimse_messages import Message
    from dicomwire.compat.negotiation_items import SOPClassCommonExtendedNegotiation
    from dicomwire.compat.pdu_primitives import A_ABORT, A_ASSOCIATE, A_P_ABORT, A_RELEASE
    from dicomwire.upper_layer.pdus import AnyPDU
    from dicomwire.vocabulary.contexts import PresentationContextTuple


class NameOfEvent(Protocol):
    """What ``event.event`` is: one of the ``EVT_`` values."""

    @property
    def name(self) -> str: ...
    @property
    def description(self) -> str: ...
    @property
    def is_intervention(self) -> bool: ...
    @property
    def is_notification(self) -> bool: ...


class AssociationEvent(Protocol):
    """What all events have, and the only thing to look at when an association is requested, accepted, established,
    rejected, released or aborted."""

    @property
    def assoc(self) -> Any:
        """The association: that of the adapter in use."""
        ...

    @property
    def event(self) -> NameOfEvent:
        """Which event it is."""
        ...

    @property
    def timestamp(self) -> datetime:
        """When it happened."""
        ...


class ConnectionOpenEvent(AssociationEvent, Protocol):
    """``EVT_CONN_OPEN``."""

    @property
    def address(self) -> tuple[Any, ...]:
        """Of the peer: host and port, and more for IPv6."""
        ...


class ConnectionCloseEvent(ConnectionOpenEvent, Protocol):
    """``EVT_CONN_CLOSE``."""


class DataEvent(AssociationEvent, Protocol):
    """``EVT_DATA_RECV`` and ``EVT_DATA_SENT``."""

    @property
    def data(self) -> bytes:
        """Those of one PDU."""
        ...


class PDUEvent(AssociationEvent, Protocol):
    """``EVT_PDU_RECV`` and ``EVT_PDU_SENT``."""

    @property
    def pdu(self) -> AnyPDU:
        """One of :mod:`dicomwire.pdu`."""
        ...


class PrimitiveEvent(AssociationEvent, Protocol):
    """``EVT_ACSE_RECV`` and ``EVT_ACSE_SENT``."""

    @property
    def primitive(self) -> A_ASSOCIATE | A_RELEASE | A_ABORT | A_P_ABORT:
        """One of :mod:`dicomwire.pdu_primitives`."""
        ...


class MessageEvent(AssociationEvent, Protocol):
    """``EVT_DIMSE_RECV`` and ``EVT_DIMSE_SENT``."""

    @property
    def message(self) -> Message:
        """One of :mod:`dicomwire.dimse_messages`."""
        ...


class TransitionEvent(AssociationEvent, Protocol):
    """``EVT_FSM_TRANSITION``; the names are those of PS3.8 9.2."""

    @property
    def action(self) -> str:
        """``"AE-1"`` and so on."""
        ...

    @property
    def current_state(self) -> str:
        """``"Sta1"`` to ``"Sta13"``."""
        ...

    @property
    def fsm_event(self) -> str:
        """``"Evt1"`` to ``"Evt19"``."""
        ...

    @property
    def next_state(self) -> str:
        """As ``current_state``."""
        ...


class AsyncOpsEvent(AssociationEvent, Protocol):
    """``EVT_ASYNC_OPS``: the window that is proposed; 0 is no limit (PS3.7 D.3.3.3)."""

    @property
    def nr_invoked(self) -> int: ...
    @property
    def nr_performed(self) -> int: ...
    @property
    def invoked(self) -> int: ...
    @property
    def performed(self) -> int: ...


class SOPCommonEvent(AssociationEvent, Protocol):
    """``EVT_SOP_COMMON`` (PS3.7 D.3.3.6)."""

    @property
    def items(self) -> dict[UID, SOPClassCommonExtendedNegotiation]:
        """What is proposed, by SOP class."""
        ...


class SOPExtendedEvent(AssociationEvent, Protocol):
    """``EVT_SOP_EXTENDED`` (PS3.7 D.3.3.5)."""

    @property
    def app_info(self) -> dict[str, bytes]:
        """What is proposed, by SOP class."""
        ...


class UserIdentityEvent(AssociationEvent, Protocol):
    """``EVT_USER_ID`` (PS3.7 D.3.3.7)."""

    @property
    def user_id_type(self) -> int:
        """1 user name, 2 user name and password, 3 Kerberos, 4 SAML, 5 JSON Web Token."""
        ...

    @property
    def primary_field(self) -> bytes:
        """The user name, or the ticket, assertion or token."""
        ...

    @property
    def secondary_field(self) -> bytes | None:
        """The password; empty or None for all other types."""
        ...


class ServiceEvent(AssociationEvent, Protocol):
    """What all requests of a peer have."""

    @property
    def request(self) -> Any:
        """The request as a primitive of :mod:`dicomwire.dimse_primitives`."""
        ...

    @property
    def context(self) -> PresentationContextTuple:
        """The presentation context it came on: ID, abstract syntax and transfer syntax."""
        ...

    @property
    def message_id(self) -> int: ...


class EchoEvent(ServiceEvent, Protocol):
    """``EVT_C_ECHO``."""

    @property
    def request(self) -> primitives.C_ECHO: ...


class StoreSinkEvent(ServiceEvent, Protocol):
    """``EVT_C_STORE_SINK``: the data set has not come yet."""

    @property
    def request(self) -> primitives.C_STORE: ...

    @property
    def file_meta(self) -> FileMetaDataset:
        """New file meta information for the instance."""
        ...


class StoreEvent(StoreSinkEvent, Protocol):
    """``EVT_C_STORE``."""

    @property
    def dataset(self) -> Dataset:
        """The data set, decoded on first use."""
        ...

    @property
    def dataset_path(self) -> Path | None:
        """Where the file of a data set is that went to a path; None if it is in memory."""
        ...

    def encoded_dataset(self, include_meta: bool = True) -> bytes:
        """The data set as received, by default as a complete DICOM file."""
        ...


class QueryEvent(ServiceEvent, Protocol):
    """What C-FIND, C-GET and C-MOVE have."""

    @property
    def identifier(self) -> Dataset:
        """The decoded query."""
        ...

    @property
    def is_cancelled(self) -> bool:
        """Whether the peer has sent C-CANCEL for this request."""
        ...


class FindEvent(QueryEvent, Protocol):
    """``EVT_C_FIND``."""

    @property
    def request(self) -> primitives.C_FIND: ...


class GetEvent(QueryEvent, Protocol):
    """``EVT_C_GET``."""

    @property
    def request(self) -> primitives.C_GET: ...


class MoveEvent(QueryEvent, Protocol):
    """``EVT_C_MOVE``."""

    @property
    def request(self) -> primitives.C_MOVE: ...

    @property
    def move_destination(self) -> str | None:
        """The AE title of where the instances shall go."""
        ...


class ActionEvent(ServiceEvent, Protocol):
    """``EVT_N_ACTION``."""

    @property
    def request(self) -> primitives.N_ACTION: ...
    @property
    def action_type(self) -> int | None: ...
    @property
    def action_information(self) -> Dataset: ...


class CreateEvent(ServiceEvent, Protocol):
    """``EVT_N_CREATE``."""

    @property
    def request(self) -> primitives.N_CREATE: ...
    @property
    def attribute_list(self) -> Dataset: ...


class DeleteEvent(ServiceEvent, Protocol):
    """``EVT_N_DELETE``."""

    @property
    def request(self) -> primitives.N_DELETE: ...


class EventReportEvent(ServiceEvent, Protocol):
    """``EVT_N_EVENT_REPORT``."""

    @property
    def request(self) -> primitives.N_EVENT_REPORT: ...
    @property
    def event_type(self) -> int | None: ...
    @property
    def event_information(self) -> Dataset: ...


class GetAttributesEvent(ServiceEvent, Protocol):
    """``EVT_N_GET``."""

    @property
    def request(self) -> primitives.N_GET: ...

    @property
    def attribute_identifiers(self) -> list[BaseTag]:
        """The tags asked for; ``[]`` is all."""
        ...


class SetEvent(ServiceEvent, Protocol):
    """``EVT_N_SET``."""

    @property
    def request(self) -> primitives.N_SET: ...
    @property
    def modification_list(self) -> Dataset: ...


class DetailsOfAnyKind:
    """The attributes of some kinds that are no properties of `Event`; to type checkers that has every other, too."""

    address: Any
    data: Any
    pdu: Any
    primitive: Any
    message: Any
    action: Any
    current_state: Any
    fsm_event: Any
    next_state: Any
    nr_invoked: Any
    nr_performed: Any
    invoked: Any
    performed: Any
    items: Any
    app_info: Any
    user_id_type: Any
    primary_field: Any
    secondary_field: Any

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any: ...
