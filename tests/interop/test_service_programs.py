"""Programs for query, retrieve and the N-services, written for pynetdicom, with only the import renamed."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from attrs import frozen
from pydicom import dcmread

from tests.support.archive import UID_ROOT, dcmqrscp, scheduled, wlmscpfs
from tests.support.comparing import differing
from tests.support.peers import (
    Command,
    Process,
    Stored,
    file_parts,
    finished,
    free_port,
    process,
    renamed,
    tool,
)

PACKAGES = ("dicomwire", "pynetdicom")
STUDY = f"{UID_ROOT}.1"

# Who asks, and who answers.
PAIRS = [
    ("dicomwire", "pynetdicom"),
    ("pynetdicom", "dicomwire"),
    ("dicomwire", "dicomwire"),
]
WITH_DCMTK = [*PAIRS, ("dicomwire", "dcmtk"), ("pynetdicom", "dcmtk")]


@frozen
class Scp:
    """A program that serves, its port, and the port of the destination or reporter that it knows."""

    port: int
    known_port: int
    process: Process
    worklist_port: int


@contextmanager
def scp_program(name: str, package: str, folder: Path, *arguments: str | Path) -> Iterator[Scp]:
    known_port = free_port()
    command: Command = [sys.executable, renamed(name, package, folder), *arguments]
    with process(command, folder / f"{name}-{package}.log") as running:
        port = int(running.wait_for_line("port "))
        running.tell(str(known_port))
        running.wait_for_line("known ")
        yield Scp(port, known_port, running, port)


@pytest.fixture(scope="module")
def archives(archived: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Scp]]:
    """Who may be queried: by package, and DCMTK."""
    folder = tmp_path_factory.mktemp("archives")
    with ExitStack() as stack:
        found = {
            package: stack.enter_context(scp_program("archive_scp", package, folder, archived[0].parent))
            for package in PACKAGES
        }
        known_port = free_port()
        running, port = stack.enter_context(dcmqrscp(folder / "dcmqrscp", {"MOVESCU": known_port}))
        finished([tool("storescu"), "-R", "-aec", "ARCHIVE", "127.0.0.1", str(port), *archived])
        items = [scheduled("Interop^Anna", "MR"), scheduled("Interop^Bert", "CT")]
        worklist = stack.enter_context(wlmscpfs(folder / "wlmscpfs", items))
        found["dcmtk"] = Scp(port, known_port, running, worklist)
        yield found


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Scp]]:
    folder = tmp_path_factory.mktemp("services")
    with ExitStack() as stack:
        yield {package: stack.enter_context(scp_program("services_scp", package, folder)) for package in PACKAGES}


def run(program: str, package: str, folder: Path, *arguments: str | Path) -> list[str]:
    """The lines that a program prints."""
    return finished([sys.executable, renamed(program, package, folder), *arguments]).stdout.splitlines()


@pytest.mark.parametrize(("scu", "scp"), WITH_DCMTK)
def test_query_and_retrieve(scu: str, scp: str, archives: dict[str, Scp], archived: list[Path], tmp_path: Path) -> None:
    peer = archives[scp]
    port = str(peer.port)
    found = run("find_scu", scu, tmp_path, port, "ARCHIVE", "Interop^*")
    assert found[0::2] == ["C-FIND query status: 0xFF00"] * 2 + ["C-FIND query status: 0x0000"]
    assert sorted(found[1::2]) == ["  Interop^Anna P1", "  Interop^Bert P2"]

    planned = run("find_scu", scu, tmp_path, str(peer.worklist_port), "WORKLIST", "Interop^A*", "--worklist")
    assert planned == ["C-FIND query status: 0xFF00", "  Interop^Anna", "C-FIND query status: 0x0000"]

    folder = tmp_path / "got"
    folder.mkdir()
    got = run("get_scu", scu, tmp_path, port, "ARCHIVE", STUDY, folder)
    assert got == ["C-GET query status: 0x0000 after 20 pending", "  20 completed, 0 failed"]
    assert differing(archived[:20], [Stored(*file_parts(path)) for path in folder.iterdir()]) == []

    moved = run("move_scu", scu, tmp_path, port, "ARCHIVE", STUDY, str(peer.known_port))
    assert moved == ["C-MOVE query status: 0x0000", "C-MOVE query status: 0xa801", "20 received"]


@pytest.mark.parametrize("package", PACKAGES)
def test_clients_of_dcmtk_are_served(
    package: str, archives: dict[str, Scp], archived: list[Path], tmp_path: Path
) -> None:
    peer = archives[package]
    where: Command = ["-aec", "ARCHIVE", "-od", tmp_path, "127.0.0.1", str(peer.port)]
    study: Command = ["-k", "QueryRetrieveLevel=STUDY", "-k", f"StudyInstanceUID={STUDY}"]
    done = finished(
        [tool("findscu"), "-v", "-P", "-X", "-k", "QueryRetrieveLevel=PATIENT", "-k", "PatientName", *where]
    )
    assert "Received Final Find Response (Success)" in done.stdout
    names = [str(dcmread(path).PatientName) for path in sorted(tmp_path.iterdir())]
    assert names == ["Interop^Anna", "Interop^Bert"]
    for name, options in (("getscu", ["-S"]), ("movescu", ["-S", "--port", str(peer.known_port)])):
        for path in tmp_path.iterdir():
            path.unlink()
        finished([tool(name), *options, *study, *where])
        assert differing(archived[:20], [Stored(*file_parts(path)) for path in tmp_path.iterdir()]) == []


def uid_of(pair: tuple[str, str], number: int) -> str:
    """One for each pair: instances stay where they are."""
    return f"{UID_ROOT}.5.{PAIRS.index(pair)}.{number}"


STEPS = """\
MPPS N-CREATE 0x0000
  PatientName=Interop^Anna, PerformedProcedureStepStatus=IN PROGRESS
MPPS N-CREATE again 0x0111
MPPS N-SET 0x0000
  PatientName=Interop^Anna, PerformedProcedureStepStatus=COMPLETED
  series 1.2.3.1.1
MPPS N-SET other 0x0112
UPS N-CREATE 0x0000
  PatientName=Interop^Bert, ProcedureStepState=SCHEDULED, ProcedureStepLabel=Reporting
UPS C-FIND 0xff00
  ProcedureStepState=SCHEDULED, ProcedureStepLabel=Reporting
UPS C-FIND 0x0000
UPS N-ACTION 0x0000
  TransactionUID=1.2.3.2.1, ProcedureStepState=IN PROGRESS
UPS N-ACTION again 0xc302
UPS N-SET 0x0000
  TransactionUID=1.2.3.2.1, PatientName=Interop^Bert^B, ProcedureStepState=IN PROGRESS, ProcedureStepLabel=Reporting
UPS N-ACTION done 0x0000
  TransactionUID=1.2.3.2.1, ProcedureStepState=COMPLETED
UPS N-GET 0x0000
  PatientName=Interop^Bert^B, ProcedureStepState=COMPLETED
"""


@pytest.mark.parametrize(("scu", "scp"), PAIRS)
def test_procedure_steps(scu: str, scp: str, services: dict[str, Scp], tmp_path: Path) -> None:
    uids = [uid_of((scu, scp), number) for number in (1, 2)]
    lines = run("steps_scu", scu, tmp_path, str(services[scp].port), *uids)
    assert lines == STEPS.splitlines()


@pytest.mark.parametrize(("scu", "scp"), PAIRS)
def test_storage_commitment(scu: str, scp: str, services: dict[str, Scp], tmp_path: Path) -> None:
    peer = services[scp]
    transaction = uid_of((scu, scp), 3)
    lines = run("commitment_scu", scu, tmp_path, str(peer.port), str(peer.known_port), transaction)
    assert lines == [
        "N-ACTION 0x0000",
        f"report 2 of {transaction}: ['1.2.3.5.0'] [('1.2.3.5.1', 274)]",
        "  from SERVICES",
    ]
    # The program has ended meanwhile; its handler has answered.
    assert peer.process.wait_for_line(f"reported {transaction} ") == "0x0000"


PRINTED = """\
printer 0x0000
  status NORMAL
film session 0x0000
film box 0x0000
  image boxes 1
image box 0x0000
printed 0x0000
session deleted 0x0000
"""


@pytest.mark.parametrize(("scu", "scp"), PAIRS)
def test_printing(scu: str, scp: str, services: dict[str, Scp], tmp_path: Path) -> None:
    assert run("print_scu", scu, tmp_path, str(services[scp].port)) == PRINTED.splitlines()
