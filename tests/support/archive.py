"""Something to query and retrieve: fifty small instances, a query/retrieve SCP of ours, and DCMTK's archive."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from fnmatch import fnmatchcase
from itertools import cycle
from pathlib import Path
from typing import Any

from attrs import define, field
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.multival import MultiValue
from pydicom.uid import UID

from dicomwire import evt
from tests.support.data_sets import fill
from tests.support.peers import HOST, Command, Process, listening, tool

UID_ROOT = "1.2.826.0.1.3680043.10.511.3.8"
CT = "1.2.840.10008.5.1.4.1.1.2"
MR = "1.2.840.10008.5.1.4.1.1.4"
SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
CLASSES = (CT, MR, SECONDARY_CAPTURE)

IMPLICIT = "1.2.840.10008.1.2"
EXPLICIT = "1.2.840.10008.1.2.1"

PATIENT_FIND, PATIENT_MOVE, PATIENT_GET = (f"1.2.840.10008.5.1.4.1.2.1.{number}" for number in (1, 2, 3))
STUDY_FIND, STUDY_MOVE, STUDY_GET = (f"1.2.840.10008.5.1.4.1.2.2.{number}" for number in (1, 2, 3))
PATIENT_STUDY_FIND = "1.2.840.10008.5.1.4.1.2.3.1"
WORKLIST_FIND = "1.2.840.10008.5.1.4.31"

# Patient, study, series, SOP class, modality, transfer syntax; ten instances each.
SERIES = (
    ("P1", 1, 1, CT, "CT", EXPLICIT),
    ("P1", 1, 2, CT, "CT", IMPLICIT),
    ("P1", 2, 3, MR, "MR", EXPLICIT),
    ("P2", 3, 4, CT, "CT", EXPLICIT),
    ("P2", 3, 5, SECONDARY_CAPTURE, "OT", EXPLICIT),
)
PATIENTS = {"P1": "Interop^Anna", "P2": "Interop^Bert"}
STUDY_DATES = {1: "20240102", 2: "20240203", 3: "20240304"}
EACH = 10

UNIQUE = {
    "PATIENT": "PatientID",
    "STUDY": "StudyInstanceUID",
    "SERIES": "SeriesInstanceUID",
    "IMAGE": "SOPInstanceUID",
}
"""The unique key of each level (PS3.4 C.6.1.1)."""


def make_instances() -> list[Dataset]:
    """Two patients with three studies, five series and fifty instances."""
    made = []
    for patient, study, series, sop_class, modality, syntax in SERIES:
        for number in range(1, EACH + 1):
            dataset = Dataset()
            dataset.SOPClassUID = sop_class
            dataset.SOPInstanceUID = f"{UID_ROOT}.{study}.{series}.{number}"
            dataset.StudyDate = STUDY_DATES[study]
            dataset.StudyTime = "101112"
            dataset.AccessionNumber = f"A{study}"
            dataset.Modality = modality
            dataset.PatientName = PATIENTS[patient]
            dataset.PatientID = patient
            dataset.PatientBirthDate = "19700101"
            dataset.PatientSex = "O"
            dataset.StudyInstanceUID = f"{UID_ROOT}.{study}"
            dataset.SeriesInstanceUID = f"{UID_ROOT}.{study}.{series}"
            dataset.StudyID = str(study)
            dataset.SeriesNumber = series
            dataset.InstanceNumber = number
            dataset.SamplesPerPixel = 1
            dataset.PhotometricInterpretation = "MONOCHROME2"
            dataset.Rows = dataset.Columns = 16
            dataset.BitsAllocated = dataset.BitsStored = 16
            dataset.HighBit = 15
            dataset.PixelRepresentation = 0
            dataset.PixelData = bytes([series, number]) * 256
            dataset["PixelData"].VR = "OW"
            dataset.file_meta = FileMetaDataset()
            dataset.file_meta.TransferSyntaxUID = UID(syntax)
            made.append(dataset)
    return made


def query(level: str, **keys: Any) -> Dataset:
    """An identifier; keys with empty values are asked for."""
    identifier = Dataset()
    identifier.QueryRetrieveLevel = level
    fill(identifier, keys)
    return identifier


def scheduled(patient: str, modality: str, **keys: Any) -> Dataset:
    """An item of a worklist, with all that DCMTK's worklist SCP wants to see."""
    step = Dataset()
    step.ScheduledStationAETitle = "SCANNER"
    step.ScheduledProcedureStepStartDate = "20240102"
    step.ScheduledProcedureStepStartTime = "101112"
    step.Modality = modality
    step.ScheduledPerformingPhysicianName = "Physician^Some"
    step.ScheduledProcedureStepDescription = f"{modality} of something"
    step.ScheduledProcedureStepID = f"SPS-{modality}"
    item = Dataset()
    item.SpecificCharacterSet = "ISO_IR 100"
    item.AccessionNumber = f"A-{modality}"
    item.PatientName = patient
    item.PatientID = patient.upper()
    item.PatientBirthDate = "19700101"
    item.PatientSex = "O"
    item.StudyInstanceUID = f"{UID_ROOT}.9.{len(modality + patient)}"
    item.RequestedProcedureDescription = "Something"
    item.RequestedProcedureID = f"RP-{modality}"
    item.ScheduledProcedureStepSequence = [step]
    fill(item, keys)
    return item


# -- an SCP over a list of data sets --------------------------------------------------------------------------------
def matches(instance: Dataset, identifier: Dataset) -> bool:
    """Single value, wild card, list of UID and sequence matching (PS3.4 C.2.2.2)."""
    for key in identifier:
        if key.keyword in ("QueryRetrieveLevel", "SpecificCharacterSet") or key.is_empty:
            continue
        if key.VR == "SQ":
            items = instance.get(key.keyword, [])
            if not all(any(matches(item, wanted) for item in items) for wanted in key.value):
                return False
            continue
        wanted = key.value if isinstance(key.value, MultiValue) else [key.value]
        value = str(instance.get(key.keyword, ""))
        if not any(fnmatchcase(value, str(one)) for one in wanted):
            return False
    return True


def rows(instances: Sequence[Dataset], identifier: Dataset) -> Iterator[Dataset]:
    """One match for each patient, study, series or instance that has what is asked for."""
    level = identifier.QueryRetrieveLevel
    seen = set()
    for instance in instances:
        unique = instance[UNIQUE[level]].value
        if unique in seen or not matches(instance, identifier):
            continue
        seen.add(unique)
        row = query(level)
        for key in identifier:
            if key.keyword in instance:
                row[key.tag] = instance[key.tag]
        yield row


ENDLESS = "ENDLESS"
"""As patient ID: all instances over and over again, until the request is cancelled."""


@define
class Archive:
    """Handlers of a query/retrieve SCP, with what they were asked."""

    instances: list[Dataset]
    worklist: list[Dataset] = field(factory=list)
    destinations: dict[str, Any] = field(factory=dict)
    """AE titles with what a C-MOVE handler says of them: address, port and perhaps arguments for ``associate``."""

    cancelled: list[str] = field(factory=list)
    """The kind of each request that was cancelled, when its handler has seen it."""

    closed: threading.Semaphore = field(factory=lambda: threading.Semaphore(0))
    """Released whenever a handler has ended, however it did."""

    @property
    def handlers(self) -> list[Any]:
        return [(evt.EVT_C_FIND, self.on_find), (evt.EVT_C_GET, self.on_get), (evt.EVT_C_MOVE, self.on_move)]

    def on_find(self, event: evt.Event) -> Iterator[Any]:
        identifier = event.identifier
        found: Iterator[Dataset]
        if event.context.abstract_syntax == WORKLIST_FIND:
            found = (item for item in self.worklist if matches(item, identifier))
        elif self._is_endless(identifier):
            identifier.PatientID = None
            found = cycle(list(rows(self.instances, identifier)))
        else:
            found = rows(self.instances, identifier)
        yield from self._until_cancelled(event, "find", found)

    def on_get(self, event: evt.Event) -> Iterator[Any]:
        number, chosen = self._chosen(event.identifier)
        yield number
        yield from self._until_cancelled(event, "get", chosen)

    def on_move(self, event: evt.Event) -> Iterator[Any]:
        destination = self.destinations.get(event.move_destination or "")
        yield destination or (None, None)
        number, chosen = self._chosen(event.identifier)
        yield number
        yield from self._until_cancelled(event, "move", chosen)

    def _chosen(self, identifier: Dataset) -> tuple[int, Iterator[Dataset]]:
        if self._is_endless(identifier):
            return 60000, cycle(self.instances)
        found = [instance for instance in self.instances if matches(instance, identifier)]
        return len(found), iter(found)

    def _is_endless(self, identifier: Dataset) -> bool:
        return bool(identifier.get("PatientID") == ENDLESS)

    def _until_cancelled(self, event: evt.Event, kind: str, found: Iterator[Dataset]) -> Iterator[Any]:
        try:
            for dataset in found:
                if event.is_cancelled:
                    self.cancelled.append(kind)
                    yield 0xFE00, None
                    return
                yield 0xFF00, dataset
        finally:
            self.closed.release()


# -- DCMTK's archive ------------------------------------------------------------------------------------------------
@contextmanager
def dcmqrscp(folder: Path, hosts: dict[str, int], *options: str) -> Iterator[tuple[Process, int]]:
    """DCMTK's dcmqrscp with one storage area, ARCHIVE; the process and its port.

    ``hosts`` are the move destinations that it knows, with their ports.
    """
    program = tool("dcmqrscp")
    area = folder / "area"
    area.mkdir(parents=True)
    table = [f"{title.lower()} = ({title}, {HOST}, {port})" for title, port in hosts.items()]

    def command(port: int) -> Command:
        path = folder / "dcmqrscp.cfg"
        lines = [
            f"NetworkTCPPort = {port}",
            "MaxPDUSize = 16384",
            "MaxAssociations = 16",
            "HostTable BEGIN",
            *table,
            "HostTable END",
            "VendorTable BEGIN",
            "VendorTable END",
            "AETable BEGIN",
            f"ARCHIVE {area} RW (200, 1024mb) ANY",
            "AETable END",
        ]
        path.write_text("\n".join(lines) + "\n")
        return [program, "-c", path, "-v", "-dhl", *options]

    with listening(command, folder / "dcmqrscp") as running:
        yield running


@contextmanager
def wlmscpfs(folder: Path, worklist: Sequence[Dataset], *options: str) -> Iterator[int]:
    """DCMTK's worklist SCP with the worklist of one AE title, WORKLIST; its port."""
    program = tool("wlmscpfs")
    area = folder / "data" / "WORKLIST"
    area.mkdir(parents=True)
    # It wants to lock this, and takes no request for a title without it.
    (area / "lockfile").touch()
    for number, item in enumerate(worklist):
        item.save_as(area / f"{number}.wl", implicit_vr=False, little_endian=True)

    def command(port: int) -> Command:
        return [program, "-v", "-dfp", area.parent, *options, str(port)]

    with listening(command, folder / "wlmscpfs") as (_, port):
        yield port
