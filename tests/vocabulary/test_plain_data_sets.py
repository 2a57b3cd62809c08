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

from dicomwire.data.plain_data_sets import decode_plain, encode_plain
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
