"""UN of an element that is known is read as its VR (PS3.5 6.2.2), and what is too long for its VR goes out as UN."""

from __future__ import annotations

import struct
from io import BytesIO

import pytest
from pydicom.charset import default_encoding
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from dicomwire.dsutils import decode, encode_dataset

# Compared by `is True`: to tell how lists of this length differ takes pytest long.
UIDS = [f"1.2.826.0.1.3680043.8.498.1234567890.{number}" for number in range(2500)]


def unknown(tag: int, value: bytes, *, little: bool = True) -> bytes:
    """An element of VR UN."""
    order = "<" if little else ">"
    return struct.pack(order + "HH2sHL", tag >> 16, tag & 0xFFFF, b"UN", 0, len(value)) + value


def implicit(tag: int, value: bytes) -> bytes:
    return struct.pack("<HHL", tag >> 16, tag & 0xFFFF, len(value)) + value


ITEM = implicit(0x00081150, b"1.2.840.10008.5.1.4.1.1.2\0") + implicit(0x00081155, b"1.2.3\0")
SEQUENCE = implicit(0xFFFEE000, ITEM)


@pytest.mark.parametrize(("is_implicit", "little"), [(True, True), (False, True), (False, False)])
def test_a_list_longer_than_its_length_field_comes_through(is_implicit: bool, little: bool) -> None:
    made = Dataset()
    made.FailedSOPInstanceUIDList = UIDS
    made.ImageComments = "x"
    data = encode_dataset(made, is_implicit, little)
    assert (b"UN\0\0" in data) is not is_implicit
    received = decode(data, is_implicit, little)
    assert (list(received.FailedSOPInstanceUIDList) == UIDS) is True
    assert received["FailedSOPInstanceUIDList"].VR == "UI"
    assert (encode_dataset(decode(data, is_implicit, little), is_implicit, little) == data) is True


@pytest.mark.parametrize("little", [True, False])
def test_numbers_too_many_for_their_length_field_come_through(little: bool) -> None:
    made = Dataset()
    made.add_new(0x00189345, "FD", [float(number) for number in range(9000)])
    made.add_new(0x00280009, "AT", [0x00181063] * 20000)
    received = decode(encode_dataset(made, False, little), False, little)
    assert (received[0x00189345].value[8999], received[0x00280009].value[19999]) == (8999.0, 0x00181063)


@pytest.mark.parametrize("little", [True, False])
def test_short_ones_are_known_too(little: bool) -> None:
    data = unknown(0x00080052, b"STUDY ", little=little) + unknown(0x00280010, b"\x02\x01", little=little)
    received = decode(data, False, little)
    assert (received.QueryRetrieveLevel, received.Rows) == ("STUDY", 0x0102)
    again = decode(encode_dataset(decode(data, False, little), True, True), True, True)
    assert (again.QueryRetrieveLevel, again.Rows) == ("STUDY", 0x0102)


@pytest.mark.parametrize("little", [True, False])
def test_the_items_of_a_sequence_are_implicit(little: bool) -> None:
    data = unknown(0x00081140, SEQUENCE, little=little)
    received = decode(data, False, little)
    assert received.ReferencedImageSequence[0].ReferencedSOPInstanceUID == "1.2.3"
    for is_implicit in (True, False):
        again = decode(encode_dataset(decode(data, False, little), is_implicit, True), is_implicit, True)
        assert again.ReferencedImageSequence[0].ReferencedSOPInstanceUID == "1.2.3"


def test_of_undefined_length_as_well() -> None:
    value = SEQUENCE + implicit(0xFFFEE0DD, b"")
    data = struct.pack("<HH2sHL", 0x0008, 0x1140, b"UN", 0, 0xFFFFFFFF) + value
    assert decode(data, False, True).ReferencedImageSequence[0].ReferencedSOPInstanceUID == "1.2.3"


def test_in_items_too() -> None:
    item = Dataset()
    item.FailedSOPInstanceUIDList = UIDS
    made = Dataset()
    made.ReferencedStudySequence = Sequence([item])
    received = decode(encode_dataset(made, False, True), False, True)
    assert (list(received.ReferencedStudySequence[0].FailedSOPInstanceUIDList) == UIDS) is True


def test_private_ones_and_those_nobody_knows_stay() -> None:
    received = decode(unknown(0x00091010, b"1.2\0") + unknown(0x00090010, b"MINE"), False, True)
    assert (received[0x00091010].VR, received[0x00091010].value) == ("UN", b"1.2\0")
    assert decode(unknown(0x00080007, b"1.2\0"), False, True)._dict[0x00080007].VR == "UN"  # type: ignore[index]


def test_a_value_that_does_not_fit_stays_bytes() -> None:
    received = decode(unknown(0x00081140, b"no items"), False, True)
    assert received._dict[0x00081140].VR == "UN"  # type: ignore[index]


# -- what is made of it at once, and what only when somebody looks --------------------------------------------------
def sequence_of_undefined_length(tag: int, content: bytes, *, little: bool) -> bytes:
    order = "<" if little else ">"
    head = struct.pack(order + "HH2sHL", tag >> 16, tag & 0xFFFF, b"SQ", 0, 0xFFFFFFFF)
    item = struct.pack(order + "HHL", 0xFFFE, 0xE000, 0xFFFFFFFF)
    ends = struct.pack(order + "HHLHHL", 0xFFFE, 0xE00D, 0, 0xFFFE, 0xE0DD, 0)
    return head + item + content + ends


@pytest.mark.parametrize("little", [True, False])
def test_only_what_is_encoded_otherwise_than_the_rest_is_decoded_at_once(little: bool) -> None:
    text, numbers, items = 0x00080052, 0x00280010, 0x00081140
    data = unknown(text, b"STUDY ", little=little) + unknown(items, SEQUENCE, little=little)
    # The first makes pydicom read it.
    found = decode(data + unknown(numbers, b"\2\1", little=little), False, little)._dict
    raw = found[text]  # type: ignore[index]
    assert isinstance(raw, RawDataElement)
    assert (raw.VR, raw.is_implicit_VR, raw.is_little_endian) == ("CS", True, True)
    assert type(found[items]) is DataElement  # type: ignore[index]
    assert type(found[numbers]) is (RawDataElement if little else DataElement)  # type: ignore[index]
    assert found[numbers].VR == "US"  # type: ignore[index]


def test_a_sequence_in_which_nothing_is_unknown_is_not_looked_into() -> None:
    item = Dataset()
    item.PatientID = "1"
    made = Dataset()
    made.ReferencedStudySequence = Sequence([item])
    received = decode(encode_dataset(made, False, True), False, True)
    assert isinstance(received._dict[0x00081110], RawDataElement)  # type: ignore[index]


@pytest.mark.parametrize("little", [True, False])
def test_in_items_of_undefined_length_too(little: bool) -> None:
    nothing = struct.pack(("<" if little else ">") + "HH2sHL", 0x0008, 0x1110, b"SQ", 0, 0)
    data = nothing + sequence_of_undefined_length(
        0x00081115, unknown(0x00080052, b"STUDY ", little=little), little=little
    )
    received = decode(data, False, little)
    assert received.ReferencedSeriesSequence[0]._dict[0x00080052].VR == "CS"
    assert len(received.ReferencedStudySequence) == 0


def test_one_of_several_vrs_is_left_to_pydicom() -> None:
    # SmallestImagePixelValue is US or SS: PixelRepresentation says which.
    data = unknown(0x00081140, SEQUENCE) + unknown(0x00280106, b"\xff\xff")
    assert decode(data, False, True)._dict[0x00280106].VR == "UN"  # type: ignore[index]


def test_a_sequence_that_is_damaged_stays_bytes() -> None:
    damaged = SEQUENCE + SEQUENCE[:4]
    received = decode(unknown(0x00080052, b"STUDY ") + unknown(0x00081140, damaged), False, True)
    element = received._dict[0x00081140]  # type: ignore[index]
    assert (element.VR, element.value) == ("UN", damaged)
    assert received.QueryRetrieveLevel == "STUDY"


@pytest.mark.parametrize(("is_implicit", "little"), [(True, True), (False, True), (False, False)])
def test_text_in_a_set_that_decodes_none_is_in_the_default_one(is_implicit: bool, little: bool) -> None:
    order = "<" if little else ">"

    def element(tag: int, vr: bytes, value: bytes) -> bytes:
        if is_implicit:
            return implicit(tag, value)
        return struct.pack(order + "HH2sH", tag >> 16, tag & 0xFFFF, vr, len(value)) + value

    sequence = b"" if is_implicit else sequence_of_undefined_length(0x00081115, b"", little=little)
    if is_implicit:
        sequence = implicit(0x00081115, implicit(0xFFFEE000, b""))
    data = element(0x00080005, b"CS", b"hex ") + sequence + element(0x00100020, b"LO", b"M\xfcller")
    # A file-like is read by pydicom.
    received = decode(BytesIO(data), is_implicit, little)
    assert received.PatientID == "Müller"
    assert received.original_encoding == (is_implicit, little)
    assert received.original_character_set == default_encoding
    # One that is known stays.
    good = decode(BytesIO(data.replace(b"hex ", b"GBK ")), is_implicit, little)
    assert good.original_character_set == ["GBK"]
