"""findscu."""

from __future__ import annotations

import io
import json
import socket
import subprocess
import sys
import threading
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, cast

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from rich.console import Console

from dicomwire import events as evt
from dicomwire.__main__ import main
from dicomwire.apps._common.keyword_paths import set_key
from dicomwire.apps._common.output import without_warnings
from dicomwire.apps.findscu import matches
from dicomwire.apps.findscu.matches import JSONLines, MatchLines, Rows, columns_for, json_of, values_of
from dicomwire.blocking import Association
from dicomwire.dsutils import decode
from dicomwire.presentation import build_context
from tests.apps.archives import PATIENT_FIND, REFUSED, WORKLIST, archive, match
from tests.apps.helpers import DEFLATED, EXPLICIT, HOST, IMPLICIT, environment
from tests.support.processes import ends_in_time

KEYS = ["-k", "QueryRetrieveLevel=PATIENT", "-k", "PatientName=", "-k", "PatientID="]
TWO = [
    (0xFF00, match(PatientName="Doe^Jane", PatientID="1")),
    (0xFF01, match(PatientName="Roe^John", PatientID="2")),
]


def findscu(port: str, *args: str | Path, keys: Sequence[str] = KEYS) -> int:
    return main(["findscu", HOST, port, *keys, *map(str, args)])


def element(group: int, number: int, vr: bytes, value: bytes) -> bytes:
    """An element in explicit VR little endian, with a length of 16 bits."""
    return b"".join(
        [group.to_bytes(2, "little"), number.to_bytes(2, "little"), vr, len(value).to_bytes(2, "little"), value]
    )


# -- lines ---------------------------------------------------------------------------------------------------------
def test_without_a_terminal_each_match_is_some_lines(capsys: pytest.CaptureFixture[str]) -> None:
    with archive(TWO) as server:
        assert findscu(server.port) == 0
        assert server.peer.closed.wait(20)
    captured = capsys.readouterr()
    assert captured.out == (
        "Match 1\n  PatientName: Doe^Jane\n  PatientID: 1\n\nMatch 2\n  PatientName: Roe^John\n  PatientID: 2\n\n"
    )
    assert captured.err.splitlines()[-1] == "I: 2 matches, status 0x0000 (Success)"
    assert server.peer.outcomes == ["EVT_RELEASED"]


def test_no_match_is_no_output_and_no_failure(capsys: pytest.CaptureFixture[str]) -> None:
    with archive() as server:
        assert findscu(server.port, "--fail") == 0
    captured = capsys.readouterr()
    assert captured.out == "" and "0 matches, status 0x0000" in captured.err


def test_quiet_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with archive(TWO) as server:
        assert findscu(server.port, "-q") == 0
    assert capsys.readouterr() == ("", "")


def nested() -> Dataset:
    step = match(Modality="CT", ScheduledStationAETitle="ONE")
    step.ScheduledProtocolCodeSequence = [match(CodeValue="X"), match(CodeValue="Y")]
    made = match(
        PatientName="Doe^Jane",
        ModalitiesInStudy=["CT", "MR"],
        EncapsulatedDocument=b"\0\1\2",
        PatientID="",
        ScheduledProcedureStepSequence=[step],
        ReferencedStudySequence=[],
    )
    made.add_new(0x00290010, "LO", "SOMEBODY")
    made.add_new(0x60000010, "US", 7)
    return made


def test_every_value_has_the_path_it_can_be_asked_for_with() -> None:
    assert list(values_of(nested())) == [
        ("ModalitiesInStudy", "CT\\MR"),
        ("ReferencedStudySequence", ""),
        ("PatientName", "Doe^Jane"),
        ("PatientID", ""),
        ("(0029,0010)", "SOMEBODY"),
        ("ScheduledProcedureStepSequence[0].Modality", "CT"),
        ("ScheduledProcedureStepSequence[0].ScheduledStationAETitle", "ONE"),
        ("ScheduledProcedureStepSequence[0].ScheduledProtocolCodeSequence[0].CodeValue", "X"),
        ("ScheduledProcedureStepSequence[0].ScheduledProtocolCodeSequence[1].CodeValue", "Y"),
        ("EncapsulatedDocument", "(3 bytes)"),
        ("(6000,0010)", "7"),
    ]


def test_sequences_without_end_are_cut() -> None:
    made = inner = Dataset()
    for _ in range(200):
        item = match(PatientID="deep")
        inner.ReferencedStudySequence = [item]
        inner = item
    (*_, last) = sorted((path for path, _ in values_of(made)), key=len)
    assert last.count("[0]") == matches._DEEPEST
    assert [value for _, value in values_of(made)].count("(more)") == 1


# -- hostile peers -------------------------------------------------------------------------------------------------
HOSTILE = b"".join(
    [
        element(0x0008, 0x0005, b"CS", b"ISO_IR 192"),
        element(0x0010, 0x0010, b"PN", b"A\x1b]0;owned\x07^\xe2\x80\xaeB [bold]"),
        element(0x0010, 0x0020, b"LO", b"1\r\nMatch 9"),
        element(0x0020, 0x0013, b"IS", b"nope"),
        element(0x0028, 0x0010, b"US", b"\1\0\2\0"),
        element(0x0028, 0x0011, b"US", b"\1\0\2"),
    ]
)


def hostile(event: evt.Event) -> Any:
    return 0xFF00, HOSTILE


CONTEXTS = [build_context(PATIENT_FIND, EXPLICIT)]


def test_a_peer_reaches_neither_the_terminal_nor_the_next_line(capsys: pytest.CaptureFixture[str]) -> None:
    with archive([hostile], contexts=CONTEXTS) as server:
        assert findscu(server.port, "-ll", "error") == 0
    out = capsys.readouterr().out
    assert "\x1b" not in out and "\x07" not in out and "\r" not in out and "\u202e" not in out
    assert [line for line in out.splitlines() if line.startswith("Match")] == ["Match 1"]
    assert "PatientName: A\\x1b]0;owned\\x07^\\u202eB [bold]" in out
    assert "  InstanceNumber: nope\n  Rows: 1\\2\n  Columns: (cannot be decoded)\n" in out


def test_nor_with_a_table() -> None:
    with archive([hostile], contexts=CONTEXTS) as server:
        association = _associate(server.port)
        (_, found), *_ = association.send_c_find(match(PatientName=""), PATIENT_FIND)
        association.release()
    shown = io.StringIO()
    rows = Rows(Console(file=shown, force_terminal=True, width=200), ["PatientName", "PatientID", "InstanceNumber"])
    assert found is not None
    with without_warnings():
        rows.match(1, found)
    rows.end()
    out = shown.getvalue()
    assert "owned" in out and "\x1b]" not in out and "\x07" not in out and "[bold]" in out and "\u202e" not in out


def test_nor_with_json_which_leaves_out_what_cannot_be_decoded(capsys: pytest.CaptureFixture[str]) -> None:
    with archive([hostile], contexts=CONTEXTS) as server:
        assert findscu(server.port, "--json", "-ll", "error") == 0
    out, err = capsys.readouterr()
    assert out.isascii() and out.count("\n") == 1 and "\x1b" not in out
    made = json.loads(out)
    assert made["00100020"]["Value"] == ["1\r\nMatch 9"] and made["00280010"]["Value"] == [1, 2]
    assert not {"00200013", "00280011"} & made.keys()
    assert [line.split(": ")[:3] for line in err.splitlines()] == [
        ["E", "Left out of the JSON", "InstanceNumber"],
        ["E", "Left out of the JSON", "Columns"],
    ]


def _associate(port: str) -> Association:
    from dicomwire.blocking import AE

    return AE().associate(HOST, int(port), CONTEXTS)


def test_a_match_that_cannot_be_decoded_is_told_and_the_others_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    # A length that the data set does not have, in a sequence.
    bad = b"\x08\0\x10\x11SQ\0\0\xff\xff\xff\xff\xfe\xff\0\xe0\x08\0\0\0\x08\0"
    with archive([lambda event: (0xFF00, bad), TWO[0]], contexts=CONTEXTS) as server:
        assert findscu(server.port, "--no-fail") == 0
        captured = capsys.readouterr()
        assert findscu(server.port) == 1
    assert "Match 1 cannot be decoded" in captured.err and "Traceback" not in captured.err
    assert captured.out.startswith("Match 2\n  PatientName: Doe^Jane\n")


# -- JSON ----------------------------------------------------------------------------------------------------------
def test_json_is_a_line_for_each_match_and_nothing_else(capsys: pytest.CaptureFixture[str]) -> None:
    with archive([TWO[0], (0xFF00, nested())]) as server:
        assert findscu(server.port, "--json") == 0
    captured = capsys.readouterr()
    first, second = (json.loads(line) for line in captured.out.splitlines())
    assert first == {
        "00100010": {"vr": "PN", "Value": [{"Alphabetic": "Doe^Jane"}]},
        "00100020": {"vr": "LO", "Value": ["1"]},
    }
    assert Dataset.from_json(second).ScheduledProcedureStepSequence[0].Modality == "CT"
    assert "2 matches" in captured.err


def test_json_is_written_though_quiet(capsys: pytest.CaptureFixture[str]) -> None:
    with archive(TWO) as server:
        assert findscu(server.port, "--json", "-q") == 0
    captured = capsys.readouterr()
    assert captured.out.count("\n") == 2 and not captured.err


def test_json_holds_other_scripts_in_ascii(capsys: pytest.CaptureFixture[str]) -> None:
    JSONLines().match(1, match(SpecificCharacterSet="ISO_IR 192", PatientName="Yamada=\u5c71\u7530"))
    out = capsys.readouterr().out
    assert out.isascii()
    assert json.loads(out)["00100010"]["Value"] == [{"Alphabetic": "Yamada", "Ideographic": "\u5c71\u7530"}]


def test_json_keeps_odd_values_and_leaves_out_what_json_cannot_hold() -> None:
    made = Dataset()
    for key in (
        "StudyInstanceUID=01.x",
        "Modality=lower case, and far too long",
        "StudyDate=yesterday",
        "RealWorldValueSlope=nan",
        "BeamSequence[0].ControlPointIndex=1",
        "BeamSequence[0].RealWorldValueSlope=inf",
        "BeamSequence[1]=",
        "ReferencedStudySequence=",
        "FrameIncrementPointer=0018,1063",
        "PatientWeight=1.50",
        "PatientID=",
    ):
        set_key(made, key)
    assert json_of(made) == {
        "00080020": {"vr": "DA", "Value": ["yesterday"]},
        "00080060": {"vr": "CS", "Value": ["lower case, and far too long"]},
        "00081110": {"vr": "SQ"},
        "00100020": {"vr": "LO"},
        "00101030": {"vr": "DS", "Value": ["1.50"]},
        "0020000D": {"vr": "UI", "Value": ["01.x"]},
        "00280009": {"vr": "AT", "Value": ["00181063"]},
        "300A00B0": {"vr": "SQ", "Value": [{"300A0112": {"vr": "IS", "Value": [1]}}, {}]},
    }


@pytest.mark.parametrize(
    ("vr", "text", "value"),
    [
        ("DS", "1.50", ["1.50"]),
        ("DS", "1.5", [1.5]),
        ("DS", "+1\\-0.0\\1e3", ["+1", -0.0, "1e3"]),
        ("DS", "0.1234567890123456", [0.1234567890123456]),
        ("IS", "12", [12]),
        ("IS", "007", ["007"]),
        ("IS", "1\\+2", [1, "+2"]),
    ],
)
def test_json_keeps_a_number_string_as_it_came(vr: str, text: str, value: list[object]) -> None:
    raw = text.encode() + b" " * (len(text) & 1)
    data = b"\x18\x00\x50\x00" + vr.encode() + len(raw).to_bytes(2, "little") + raw
    assert json_of(decode(data, False, True)) == {"00180050": {"vr": vr, "Value": value}}


def test_large_values_are_in_the_line_too(capsys: pytest.CaptureFixture[str]) -> None:
    JSONLines().match(1, match(EncapsulatedDocument=bytes(10_000)))
    assert len(json.loads(capsys.readouterr().out)["00420011"]["InlineBinary"]) > 13_000


def test_each_match_is_written_before_the_next_one_comes() -> None:
    go_on = threading.Event()

    def wait(event: evt.Event) -> Any:
        go_on.wait(20)
        return TWO[1]

    with archive([TWO[0], wait]) as server:
        args = [sys.executable, "-m", "dicomwire", "findscu", HOST, server.port, *KEYS, "--json", "-q"]
        with subprocess.Popen(args, env=environment(), stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            with ends_in_time(process):
                assert "Doe^Jane" in process.stdout.readline()
                go_on.set()
                assert "Roe^John" in process.stdout.readline()
            assert process.wait(20) == 0


def test_a_reader_that_has_seen_enough_ends_the_query_without_a_traceback() -> None:
    with archive([lambda event: TWO[0]] * 3000) as server:
        args = [sys.executable, "-m", "dicomwire", "findscu", HOST, server.port, *KEYS, "--json", "-q"]
        with subprocess.Popen(
            args, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None and process.stderr is not None
            with ends_in_time(process):
                process.stdout.readline()
                process.stdout.close()
                assert process.stderr.read() == ""
            assert process.wait(20) == 141
        assert server.peer.closed.wait(20)
    assert server.peer.outcomes == ["EVT_ABORTED"]


# -- tables --------------------------------------------------------------------------------------------------------
@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """Standard output is a terminal of 100 columns, and goes here."""
    written = io.StringIO()
    monkeypatch.setattr(
        matches, "Console", lambda *, file: Console(file=written, force_terminal=True, width=100, no_color=True)
    )
    return written


def cells(written: io.StringIO) -> list[list[str]]:
    """The rows of a table, its head first."""
    lines = [line.replace("\x1b[1m", "").replace("\x1b[0m", "") for line in written.getvalue().splitlines()]
    return [
        [cell.strip() for cell in line[1:-1].replace("\u2503", "\u2502").split("\u2502")]
        for line in lines
        if line[0] in "\u2502\u2503"
    ]


def test_a_terminal_gets_a_table_of_what_was_asked_for(
    terminal: io.StringIO, capsys: pytest.CaptureFixture[str]
) -> None:
    unasked = match(PatientName="Poe", PatientID="3", RetrieveAETitle="PEER", StudyDate="20200101")
    with archive([*TWO, (0xFF00, unasked)]) as server:
        assert findscu(server.port) == 0
    assert cells(terminal) == [
        ["", "PatientName", "PatientID"],
        ["1", "Doe^Jane", "1"],
        ["2", "Roe^John", "2"],
        ["3", "Poe", "3"],
    ]
    assert not capsys.readouterr().out


def test_the_cells_of_sequences_hold_all_items(terminal: io.StringIO) -> None:
    keys = [
        "-k", "PatientID=", "-k", "ScheduledProcedureStepSequence[0].Modality=",
        "-k", "ScheduledProcedureStepSequence[0].ScheduledProtocolCodeSequence[0].CodeValue=",
    ]  # fmt: skip
    with archive([(0xFF00, nested())]) as server:
        assert findscu(server.port, "-W", keys=keys) == 0
    assert cells(terminal) == [["", "PatientID", "Modality", "CodeValue"], ["1", "", "CT", "X"], ["", "", "", "Y"]]


@pytest.mark.parametrize(
    ("identifier", "width", "columns"),
    [
        pytest.param(match(PatientName="", PatientID=""), 100, ["PatientName", "PatientID"], id="fits"),
        pytest.param(match(PatientName="", PatientID=""), 20, None, id="too narrow"),
        pytest.param(
            match(QueryRetrieveLevel="STUDY", PatientID="", SpecificCharacterSet="ISO_IR 192"),
            100,
            ["PatientID"],
            id="unsaid",
        ),
        pytest.param(match(PatientID="", ReferencedStudySequence=[]), 100, None, id="an open sequence"),
        pytest.param(match(QueryRetrieveLevel="STUDY"), 100, None, id="nothing"),
    ],
)
def test_a_table_is_for_what_fits(identifier: Dataset, width: int, columns: list[str] | None) -> None:
    assert columns_for(identifier, width) == columns


def test_what_does_not_fit_a_table_is_lines(terminal: io.StringIO, capsys: pytest.CaptureFixture[str]) -> None:
    with archive([(0xFF00, nested())]) as server:
        assert findscu(server.port, "-W", keys=["-k", "ScheduledProcedureStepSequence="]) == 0
    assert "[0].Modality: CT" in capsys.readouterr().out and not terminal.getvalue()


def test_a_long_uid_is_never_cut() -> None:
    shown = io.StringIO()
    rows = Rows(Console(file=shown, force_terminal=True, width=40), ["PatientName", "StudyInstanceUID"])
    uid = "1.2." + "3" * 60
    rows.match(1, match(PatientName="x", StudyInstanceUID=uid))
    rows.end()
    assert sum(line.count("3") for line in shown.getvalue().splitlines()) == 60


def test_a_table_is_shown_now_and_then_so_that_nothing_piles_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(matches, "_ROWS", 2)
    shown = io.StringIO()
    rows = Rows(Console(file=shown, force_terminal=True, width=40), ["PatientID"])
    heads = []
    for number in range(1, 6):
        rows.match(number, match(PatientID=str(number)))
        heads.append(shown.getvalue().count("PatientID"))
    rows.end()
    assert heads == [0, 1, 1, 2, 2] and shown.getvalue().count("PatientID") == 3


def test_the_rows_so_far_are_shown_when_somebody_interrupts(
    terminal: io.StringIO, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(self: Any, number: int, identifier: Dataset) -> None:
        Rows_match(self, number, identifier)
        if number == 2:
            raise KeyboardInterrupt

    Rows_match = Rows.match
    monkeypatch.setattr(Rows, "match", interrupt)
    with archive([*TWO, *TWO]) as server:
        assert findscu(server.port) == 130
        assert server.peer.closed.wait(20)
    assert server.peer.outcomes == ["EVT_ABORTED"]
    assert [row[0] for row in cells(terminal)] == ["", "1", "2"]
    err = capsys.readouterr().err
    assert "Interrupted" in err and "W: 2 matches before the interruption" in err


# -- files ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT, DEFLATED])
def test_matches_are_written_to_numbered_files(syntax: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with archive([*TWO, (0xFF00, nested())], contexts=[build_context(PATIENT_FIND, syntax)]) as server:
        assert findscu(server.port, "-w", "-q") == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"rsp{number:06}.dcm" for number in (1, 2, 3)]
    read = [dcmread(path) for path in sorted(tmp_path.iterdir())]
    assert [str(item.get("PatientName")) for item in read] == ["Doe^Jane", "Roe^John", "Doe^Jane"]
    assert read[2].ScheduledProcedureStepSequence[0].ScheduledProtocolCodeSequence[1].CodeValue == "Y"
    metas = [item.file_meta for item in read]
    assert {meta.TransferSyntaxUID for meta in metas} == {syntax}
    assert {meta.MediaStorageSOPClassUID for meta in metas} == {PATIENT_FIND}
    assert len({meta.MediaStorageSOPInstanceUID for meta in metas}) == 3


def test_files_go_to_the_directory_asked_for_and_can_be_asked_with(tmp_path: Path) -> None:
    out = tmp_path / "made" / "for this"
    with archive(TWO) as server:
        assert findscu(server.port, "--write", "-od", out, "-q") == 0
        assert findscu(server.port, "-f", out / "rsp000002.dcm", "-q", keys=[]) == 0
    assert server.identifiers[1].PatientName == "Roe^John"


def test_a_file_that_cannot_be_written_is_told_and_gives_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "rsp000001.dcm").mkdir()
    with archive(TWO) as server:
        assert findscu(server.port, "-w", "-od", tmp_path) == 1
    captured = capsys.readouterr()
    assert captured.err.count("rsp000001.dcm not written") == 1 and "Traceback" not in captured.err
    assert "Match 2" in captured.out and (tmp_path / "rsp000002.dcm").is_file()


def test_a_symbolic_link_is_not_written_through(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_text("precious")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "rsp000001.dcm").symlink_to(precious)
    with archive(TWO) as server:
        assert findscu(server.port, "-w", "-od", tmp_path / "out", "-q") == 1
    assert precious.read_text() == "precious"


# -- statuses and the end ------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("answers", "code", "words"),
    [
        (TWO, 0, "2 matches, status 0x0000 (Success)"),
        ([TWO[0]], 0, "1 match, status 0x0000 (Success)"),
        ([REFUSED], 1, "0 matches, status 0xA900 (Failure: "),
        ([TWO[0], (0xA700, None)], 1, "1 match, status 0xA700 (Failure: "),
        ([(0xFE00, None)], 1, "0 matches, status 0xFE00 (Cancel: "),
        ([TWO[0], (0xFE00, None)], 1, "nobody cancelled: the peer stopped by itself"),
        ([(0x1234, None)], 1, "0 matches, status 0x1234 (Unknown)"),
    ],
)
def test_a_failure_gives_1_or_with_no_fail_0(
    answers: list[Any], code: int, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with archive(answers) as server:
        assert findscu(server.port, "--no-fail") == 0
        assert words in capsys.readouterr().err
        assert findscu(server.port) == code
        assert findscu(server.port, "--fail") == code


def test_what_the_peer_says_of_a_failure_is_shown_escaped(capsys: pytest.CaptureFixture[str]) -> None:
    status = match(Status=0xA900, ErrorComment="bad\x1b[2J", OffendingElement=[0x00100020])
    with archive([(status, None)]) as server:
        assert findscu(server.port) == 1
    (line,) = [line for line in capsys.readouterr().err.splitlines() if "0xA900" in line]
    assert "bad\\x1b[2J" in line and "offending element (0010,0020)" in line


def test_cancel_ends_the_query_after_so_many_matches(capsys: pytest.CaptureFixture[str]) -> None:
    cancelled = []

    def look(event: evt.Event) -> Any:
        # Asked once: the C-CANCEL may come at any moment.
        cancelled.append(event.is_cancelled)
        return (0xFE00, None) if cancelled[-1] else TWO[0]

    with archive([look] * 100_000) as server:
        assert findscu(server.port, "--cancel", "3", "--fail") == 0
    captured = capsys.readouterr()
    assert captured.out.count("Match ") == 3 and "3 matches, status 0xFE00 (Cancel" in captured.err
    assert "nobody cancelled" not in captured.err
    assert cancelled[-1] is True and len(cancelled) >= 4


def test_a_peer_that_ignores_a_cancel_is_heard_to_the_end(capsys: pytest.CaptureFixture[str]) -> None:
    with archive(TWO * 5) as server:
        assert findscu(server.port, "--cancel", "3", "--fail") == 0
    captured = capsys.readouterr()
    assert captured.out.count("Match ") == 3 and "3 matches, status 0x0000" in captured.err


@pytest.mark.parametrize("options", [[], ["--fail"]])
def test_a_peer_that_aborts_in_the_middle_gives_1(options: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    def abort(event: evt.Event) -> Any:
        cast(Association, event.assoc).abort()
        return TWO[1]

    with archive([TWO[0], abort]) as server:
        assert findscu(server.port, *options) == 1
    captured = capsys.readouterr()
    assert "The association was lost: aborted" in captured.err and "Traceback" not in captured.err
    assert captured.out.startswith("Match 1")


def test_a_peer_that_never_answers_gives_1_in_time(capsys: pytest.CaptureFixture[str]) -> None:
    done = threading.Event()

    def wait(event: evt.Event) -> Any:
        done.wait(20)
        return TWO[1]

    with archive([TWO[0], wait]) as server:
        assert findscu(server.port, "-td", "0.2", "-ta", "0.2") == 1
        done.set()
    assert "The association was lost: timed out waiting for a response" in capsys.readouterr().err


def test_a_closed_port_gives_one_line_and_1(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as sock:
        sock.bind((HOST, 0))
        assert findscu(str(sock.getsockname()[1])) == 1
    captured = capsys.readouterr()
    assert [line[0] for line in captured.err.splitlines()] == ["I", "E"] and not captured.out


def test_a_peer_without_the_model_gives_one_line_and_1(capsys: pytest.CaptureFixture[str]) -> None:
    with archive(contexts=[build_context(WORKLIST)]) as server:
        assert findscu(server.port, "-q") == 1
        assert findscu(server.port, "-ll", "error") == 1
    err = capsys.readouterr().err
    assert "no presentation context was accepted" in err and err.count("\n") == 1


def test_it_can_be_called_as_a_function() -> None:
    with archive(TWO) as server:
        assert import_module("dicomwire.apps.findscu.findscu").main([HOST, server.port, *KEYS, "-q"]) == 0


def test_lines_say_where_a_value_was_cut(capsys: pytest.CaptureFixture[str]) -> None:
    long = Dataset()
    set_key(long, f"PatientComments={'x' * 100_000}")
    MatchLines().match(1, long)
    out = capsys.readouterr().out
    assert len(out) < 1100 and "xxx...\n" in out
