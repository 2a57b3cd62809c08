"""Two DICOM files, element by element."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from io import BytesIO
from typing import TypeAlias, cast

from attrs import field, frozen
from pydicom import config, dcmread
from pydicom.datadict import dictionary_VR, private_dictionary_VR
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset, FileDataset
from pydicom.filebase import DicomBytesIO
from pydicom.filereader import _read_file_meta_info, read_preamble
from pydicom.filewriter import write_data_element
from pydicom.sequence import Sequence
from pydicom.tag import BaseTag

Item: TypeAlias = "dict[int, Element]"

_TEXT = {"AE", "AS", "CS", "DA", "DS", "DT", "IS", "LO", "LT", "PN", "SH", "ST", "TM", "UC", "UI", "UR", "UT"}
_SIZES = {"AT": 2, "OW": 2, "SS": 2, "US": 2, "FL": 4, "OF": 4, "OL": 4, "SL": 4, "UL": 4}
_SIZES |= dict.fromkeys(("FD", "OD", "OV", "SV", "UV"), 8)
_TRAILING_PADDING = 0xFFFCFFFC
_LONGEST_SHOWN = 24
"""Bytes of a value in a difference."""


@frozen
class Element:
    """An element as it says the same in every encoding: a value in little endian without padding, or items."""

    vr: str
    """As stated, or as the dictionary has it; UN where nobody knows."""

    value: bytes
    items: tuple[Item, ...] | None = None
    """Of a sequence."""

    is_stated: bool = field(default=True, eq=False)
    """Whether the VR is in the file."""


@frozen
class Contents:
    """What a DICOM file holds."""

    sop_class_uid: str
    """Of the data set, as are the following; "" if it has none."""

    sop_instance_uid: str
    meta: dict[str, str]
    """The UIDs that the file meta information states, by keyword."""

    elements: Item


@frozen
class Comparison:
    """How a file that arrived differs from the one that was sent."""

    differences: list[str] = field(factory=list)
    tolerated: list[str] = field(factory=list)
    """What must differ between encodings, or may: each as a kind and a tag."""


@contextmanager
def tolerant() -> Iterator[None]:
    """Real files have odd values: pydicom takes them as they are, and says nothing."""
    settings = config.settings
    before = settings.reading_validation_mode, settings.writing_validation_mode
    settings.reading_validation_mode = settings.writing_validation_mode = config.IGNORE
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        settings.reading_validation_mode, settings.writing_validation_mode = before


@lru_cache(maxsize=8)
def read(data: bytes) -> Contents:
    """The contents of a DICOM file, given as its bytes; may raise whatever pydicom does."""
    with tolerant():
        dataset = dcmread(BytesIO(data), force=True)
        meta = {element.keyword: str(element.value or "").strip("\0 ") for element in dataset.file_meta}
        return Contents(_uid(dataset, 0x00080016), _uid(dataset, 0x00080018), meta, _item(dataset))


def _uid(dataset: FileDataset, tag: int) -> str:
    value = dataset.get_item(tag)
    raw = value.value if value is not None else b""
    return (raw.decode("latin-1") if isinstance(raw, bytes) else str(raw or "")).strip("\0 ")


def _item(dataset: Dataset) -> Item:
    implicit, little = dataset.original_encoding
    return {
        int(tag): _element(dataset, tag, big=little is False, explicit=not implicit)
        for tag in dataset._dict
        if not _is_housekeeping(int(tag))
    }


def _is_housekeeping(tag: int) -> bool:
    """Group lengths and padding say nothing of the instance; groups 0 and 2 are not of the data set."""
    return tag & 0xFFFF == 0 or tag == _TRAILING_PADDING or tag >> 16 < 4


def _element(dataset: Dataset, tag: BaseTag, *, big: bool, explicit: bool) -> Element:
    raw = dataset.get_item(tag)
    assert raw is not None
    vr = _vr(dataset, tag, raw.VR)
    if vr == "SQ" or isinstance(raw.value, Sequence):
        try:
            items = dataset[tag].value
            return Element("SQ", b"", tuple(_item(item) for item in items))
        except Exception:
            vr = "UN"
    if isinstance(raw, RawDataElement):
        value = cast("bytes", raw.value or b"")
        if big and (size := _SIZES.get(vr)):
            whole = len(value) // size * size
            value = b"".join(value[start : start + size][::-1] for start in range(0, whole, size)) + value[whole:]
    else:
        # pydicom decodes a few while it reads.
        value = _encoded(raw)
    value = value.rstrip(b"\0 ") if vr in _TEXT else value + b"\0" * (len(value) & 1)
    return Element(vr, value, is_stated=explicit and vr == raw.VR)


def _encoded(element: DataElement) -> bytes:
    """The value in implicit VR little endian."""
    buffer = DicomBytesIO()
    buffer.is_implicit_VR = buffer.is_little_endian = True
    write_data_element(buffer, element)
    return bytes(buffer.getvalue()[8:])


def _vr(dataset: Dataset, tag: BaseTag, stated: str | None) -> str:
    """The VR of an element, from the dictionaries where it does not state a known one."""
    if stated and stated != "UN" and " or " not in stated:
        return stated
    try:
        if tag.is_private:
            creator = dataset.private_creator(tag) if hasattr(dataset, "private_creator") else _creator(dataset, tag)
            vr = private_dictionary_VR(tag, creator) if creator else "UN"
        else:
            vr = dictionary_VR(tag)
    except KeyError:
        return "UN"
    # Of two or three words long are all that the dictionary leaves open.
    return "OW" if "OW" in vr else "US" if " or " in vr else vr


def _creator(dataset: Dataset, tag: BaseTag) -> str:
    if tag.element < 0x1000:
        return "LO"
    found = dataset.get((tag.group << 16) + (tag.element >> 8))
    return str(found.value) if found is not None else ""


def compare(sent: Contents, arrived: Contents) -> Comparison:
    """Every element of both, at every depth."""
    comparison = Comparison()
    for kind, text in _compare(sent.elements, arrived.elements, ""):
        (comparison.tolerated if kind else comparison.differences).append(f"{kind} {text}" if kind else text)
    return comparison


def _compare(sent: Item, arrived: Item, where: str) -> Iterator[tuple[str, str]]:
    """Differences; with the name of a kind if it is tolerated, else with an empty one."""
    for tag in sorted(sent.keys() | arrived.keys()):
        name = f"{where}({tag >> 16:04X},{tag & 0xFFFF:04X})"
        one, other = sent.get(tag), arrived.get(tag)
        if one is None or other is None:
            yield "", f"{name} {'added' if one is None else 'lost'}"
        elif one.items is not None and other.items is not None:
            if len(one.items) != len(other.items):
                yield "", f"{name} has {len(other.items)} items, had {len(one.items)}"
            for number, pair in enumerate(zip(one.items, other.items, strict=False), 1):
                yield from _compare(*pair, f"{name}[{number}]")
        elif one.items is not None or other.items is not None:
            # A private sequence of known length is opaque in implicit VR, and as UN.
            yield ("opaque" if "UN" in (one.vr, other.vr) else ""), f"{name} is {other.vr}, was {one.vr}"
        elif one != other:
            yield from _compare_values(one, other, name)


def _compare_values(one: Element, other: Element, name: str) -> Iterator[tuple[str, str]]:
    if _bare(one) != _bare(other):
        yield "", f"{name} {one.vr} was {_shown(one.value)}, is {other.vr} {_shown(other.value)}"
    elif one.vr != other.vr:
        # Implicit VR does not say it; UN is for what the converting side does not know (PS3.5 6.2.2).
        is_changed = one.is_stated and other.is_stated and not {one.vr, other.vr} <= _OPEN
        yield ("", f"{name} is {other.vr}, was {one.vr}") if is_changed else ("VR", name)


_OPEN = {"OB", "OW", "SS", "US"}
"""VRs between which the dictionary leaves the choice."""


def _bare(element: Element) -> bytes:
    return element.value.rstrip(b"\0 ") if len(element.value) < 1 << 16 else element.value


def _shown(value: bytes) -> str:
    shown = repr(value[:_LONGEST_SHOWN])[1:]
    return f"{shown}... of {len(value)} bytes" if len(value) > _LONGEST_SHOWN else shown


def data_set_bytes(data: bytes) -> bytes:
    """What follows the file meta information in the bytes of a file."""
    with BytesIO(data) as file, tolerant():
        read_preamble(file, force=True)
        _read_file_meta_info(file)
        return file.read()


def is_identical(sent: bytes, arrived: bytes) -> bool:
    """Whether the data set of a file is the last bytes of what was sent, but for a NUL that makes it even."""
    data = data_set_bytes(arrived)
    return len(data) > 0 and (sent.endswith(data) or (data[-1] == 0 and sent.endswith(data[:-1])))
