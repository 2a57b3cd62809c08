"""How data sets are encoded, and the elements of encoded ones by hand (PS3.5 7.1)."""

from __future__ import annotations

import re
from functools import lru_cache
from struct import Struct
from typing import Any, NamedTuple

from attrs import frozen

from dicomwire._globals import DEFLATED_SYNTAXES, EXPLICIT_BIG, EXPLICIT_LITTLE, IMPLICIT_LITTLE
from dicomwire._values import Value

SHORT_VRS = frozenset(
    (b"AE", b"AS", b"AT", b"CS", b"DA", b"DS", b"DT", b"FD", b"FL", b"IS", b"LO", b"LT", b"PN", b"SH", b"SL", b"SS",
     b"ST", b"TM", b"UI", b"UL", b"US")
)  # fmt: skip
"""Their length takes two bytes in explicit VR; that of all others four, behind two reserved ones (PS3.5 7.1.2)."""

LONG_VRS = frozenset((b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"))

VRS = SHORT_VRS | LONG_VRS
"""All that the standard has."""

UNDEFINED = 0xFFFFFFFF
ITEM, ITEM_END, SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
PIXEL_DATA = 0x7FE00010


class NotAnElement(ValueError):
    """The bytes here are no data element."""


@frozen(repr=False, eq=False)
class EncodedElement(Value):
    """The beginning of a data element: all but its value."""

    tag: int
    vr: bytes
    """Empty in implicit VR."""

    header: int
    """Bytes before the value."""

    length: int


class Coding:
    """One of the three ways to encode elements."""

    def __init__(self, transfer_syntax: str, *, implicit: bool = False, little: bool = True) -> None:
        order = "<" if little else ">"
        self.transfer_syntax = transfer_syntax
        """The uncompressed one that is encoded so."""

        self.implicit = implicit
        self.little = little
        self._tag = Struct(order + "HH")
        self._short = Struct(order + "H")
        self._long = Struct(order + "L")
        self._explicit = Struct(order + "HH2sH")
        self._implicit = Struct(order + "HHL")

    def element(self, data: Any, at: int) -> EncodedElement:
        """The element that begins at ``data[at]``.

        Raises:
            struct.error: the data end before its value.
            NotAnElement: it has no value representation.
        """
        group, element, length = self._implicit.unpack_from(data, at)
        tag = group << 16 | element
        if self.implicit or group == 0xFFFE:
            return EncodedElement(tag, b"", 8, length)
        _, _, vr, length = self._explicit.unpack_from(data, at)
        if vr in SHORT_VRS:
            return EncodedElement(tag, vr, 8, length)
        if not (vr.isalpha() and vr.isupper()):
            raise NotAnElement(f"({group:04X},{element:04X}) has no value representation")
        (length,) = self._long.unpack_from(data, at + 8)
        return EncodedElement(tag, vr, 12, length)

    def item(self, data: Any, at: int) -> EncodedElement:
        """The item, or what ends a sequence, that begins at ``data[at]``: they have no value representation.

        Raises:
            struct.error: the data end before its value.
        """
        group, element, length = self._implicit.unpack_from(data, at)
        return EncodedElement(group << 16 | element, b"", 8, length)

    def header(self, element: EncodedElement, length: int) -> bytes:
        """The beginning of ``element`` with another length.

        Raises:
            NotAnElement: the length does not fit.
        """
        tag = self._tag.pack(element.tag >> 16, element.tag & 0xFFFF)
        if element.header == 12:
            return tag + element.vr + b"\0\0" + self._long.pack(length)
        if not element.vr:
            return tag + self._long.pack(length)
        if length > 0xFFFF:
            raise NotAnElement(f"{describe(element.tag)} is too long to be padded")
        return tag + element.vr + self._short.pack(length)

    def mark(self, tag: int, length: int = 0) -> bytes:
        """An item, or what ends an item or a sequence."""
        return self._implicit.pack(tag >> 16, tag & 0xFFFF, length)


IMPLICIT = Coding(IMPLICIT_LITTLE, implicit=True)
EXPLICIT = Coding(EXPLICIT_LITTLE)
BIG = Coding(EXPLICIT_BIG, little=False)


def describe(tag: int) -> str:
    """A tag as the standard writes it."""
    return f"({tag >> 16:04X},{tag & 0xFFFF:04X})"


class Known:
    """What a transfer syntax says of its data sets."""

    __slots__ = ("coding", "deflated", "is_uid")

    def __init__(self, coding: Coding | None, *, deflated: bool = False, is_uid: bool = True) -> None:
        self.coding: Coding | None = coding
        """None for private transfer syntaxes and unknown ones, which may be anything."""

        self.deflated: bool = deflated
        self.is_uid: bool = is_uid


class Encoding(NamedTuple):
    """How a transfer syntax encodes data sets."""

    implicit: bool
    little: bool
    deflated: bool


@lru_cache(maxsize=256)
def encoding_of(transfer_syntax: str) -> Encoding:
    """The encoding of a transfer syntax."""
    from pydicom.config import IGNORE
    from pydicom.uid import UID

    syntax = UID(transfer_syntax, IGNORE)
    if syntax.is_private:
        # Nothing is known of it but that standard compressed syntaxes are explicit little endian.
        return Encoding(implicit=False, little=True, deflated=False)
    # Of the deflated ones pydicom knows the first.
    return Encoding(syntax.is_implicit_VR, syntax.is_little_endian, transfer_syntax in DEFLATED_SYNTAXES)


@lru_cache(maxsize=256)
def known(transfer_syntax: str) -> Known:
    """What is known of a transfer syntax."""
    from pydicom.config import IGNORE
    from pydicom.uid import UID

    if re.fullmatch(r"[0-9.]{1,64}", transfer_syntax) is None:
        return Known(None, is_uid=False)
    try:
        encoding = encoding_of(transfer_syntax)
    except ValueError:
        return Known(None)
    if encoding.deflated:
        return Known(EXPLICIT, deflated=True)
    if UID(transfer_syntax, IGNORE).is_private:
        return Known(None)
    return Known(IMPLICIT if encoding.implicit else EXPLICIT if encoding.little else BIG)
