"""Requests and responses as objects with the attributes of the standard; ``event.request`` is one (PS3.7 9.1, 10.1)."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from typing import TYPE_CHECKING, Any, ClassVar

from dicomwire.data.large_memory import with_bytes
from dicomwire.dimse.command import DATA_SET, NO_DATA_SET, Command
from dicomwire.dimse.elements import ELEMENTS, Element
from dicomwire.dimse.messages import MESSAGES, RESPONSE, DataSetRule, MessageKind
from dicomwire.vocabulary.lazy_uids import as_uid
from dicomwire.vocabulary.titles_and_uids import set_ae, set_uid

if TYPE_CHECKING:
    from pydicom.tag import BaseTag
    from pydicom.uid import UID

if TYPE_CHECKING:
    from dicomwire.upper_layer.connection import Buffer


def _uint16(name: str, value: Any) -> int:
    if not isinstance(value, int):
        raise TypeError(f"'{name}' must be int or None, not {type(value).__name__}")
    if not 0 <= value <= 0xFFFF:
        raise ValueError(f"'{name}' must be from 0 to 65535, not {value}")
    return int(value)


def _priority(name: str, value: Any) -> int:
    if _uint16(name, value) > 2:
        raise ValueError(f"'{name}' must be 0 (medium), 1 (high) or 2 (low), not {value}")
    return int(value)


def _uid(name: str, value: Any) -> UID | None:
    return set_uid(value, name, allow_empty=False)


def _title(name: str, value: Any) -> str | None:
    return set_ae(value, name, allow_empty=False)


def _comment(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"'{name}' must be str or None, not {type(value).__name__}")
    return value


def _tags(name: str, value: Any) -> list[BaseTag]:
    from pydicom.tag import Tag

    if isinstance(value, int):
        value = [value]
    # Of a tuple nobody knows whether it is one tag or several.
    if not hasattr(value, "append"):
        raise TypeError(f"'{name}' must be a list of tags, a tag or None, not {type(value).__name__}")
    try:
        return [Tag(tag) for tag in value]
    except (ValueError, TypeError, OverflowError) as error:
        raise ValueError(f"'{name}' must be tags: {error}") from error


_CHECKS: dict[str, Callable[[str, Any], Any]] = {
    "US": _uint16,
    "UI": _uid,
    "AE": _title,
    "LO": _comment,
    "AT": _tags,
}


class _Attribute:
    """An element of the command set: None until set, checked when set (`TypeError`, `ValueError`)."""

    def __init__(self, element: Element) -> None:
        self.name = element.keyword
        self.vr = element.vr
        self.check = _priority if element.keyword == "Priority" else _CHECKS[element.vr]

    def __get__(self, instance: Primitive | None, owner: type) -> Any:
        return self if instance is None else instance.__dict__.get(self.name)

    def __set__(self, instance: Primitive, value: Any) -> None:
        instance.__dict__[self.name] = None if value is None else self.check(self.name, value)

    def receive(self, instance: Primitive, value: Any) -> None:
        """Keep what a peer sent, whether or not we would send it."""
        if self.vr == "UI":
            value = as_uid(value)
        elif self.vr == "AT":
            from pydicom.tag import BaseTag

            value = [BaseTag(tag) for tag in value]
        instance.__dict__[self.name] = value

    def plain(self, instance: Primitive) -> Any:
        """The value as `Command` has it."""
        value = instance.__dict__.get(self.name)
        if self.vr == "UI" and value is not None:
            return str(value) or None
        if self.vr == "AT" and value is not None:
            return tuple(int(tag) for tag in value) or None
        return value


class _DataSet:
    """An encoded data set: `BytesIO`, or None; anything else is a `TypeError`."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __get__(self, instance: Primitive | None, owner: type) -> Any:
        if instance is None:
            return self
        value = instance.__dict__.get(self.name)
        if value is not None and not isinstance(value, BytesIO):
            # A received one is wrapped only now: wrapping may copy it.
            value = instance.__dict__[self.name] = BytesIO(value)
        return value

    def __set__(self, instance: Primitive, value: BytesIO | None) -> None:
        if not isinstance(value, BytesIO | None):
            raise TypeError(f"'{self.name}' must be BytesIO or None, not {type(value).__name__}")
        instance.__dict__[self.name] = value

    def plain(self, instance: Primitive) -> Any:
        """The bytes, or None."""
        value = instance.__dict__.get(self.name)
        return value.getvalue() if isinstance(value, BytesIO) else value


_KINDS = {kind.name: (command_field, kind) for command_field, kind in MESSAGES.items()}

_CLASSES: dict[int, type[Primitive]] = {}


class Primitive:
    """The request and the response of one service in one class; which of them it is, its message IDs say.

    The attributes are those that PS3.7 gives the two messages, by DICOM keyword.  They are checked when they are set;
    those of a received primitive are as the peer sent them.
    """

    msg_type: ClassVar[str]
    """The name of the service: ``"C-STORE"``."""

    _request: ClassVar[MessageKind]
    _response: ClassVar[MessageKind | None]
    _command_field: ClassVar[int]
    _attributes: ClassVar[dict[str, _Attribute]]
    """By field of `Command`."""

    _data_sets: ClassVar[dict[str, _DataSet]]
    _slots: ClassVar[tuple[_Attribute | _DataSet, ...]]

    def __getstate__(self) -> dict[str, Any]:
        return with_bytes(self.__dict__)

    def __init_subclass__(cls) -> None:
        cls.msg_type = cls.__name__.replace("_", "-")
        cls._command_field, cls._request = _KINDS[f"{cls.msg_type}-RQ"]
        cls._response = MESSAGES.get(cls._command_field | RESPONSE)
        kinds = [kind for kind in (cls._request, cls._response) if kind is not None]
        fields = {field for kind in kinds for field in (*kind.required, *kind.optional)}
        cls._attributes = {element.field: _Attribute(element) for element in ELEMENTS if element.field in fields}
        cls._data_sets = {
            kind.data_set_keyword: _DataSet(kind.data_set_keyword) for kind in kinds if kind.data_set_keyword
        }
        cls._slots = (*cls._attributes.values(), *cls._data_sets.values())
        for slot in cls._slots:
            setattr(cls, slot.name, slot)
        _CLASSES[cls._command_field] = cls

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any: ...
        def __setattr__(self, name: str, value: Any) -> None: ...

    @property
    def is_valid_request(self) -> bool:
        """Whether all is set that the request must have."""
        return self._has_all(self._request)

    @property
    def is_valid_response(self) -> bool:
        """Whether all is set that the response must have: Message ID Being Responded To and Status."""
        return self._response is not None and self._has_all(self._response)

    def _has_all(self, kind: MessageKind) -> bool:
        if any(self._attributes[field].plain(self) is None for field in kind.required):
            return False
        return kind.data_set is not DataSetRule.ALWAYS or self._data(kind) is not None

    def _data(self, kind: MessageKind) -> Any:
        return None if kind.data_set_keyword is None else self._data_sets[kind.data_set_keyword].plain(self)

    @property
    def _is_response(self) -> bool:
        return self._response is not None and self.MessageIDBeingRespondedTo is not None

    def _values(self) -> dict[str, Any]:
        """What is set, by keyword, in plain values."""
        values = ((slot.name, slot.plain(self)) for slot in self._slots)
        return {name: value for name, value in values if value is not None}

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return self._values() == other._values()

    def __repr__(self) -> str:
        shown = (
            f"{name}=<{len(value)} bytes>" if name in self._data_sets else f"{name}={value!r}"
            for name, value in self._values().items()
        )
        return f"{type(self).__name__}({', '.join(shown)})"


def from_command(command: Command, data: Buffer | None = None) -> Primitive:
    """The primitive that `command` and its encoded data set are; elements that are not part of it are left out.

    `data` must not change any more.

    Raises:
        ValueError: the Command Field is none of a message.
    """
    kind = MESSAGES.get(command.command_field)
    if kind is None:
        raise ValueError(f"Command Field {command.command_field:#06x} is no DIMSE message")
    primitive = _CLASSES[command.command_field & ~RESPONSE]()
    for field, attribute in primitive._attributes.items():
        value = getattr(command, field)
        if value is not None:
            attribute.receive(primitive, value)
    if data is not None and kind.data_set_keyword is not None:
        primitive.__dict__[kind.data_set_keyword] = data
    return primitive


def to_command(primitive: Primitive) -> tuple[Command, bytes | None]:
    """The command set and the encoded data set to send: a response if Message ID Being Responded To is set.

    What is not part of the message is left out, and what is missing is not checked.
    """
    kind, command_field = primitive._request, primitive._command_field
    if primitive._response is not None and primitive._is_response:
        kind, command_field = primitive._response, command_field | RESPONSE
    data = primitive._data(kind)
    values = {field: primitive._attributes[field].plain(primitive) for field in (*kind.required, *kind.optional)}
    command_data_set_type = NO_DATA_SET if data is None else DATA_SET
    command = Command(command_field=command_field, command_data_set_type=command_data_set_type, **values)
    return command, None if data is None else bytes(data)


class C_STORE(Primitive):
    """PS3.7 9.1.1."""


class C_FIND(Primitive):
    """PS3.7 9.1.2."""


class C_GET(Primitive):
    """PS3.7 9.1.3."""


class C_MOVE(Primitive):
    """PS3.7 9.1.4."""


class C_ECHO(Primitive):
    """PS3.7 9.1.5."""


class C_CANCEL(Primitive):
    """A request to end another one (PS3.7 9.3.2.3); nothing answers it."""


class N_EVENT_REPORT(Primitive):
    """PS3.7 10.1.1."""


class N_GET(Primitive):
    """PS3.7 10.1.2."""


class N_SET(Primitive):
    """PS3.7 10.1.3."""


class N_ACTION(Primitive):
    """PS3.7 10.1.4."""


class N_CREATE(Primitive):
    """PS3.7 10.1.5."""


class N_DELETE(Primitive):
    """PS3.7 10.1.6."""
