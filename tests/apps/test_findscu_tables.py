"""findscu --csv and --jsonl."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from pathlib import Path

import pytest

from dicomwire.__main__ import main
from dicomwire.apps.findscu.match_tables import CSVRows, cell
from tests.apps.archives import archive, match
from tests.apps.helpers import HOST, environment
from tests.support.processes import ends_in_time

KEYS = ["-k", "QueryRetrieveLevel=STUDY", "-k", "PatientName=", "-k", "ModalitiesInStudy=", "-k", "PatientID="]
TWO = [
    (0xFF00, match(PatientName="Doë^Jane", ModalitiesInStudy=["CT", "MR"], PatientID="=1+1", StudyID="unasked")),
    (0xFF00, match(PatientName="Roe, John")),
]
TABLE = 'ModalitiesInStudy,PatientName,PatientID\nCT\\MR,Doë^Jane,\'=1+1\n,"Roe, John",\n'


def findscu(port: str, *args: str | Path) -> int:
    return main(["findscu", HOST, port, *KEYS, *map(str, args)])


def test_a_table_has_a_column_for_each_key_and_a_row_for_each_match(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "out.csv"
    with archive(TWO) as server:
        assert findscu(server.port, "--csv", file, "-q") == 0
    assert file.read_bytes().decode() == TABLE
    assert file.stat().st_mode & 0o077 == 0 or sys.platform == "win32"
    assert capsys.readouterr() == ("", "")


def test_a_table_may_go_to_standard_output_and_lines_to_a_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "out.jsonl"
    with archive(TWO) as server:
        assert findscu(server.port, "--csv", "-", "--jsonl", file) == 0
    assert capsys.readouterr().out == TABLE
    assert [json.loads(line)["00100010"]["Value"][0]["Alphabetic"] for line in file.read_text().splitlines()] == [
        "Doë^Jane",
        "Roe, John",
    ]


def test_jsonl_on_standard_output_is_json(capsys: pytest.CaptureFixture[str]) -> None:
    outs = []
    for option in (["--json"], ["--jsonl", "-"]):
        with archive(TWO) as server:
            assert findscu(server.port, *option) == 0
        outs.append(capsys.readouterr().out)
    assert outs[0] == outs[1] and len(outs[0].splitlines()) == 2


def test_with_a_file_people_see_the_matches_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with archive(TWO) as server:
        assert findscu(server.port, "--csv", tmp_path / "out.csv") == 0
    assert "  PatientName: Roe, John" in capsys.readouterr().out


def test_no_match_is_a_header(capsys: pytest.CaptureFixture[str]) -> None:
    with archive() as server:
        assert findscu(server.port, "--csv", "-") == 0
    assert capsys.readouterr().out == "ModalitiesInStudy,PatientName,PatientID\n"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("Doe^Jane", "Doe^Jane"),
        ("=HYPERLINK(1)", "'=HYPERLINK(1)"),
        ("+1", "+1"),
        ("-1.5e-3", "-1.5e-3"),
        ("-1+cmd|' /C calc'!A0", "'-1+cmd|' /C calc'!A0"),
        ("@SUM(1)", "'@SUM(1)"),
        ("＝1", "'＝1"),
        ("a=b", "a=b"),
        ("a;=b; +c", "a;'=b; '+c"),
        ("\t=1", "\\t=1"),
        ("\x1b[2J\u202eabc\0", "\\x1b[2J\\u202eabc\\x00"),
        ("x" * 5000, "x" * 5000),
        ("\x07" * 100, "\\x07" * 100),
        ("", ""),
    ],
)
def test_a_cell_is_no_formula_and_moves_no_cursor(value: str, shown: str) -> None:
    assert cell(value) == shown


def test_items_of_sequences_share_a_cell() -> None:
    stream = io.StringIO()
    rows = CSVRows(stream, ["RequestAttributesSequence.ScheduledProcedureStepID", "ProcedureCodeSequence"])
    found = match(
        RequestAttributesSequence=[match(ScheduledProcedureStepID="A"), match(ScheduledProcedureStepID="B")],
        ProcedureCodeSequence=[match(CodeValue="1", CodeMeaning="one"), match(CodeValue="=2")],
    )
    rows.match(1, found)
    rows.match(2, match(ProcedureCodeSequence=[]))
    assert [*csv.reader(io.StringIO(stream.getvalue()))][1:] == [
        ["A | B", "CodeValue=1 | CodeMeaning=one | CodeValue==2"],
        ["", ""],
    ]


@pytest.mark.parametrize(
    "options", [["--json", "--jsonl", "x"], ["--csv", "-", "--json"], ["--csv", "x", "--jsonl", "x"]]
)
def test_two_kinds_of_lines_in_one_place_are_a_wrong_command_line(options: list[str], tmp_path: Path) -> None:
    assert findscu("104", *options) == 2


def test_a_file_that_cannot_be_opened_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with archive(TWO) as server:
        assert findscu(server.port, "--csv", tmp_path / "missing" / "out.csv") == 1
        assert server.peer.closed.wait(20)
    err = capsys.readouterr().err
    assert "out.csv cannot be written: No such file or directory" in err and "Traceback" not in err
    assert server.peer.outcomes == ["EVT_ABORTED"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
@pytest.mark.parametrize("options", [[], ["--json"], ["--csv", "-"], ["--csv", "/dev/full"], ["--jsonl", "/dev/full"]])
def test_a_full_disk_is_one_line_and_the_exit_code(options: list[str]) -> None:
    with archive(TWO) as server, open("/dev/full", "w") as full:
        args = [sys.executable, "-m", "dicomwire", "findscu", HOST, server.port, *KEYS, *options, "-ll", "error"]
        done = subprocess.run(
            args, env=environment(), stdout=full, stderr=subprocess.PIPE, text=True, timeout=60, check=False
        )
    assert done.returncode == 1
    assert done.stderr.endswith(" cannot be written: No space left on device\n") and done.stderr.count("\n") == 1


@pytest.mark.parametrize("option", ["--csv", "--jsonl"])
def test_who_has_read_enough_ends_it_quietly(option: str) -> None:
    handler = [lambda event: TWO[0]] * 3000
    with archive(handler) as server:
        args = [sys.executable, "-m", "dicomwire", "findscu", HOST, server.port, *KEYS, option, "-", "-q"]
        with subprocess.Popen(
            args, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None and process.stderr is not None
            with ends_in_time(process):
                process.stdout.readline()
                process.stdout.close()
                assert process.stderr.read() == ""
            assert process.wait(20) == 141
