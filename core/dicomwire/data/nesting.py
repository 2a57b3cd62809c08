"""How deep the sequences of an encoded data set are, and of how many parts it consists, before a decoder sees it that
calls itself for each sequence, and takes its time for each element, item and value."""

from __future__ import annotations

from struct import Struct
from sys import maxsize

from dicomwire.data.encodings import LONG_VRS, PIXEL_DATA, UNDEFINED, VRS
from dicomwire.errors import BrokenDataSet

_HEADERS = Struct(">HHL"), Struct("<HHL")
_LONGS = Struct(">L"), Struct("<L")
_ITEM_TAG = b"\xfe\xff\x00\xe0"
_LEVEL = 16
"""Bytes that a sequence in a sequence takes at least: its header, and that of an item."""

_TEXT = frozenset((b"LO", b"LT", b"PN", b"SH", b"ST", b"UC", b"UT"))
"""VRs whose values may change the character set in between, each time by an escape (PS3.5 6.1.2.5.3)."""

_MASKED = (0x50, 0x60)
"""The groups 50xx and 60xx are in the dictionary as such (PS3.5 7.6)."""

_LISTS = frozenset((b"AE", b"AS", b"CS", b"DA", b"DS", b"DT", b"IS", b"LO", b"PN", b"SH", b"TM", b"UC", b"UI"))
"""VRs of text that have a backslash between two values (PS3.5 6.4)."""


def check_nesting(
    data: memoryview, most: int, *, implicit: bool, little: bool, most_elements: int | None = None
) -> None:
    """See to it that no sequences are more than ``most`` deep in each other, and that there are no more elements, items
    and values than ``most_elements``; nothing else is judged.

    Escapes in text and components of names count as values: they take as long.

    One pass without recursion, which goes into no value that is too short to matter.  Items may be encoded otherwise
    than what they are in, as some writers do it: explicit and implicit VR are told apart by their first element.

    Raises:
        BrokenDataSet: they are.
    """
    end = len(data)
    level, left = _LEVEL, maxsize
    if most_elements is not None and end > most_elements:
        # They are counted, wherever they are.
        level, left = 0, most_elements
    elif end < _LEVEL * most:
        return
    at = depth = 0
    implicit = _is_implicit(data, 0, implicit=implicit)
    in_items = undefined = False
    # Where we are in what is around: its end, and the four above.
    around: list[tuple[int, bool, bool, bool, bool]] = []
    while True:
        if left < 0:
            raise BrokenDataSet(f"a data set with more than {most_elements} elements, items and values")
        if at + 8 > end:
            if not around:
                return
            if not undefined:
                at = end
            depth -= in_items
            end, implicit, little, in_items, undefined = around.pop()
            continue
        group, number, length = _HEADERS[little].unpack_from(data, at)
        left -= 1
        if in_items or group == 0xFFFE:
            at += 8
            if group == 0xFFFE and number == (0xE0DD if in_items else 0xE00D):
                if undefined and around:
                    depth -= in_items
                    end, implicit, little, in_items, undefined = around.pop()
            elif length != UNDEFINED and (not in_items or length < level * (most - depth + 1)):
                at += length
            elif in_items:
                around.append((end, implicit, little, True, undefined))
                implicit = _is_implicit(data, at, implicit=implicit)
                undefined = length == UNDEFINED
                in_items, end = False, end if undefined else min(end, at + length)
            continue
        vr, header = b"", 8
        if not implicit:
            vr = data[at + 4 : at + 6].tobytes()
            if vr in LONG_VRS or vr not in VRS:
                if at + 12 > end:
                    at = end
                    continue
                (length,) = _LONGS[little].unpack_from(data, at + 8)
                header = 12
            else:
                length = (length >> 16) if little else length & 0xFFFF
        at += header
        tag = group << 16 | number
        if length != UNDEFINED and length < level * (most - depth):
            at += length
            continue
        if not level and length > 1:
            left -= _values(vr or _vr_of(tag), data[at : at + length])
        if _is_sequence(tag, vr, length, data[at : at + 4]):
            depth += 1
            if depth > most:
                raise BrokenDataSet(f"a data set with sequences in sequences, more than {most} deep")
            around.append((end, implicit, little, False, undefined))
            if vr == b"UN":
                implicit = little = True
            undefined = length == UNDEFINED
            in_items, end = True, end if undefined else min(end, at + length)
        elif length == UNDEFINED:
            at = _behind_fragments(data, at, little=little)
        else:
            at += length


def _vr_of(tag: int) -> bytes:
    """What the dictionary says, empty for what it does not know."""
    from pydicom.datadict import dictionary_has_tag, dictionary_VR

    # To compare with all masks takes long; of those with sequences there are only curves and overlays.
    if tag >> 16 & 1 or not (dictionary_has_tag(tag) or tag >> 24 in _MASKED):
        return b""
    try:
        return dictionary_VR(tag).encode()
    except KeyError:
        return b""


def _values(vr: bytes, value: memoryview) -> int:
    """How many values a value has beside the first, and what else in it takes as long as one."""
    if vr == b"AT":
        return len(value) // 4
    if vr not in _LISTS and vr not in _TEXT:
        return 0
    text = value.tobytes()
    parts = text.count(b"\\") if vr in _LISTS else 0
    if vr in _TEXT:
        parts += text.count(b"\x1b")
    if vr == b"PN":
        parts += text.count(b"^") + text.count(b"=")
    return parts


def _is_implicit(data: memoryview, at: int, *, implicit: bool) -> bool:
    """What the first element looks like, if there is one."""
    vr = data[at + 4 : at + 6].tobytes()
    return vr not in VRS if len(vr) == 2 else implicit


def _is_sequence(tag: int, vr: bytes, length: int, ahead: memoryview) -> bool:
    if vr == b"SQ":
        return True
    if vr not in (b"", b"UN") or tag == PIXEL_DATA:
        return False
    if length == UNDEFINED or ahead == _ITEM_TAG:
        return True
    return _vr_of(tag) == b"SQ"


def _behind_fragments(data: memoryview, at: int, *, little: bool) -> int:
    """Where encapsulated pixel data end (PS3.5 A.4)."""
    end = len(data)
    while at + 8 <= end:
        group, number, length = _HEADERS[little].unpack_from(data, at)
        at += 8
        if group != 0xFFFE or number == 0xE0DD or length == UNDEFINED:
            break
        at += length
    return at
