"""Any bytes as a DICOM file: an instance or a documented error, the same one however the bytes are read."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from io import BytesIO
from typing import Any

from attrs import frozen
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError

from dicomwire.data.data_set_head import Unsendable
from dicomwire.data.file_meta import encode_file_meta, parse_file_meta
from dicomwire.data.reading_files import read_instance
from dicomwire.errors import BrokenDataSet
from dicomwire.sources import IncompleteFileMeta, opened
from fuzz.corpus import fragments
from tests.support.tolerant import tolerant

STEERING = 2
"""How much of it is read at first, and how much at a time."""

CT_IMAGE_STORAGE = "1.2.840.10008.5.1.4.1.1.2"
SYNTAXES = ("1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1.99", "1.2.3")


@frozen
class Refusal:
    """What was raised, in words."""

    kind: type[Exception]
    reason: str


def one_input(data: bytes) -> None:
    if len(data) < STEERING:
        return
    first, step, data = data[0] * 4, 1 + data[1], data[STEERING:]
    with tolerant():
        _meta(data, first)
        _sent(data, step)
        _read(data)


def _tried(call: Callable[[], Any], *documented: type[Exception]) -> Any:
    try:
        return call()
    except documented as error:
        return Refusal(type(error), str(error))


def _meta(data: bytes, first: int) -> None:
    """File meta information is the same wherever reading pauses."""
    for or_bare in (False, True):
        _meta_alike(data, first, or_bare)


def _meta_alike(data: bytes, first: int, or_bare: bool) -> None:
    whole = _tried(lambda: parse_file_meta(data, lambda size: b"", or_bare=or_bare), InvalidDicomError)
    file = BytesIO(data)
    begin = file.read(max(132 + 12, first))
    assert _tried(lambda: parse_file_meta(begin, file.read, or_bare=or_bare), InvalidDicomError) == whole
    if not isinstance(whole, Refusal):
        assert 0 <= whole.data_set_offset <= len(data)


def _sent(data: bytes, step: int) -> None:
    """What would be sent of it, from memory and from a file object."""
    one, other = (_instance(source, step) for source in (data, BytesIO(data)))
    # Where several things are wrong, which is told depends on what was read first.
    assert one == other or (isinstance(one, Refusal) and isinstance(other, Refusal))


def _instance(source: Any, step: int) -> Any:
    documented = InvalidDicomError, IncompleteFileMeta, Unsendable
    found = _tried(lambda: opened(source), *documented)
    if isinstance(found, Refusal):
        return found
    with found as instance:
        pieces = _tried(lambda: [bytes(piece) for piece, _ in instance.pieces(2 * step)], ValueError)
        if isinstance(pieces, Refusal):
            return pieces
        assert all(len(piece) <= 2 * step and len(piece) % 2 == 0 for piece in pieces) and all(pieces[:-1])
        return instance.sop_class_uid, instance.sop_instance_uid, instance.transfer_syntax_uid, b"".join(pieces)


def _read(data: bytes) -> None:
    """As a data set."""
    found = _tried(lambda: read_instance(data), InvalidDicomError, BrokenDataSet)
    assert isinstance(found, Dataset | Refusal)
    without = _tried(lambda: read_instance(data, with_pixels=False), InvalidDicomError, BrokenDataSet)
    if isinstance(without, Dataset):
        assert 0x7FE00010 not in without


def seeds() -> Iterable[bytes]:
    for number, data in enumerate(fragments(command=False)):
        meta = encode_file_meta(
            sop_class_uid=CT_IMAGE_STORAGE,
            sop_instance_uid="1.2.3",
            transfer_syntax_uid=SYNTAXES[number % len(SYNTAXES)],
            implementation_class_uid="1.2.4",
            implementation_version_name="FUZZ" if number & 1 else None,
        )
        yield bytes((number & 0xFF, 40)) + meta + data
        yield bytes((40, number & 0xFF)) + data
