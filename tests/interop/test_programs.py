"""Programs written for pynetdicom, with only the import renamed."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.support.comparing import differing
from tests.support.peers import (
    Command,
    OurServer,
    Stored,
    echo,
    file_parts,
    finished,
    process,
    renamed,
    storage_scp,
    storescp,
    tool,
)


@pytest.fixture(params=["pynetdicom", "dicomwire"])
def package(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture(scope="module")
def few(paths: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with 40 of the instances."""
    folder = tmp_path_factory.mktemp("few")
    for path in paths[:40]:
        (folder / path.name).symlink_to(path)
    return folder


def stored_in(folder: Path) -> list[Stored]:
    return [Stored(*file_parts(path)) for path in folder.iterdir()]


def test_the_echo_scu_says_the_same(package: str, pynetdicom_scp: tuple[int, Path], tmp_path: Path) -> None:
    program: Command = [sys.executable, renamed("echo_scu", package, tmp_path)]
    with storescp(tmp_path / "store") as port:
        for each in (port, pynetdicom_scp[0]):
            assert finished([*program, str(each)]).stdout == "C-ECHO request status: 0x0000\n"
    gone = finished([*program, str(port)], status=1)
    assert gone.stdout.endswith("Association rejected, aborted or never connected\n")


def test_debug_logging_shows_the_association(package: str, pynetdicom_scp: tuple[int, Path], tmp_path: Path) -> None:
    program: Command = [sys.executable, renamed("echo_scu", package, tmp_path), str(pynetdicom_scp[0]), "--debug"]
    output = finished(program).stdout
    assert "ECHOSCU" in output
    assert "1.2.840.10008.1.1" in output or "Verification SOP Class" in output
    assert "C-ECHO request status: 0x0000" in output


def test_the_storage_scu_stores_at_dcmtk_and_pynetdicom(
    package: str, few: Path, pynetdicom_scp: tuple[int, Path], tmp_path: Path
) -> None:
    program: Command = [sys.executable, renamed("storage_scu", package, tmp_path)]
    chosen = sorted(few.iterdir())
    there = pynetdicom_scp[1]
    for path in there.iterdir():
        path.unlink()
    with storescp(tmp_path / "store", "+B", "+xa") as port:
        for each, folder in ((port, tmp_path / "store"), (pynetdicom_scp[0], there)):
            done = finished([*program, str(each), few])
            assert done.stdout.count("0x0000 ") == len(chosen)
            assert differing(chosen, stored_in(folder)) == []


def test_the_storage_scp_stores_what_dcmtk_and_pynetdicom_send(package: str, few: Path, tmp_path: Path) -> None:
    chosen = sorted(few.iterdir())
    scu = renamed("storage_scu", "pynetdicom", tmp_path)
    with storage_scp(tmp_path / "store", package) as port:
        finished([tool("echoscu"), "127.0.0.1", str(port)])
        assert echo(port)
        log = tmp_path / f"store-{package}.log"
        commands: list[Command] = [
            [tool("dcmsend"), "-dn", "+sd", "127.0.0.1", str(port), few],
            [sys.executable, scu, str(port), few],
        ]
        for command in commands:
            finished(command)
            assert differing(chosen, stored_in(tmp_path / "store")) == []
            for path in (tmp_path / "store").iterdir():
                path.unlink()
    lines = log.read_text().splitlines()
    assert "echo from ECHOSCU" in lines
    assert "opened 127.0.0.1" in lines
    assert f"stored {2 * len(chosen)}" in lines
    assert not [line for line in lines if line.startswith("failed")]


def test_one_server_serves_both_at_once(server: OurServer, few: Path, tmp_path: Path) -> None:
    server.stored.clear()
    scu = renamed("storage_scu", "pynetdicom", tmp_path)
    chosen = sorted(few.iterdir())
    with process([sys.executable, scu, str(server.port), few], tmp_path / "log") as running:
        finished([tool("dcmsend"), "-dn", "+sd", "127.0.0.1", str(server.port), few])
        assert running.popen.wait(30) == 0
    by_uid: dict[str, list[Stored]] = {}
    for item in server.stored:
        by_uid.setdefault(item.sop_instance_uid, []).append(item)
    assert {len(items) for items in by_uid.values()} == {2}
    assert differing(chosen, [items[0] for items in by_uid.values()]) == []
    assert differing(chosen, [items[1] for items in by_uid.values()]) == []


def test_a_program_that_ends_answers_what_it_was_asked_first(package: str, tmp_path: Path) -> None:
    """In pynetdicom a thread of each association keeps the interpreter alive."""
    command: Command = [sys.executable, renamed("leaving_scp", package, tmp_path)]
    with process(command, tmp_path / "log") as running:
        assert echo(int(running.wait_for_line("port ")))
        assert running.popen.wait(20) == 0, running.output
