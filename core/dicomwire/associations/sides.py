"""The two sides of an association: what each is and has said."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from dicomwire._logging import printable, shown_address
from dicomwire.associations.proxied import Proxied
from dicomwire.compat.pdu_primitives import NegotiationItem
from dicomwire.upper_layer.items import (
    ImplementationClassUIDItem,
    ImplementationVersionNameItem,
    MaximumLengthItem,
    RoleSelectionItem,
    SOPClassExtendedItem,
    UserIdentityACItem,
    UserIdentityRQItem,
    UserItem,
)
from dicomwire.upper_layer.pdus import AssociateAC, AssociateRJ, AssociateRQ
from dicomwire.upper_layer.state import Role
from dicomwire.vocabulary.contexts import PresentationContext
from dicomwire.vocabulary.titles_and_uids import received_text

Said: TypeAlias = AssociateRQ | AssociateAC | AssociateRJ


class Side:
    """The requestor or the acceptor: its title and place, what it will say, and what it has said."""

    # What never changes in place is with the class, until it is set: there are two of them for each association.
    ae_title: str = ""
    address: tuple[Any, ...] | None = None
    """Host and port, for IPv6 also flow info and scope ID; None if unknown."""

    address_type: Callable[[tuple[Any, ...]], Any] | None = None
    """The adapter's class for such a place."""

    said: Said | None = None
    """The A-ASSOCIATE PDU it has sent."""

    chose_contexts: bool = False
    """A handler has changed what is supported, for this association."""

    maximum_length: int | None = 16382
    implementation_class_uid: str | None = None
    implementation_version_name: str | None = None

    def __init__(self) -> None:
        self.contexts: list[PresentationContext] = []
        """What it proposes or supports."""

        self.items: list[NegotiationItem] = []
        """Extended negotiation to be said."""

        self.accepted_common: dict[str, tuple[str, list[str]]] = {}
        """Service class and related classes by SOP class, as accepted in common extended negotiation."""

    def is_at(self, address: tuple[Any, ...], address_type: Callable[[tuple[Any, ...]], Any] | None) -> None:
        """Where this side is, and the adapter's class for such a place."""
        self.address = address
        self.address_type = address_type

    def say(self, pdu: Said) -> None:
        """What this side sends is there: it is not changed any more."""
        self.said = pdu
        if isinstance(pdu, AssociateRQ):
            self.ae_title = pdu.derive(_title_of, lambda: _title_of(pdu))

    @property
    def negotiated(self) -> AssociateRQ | AssociateAC | None:
        """The request or acceptance it has sent."""
        return None if isinstance(self.said, AssociateRJ) else self.said

    @property
    def basic(self) -> tuple[int | None, str | None, str | None]:
        """What :meth:`basic_items` are made of."""
        return self.maximum_length, self.implementation_class_uid, self.implementation_version_name

    def basic_items(self) -> list[UserItem]:
        """What is always said: maximum length and implementation."""
        items: list[UserItem] = []
        if self.maximum_length is not None:
            items.append(MaximumLengthItem(maximum_length=self.maximum_length))
        if self.implementation_class_uid is not None:
            items.append(ImplementationClassUIDItem(implementation_class_uid=self.implementation_class_uid))
        if self.implementation_version_name is not None:
            name = self.implementation_version_name
            items.append(ImplementationVersionNameItem(implementation_version_name=name))
        return items

    def roles(self) -> Mapping[str, tuple[bool, bool]]:
        """Role selection by SOP class: SCU, SCP."""
        said = self.negotiated
        return {} if said is None else said.derive(roles_of, lambda: roles_of(said))

    def application_information(self) -> dict[str, bytes]:
        """Service class application information by SOP class."""
        items = self._items_of(SOPClassExtendedItem)
        return {item.sop_class_uid: item.service_class_application_information for item in items}

    def identity(self) -> UserIdentityRQItem | None:
        """Who the requestor's user is, if it says so."""
        said = self.negotiated
        return None if said is None else said.user_item(UserIdentityRQItem)

    def identity_response(self) -> UserIdentityACItem | None:
        """The acceptor's answer to that."""
        return None if self.negotiated is None else self.negotiated.user_item(UserIdentityACItem)

    def _items_of(self, kind: Any) -> list[Any]:
        return [] if self.negotiated is None else self.negotiated.user_items(kind)


def roles_of(said: AssociateRQ | AssociateAC) -> dict[str, tuple[bool, bool]]:
    """Role selection in a request or answer, by SOP class: SCU, SCP."""
    items = said.user_items(RoleSelectionItem)
    return {item.sop_class_uid: (item.scu_role, item.scp_role) for item in items}


def _title_of(request: AssociateRQ) -> str:
    return received_text(request.calling_ae_title)


class Sides:
    """Both sides, and which of them is ours."""

    def __init__(self, role: Role) -> None:
        self.role = role
        self.is_requestor: bool = role is Role.REQUESTOR
        self.requestor: Side = Side()
        self.acceptor: Side = Side()
        self.own: Side = self.requestor if self.is_requestor else self.acceptor
        self.peer: Side = self.acceptor if self.is_requestor else self.requestor
        self.proxied: Proxied | None = None
        """What a proxy has said of the requestor, where one has."""

    @property
    def peer_name(self) -> str:
        """Where the peer is, for people."""
        return shown_address(self.peer.address) if self.peer.address else "the peer"

    @property
    def peer_in_full(self) -> str:
        """Where the peer is, and its title."""
        title = printable(self.peer.ae_title).strip()
        return f"{self.peer_name} ({title})" if title else self.peer_name

    def titles(self, request: Said | None, own_title: str) -> tuple[str, str]:
        """The called and the calling title, for people; ``request`` is the one that is known, if any."""
        called, calling = self.acceptor.ae_title, self.requestor.ae_title
        if isinstance(request, AssociateRQ):
            called, calling = received_text(request.called_ae_title), received_text(request.calling_ae_title)
        elif self.is_requestor:
            calling = calling or own_title
        return printable(called).strip() or "-", printable(calling).strip() or "-"
