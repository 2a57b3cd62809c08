"""The web application on top of an archive: ``examples/starlette_archive.py``."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset

from dicomwire import FindRequest, GetRequest, Service, Status, StoreRequest, serve
from tests.support.web_clients import CAN_INTERRUPT, WebClient, archive_application

pytest.importorskip("uvicorn")
pytest.importorskip("starlette")
pytestmark = pytest.mark.skipif(not CAN_INTERRUPT, reason="Ctrl-C is sent to one process")

SAMPLE = Path(str(get_testdata_file("CT_small.dcm", download=False)))
COMPRESSED = Path(str(get_testdata_file("JPEG2000.dcm", download=False)))


class SmallArchive:
    """Keeps what it gets, and finds it by patient and study."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.kept: dict[str, Path] = {}
        self.service = Service()
        self.service.store(self.keep)
        self.service.find(self.find)
        self.service.get(self.get)

    def keep(self, request: StoreRequest) -> Status:
        dataset = request.dataset
        path = self.folder / f"{len(self.kept)}.dcm"
        dataset.save_as(path, enforce_file_format=True)
        self.kept[str(dataset.SOPInstanceUID)] = path
        return Status.SUCCESS

    def matching(self, query: Dataset) -> dict[str, list[Dataset]]:
        found: dict[str, list[Dataset]] = {}
        for path in self.kept.values():
            dataset = dcmread(path, stop_before_pixels=True)
            for keyword in ("PatientID", "StudyInstanceUID"):
                if query.get(keyword) not in (None, "", dataset.get(keyword)):
                    break
            else:
                found.setdefault(str(dataset.StudyInstanceUID), []).append(dataset)
        return found

    def find(self, request: FindRequest) -> Iterator[Dataset]:
        for uid, instances in self.matching(request.identifier).items():
            match = Dataset()
            match.StudyInstanceUID, match.PatientID = uid, instances[0].PatientID
            yield match

    def get(self, request: GetRequest) -> list[Any]:
        instances = [each for several in self.matching(request.identifier).values() for each in several]
        return [self.kept[str(each.SOPInstanceUID)] for each in instances]


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[tuple[SmallArchive, WebClient]]:
    kept = SmallArchive(tmp_path)
    with (
        serve(("127.0.0.1", 0), kept.service) as server,
        archive_application(("127.0.0.1", server.server_address[1]), "ARCHIVE") as client,
    ):
        yield kept, client


def test_uploads_are_stored_found_and_pulled(archive: tuple[SmallArchive, WebClient]) -> None:
    kept, client = archive
    assert client.ask("/studies") == (200, b"[]")
    for path in (SAMPLE, COMPRESSED):
        assert client.ask("/instances", path.read_bytes()) == (201, b'{"status":"0x0000"}')
    sample = dcmread(SAMPLE)
    status, body = client.ask(f"/studies?PatientID={sample.PatientID}")
    (match,) = json.loads(body)
    assert (status, match["0020000D"]["Value"]) == (200, [sample.StudyInstanceUID])
    status, body = client.ask(f"/studies/{sample.StudyInstanceUID}")
    assert status == 200
    with zipfile.ZipFile(io.BytesIO(body)) as pulled:
        (name,) = pulled.namelist()
        assert dcmread(io.BytesIO(pulled.read(name))).PixelData == sample.PixelData
    assert len(kept.kept) == 2


def test_requests_at_once_share_the_associations(archive: tuple[SmallArchive, WebClient]) -> None:
    _, client = archive
    assert client.ask("/instances", SAMPLE.read_bytes())[0] == 201
    with ThreadPoolExecutor(16) as threads:
        answers = list(threads.map(client.ask, ["/studies"] * 64))
    assert {status for status, _ in answers} == {200}


def test_what_cannot_be_done_is_told_by_the_status(archive: tuple[SmallArchive, WebClient]) -> None:
    _, client = archive
    assert client.ask("/instances", b"no DICOM file")[0] == 400
    assert client.ask("/studies?Nonsense=1")[0] == 400
    assert client.ask("/studies/*")[0] == 400
    assert client.ask("/studies/1.2.3")[0] == 404


def test_an_archive_that_is_not_there_is_a_bad_gateway(tmp_path: Path) -> None:
    with serve(("127.0.0.1", 0), SmallArchive(tmp_path).service) as server:
        port = server.server_address[1]
    with archive_application(("127.0.0.1", port), "ARCHIVE") as client:
        status, body = client.ask("/studies")
        assert status == 502
        assert b"refused" in body
        assert client.ask("/instances", SAMPLE.read_bytes())[0] == 502
