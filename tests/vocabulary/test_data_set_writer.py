"""What is written is what pydicom writes, where that is right."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import pytest
from hypothesis import given, strategies as st
from pydicom import config
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filereader import read_dataset
from pydicom.filewriter import write_dataset
from pydicom.sequence import Sequence
from pydicom.tag import BaseTag

from dicomwire.data.data_set_writer import written
from dicomwire.dsutils import decode, encode_dataset
from tests.support.tolerant import TEXT_VRS, tolerant

WAYS = [(True, True), (False, True), (False, False)]

ASCII = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=20)
VALUES = st.one_of(
    st.tuples(st.sampled_from(TEXT_VRS), st.one_of(st.none(), ASCII, st.lists(ASCII, min_size=2, max_size=3))),
    st.tuples(st.sampled_from(("US", "UL", "SV", "UV")), st.integers(0, 65535)),
    st.tuples(st.just("AT"), st.lists(st.integers(0, 0xFFFFFFFF), min_size=2, max_size=3)),
    st.tuples(st.just("FD"), st.one_of(st.floats(allow_nan=False), st.lists(st.floats(allow_nan=False), min_size=2))),
    st.tuples(st.sampled_from(("OB", "OW")), st.binary(max_size=9)),
    st.tuples(st.just("DS"), st.sampled_from(["1.50", "-2"])),
)
TAGS = st.sampled_from([0x00091001, *range(0x00100010, 0x00100020), 0x7FE00010])
ELEMENTS = st.dictionaries(TAGS, VALUES, max_size=5)


def made(elements: dict[int, tuple[str, Any]]) -> Dataset:
    dataset = Dataset()
    for tag, (vr, value) in elements.items():
        dataset[tag] = DataElement(tag, vr, value, validation_mode=config.IGNORE)
    return dataset


def by_pydicom(dataset: Dataset, *, implicit: bool, little: bool) -> bytes:
    buffer = DicomBytesIO()
    buffer.is_implicit_VR, buffer.is_little_endian = implicit, little
    write_dataset(buffer, dataset)
    data: bytes = buffer.getvalue()
    return data


@given(
    outer=ELEMENTS,
    items=st.lists(st.tuples(ELEMENTS, st.booleans()), max_size=3),
    is_undefined=st.booleans(),
    way=st.sampled_from(WAYS),
)
def test_data_sets_with_sequences_are_what_pydicom_writes(
    outer: dict[int, Any], items: list[Any], is_undefined: bool, way: tuple[bool, bool]
) -> None:
    implicit, little = way
    with tolerant():
        dataset = made(outer)
        contents = []
        for elements, is_open in items:
            item = made(elements)
            item.is_undefined_length_sequence_item = is_open
            contents.append(item)
        dataset.add_new(0x00081115, "SQ", Sequence(contents))
        dataset["ReferencedSeriesSequence"].is_undefined_length = is_undefined
        expected = by_pydicom(dataset, implicit=implicit, little=little)
        assert written(dataset, implicit=implicit, little=little) == expected
        # And when it was read, whether or not somebody has looked at it.
        for looks in (False, not implicit):
            read = read_dataset(BytesIO(expected), implicit, little)
            if looks:
                # Which is when pydicom takes spaces off the ends of titles.
                list(read.iterall())
                expected = by_pydicom(read, implicit=implicit, little=little)
            assert written(read, implicit=implicit, little=little) == expected


@pytest.mark.parametrize(("implicit", "little"), WAYS)
def test_an_odd_value_that_was_read_is_padded(implicit: bool, little: bool) -> None:
    read = Dataset()
    for number, vr, value in ((0x00080018, "UI", b"1.2"), (0x00100020, "LO", b"abc"), (0x00420011, "OB", b"\1")):
        tag = BaseTag(number)
        read._dict[tag] = RawDataElement(tag, vr, len(value), value, 0, implicit, little)
    read.set_original_encoding(implicit, little, "iso8859")
    data = encode_dataset(read, implicit, little)
    assert len(data) % 2 == 0
    received = decode(data, implicit, little)
    assert [received._dict[tag].value for tag in read._dict] == [b"1.2\0", b"abc ", b"\1\0"]


def test_a_value_with_characters_that_its_vr_cannot_have_is_named() -> None:
    dataset = made({0x00180015: ("CS", "頭")})
    with pytest.raises(ValueError, match=r"BodyPartExamined \(0018,0015\) has characters that no CS can have"):
        encode_dataset(dataset, False, True)
