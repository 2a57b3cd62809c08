"""storescu --report: a line for each file, and the run after that; and lists of names."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from dicomwire import events as evt
from dicomwire.__main__ import main
from tests.apps.helpers import CT, HOST, SECONDS, dicom_file, environment, peer

LINE = {"path", "sop_instance_uid", "sop_class_uid", "size", "peer", "stored", "status", "error", "attempts", "time"}


def storescu(port: str, *args: Path | str) -> int:
    return main(["storescu", HOST, port, *map(str, args)])


def made(folder: Path, count: int) -> Path:
    """A folder with so many files."""
    folder.mkdir()
    for number in range(count):
        dicom_file(folder / str(number), instance=f"1.{number}")
    return folder


class Store:
    """Notes what comes; the statuses of some instances are others than Success."""

    def __init__(self, **statuses: int) -> None:
        self.statuses = {name.replace("_", "."): status for name, status in statuses.items()}
        self.came: list[str] = []

    def __call__(self, event: evt.Event) -> int:
        self.came.append(str(event.request.AffectedSOPInstanceUID))
        return self.statuses.get(self.came[-1][2:], 0)

    @property
    def handlers(self) -> list[evt.EventHandler]:
        return [(evt.EVT_C_STORE, self)]


def lines(report: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in report.read_text().splitlines()]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return made(tmp_path / "in", 4)


@pytest.fixture
def report(tmp_path: Path) -> Path:
    return tmp_path / "report.jsonl"


def test_each_file_is_a_line(folder: Path, report: Path) -> None:
    store = Store()
    store.statuses = {"1": 0xC000, "2": 0xB000}
    with peer(handlers=store.handlers) as server:
        assert storescu(server.port, folder, "-q", "--report", report) == 1
    found = lines(report)
    assert [line.keys() == LINE for line in found] == [True] * 4
    assert [(line["path"], line["sop_instance_uid"]) for line in found] == [
        (str(folder / str(number)), f"1.{number}") for number in range(4)
    ]
    assert [(line["stored"], line["status"]) for line in found] == [
        (True, "0000"), (False, "C000"), (True, "B000"), (True, "0000"),
    ]  # fmt: skip
    assert [line["error"] for line in found] == [None, "Failure", None, None]
    assert {(line["attempts"], line["sop_class_uid"]) for line in found} == {(1, CT)}


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_the_next_run_sends_what_is_not_stored(
    jobs: str, folder: Path, report: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = Store()
    store.statuses = {"1": 0xC000, "2": 0xB000}
    with peer(handlers=store.handlers) as server:
        args: list[Path | str] = [folder, "--report", report, "--jobs", jobs]
        assert storescu(server.port, *args) == 1
        store.came.clear()
        store.statuses.clear()
        assert storescu(server.port, *args) == 0
        assert store.came == ["1.1"]
        assert storescu(server.port, *args) == 0
    assert store.came == ["1.1"] and len(server.requestors) == int(jobs) + 1
    out = capsys.readouterr().out.splitlines()
    assert out[1].startswith("1 stored, 0 stored with a warning, 0 failed, 0 skipped, 3 stored before;")
    assert out[2].startswith("0 stored, 0 stored with a warning, 0 failed, 0 skipped, 4 stored before;")


def test_what_was_changed_or_is_for_another_peer_or_told_to_is_sent_again(folder: Path, report: Path) -> None:
    store = Store()
    with peer(handlers=store.handlers) as server:
        assert storescu(server.port, folder, "--report", report) == 0
        dicom_file(folder / "1", instance="1.9")
        dicom_file(folder / "2", instance="1.2", size=1000)
        assert storescu(server.port, folder, "--report", report) == 0
        assert store.came[4:] == ["1.9", "1.2"]
        assert storescu(server.port, folder, "--report", report, "-aec", "OTHER") == 0
        assert storescu(server.port, folder, "--report", report, "--no-resume") == 0
    assert len(store.came) == 4 + 2 + 4 + 4
    assert len(lines(report)) == len(store.came)


def test_a_report_in_the_folder_that_is_sent_is_no_file_to_send(folder: Path) -> None:
    report = folder / "report"
    with peer(handlers=Store().handlers) as server:
        assert storescu(server.port, folder, "--report", report) == 0
        assert storescu(server.port, folder, "--report", report) == 0
        assert storescu(server.port, folder.parent, "-r", "--report", report, "--no-resume") == 0
    assert len(lines(report)) == 8


def test_a_line_that_was_cut_off_is_removed(folder: Path, report: Path) -> None:
    with peer(handlers=Store().handlers) as server:
        assert storescu(server.port, folder, "--report", report) == 0
        data = report.read_bytes()
        report.write_bytes(data[:-20])
        store = Store()
        server.server.bind(evt.EVT_C_STORE, store)
        assert storescu(server.port, folder, "--report", report) == 0
    assert store.came == ["1.3"]
    assert [line["sop_instance_uid"] for line in lines(report)] == ["1.0", "1.1", "1.2", "1.3"]


@pytest.mark.parametrize(
    "content",
    [b"precious", b"a\nb\n", b"[]\n", b"1\n", b'{"stored":true}\n', b'{"path":[],"stored":true}\n', b"\0" * 99],
)
def test_nothing_is_written_to_what_is_no_report(
    content: bytes, folder: Path, report: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report.write_bytes(content)
    with peer() as server:
        assert storescu(server.port, folder, "--report", report) == 1
        assert not server.requestors
    assert report.read_bytes() == content
    assert "is no report of storescu" in capsys.readouterr().err


def test_a_report_that_cannot_be_begun_is_told(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert storescu("1", folder, "--report", tmp_path / "missing" / "report") == 1
    err = capsys.readouterr().err
    assert "cannot be written: No such file or directory" in err and "Traceback" not in err


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_on_a_full_disk_files_are_sent_and_the_exit_code_tells(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = Store()
    with peer(handlers=store.handlers) as server:
        assert storescu(server.port, folder, "--report", "/dev/full") == 1
    assert len(store.came) == 4
    captured = capsys.readouterr()
    assert captured.err.count("cannot be written") == 1 and captured.out.startswith("4 stored")


def test_a_part_of_a_line_is_taken_back(
    folder: Path, report: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write, calls = os.write, []

    def short(descriptor: int, data: bytes) -> int:
        if not data.startswith(b'{"path"'):
            return write(descriptor, data)
        calls.append(data)
        return write(descriptor, data[:9] if len(calls) == 2 else data)

    monkeypatch.setattr("os.write", short)
    with peer(handlers=Store().handlers) as server:
        assert storescu(server.port, folder, "--report", report) == 1
    assert [line["sop_instance_uid"] for line in lines(report)] == ["1.0", "1.2", "1.3"]
    assert "9 of " in capsys.readouterr().err


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C is sent to a process by a signal")
@pytest.mark.parametrize("jobs", ["1", "2"])
def test_after_an_interruption_the_next_run_goes_on(jobs: str, folder: Path, report: Path) -> None:
    import signal

    held, seen = threading.Event(), threading.Semaphore(0)
    store = Store()

    def hold(event: evt.Event) -> int:
        status = store(event)
        if len(store.came) > 1 and not held.is_set():
            seen.release()
            held.wait(SECONDS)
        return status

    command = [sys.executable, "-m", "dicomwire", "storescu", HOST]
    with peer(handlers=[(evt.EVT_C_STORE, hold)]) as server:
        command += [server.port, str(folder), "--jobs", jobs, "--report", str(report)]
        with subprocess.Popen(command, env=environment(), stderr=subprocess.PIPE, text=True) as process:
            assert seen.acquire(timeout=SECONDS)
            process.send_signal(signal.SIGINT)
            _, err = process.communicate(timeout=SECONDS)
        held.set()
        assert process.returncode == 130 and "Traceback" not in err
        before = {line["sop_instance_uid"] for line in lines(report)}
        store.came.clear()
        assert storescu(server.port, folder, "-q", "--report", report) == 0
    assert sorted({*before, *store.came}) == [f"1.{number}" for number in range(4)]
    assert not before & {*store.came}


# -- lists of names --------------------------------------------------------------------------------------------------
class Input:
    """Standard input with bytes in it."""

    def __init__(self, data: bytes) -> None:
        self.buffer = io.BytesIO(data)


@pytest.mark.parametrize(
    ("args", "end"),
    [(["-"], b"\n"), (["--files-from", "-"], b"\n"), (["-", "-0"], b"\0"), (["--files-from=-", "--null"], b"\0")],
)
def test_names_come_from_standard_input(
    args: list[str], end: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    odd = tmp_path / os.fsdecode(b"a b '\xff" if sys.platform == "linux" else b"a b '")
    names = [dicom_file(tmp_path / "one", instance="1.1"), dicom_file(odd, instance="1.2")]
    monkeypatch.setattr("sys.stdin", Input(b"".join(os.fsencode(name) + end for name in names) + end))
    store = Store()
    with peer(handlers=store.handlers) as server:
        assert storescu(server.port, *args) == 0
    assert sorted(store.came) == ["1.1", "1.2"]


def test_a_list_may_be_a_file_and_name_folders(folder: Path, tmp_path: Path) -> None:
    one = dicom_file(tmp_path / "one", instance="1.7")
    (tmp_path / "list").write_text(f"{folder}\r\n\n")
    store = Store()
    with peer(handlers=store.handlers) as server:
        assert storescu(server.port, one, "--files-from", tmp_path / "list") == 0
    assert sorted(store.came) == ["1.0", "1.1", "1.2", "1.3", "1.7"]


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ([], "Missing argument 'PATH...'"),
        (["in", "-0"], "belongs to --files-from"),
        (["--files-from", "missing"], "missing cannot be read: No such file"),
        (["--files-from", "nul"], "-0 (--null) is for names that end with one"),
    ],
)
def test_a_list_that_cannot_be_used_is_a_wrong_command_line(
    args: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("nul").write_bytes(b"a\0b\n")
    assert storescu("104", *args) == 2
    assert said in capsys.readouterr().err


def test_an_empty_list_is_nothing_to_send(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.stdin", Input(b""))
    assert storescu("104", "-") == 1
    assert "No DICOM files to send" in capsys.readouterr().err
