"""Data sets between their bytes and pydicom, in the transfer syntax of a presentation context."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dicomwire.upper_layer.connection import Buffer

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

DEFLATED = "1.2.840.10008.1.2.1.99"


def decode_data_set(data: Buffer | None, transfer_syntax: str) -> Dataset:
    """A data set from its bytes; empty without any."""
    from pydicom.dataset import Dataset
    from pydicom.uid import UID

    if not data:
        return Dataset()
    from dicomwire.dsutils import decode

    syntax = UID(transfer_syntax)
    if syntax.is_private:
        # Nothing is known of it but that standard compressed syntaxes are explicit little endian.
        return decode(data, False, True)
    return decode(data, syntax.is_implicit_VR, syntax.is_little_endian, syntax.is_deflated)


def encode_data_set(dataset: Dataset | Buffer, transfer_syntax: str) -> Buffer:
    """The bytes of a data set without its groups 0000 and 0002; bytes are taken to be encoded already.

    Raises:
        ValueError: it cannot be encoded.
    """
    if isinstance(dataset, bytes | bytearray | memoryview):
        return dataset
    from pydicom.dataset import Dataset
    from pydicom.uid import UID

    if not isinstance(dataset, Dataset):
        raise ValueError(f"a data set is a Dataset or its bytes, not {type(dataset).__name__}")
    from dicomwire.dsutils import encode_dataset

    syntax = UID(transfer_syntax)
    if any(tag >> 16 < 0x0003 for tag in dataset._dict):
        dataset = dataset[0x00030000:]
    implicit = False if syntax.is_private else syntax.is_implicit_VR
    little = True if syntax.is_private else syntax.is_little_endian
    return encode_dataset(dataset, implicit, little, transfer_syntax == DEFLATED)
