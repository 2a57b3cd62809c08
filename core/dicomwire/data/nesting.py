"""How deep the sequences of an encoded data set are, and how many elements it has, before a decoder sees it that calls
itself for each sequence, and takes its time for each element."""

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

_SMALLEST = 8
"""Bytes of an element without a value."""


def check_nesting(
    data: memoryview, most: int, *, implicit: bool, little: bool, most_elements: int | None = None
) -> None:
    """See to it that no sequences are more than ``most`` deep in each other, and that there are no more elements and
    items than ``most_elements``; nothing else is judged.

    One pass without recursion, which goes into no value that is too short to matter.  Items may be encoded otherwise
    than what they are in, as some writers do it: explicit and implicit VR are told apart by their first element.

    Raises:
        BrokenDataSet: they are.
    """
    end = len(data)
    level, left = _LEVEL, maxsize
    if most_elements is not None and end > _SMALLEST * most_elements:
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
        if left < 0:
            raise BrokenDataSet(f"a data set with more than {most_elements} elements and items")
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
        elif _is_sequence(tag, vr, length, data[at : at + 4]):
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
    from pydicom.datadict import dictionary_VR

    try:
        return dictionary_VR(tag) == "SQ"
    except KeyError:
        return False


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
