"""Whole DICOM files as data sets."""

from __future__ import annotations

import os
from io import BytesIO
from mmap import ACCESS_READ, mmap
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from dicomwire._globals import DEFLATED_SYNTAXES
from dicomwire.data import store
from dicomwire.data.encodings import known
from dicomwire.data.file_meta import read_file_meta
from dicomwire.data.nesting import check_nesting
from dicomwire.upper_layer.limits import Limits
from dicomwire.upper_layer.pdus import DEFAULT_LIMITS

if TYPE_CHECKING:
    from pydicom.dataset import Dataset


def read_instance(
    source: str | os.PathLike[str] | BinaryIO | Any, *, with_pixels: bool = True, limits: Limits | None = None
) -> Dataset:
    """The instance in a DICOM file: a path, a binary file object that stands at its beginning, or bytes.

    As pydicom's ``dcmread``, which inflates one deflated transfer syntax of three, and without limit; and elements of
    unknown VR that are known have theirs.

    Raises:
        pydicom.errors.InvalidDicomError, OSError: it is no DICOM file, or cannot be read.
        BrokenDataSet: its data set is damaged, or beyond ``limits``, as :func:`dicomwire.dsutils.decode` has them.
    """
    from pydicom.errors import InvalidDicomError

    from dicomwire.data.dsutils import broken, cause_of, is_of_the_system

    try:
        return _read(source, with_pixels, limits or DEFAULT_LIMITS)
    except Exception as error:
        if isinstance(error, InvalidDicomError) or is_of_the_system(error):
            raise
        raise broken(error) from cause_of(error)


def _read(source: Any, with_pixels: bool, limits: Limits) -> Dataset:
    if isinstance(source, str | os.PathLike):
        with store.STORE.reader(source) as file:
            return _read(file, with_pixels, limits)
    is_file = hasattr(source, "read") and hasattr(source, "seek") and not isinstance(source, mmap)
    found: Any = source if is_file else BytesIO(cast(bytes, source))
    begin = found.tell()
    if (inflated := _inflated(found, limits)) is not None:
        return inflated if with_pixels else _without_pixels(inflated)
    found.seek(begin)
    from pydicom import dcmread

    from dicomwire.data.unknown_vr import as_known

    return as_known(dcmread(found, stop_before_pixels=not with_pixels))


def _without_pixels(dataset: Dataset) -> Dataset:
    from dicomwire.data.pydicom_private import elements_of

    for tag in [tag for tag in elements_of(dataset) if tag >= 0x7FE00000]:
        del dataset[tag]
    return dataset


def _inflated(file: BinaryIO, limits: Limits) -> Dataset | None:
    """The instance, if it is deflated; else nothing is said against decoding it."""
    begin = file.tell()
    meta = read_file_meta(file)
    if meta.transfer_syntax_uid not in DEFLATED_SYNTAXES:
        _check(file, begin + meta.data_set_offset, meta.transfer_syntax_uid, limits)
        return None
    from pydicom.dataset import FileDataset, FileMetaDataset
    from pydicom.filereader import read_dataset

    from dicomwire.data.dsutils import decode

    file.seek(begin)
    head = file.read(meta.data_set_offset)
    file_meta = FileMetaDataset(read_dataset(BytesIO(head[132:]), False, True))
    dataset = decode(file.read(), is_implicit_vr=False, is_little_endian=True, deflated=True, limits=limits)
    name = cast(str, getattr(file, "name", None) or file)
    made = FileDataset(name, dataset, head[:128], file_meta, is_implicit_VR=False, is_little_endian=True)
    # The constructor forgets it, and text would stay in the old set where another is stated.
    made.set_original_encoding(False, True, dataset.original_character_set)
    return made


def _check(file: BinaryIO, offset: int, transfer_syntax: str | None, limits: Limits) -> None:
    """Look at how deep its sequences are, in place; not of a file object that is neither memory nor a file."""
    coding = known(transfer_syntax or "").coding
    implicit, little = (False, True) if coding is None else (coding.implicit, coding.little)
    if isinstance(file, BytesIO):
        with file.getbuffer() as view:
            check_nesting(view[offset:], limits.nesting, implicit=implicit, little=little)
        return
    try:
        mapped = mmap(file.fileno(), 0, access=ACCESS_READ)
    except (AttributeError, OSError, ValueError):
        return
    with mapped, memoryview(mapped) as view, view[offset:] as data_set:
        check_nesting(data_set, limits.nesting, implicit=implicit, little=little)
