"""Instances without their bulk data, for Composite Instance Retrieve Without Bulk Data (PS3.4 Z.1)."""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING

from dicomwire._logging import logger
from dicomwire.data.sources import EncodedDataSet, decoded

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

LOGGER = logger(__name__)

_BULK_DATA = ("PixelData", "FloatPixelData", "DoubleFloatPixelData", "PixelDataProviderURL", "SpectroscopyData",
              "EncapsulatedDocument")  # fmt: skip

_AUDIO_SAMPLES, _CURVE_DATA, _OVERLAY_DATA = 0x200C, 0x3000, 0x3000


def without_bulk_data(instance: Dataset | EncodedDataSet) -> Dataset:
    """A copy of the instance, opened if it is encoded, that lacks its bulk data; what was given stays as it is.

    Raises: what reading or decoding it raises.
    """
    from pydicom.dataset import Dataset

    from dicomwire.data.pydicom_private import elements_of

    dataset = _separate(instance if isinstance(instance, Dataset) else decoded(instance))
    removed = [keyword for keyword in _BULK_DATA if keyword in dataset]
    for keyword in removed:
        del dataset[keyword]
    for tag in [tag for tag in elements_of(dataset) if _is_bulk(tag >> 16, tag & 0xFFFF)]:
        removed.append(str(tag))
        del dataset[tag]
    if "WaveformSequence" in dataset:
        items = [_separate(item) for item in dataset.WaveformSequence]
        for item in items:
            if "WaveformData" in item:
                removed.append("WaveformData")
                del item.WaveformData
        # A new element: the one there is shared with the original.
        del dataset.WaveformSequence
        dataset.WaveformSequence = items
    if removed:
        LOGGER.warning("left out of an instance retrieved without bulk data: %s", ", ".join(removed))
    return dataset


def _is_bulk(group: int, element: int) -> bool:
    """Whether the element belongs to a repeating group, and is bulk data there; such groups are even."""
    if group & 1:
        return False
    if group >> 8 == 0x50:
        return element in (_AUDIO_SAMPLES, _CURVE_DATA)
    return group >> 8 == 0x60 and element == _OVERLAY_DATA


def _separate(dataset: Dataset) -> Dataset:
    """A copy whose elements can be removed; pydicom's own shares them with the original."""
    from dicomwire.data.pydicom_private import separate_elements

    copied = copy(dataset)
    separate_elements(copied)
    return copied
