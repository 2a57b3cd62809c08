"""The DICOM files that are sent: always the same bytes for the same size."""

from __future__ import annotations

import random
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from attrs import define, field, frozen

from benchmarks.tasks import CT_IMAGE_STORAGE, EXPLICIT_LITTLE, STUDY
from tests.support.certificates import self_signed

_BLOCK = 1 << 20
_MEMORY_FOLDER = Path("/dev/shm")


@frozen
class DataFile:
    """A DICOM file and where its data set lies."""

    path: Path
    size: int
    """Bytes of the data set."""

    offset: int


@define
class Files:
    """Makes each file once, when it is first asked for."""

    folder: Path
    _made: dict[int, DataFile] = field(factory=dict)
    _certificate: Path | None = None

    @property
    def received(self) -> Path:
        """The folder for what arrives."""
        folder = self.folder / "received"
        folder.mkdir(exist_ok=True)
        return folder

    def forget_received(self) -> None:
        """Remove what has arrived, so that nobody's clock has to."""
        shutil.rmtree(self.folder / "received", ignore_errors=True)

    def of(self, size: int) -> DataFile:
        """A CT image with ``size`` bytes of pixel data, explicit VR little endian."""
        if size not in self._made:
            self._made[size] = _make(self.folder / f"{size}.dcm", size)
        return self._made[size]

    def study(self, size: int, count: int) -> Path:
        """A folder with ``count`` such images, each an instance of its own."""
        folder = self.folder / f"study-{size}-{count}"
        if not folder.exists():
            folder.mkdir()
            for number in range(count):
                _make(folder / f"{number}.dcm", size, number + 1)
        return folder

    @property
    def certificate(self) -> Path:
        """The file with key and certificate of everybody who speaks TLS."""
        if self._certificate is None:
            self._certificate = self_signed(self.folder)
        return self._certificate


def _make(path: Path, size: int, number: int = 1) -> DataFile:
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import UID

    ds = Dataset()
    ds.SOPClassUID = CT_IMAGE_STORAGE
    ds.SOPInstanceUID = f"1.2.826.0.1.3680043.8.498.1.{number}"
    ds.StudyDate = "20260101"
    ds.StudyTime = "101500"
    ds.AccessionNumber = "A20260101"
    ds.StudyID = "1"
    ds.SeriesNumber = 1
    ds.Modality = "CT"
    ds.PatientName = "Benchmark^Object"
    ds.PatientID = "BENCHMARK"
    ds.StudyInstanceUID = STUDY
    ds.SeriesInstanceUID = "1.2.826.0.1.3680043.8.498.3"
    ds.InstanceNumber = number
    ds.SamplesPerPixel = 1
    ds.PhotometricInterpretation = "MONOCHROME2"
    ds.Rows = ds.Columns = 1
    ds.BitsAllocated = ds.BitsStored = 16
    ds.HighBit = 15
    ds.PixelRepresentation = 0
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = UID(EXPLICIT_LITTLE)
    ds.save_as(path, enforce_file_format=True)
    # The pixel data by hand: a GiB need not be in memory for it.
    block = random.Random(size).randbytes(min(size, _BLOCK))
    with path.open("r+b") as file:
        # (0002,0000) says how long the rest of the file meta information is.
        file.seek(140)
        offset = 144 + int.from_bytes(file.read(4), "little")
        file.seek(0, 2)
        file.write(b"\xe0\x7f\x10\x00OW\0\0" + size.to_bytes(4, "little"))
        for start in range(0, size, _BLOCK):
            file.write(block[: size - start])
        return DataFile(path, file.tell() - offset, offset)


@contextmanager
def scratch(needed: int) -> Iterator[Path]:
    """A temporary folder with ``needed`` bytes of room, in memory if there is such a file system."""
    in_memory = _MEMORY_FOLDER.is_dir() and shutil.disk_usage(_MEMORY_FOLDER).free > needed
    with tempfile.TemporaryDirectory(prefix="benchmark-", dir=_MEMORY_FOLDER if in_memory else None) as folder:
        yield Path(folder)
