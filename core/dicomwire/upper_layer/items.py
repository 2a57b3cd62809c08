"""Items and sub-items of A-ASSOCIATE PDUs (PS3.8 9.3.2, 9.3.3 and annex D; PS3.7 D.3.3)."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from struct import Struct
from typing import ClassVar, TypeAlias

from attrs import field, frozen

from dicomwire._values import Value
from dicomwire.errors import RemoteProtocolError
from dicomwire.upper_layer.item_fields import (
    counted,
    decode_text,
    encode_item,
    encode_text,
    pack,
    split_items,
    take_counted,
)

_U32 = Struct(">L")
_WINDOW = Struct(">HH")

APPLICATION_CONTEXT = 0x10
PRESENTATION_CONTEXT_RQ = 0x20
PRESENTATION_CONTEXT_AC = 0x21
ABSTRACT_SYNTAX = 0x30
TRANSFER_SYNTAX = 0x40
USER_INFORMATION = 0x50


@frozen(repr=False, eq=False)
class UnknownItem(Value):
    """An item this version does not know, or does not expect here: kept, and encoded as it was."""

    kind: int
    body: bytes

    def encode(self) -> bytes:
        """The whole item, as it came."""
        return encode_item(self.kind, self.body)


# Its hash finds what is made for a request already: as attrs writes it, it is one call.
@frozen(kw_only=True, repr=False)
class PresentationContextRQItem(Value):
    """One proposed presentation context (PS3.8 9.3.2.2)."""

    context_id: int
    abstract_syntax: str
    """Empty when the peer left the sub-item out."""

    transfer_syntax: tuple[str, ...]
    """In the requestor's order, which has no binding force."""

    def encode(self) -> bytes:
        """The whole item, with its type and length (PS3.8 9.3.2.2)."""
        return _encode_context_rq(self)

    @classmethod
    def decode(cls, body: bytes) -> PresentationContextRQItem:
        """The item with this body, the bytes behind its length.

        Raises:
            RemoteProtocolError: it is shorter than 4 bytes, or ends within a sub-item.
        """
        # Peers send the same few dozen contexts again and again; the values are immutable, so sharing is safe.
        return _decode_short_context_rq(body) if len(body) <= 512 else _decode_context_rq(body)


@lru_cache(maxsize=1024)
def _encode_context_rq(item: PresentationContextRQItem) -> bytes:
    body = bytes((item.context_id, 0, 0, 0)) + encode_item(ABSTRACT_SYNTAX, encode_text(item.abstract_syntax))
    for uid in item.transfer_syntax:
        body += encode_item(TRANSFER_SYNTAX, encode_text(uid))
    return encode_item(PRESENTATION_CONTEXT_RQ, body)


def _decode_context_rq(body: bytes) -> PresentationContextRQItem:
    if len(body) < 4:
        raise RemoteProtocolError(f"presentation context item of {len(body)} bytes, which needs at least 4")
    abstract_syntax = ""
    transfer_syntaxes = []
    for kind, value in split_items(body[4:], "a presentation context item"):
        if kind == ABSTRACT_SYNTAX:
            # One is what there is to be; of several others take the first, too.
            abstract_syntax = abstract_syntax or decode_text(value)
        elif kind == TRANSFER_SYNTAX:
            transfer_syntaxes.append(decode_text(value))
    return PresentationContextRQItem(
        context_id=body[0], abstract_syntax=abstract_syntax, transfer_syntax=tuple(transfer_syntaxes)
    )


_decode_short_context_rq = lru_cache(maxsize=1024)(_decode_context_rq)


@frozen(kw_only=True, repr=False, eq=False)
class PresentationContextACItem(Value):
    """The answer to one proposed presentation context (PS3.8 9.3.3.2)."""

    context_id: int
    result: int
    """0 accepted, 1 user rejection, 2 provider rejection, 3 abstract syntax, 4 transfer syntaxes not supported;
    others are kept and mean rejection."""

    transfer_syntax: str | None = None
    """None when the sub-item is missing; without meaning unless ``result`` is 0."""

    def encode(self) -> bytes:
        """The whole item, with its type and length (PS3.8 9.3.3.2)."""
        body = bytes((self.context_id, 0, self.result, 0))
        if self.transfer_syntax is not None:
            body += encode_item(TRANSFER_SYNTAX, encode_text(self.transfer_syntax))
        return encode_item(PRESENTATION_CONTEXT_AC, body)

    @classmethod
    def decode(cls, body: bytes) -> PresentationContextACItem:
        """The item with this body, the bytes behind its length.

        Raises:
            RemoteProtocolError: it is shorter than 4 bytes, or ends within a sub-item.
        """
        if len(body) < 4:
            raise RemoteProtocolError(f"presentation context item of {len(body)} bytes, which needs at least 4")
        transfer_syntax = None
        for kind, value in split_items(body[4:], "a presentation context item"):
            if kind == TRANSFER_SYNTAX:
                transfer_syntax = decode_text(value)
        return cls(context_id=body[0], result=body[2], transfer_syntax=transfer_syntax)


@frozen(kw_only=True, repr=False, eq=False)
class MaximumLengthItem(Value):
    """The longest P-DATA-TF body the sender of this item can receive (PS3.8 D.1)."""

    kind: ClassVar[int] = 0x51
    maximum_length: int
    """Bytes behind the 6-byte PDU header; 0 is no limit."""

    def encode(self) -> bytes:
        """The whole item, with its type and length (PS3.8 D.1.1)."""
        return encode_item(self.kind, pack(_U32, self.maximum_length))

    @classmethod
    def decode(cls, body: bytes) -> MaximumLengthItem:
        """The item with this body, the bytes behind its length.

        Raises:
            RemoteProtocolError: it is shorter than 4 bytes.
        """
        if len(body) < 4:
            raise RemoteProtocolError(f"maximum length item of {len(body)} bytes, which needs 4")
        return cls(maximum_length=_U32.unpack_from(body)[0])


@frozen(kw_only=True, repr=False, eq=False)
class ImplementationClassUIDItem(Value):
    """Who made the peer (PS3.7 D.3.3.2.1)."""

    kind: ClassVar[int] = 0x52
    implementation_class_uid: str

    def encode(self) -> bytes:
        """The whole item, with its type and length (PS3.7 D.3.3.2.1)."""
        return encode_item(self.kind, encode_text(self.implementation_class_uid))

    @classmethod
    def decode(cls, body: bytes) -> ImplementationClassUIDItem:
        """The item with this body, the bytes behind its length; any bytes are one."""
        return cls(implementation_class_uid=decode_text(body))


@frozen(kw_only=True, repr=False, eq=False)
class ImplementationVersionNameItem(Value):
    """Which version of it (PS3.7 D.3.3.2.3)."""

    kind: ClassVar[int] = 0x55
    implementation_version_name: str

    def encode(self) -> bytes:
        """The whole item, with its type and length (PS3.7 D.3.3.2.3)."""
        return encode_item(self.kind, encode_text(self.implementation_version_name))

    @classmethod
    def decode(cls, body: bytes) -> ImplementationVersionNameItem:
        """The item with this body, the bytes behind its length; any bytes are one."""
        return cls(implementation_version_name=decode_text(body))


@frozen(kw_only=True, repr=False, eq=False)
class AsynchronousOperationsWindowItem(Value):
    """How many operations may be outstanding (PS3.7 D.3.3.3); 0 is unlimited."""

    kind: ClassVar[int] = 0x53
    maximum_number_operations_invoked: int
    maximum_number_operations_performed: int

    def encode(self) -> bytes:
        """The whole item, with its type and length (PS3.7 D.3.3.3.1)."""
        window = self.maximum_number_operations_invoked, self.maximum_number_operations_performed
        return encode_item(self.kind, pack(_WINDOW, *window))

    @classmethod
    def decode(cls, body: bytes) -> AsynchronousOperationsWindowItem:
        """The item with this body, the bytes behind its length.

        Raises:
            RemoteProtocolError: it is shorter than 4 bytes.
        """
        if len(body) < 4:
            raise RemoteProtocolError(f"asynchronous operations window item of {len(body)} bytes, which needs 4")
        invoked, performed = _WINDOW.unpack_from(body)
        return cls(maximum_number_operations_invoked=invoked, maximum_number_operations_performed=performed)


@frozen(kw_only=True, repr=False, eq=False)
class RoleSelectionItem(Value):
    """The roles the requestor wants, or the acceptor grants it, for one SOP class (PS3.7 D.3.3.4)."""

    kind: ClassVar[int] = 0x54
    sop_class_uid: str
    scu_role: bool
    scp_role: bool

    def encode(self) -> bytes:
        """The whole item, with its type and length (PS3.7 D.3.3.4.1)."""
        return encode_item(self.kind, counted(encode_text(self.sop_class_uid)) + bytes((self.scu_role, self.scp_role)))

    @classmethod
    def decode(cls, body: bytes) -> RoleSelectionItem:
        """The item with this body, the bytes behind its length.

        Raises:
            RemoteProtocolError: it ends before its roles.
        """
        uid, offset = take_counted(body, 0, "role selection item")
        if len(body) - offset < 2:
            raise RemoteProtocolError("role selection item ends where the roles are due")
        return cls(sop_class_uid=decode_text(uid), scu_role=body[offset] != 0, scp_role=body[offset + 1] != 0)


@frozen(kw_only=True, repr=False, eq=False)
class SOPClassExtendedItem(Value):
    """Service class application information for one SOP class (PS3.7 D.3.3.5)."""

    kind: ClassVar[int] = 0x56
    sop_class_uid: str
    service_class_application_information: bytes

    def encode(self) -> bytes:
        """The whole item, with its type and length (PS3.7 D.3.3.5.1)."""
        return encode_item(
            self.kind, counted(encode_text(self.sop_class_uid)) + self.service_class_application_information
        )

    @classmethod
    def decode(cls, body: bytes) -> SOPClassExtendedItem:
        """The item with this body, the bytes behind its length.

        Raises:
            RemoteProtocolError: it ends within its UID.
        """
        uid, offset = take_counted(body, 0, "SOP class extended negotiation item")
        return cls(sop_class_uid=decode_text(uid), service_class_application_information=body[offset:])


@frozen(kw_only=True, repr=False, eq=False)
class SOPClassCommonExtendedItem(Value):
    """Which service class and general SOP classes a SOP class belongs to (PS3.7 D.3.3.6); requestor only."""

    kind: ClassVar[int] = 0x57
    sop_class_uid: str
    service_class_uid: str
    related_general_sop_class_identification: tuple[str, ...] = ()

    def encode(self) -> bytes:
        """The whole item, with its type and length (PS3.7 D.3.3.6.1)."""
        related = b"".join(counted(encode_text(uid)) for uid in self.related_general_sop_class_identification)
        body = (counted(encode_text(self.sop_class_uid)) + counted(encode_text(self.service_class_uid))) + counted(
            related
        )
        return encode_item(self.kind, body)

    @classmethod
    def decode(cls, body: bytes) -> SOPClassCommonExtendedItem:
        """The item with this body, the bytes behind its length.

        Raises:
            RemoteProtocolError: it ends within a field.
        """
        what = "SOP class common extended negotiation item"
        sop_class, offset = take_counted(body, 0, what)
        service_class, offset = take_counted(body, offset, what)
        # Bytes behind the list are reserved for later versions of the item: ignored.
        related, _ = take_counted(body, offset, what)
        uids, offset = [], 0
        while offset < len(related):
            uid, offset = take_counted(related, offset, what)
            uids.append(decode_text(uid))
        return cls(
            sop_class_uid=decode_text(sop_class),
            service_class_uid=decode_text(service_class),
            related_general_sop_class_identification=tuple(uids),
        )


@frozen(kw_only=True, repr=False, eq=False)
class UserIdentityRQItem(Value):
    """Who the requestor's user is (PS3.7 D.3.3.7.1).  The fields are secrets: they stay out of ``repr``."""

    kind: ClassVar[int] = 0x58
    user_identity_type: int
    """1 user name, 2 with passcode, 3 Kerberos ticket, 4 SAML assertion, 5 JSON Web Token."""

    primary_field: bytes = field(repr=False)
    secondary_field: bytes = field(default=b"", repr=False)
    positive_response_requested: bool = False

    def encode(self) -> bytes:
        """The whole item, with its type and length (PS3.7 D.3.3.7.1)."""
        body = bytes((self.user_identity_type, self.positive_response_requested))
        return encode_item(self.kind, body + counted(self.primary_field) + counted(self.secondary_field))

    @classmethod
    def decode(cls, body: bytes) -> UserIdentityRQItem:
        """The item with this body, the bytes behind its length.

        Raises:
            RemoteProtocolError: it ends within a field.
        """
        if len(body) < 2:
            raise RemoteProtocolError(f"user identity item of {len(body)} bytes, which needs at least 6")
        primary, offset = take_counted(body, 2, "user identity item")
        secondary, _ = take_counted(body, offset, "user identity item")
        return cls(
            user_identity_type=body[0],
            positive_response_requested=body[1] != 0,
            primary_field=primary,
            secondary_field=secondary,
        )


@frozen(kw_only=True, repr=False, eq=False)
class UserIdentityACItem(Value):
    """The acceptor's answer to a user identity that asked for one (PS3.7 D.3.3.7.2)."""

    kind: ClassVar[int] = 0x59
    server_response: bytes = field(repr=False)

    def encode(self) -> bytes:
        """The whole item, with its type and length (PS3.7 D.3.3.7.2)."""
        return encode_item(self.kind, counted(self.server_response))

    @classmethod
    def decode(cls, body: bytes) -> UserIdentityACItem:
        """The item with this body, the bytes behind its length.

        Raises:
            RemoteProtocolError: it ends within its response.
        """
        return cls(server_response=take_counted(body, 0, "user identity response item")[0])


UserItem: TypeAlias = (
    MaximumLengthItem
    | ImplementationClassUIDItem
    | AsynchronousOperationsWindowItem
    | RoleSelectionItem
    | ImplementationVersionNameItem
    | SOPClassExtendedItem
    | SOPClassCommonExtendedItem
    | UserIdentityRQItem
    | UserIdentityACItem
    | UnknownItem
)

_USER_ITEMS: dict[int, Callable[[bytes], UserItem]] = {
    0x51: MaximumLengthItem.decode,
    0x52: ImplementationClassUIDItem.decode,
    0x53: AsynchronousOperationsWindowItem.decode,
    0x54: RoleSelectionItem.decode,
    0x55: ImplementationVersionNameItem.decode,
    0x56: SOPClassExtendedItem.decode,
    0x57: SOPClassCommonExtendedItem.decode,
    0x58: UserIdentityRQItem.decode,
    0x59: UserIdentityACItem.decode,
}


def encode_user_information(items: tuple[UserItem, ...]) -> bytes:
    """The user information item (PS3.8 9.3.2.3), sub-items in the order given."""
    return encode_item(USER_INFORMATION, b"".join(item.encode() for item in items))


def decode_user_information(body: bytes, most: int = 1024) -> tuple[UserItem, ...]:
    """The sub-items of a user information item, in the order sent.

    Raises:
        RemoteProtocolError: there are more than ``most`` of them, or one cannot be decoded.
    """
    items: list[UserItem] = []
    for kind, value in split_items(body, "the user information item"):
        if len(items) == most:
            raise RemoteProtocolError(f"user information with more than {most} sub-items")
        decode = _USER_ITEMS.get(kind)
        items.append(decode(value) if decode else UnknownItem(kind, value))
    return tuple(items)
