"""Elements of a data set by keyword path: ``PatientName=Doe*``, ``0008,0052=STUDY``, ``ASequence[0].Modality=CT``."""

from __future__ import annotations

import re

from attrs import frozen
from pydicom import config
from pydicom.datadict import (
    dictionary_VR,
    keyword_for_tag,
    private_dictionary_VR,
    repeater_has_keyword,
    repeater_has_tag,
    tag_for_keyword,
)
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.tag import Tag

from dicomwire.data.character_sets import TEXT
from dicomwire.data.text_values import joined

MOST_ITEMS = 1000
"""An index creates the items up to it; nobody queries with so many."""

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9]*")
_TAG = re.compile(r"\(([0-9A-Fa-f]{4}),([0-9A-Fa-f]{4})\)|([0-9A-Fa-f]{4}),([0-9A-Fa-f]{4})")
_COMPONENT = re.compile(r"([^\[\]]*)(?:\[([^\[\]]*)\])?")

_INTEGERS = {
    "SS": (-(2**15), 2**15 - 1),
    "US": (0, 2**16 - 1),
    "SL": (-(2**31), 2**31 - 1),
    "UL": (0, 2**32 - 1),
    "SV": (-(2**63), 2**63 - 1),
    "UV": (0, 2**64 - 1),
}
_FLOATS = ("FL", "FD")
_BYTES = ("OB", "OD", "OF", "OL", "OV", "OW", "UN")

# What the dictionary leaves open depends on elements that no query has (PS3.5 A.2 and PS3.6).
_CHOICES = {"US or SS": "US", "US or OW": "US", "US or SS or OW": "US", "OB or OW": "OW"}
_SIGNED = ("US or SS", "US or SS or OW")

_FIRST_GROUP = 0x0008
"""Groups below belong to commands, file meta information and directories (PS3.7, PS3.10)."""


@frozen
class Step:
    """One component of a path."""

    text: str
    tag: int
    index: int | None


def set_key(data_set: Dataset, key: str) -> None:
    """Add the element that ``key``, ``path=value``, names, or replace it; without ``=`` it is empty.

    Missing sequences and items on the way to it are made.  Between components an index may be left out for item 0.

    Raises:
        ValueError: there is no such element, or it cannot have such a value.
    """
    path, _, value = key.partition("=")
    *parents, last = [_step(component) for component in path.strip().split(".")]
    for step in parents:
        data_set = _item(data_set, step)
    _set(data_set, last, value)


def _step(component: str) -> Step:
    found = _COMPONENT.fullmatch(component)
    if found is None:
        raise ValueError(f"{component!r} is no element: brackets hold an index, as in [0]")
    name, index = found.groups()
    return Step(component, _tag(name), None if index is None else _index(index))


def _tag(name: str) -> int:
    if found := _TAG.fullmatch(name):
        group, element = (int(part, 16) for part in found.groups() if part is not None)
        if group < _FIRST_GROUP or group >= 0xFFFE:
            raise ValueError(f"{name!r}: group {group:04X} has no place in a query")
        return group << 16 | element
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} is neither a keyword nor a tag such as 0010,0020")
    tag = tag_for_keyword(name)
    if tag is None:
        if repeater_has_keyword(name):
            raise ValueError(f"{name} is an element of repeating groups: name it by its tag")
        raise ValueError(f"there is no keyword {name}")
    if tag >> 16 < _FIRST_GROUP or tag >> 16 >= 0xFFFE:
        raise ValueError(f"{name} has no place in a query")
    return tag


def _index(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or int(text) >= MOST_ITEMS:
        raise ValueError(f"[{text}] is no index: items are numbered from 0 to {MOST_ITEMS - 1}")
    return int(text)


def vr_of(data_set: Dataset, tag: int, value: str = "") -> str:
    """The VR of an element of ``data_set`` with such a value.

    Those of private elements are known if their creator is there already.

    Raises:
        ValueError: the dictionary has no such element.
    """
    if tag >> 16 & 1:
        vr = _private_vr(data_set, tag)
    else:
        try:
            vr = dictionary_VR(tag)
        except KeyError:
            raise ValueError(f"there is no element {_shown(tag)}") from None
    if vr in _SIGNED and "-" in value:
        return "SS"
    return _CHOICES.get(vr, vr)


def _shown(tag: int) -> str:
    return f"({tag >> 16:04X},{tag & 0xFFFF:04X})"


def _private_vr(data_set: Dataset, tag: int) -> str:
    """By the private creator of the block (PS3.5 7.8.1); UN if nobody knows."""
    block = tag >> 8 & 0xFF
    if 0x10 <= tag & 0xFFFF <= 0xFF:
        return "LO"
    if block < 0x10:
        raise ValueError(f"{_shown(tag)} is in no private block")
    if (tag >> 16, block) not in data_set:
        return "UN"
    try:
        return private_dictionary_VR(tag, joined(data_set[tag >> 16, block].value))
    except KeyError:
        return "UN"


def _item(data_set: Dataset, step: Step) -> Dataset:
    """The item of a sequence that the path goes through."""
    if vr_of(data_set, step.tag) != "SQ":
        raise ValueError(f"{step.text} is no sequence")
    items = _items(data_set, step, (step.index or 0) + 1)
    return items[step.index or 0]


def _items(data_set: Dataset, step: Step, count: int) -> Sequence:
    """The sequence at ``step``, with at least so many items."""
    if step.tag not in data_set:
        data_set[step.tag] = DataElement(step.tag, "SQ", Sequence())
    items: Sequence = data_set[step.tag].value
    while len(items) < count:
        items.append(Dataset())
    return items


def _set(data_set: Dataset, step: Step, value: str) -> None:
    vr = vr_of(data_set, step.tag, value)
    if vr == "SQ":
        if value:
            raise ValueError(f"{step.text} is a sequence: values belong to elements of its items")
        if step.index is None:
            data_set[step.tag] = DataElement(step.tag, "SQ", Sequence())
        else:
            _items(data_set, step, step.index + 1)[step.index] = Dataset()
        return
    if step.index is not None:
        raise ValueError(f"{step.text} is no sequence")
    try:
        # Wildcards and ranges are no values of their VR, and what is too long for a peer is the peer's business.
        data_set[step.tag] = DataElement(step.tag, vr, _value(vr, value), validation_mode=config.IGNORE)
    except (ValueError, OverflowError) as error:
        raise ValueError(f"{value!r} is no value of {step.text}, whose VR is {vr}: {error}") from error


def _value(vr: str, text: str) -> object:
    if not text:
        return None
    if vr in _BYTES:
        return _bytes(text)
    if vr in _INTEGERS:
        return _single([_integer(vr, part) for part in text.split("\\")])
    if vr in _FLOATS:
        return _single([float(part) for part in text.split("\\")])
    if vr == "AT":
        return _single([Tag(_attribute(part)) for part in text.split("\\")])
    if vr not in TEXT and not text.isascii():
        raise ValueError("it takes ASCII only")
    return text


def _single(values: list[object]) -> object:
    return values[0] if len(values) == 1 else values


def _integer(vr: str, text: str) -> int:
    number = int(text)
    least, most = _INTEGERS[vr]
    if not least <= number <= most:
        raise ValueError(f"it is not from {least} to {most}")
    return number


def _bytes(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        raise ValueError("it takes pairs of hexadecimal digits") from None


def _attribute(text: str) -> int:
    """A tag as a value: as in a path, but of any group."""
    if found := _TAG.fullmatch(text):
        group, element = (int(part, 16) for part in found.groups() if part is not None)
        return group << 16 | element
    return _tag(text)


def name_of(tag: int) -> str:
    """The keyword of an element, or its tag where that says more: private and repeating groups have none."""
    keyword = "" if repeater_has_tag(tag) else keyword_for_tag(tag)
    return keyword or _shown(tag)
