"""The DICOM files of a folder, and what each is."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from attrs import frozen

from dicomwire.sop_class import MediaStorageDirectoryStorage
from tests.real_files.comparing import Contents, read

_PREFIX = slice(128, 132)
_BARE = re.compile(rb"\x08\0[\0-\x18]\0(?:[A-Z]{2}|.\0\0\0)", re.DOTALL)
"""How a data set without file meta information begins: an element of group 8, with a VR or a short length."""


@frozen
class Sample:
    """A file to send."""

    path: Path
    data: bytes
    contents: Contents | None
    trouble: str = ""
    """Why pydicom cannot read it, if it cannot."""

    @property
    def syntax(self) -> str:
        """The transfer syntax that the file meta information states."""
        return self.contents.meta.get("TransferSyntaxUID", "") if self.contents else ""

    @property
    def is_bare(self) -> bool:
        return self.data[_PREFIX] != b"DICM"

    @property
    def notes(self) -> list[str]:
        """What is odd about it."""
        if self.contents is None:
            return [f"unreadable: {self.trouble}"]
        found, meta = [], self.contents.meta
        if self.is_bare:
            found.append("no file meta information")
        elif not all(map(meta.get, ("MediaStorageSOPClassUID", "MediaStorageSOPInstanceUID", "TransferSyntaxUID"))):
            found.append("incomplete file meta information")
        elif self.uids != (meta["MediaStorageSOPClassUID"], meta["MediaStorageSOPInstanceUID"]):
            found.append("file meta UIDs differ")
        if len(self.data) & 1:
            found.append("odd length")
        return found

    @property
    def uids(self) -> tuple[str, str]:
        """SOP Class and SOP Instance UID: those of the data set, or else of the file meta information."""
        assert self.contents is not None
        contents, meta = self.contents, self.contents.meta
        return (
            contents.sop_class_uid or meta.get("MediaStorageSOPClassUID", ""),
            contents.sop_instance_uid or meta.get("MediaStorageSOPInstanceUID", ""),
        )


def is_dicom(head: bytes) -> bool:
    """Whether this is the beginning of a DICOM file, or of a data set without file meta information."""
    return head[_PREFIX] == b"DICM" or _BARE.match(head) is not None


def samples(folder: Path, limit: int | None = None) -> Iterator[Sample]:
    """Every DICOM file below ``folder`` once, whatever its name; also data sets without file meta information."""
    seen: set[bytes] = set()
    paths = [folder] if folder.is_file() else sorted(path for path in folder.rglob("*") if path.is_file())
    for path in paths:
        with path.open("rb") as file:
            head = file.read(132)
            if not is_dicom(head):
                continue
            data = head + file.read()
        if data in seen:
            continue
        seen.add(data)
        try:
            sample = Sample(path, data, read(data))
        except Exception as error:
            sample = Sample(path, data, None, f"{type(error).__name__}: {error}")
        if sample.contents is not None and _is_directory(sample):
            continue
        yield sample
        if limit is not None and len(seen) >= limit:
            return


def _is_directory(sample: Sample) -> bool:
    """A DICOMDIR is nothing to store, nor is what has no SOP class at all."""
    assert sample.contents is not None
    stated = sample.contents.meta.get("MediaStorageSOPClassUID", "")
    return MediaStorageDirectoryStorage in (sample.uids[0], stated) or not sample.uids[0]
