"""The check on real files finds what it should, on a few that pydicom ships."""

from __future__ import annotations

import gzip
import io
import json
import shutil
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydicom import Dataset, dcmread
from pydicom.data import get_testdata_file
from pydicom.uid import UID, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from tests.real_files.__main__ import main
from tests.real_files.comparing import compare, data_set_bytes, read, tolerant
from tests.real_files.fetching import unpack
from tests.real_files.finding import samples
from tests.real_files.receivers import Receiver

NAMES = ("CT_small.dcm", "MR_small_RLE.dcm", "MR_small_implicit.dcm", "image_dfl.dcm")


def sample(name: str) -> Path:
    path = get_testdata_file(name, download=False)
    assert isinstance(path, str)
    return Path(path)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "some files"
    folder.mkdir()
    for name in NAMES:
        shutil.copy(sample(name), folder)
    (folder / "README.txt").write_text("no DICOM file")
    return folder


def encoded(change: Callable[[Dataset], object] = lambda dataset: None, syntax: UID = ExplicitVRLittleEndian) -> bytes:
    """A treatment plan, with sequences in sequences, changed and in another transfer syntax."""
    with tolerant():
        dataset = dcmread(sample("rtplan.dcm"))
        change(dataset)
        dataset.file_meta.TransferSyntaxUID = syntax
        dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
        buffer = io.BytesIO()
        dataset.save_as(buffer, implicit_vr=syntax == ImplicitVRLittleEndian)
        return buffer.getvalue()


# -- the whole --------------------------------------------------------------------------------------------------------
def test_files_are_sent_in_every_way_and_found_as_they_were(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = tmp_path / "report.jsonl"
    assert main([str(folder), "--report", str(report)]) == 0
    records = [json.loads(line) for line in report.read_text("utf-8").splitlines()]
    assert {record["file"] for record in records} == set(NAMES)
    assert {record["outcome"] for record in records} == {"identical", "equal"}
    found = {(record["file"], record["way"]) for record in records}
    assert {("CT_small.dcm", way) for way in ("path", "bytes", "dataset", "app", "path as implicit")} <= found
    assert not any(name == "MR_small_RLE.dcm" and " as " in way for name, way in found)
    assert capsys.readouterr().out.startswith("4 files\n")


@pytest.mark.parametrize("adapter", ["asyncio", "trio"])
def test_every_adapter_can_be_the_sender(folder: Path, adapter: str) -> None:
    assert main([str(folder), "--limit", "1", "--adapter", adapter]) == 0


def test_what_arrives_changed_or_under_another_uid_is_told(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    original = Receiver.take

    def take(self: Receiver) -> list[Path]:
        paths = original(self)
        for path in paths:
            dataset = dcmread(path)
            dataset.Manufacturer = "somebody else"
            dataset.file_meta.MediaStorageSOPInstanceUID = UID("1.2.3")
            dataset.save_as(path)
        return paths

    monkeypatch.setattr(Receiver, "take", take)
    assert main([str(folder), "--limit", "1"]) == 1
    said = capsys.readouterr().out
    assert "differs: CT_small.dcm" in said
    assert "(0008,0070) LO was 'GE MEDICAL SYSTEMS', is LO 'somebody else'" in said
    assert "MediaStorageSOPInstanceUID is 1.2.3, should be " in said


def test_what_cannot_be_sent_is_listed_with_the_reason(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "cut.dcm").write_bytes(sample("CT_small.dcm").read_bytes()[:180])
    main([str(tmp_path)])
    assert "refused: cut.dcm" in capsys.readouterr().out


def test_a_folder_without_files_is_no_success(tmp_path: Path) -> None:
    assert main([str(tmp_path)]) == 1


# -- finding ----------------------------------------------------------------------------------------------------------
def test_each_file_is_found_once_and_its_oddities_are_noted(tmp_path: Path) -> None:
    data = encoded()
    (tmp_path / "one").write_bytes(data)
    (tmp_path / "same").write_bytes(data)
    (tmp_path / "odd").write_bytes(data + b"\0")
    with tolerant():
        dataset = dcmread(sample("CT_small.dcm"))
        dataset.SOPInstanceUID = UID("1.2.3")
        dataset.save_as(tmp_path / "other-uid")
    (tmp_path / "bare").write_bytes(data_set_bytes(data))
    shutil.copy(sample("DICOMDIR"), tmp_path)
    assert {each.path.name: each.notes for each in samples(tmp_path)} == {
        "bare": ["no file meta information"],
        "odd": ["odd length"],
        "one": [],
        "other-uid": ["file meta UIDs differ"],
    }


# -- comparing --------------------------------------------------------------------------------------------------------
def test_an_instance_is_the_same_in_another_encoding() -> None:
    assert compare(read(encoded()), read(encoded(syntax=ImplicitVRLittleEndian))).differences == []
    little, big = (read(sample(name).read_bytes()) for name in ("MR_small.dcm", "MR_small_bigendian.dcm"))
    assert compare(little, big).differences == []


def drop(dataset: Dataset) -> None:
    del dataset.BeamSequence[0].ControlPointSequence[0].NominalBeamEnergy


def add(dataset: Dataset) -> None:
    dataset.BeamSequence[0].BeamDescription = "more"


def change(dataset: Dataset) -> None:
    dataset.BeamSequence[0].ControlPointSequence[1].ControlPointIndex = 7


def respell(dataset: Dataset) -> None:
    dataset.BeamSequence[0].SourceAxisDistance = "1000.00"


def shorten(dataset: Dataset) -> None:
    dataset.BeamSequence[0].ControlPointSequence.pop()


@pytest.mark.parametrize(
    ("what", "said"),
    [
        (drop, "(300A,00B0)[1](300A,0111)[1](300A,0114) lost"),
        (add, "(300A,00B0)[1](300A,00C3) added"),
        (change, "(300A,00B0)[1](300A,0111)[2](300A,0112) IS was '1', is IS '7'"),
        (respell, "(300A,00B0)[1](300A,00B4) DS was '1000.00000000000', is DS '1000.00'"),
        (shorten, "(300A,00B0)[1](300A,0111) has 1 items, had 2"),
    ],
)
def test_a_difference_is_found_however_deep(what: Any, said: str) -> None:
    assert compare(read(encoded()), read(encoded(what, ImplicitVRLittleEndian))).differences == [said]


def test_a_changed_vr_is_a_difference_where_both_files_state_it() -> None:
    def as_text(dataset: Dataset) -> None:
        dataset["PatientID"].VR = "SH"

    said = "(0010,0020) is SH, was LO"
    assert compare(read(encoded()), read(encoded(as_text))).differences == [said]
    implicit = compare(read(encoded()), read(encoded(as_text, ImplicitVRLittleEndian)))
    assert implicit.differences == []


# -- unpacking --------------------------------------------------------------------------------------------------------
def test_dicom_files_are_unpacked_from_archives_in_archives_and_nowhere_else(tmp_path: Path) -> None:
    data = encoded()
    inner, outer = io.BytesIO(), io.BytesIO()
    with zipfile.ZipFile(inner, "w") as archive:
        archive.writestr("../../out.dcm", data)
        archive.writestr("notes.txt", "nothing")
    with tarfile.open(fileobj=outer, mode="w:gz") as tar:
        for name, content in (("package/inner.zip", inner.getvalue()), ("package/more.dcm.gz", gzip.compress(data))):
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    assert unpack(outer.getvalue(), tmp_path / "made") == 2
    found = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert found == {"made/package/inner.zip/out.dcm", "made/package/more.dcm.gz"}


@pytest.mark.parametrize("data", [b"", b"text", b"PK\3\4nothing", b"\x1f\x8bnothing"])
def test_what_is_no_archive_holds_nothing(tmp_path: Path, data: bytes) -> None:
    assert unpack(data, tmp_path / "made") == 0
    assert list(tmp_path.iterdir()) == []
