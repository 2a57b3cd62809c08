"""Typed handlers of ``serve`` against DCMTK's and pynetdicom's clients."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path

import pytest
from attrs import define, field
from pydicom import dcmread
from pydicom.dataset import Dataset

from dicomwire import FindRequest, GetRequest, MoveRequest, MoveTo, Service, Status, StoreRequest
from tests.support.archive import ENDLESS, UID_ROOT, make_instances, matches, rows, scheduled
from tests.support.peers import HOST, PROGRAMS, finished, free_port, tool
from tests.support.provided import provided_server

INSTANCES = make_instances()
WORKLIST = [scheduled("Interop^Anna", "MR"), scheduled("Interop^Bert", "CT")]


@define
class Archive:
    """Typed handlers of an archive."""

    folder: Path
    destinations: dict[str, int] = field(factory=dict)
    port: int = 0
    stored: list[str] = field(factory=list)
    titles: set[str] = field(factory=set)

    @property
    def service(self) -> Service:
        service = Service()
        service.store(self.store)
        service.find(self.find)
        service.worklist(self.worklist)
        service.get(self.get)
        service.move(self.move)
        return service

    def store(self, request: StoreRequest) -> Status:
        self.titles.add(request.calling_title)
        if request.sop_instance_uid.endswith(".7"):
            return Status.OUT_OF_RESOURCES.because("no room for seven")
        request.save(self.folder)
        self.stored.append(request.sop_instance_uid)
        return Status.SUCCESS

    def find(self, request: FindRequest) -> Iterator[Dataset]:
        identifier = request.identifier
        if identifier.get("PatientID") == ENDLESS:
            identifier.PatientID = None
            return cycle(list(rows(INSTANCES, identifier)))
        return rows(INSTANCES, identifier)

    async def worklist(self, request: FindRequest) -> list[Dataset]:
        return [item for item in WORKLIST if matches(item, request.identifier)]

    def get(self, request: GetRequest) -> list[Dataset]:
        return [instance for instance in INSTANCES if matches(instance, request.identifier)]

    async def move(self, request: MoveRequest) -> MoveTo | None:
        port = self.destinations.get(request.destination)
        if port is None:
            return None
        chosen = [instance for instance in INSTANCES if matches(instance, request.identifier)]
        return MoveTo(host=HOST, port=port, instances=chosen)


@pytest.fixture(scope="module")
def archive(adapter: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Archive]:
    archive = Archive(tmp_path_factory.mktemp("archive"))
    with provided_server(adapter, archive.service) as port:
        archive.port = port
        yield archive


def dcmtk(name: str, archive: Archive, *options: str | Path) -> str:
    program = tool(name)
    order = [*options, HOST, str(archive.port)] if name != "storescu" else [*options[:-1], HOST, str(archive.port)]
    more = [options[-1]] if name == "storescu" else []
    return finished([program, *order, *more], status=None).stdout


def pynetdicom(program: str, archive: Archive, *arguments: str | Path) -> str:
    return finished([sys.executable, PROGRAMS / program, str(archive.port), *arguments]).stdout


def keys(**values: str) -> list[str]:
    return [word for keyword, value in values.items() for word in ("-k", f"{keyword}={value}" if value else keyword)]


STUDY = keys(QueryRetrieveLevel="STUDY", StudyInstanceUID=f"{UID_ROOT}.1")


def test_echoscu(archive: Archive) -> None:
    assert "(Success)" in dcmtk("echoscu", archive, "-v")


def test_storescu_stores_and_is_told_what_is_refused(archive: Archive, archived: list[Path]) -> None:
    archive.stored.clear()
    said = dcmtk("storescu", archive, "-v", "+sd", "-nh", archived[0].parent)
    assert said.count("(Success)") == 45
    assert said.count("OutOfResources") == 5
    assert len(archive.stored) == 45
    assert "STORESCU" in archive.titles
    path = archive.folder / archived[0].name
    assert dcmread(path).PixelData == dcmread(archived[0]).PixelData


def test_findscu_finds_and_cancels(archive: Archive) -> None:
    said = dcmtk("findscu", archive, "-v", "-S", *keys(QueryRetrieveLevel="STUDY", StudyInstanceUID=""))
    assert said.count("Find Response:") == 3
    assert "Received Final Find Response (Success)" in said
    endless = keys(QueryRetrieveLevel="STUDY", StudyInstanceUID="", PatientID=ENDLESS)
    said = dcmtk("findscu", archive, "-v", "-S", "--cancel", "3", *endless)
    assert "Received Final Find Response (Cancel" in said


def test_findscu_finds_a_worklist(archive: Archive) -> None:
    asked = keys(**{"ScheduledProcedureStepSequence[0].Modality": "MR", "PatientName": ""})
    said = dcmtk("findscu", archive, "-v", "-W", *asked)
    assert said.count("Find Response:") == 1
    assert "Interop^Anna" in said


def test_getscu_gets(archive: Archive, tmp_path: Path) -> None:
    said = dcmtk("getscu", archive, "-v", "-S", "-od", tmp_path, *STUDY)
    assert "Number of Completed Suboperations : 20" in said
    assert len(list(tmp_path.iterdir())) == 20


def test_movescu_moves_to_itself_and_is_told_what_nobody_knows(archive: Archive, tmp_path: Path) -> None:
    archive.destinations["MOVESCU"] = port = free_port()
    said = dcmtk("movescu", archive, "-v", "-S", "--port", str(port), "-od", tmp_path, *STUDY)
    assert "Received Final Move Response (Success)" in said
    assert len(list(tmp_path.iterdir())) == 20
    said = dcmtk("movescu", archive, "-v", "-S", "-aem", "NOBODY", *STUDY)
    assert "MoveDestinationUnknown" in said


def test_pynetdicom_stores_finds_and_gets(archive: Archive, archived: list[Path], tmp_path: Path) -> None:
    archive.stored.clear()
    said = pynetdicom("storage_scu.py", archive, archived[0].parent)
    assert len(archive.stored) == 45
    assert said.lower().count("a700") == 5
    assert "Interop^Anna P1" in pynetdicom("find_scu.py", archive, "ARCHIVE", "Interop^Anna")
    pynetdicom("get_scu.py", archive, "ARCHIVE", f"{UID_ROOT}.1", tmp_path)
    assert len(list(tmp_path.iterdir())) == 20
    archive.destinations["MOVESCU"] = port = free_port()
    assert "20 received" in pynetdicom("move_scu.py", archive, "ARCHIVE", f"{UID_ROOT}.1", str(port))
