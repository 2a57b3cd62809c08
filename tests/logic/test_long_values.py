"""Long values are copied from where they came when somebody looks at them."""

from __future__ import annotations

import copy
import gc
import pickle
import tracemalloc
from collections.abc import Callable
from io import BytesIO
from typing import Any

import pytest
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import UID

from dicomwire.data.data_sets import decode_data_set, encode_data_set
from dicomwire.data.long_values import LONG, LongValue
from dicomwire.data.pydicom_private import elements_of
from dicomwire.dsutils import decode

IMPLICIT, EXPLICIT, BIG, JPEG = (
    "1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.4.50",
)  # fmt: skip
PIXELS = bytes(range(256)) * 8192
PIXEL_DATA = 0x7FE00010


def image(pixels: bytes = PIXELS) -> Dataset:
    dataset = Dataset()
    dataset.SOPInstanceUID, dataset.PatientName = "1.2.3", "A^B"
    dataset.BitsAllocated, dataset.PixelRepresentation = 16, 0
    item = Dataset()
    item.PatientID = "1234567890"
    dataset.ReferencedStudySequence = [item] * (LONG // 16)
    dataset.add_new(0x00091001, "UN", b"p" * (LONG + 2))
    dataset.add_new(PIXEL_DATA, "OW", pixels)
    dataset.add_new(0xFFFCFFFC, "OB", b"padding!")
    return dataset


def compressed(*, is_cut: bool = False) -> bytes:
    dataset = image(encapsulate([PIXELS, b"second"]))
    dataset["PixelData"].VR, dataset["PixelData"].is_undefined_length = "OB", True
    del dataset[0xFFFCFFFC]
    data = bytes(encode_data_set(dataset, JPEG))
    return data[:-8] if is_cut else data


def received(transfer_syntax: str) -> tuple[Dataset, Dataset]:
    """As it is received, and as pydicom reads it at once."""
    data = compressed() if transfer_syntax == JPEG else bytes(encode_data_set(image(), transfer_syntax))
    later = decode_data_set(memoryview(data), transfer_syntax)
    assert isinstance(elements_of(later)[PIXEL_DATA], LongValue)  # type: ignore[index]
    return later, decode(data, transfer_syntax == IMPLICIT, transfer_syntax != BIG)


LOOKS: dict[str, Callable[[Dataset], Any]] = {
    "pixels": lambda dataset: (type(dataset.PixelData), dataset.PixelData),
    "element": lambda dataset: (type(dataset["PixelData"]), dataset["PixelData"].is_undefined_length),
    "raw element": lambda dataset: type(dataset.get_item(PIXEL_DATA).value),
    "private element": lambda dataset: dataset[0x00091001].value,
    "sequence": lambda dataset: dataset.ReferencedStudySequence[-1].PatientID,
    "slice": lambda dataset: dataset[0x7FE00000:].PixelData,
    "a copy": copy.copy,
    "a deep copy": copy.deepcopy,
    "a pickle": lambda dataset: pickle.loads(pickle.dumps(dataset)),
    "itself": lambda dataset: dataset,
    "text": str,
    "json": lambda dataset: dataset.to_json_dict(),
}


@pytest.mark.parametrize("look", LOOKS.values(), ids=LOOKS)
@pytest.mark.parametrize("transfer_syntax", [IMPLICIT, EXPLICIT, BIG, JPEG])
def test_every_look_sees_what_pydicom_reads(transfer_syntax: str, look: Callable[[Dataset], Any]) -> None:
    later, at_once = received(transfer_syntax)
    assert look(later) == look(at_once)


@pytest.mark.parametrize("transfer_syntax", [IMPLICIT, EXPLICIT, BIG, JPEG])
def test_it_is_encoded_and_saved_as_it_came(transfer_syntax: str) -> None:
    later, at_once = received(transfer_syntax)
    assert encode_data_set(later, transfer_syntax) == encode_data_set(at_once, transfer_syntax)
    files = []
    for dataset in received(transfer_syntax):
        dataset.file_meta = FileMetaDataset()
        dataset.file_meta.TransferSyntaxUID = UID(transfer_syntax)
        files.append(BytesIO())
        dataset.save_as(files[-1])
    assert files[0].getvalue() == files[1].getvalue()


def test_a_look_makes_it_an_element_like_any_other() -> None:
    later, _ = received(EXPLICIT)
    assert later.PixelData is later.PixelData
    assert type(elements_of(later)[PIXEL_DATA]) is DataElement  # type: ignore[index]


def test_nothing_long_is_copied_before_it_is_looked_at_and_then_once() -> None:
    data = bytes(encode_data_set(image(PIXELS * 4), EXPLICIT))
    # What is loaded at the first look is not counted.
    _ = decode_data_set(memoryview(data), EXPLICIT).PixelData
    gc.collect()
    tracemalloc.start()
    try:
        later = decode_data_set(memoryview(data), EXPLICIT)
        assert later.PatientName == "A^B"
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
        assert len(later.PixelData) == 4 * len(PIXELS)
        assert tracemalloc.get_traced_memory()[1] < 5 * len(PIXELS)
    finally:
        tracemalloc.stop()


def test_a_buffer_that_may_change_is_read_at_once() -> None:
    data = bytearray(encode_data_set(image(), EXPLICIT))
    dataset = decode(data, False, True)
    data[:] = bytes(len(data))
    assert dataset.PixelData == PIXELS


def test_an_encapsulated_value_without_end_is_what_pydicom_makes_of_it() -> None:
    data = compressed(is_cut=True)
    outcomes = []
    reads: list[Callable[[], Dataset]] = [
        lambda: decode_data_set(memoryview(data), JPEG),
        lambda: decode(data, False, True),
    ]
    for read in reads:
        try:
            outcomes.append(repr(read().get("PixelData")))
        except Exception as error:  # whatever that is
            outcomes.append(repr(error))
    assert outcomes[0] == outcomes[1]


@pytest.mark.parametrize("cut", [3, 4000, len(PIXELS)])
def test_a_value_that_is_cut_off_is_as_short_as_pydicom_reads_it(cut: int) -> None:
    dataset = image()
    del dataset[0xFFFCFFFC]
    data = bytes(encode_data_set(dataset, EXPLICIT))[:-cut]
    at_once = decode(data, False, True)
    assert decode_data_set(memoryview(data), EXPLICIT).get("PixelData") == at_once.get("PixelData")
