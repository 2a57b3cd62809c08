"""What is written is what pydicom writes, where that is right."""

from __future__ import annotations

import pickle
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

from dicomwire.data.data_set_writer import Unencodable, written
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


# -- what pydicom's dictionaries say --------------------------------------------------------------------------------
def read_back(data: bytes, *, implicit: bool, little: bool) -> Dataset:
    return read_dataset(BytesIO(data), implicit, little)


@pytest.mark.parametrize(("implicit", "little"), WAYS)
@pytest.mark.parametrize(("sign", "vr"), [(0, "US"), (1, "SS")])
def test_one_of_several_vrs_is_chosen_as_the_data_set_says(sign: int, vr: str, implicit: bool, little: bool) -> None:
    dataset, item = Dataset(), Dataset()
    item.add_new(0x00280106, "US or SS", 5)
    dataset.PixelRepresentation = sign
    dataset.add_new(0x00280106, "US or SS", 5)
    # Bytes are those of the data set that they came in.
    dataset.add_new(0x00280107, "US or SS", b"\1\2")
    dataset.add_new(0x0040A730, "SQ", Sequence([item]))
    expected = by_pydicom(dataset, implicit=implicit, little=little)
    data = written(dataset, implicit=implicit, little=little)
    assert data == expected
    assert implicit or data.count(vr.encode()) == 3 + (not sign)
    # Read in implicit VR, and not looked at, it is chosen when it is written.
    source = written(dataset, implicit=True, little=True)
    read = read_back(source, implicit=True, little=True)
    assert written(read, implicit=implicit, little=little) == data


@pytest.mark.parametrize(("implicit", "little"), WAYS)
def test_pixel_data_of_either_vr_are_what_pydicom_writes(implicit: bool, little: bool) -> None:
    dataset = Dataset()
    dataset.BitsAllocated = 16
    dataset.add_new(0x7FE00010, "OB or OW", bytes(range(8)))
    assert written(dataset, implicit=implicit, little=little) == by_pydicom(dataset, implicit=implicit, little=little)


def test_encapsulated_pixel_data_are_what_pydicom_writes() -> None:
    dataset = Dataset()
    dataset.SpecificCharacterSet, dataset.PatientName = "ISO_IR 100", "é"
    dataset.add_new(0x7FE00010, "OB", b"\xfe\xff\0\xe0\0\0\0\0\xfe\xff\0\xe0\2\0\0\0ab")
    dataset["PixelData"].is_undefined_length = True
    data = written(dataset, implicit=False, little=True)
    assert data == by_pydicom(dataset, implicit=False, little=True)
    assert data.endswith(b"ab\xfe\xff\xdd\xe0\0\0\0\0")
    read = read_back(data, implicit=False, little=True)
    assert written(read, implicit=False, little=True) == data
    # Text is made anew where another set is stated, and nothing else.
    read.SpecificCharacterSet = "ISO_IR 192"
    again = written(read, implicit=False, little=True)
    assert "é".encode() in again and again[-38:] == data[-38:]


@pytest.mark.parametrize(("implicit", "little"), WAYS)
@pytest.mark.parametrize(("from_implicit", "from_little"), WAYS)
def test_numbers_that_were_read_are_in_the_order_of_bytes_that_is_asked_for(
    from_implicit: bool, from_little: bool, implicit: bool, little: bool
) -> None:
    dataset = Dataset()
    dataset.Rows, dataset.SimpleFrameList, dataset.FrameIncrementPointer = 0x0102, [1, 0x01020304], [0x00181063, 1]
    dataset.add_new(0x00189345, "FD", [1.5, 2.5])
    source = by_pydicom(dataset, implicit=from_implicit, little=from_little)
    read = read_back(source, implicit=from_implicit, little=from_little)
    assert written(read, implicit=implicit, little=little) == by_pydicom(dataset, implicit=implicit, little=little)


@pytest.mark.parametrize("little", [True, False])
@pytest.mark.parametrize("value", [b"abc ", b"abc", b"a"])
def test_private_elements_have_the_vr_of_their_creator(value: bytes, little: bool) -> None:
    read = Dataset()
    for number, raw in ((0x00090010, b"GEMS_IDEN_01"), (0x00091001, value)):
        tag = BaseTag(number)
        read._dict[tag] = RawDataElement(tag, None, len(raw), raw, 0, True, True)
    read.set_original_encoding(True, True, "iso8859")
    padded = value + b" " * (len(value) & 1)
    assert written(read, implicit=True, little=True).endswith(len(padded).to_bytes(4, "little") + padded)
    found = read_back(written(read, implicit=False, little=little), implicit=False, little=little)._dict
    assert (found[0x00091001].VR, found[0x00091001].value) == ("LO", padded)  # type: ignore[index]


@pytest.mark.parametrize(("number", "pad"), [(0x00100020, b" "), (0x00080018, b"\0"), (0x00091001, b"\0")])
@pytest.mark.parametrize("value", [b"1", b"1.2"])
def test_an_odd_value_read_in_implicit_vr_is_padded(number: int, value: bytes, pad: bytes) -> None:
    read, tag = Dataset(), BaseTag(number)
    read._dict[tag] = RawDataElement(tag, None, len(value), value, 0, True, True)
    read.set_original_encoding(True, True, "iso8859")
    assert written(read, implicit=True, little=True)[8:] == value + pad


# -- what nobody has looked at --------------------------------------------------------------------------------------
def encoded(tag: int, vr: str, value: bytes, *, implicit: bool, little: bool) -> bytes:
    """One element by hand, of any length."""
    order = "little" if little else "big"
    begin = (tag >> 16).to_bytes(2, order) + (tag & 0xFFFF).to_bytes(2, order)  # type: ignore[arg-type]
    if implicit or tag >> 16 == 0xFFFE:
        return begin + len(value).to_bytes(4, order) + value  # type: ignore[arg-type]
    if vr == "SQ":
        return begin + b"SQ\0\0" + len(value).to_bytes(4, order) + value  # type: ignore[arg-type]
    return begin + vr.encode() + len(value).to_bytes(2, order) + value  # type: ignore[arg-type]


@pytest.mark.parametrize(("implicit", "little"), WAYS)
def test_a_sequence_that_nobody_looked_into_passes_as_it_is(implicit: bool, little: bool) -> None:
    way = {"implicit": implicit, "little": little}
    inner = encoded(0x00100020, "LO", b"ab", **way)
    data = encoded(0x00081115, "SQ", encoded(0xFFFEE000, "", inner, **way), **way)
    read = read_back(data, **way)
    assert written(read, **way) == data
    # It was not even decoded.
    assert isinstance(read._dict[0x00081115], RawDataElement)  # type: ignore[index]


@pytest.mark.parametrize(("implicit", "little"), WAYS)
def test_a_sequence_that_holds_an_odd_value_is_made_even(implicit: bool, little: bool) -> None:
    way = {"implicit": implicit, "little": little}
    for value in (b"abc", b"a"):
        inner = encoded(0x00100020, "LO", value, **way)
        data = encoded(0x00081115, "SQ", encoded(0xFFFEE000, "", inner, **way), **way)
        made = written(read_back(data, **way), **way)
        even = encoded(0x00100020, "LO", value + b" ", **way)
        assert made == encoded(0x00081115, "SQ", encoded(0xFFFEE000, "", even, **way), **way)
    # What is no sequence is padded, whatever it begins with.
    read, tag = Dataset(), BaseTag(0x00091001)
    read._dict[tag] = RawDataElement(tag, "OB", 5, b"\xfe\xff\0\xe0\1", 0, implicit, little)
    read.set_original_encoding(implicit, little, "iso8859")
    assert written(read, **way).endswith(b"\xfe\xff\0\xe0\1\0")


@pytest.mark.parametrize(("implicit", "little"), WAYS)
def test_group_lengths_are_not_written_and_what_follows_is(implicit: bool, little: bool) -> None:
    dataset = made({group << 16 | end: ("UL", 1) for group in (6, 7, 9) for end in (0, 0xFFFF)})
    found = read_back(written(dataset, implicit=implicit, little=little), implicit=implicit, little=little)
    assert [*found.keys()] == [0x00060000, 0x0006FFFF, 0x0007FFFF, 0x0009FFFF]


@pytest.mark.parametrize(("implicit", "little"), WAYS)
def test_lengths_and_tags_have_no_sign(implicit: bool, little: bool) -> None:
    dataset = made({0x90119001: ("LT", "x" * 0x9000), 0x90119002: ("LT", "x" * 0xFFFE)})
    assert written(dataset, implicit=implicit, little=little) == by_pydicom(dataset, implicit=implicit, little=little)


# -- what is too long for its VR ------------------------------------------------------------------------------------
@pytest.mark.parametrize("little", [True, False])
@pytest.mark.parametrize(
    ("vr", "value", "vr_sent"),
    [
        ("AT", [1] * 0x3FFF, b"AT"),
        ("AT", [1] * 0x4000, b"UN"),
        ("FD", [1.0] * 0x1FFF, b"FD"),
        ("FD", [1.0] * 0x2000, b"UN"),
        ("US", [1] * 0x7FFF, b"US"),
        ("US", [1] * 0x8000, b"UN"),
        ("LT", "x" * 0xFFFE, b"LT"),
        ("LT", "x" * 0x10000, b"UN"),
        ("UT", "x" * 0x10000, b"UT"),
        ("OL", bytes(0x10000), b"OL"),
        ("OV", bytes(0x10008), b"OV"),
    ],
)
def test_what_is_too_long_for_its_vr_is_of_unknown_vr_and_little_endian(
    vr: str, value: Any, vr_sent: bytes, little: bool
) -> None:
    dataset = made({0x00091001: (vr, value)})
    data = written(dataset, implicit=False, little=little)
    assert data[4:6] == vr_sent
    if vr_sent == b"UN":
        assert data[12:] == by_pydicom(dataset, implicit=True, little=True)[8:]
    else:
        assert data == by_pydicom(dataset, implicit=False, little=little)
    assert written(dataset, implicit=True, little=True) == by_pydicom(dataset, implicit=True, little=True)


# -- errors ---------------------------------------------------------------------------------------------------------
def test_an_error_can_be_pickled() -> None:
    error = Unencodable("PatientName", "is odd")
    again = pickle.loads(pickle.dumps(error))
    assert (again.where, again.why, str(again), again.args) == (error.where, error.why, str(error), error.args)
    assert str(error.within("Sequence[0]")) == "the data set cannot be encoded: Sequence[0].PatientName is odd"


def test_an_error_names_private_elements_by_their_tag() -> None:
    dataset, item = Dataset(), Dataset()
    dataset.SpecificCharacterSet = "ISO_IR 100"
    item.add_new(0x00091002, "LO", "李")
    dataset.add_new(0x00091001, "SQ", Sequence([Dataset(), item]))
    with pytest.raises(ValueError, match=r"cannot be encoded: \(0009,1001\)\[1\]\.\(0009,1002\) has characters"):
        written(dataset, implicit=False, little=True)


def test_an_error_says_what_the_encoder_said() -> None:
    dataset = Dataset()
    dataset.Rows = 1
    dataset["Rows"]._value = "no number"
    with pytest.raises(ValueError, match=r"Rows \(0028,0010\) has no value that can be: .*(number|argument|integer)"):
        written(dataset, implicit=False, little=True)


def test_names_are_written_with_all_their_parts() -> None:
    dataset = Dataset()
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.PatientName = "Wang^XiaoDong=王^小東=x"
    assert written(dataset, implicit=True, little=True).endswith("Wang^XiaoDong=王^小東=x".encode())


def test_what_has_no_length_and_no_items_gets_a_length_where_readers_would_look_for_items() -> None:
    # Garbage that pydicom reads up to the next sequence delimiter.
    value = bytes(range(1, 21))
    source = bytes.fromhex("0900 0110 ffffffff") + value + bytes.fromhex("feff dde0 00000000")
    read = read_back(source, implicit=True, little=True)
    data = written(read, implicit=False, little=True)
    assert data == bytes.fromhex("0900 0110") + b"UN\0\0" + bytes.fromhex("14000000") + value
    assert decode(data, False, True).get_item(0x00091001).value == value
    assert written(read, implicit=True, little=True) == source


def test_nor_does_it_go_without_a_length_where_explicit_vr_was_read_as_implicit() -> None:
    value = bytes(range(1, 13))
    before = bytes.fromhex("0800 6000") + b"CS" + bytes.fromhex("0200") + b"CT"
    source = before + bytes.fromhex("1000 2000 ffffffff") + value + bytes.fromhex("feff dde0 00000000")
    read = read_back(source, implicit=False, little=True)
    data = written(read, implicit=False, little=True)
    assert data == before + bytes.fromhex("1000 2000") + b"LO" + bytes.fromhex("0c00") + value


@pytest.mark.parametrize("little", [True, False])
def test_items_go_without_a_length_as_they_were_read(little: bool) -> None:
    def number(value: int, size: int) -> bytes:
        return value.to_bytes(size, "little" if little else "big")

    def tag(group: int, element: int) -> bytes:
        return number(group, 2) + number(element, 2)

    item = tag(0xFFFE, 0xE000) + number(12, 4) + tag(0x0008, 0x0060) + b"CS" + number(4, 2) + b"CT  "
    source = tag(0x0040, 0x0100) + b"SQ\0\0" + number(0xFFFFFFFF, 4) + item + tag(0xFFFE, 0xE0DD) + number(0, 4)
    assert written(read_back(source, implicit=False, little=little), implicit=False, little=little) == source
