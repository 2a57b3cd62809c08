"""An archive that is asked by associations of a pool, and a web application on top of it, with Orthanc."""

from __future__ import annotations

import asyncio
import io
import json
import time
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.data import get_testdata_file

import dicomwire.asyncio
from benchmarks.orthanc import find_orthanc
from dicomwire import Archive, Pool, ServiceFailed, build_context
from tests.support.patience import SOON
from tests.support.peers import HOST, absent, listening
from tests.support.web_clients import archive_application

SAMPLES = [Path(str(get_testdata_file(name, download=False))) for name in ("CT_small.dcm", "MR_small.dcm")]
COMPRESSED = Path(str(get_testdata_file("JPEG2000.dcm", download=False)))
STUDIES = {"QueryRetrieveLevel": "STUDY", "PatientID": "", "StudyInstanceUID": ""}


@pytest.fixture(scope="module")
def orthanc(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of Orthanc, which holds the samples."""
    program = find_orthanc()
    if program is None:
        absent("Orthanc is not installed")
    assert program is not None
    folder = tmp_path_factory.mktemp("orthanc")

    def command(port: int) -> list[str | Path]:
        settings = {
            "StorageDirectory": str(folder / "files"), "IndexDirectory": str(folder / "files"), "Plugins": [],
            "HttpServerEnabled": False, "DicomPort": port, "DicomAet": "ORTHANC", "DicomCheckCalledAet": True,
            "DicomAlwaysAllowEcho": True, "DicomAlwaysAllowStore": True, "DicomAlwaysAllowFind": True,
            "DicomAlwaysAllowGet": True, "DicomAlwaysAllowMove": True,
        }  # fmt: skip
        path = folder / f"{port}.json"
        path.write_text(json.dumps(settings))
        assert program is not None
        return [program, path]

    with listening(command, folder / "log") as (_, port):
        with Archive(HOST, port, to="ORTHANC") as archive:
            assert all(archive.store(SAMPLES))
        yield port


def test_it_is_asked_in_one_call(orthanc: int, tmp_path: Path) -> None:
    with Archive(HOST, orthanc, to="ORTHANC") as archive:
        assert archive.echo().is_success
        uid = str(dcmread(SAMPLES[0]).StudyInstanceUID)
        (match,) = archive.find({**STUDIES, "PatientID": "1CT1"})
        assert match.StudyInstanceUID == uid
        retrieved = archive.retrieve({"QueryRetrieveLevel": "STUDY", "StudyInstanceUID": uid}, tmp_path)
        assert retrieved.is_complete, retrieved.failure
        assert dcmread(retrieved.paths[0]).PixelData == dcmread(SAMPLES[0]).PixelData
        with archive.matches(STUDIES) as matches:
            assert next(matches).PatientID
        with pytest.raises(ServiceFailed):
            archive.move({"QueryRetrieveLevel": "STUDY", "StudyInstanceUID": uid}, "NOBODY")


def test_what_is_compressed_is_stored_and_comes_back_as_it_was(orthanc: int, tmp_path: Path) -> None:
    sample = dcmread(COMPRESSED)
    query = {"QueryRetrieveLevel": "STUDY", "StudyInstanceUID": str(sample.StudyInstanceUID)}
    with Archive(HOST, orthanc, to="ORTHANC") as archive:
        assert all(archive.store(COMPRESSED))
        wanted = [build_context(sample.SOPClassUID, sample.file_meta.TransferSyntaxUID)]
        retrieved = archive.retrieve(query, tmp_path, contexts=wanted)
    assert retrieved.is_complete, retrieved.failure
    assert dcmread(retrieved.paths[0]).PixelData == sample.PixelData


def test_many_threads_and_tasks_share_a_few_associations(orthanc: int) -> None:
    with Pool(HOST, orthanc, to="ORTHANC", size=3, wait=SOON) as pool:

        def work(_: int) -> int:
            with pool.client() as client:
                return len(list(client.find(STUDIES)))

        with ThreadPoolExecutor(12) as threads:
            assert min(threads.map(work, range(48))) >= 2

    async def main() -> list[int]:
        async with dicomwire.asyncio.Archive(HOST, orthanc, to="ORTHANC", size=3, wait=SOON) as archive:
            return [len(found) for found in await asyncio.gather(*(archive.find(STUDIES) for _ in range(48)))]

    assert min(asyncio.run(main())) >= 2


def test_what_is_idle_is_released_and_verified(orthanc: int) -> None:
    with Pool(HOST, orthanc, to="ORTHANC", idle=0.1, verify=0) as pool:
        with pool.client() as first:
            pass
        with pool.client() as again:
            assert again is first
        deadline = time.monotonic() + SOON
        while not first.is_released:
            assert time.monotonic() < deadline
            time.sleep(0.01)


def test_a_web_application_stores_finds_and_pulls(orthanc: int) -> None:
    with archive_application((HOST, orthanc), "ORTHANC") as client:
        assert client.ask("/instances", SAMPLES[1].read_bytes())[0] == 201
        status, body = client.ask("/studies?PatientID=4MR1")
        (match,) = json.loads(body)
        assert status == 200
        status, body = client.ask(f"/studies/{match['0020000D']['Value'][0]}")
        assert status == 200
        with zipfile.ZipFile(io.BytesIO(body)) as pulled:
            (name,) = pulled.namelist()
            assert dcmread(io.BytesIO(pulled.read(name))).PatientID == "4MR1"
