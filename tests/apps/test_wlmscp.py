"""wlmscp: entries from files and tables, what is read again, and queries."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset

from dicomwire import ServiceFailed, Status, build_context, connect
from dicomwire.__main__ import main
from dicomwire.apps._common.exit_codes import CannotStart
from dicomwire.apps.conformance.entities_found import of_application
from dicomwire.apps.wlmscp.wlmscp import worklist_service
from dicomwire.apps.wlmscp.worklist_entries import WorklistEntries
from dicomwire.apps.wlmscp.worklist_table import read_table
from dicomwire.client.queries import WORKLIST
from dicomwire.providing.typed_requests import FindRequest
from tests.apps.helpers import BIG_ENDIAN, DEFLATED, EXPLICIT, HOST, IMPLICIT, VERIFICATION, Process, provider
from tests.support.archive import scheduled

HEADER = "PatientName,PatientID,AccessionNumber,Modality,ScheduledProcedureStepStartDate,ScheduledStationAETitle\n"
ROWS = "Doe^Jane,1,A1,CT,20240101,SCANNER\nMüller^Zoë,2,A2,MR,20240102,OTHER\n"
ANY_NAME = {"PatientName": ""}


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "list.csv"
    path.write_text(HEADER + ROWS, "utf-8")
    return path


def names(entries: list[Dataset]) -> list[str]:
    return [str(entry.PatientName) for entry in entries]


def asked(source: Path, keys: dict[str, Any], **options: bool) -> list[Dataset]:
    """The answers to a query, without a network."""
    service = worklist_service(WorklistEntries(source), names_in_any_case=options.get("any_case", False))
    (registered,) = service.registered
    return list(registered.handler(FindRequest.made_by_hand(keys, WORKLIST)))


def changed(path: Path, text: str) -> None:
    """Write a file another time, also where the clock of the file system is slow."""
    before = path.stat().st_mtime_ns
    path.write_text(text, "utf-8")
    os.utime(path, ns=(before + 10**9, before + 10**9))


# -- tables --------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_a_table_has_an_entry_a_row(delimiter: str, encoding: str, tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_text((HEADER + ROWS + ",,,,,\n").replace(",", delimiter), encoding, newline="\r\n")
    jane, zoe = read_table(path, logging.getLogger())
    assert (jane.PatientName, jane.ScheduledProcedureStepSequence[0].Modality) == ("Doe^Jane", "CT")
    assert "SpecificCharacterSet" not in jane and zoe.SpecificCharacterSet == "ISO_IR 100"
    assert zoe.PatientName == "Müller^Zoë"


def test_columns_are_paths_and_those_of_the_step_are_known(tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_text(
        "ScheduledStationAETitle,RequestedProcedureCodeSequence.CodeValue,0010,0020\n".replace("10,", "10 ")
    )
    with pytest.raises(ValueError, match="neither a keyword nor a tag"):
        read_table(path, logging.getLogger())
    path.write_text("ScheduledStationAETitle,RequestedProcedureCodeSequence.CodeValue\nSCANNER,X-1\n")
    (entry,) = read_table(path, logging.getLogger())
    assert entry.RequestedProcedureCodeSequence[0].CodeValue == "X-1"
    assert entry.ScheduledProcedureStepSequence[0].ScheduledStationAETitle == "SCANNER"


def test_the_study_of_a_row_is_always_the_same(table: Path) -> None:
    first, again = (read_table(table, logging.getLogger()) for _ in range(2))
    assert [entry.StudyInstanceUID for entry in first] == [entry.StudyInstanceUID for entry in again]
    assert first[0].StudyInstanceUID != first[1].StudyInstanceUID
    table.write_text("PatientID,StudyInstanceUID\n1,1.2.3\n")
    assert read_table(table, logging.getLogger())[0].StudyInstanceUID == "1.2.3"


def test_a_row_that_cannot_be_is_left_out(table: Path, caplog: pytest.LogCaptureFixture) -> None:
    table.write_text("PatientID,Rows\n1,2\n2,x\n3,4,5\n6\n")
    with caplog.at_level(logging.ERROR):
        found = read_table(table, logging.getLogger("dicomwire.apps.wlmscp"))
    assert [entry.PatientID for entry in found] == ["1", "6"]
    assert ["line 3" in caplog.messages[0], "line 4" in caplog.messages[1]] == [True, True]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"Nobody\n", "there is no keyword Nobody"),
        (b"PatientID,,\n1,2,3\n", "which is no keyword"),
        (b"PatientID=5\n", "which is no keyword"),
        (b"PatientID\n\xff\n", "utf-8"),
        (b'PatientID\n"1\n', "is no CSV"),
        (b"", "'' which is no keyword"),
    ],
)
def test_a_table_that_cannot_be_read_is_told_before_anybody_is_served(
    data: bytes, said: str, table: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table.write_bytes(data)
    code = main(["wlmscp", "0", str(table)]) if data else 1
    assert code == 1
    if data:
        err = capsys.readouterr().err
        assert said in err and "Traceback" not in err and "Listening" not in err


# -- folders -------------------------------------------------------------------------------------------------------
@pytest.fixture
def folder(tmp_path: Path, table: Path) -> Path:
    """A table and two files, one of them DICOM JSON."""
    scheduled("Roe^John", "CT").save_as(tmp_path / "b.wl", implicit_vr=False, little_endian=True)
    (tmp_path / "c.JSON").write_text(json.dumps([scheduled("Ōe^Ken", "MR", SpecificCharacterSet=None).to_json_dict()]))
    (tmp_path / "lockfile").touch()
    return tmp_path


def test_a_folder_has_files_of_several_kinds(folder: Path) -> None:
    entries = WorklistEntries(folder)
    entries.begin()
    assert names(entries.now()) == ["Roe^John", "Ōe^Ken", "Doe^Jane", "Müller^Zoë"]


def test_what_comes_changes_and_goes_is_seen_at_the_next_query(folder: Path) -> None:
    entries = WorklistEntries(folder)
    entries.begin()
    (folder / "b.wl").unlink()
    changed(folder / "list.csv", HEADER + ROWS.partition("\n")[0])
    scheduled("New^One", "CT").save_as(folder / "a.dcm", implicit_vr=False, little_endian=True)
    assert names(entries.now()) == ["New^One", "Ōe^Ken", "Doe^Jane"]


def test_what_has_not_changed_is_not_read_again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    entries = WorklistEntries(folder)
    entries.begin()
    before = entries.now()
    monkeypatch.setattr(Path, "read_bytes", lambda self: pytest.fail("it is read again"))
    assert all(one is other for one, other in zip(before, entries.now(), strict=True))


def test_a_broken_file_is_told_once_and_the_others_are_served(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    (folder / "b.wl").write_bytes(b"nothing of the kind")
    (folder / "c.JSON").write_text("{]")
    (folder / "d.json").write_text('{"00100010": {"vr": "PN"}}')
    entries = WorklistEntries(folder)
    for _ in range(2):
        assert names(entries.now()) == ["Doe^Jane", "Müller^Zoë"]
    assert [record.levelname for record in caplog.records if record.levelname == "ERROR"] == ["ERROR"] * 3


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes in folders")
def test_a_pipe_is_not_waited_for(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    os.mkfifo(folder / "a.wl")
    assert len(WorklistEntries(folder).now()) == 4
    assert "a.wl is no regular file" in caplog.text


def test_a_folder_without_worklist_files_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    entries = WorklistEntries(tmp_path)
    with caplog.at_level(logging.WARNING):
        entries.begin()
    assert entries.now() == [] and "There is nothing yet in" in caplog.text


def test_a_table_that_breaks_is_served_as_it_was(table: Path, caplog: pytest.LogCaptureFixture) -> None:
    entries = WorklistEntries(table)
    entries.begin()
    changed(table, "Nobody\n")
    assert names(entries.now()) == ["Doe^Jane", "Müller^Zoë"]
    assert "there is no keyword Nobody" in caplog.text
    changed(table, HEADER + "Roe^John,7\n")
    assert names(entries.now()) == ["Roe^John"]


def test_each_step_is_an_entry(tmp_path: Path) -> None:
    item = scheduled("Roe^John", "CT")
    item.ScheduledProcedureStepSequence.append(Dataset())
    item.ScheduledProcedureStepSequence[1].Modality = "MR"
    item.save_as(tmp_path / "a.wl", implicit_vr=False, little_endian=True)
    found = WorklistEntries(tmp_path).now()
    assert [entry.ScheduledProcedureStepSequence[0].Modality for entry in found] == ["CT", "MR"]
    assert [len(entry.ScheduledProcedureStepSequence) for entry in found] == [1, 1]


def test_a_folder_that_is_not_there_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["wlmscp", "0", str(tmp_path / "missing")]) == 1
    assert "missing cannot be read: No such file or directory" in capsys.readouterr().err
    with pytest.raises(CannotStart):
        WorklistEntries(tmp_path / "missing").begin()


@pytest.mark.parametrize(
    ("options", "syntaxes"),
    [
        ([], [IMPLICIT, EXPLICIT, DEFLATED, BIG_ENDIAN]),
        (["-xe"], [EXPLICIT, IMPLICIT, DEFLATED, BIG_ENDIAN]),
        (["-xi"], [IMPLICIT]),
    ],
)
def test_it_offers_the_worklist_and_nothing_that_is_compressed(options: list[str], syntaxes: list[str]) -> None:
    (entity,) = of_application("wlmscp", options)
    offered = {str(context.abstract_syntax): [*context.transfer_syntax] for context in entity.supported or ()}
    assert offered == {WORKLIST: syntaxes, VERIFICATION: syntaxes}


# -- queries -------------------------------------------------------------------------------------------------------
def test_an_answer_has_what_was_asked_for(table: Path) -> None:
    (answer,) = asked(
        table, {"PatientName": "M*", "ScheduledProcedureStepSequence": {"Modality": "", "ScheduledProcedureStepID": ""}}
    )
    assert (answer.PatientName, answer.SpecificCharacterSet) == ("Müller^Zoë", "ISO_IR 100")
    (step,) = answer.ScheduledProcedureStepSequence
    assert step.Modality == "MR" and "ScheduledStationAETitle" not in step and "PatientID" not in answer


def test_names_match_in_any_case_if_that_is_wanted(table: Path) -> None:
    assert asked(table, {"PatientName": "DOE*"}) == []
    assert names(asked(table, {"PatientName": "DOE*"}, any_case=True)) == ["Doe^Jane"]


def test_a_worklist_that_cannot_be_read_any_more_is_a_failure(table: Path) -> None:
    entries = WorklistEntries(table)
    entries.begin()
    table.unlink()
    (registered,) = worklist_service(entries, names_in_any_case=False).registered
    with pytest.raises(ServiceFailed) as failed:
        list(registered.handler(FindRequest.made_by_hand(ANY_NAME, WORKLIST)))
    assert failed.value.status == Status.CANNOT_UNDERSTAND


def test_a_cancelled_query_ends(table: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FindRequest, "is_cancelled", True)
    with pytest.raises(ServiceFailed) as failed:
        asked(table, ANY_NAME)
    assert failed.value.status == Status.CANCEL


@pytest.fixture
def running(folder: Path) -> Iterator[Process]:
    with provider("wlmscp", "0", str(folder), "-ba", HOST, "-v") as server:
        yield server


def test_a_running_one_answers_findscu_and_the_worklist_verb(
    running: Process, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keys = ["-k", "PatientName=", "-k", "ScheduledProcedureStepSequence[0].Modality=MR"]
    assert main(["findscu", HOST, running.port, "-W", *keys, "--json"]) == 0
    found = [json.loads(line)["00100010"]["Value"][0]["Alphabetic"] for line in capsys.readouterr().out.splitlines()]
    assert found == ["Ōe^Ken", "Müller^Zoë"]
    changed(folder / "list.csv", HEADER)
    with connect(HOST, int(running.port), services=["worklist"]) as association:
        assert names(list(association.worklist(ANY_NAME))) == ["Roe^John", "Ōe^Ken"]
    assert running.stop() == 0


def test_a_key_that_is_no_value_of_its_vr_is_refused_and_the_next_query_answered(running: Process) -> None:
    odd = Dataset()
    # The VR is not sent, and two bytes are no FD for who reads it.
    odd[0x00409225] = DataElement(0x00409225, "SH", "*")
    with connect(HOST, int(running.port), contexts=[build_context(WORKLIST, IMPLICIT)]) as peer:
        with pytest.raises(ServiceFailed):
            list(peer.worklist(odd))
        assert len(list(peer.worklist(ANY_NAME))) == 4
    assert running.stop() == 0
