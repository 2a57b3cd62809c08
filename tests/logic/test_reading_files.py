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
from dicomwire.dsutils import decode, encode_dataset
from tests.support.encoded import DEFLATED, EXPLICIT, Writer, dicom_file, file_meta

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


@pytest.mark.parametrize("with_pixels", [True, False])
def test_a_file_object_is_read_from_where_it_stands(instance: tuple[Path, Dataset], with_pixels: bool) -> None:
    path, expected = instance
    source = BytesIO(b"in front" + path.read_bytes())
    source.seek(8)
    found = read_instance(source, with_pixels=with_pixels)
    assert found.PatientName == expected.PatientName
    assert found.file_meta == read_instance(path).file_meta


def test_what_is_read_has_all_that_pydicom_gives_it(instance: tuple[Path, Dataset]) -> None:
    path, expected = instance
    found: Any = read_instance(path)
    theirs = dcmread(path)
    assert found == expected and found == theirs
    assert found.file_meta == theirs.file_meta
    assert found.preamble == theirs.preamble
    assert found.filename == str(path)
    assert found.original_encoding == theirs.original_encoding == (False, True)
    assert found.original_character_set == theirs.original_character_set
    assert (found.is_implicit_VR, found.is_little_endian) == (False, True)
    # Of bytes there is no name.
    assert read_instance(path.read_bytes()).file_meta == theirs.file_meta


@pytest.mark.parametrize("source", ["path", "file"])
def test_without_pixels_all_from_their_group_on_is_left_out(tmp_path: Path, source: str) -> None:
    write = Writer(DEFLATED)
    content = write.uids("1.2.3") + write(0x7FDF0011, "LO", "before") + write(0x7FE00000, "UL", bytes(4))
    content = write.finish(content + write(0x7FE00001, "OV", bytes(8)) + write(0x7FE10010, "LO", "behind"))
    path = tmp_path / "a"
    meta = file_meta(syntax=DeflatedExplicitVRLittleEndian)
    path.write_bytes(dicom_file(content, meta))
    assert 0x7FE10010 in read_instance(path)
    found = read_instance(SOURCES[source](path), with_pixels=False)
    assert [*found.keys()] == [0x00080016, 0x00080018, 0x7FDF0011]


@pytest.mark.parametrize("syntax", [EXPLICIT, DEFLATED])
def test_text_of_a_file_follows_when_another_character_set_is_stated(syntax: str) -> None:
    dataset, item = Dataset(), Dataset()
    dataset.SpecificCharacterSet, dataset.PatientName, item.PatientName = "ISO_IR 100", "Müller", "Jörg"
    dataset.ReferencedStudySequence = [item]
    data = encode_dataset(dataset, False, True, syntax == DEFLATED)
    found = read_instance(dicom_file(data, file_meta(syntax=syntax)))
    found.SpecificCharacterSet = "ISO_IR 192"
    sent = decode(encode_dataset(found, False, True), False, True)
    assert (sent.PatientName, sent.ReferencedStudySequence[0].PatientName) == ("Müller", "Jörg")
