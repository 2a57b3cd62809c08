"""Sequences in sequences: where they are told to be too deep, before anybody who calls himself for each sees them."""

from __future__ import annotations

import struct
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import Any

import pytest
from hypothesis import given, strategies as st
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian

from dicomwire import BrokenDataSet, Limits
from dicomwire.data.data_sets import decode_data_set_later
from dicomwire.data.nesting import check_nesting
from dicomwire.data.reading_files import read_instance
from dicomwire.dsutils import decode, encode_dataset

UNDEFINED = 0xFFFFFFFF
SEQUENCE = 0x0040, 0xA730
"""Content Sequence."""

PRIVATE = 0x0041, 0x1010
IMPLICIT = "1.2.840.10008.1.2"


def element(tag: tuple[int, int], vr: bytes, value: bytes, *, little: bool = True, length: int | None = None) -> bytes:
    order, size = "<" if little else ">", len(value) if length is None else length
    if not vr:
        return struct.pack(f"{order}HHL", *tag, size) + value
    return struct.pack(f"{order}HH2sHL", *tag, vr, 0, size) + value


def item(value: bytes, *, little: bool = True, is_open: bool = False) -> bytes:
    order = "<" if little else ">"
    if is_open:
        head, end = struct.pack(f"{order}HHL", 0xFFFE, 0xE000, UNDEFINED), struct.pack(f"{order}HHL", 0xFFFE, 0xE00D, 0)
        return head + value + end
    return struct.pack(f"{order}HHL", 0xFFFE, 0xE000, len(value)) + value


def closed(value: bytes, vr: bytes, little: bool, tag: tuple[int, int] = SEQUENCE) -> bytes:
    return element(tag, vr, item(value, little=little), little=little)


def opened(value: bytes, vr: bytes, little: bool, tag: tuple[int, int] = SEQUENCE) -> bytes:
    end = struct.pack("<HHL" if little else ">HHL", 0xFFFE, 0xE0DD, 0)
    return element(tag, vr, item(value, little=little, is_open=True) + end, little=little, length=UNDEFINED)


def mixed(value: bytes, vr: bytes, little: bool, tag: tuple[int, int] = SEQUENCE) -> bytes:
    return element(tag, vr, item(value, little=little, is_open=True), little=little)


WAYS = [closed, opened, mixed]


def nested(
    depth: int, way: Callable[..., bytes] = closed, *, vr: bytes = b"SQ", little: bool = True, **more: Any
) -> bytes:
    data = b""
    for _ in range(depth):
        data = way(data, vr, little, **more)
    return data


def check(data: bytes, most: int, *, implicit: bool = False, little: bool = True) -> None:
    check_nesting(memoryview(data), most, implicit=implicit, little=little)


@pytest.mark.parametrize("most", [1, 2, 5, 64])
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("vr", "little"), [(b"SQ", True), (b"SQ", False), (b"", True)])
def test_as_deep_as_is_allowed_and_no_deeper(way: Any, most: int, vr: bytes, little: bool) -> None:
    check(nested(most, way, vr=vr, little=little), most, implicit=not vr, little=little)
    with pytest.raises(BrokenDataSet, match=f"more than {most} deep"):
        check(nested(most + 1, way, vr=vr, little=little), most, implicit=not vr, little=little)


@pytest.mark.parametrize("before", [b"", item(b""), item(element(SEQUENCE, b"SQ", b""))])
@pytest.mark.parametrize("way", WAYS)
def test_in_whichever_item_it_is(before: bytes, way: Any) -> None:
    deep = nested(5, way)
    data = element(SEQUENCE, b"SQ", before + item(deep) + before)
    for around in (b"", nested(6, opened)):
        check(around + data, 6)
        with pytest.raises(BrokenDataSet):
            check(around + data, 5)


def test_what_is_wide_is_not_deep() -> None:
    for way in WAYS:
        check(nested(3, way) * 1000, 3)
        check(element(SEQUENCE, b"SQ", item(nested(2, way)) * 1000), 3)


def test_unknown_sequences_are_implicit_inside() -> None:
    inner = nested(4, vr=b"")
    for unknown in (
        element(PRIVATE, b"UN", item(inner)),
        element(SEQUENCE, b"UN", item(inner)),
        opened(inner, b"UN", True, PRIVATE),
    ):
        check(unknown, 5)
        with pytest.raises(BrokenDataSet):
            check(unknown, 4)


def test_items_may_be_encoded_otherwise() -> None:
    inner = element((0x0008, 0x0005), b"", b"") + nested(4, vr=b"")
    check(closed(inner, b"SQ", True), 5)
    with pytest.raises(BrokenDataSet):
        check(closed(inner, b"SQ", True), 4)


def test_pixel_data_are_passed_over() -> None:
    fragments = item(nested(9)) * 3 + struct.pack("<HHL", 0xFFFE, 0xE0DD, 0)
    for vr in (b"OB", b"OW"):
        pixels = element((0x7FE0, 0x0010), vr, fragments, length=UNDEFINED)
        check(pixels, 2)
        with pytest.raises(BrokenDataSet):
            check(pixels + nested(3), 2)
    check(element((0x7FE0, 0x0010), b"", fragments, length=UNDEFINED), 2, implicit=True)


@given(st.binary(max_size=400), st.integers(1, 5), st.booleans(), st.booleans())
def test_whatever_comes_it_ends(data: bytes, most: int, implicit: bool, little: bool) -> None:
    for piece in (data, nested(2, opened) + data, closed(data, b"SQ", True), nested(3)[: len(data)]):
        try:
            check(piece, most, implicit=implicit, little=little)
        except BrokenDataSet as error:
            assert "deep" in str(error)  # noqa: PT017


# -- whoever looks into a data set ---------------------------------------------------------------------------------
@contextmanager
def little_stack() -> Iterator[None]:
    """A deep recursion would be noticed."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(700)
    try:
        yield
    finally:
        sys.setrecursionlimit(before)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("depth", [65, 2000])
@pytest.mark.parametrize(("vr", "little"), [(b"SQ", True), (b"SQ", False), (b"", True)])
def test_a_data_set_is_broken_that_is_nested_too_deep(way: Any, depth: int, vr: bytes, little: bool) -> None:
    data = nested(depth, way, vr=vr, little=little)
    with little_stack(), pytest.raises(BrokenDataSet, match="more than 64 deep"):
        decode(data, not vr, little)
    assert SEQUENCE[0] << 16 | SEQUENCE[1] in decode(nested(64, way, vr=vr, little=little), not vr, little)


def test_so_is_one_that_is_looked_into_later() -> None:
    with pytest.raises(BrokenDataSet, match="more than 64 deep"):
        decode_data_set_later(nested(65, vr=b""), IMPLICIT)


@pytest.mark.parametrize("kind", ["path", "bytes", "file"])
def test_so_is_a_file(tmp_path: Any, kind: str) -> None:
    path = tmp_path / "nested.dcm"
    made = Dataset()
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    made.SOPClassUID = made.SOPInstanceUID = "1.2"
    made.file_meta.MediaStorageSOPClassUID = made.file_meta.MediaStorageSOPInstanceUID = UID("1.2")
    made.save_as(path, enforce_file_format=True)
    path.write_bytes(path.read_bytes() + nested(65))
    source = {"path": path, "bytes": path.read_bytes(), "file": BytesIO(path.read_bytes())}[kind]
    with pytest.raises(BrokenDataSet, match="more than 64 deep"):
        read_instance(source)
    if kind == "file":
        source.seek(0)
    assert read_instance(source, limits=Limits(nesting=65)).SOPClassUID == "1.2"


def test_the_depth_can_be_set() -> None:
    with pytest.raises(BrokenDataSet):
        decode(nested(9), False, True, limits=Limits(nesting=8))
    decode(nested(9), False, True, limits=Limits(nesting=9))


def test_so_is_one_that_is_deflated() -> None:
    deep = Dataset()
    for _ in range(65):
        around = Dataset()
        around.ContentSequence = [deep]
        deep = around
    with pytest.raises(BrokenDataSet, match="more than 64 deep"):
        decode(encode_dataset(deep, False, True, deflated=True), False, True, True)
