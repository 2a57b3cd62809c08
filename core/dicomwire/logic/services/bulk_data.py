"""Instances without their bulk data, for Composite Instance Retrieve Without Bulk Data (PS3.4 Z.1)."""

from __future__ import annotations

import logging
import os
from copy import copy
from typing import Any

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID

from dicomwire.logic.data_sets import decode_data_set
from dicomwire.logic.instance_files import read_instance
from dicomwire.sources import EncodedDataSet

LOGGER = logging.getLogger(__name__)

_BULK_DATA = ("PixelData", "FloatPixelData", "DoubleFloatPixelData", "PixelDataProviderURL", "SpectroscopyData",
              "EncapsulatedDocument")  # fmt: skip

_AUDIO_SAMPLES, _CURVE_DATA, _OVERLAY_DATA = 0x200C, 0x3000, 0x3000


def without_bulk_data(instance: Dataset | str | os.PathLike[str] | EncodedDataSet) -> Dataset:
    """A copy of the instance that lacks its bulk data; what was given stays as it is.

    Raises: what reading or decoding it raises.
    """
    dataset = _separate(_decoded(instance))
    removed = [keyword for keyword in _BULK_DATA if keyword in dataset]
    for keyword in removed:
        del dataset[keyword]
    for tag in [tag for tag in dataset._dict if _is_bulk(tag >> 16, tag & 0xFFFF)]:
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


def _decoded(instance: Any) -> Dataset:
    if isinstance(instance, Dataset):
        return instance
    if isinstance(instance, str | os.PathLike):
        return read_instance(instance)
    data = b"".join(bytes(piece) for piece, _ in instance.pieces(1 << 20))
    dataset = decode_data_set(data, instance.transfer_syntax_uid)
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = UID(instance.transfer_syntax_uid)
    return dataset


def _separate(dataset: Dataset) -> Dataset:
    """A copy whose elements can be removed; pydicom's own shares them with the original."""
    copied = copy(dataset)
    copied._dict = dict(dataset._dict)
    return copied
