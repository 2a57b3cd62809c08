"""A data set is what pydicom makes of it, where we decode or encode it ourselves; and broken ones have one error."""

from __future__ import annotations

from collections.abc import Iterable
from io import BytesIO
from typing import Any

from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filereader import read_dataset
from pydicom.filewriter import write_dataset
from pydicom.tag import BaseTag

from dicomwire.data.data_sets import decode_data_set_later
from dicomwire.data.encodings import VRS
from dicomwire.data.plain_data_sets import decode_plain, decode_plain_later, encode_plain
from dicomwire.data.pydicom_private import elements_of
from dicomwire.dsutils import decode, encode_dataset
from dicomwire.errors import BrokenDataSet
from fuzz.corpus import fragments
from tests.support.tolerant import tolerant

STEERING = 1
"""How it is encoded."""

CHARACTER_SET = BaseTag(0x00080005)
SYNTAXES = (
    ("1.2.840.10008.1.2", True, True),
    ("1.2.840.10008.1.2.1", False, True),
    ("1.2.840.10008.1.2.2", False, False),
)


def one_input(data: bytes) -> None:
    if len(data) < STEERING:
        return
    syntax, implicit, little = SYNTAXES[data[0] % len(SYNTAXES)]
    data = data[STEERING:]
    with tolerant():
        if little:
            _as_pydicom(data, implicit)
        decoded = _decoded(data, implicit, little)
        _later(data, syntax, decoded)
        if decoded is not None:
            _written(decoded, implicit, little)


def _as_pydicom(data: bytes, implicit: bool) -> None:
    ours, later = decode_plain(data, implicit=implicit), decode_plain_later(data, implicit=implicit)
    assert (ours is None) is (later is None)
    if ours is None or later is None:
        return
    try:
        theirs = read_dataset(BytesIO(data), implicit, True)
    except ValueError:
        # A character set that pydicom cannot even look up, for a NUL in it, is one that nobody knows for us.
        assert CHARACTER_SET in elements_of(ours)
        return
    assert elements_of(ours) == elements_of(theirs)
    assert ours.original_encoding == theirs.original_encoding
    assert ours.original_character_set == theirs.original_character_set
    assert _other_state(ours) == _other_state(theirs)
    assert later.keys() == theirs.keys()
    again = encode_plain(ours, implicit=implicit)
    assert again is None or again == _written_by_pydicom(theirs, implicit)
    # Some of its values are ready, and the others are made now.
    assert _opened(later) == _opened(theirs)


def _opened(dataset: Dataset) -> list[tuple[Any, ...]]:
    """Each element as whoever uses it has it, or what it raises."""
    opened: list[tuple[Any, ...]] = []
    for tag in list(dataset.keys()):
        try:
            element = dataset[tag]
        except Exception as error:
            opened.append((tag, type(error)))
        else:
            # Values that are not equal to themselves look the same.
            opened.append((tag, element.VR, type(element.value), repr(element.value)))
    return opened


def _other_state(dataset: Dataset) -> dict[str, Any]:
    return {name: value for name, value in vars(dataset).items() if value is not elements_of(dataset)}


def _written_by_pydicom(dataset: Dataset, implicit: bool) -> bytes:
    buffer = DicomBytesIO()
    buffer.is_implicit_VR, buffer.is_little_endian = implicit, True
    write_dataset(buffer, dataset)
    return bytes(buffer.getvalue())


def _decoded(data: bytes, implicit: bool, little: bool) -> Dataset | None:
    try:
        return decode(data, implicit, little)
    except BrokenDataSet:
        return None


def _later(data: bytes, syntax: str, expected: Dataset | None) -> None:
    """What is decoded when it is looked at is as broken as what is decoded at once, and has the same elements."""
    try:
        later = decode_data_set_later(data, syntax)
    except BrokenDataSet:
        assert expected is None
        return
    assert expected is not None
    assert later.keys() == expected.keys()


def _written(dataset: Dataset, implicit: bool, little: bool) -> None:
    """What was decoded can be encoded, or a ValueError says why not; and what was encoded has the same elements."""
    try:
        encoded = encode_dataset(dataset, implicit, little)
    except ValueError:
        return
    if not all(element.VR is None or element.VR.encode("latin-1") in VRS for element in elements_of(dataset).values()):
        # What is no VR of the standard may be taken for something else.
        return
    again = decode(encoded, implicit, little)
    # Retired group lengths are not written (PS3.5 7.2).
    kept = [tag for tag in list(dataset.keys()) if tag & 0xFFFF or tag <= 0x0006FFFF]
    assert sorted(again.keys()) == sorted(kept)


def seeds() -> Iterable[bytes]:
    for number in range(len(SYNTAXES)):
        yield from (bytes((number,)) + data for data in fragments(command=False))
    yield from (b"\0" + data for data in fragments(command=True))
    nested = bytes.fromhex("4000 0001 5351 0000 ffffffff feff 00e0 ffffffff 0800 6000 4353 0200 4354") + bytes.fromhex(
        "feff 0de0 00000000 feff dde0 00000000"
    )
    yield b"\1" + nested
    yield b"\0" + bytes.fromhex("0800 6000 02000000 4354 1000 1000 08000000 446f655e4a616e65 2800 1000 02000000 0002")
    yield (
        b"\1"
        + bytes.fromhex("0800 0500 4353 0a00")
        + b"ISO_IR 192"
        + bytes.fromhex("1000 1000 504e 0400")
        + b"D\xc3\xa9\x20"
    )
    yield b"\2" + bytes.fromhex("0008 0060 4353 0002 4354 0028 0010 5553 0002 0200")
