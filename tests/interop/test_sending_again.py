"""storescu tries again, and goes on by its report, at DCMTK's storescp that dies meanwhile; findscu's tables."""

from __future__ import annotations

import csv
import io
import json
import sys
from pathlib import Path

import pytest
from pydicom.dataset import Dataset

from tests.support.archive import dcmqrscp, make_instances
from tests.support.peers import HOST, Command, eventually, finished, free_port, process, tool

EACH = 200


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Some hundred small instances."""
    folder = tmp_path_factory.mktemp("many")
    base = make_instances()[0]
    for number in range(EACH):
        base.SOPInstanceUID = f"1.2.826.0.1.3680043.10.511.3.99.{number}"
        saved(base, folder / f"{number:03}.dcm")
    return folder


def saved(instance: Dataset, path: Path) -> None:
    instance.file_meta.MediaStorageSOPClassUID = instance.SOPClassUID
    instance.file_meta.MediaStorageSOPInstanceUID = instance.SOPInstanceUID
    instance.save_as(path, enforce_file_format=True)


def told(report: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in report.read_text().splitlines()] if report.exists() else []


def sending(port: int, folder: Path, report: Path, *options: str) -> Command:
    command: list[str | Path] = [
        sys.executable,
        "-m",
        "dicomwire",
        "storescu",
        HOST,
        str(port),
        folder,
        "--report",
        report,
    ]
    return [*command, "--retries", "9", "--retry-pause", "0.1", *options]


@pytest.mark.parametrize("jobs", ["1", "3"])
def test_a_peer_that_dies_and_comes_back_gets_everything(jobs: str, folder: Path, tmp_path: Path) -> None:
    received, report, port = tmp_path / "received", tmp_path / "report", free_port()
    received.mkdir()
    peer: Command = [tool("storescp"), "-od", received, "--fork", str(port)]

    def stored(count: int) -> None:
        eventually(lambda: len(told(report)) > count, 20, "some files are stored")

    with process([*sending(port, folder, report, "--jobs", jobs)], tmp_path / "log") as sender:
        for number in (1, 2):
            with process(peer, tmp_path / f"peer{number}"):
                stored(40 * number)
        with process(peer, tmp_path / "peer3"):
            assert sender.popen.wait(60) == 0
    assert len(told(report)) == EACH and all(line["stored"] for line in told(report))
    assert len(list(received.iterdir())) == EACH


def test_a_run_that_was_killed_is_gone_on_with(folder: Path, tmp_path: Path) -> None:
    received, report, port = tmp_path / "received", tmp_path / "report", free_port()
    received.mkdir()
    with process([tool("storescp"), "-od", received, str(port)], tmp_path / "peer"):
        with process(sending(port, folder, report), tmp_path / "log") as sender:
            eventually(lambda: len(told(report)) > 20, 20, "some files are stored")
            sender.popen.kill()
            sender.popen.wait(20)
        before = len(told(report))
        done = finished(sending(port, folder, report))
        assert f"{EACH - before} stored" in done.stdout and f"{before} stored before" in done.stdout
    assert len(told(report)) == EACH


def test_findscu_makes_a_table_of_what_dcmqrscp_has(tmp_path: Path) -> None:
    paths = []
    for number, instance in enumerate(make_instances()):
        paths.append(tmp_path / f"{number}.dcm")
        saved(instance, paths[-1])
    with dcmqrscp(tmp_path / "qr", {}) as (_, port):
        ours = [sys.executable, "-m", "dicomwire"]
        finished([*ours, "storescu", HOST, str(port), *paths, "-aec", "ARCHIVE"])
        keys = ("QueryRetrieveLevel=STUDY", "PatientName=Interop*", "StudyDate", "AccessionNumber")
        given = [word for key in keys for word in ("-k", key)]
        done = finished([*ours, "findscu", HOST, str(port), "-S", "-aec", "ARCHIVE", *given, "--csv", "-", "-q"])
    rows = sorted(csv.reader(io.StringIO(done.stdout)))
    assert rows == [
        ["20240102", "A1", "Interop^Anna"],
        ["20240203", "A2", "Interop^Anna"],
        ["20240304", "A3", "Interop^Bert"],
        ["StudyDate", "AccessionNumber", "PatientName"],
    ]
