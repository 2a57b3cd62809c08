"""Small data sets of simple elements, such as identifiers of queries: encoded and decoded without pydicom's machinery.

What comes out is what pydicom would make, to the byte and to the element; whatever is not plain is left to it.  One
identifier costs pydicom 60 to 250 microseconds, which is more than everything else that is done for a match.
"""

from __future__ import annotations

from functools import lru_cache
from struct import Struct, error as StructError
from typing import Any, TypeAlias

from pydicom.charset import convert_encodings, default_encoding
from pydicom.dataelem import DataElement, RawDataElement, convert_raw_data_element, empty_value_for_VR
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.tag import BaseTag
from pydicom.uid import UID
from pydicom.valuerep import PersonName

from dicomwire.data.character_sets import CHARACTER_SET, encodings_read_in, is_read_with, is_usable, stated_in
from dicomwire.data.lazy_data_sets import LazyDataset
from dicomwire.data.pydicom_private import elements_of, new_dataset
from dicomwire.data.ready_elements import ready_elements
from dicomwire.upper_layer.connection import Buffer

_LONGEST = 1 << 16
"""Bytes of a data set; larger ones hold pixel data or sequences, and are worth pydicom's time."""

_EXPLICIT = Struct("<HH2sH")
_EXPLICIT_LONG = Struct("<HH2sHL")
_IMPLICIT = Struct("<HHL")
_LONG = Struct("<L")

_CHARACTER_SET_TAG = b"\x08\x00\x05\x00"

# How values are written, and what pads them to an even length.
_STRINGS: dict[str, str] = dict.fromkeys(
    ("AE", "AS", "CS", "DA", "DT", "LO", "LT", "SH", "ST", "TM", "UC", "UR", "UT"), " "
)
_STRINGS["UI"] = "\0"
_NUMBER_STRINGS = ("DS", "IS")
_INTEGERS = {"US": Struct("<H"), "SS": Struct("<h"), "UL": Struct("<L"), "SL": Struct("<l")}

_LONG_VRS = frozenset(("UC", "UR", "UT"))
"""Of those above: what has a length of four bytes."""

_READ_SHORT = {
    vr.encode(): vr
    for vr in ("AE", "AS", "AT", "CS", "DA", "DS", "DT", "FD", "FL", "IS", "LO", "LT", "PN", "SH", "SL", "SS", "ST",
               "TM", "UI", "UL", "US")
}  # fmt: skip
_READ = frozenset(_READ_SHORT.values()) | _LONG_VRS
_READ_LONG = {vr.encode(): vr for vr in ("OB", "OD", "OF", "OL", "OV", "OW", "SV", "UC", "UN", "UR", "UT", "UV")}


# -- encoding -------------------------------------------------------------------------------------------------------
def encode_plain(dataset: Dataset, *, implicit: bool) -> bytes | None:
    """The little endian bytes of a data set whose elements all are plain; None if they are not."""
    parts: list[bytes] = []
    are_raw_usable: bool | None = None
    elements = elements_of(dataset)
    # As numbers: pydicom's tags compare themselves in Python.
    for tag in sorted(elements, key=int):
        element = elements[tag]
        vr = element.VR
        if type(element) is DataElement:
            raw = plain_value(element.VR, element.value)
        else:
            if are_raw_usable is None:
                are_raw_usable = _is_as_read(dataset, implicit)
            raw = element.value or b"" if are_raw_usable and vr in _READ else None
        if raw is None or vr is None or len(raw) & 1:
            return None
        if not tag & 0xFFFF and tag > 0x0006FFFF:
            # Retired group lengths are not written (PS3.5 7.2).
            continue
        length = len(raw)
        group, number = tag >> 16, tag & 0xFFFF
        if implicit:
            parts.append(_IMPLICIT.pack(group, number, length))
        elif vr in _LONG_VRS:
            parts.append(_EXPLICIT_LONG.pack(group, number, vr.encode(), 0, length))
        elif length <= 0xFFFF:
            parts.append(_EXPLICIT.pack(group, number, vr.encode(), length))
        else:
            return None
        parts.append(raw)
    return b"".join(parts)


def _is_as_read(dataset: Dataset, implicit: bool) -> bool:
    """The elements that nobody has looked at can be written as they were read."""
    if dataset.original_encoding != (implicit, True):
        return False
    read_in = encodings_read_in(dataset)
    return bool(read_in) and is_read_with(read_in, stated_in(dataset))


def plain_value(vr: str, value: Any) -> bytes | None:
    """A value in ASCII as it is written; None if that takes more thought."""
    if type(value) is str and vr in _STRINGS and value.isascii():
        # As most are.
        return (value + _STRINGS[vr] if len(value) & 1 else value).encode("ascii")
    if value is None:
        return b"" if vr in _STRINGS or vr in _NUMBER_STRINGS or vr == "PN" or vr in _INTEGERS else None
    values: Any = value if type(value) is MultiValue else (value,)
    padding = _STRINGS.get(vr, " ")
    if vr in _STRINGS:
        if not all(type(item) is str or type(item) is UID for item in values):
            return None
    elif vr == "PN":
        if not all(type(item) is PersonName for item in values):
            return None
        values = [str(item) for item in values]
        if any("=" in item for item in values):
            return None
    elif vr in _NUMBER_STRINGS:
        values = [str(getattr(item, "original_string", item)) for item in values]
    else:
        return _integers(vr, values)
    text = values[0] if len(values) == 1 else "\\".join(values)
    if not text.isascii():
        return None
    return (text + padding if len(text) & 1 else text).encode("ascii")


def _integers(vr: str, values: Any) -> bytes | None:
    number = _INTEGERS.get(vr)
    if number is None or not all(type(item) is int for item in values):
        return None
    try:
        return b"".join([number.pack(item) for item in values])
    except StructError:
        return None


# -- decoding -------------------------------------------------------------------------------------------------------
_Spans: TypeAlias = list[tuple[int, str | None, int, int]]
"""Tag, VR if it is there, begin and end of each value."""


def decode_plain(data: Buffer, *, implicit: bool) -> Dataset | None:
    """The data set in little endian bytes, its values to be decoded when they are used; None if it is not plain."""
    found = _looked_through(data, implicit=implicit)
    return None if found is None else _made(*found, implicit=implicit)


def decode_plain_later(data: Buffer, *, implicit: bool) -> Dataset | None:
    """As :func:`decode_plain`, but only what can be wrong with the bytes is looked at now."""
    found = _looked_through(data, implicit=implicit)
    if found is None:
        return None
    short, spans = found
    if _CHARACTER_SET_TAG in short:
        for tag, _, start, stop in spans:
            if tag == CHARACTER_SET:
                _python_encodings(short[start:stop] or None, implicit)
    return _Undecoded.of((short, implicit))


def _looked_through(data: Buffer, *, implicit: bool) -> tuple[bytes, _Spans] | None:
    """The bytes and what they consist of; a long data set is not even copied."""
    if len(data) > _LONGEST:
        return None
    short = bytes(data)
    spans = _spans(short, implicit=implicit)
    return None if spans is None else (short, spans)


class _Undecoded(LazyDataset):
    """The bytes of a plain data set, and whether they are implicit VR."""

    @staticmethod
    def make(pending: tuple[bytes, bool]) -> Dataset:
        data, implicit = pending
        return _made(data, _spans(data, implicit=implicit) or [], implicit=implicit, is_looked_at=True)


def _spans(data: bytes, *, implicit: bool) -> _Spans | None:
    """What a data set consists of; None if it is not plain."""
    end = len(data)
    spans: _Spans = []
    offset = 0
    while offset < end:
        if end - offset < 8:
            return None
        start = offset + 8
        if implicit:
            group, number, length = _IMPLICIT.unpack_from(data, offset)
            vr = None
            if not offset and b"AA" <= data[4:6] <= b"ZZ":
                # It may well be explicit.
                return None
        else:
            group, number, code, length = _EXPLICIT.unpack_from(data, offset)
            vr = _READ_SHORT.get(code)
            if vr is None:
                vr = _READ_LONG.get(code)
                if vr is None or end - offset < 12:
                    return None
                (length,) = _LONG.unpack_from(data, start)
                start += 4
                if vr == "UN" and not group & 1:
                    # It may be known, or its value too long for its VR.
                    return None
        offset = start + length
        if offset > end or group == 0xFFFE:
            return None
        spans.append((group << 16 | number, vr, start, offset))
    return spans


def _made(data: bytes, spans: _Spans, *, implicit: bool, is_looked_at: bool = False) -> Dataset:
    """The data set; if somebody looks at it now, its plain text is made ready."""
    encodings: str | list[str] = default_encoding
    for number, _, start, stop in spans:
        if number == CHARACTER_SET:
            encodings = _encodings(data[start:stop] or None, implicit)
    ready = ready_elements(encodings) if is_looked_at else None
    elements: dict[Any, Any] = {}
    for number, vr, start, stop in spans:
        tag = BaseTag(number)
        value: Any = data[start:stop] if start < stop else empty_value_for_VR(vr, raw=True)
        element: Any = ready.element(tag, vr, value, start) if ready is not None and value else None
        if element is None:
            element = RawDataElement(tag, vr, stop - start, value, start, implicit, True)
        elements[tag] = element
    return new_dataset(elements, (implicit, True, encodings))


def _encodings(raw: bytes | None, implicit: bool) -> str | list[str]:
    found = _python_encodings(raw, implicit)
    return found if isinstance(found, str) else list(found)


@lru_cache(maxsize=64)
def _python_encodings(raw: bytes | None, implicit: bool) -> str | tuple[str, ...]:
    length = len(raw or b"")
    element = RawDataElement(BaseTag(CHARACTER_SET), None if implicit else "CS", length, raw, 0, implicit, True)
    try:
        found = convert_encodings(convert_raw_data_element(element).value)
    except ValueError:
        # A name that is not even looked up.
        found = []
    # Some codecs of Python's decode no text, and would raise when values are used.
    return tuple(found) if found and all(map(is_usable, found)) else default_encoding
