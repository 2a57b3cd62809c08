"""Data sets between their bytes and pydicom, in the transfer syntax of a presentation context."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import evolve

from dicomwire.data.encodings import encoding_of
from dicomwire.data.nesting import check_nesting
from dicomwire.upper_layer.buffer import Buffer
from dicomwire.upper_layer.limits import Bounds, Limits
from dicomwire.upper_layer.pdus import DEFAULT_LIMITS

if TYPE_CHECKING:
    from pydicom.dataset import Dataset


def decode_data_set(
    data: Buffer | None, transfer_syntax: str, limits: Limits = DEFAULT_LIMITS, *, bounds: Bounds | None = None
) -> Dataset:
    """A data set from its bytes, which do not change any more; empty without any.

    Long values are copied from them when they are looked at.  With ``bounds`` it is no instance, but an identifier or
    attribute list, and held to them.

    Raises:
        BrokenDataSet: it cannot be decoded, or is beyond the limits.
    """
    from pydicom.dataset import Dataset

    if not data:
        return Dataset()
    from dicomwire.data.dsutils import decode

    if bounds is None:
        return decode(data, *encoding_of(transfer_syntax), limits=limits, is_constant=True)
    encoding = encoding_of(transfer_syntax)
    if encoding.deflated:
        limits = evolve(limits, inflated=min(bounds.longest, limits.inflated))
    return decode(data, *encoding, max_elements=bounds.elements, limits=limits, is_constant=True)


def decode_data_set_later(
    data: Buffer | None, transfer_syntax: str, limits: Limits = DEFAULT_LIMITS, *, bounds: Bounds | None = None
) -> Dataset:
    """As :func:`decode_data_set`, but what can be made when it is looked at is made then; errors come now."""
    from dicomwire.data.plain_data_sets import decode_plain_later

    encoding = encoding_of(transfer_syntax)
    if data and encoding.little and not encoding.deflated:
        most = None if bounds is None else bounds.elements
        if encoding.implicit or (most is not None and len(data) > most):
            # Of explicit VR there are no sequences in what is plain.
            check_nesting(memoryview(data), limits.nesting, implicit=encoding.implicit, little=True, most_elements=most)
        plain = decode_plain_later(data, implicit=encoding.implicit)
        if plain is not None:
            return plain
    return decode_data_set(data, transfer_syntax, limits, bounds=bounds)


def encode_data_set(dataset: Dataset | Buffer, transfer_syntax: str) -> Buffer:
    """The bytes of a data set without its groups 0000 and 0002; bytes are taken to be encoded already.

    Values of odd length are padded: what was read so is written so (PS3.5 7.1.1).

    Raises:
        ValueError: it cannot be encoded.
    """
    encoded = _encoded(dataset, transfer_syntax)
    size = encoded.nbytes if isinstance(encoded, memoryview) else len(encoded)
    return _evened(encoded, transfer_syntax) if size & 1 else encoded


def _evened(data: Buffer, transfer_syntax: str) -> bytes:
    """Encoded elements of odd length, those of them padded that are to blame."""
    from dicomwire.data.bytes_to_send import InMemory, view_of
    from dicomwire.data.encodings import EXPLICIT, known
    from dicomwire.data.padding import CannotPad, padded, plan

    view = view_of(data)
    what = known(transfer_syntax)
    if what.deflated:
        # A deflated stream may be followed by a NUL (PS3.5 A.5).
        return bytes(view) + b"\0"
    content = InMemory(view)
    try:
        padding = plan(content.read_at, len(view), what.coding or EXPLICIT)
    except CannotPad as error:
        raise ValueError(f"an encoded data set is of odd length and cannot be padded: {error}") from None
    return b"".join(padded(iter((view,)), padding))


def _encoded(dataset: Dataset | Buffer, transfer_syntax: str) -> Buffer:
    if isinstance(dataset, bytes | bytearray | memoryview):
        return dataset
    from pydicom.dataset import Dataset

    if not isinstance(dataset, Dataset):
        raise ValueError(f"a data set is a Dataset or its bytes, not {type(dataset).__name__}")
    from dicomwire.data.dsutils import encode_dataset
    from dicomwire.data.pydicom_private import elements_of

    elements = elements_of(dataset)
    if elements and min(elements) >> 16 < 0x0003:
        dataset = dataset[0x00030000:]
    return encode_dataset(dataset, *encoding_of(transfer_syntax))
