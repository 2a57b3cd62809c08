"""Our wlmscp: DCMTK's findscu and pynetdicom query it."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.archive import scheduled
from tests.support.peers import HOST, finished, listening, tool

PYNETDICOM = """
import sys
from pydicom.dataset import Dataset
from pynetdicom import AE
identifier, step = Dataset(), Dataset()
identifier.PatientName = "I*"
step.Modality = "CT"
identifier.ScheduledProcedureStepSequence = [step]
ae = AE()
ae.add_requested_context("1.2.840.10008.5.1.4.31")
association = ae.associate("127.0.0.1", int(sys.argv[1]))
for status, match in association.send_c_find(identifier, "1.2.840.10008.5.1.4.31"):
    print(f"{status.Status:04X}", match and match.PatientName.encode().decode("latin-1"))
association.release()
"""


@pytest.fixture(scope="module")
def worklist(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    folder = tmp_path_factory.mktemp("worklist")
    for number, (name, modality) in enumerate([("Interop^Anna", "MR"), ("Interop^Bert", "CT"), ("Interöp^Zoë", "CT")]):
        item = scheduled(name, modality)
        item.ScheduledProcedureStepSequence[0].ScheduledProcedureStepStartDate = f"2024010{number + 1}"
        item.save_as(folder / f"{number}.wl", implicit_vr=False, little_endian=True)
    header = "PatientName,PatientID,Modality,ScheduledProcedureStepStartDate\n"
    (folder / "table.csv").write_text(f"{header}Interop^Carl,C,US,20240109\n", "utf-8")

    def command(port: int) -> list[str | Path]:
        return [sys.executable, "-m", "dicomwire", "wlmscp", str(port), folder, "-ba", HOST]

    with listening(command, folder / "log") as (_, port):
        yield port


STEP = "ScheduledProcedureStepSequence[0]"


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ([], {"Anna", "Bert", "Carl", "Zoë"}),
        ([f"{STEP}.Modality=CT"], {"Bert", "Zoë"}),
        (["PatientName=Interop^?arl"], {"Carl"}),
        ([f"{STEP}.Modality=CT", f"{STEP}.ScheduledProcedureStepStartDate=-20240102"], {"Bert"}),
        ([f"{STEP}.ScheduledProcedureStepStartDate=20240103-"], {"Zoë", "Carl"}),
        ([f"{STEP}.Modality=MR", f"{STEP}.ScheduledStationAETitle=OTHER"], set()),
    ],
)
def test_findscu_of_dcmtk_finds_what_matches(worklist: int, keys: list[str], expected: set[str]) -> None:
    given = [word for key in ["PatientName", *keys] for word in ("-k", key)]
    done = finished([tool("findscu"), "-W", "-v", HOST, str(worklist), *given])
    said = done.stdout
    answers = said.partition("Find Response")[2]
    # What is no ASCII is shown as it came, in Latin-1, or not at all.
    found = {name[:2] for name in re.findall(r"PN \[Inter.{1,2}p\^(\w\w)", answers)}
    assert found == {name[:2] for name in expected}
    assert "Received Final Find Response (Success)" in said


def test_pynetdicom_finds_what_matches(worklist: int) -> None:
    done = finished([sys.executable, "-W", "ignore", "-c", PYNETDICOM, str(worklist)])
    assert done.stdout.split() == ["FF00", "Interop^Bert", "FF00", "Interöp^Zoë", "0000", "None"]
