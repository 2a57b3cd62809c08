"""Whole DICOM files as data sets: of every kind of source, deflated too, with and without pixels."""

from __future__ import annotations

import mmap
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread, dcmwrite
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError
from pydicom.uid import DeflatedExplicitVRLittleEndian

from dicomwire.data.reading_files import read_instance

PIXELS = 0x7FE00010


def _mapped(path: Path) -> mmap.mmap:
    with path.open("rb") as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


SOURCES: dict[str, Callable[[Path], Any]] = {
    "path": lambda path: path,
    "name": str,
    "bytes": Path.read_bytes,
    "file": lambda path: BytesIO(path.read_bytes()),
    "mapped": _mapped,
}


@pytest.fixture(scope="module", params=["plain", "deflated"])
def instance(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Dataset]:
    """A file, and what it holds."""
    found = get_testdata_file("CT_small.dcm", download=False)
    assert isinstance(found, str)
    dataset = dcmread(found)
    path = tmp_path_factory.mktemp("instance") / f"{request.param}.dcm"
    if request.param == "deflated":
        dataset.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    dcmwrite(path, dataset, implicit_vr=False, little_endian=True)
    return path, dataset


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("with_pixels", [True, False])
def test_an_instance_is_read_from_every_kind_of_source(
    instance: tuple[Path, Dataset], source: str, with_pixels: bool
) -> None:
    path, expected = instance
    found = read_instance(SOURCES[source](path), with_pixels=with_pixels)
    assert found.file_meta.TransferSyntaxUID == expected.file_meta.TransferSyntaxUID
    assert (PIXELS in found) is with_pixels
    assert [element for element in found if element.tag < 0x7FE00000] == [
        element for element in expected if element.tag < 0x7FE00000
    ]
    if with_pixels:
        assert found.PixelData == expected.PixelData


@pytest.mark.parametrize("source", ["path", "bytes", "file"])
def test_what_is_no_dicom_file_is_refused(tmp_path: Path, source: str) -> None:
    path = tmp_path / "text"
    path.write_text("nothing")
    with pytest.raises(InvalidDicomError):
        read_instance(SOURCES[source](path))
