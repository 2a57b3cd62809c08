"""The requestor and the acceptor as programs see them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dicomwire.associations.sides import Side
from dicomwire.compat.pdu_primitives import (
    A_ASSOCIATE,
    AsynchronousOperationsWindowNegotiation,
    NegotiationItem,
    SCP_SCU_RoleSelectionNegotiation,
    SOPClassCommonExtendedNegotiation,
    SOPClassExtendedNegotiation,
    UserIdentityNegotiation,
)
from dicomwire.compat.wire_items import associate_primitive, to_primitives
from dicomwire.upper_layer.items import ImplementationClassUIDItem, ImplementationVersionNameItem, MaximumLengthItem
from dicomwire.upper_layer.pdus import AssociateAC, AssociateRQ
from dicomwire.vocabulary.contexts import PresentationContext
from dicomwire.vocabulary.lazy_uids import as_uid
from dicomwire.vocabulary.titles_and_uids import received_text, set_ae, set_uid, set_version_name

if TYPE_CHECKING:
    from pydicom.uid import UID

_BASIC = (MaximumLengthItem, ImplementationClassUIDItem, ImplementationVersionNameItem)


class ServiceUser:
    """The requestor or the acceptor of an association.

    Before its A-ASSOCIATE exists it describes what will be proposed and is ``writeable``; afterwards it reads
    from what was exchanged, and its setters raise ``RuntimeError``.
    """

    def __init__(self, mode: str, side: Side | None = None) -> None:
        self.mode = mode
        self._side = side or Side()
        self._primitive: A_ASSOCIATE | None = None

    # -- identity -------------------------------------------------------------------------------------------------
    @property
    def is_requestor(self) -> bool:
        return self.mode == "requestor"

    @property
    def is_acceptor(self) -> bool:
        return self.mode == "acceptor"

    @property
    def writeable(self) -> bool:
        """True until the A-ASSOCIATE of this side exists."""
        return self._side.said is None

    def _check_writeable(self) -> None:
        if not self.writeable:
            raise RuntimeError(f"the association {self.mode} cannot be changed after negotiation has begun")

    @property
    def ae_title(self) -> str:
        return self._side.ae_title

    @ae_title.setter
    def ae_title(self, title: str) -> None:
        self._check_writeable()
        self._side.ae_title = set_ae(title, "ae_title", allow_empty=False, allow_none=False) or ""

    @property
    def address_tuple(self) -> tuple[Any, ...] | None:
        """Host and port, for IPv6 also flow info and scope ID; None if unknown."""
        return self._side.address

    @property
    def address(self) -> str:
        """The IP address or host name.

        Raises:
            ValueError: it is unknown.
        """
        if self._side.address is None:
            raise ValueError(f"the address of the {self.mode} is unknown")
        return str(self._side.address[0])

    @property
    def port(self) -> int:
        """The TCP port.

        Raises:
            ValueError: it is unknown.
        """
        if self._side.address is None:
            raise ValueError(f"the port of the {self.mode} is unknown")
        return int(self._side.address[1])

    @property
    def address_info(self) -> Any:
        """The address as an ``AddressInformation``, or None if it is unknown."""
        if self._side.address is None or self._side.address_type is None:
            return None
        return self._side.address_type(self._side.address)

    @property
    def info(self) -> dict[str, Any]:
        """Title, address, port and mode; after negotiation also ``pdv_size``, the longest PDU this side takes."""
        address = self._side.address
        info: dict[str, Any] = {
            "ae_title": self.ae_title,
            "address": None if address is None else address[0],
            "port": None if address is None else address[1],
            "mode": self.mode,
        }
        if not self.writeable:
            info["pdv_size"] = self.maximum_length
        return info

    # -- what is proposed or was exchanged ------------------------------------------------------------------------
    @property
    def primitive(self) -> A_ASSOCIATE | None:
        """The A-ASSOCIATE sent or received; None before."""
        if self._primitive is None and self._side.said is not None:
            self._primitive = associate_primitive(self._side.said)
        return self._primitive

    @property
    def maximum_length(self) -> int | None:
        """The longest P-DATA-TF body this side takes, in bytes; 0 is no limit, None unsaid (PS3.8 D.1)."""
        return self._side.maximum_length if self._side.negotiated is None else self._side.negotiated.maximum_length

    @maximum_length.setter
    def maximum_length(self, value: int) -> None:
        self._check_writeable()
        if value < 0:
            raise ValueError("the maximum length cannot be negative")
        self._side.maximum_length = value

    @property
    def implementation_class_uid(self) -> UID | None:
        pdu = self._side.negotiated
        uid = self._side.implementation_class_uid if pdu is None else pdu.implementation_class_uid
        return None if uid is None else as_uid(uid)

    @implementation_class_uid.setter
    def implementation_class_uid(self, value: str) -> None:
        self._check_writeable()
        self._side.implementation_class_uid = set_uid(value, "implementation_class_uid", False, False)

    @property
    def implementation_version_name(self) -> str | None:
        pdu = self._side.negotiated
        if pdu is None:
            return self._side.implementation_version_name
        name = pdu.implementation_version_name
        return name if name is None else received_text(name)

    @implementation_version_name.setter
    def implementation_version_name(self, value: str | None) -> None:
        self._check_writeable()
        self._side.implementation_version_name = set_version_name(value, "implementation_version_name")

    @property
    def requested_contexts(self) -> list[PresentationContext]:
        """The contexts this side proposes (requestor)."""
        return self.get_contexts("requested") if self.is_requestor else []

    @requested_contexts.setter
    def requested_contexts(self, contexts: list[PresentationContext]) -> None:
        if self.is_acceptor:
            raise AttributeError("the association acceptor has no requested contexts")
        self._check_writeable()
        self._side.contexts = list(contexts)

    @property
    def supported_contexts(self) -> list[PresentationContext]:
        """The contexts this side supports (acceptor)."""
        return self.get_contexts("supported") if self.is_acceptor else []

    @supported_contexts.setter
    def supported_contexts(self, contexts: list[PresentationContext]) -> None:
        if self.is_requestor:
            raise AttributeError("the association requestor has no supported contexts")
        self._check_writeable()
        self._side.contexts = list(contexts)
        self._side.chose_contexts = True

    def get_contexts(self, cx_type: str) -> list[PresentationContext]:
        """The contexts ``"requested"``, ``"supported"``, or as exchanged: ``"pcdl"``, ``"pcdrl"``.

        Raises:
            ValueError: this side has no such contexts.
        """
        if cx_type == "requested" and isinstance(self._side.said, AssociateRQ):
            # As they were sent, numbered: not the objects of whoever asked for them.
            cx_type = "pcdl"
        if cx_type == ("requested" if self.is_requestor else "supported"):
            return [context.copy() for context in self._side.contexts]
        if cx_type == "pcdl" and isinstance(self._side.said, AssociateRQ) and self.primitive is not None:
            return list(self.primitive.presentation_context_definition_list)
        if cx_type == "pcdrl" and isinstance(self._side.said, AssociateAC) and self.primitive is not None:
            return list(self.primitive.presentation_context_definition_results_list)
        raise ValueError(f"the association {self.mode} has no contexts {cx_type!r} now")

    # -- negotiation items ----------------------------------------------------------------------------------------
    @property
    def extended_negotiation(self) -> list[NegotiationItem]:
        """The items beside maximum length and implementation."""
        if self._side.negotiated is None:
            return list(self._side.items)
        return to_primitives(item for item in self._side.negotiated.user_information if not isinstance(item, _BASIC))

    @property
    def user_information(self) -> list[NegotiationItem]:
        """All items."""
        if self._side.negotiated is not None:
            return to_primitives(self._side.negotiated.user_information)
        return [*to_primitives(self._side.basic_items()), *self._side.items]

    def add_negotiation_item(self, item: NegotiationItem) -> None:
        """Propose one more item.

        Raises:
            TypeError: it is no negotiation item.
            RuntimeError: negotiation has begun.
        """
        self._check_writeable()
        if not isinstance(item, NegotiationItem):
            raise TypeError(f"{type(item).__name__} is no negotiation item")
        self._side.items.append(item)

    def remove_negotiation_item(self, item: NegotiationItem) -> None:
        """Do not propose ``item``, if it is there.  Raises: as :meth:`add_negotiation_item`."""
        self._check_writeable()
        if not isinstance(item, NegotiationItem):
            raise TypeError(f"{type(item).__name__} is no negotiation item")
        if item in self._side.items:
            self._side.items.remove(item)

    def reset_negotiation_items(self) -> None:
        """Propose no extended items."""
        self._check_writeable()
        self._side.items.clear()

    @property
    def role_selection(self) -> dict[UID, SCP_SCU_RoleSelectionNegotiation]:
        """Role selection items by SOP class."""
        return {
            item.sop_class_uid: item
            for item in self.extended_negotiation
            if isinstance(item, SCP_SCU_RoleSelectionNegotiation) and item.sop_class_uid is not None
        }

    @property
    def sop_class_extended(self) -> dict[UID, bytes]:
        """Service class application information by SOP class."""
        return {
            item.sop_class_uid: item.service_class_application_information or b""
            for item in self.extended_negotiation
            if isinstance(item, SOPClassExtendedNegotiation) and item.sop_class_uid is not None
        }

    @property
    def sop_class_common_extended(self) -> dict[UID, SOPClassCommonExtendedNegotiation]:
        """Common extended items by SOP class; the acceptor has none."""
        return {
            item.sop_class_uid: item
            for item in self.extended_negotiation
            if isinstance(item, SOPClassCommonExtendedNegotiation) and item.sop_class_uid is not None
        }

    @property
    def accepted_common_extended(self) -> dict[str, tuple[str, list[str]]]:
        """Service class and related classes of the SOP classes accepted by common extended negotiation.

        Raises:
            RuntimeError: on the requestor.
        """
        if self.is_requestor:
            raise RuntimeError("only the association acceptor accepts common extended negotiation")
        return dict(self._side.accepted_common)

    @property
    def asynchronous_operations(self) -> tuple[int, int]:
        """Operations invoked and performed; (1, 1) if not negotiated."""
        if self._side.negotiated is not None:
            return self._side.negotiated.asynchronous_operations
        for item in self.extended_negotiation:
            if isinstance(item, AsynchronousOperationsWindowNegotiation):
                return item.maximum_number_operations_invoked, item.maximum_number_operations_performed
        return 1, 1

    @property
    def user_identity(self) -> UserIdentityNegotiation | None:
        """The identity proposed, or the acceptor's response to it (item 59H: some peers echo the proposal instead)."""
        items = [
            item
            for item in self.extended_negotiation
            if isinstance(item, UserIdentityNegotiation) and (item.server_response is not None) is self.is_acceptor
        ]
        return items[-1] if items else None
