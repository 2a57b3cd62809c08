"""Plain data sets are encoded and decoded to what pydicom makes of them, or left to it."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import pytest
from hypothesis import given, strategies as st
from pydicom import config
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filereader import read_dataset
from pydicom.filewriter import write_dataset
from pydicom.sequence import Sequence

from dicomwire.data.plain_data_sets import decode_plain, decode_plain_later, encode_plain, plain_value
from dicomwire.dsutils import decode, encode
from tests.support.tolerant import TEXT_VRS, tolerant


def written(dataset: Dataset, *, implicit: bool) -> bytes | None:
    """By pydicom; None if it cannot."""
    buffer = DicomBytesIO()
    buffer.is_implicit_VR, buffer.is_little_endian = implicit, True
    try:
        write_dataset(buffer, dataset)
    except Exception:
        return None
    data: bytes = buffer.getvalue()
    return data


def read(data: bytes, *, implicit: bool) -> Dataset:
    return read_dataset(BytesIO(data), implicit, True)


TEXT = st.text(st.characters(codec="latin-1", exclude_characters="\0"), max_size=20)
VALUES = st.one_of(
    st.tuples(st.sampled_from(TEXT_VRS), st.one_of(st.none(), TEXT, st.lists(TEXT, min_size=2, max_size=3))),
    st.tuples(st.sampled_from(("US", "UL", "SS", "SL")), st.one_of(st.none(), st.integers(-40000, 70000))),
    st.tuples(st.sampled_from(("US", "UL")), st.lists(st.integers(0, 65535), min_size=2, max_size=3)),
    st.tuples(st.just("IS"), st.one_of(st.none(), st.integers(-9999, 9999), st.just("+7 "))),
    st.tuples(st.just("DS"), st.one_of(st.none(), st.sampled_from(["1.50", "-2", "3.25 "]), st.just(0.5))),
    st.tuples(st.just("FD"), st.floats(allow_nan=False)),
    st.tuples(st.just("OB"), st.binary(max_size=9)),
)
TAGS = st.sampled_from(
    [0x00080005, *range(0x00080020, 0x00080030), 0x00100000, *range(0x00100010, 0x00100020), 0x00091001]
)


@st.composite
def datasets(draw: Any) -> Dataset:
    dataset = Dataset()
    with tolerant():
        for tag, (vr, value) in draw(st.dictionaries(TAGS, VALUES, max_size=6)).items():
            if tag == 0x00080005:
                vr, value = "CS", draw(st.sampled_from(["ISO_IR 100", "ISO_IR 192", ""]))
            dataset[tag] = DataElement(tag, vr, value, validation_mode=config.IGNORE)
    return dataset


@given(dataset=datasets(), implicit=st.booleans())
def test_an_encoded_data_set_is_what_pydicom_writes(dataset: Dataset, implicit: bool) -> None:
    with tolerant():
        ours = encode_plain(dataset, implicit=implicit)
        assert ours is None or ours == written(dataset, implicit=implicit)


@given(dataset=datasets(), implicit=st.booleans(), noise=st.binary(max_size=12), cut=st.integers(0, 12))
def test_a_decoded_data_set_is_what_pydicom_reads(dataset: Dataset, implicit: bool, noise: bytes, cut: int) -> None:
    with tolerant():
        data = written(dataset, implicit=implicit) or b""
        data = data[: max(0, len(data) - cut)] + noise
        ours = decode_plain(data, implicit=implicit)
        if ours is None:
            return
        theirs = read(data, implicit=implicit)
        assert dict(ours._dict) == dict(theirs._dict)
        assert ours.original_encoding == theirs.original_encoding
        assert ours.original_character_set == theirs.original_character_set
        assert {name: value for name, value in vars(ours).items() if name != "_dict"} == {
            name: value for name, value in vars(theirs).items() if name != "_dict"
        }
        again = encode_plain(ours, implicit=implicit)
        assert again is None or again == written(theirs, implicit=implicit)


def identifier() -> Dataset:
    dataset = Dataset()
    dataset.QueryRetrieveLevel = "STUDY"
    dataset.PatientName = "Doe^Jane"
    dataset.PatientID = ""
    dataset.StudyInstanceUID = "1.2.3"
    dataset.NumberOfStudyRelatedInstances = 12
    dataset.Rows = 512
    return dataset


@pytest.mark.parametrize("implicit", [False, True])
def test_an_identifier_is_plain_both_ways(implicit: bool) -> None:
    data = encode_plain(identifier(), implicit=implicit)
    assert data is not None
    assert decode_plain(data, implicit=implicit) == read(data, implicit=implicit) == identifier()
    # In implicit VR nothing says how values were encoded before somebody looks.
    decoded = decode_plain(data, implicit=implicit)
    assert decoded is not None
    assert encode_plain(decoded, implicit=implicit) == (None if implicit else data)


def test_what_is_not_plain_is_left_to_pydicom() -> None:
    item = Dataset()
    item.Modality = "CT"
    nested = identifier()
    nested.ScheduledProcedureStepSequence = Sequence([item])
    assert encode_plain(nested, implicit=False) is None
    assert decode(encode(nested, False, True) or b"", False, True) == nested
    japanese = identifier()
    japanese.SpecificCharacterSet = "ISO_IR 192"
    japanese.PatientName = "山田^太郎"
    assert encode_plain(japanese, implicit=False) is None
    assert decode(encode(japanese, False, True) or b"", False, True).PatientName == "山田^太郎"
    sequence = b"\x40\0\0\x01SQ\0\0\xff\xff\xff\xff\xfe\xff\xdd\xe0\0\0\0\0"
    assert decode_plain(sequence, implicit=False) is None
    assert decode_plain(bytes(70000), implicit=True) is None


# -- each kind of value, encoded ------------------------------------------------------------------------------------
def element(vr: str, value: Any, tag: int = 0x00091001) -> DataElement:
    return DataElement(tag, vr, value, validation_mode=config.IGNORE)


@pytest.mark.parametrize(
    ("vr", "value", "expected"),
    [
        ("LO", "abc", b"abc "),
        ("LO", ["a", "bc"], b"a\\bc"),
        ("LO", ["a", "b", "c"], b"a\\b\\c "),
        ("LO", "", b""),
        ("LO", None, b""),
        ("LO", "é", None),
        ("CS", None, b""),
        ("UI", "1.2", b"1.2\0"),
        ("UI", ["1.2", "1.3"], b"1.2\\1.3\0"),
        ("UT", "text", b"text"),
        ("UR", "x:y", b"x:y "),
        ("UC", ["ab", "c"], b"ab\\c"),
        ("UC", None, b""),
        ("PN", "A^B", b"A^B "),
        ("PN", ["A", "B"], b"A\\B "),
        ("PN", "A=B", None),
        ("PN", None, b""),
        ("DS", "1.50", b"1.50"),
        ("DS", ["1.50", "2"], b"1.50\\2"),
        ("DS", 0.5, b"0.5 "),
        ("DS", None, b""),
        ("IS", "+7", b"+7"),
        ("IS", 12, b"12"),
        ("IS", [1, 2], b"1\\2 "),
        ("IS", None, b""),
        ("US", 0x0102, b"\2\1"),
        ("US", [1, 2], b"\1\0\2\0"),
        ("US", None, b""),
        ("US", 70000, None),
        ("SS", -2, b"\xfe\xff"),
        ("UL", 0x01020304, b"\4\3\2\1"),
        ("SL", [-2, 1], b"\xfe\xff\xff\xff\1\0\0\0"),
        ("FD", 1.0, None),
        ("FD", None, None),
        ("AT", 1, None),
        ("UV", 1, None),
        ("SV", [-1, 1], None),
        ("OB", b"ab", None),
        ("OB", None, None),
    ],
)
@pytest.mark.parametrize("implicit", [False, True])
def test_each_value_is_plain_or_not(vr: str, value: Any, expected: bytes | None, implicit: bool) -> None:
    made = element(vr, value)
    assert plain_value(vr, made.value) == expected
    dataset = Dataset()
    dataset[0x00091001] = made
    encoded = encode_plain(dataset, implicit=implicit)
    assert encoded == (None if expected is None else written(dataset, implicit=implicit))
    assert encoded is None or (encoded.endswith(expected or b"") and len(encoded) > len(expected or b""))


def test_a_value_that_takes_more_thought_is_none_for_a_data_set_too() -> None:
    dataset = Dataset()
    dataset[0x00091001] = element("LT", "x" * 0xFFFE)
    assert encode_plain(dataset, implicit=False) == written(dataset, implicit=False)
    # Too long for its length field.
    dataset[0x00091001] = element("LT", "x" * 0x10000)
    assert encode_plain(dataset, implicit=False) is None
    assert encode_plain(dataset, implicit=True) is not None


@pytest.mark.parametrize("implicit", [False, True])
def test_group_lengths_are_not_written(implicit: bool) -> None:
    dataset = Dataset()
    for group in (0x0003, 0x0006, 0x0007, 0x0009):
        dataset[group << 16] = element("UL", 10, group << 16)
        dataset[group << 16 | 1] = element("LO", "on", group << 16 | 1)
    encoded = encode_plain(dataset, implicit=implicit)
    assert encoded is not None
    found = read(encoded, implicit=implicit)
    assert [*found.keys()] == [0x00030000, 0x00030001, 0x00060000, 0x00060001, 0x00070001, 0x00090001]


# -- and read -------------------------------------------------------------------------------------------------------
def explicit(tag: int, vr: bytes, value: bytes, length: int | None = None) -> bytes:
    """One element, short or long by its VR."""
    size = len(value) if length is None else length
    begin = (tag >> 16).to_bytes(2, "little") + (tag & 0xFFFF).to_bytes(2, "little") + vr
    if vr in (b"OB", b"OW", b"SQ", b"UN", b"UT", b"UC", b"UR", b"SV", b"ZZ"):
        return begin + b"\0\0" + size.to_bytes(4, "little") + value
    return begin + size.to_bytes(2, "little") + value


FRONT = explicit(0x00080060, b"CS", b"CT")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        explicit(0x00100020, b"LO", b""),
        FRONT + explicit(0x00100020, b"LO", b"odd"),
        FRONT + explicit(0x00100020, b"LO", b""),
        FRONT + explicit(0x00280010, b"US", b""),
        FRONT + explicit(0x00420011, b"OB", b"") + explicit(0x00420012, b"LO", b"MIME"),
        FRONT + explicit(0x00420011, b"OB", b"abcd") + explicit(0x00420012, b"LO", b"MIME"),
        FRONT + explicit(0x00420011, b"OB", b""),
        explicit(0x0040A160, b"UT", b"text") + explicit(0x0040A161, b"UT", b"more"),
        explicit(0x00091001, b"UN", b"private"),
    ],
)
def test_what_is_plain_is_read_as_pydicom_reads_it(data: bytes) -> None:
    ours, theirs = decode_plain(data, implicit=False), read(data, implicit=False)
    assert ours is not None
    assert dict(ours._dict) == dict(theirs._dict)
    later = decode_plain_later(data, implicit=False)
    assert later is not None and later == theirs


@pytest.mark.parametrize(
    "data",
    [
        explicit(0x0008, b"CS", b"CT")[:7],
        FRONT + b"\x10",
        FRONT + explicit(0x00100020, b"LO", b"", 2),
        FRONT + explicit(0x00420011, b"OB", b"abcd", 6),
        FRONT + explicit(0x00420011, b"OB", b"")[:8],
        FRONT + explicit(0x00420011, b"OB", b"")[:11],
        explicit(0x00420011, b"OB", b"")[:11],
        # May be known.
        explicit(0x00100020, b"UN", b"ab"),
        explicit(0x00120020, b"UN", b"ab"),
        FRONT + explicit(0x00081140, b"SQ", b""),
        FRONT + explicit(0x00081140, b"ZZ", b""),
        FRONT + explicit(0xFFFEE000, b"LO", b""),
    ],
)
def test_what_is_not_is_left_to_it(data: bytes) -> None:
    assert decode_plain(data, implicit=False) is None
    assert decode_plain_later(data, implicit=False) is None


@pytest.mark.parametrize("vr", [b"AA", b"CS", b"ZZ"])
def test_what_may_be_explicit_is_not_plain_in_implicit_vr(vr: bytes) -> None:
    data = b"\x08\0\x60\0" + vr + b"\0\0" + bytes(int.from_bytes(vr, "little"))
    assert decode_plain(data, implicit=True) is None


@pytest.mark.parametrize("length", [b"aa", b"A\0", b"\0A", b"[A", b"zz"])
def test_a_length_that_spells_no_vr_is_a_length(length: bytes) -> None:
    size = int.from_bytes(length, "little")
    data = b"\x08\0\x60\0" + length + bytes(2) + bytes(size)
    assert decode_plain(data, implicit=True) is not None
    # Further on it can be nothing else.
    size = int.from_bytes(b"CS", "little")
    data = b"\x08\0\x60\0\2\0\0\0CT\x10\0\x20\0CS\0\0" + bytes(size)
    assert decode_plain(data, implicit=True) is not None


@pytest.mark.parametrize("implicit", [False, True])
def test_the_longest_plain_data_set_has_64_kib(implicit: bool) -> None:
    head = b"\x10\0\0\x40" + (b"UT\0\0" if not implicit else b"")
    size = (1 << 16) - len(head) - 4
    data = head + size.to_bytes(4, "little") + bytes(size)
    assert decode_plain(data, implicit=implicit) is not None
    data = head + (size + 2).to_bytes(4, "little") + bytes(size + 2)
    assert decode_plain(data, implicit=implicit) is None


@pytest.mark.parametrize("implicit", [False, True])
def test_bytes_that_were_read_are_written_where_they_are_right(implicit: bool) -> None:
    data = FRONT + explicit(0x00100020, b"LO", b"ab")
    found = decode_plain(data, implicit=False)
    assert found is not None
    # What somebody has looked at is a value.
    assert encode_plain(found, implicit=implicit) == (None if implicit else data)
    assert found.PatientID == "ab"
    assert encode_plain(found, implicit=implicit) == (None if implicit else data)
    # Nor where another character set is stated, or the value is odd, or of a VR that depends on more.
    found.SpecificCharacterSet = "ISO_IR 144"
    assert encode_plain(found, implicit=False) is None
    for more in (explicit(0x00100021, b"LO", b"odd"), explicit(0x00420011, b"OB", b"ab")):
        found = decode_plain(data + more, implicit=False)
        assert found is not None
        assert encode_plain(found, implicit=False) is None


@pytest.mark.filterwarnings("ignore:Unknown encoding")
@pytest.mark.parametrize("implicit", [False, True])
@pytest.mark.parametrize(
    ("term", "codecs"),
    [
        (b"hex ", "iso8859"),
        (b"a\0b ", "iso8859"),
        (b"ISO_IR 100", ["latin_1"]),
        (b"ISO_IR 192", ["UTF8"]),
        (b"", ["iso8859"]),
        (b"\\ISO 2022 IR 87 ", ["iso8859", "iso2022_jp"]),
    ],
)
def test_the_codecs_are_those_of_the_character_set(term: bytes, codecs: Any, implicit: bool) -> None:
    begin = b"\x08\0\5\0" + len(term).to_bytes(4, "little")
    data = begin + term if implicit else explicit(0x00080005, b"CS", term)
    found = decode_plain(data, implicit=implicit)
    assert found is not None
    assert found.original_character_set == codecs
