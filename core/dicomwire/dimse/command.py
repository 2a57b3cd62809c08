"""Command sets as values, and their bytes: always implicit VR little endian (PS3.7 6.3.1)."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, partial
from operator import itemgetter
from struct import Struct, error as StructError
from typing import Any, Self, TypeAlias

from attrs import NOTHING, fields, frozen

from dicomwire._values import Value
from dicomwire.dimse.elements import ELEMENTS, Element
from dicomwire.errors import RemoteProtocolError

NO_DATA_SET = 0x0101
DATA_SET = 0x0001

_HEAD = Struct("<HHL")
_US_ELEMENT = Struct("<HHLH")
_TAG = Struct("<HH")
_TAG_AND_LENGTH = Struct("<LL")
_GROUP_LENGTH = Struct("<HHLL")

_ENCODED = "encoded"
"""Beside the fields of a command: its bytes, where they are kept."""


# Without slots: two are made for every message, and of 24 elements a message has seven; see _set_present.
@frozen(kw_only=True, slots=False, repr=False, eq=False)
class Command(Value):
    """One command set: every element a field, None where it is absent (PS3.7 annex E)."""

    command_field: int
    message_id: int | None = None
    message_id_being_responded_to: int | None = None
    affected_sop_class_uid: str | None = None
    requested_sop_class_uid: str | None = None
    affected_sop_instance_uid: str | None = None
    requested_sop_instance_uid: str | None = None
    priority: int | None = None
    """0 medium, 1 high, 2 low."""

    command_data_set_type: int | None = NO_DATA_SET
    """0x0101: no data set follows; every other value: one does."""

    status: int | None = None
    offending_element: tuple[int, ...] | None = None
    """Tags as group << 16 | element."""

    error_comment: str | None = None
    error_id: int | None = None
    event_type_id: int | None = None
    action_type_id: int | None = None
    attribute_identifier_list: tuple[int, ...] | None = None
    """Tags as group << 16 | element."""

    move_destination: str | None = None
    move_originator_application_entity_title: str | None = None
    move_originator_message_id: int | None = None
    number_of_remaining_suboperations: int | None = None
    number_of_completed_suboperations: int | None = None
    number_of_failed_suboperations: int | None = None
    number_of_warning_suboperations: int | None = None
    other: tuple[tuple[int, bytes], ...] = ()
    """Elements that are unknown, retired or of another group: tag and raw value, kept and not sent."""

    @property
    def is_request(self) -> bool:
        """C-CANCEL-RQ counts as one, though nothing answers it."""
        return not self.command_field & 0x8000

    @property
    def has_data_set(self) -> bool:
        return self.command_data_set_type != NO_DATA_SET

    def encode(self, command_data_set_type: int | None = None) -> bytes:
        """The command set with its group length; ``command_data_set_type`` overrides the field of that name.

        Raises:
            ValueError: a value does not fit its element.
        """
        values = self.__dict__
        wanted = self.command_data_set_type if command_data_set_type is None else command_data_set_type
        if _ENCODED in values:
            if wanted == self.command_data_set_type:
                encoded: bytes = values[_ENCODED]
                return encoded
            values = {name: value for name, value in values.items() if name != _ENCODED}
        present = tuple(values)
        try:
            body, parts = _template(present, wanted, _few_of(present)(values))
            for name, encode, behind in parts:
                value = values[name]
                body += behind if value is None else encode(value) + behind
        except StructError as error:
            raise ValueError(_why_not(values) or str(error)) from None
        return _GROUP_LENGTH.pack(0, 0, 4, len(body)) + body

    def kept_encoded(self) -> Self:
        """Itself, with its bytes kept from now on: for one that is sent again and again.

        Raises: as :meth:`encode`.
        """
        self.__dict__[_ENCODED] = self.encode()
        return self

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """A command set from its bytes; the group length is not trusted.

        Raises:
            RemoteProtocolError: an element runs over the end, or there is no Command Field.
        """
        values: dict[str, Any] = {"command_data_set_type": None}
        other: list[tuple[int, bytes]] = []
        offset, end = 0, len(data)
        while offset < end:
            if end - offset < 8:
                raise RemoteProtocolError(f"{end - offset} stray bytes at the end of a command set")
            tag, length = _TAG_AND_LENGTH.unpack_from(data, offset)
            offset += 8
            stop = offset + length
            if stop > end:
                raise RemoteProtocolError(
                    f"command element ({tag & 0xFFFF:04x},{tag >> 16:04x}) of {length} bytes, "
                    f"but only {end - offset} left"
                )
            known = _DECODERS.get(tag)
            if known is None:
                if tag:
                    other.append(((tag & 0xFFFF) << 16 | tag >> 16, data[offset:stop]))
            elif length:
                name, decode = known
                if decode is not None:
                    values[name] = decode(data[offset:stop])
                elif length > 1:
                    # Some send a US in 4 bytes; never more than 16 bits are taken, so that an answer can repeat them.
                    values[name] = data[offset] | data[offset + 1] << 8
                else:
                    values[name] = data[offset]
            offset = stop
        if "command_field" not in values:
            raise RemoteProtocolError("command set without Command Field (0000,0100)")
        if other:
            values["other"] = tuple(other)
        made = cls.__new__(cls)
        made.__dict__.update(values)
        return made


def _set_present(self: Command, *, command_field: int, **present: Any) -> None:
    """Keep the elements that are given; an absent one is the default of the class."""
    # Operators, where methods would be calls: one is made for every message.
    if not {*present} <= _NAMES:
        raise TypeError(f"no command elements: {', '.join(sorted(present.keys() - _NAMES))}")
    values = self.__dict__
    values["command_field"] = command_field
    values |= present


_NAMES = {attribute.name for attribute in fields(Command)}
for _attribute in fields(Command):
    if _attribute.default is not NOTHING:
        setattr(Command, _attribute.name, _attribute.default)
Command.__init__ = _set_present  # type: ignore[method-assign]

_OF_FEW_VALUES = ("sop_class_uid", "command_field", "priority", "status")

_Template: TypeAlias = tuple[bytes, tuple[tuple[str, Callable[[Any], bytes], bytes], ...]]
"""What commands have in common that differ in few elements, a message ID or an instance: the bytes before the first of
these, and for each the field, what encodes it, and the bytes up to the next."""


@lru_cache(maxsize=256)
def _few_of(present: tuple[str, ...]) -> Callable[[dict[str, Any]], Any]:
    """Of a command that has these fields: gives those of its values that are the same in many messages."""
    return itemgetter(*(name for name in present if name.endswith(_OF_FEW_VALUES)))


@lru_cache(maxsize=256)
def _template(present: tuple[str, ...], command_data_set_type: int | None, few: Any) -> _Template:
    names = [name for name in present if name.endswith(_OF_FEW_VALUES)]
    # Of one name, ``itemgetter`` gives the value itself.
    known = dict(zip(names, few if len(names) > 1 else (few,), strict=True))
    known["command_data_set_type"] = command_data_set_type
    runs = [b""]
    parts: list[tuple[str, Callable[[Any], bytes]]] = []
    # In the order of the tags.
    for element in ELEMENTS:
        if element.field in known:
            value = known[element.field]
            runs[-1] += b"" if value is None else _encoder(element)(value)
        elif element.field in present:
            parts.append((element.field, _encoder(element)))
            runs.append(b"")
    return runs[0], tuple((*part, run) for part, run in zip(parts, runs[1:], strict=True))


def _why_not(values: dict[str, Any]) -> str:
    """Which number cannot be encoded."""
    for element in ELEMENTS:
        value = values.get(element.field)
        if element.vr == "US" and value is not None and not 0 <= value <= 0xFFFF:
            return f"{element.keyword} {value} does not fit in 16 bits"
    return ""


def _encoder(element: Element) -> Callable[[Any], bytes]:
    if element.vr == "US":
        return partial(_US_ELEMENT.pack, 0, element.number, 2)
    return partial(_encode_element, element.number, element.vr)


def _encode_element(number: int, vr: str, value: Any) -> bytes:
    if vr == "AT":
        if not all(0 <= tag <= 0xFFFFFFFF for tag in value):
            raise ValueError(f"a tag in (0000,{number:04x}) does not fit in 32 bits")
        raw = b"".join(_TAG.pack(tag >> 16, tag & 0xFFFF) for tag in value)
    else:
        raw = value.encode("ascii", "replace")
        if vr == "LO":
            raw = raw[:64]
        elif vr == "AE" and len(raw) > 16:
            raise ValueError(f"AE title of {len(raw)} characters in (0000,{number:04x}) is longer than 16")
        if len(raw) & 1:
            raw += b"\0" if vr == "UI" else b" "
    return _HEAD.pack(0, number, len(raw)) + raw


# A decoder gives None if nothing is left of a value without its padding.
def _decode_at(raw: bytes) -> tuple[int, ...] | None:
    return tuple(group << 16 | element for group, element in _TAG.iter_unpack(raw[: len(raw) & ~3])) or None


def _decode_ui(raw: bytes) -> str | None:
    return raw.rstrip(b"\0 ").decode("latin-1") or None


def _decode_comment(raw: bytes) -> str | None:
    # ASCII it should be; what else there is came in one of these.
    raw = raw.strip(b"\0 ")
    try:
        return raw.decode("utf-8") or None
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def _decode_text(raw: bytes) -> str | None:
    return raw.strip(b"\0 ").decode("latin-1") or None


_BY_VR: dict[str, Callable[[bytes], Any] | None] = {
    "US": None, "AT": _decode_at, "UI": _decode_ui, "AE": _decode_text, "LO": _decode_comment
}  # fmt: skip

_DECODERS = {element.number << 16: (element.field, _BY_VR[element.vr]) for element in ELEMENTS}
"""Field and decoder by tag, as its four bytes read as one number: the group, 0000, comes first.  A US has none."""
