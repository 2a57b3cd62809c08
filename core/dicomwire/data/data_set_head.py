"""What the beginning of an encoded data set tells: how it is encoded, and what instance it is (PS3.5 7).

The SOP Class and SOP Instance UID (PS3.3 C.12.1) are among the first elements of nearly every data set.  What the file
meta information says in front of it may be old: many who change an instance leave that as it was.
"""

from __future__ import annotations

import struct
import zlib
from enum import IntEnum
from functools import lru_cache

from attrs import frozen

from dicomwire._values import Value
from dicomwire.data.encodings import (
    BIG,
    EXPLICIT,
    IMPLICIT,
    ITEM,
    ITEM_END,
    SEQUENCE_END,
    SHORT_VRS,
    UNDEFINED,
    VRS,
    Coding,
    NotAnElement,
    known,
)

_CODINGS = (EXPLICIT, IMPLICIT, BIG)
_USUAL = {
    b"\x08\0" + number.to_bytes(2, "little") + end: number
    for number, vr in (
        (0x0000, b"UL"),
        (0x0005, b"CS"),
        (0x0008, b"CS"),
        (0x0012, b"DA"),
        (0x0013, b"TM"),
        (0x0014, b"UI"),
        (0x0016, b"UI"),
        (0x0018, b"UI"),
    )
    for end in (b"", vr)
}
"""Elements at the beginning of data sets, in implicit and in explicit VR little endian; by that, their numbers."""

_SOP_CLASS, _SOP_INSTANCE = 0x00080016, 0x00080018

_INFLATED = 64 * 1024
"""Bytes of a deflated data set that are looked at: no more, whatever the first piece inflates to."""

_LAST = 0x7FFFFFFF
"""No group of a data set is beyond, but for padding at its end."""

_LONGEST_UID = 64
"""What is longer is none (PS3.5 9.1), and looked at in no hurry."""

_DEEPEST = 32
"""Sequences within sequences in front of the UIDs; nobody has more than two."""


class Unsendable(ValueError):
    """An instance cannot be sent as it is."""

    def __init__(self, message: str, sop_instance_uid: str | None = None) -> None:
        super().__init__(message)
        self.sop_instance_uid = sop_instance_uid
        """Which instance it is, as far as anybody can tell."""


class Mislabelled(Unsendable):
    """A data set is not encoded as it is said to be."""


# Without slots: frozen classes with slots take twice as long to make.
@frozen(slots=False, repr=False, eq=False)
class Head(Value):
    """What the beginning of a data set tells."""

    skip: int = 0
    """Bytes in front that are not part of it: elements of group 0002."""

    sop_class_uid: str = ""
    """Empty if it is not there."""

    sop_instance_uid: str = ""
    is_cut: bool = False
    """More of the data set may tell more."""


def read_head(
    data: bytes, start: int, transfer_syntax: str, size: int | None, *, whole: bool, strict: bool = True
) -> Head:
    """Look at the data set that begins at ``data[start]``; ``whole`` says that all of it is there.

    ``size`` is that of the whole data set, if anybody knows.  Without ``strict``, what looks like no data set at all is
    let pass; what is one in another encoding never is.

    Raises:
        Mislabelled: this is no data set in ``transfer_syntax``.
    """
    what = known(transfer_syntax)
    if what.deflated:
        return _deflated(data, start, transfer_syntax, size, strict=strict)
    if (uids := quick_uids(data, start, what.coding)) is not None:
        return Head(0, text(uids[0]), text(uids[1]))
    if data[start : start + 2] == b"\x08\0":
        vr = data[start + 4 : start + 6]
        if what.coding is EXPLICIT and vr in VRS:
            return _found(data, start, EXPLICIT, 0, whole=whole)
        if what.coding is IMPLICIT and vr not in VRS and data[start + 6 : start + 8] == b"\0\0":
            return _found(data, start, IMPLICIT, 0, whole=whole)
    skip = without_file_meta(data, start)
    if skip is None:
        return Head(is_cut=not whole)
    at = start + skip
    left = None if size is None else size - skip
    if len(data) - at < 8:
        if strict and whole and len(data) > at:
            raise Mislabelled(f"it holds {len(data) - at} bytes, which are no data set")
        return Head(skip, is_cut=not whole)
    coding = what.coding
    if coding is None:
        coding = guess(data, at, left)
    else:
        _check(data, at, left, coding, transfer_syntax, strict=strict)
    if coding is None:
        return Head(skip)
    return _found(data, at, coding, skip, whole=whole)


# -- which encoding -----------------------------------------------------------------------------------------------
class _Sense(IntEnum):
    """How much sense the first elements make in some coding."""

    NONE = 0
    SOME = 1
    """The first may be one; the second is not here."""

    MUCH = 2
    """One is behind the other."""


def guess(data: bytes, at: int, size: int | None) -> Coding | None:
    """How the data set at ``data[at]`` is encoded, or None."""
    if len(data) - at < 8:
        return None
    found = {coding: _sense(data, at, size, coding) for coding in _CODINGS}
    for sense in (_Sense.MUCH, _Sense.SOME):
        possible = [coding for coding in _CODINGS if found[coding] is sense]
        straight = [coding for coding in possible if not _is_turned(data, at, coding)]
        if sense is _Sense.SOME:
            # What else may look like one element is not worth a guess.
            possible = straight = [coding for coding in straight if coding.element(data, at).tag >> 16 <= 0x0008]
        if possible:
            return (straight or possible)[0]
    return None


def _is_turned(data: bytes, at: int, coding: Coding) -> bool:
    """Whether the group there is a usual one with its bytes in the other order."""
    high, low = (data[at + 1], data[at]) if coding.little else (data[at], data[at + 1])
    return high != 0 and low == 0


def _check(data: bytes, at: int, size: int | None, coding: Coding, transfer_syntax: str, *, strict: bool) -> None:
    """Raise Mislabelled if another coding makes more sense of the first elements than this one."""
    sense = _sense(data, at, size, coding)
    if sense is _Sense.MUCH and not _is_turned(data, at, coding):
        return
    actual: Coding | None = None
    if _is_deflated(data, at):
        said = "its data set is deflated"
    else:
        actual = guess(data, at, size)
        if actual is coding or (sense and (actual is None or _sense(data, at, size, actual) is not _Sense.MUCH)):
            return
        if actual is not None:
            said = f"its data set is encoded as {name_of(actual.transfer_syntax)}"
        elif strict and not coding.implicit and data[at + 4 : at + 6] not in VRS:
            said = "what it holds begins like no data set"
        else:
            return
    instance = _find(data, at, actual)[1] if actual is not None else None
    raise Mislabelled(f"it is said to be {name_of(transfer_syntax)}, but {said}", instance)


def _sense(data: bytes, at: int, size: int | None, coding: Coding) -> _Sense:
    """Whether the first two elements make sense in this coding: known, not too long, one behind the other."""
    if (data[at + 4 : at + 6] in VRS) is coding.implicit:
        # In implicit VR two letters here would be the length of a very long value.
        return _Sense.NONE
    try:
        first = coding.element(data, at)
        if not 0 < first.tag <= _LAST:
            return _Sense.NONE
        if first.length == UNDEFINED:
            return _Sense.SOME
        behind = at + first.header + first.length
        if size is not None and behind >= at + size:
            return _Sense.MUCH if behind == at + size else _Sense.NONE
        if behind + 8 > len(data):
            return _Sense.SOME
        second = coding.element(data, behind)
    except (NotAnElement, struct.error):
        return _Sense.NONE
    if first.tag < second.tag <= _LAST and (coding.implicit or second.vr in VRS):
        return _Sense.MUCH
    return _Sense.NONE


@lru_cache(maxsize=32)
def name_of(transfer_syntax: str) -> str:
    """A transfer syntax as people call it."""
    from pydicom.uid import UID

    return str(UID(transfer_syntax).name)


# -- deflated -----------------------------------------------------------------------------------------------------
def _deflated(data: bytes, start: int, transfer_syntax: str, size: int | None, *, strict: bool) -> Head:
    if len(data) <= start:
        return Head()
    inflated = _inflated(data, start)
    if inflated is None:
        actual = guess(data, start, size)
        if actual is None and not strict:
            return Head()
        said = f"encoded as {name_of(actual.transfer_syntax)}" if actual is not None else "not deflated"
        instance = _find(data, start, actual)[1] if actual is not None else None
        raise Mislabelled(f"it is said to be {name_of(transfer_syntax)}, but its data set is {said}", instance)
    if without_file_meta(inflated, 0) != 0:
        raise Mislabelled("its deflated data set begins with file meta information")
    sop_class, instance, is_cut = _find(inflated, 0, EXPLICIT)
    return Head(0, sop_class, instance, is_cut and len(inflated) < _INFLATED)


def _inflated(data: bytes, start: int) -> bytes | None:
    try:
        return zlib.decompressobj(-zlib.MAX_WBITS).decompress(data[start:], _INFLATED)
    except zlib.error:
        return None


def _is_deflated(data: bytes, at: int) -> bool:
    inflated = _inflated(data, at)
    return inflated is not None and len(inflated) >= 8 and _sense(inflated, 0, None, EXPLICIT) is _Sense.MUCH


# -- elements -----------------------------------------------------------------------------------------------------
def without_file_meta(data: bytes, start: int) -> int | None:
    """The bytes that elements of group 0002 take up in front of the data set; None if more than is here.

    They may be encoded as the data set, or as file meta information is, explicit VR little endian.
    """
    at = start
    while (group := data[at : at + 2]) in (b"\2\0", b"\0\2"):
        coding = BIG if group[0] == 0 else EXPLICIT if data[at + 4 : at + 6] in VRS else IMPLICIT
        try:
            element = coding.element(data, at)
        except struct.error:
            return None
        except NotAnElement:
            break
        at += element.header + element.length
        if at > len(data):
            return None
    return at - start


def quick_uids(data: bytes, at: int, coding: Coding | None) -> tuple[bytes, bytes] | None:
    """The SOP class and SOP instance of a data set that begins as nearly all do, as they are; empty for no class.

    None for all others: such as are no explicit or implicit VR little endian, or have a sequence in front of the UIDs.
    """
    if coding is EXPLICIT:
        width = 6
    elif coding is IMPLICIT and data[at + 4 : at + 6] not in VRS:
        width = 4
    else:
        return None
    size, sop_class = len(data), b""
    while at + 8 <= size:
        # Tag and, in explicit VR, the VR; the length is behind that.
        key = data[at : at + width]
        if key in _USUAL:
            element = _USUAL[key]
        elif key[:2] == b"\x08\0" and (width == 4 or key[4:] in SHORT_VRS):
            element = key[2] | key[3] << 8
        else:
            break
        if width == 4 and (data[at + 6] or data[at + 7]):
            break
        value = at + 8
        at = value + (data[at + width] | data[at + width + 1] << 8)
        if element == 0x0018 or element == 0x0016:
            if at > size or at - value > _LONGEST_UID:
                break
            if element == 0x0018:
                return sop_class, data[value:at]
            sop_class = data[value:at]
    return None


def _found(data: bytes, at: int, coding: Coding, skip: int, *, whole: bool) -> Head:
    """The UIDs among any elements, in any coding."""
    sop_class, instance, is_cut = _find(data, at, coding)
    return Head(skip, sop_class, instance, is_cut and not whole)


def _find(data: bytes, at: int, coding: Coding) -> tuple[str, str, bool]:
    """The UIDs among the elements at ``data[at]``, in any coding; and whether the data end before group 0008 does."""
    found = {_SOP_CLASS: "", _SOP_INSTANCE: ""}
    left = 2
    try:
        while left:
            element = coding.element(data, at)
            if element.tag >> 16 > 0x0008 or not element.tag:
                break
            at += element.header
            if element.length == UNDEFINED:
                at = _behind_items(data, at, IMPLICIT if element.vr == b"UN" else coding, 0)
                continue
            if element.tag in found:
                value = data[at : at + element.length]
                if len(value) < element.length:
                    return found[_SOP_CLASS], found[_SOP_INSTANCE], True
                found[element.tag] = text(value)
                left -= 1
            at += element.length
    except struct.error:
        return found[_SOP_CLASS], found[_SOP_INSTANCE], True
    except NotAnElement:
        pass
    return found[_SOP_CLASS], found[_SOP_INSTANCE], False


def _behind_items(data: bytes, at: int, coding: Coding, depth: int) -> int:
    """Where a sequence of undefined length ends whose items begin at ``data[at]``."""
    if depth > _DEEPEST:
        raise NotAnElement("sequences within sequences without an end")
    while True:
        item = coding.item(data, at)
        at += 8
        if item.tag == SEQUENCE_END:
            return at
        if item.tag != ITEM:
            raise NotAnElement("a sequence holds something else than items")
        at = at + item.length if item.length != UNDEFINED else _behind_elements(data, at, coding, depth)


def _behind_elements(data: bytes, at: int, coding: Coding, depth: int) -> int:
    """Where an item of undefined length ends whose elements begin at ``data[at]``."""
    while True:
        element = coding.element(data, at)
        at += element.header
        if element.tag == ITEM_END:
            return at
        if element.length == UNDEFINED:
            at = _behind_items(data, at, IMPLICIT if element.vr == b"UN" else coding, depth + 1)
        else:
            at += element.length


def text(value: bytes) -> str:
    """A UID without its padding; what is no text stays recognisable as none."""
    return value.rstrip(b"\0 ").decode("latin-1").lstrip()
