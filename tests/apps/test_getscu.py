"""getscu."""

from __future__ import annotations

import io
import logging
import re
import signal
import socket
import subprocess
import sys
import threading
import tracemalloc
from pathlib import Path
from typing import Any, cast

import pytest
from attrs import frozen
from pydicom import dcmread
from pydicom.dataset import Dataset
from rich.console import Console

from dicomwire import events as evt
from dicomwire.__main__ import main
from dicomwire.apps._common import retrieval_totals
from dicomwire.apps._common.keyword_paths import set_key
from dicomwire.apps._common.retrieval_totals import Tally, TallyLines, progress
from dicomwire.apps.getscu.storage_proposals import contexts_for
from dicomwire.blocking import Association
from dicomwire.presentation import StoragePresentationContexts, build_context
from dicomwire.safe_names import safe_name
from tests.apps.archives import GETS, PATIENT_GET, REFUSED, archive, match, pending, storage
from tests.apps.helpers import CT, EXPLICIT, HOST, JPEG, MR, SECONDS, data_set, dicom_file, environment, named
from tests.support.processes import ends_in_time

KEYS = ["-k", "QueryRetrieveLevel=STUDY", "-k", "StudyInstanceUID=1.2"]


def getscu(port: str, *args: str | Path) -> int:
    return main(["getscu", HOST, port, *KEYS, *map(str, args)])


def files(directory: Path, *instances: str, size: int = 64) -> list[Path]:
    """CT images to retrieve."""
    directory.mkdir(exist_ok=True)
    return [dicom_file(directory / str(number), instance=uid, size=size) for number, uid in enumerate(instances)]


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def sub_operations(paths: list[Path], *more: Any) -> list[Any]:
    """What a C-GET handler yields."""
    return [len(paths), *pending(paths), *more]


# -- what arrives --------------------------------------------------------------------------------------------------
@pytest.fixture
def retrieved(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """The folder into which two instances were retrieved, told in detail."""
    paths = [*files(tmp_path / "in", "1.1", size=300_000), dicom_file(tmp_path / "mr", sop_class=MR, instance="1.2")]
    out = tmp_path / "made" / "for this"
    with archive(sub_operations(paths)) as server:
        assert getscu(server.port, "-od", out, "-v") == 0
        assert server.peer.closed.wait(20)
    assert server.peer.outcomes == ["EVT_RELEASED"]
    return out


def test_what_is_retrieved_is_in_files(retrieved: Path) -> None:
    assert names(retrieved) == ["CT.1.1", "MR.1.2"]
    assert (retrieved / "CT.1.1").read_bytes().endswith(data_set(CT, "1.1", 300_000))
    read = dcmread(retrieved / "CT.1.1")
    assert (read.file_meta.TransferSyntaxUID, read.SOPInstanceUID) == (EXPLICIT, "1.1")


@pytest.mark.usefixtures("retrieved")
def test_what_is_retrieved_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    captured = capsys.readouterr()
    assert captured.out.startswith("2 completed, 0 with a warning, 0 failed; 2 received, 0.3 MB in ")
    assert captured.out.count("\n") == 1
    assert "I: Stored CT.1.1 (300070 bytes) from ANY-SCP" in captured.err
    assert "I: Final response, status 0x0000 (Success)" in captured.err


def test_the_current_directory_is_the_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = files(tmp_path / "in", "1.1")
    (tmp_path / "out").mkdir()
    monkeypatch.chdir(tmp_path / "out")
    with archive(sub_operations(paths)) as server:
        assert getscu(server.port, "-q") == 0
    assert names(tmp_path / "out") == ["CT.1.1"]


def test_ignore_receives_and_keeps_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    paths = files(tmp_path / "in", "1.1", "1.2", size=500_000)
    with archive(sub_operations(paths)) as server:
        assert getscu(server.port, "-od", tmp_path / "out", "--ignore", "-v") == 0
    assert not (tmp_path / "out").exists()
    captured = capsys.readouterr()
    assert captured.out.startswith("2 completed, 0 with a warning, 0 failed; 2 received, 1.0 MB in ")
    assert "I: Ignored 1.1 from ANY-SCP" in captured.err


def test_without_v_there_is_the_total_and_nothing_else(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with archive(sub_operations(files(tmp_path / "in", "1.1"))) as server:
        assert getscu(server.port, "-od", tmp_path / "out") == 0
    captured = capsys.readouterr()
    assert captured.out.count("\n") == 1 and not captured.err


def test_nothing_to_retrieve_gives_1_and_names_the_option(capsys: pytest.CaptureFixture[str]) -> None:
    with archive([0]) as server:
        assert getscu(server.port) == 1
        captured = capsys.readouterr()
        assert getscu(server.port, "--no-fail") == 0
    assert captured.out == "0 completed, 0 with a warning, 0 failed\n"
    assert "E: Nothing was retrieved" in captured.err and "(-k)" in captured.err


def test_what_the_peer_says_it_has_sent_and_did_not_gives_1(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def boastful(self: Any, *args: Any) -> Any:
        yield counts(0x0000, remaining=0, completed=3, failed=0, warning=0), None

    monkeypatch.setattr("dicomwire.blocking.Association.send_c_get", boastful)
    with archive([0]) as server:
        assert getscu(server.port, "-od", tmp_path) == 1
    assert "The peer says that it has sent 3, but 0 arrived here" in capsys.readouterr().err


@pytest.mark.parametrize("uid", ["../../evil", "..", "/etc/passwd", "a/../b", "1.2\\3", "1." * 31 + "xy"])
def test_a_hostile_uid_stays_in_the_directory(uid: str, tmp_path: Path) -> None:
    out = tmp_path / "deep" / "out"
    with archive([1, (0xFF00, named(uid))]) as server:
        assert getscu(server.port, "-od", out, "-q", "--fail") == 0
    assert names(out) == [f"CT.{safe_name(uid)}"]
    assert names(tmp_path) == ["deep"] and names(tmp_path / "deep") == ["out"]


def test_a_large_instance_is_never_in_memory(tmp_path: Path) -> None:
    paths = files(tmp_path / "in", "1.1", size=40_000_000)
    with archive(sub_operations(paths)) as server:
        tracemalloc.start()
        try:
            assert getscu(server.port, "-od", tmp_path / "out", "-q", "--fail") == 0
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    # Of both ends together.
    assert (tmp_path / "out" / "CT.1.1").stat().st_size > 40_000_000 and peak < 12_000_000


# -- contexts ------------------------------------------------------------------------------------------------------
def test_the_models_and_the_storage_classes_are_proposed_with_roles() -> None:
    with archive([0]) as server:
        assert getscu(server.port, "-q", "--no-fail") == 0
    proposed = [uid for uid, _ in server.peer.proposed]
    expected = [str(context.abstract_syntax) for context in StoragePresentationContexts]
    assert proposed == [*GETS, *expected] and len(expected) == 120
    roles = server.peer.requestors[-1].role_selection
    assert sorted(roles) == sorted(expected)
    assert {(bool(role.scu_role), role.scp_role) for role in roles.values()} == {(False, True)}


@pytest.mark.parametrize(("options", "count"), [([], 4), (["-xe"], 1), (["-xi"], 1), (["-xb"], 1)])
def test_the_transfer_syntaxes_asked_for_are_proposed(options: list[str], count: int) -> None:
    with archive([0], contexts=None) as server:
        main(["getscu", HOST, server.port, *KEYS, *options, "-q"])
    assert {len(syntaxes) for _, syntaxes in server.peer.proposed} == {count}


def test_a_storage_class_that_is_asked_for_may_be_compressed(tmp_path: Path) -> None:
    path = dicom_file(tmp_path / "jpeg", syntax=JPEG)
    with archive(sub_operations([path])) as server:
        args = ["-od", str(tmp_path / "out"), "-q", "--fail"]
        assert getscu(server.port, *args) == 1
        assert getscu(server.port, *args, "-sc", "CTImageStorage", "--storage-class", MR, "-sc", CT) == 0
    assert names(tmp_path / "out") == ["CT.1.2.3"]
    assert dcmread(tmp_path / "out" / "CT.1.2.3", stop_before_pixels=True).file_meta.TransferSyntaxUID == JPEG
    assert set(server.peer.requestors[-1].role_selection) == {CT, MR}


def test_a_peer_that_takes_the_first_context_of_a_class_sends_what_was_asked_for(tmp_path: Path) -> None:
    path = dicom_file(tmp_path / "jpeg", syntax=JPEG)
    with archive(sub_operations([path])) as server:
        args = ["-od", str(tmp_path / "out"), "-q", "--fail", "-ts", "JPEGBaseline8Bit"]
        assert getscu(server.port, *args) == 0
        assert {tuple(syntaxes) for uid, syntaxes in server.peer.proposed if uid not in GETS} == {(JPEG,)}
        assert {len(syntaxes) for uid, syntaxes in server.peer.proposed if uid in GETS} == {4}
        # This one chooses explicit VR, and then cannot send what it has.
        assert getscu(server.port, *args, "--transfer-syntax", EXPLICIT, "-sc", CT) == 1
        assert server.peer.proposed[3:] == [(CT, [JPEG, EXPLICIT])]
    assert names(tmp_path / "out") == ["CT.1.2.3"]


@pytest.mark.parametrize("value", ["JPEG", "CTImageStorage", ""])
def test_what_is_no_transfer_syntax_is_a_wrong_command_line(value: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["getscu", HOST, "104", *KEYS, "-ts", value]) == 2
    assert "neither a UID nor a keyword" in capsys.readouterr().err


def test_many_storage_classes_keep_their_uncompressed_contexts() -> None:
    classes = [f"1.2.{number}" for number in range(60)]
    contexts = contexts_for(GETS, classes, [EXPLICIT], [])
    assert len(contexts) == 128
    assert [str(context.abstract_syntax) for context in contexts[:63]] == [*GETS, *classes]
    assert all(len(context.transfer_syntax) == 1 for context in contexts)
    assert len({(context.abstract_syntax, context.transfer_syntax[0]) for context in contexts}) == 128


@pytest.mark.parametrize(
    "value",
    [
        "CTImageStorag",
        "Verification",
        "PatientRootQueryRetrieveInformationModelGet",
        "1",
        "uid_to_sop_class",
        "",
        "1.2.x",
    ],
)
def test_what_is_no_storage_class_is_a_wrong_command_line(value: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["getscu", HOST, "104", *KEYS, "-sc", value]) == 2
    assert "neither a UID nor a keyword" in capsys.readouterr().err


def test_a_peer_without_the_model_asked_for_gives_one_line_and_1(capsys: pytest.CaptureFixture[str]) -> None:
    with archive(contexts=[build_context(PATIENT_GET), storage(CT)]) as server:
        assert getscu(server.port, "-S", "-ll", "error") == 1
        assert server.peer.closed.wait(20)
    captured = capsys.readouterr()
    assert "no presentation context for" in captured.err and captured.err.count("\n") == 1 and not captured.out
    assert server.peer.outcomes == ["EVT_RELEASED"]


# -- what goes wrong -----------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("answers", "code", "words"),
    [
        pytest.param([REFUSED], 1, "status 0xA900 (Failure: ", id="refused"),
        pytest.param([2, (0xFE00, None)], 1, "status 0xFE00 (Cancel: ", id="cancelled"),
        pytest.param([2, (0xFE00, None)], 1, "nobody cancelled: the peer stopped by itself", id="by-itself"),
        pytest.param([1, (0xA701, None)], 1, "status 0xA701 (Failure: ", id="failed"),
    ],
)
def test_a_failure_gives_1_or_with_no_fail_0(
    answers: list[Any], code: int, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with archive(answers) as server:
        assert getscu(server.port, "--no-fail") == 0
        assert words in capsys.readouterr().err
        assert getscu(server.port) == code


def test_failed_instances_are_counted_and_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    # MR is not proposed, so the peer cannot send it.
    paths = [*files(tmp_path / "in", "1.1"), dicom_file(tmp_path / "mr", sop_class=MR, instance="9.8.7")]
    with archive(sub_operations(paths)) as server:
        args = ["-od", str(tmp_path / "out"), "-sc", CT]
        assert getscu(server.port, *args, "--no-fail") == 0
        captured = capsys.readouterr()
        assert getscu(server.port, *args, "-q") == 1
    assert captured.out.startswith("1 completed, 0 with a warning, 1 failed; 1 received, ")
    assert "E: Final response, status 0xB000 (Warning: " in captured.err and "E: Failed: 9.8.7" in captured.err


def test_a_long_list_of_failed_instances_is_cut_and_a_hostile_one_harmless(capsys: pytest.CaptureFixture[str]) -> None:
    uids = ["1.2\x1b[2J", *(f"1.{number}" for number in range(99))]
    failed = Dataset()
    set_key(failed, "FailedSOPInstanceUIDList=" + "\\".join(uids))
    with archive([100, (0xA702, failed)]) as server:
        assert getscu(server.port) == 1
    err = capsys.readouterr().err
    assert err.count("E: Failed: ") == 21 and "E: Failed: 80 more" in err and "\x1b" not in err


def test_a_list_of_failed_instances_that_cannot_be_decoded_is_told(caplog: pytest.LogCaptureFixture) -> None:
    class Broken(Dataset):
        def get(self, key: Any, default: Any = None) -> Any:
            raise ValueError("what is this?")

    retrieval_totals._name_failed(Broken(), logging.getLogger("dicomwire.apps.test"))
    assert "cannot be decoded: what is this?" in caplog.text


def test_a_directory_that_cannot_be_made_is_told_before_anybody_is_called(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    with archive() as server:
        assert getscu(server.port, "-od", tmp_path / "file" / "out", "--no-fail") == 1
        captured = capsys.readouterr()
    assert server.peer.requestors == [] and not captured.out
    assert captured.err.startswith(f"E: Cannot write to {tmp_path / 'file' / 'out'}: ")
    assert "-od" in captured.err and captured.err.count("\n") == 1


def test_a_full_disk_fails_one_instance_and_leaves_no_part_of_it(tmp_path: Path) -> None:
    paths = [*files(tmp_path / "in", "1.1"), dicom_file(tmp_path / "big", instance="1.2", size=500_000)]
    out = tmp_path / "out"
    out.mkdir()
    # Python ignores SIGXFSZ: writing beyond the limit gives EFBIG, an OSError as ENOSPC is.
    program = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000));"
        "from dicomwire.__main__ import main; sys.exit(main(sys.argv[1:]))"
    )
    with archive(sub_operations(paths)) as server:
        args = [sys.executable, "-c", program, "getscu", HOST, server.port, *KEYS, "-od", str(out), "--fail"]
        done = subprocess.run(args, env=environment(), capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1 and names(out) == ["CT.1.1"]
    assert done.stdout.startswith("1 completed, 0 with a warning, 1 failed; 1 received, 1 not stored, ")
    assert "CT.1.2 cannot be stored: OSError" in done.stderr


def test_a_peer_that_aborts_in_the_middle_gives_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def abort(event: evt.Event) -> Any:
        cast(Association, event.assoc).abort()
        return 0xFF00, paths[1]

    paths = files(tmp_path / "in", "1.1", "1.2")
    with archive([2, (0xFF00, paths[0]), abort]) as server:
        assert getscu(server.port, "-od", tmp_path / "out") == 1
    captured = capsys.readouterr()
    assert "The association was lost: aborted" in captured.err and "Traceback" not in captured.err
    assert captured.out.startswith("1 completed, 0 with a warning, 0 failed, 1 remaining; 1 received, ")
    assert names(tmp_path / "out") == ["CT.1.1"]


def test_a_peer_that_never_answers_gives_1_in_time(capsys: pytest.CaptureFixture[str]) -> None:
    done = threading.Event()

    def wait(event: evt.Event) -> Any:
        done.wait(SECONDS)
        return 0

    with archive([wait]) as server:
        assert getscu(server.port, "-td", "0.2", "-ta", "0.2") == 1
        done.set()
    captured = capsys.readouterr()
    assert "The association was lost: timed out waiting for a response" in captured.err
    assert captured.out == "no sub-operations\n"


def test_a_closed_port_gives_one_line_and_1(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as sock:
        sock.bind((HOST, 0))
        assert getscu(str(sock.getsockname()[1]), "-ll", "error") == 1
    captured = capsys.readouterr()
    assert "no connection" in captured.err and captured.err.count("\n") == 1 and not captured.out


def test_quiet_says_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with archive(sub_operations(files(tmp_path / "in", "1.1"))) as server:
        assert getscu(server.port, "-od", tmp_path / "out", "-q") == 0
    assert capsys.readouterr() == ("", "")


@frozen
class Interrupted:
    """What became of a program that a signal has ended between two instances."""

    code: int
    total: str
    log: str
    outcomes: list[str]
    names: list[str]


@pytest.fixture(params=[signal.SIGINT, signal.SIGTERM])
def interrupted(request: pytest.FixtureRequest, tmp_path: Path) -> Interrupted:
    """By Ctrl-C, and by termination."""
    paths = files(tmp_path / "in", "1.1", "1.2", size=100_000)
    out = tmp_path / "out"
    begun, ended = threading.Event(), threading.Event()

    def stall(event: evt.Event) -> Any:
        begun.set()
        ended.wait(SECONDS)
        return 0xFF00, paths[1]

    with archive([2, (0xFF00, paths[0]), stall]) as server:
        args = [sys.executable, "-m", "dicomwire", "getscu", HOST, server.port, *KEYS, "-od", str(out), "-v"]
        with subprocess.Popen(
            args, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as process:
            assert process.stderr is not None and process.stdout is not None
            assert begun.wait(SECONDS)
            with ends_in_time(process):
                while "Stored" not in process.stderr.readline():
                    assert process.poll() is None
                process.send_signal(request.param)
                rest = process.stderr.read()
            code, total = process.wait(SECONDS), process.stdout.read()
        ended.set()
        assert server.peer.closed.wait(SECONDS)
    return Interrupted(code, total, rest, server.peer.outcomes, names(out))


def test_ctrl_c_and_termination_abort_and_leave_no_part_behind(interrupted: Interrupted) -> None:
    assert interrupted.outcomes == ["EVT_ABORTED"]
    assert interrupted.names == ["CT.1.1"]
    assert interrupted.code == 130


def test_ctrl_c_and_termination_are_told_with_the_total_so_far(interrupted: Interrupted) -> None:
    assert "Interrupted." in interrupted.log and "Traceback" not in interrupted.log
    assert "1 received, " in interrupted.total and interrupted.total.count("\n") == 1


def test_an_interrupted_instance_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from dicomwire.data.receiving_files import IncomingFile

    write = IncomingFile.write

    def interrupt(self: IncomingFile, fragments: list[memoryview]) -> None:
        write(self, fragments)
        assert self.path.exists()
        raise KeyboardInterrupt

    monkeypatch.setattr(IncomingFile, "write", interrupt)
    with archive(sub_operations(files(tmp_path / "in", "1.1", size=1_000_000))) as server:
        assert getscu(server.port, "-od", tmp_path / "out", "-q") == 130
        assert server.peer.closed.wait(SECONDS)
    assert names(tmp_path / "out") == [] and server.peer.outcomes == ["EVT_ABORTED"]


# -- counts and progress -------------------------------------------------------------------------------------------
def counts(status: int = 0xFF00, **values: int) -> Any:
    return match(
        Status=status, **{f"NumberOf{name.capitalize()}Suboperations": value for name, value in values.items()}
    )


def test_counts_that_are_not_given_stay_but_nothing_remains_at_the_end() -> None:
    tally = Tally()
    assert tally.in_words(1) == "no sub-operations" and tally.total is None
    tally.responded(counts(remaining=3, completed=1, failed=0, warning=0))
    assert [tally.done, tally.total] == [1, 4]
    tally.responded(counts(remaining=1, completed=2))
    assert tally.in_words(1) == "2 completed, 0 with a warning, 0 failed, 1 remaining"
    tally.responded(counts(0x0000, warning=1))
    assert tally.in_words(1) == "2 completed, 1 with a warning, 0 failed"
    tally = Tally()
    tally.responded(counts(0xFE00, remaining=7, completed=1))
    assert tally.in_words(1) == "1 completed, 0 with a warning, 0 failed, 7 remaining"


def test_what_was_received_counts_where_a_peer_tells_nothing() -> None:
    tally = Tally()
    for status, size in ((0, 1_500_000), (0, 500_000), (0xA700, 9)):
        tally.stored(status, size)
    assert [tally.done, tally.total] == [3, None]
    assert tally.in_words(2) == "2 received, 1 not stored, 2.0 MB in 2.0 s, 1.0 MB/s"
    tally.final = counts(0x0000)
    assert tally.has_failures


def test_without_a_terminal_progress_is_a_line_now_and_then(capsys: pytest.CaptureFixture[str]) -> None:
    now = 0.0
    tally = Tally()
    tally.changed = TallyLines(tally, lambda: now)
    for number in range(4):
        now += 2.0
        tally.responded(counts(remaining=3 - number, completed=number + 1))
    assert capsys.readouterr().err == "3 completed, 0 with a warning, 0 failed, 1 remaining\n"


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    written = io.StringIO()
    monkeypatch.setattr(
        retrieval_totals,
        "Console",
        lambda *, stderr: Console(file=written, force_terminal=True, width=80, no_color=True),
    )
    return written


def test_a_terminal_gets_a_bar_with_the_counts(terminal: io.StringIO, capsys: pytest.CaptureFixture[str]) -> None:
    tally = Tally()
    with progress(tally, quiet=False):
        tally.responded(counts(remaining=30_000, completed=50_000, failed=12_000))
        tally.stored(0, 123_456_789_000)
    tally.responded(counts(remaining=2, completed=2, failed=1))
    out = terminal.getvalue()
    shown = [line for line in re.sub(r"\x1b\[[0-9?]*[A-Za-z]", "", out).replace("\r", "\n").split("\n") if line.strip()]
    assert any("62000/92000 instances, 12000 failed, " in line and "\u2501" in line for line in shown)
    assert max(map(len, shown)) <= 80 and "2/4" not in out
    assert capsys.readouterr() == ("", "")


def test_quiet_shows_no_bar_on_a_terminal(terminal: io.StringIO) -> None:
    tally = Tally()
    with progress(tally, quiet=True):
        tally.responded(counts(remaining=3, completed=1))
    assert not terminal.getvalue()


def test_the_total_stays_while_instances_arrive_before_the_peer_counts_them() -> None:
    tally = Tally()
    tally.responded(counts(remaining=3, completed=1))
    totals = [tally.total]
    for _ in range(3):
        tally.stored(0, 10)
        totals.append(tally.total)
    # A bar whose total changes begins to estimate anew.
    assert totals == [4, 4, 4, 4] and tally.done == 3
