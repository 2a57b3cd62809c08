"""Data sets between their bytes and pydicom."""

from __future__ import annotations

from typing import Any

import pytest
from pydicom.dataset import Dataset

from dicomwire.data.data_sets import decode_data_set, decode_data_set_later, encode_data_set
from dicomwire.data.lazy_data_sets import LazyDataset
from tests.support.encoded import BIG, DEFLATED, EXPLICIT, IMPLICIT, SYNTAXES


def identifier() -> Dataset:
    dataset = Dataset()
    dataset.QueryRetrieveLevel, dataset.PatientID = "STUDY", "4711"
    return dataset


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_a_data_set_is_the_same_now_and_later(syntax: str) -> None:
    data = encode_data_set(identifier(), syntax)
    assert decode_data_set(data, syntax) == identifier()
    later = decode_data_set_later(data, syntax)
    # Made at the first look, where that saves something.
    assert isinstance(later, LazyDataset) is (syntax not in (BIG, DEFLATED))
    assert later == identifier()


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_groups_of_commands_and_files_are_left_out(syntax: str) -> None:
    dataset = identifier()
    dataset.add_new(0x00000900, "US", 0)
    dataset.add_new(0x00020010, "UI", "1.2")
    dataset.add_new(0x00030000, "UL", 10)
    dataset.add_new(0x00031001, "LO", "odd one")
    made = decode_data_set(encode_data_set(dataset, syntax), syntax)
    assert [*made.keys()] == [0x00030000, 0x00031001, 0x00080052, 0x00100020]
    # What was given stays as it is.
    assert len(dataset) == 6
    only = Dataset()
    only.add_new(0x00000900, "US", 0)
    assert len(decode_data_set(encode_data_set(only, syntax), syntax)) == 0


@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT, BIG])
def test_nothing_is_no_bytes(syntax: str) -> None:
    assert encode_data_set(Dataset(), syntax) == b""
    for data in (None, b""):
        assert decode_data_set(data, syntax) == decode_data_set_later(data, syntax) == Dataset()


@pytest.mark.parametrize("wanted", [[], "text", None, 7])
def test_what_is_no_data_set_is_refused(wanted: Any) -> None:
    with pytest.raises(ValueError, match=f"a data set is a Dataset or its bytes, not {type(wanted).__name__}"):
        encode_data_set(wanted, EXPLICIT)


def test_bytes_of_even_length_pass_as_they_are() -> None:
    for data in (b"even", bytearray(b"even"), memoryview(b"no two"), memoryview(b"evenly").cast("H")):
        assert encode_data_set(data, EXPLICIT) is data
