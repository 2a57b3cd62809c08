"""What is on the disk before an instance is acknowledged, and what becomes of files whose process is gone."""

from __future__ import annotations

import errno
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dicomwire.data.part_files import FolderClaim
from dicomwire.data.receiving_files import OUT_OF_RESOURCES, SUCCESS, IncomingFile
from dicomwire.data.store import FileStore, Sync
from dicomwire.sinks import FileSink
from tests.support.processes import run_python

LOGGER = logging.getLogger("dicomwire.tests")

pytestmark = pytest.mark.skipif(os.name != "posix", reason="locks, permissions and processes of POSIX")


class Watched(FileStore):
    """Notes what happens, in order."""

    def __init__(self, sync: Sync, fails: str = "") -> None:
        super().__init__(sync=sync)
        self.done: list[str] = []
        self.fails = fails

    def _note(self, what: str) -> None:
        self.done.append(what)
        if what == self.fails:
            raise OSError(errno.EIO, "the disk is broken")

    def write(self, descriptor: int, fragments: list[memoryview]) -> None:
        self._note("write")
        super().write(descriptor, fragments)

    def sync_file(self, descriptor: int) -> None:
        self._note("sync file")
        super().sync_file(descriptor)

    def sync_folder(self, descriptor: int) -> None:
        self._note("sync folder")
        super().sync_folder(descriptor)

    def rename(self, path: str | Path, to: str | Path) -> None:
        self._note("rename")
        super().rename(path, to)


ORDERS: list[tuple[Sync, list[str]]] = [
    ("none", ["write", "rename"]),
    ("file", ["write", "sync file", "rename"]),
    ("file and folder", ["write", "sync file", "rename", "sync folder"]),
]


def received(path: Path, files: FileStore) -> int:
    """As storescp and get_to_folder do it."""
    file = IncomingFile.within(path.parent, b"HEAD", store=files)
    file.write([memoryview(b"data")])
    file.close()
    return file.keep(path, LOGGER)


@pytest.mark.parametrize(("sync", "order"), ORDERS)
def test_a_sink_is_on_the_disk_before_it_has_its_name(tmp_path: Path, sync: Sync, order: list[str]) -> None:
    files = Watched(sync)
    sink = FileSink(tmp_path / "x", b"HEAD", store=files)
    sink.finish([memoryview(b"data")])
    assert files.done == order and (tmp_path / "x").read_bytes() == b"HEADdata"


@pytest.mark.parametrize(("sync", "order"), ORDERS)
def test_so_is_what_comes_into_a_folder(tmp_path: Path, sync: Sync, order: list[str]) -> None:
    files = Watched(sync)
    assert received(tmp_path / "x", files) == SUCCESS
    assert files.done == order and os.listdir(tmp_path) == ["x"]


@pytest.mark.parametrize("what", ["sync file", "sync folder"])
def test_what_cannot_be_forced_to_the_disk_is_not_acknowledged(tmp_path: Path, what: str) -> None:
    assert received(tmp_path / "x", Watched("file and folder", what)) == OUT_OF_RESOURCES
    assert os.listdir(tmp_path) == (["x"] if what == "sync folder" else [])


@pytest.mark.parametrize("what", ["sync file", "sync folder"])
def test_what_was_there_comes_back_if_the_disk_fails(tmp_path: Path, what: str) -> None:
    (tmp_path / "x").write_bytes(b"old")
    sink = FileSink(tmp_path / "x", b"HEAD", store=Watched("file and folder", what))
    sink.is_undecided = True
    with pytest.raises(OSError, match="broken"):
        sink.finish([memoryview(b"data")])
    sink.discard()
    assert os.listdir(tmp_path) == ["x"] and (tmp_path / "x").read_bytes() == b"old"


def test_a_pipe_cannot_be_forced_to_the_disk_and_need_not(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    FileSink(tmp_path / "pipe", b"HEAD", store=FileStore(sync="file and folder")).finish([memoryview(b"data")])
    assert os.read(reader, 100) == b"HEADdata"
    os.close(reader)


@pytest.mark.parametrize("arguments", [{"sync": "all"}, {"file_mode": 0o1777}, {"folder_mode": -1}])
def test_a_store_knows_what_it_is_asked_for(arguments: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"must be one of|permissions"):
        FileStore(**arguments)


WIDE = FileStore(file_mode=0o644, folder_mode=0o755)


@pytest.fixture(params=[0, 0o077])
def umask(request: pytest.FixtureRequest) -> Iterator[None]:
    before = os.umask(request.param)
    yield
    os.umask(before)


@pytest.mark.usefixtures("umask")
@pytest.mark.parametrize(
    ("files", "file", "folder"),
    [(FileStore(), 0o600, 0o700), (WIDE, 0o644, 0o755)],
)
def test_permissions_are_those_asked_for(tmp_path: Path, files: FileStore, file: int, folder: int) -> None:
    (tmp_path / "there").mkdir(mode=0o705)
    before = (tmp_path / "there").stat().st_mode
    path = tmp_path / "there" / "a" / "b"
    files.make_folder(path)
    files.make_folder(path)
    assert received(path / "x", files) == SUCCESS
    assert [each.stat().st_mode & 0o777 for each in (path.parent, path, path / "x")] == [folder, folder, file]
    assert (tmp_path / "there").stat().st_mode == before


def test_a_folder_cannot_be_where_a_file_is(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"")
    with pytest.raises(OSError, match=r"."):
        FileStore().make_folder(tmp_path / "x")
    with pytest.raises(OSError, match=r"."):
        FileStore().make_folder(tmp_path / "x" / "y")


# -- what a crash left ---------------------------------------------------------------------------------------------
def gone() -> int:
    """The number of a process that has ended."""
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        pass
    return process.pid


def left(folder: Path, process: int, *, kind: str = "part", run: str = "0123abcd") -> Path:
    path = folder / f".{process:08x}{run}00000001.{kind}"
    path.write_bytes(b"12345")
    return path


def test_what_a_dead_process_left_is_removed_and_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path, earlier = left(tmp_path, gone()), left(tmp_path, gone(), kind="earlier")
    # Of a process of this number, but not of this one: where numbers begin anew, as in a container.
    again = left(tmp_path, os.getpid())
    others = ["x.dcm", ".0123456789abcdef.part", f"{0:024}.part", f".{0:024}.parts", f".{'G' * 24}.part"]
    for name in others:
        (tmp_path / name).write_bytes(b"")
    with FolderClaim(tmp_path) as claim:
        claim.tell()
    assert sorted(claim.removed) == sorted([path, again]) and claim.size == 10
    assert claim.kept == [] and claim.earlier == [earlier]
    assert sorted(os.listdir(tmp_path)) == sorted([*others, earlier.name])
    assert [record.levelname for record in caplog.records] == ["WARNING"] * 2
    assert "2 files" in caplog.messages[0] and "10 bytes" in caplog.messages[0]


def test_what_is_being_written_is_not_removed(tmp_path: Path) -> None:
    sink = FileSink(tmp_path / "x", b"HEAD")
    sink.write([memoryview(b"data")])
    # The parent of this process lives.
    path = left(tmp_path, os.getppid())
    with FolderClaim(tmp_path) as claim:
        assert (claim.removed, claim.kept) == ([], [path])
    sink.close()
    assert (tmp_path / "x").read_bytes() == b"HEADdata"


def test_nothing_is_removed_while_somebody_else_stores_there(tmp_path: Path) -> None:
    path = left(tmp_path, gone())
    with FolderClaim(tmp_path) as first:
        assert first.removed == [path]
        path = left(tmp_path, gone())
        with FolderClaim(tmp_path) as second:
            assert (second.removed, second.kept) == ([], [path])
    with FolderClaim(tmp_path) as third:
        assert third.removed == [path]
    third.close()


def test_a_killed_process_gives_up_its_claim(tmp_path: Path) -> None:
    program = f"""
        import os, signal
        from dicomwire.sinks import FileSink, FolderClaim
        claim = FolderClaim({str(tmp_path)!r})
        sink = FileSink({str(tmp_path / "x")!r}, b"HEAD")
        sink.write([memoryview(b"data")])
        if os.fork() == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        os.wait()
        print(*os.listdir({str(tmp_path)!r}))
        os._exit(0)
    """
    (name,) = run_python(program, forks=True).split()
    with FolderClaim(tmp_path) as claim:
        assert [path.name for path in claim.removed] == [name]


def test_nothing_is_removed_where_nobody_can_say_that_he_stores_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = left(tmp_path, gone())

    def refuse(descriptor: int, how: int) -> None:
        raise OSError(errno.ENOLCK, "no locks here")

    without: list[tuple[str, Any]] = [("fcntl.flock", refuse), ("dicomwire.data.store.fcntl", None)]
    for name, instead in without:
        monkeypatch.setattr(name, instead)
        with FolderClaim(tmp_path) as claim:
            assert (claim.removed, claim.kept) == ([], [path])


class Stuck(FileStore):
    def remove(self, path: str) -> None:
        raise PermissionError(errno.EACCES, "in use", path)


def test_what_cannot_be_removed_is_kept(tmp_path: Path) -> None:
    path = left(tmp_path, gone())
    with FolderClaim(tmp_path, store=Stuck()) as claim:
        assert (claim.removed, claim.kept) == ([], [path])


def test_a_process_of_somebody_else_is_alive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def kill(process: int, number: int) -> None:
        assert number == 0
        raise PermissionError(errno.EPERM, "not yours")

    path = left(tmp_path, gone())
    monkeypatch.setattr(os, "kill", kill)
    with FolderClaim(tmp_path) as claim:
        assert claim.kept == [path]


def test_a_folder_that_is_not_there_cannot_be_claimed(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        FolderClaim(tmp_path / "nowhere")


def test_names_differ_also_in_the_child_of_a_fork() -> None:
    program = """
        import os
        from dicomwire.data.part_files import part_name
        print(part_name(), part_name(), flush=True)
        if os.fork() == 0:
            print(part_name(), flush=True)
            os._exit(0)
        os.wait()
    """
    names = run_python(program, forks=True).split()
    assert len(set(names)) == 3
    assert names[0][:17] == names[1][:17] != names[2][:17] and names[0][9:17] != names[2][9:17]
