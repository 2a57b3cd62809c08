"""Negotiation items as programs fill them (PS3.7 annex D): plain values, by attribute."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar, overload

from dicomwire._globals import DEFAULT_MAX_LENGTH
from dicomwire.vocabulary.titles_and_uids import set_uid, set_version_name

if TYPE_CHECKING:
    from pydicom.uid import UID

Value = TypeVar("Value")
Given = TypeVar("Given")


class Checked(Generic[Value, Given]):
    """An attribute that is checked, and converted, whenever it is set."""

    def __init__(self, check: Callable[[str, Given], Value], default: Any) -> None:
        self.check = check
        self.default = default

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    @overload
    def __get__(self, instance: None, owner: type) -> Checked[Value, Given]: ...
    @overload
    def __get__(self, instance: object, owner: type) -> Value: ...
    def __get__(self, instance: object | None, owner: type) -> Checked[Value, Given] | Value:
        if instance is None:
            return self
        value: Value = instance.__dict__[self.name]
        return value

    def __set__(self, instance: object, value: Given) -> None:
        instance.__dict__[self.name] = self.check(self.name, value)


def _uid(name: str, value: str | bytes | None) -> UID | None:
    return set_uid(value, name)


def _uids(name: str, value: list[UID] | list[str]) -> list[UID]:
    if not isinstance(value, list):
        raise TypeError(f"'{name}' must be a list of UIDs, not {type(value).__name__}")
    return [uid for item in value if (uid := set_uid(item, name, allow_empty=False, allow_none=False))]


def _integer(name: str, value: int, most: int) -> int:
    if not isinstance(value, int):
        raise TypeError(f"'{name}' must be int, not {type(value).__name__}")
    if not 0 <= value <= most:
        raise ValueError(f"'{name}' must be from 0 to {most}, not {value}")
    return value


def _uint32(name: str, value: int) -> int:
    return _integer(name, value, 0xFFFFFFFF)


def _uint16(name: str, value: int) -> int:
    return _integer(name, value, 0xFFFF)


def _bytes(name: str, value: bytes | None) -> bytes | None:
    if not isinstance(value, bytes | None):
        raise TypeError(f"'{name}' must be bytes or None, not {type(value).__name__}")
    return value


def _flag(name: str, value: bool) -> bool:
    if not isinstance(value, bool):
        raise TypeError(f"'{name}' must be bool, not {type(value).__name__}")
    return value


def _optional_flag(name: str, value: bool | None) -> bool | None:
    return None if value is None else _flag(name, value)


def _identity_type(name: str, value: int | None) -> int | None:
    if value is not None and not 1 <= _integer(name, value, 0xFF) <= 5:
        raise ValueError(f"'{name}' must be from 1 to 5, not {value}")
    return value


class NegotiationItem:
    """The base of the items: equal by value, checked when set (`TypeError`, `ValueError`)."""

    _names: ClassVar[tuple[str, ...]] = ()
    _hidden: ClassVar[frozenset[str]] = frozenset()

    def __init_subclass__(cls) -> None:
        cls._names += tuple(name for name, value in vars(cls).items() if isinstance(value, Checked))

    def __init__(self) -> None:
        for name in self._names:
            setattr(self, name, getattr(type(self), name).default)

    def check_complete(self) -> None:
        """Raise `ValueError` if something that the peer needs is not set."""

    def _need(self, *names: str) -> None:
        for name in names:
            if not getattr(self, name):
                raise ValueError(f"{type(self).__name__}: '{name}' must be set")

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return all(getattr(self, name) == getattr(other, name) for name in self._names)

    def __repr__(self) -> str:
        values = {name: getattr(self, name) for name in self._names}
        shown = (
            f"{name}={'<hidden>' if name in self._hidden and value else repr(value)}" for name, value in values.items()
        )
        return f"{type(self).__name__}({', '.join(shown)})"


class MaximumLengthNotification(NegotiationItem):
    """What its sender is willing to receive (PS3.8 D.1)."""

    maximum_length_received: Checked[int, int] = Checked(_uint32, DEFAULT_MAX_LENGTH)
    """Bytes of the variable field of a P-DATA-TF PDU; 0 is no limit."""


class ImplementationClassUIDNotification(NegotiationItem):
    """Which implementation its sender is (PS3.7 D.3.3.2.1)."""

    implementation_class_uid: Checked[UID | None, str | bytes | None] = Checked(_uid, None)

    def check_complete(self) -> None:
        """Raise `ValueError` without a UID."""
        self._need("implementation_class_uid")


def _version_name(name: str, value: str | None) -> str | None:
    return set_version_name(value, name)


class ImplementationVersionNameNotification(NegotiationItem):
    """Which version of the implementation its sender is (PS3.7 D.3.3.2.3)."""

    implementation_version_name: Checked[str | None, str | None] = Checked(_version_name, None)
    """1 to 16 ASCII characters."""

    def check_complete(self) -> None:
        """Raise `ValueError` without a name."""
        self._need("implementation_version_name")


class AsynchronousOperationsWindowNegotiation(NegotiationItem):
    """How many operations may be outstanding (PS3.7 D.3.3.3); 0 is no limit."""

    maximum_number_operations_invoked: Checked[int, int] = Checked(_uint16, 1)
    maximum_number_operations_performed: Checked[int, int] = Checked(_uint16, 1)


class SCP_SCU_RoleSelectionNegotiation(NegotiationItem):
    """Which roles the requestor wants for a SOP class, or which of these the acceptor grants (PS3.7 D.3.3.4)."""

    sop_class_uid: Checked[UID | None, str | bytes | None] = Checked(_uid, None)
    scu_role: Checked[bool | None, bool | None] = Checked(_optional_flag, None)
    scp_role: Checked[bool | None, bool | None] = Checked(_optional_flag, None)

    def check_complete(self) -> None:
        """Raise `ValueError` without a SOP class, or with neither role True."""
        self._need("sop_class_uid")
        if not self.scu_role and not self.scp_role:
            raise ValueError(f"{type(self).__name__}: 'scu_role' or 'scp_role' must be True for {self.sop_class_uid}")


class SOPClassExtendedNegotiation(NegotiationItem):
    """What its sender supports of a service, in the words of its service class (PS3.7 D.3.3.5)."""

    sop_class_uid: Checked[UID | None, str | bytes | None] = Checked(_uid, None)
    service_class_application_information: Checked[bytes | None, bytes | None] = Checked(_bytes, None)

    def check_complete(self) -> None:
        """Raise `ValueError` without a SOP class or without information."""
        self._need("sop_class_uid")
        if self.service_class_application_information is None:
            raise ValueError(f"{type(self).__name__}: 'service_class_application_information' must be set")


class SOPClassCommonExtendedNegotiation(NegotiationItem):
    """Which service class and related SOP classes a SOP class belongs to (PS3.7 D.3.3.6)."""

    sop_class_uid: Checked[UID | None, str | bytes | None] = Checked(_uid, None)
    service_class_uid: Checked[UID | None, str | bytes | None] = Checked(_uid, None)
    related_general_sop_class_identification: Checked[list[UID], list[UID] | list[str]] = Checked(_uids, [])

    def check_complete(self) -> None:
        """Raise `ValueError` without a SOP class or service class, or if what was appended to the list is no UID."""
        self._need("sop_class_uid", "service_class_uid")
        self.related_general_sop_class_identification = list(self.related_general_sop_class_identification)


class UserIdentityNegotiation(NegotiationItem):
    """Who the user of the requestor is, or the acceptor's answer to that (PS3.7 D.3.3.7)."""

    user_identity_type: Checked[int | None, int | None] = Checked(_identity_type, None)
    """1 user name, 2 user name and password, 3 Kerberos ticket, 4 SAML assertion, 5 JSON web token."""

    primary_field: Checked[bytes | None, bytes | None] = Checked(_bytes, None)
    secondary_field: Checked[bytes | None, bytes | None] = Checked(_bytes, b"")
    """The password of type 2."""

    positive_response_requested: Checked[bool, bool] = Checked(_flag, False)
    server_response: Checked[bytes | None, bytes | None] = Checked(_bytes, None)

    _hidden = frozenset({"primary_field", "secondary_field", "server_response"})

    def check_complete(self) -> None:
        """Raise `ValueError` without type or primary field, or if type 2 has no secondary field."""
        self._need("user_identity_type")
        if self.primary_field is None:
            raise ValueError(f"{type(self).__name__}: 'primary_field' must be set")
        if self.user_identity_type == 2 and not self.secondary_field:
            raise ValueError(f"{type(self).__name__}: 'secondary_field' must be set, because the type is 2")
