"""Where files are opened, named and removed."""

from __future__ import annotations

import errno
import gc
import logging
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydicom.data import get_testdata_file
from pydicom.uid import ExplicitVRLittleEndian

from dicomwire.data import store
from dicomwire.data.reading_files import read_instance
from dicomwire.data.store import FileStore
from dicomwire.dsutils import split_dataset
from dicomwire.sinks import FileSink

STORE = FileStore()

pytestmark = pytest.mark.skipif(os.name != "posix", reason="permissions, links and open files of POSIX")


@pytest.fixture
def umask() -> Iterator[int]:
    """That of most systems, whatever it is here."""
    before = os.umask(0o022)
    yield 0o022
    os.umask(before)


def permissions(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_new_file_is_new_and_nobody_elses(tmp_path: Path, umask: int) -> None:
    path = tmp_path / "x"
    descriptor = STORE.open_to_write(str(path), new=True)
    STORE.write(descriptor, [memoryview(b"some"), memoryview(b"more")])
    STORE.close(descriptor)
    assert path.read_bytes() == b"somemore"
    assert permissions(path) == 0o600
    with pytest.raises(OSError, match=r".") as caught:
        os.fstat(descriptor)
    assert caught.value.errno == errno.EBADF
    with pytest.raises(FileExistsError):
        STORE.open_to_write(str(path), new=True)


def test_what_is_there_is_opened_and_never_made(tmp_path: Path) -> None:
    path = tmp_path / "x"
    with pytest.raises(FileNotFoundError):
        STORE.open_to_write(str(path), new=False)
    path.write_bytes(b"0123")
    descriptor = STORE.open_to_write(str(path), new=False)
    STORE.write(descriptor, [memoryview(b"ab")])
    STORE.close(descriptor)
    assert path.read_bytes() == b"ab23"
    (tmp_path / "link").symlink_to(path)
    with pytest.raises(OSError, match=r".") as caught:
        STORE.open_to_write(str(tmp_path / "link"), new=False)
    assert caught.value.errno == errno.ELOOP


def test_what_is_opened_to_read_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"data")
    descriptor = STORE.open_to_read(str(tmp_path / "x"))
    try:
        assert os.read(descriptor, 10) == b"data"
        with pytest.raises(OSError, match=r"."):
            os.write(descriptor, b"x")
    finally:
        STORE.close(descriptor)


def test_bytes_stay_as_they_are_where_systems_change_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    binary, flags, open_file = 1 << 30, [], os.open

    def opening(path: str, flag: int, *rest: int) -> int:
        flags.append(flag)
        return open_file(path, flag & ~binary, *rest)

    # As on Windows, where text has other ends of lines.
    monkeypatch.setattr("dicomwire.data.store._BINARY", binary)
    monkeypatch.setattr(os, "open", opening)
    path = str(tmp_path / "x")
    for descriptor in (
        STORE.open_to_write(path, new=True),
        STORE.open_to_write(path, new=False),
        STORE.open_to_read(path),
    ):
        STORE.close(descriptor)
    assert [flag & binary for flag in flags] == [binary] * 3


def test_a_file_is_known_again_by_its_descriptor_and_by_its_names(tmp_path: Path) -> None:
    path, second, link = tmp_path / "x", tmp_path / "y", tmp_path / "z"
    path.write_bytes(b"")
    STORE.link(path, str(second))
    STORE.link(path, str(tmp_path / "w"), symlink=True)
    descriptor = STORE.open_to_read(str(path))
    found = STORE.identity(descriptor)
    STORE.close(descriptor)
    assert found == (path.stat().st_dev, path.stat().st_ino)
    assert found == STORE.identity(path) == STORE.identity(str(second)) == STORE.identity(tmp_path / "w")
    link.symlink_to(path)
    assert STORE.identity(link) != found


def test_a_second_name_of_a_symbolic_link_is_one_too(tmp_path: Path) -> None:
    path, link, second = tmp_path / "x", tmp_path / "link", tmp_path / "second"
    path.write_bytes(b"data")
    link.symlink_to(path)
    STORE.link(link, str(second), symlink=True)
    assert second.is_symlink() and second.read_bytes() == b"data"


def test_what_is_under_a_path(tmp_path: Path) -> None:
    path, link = tmp_path / "x", tmp_path / "link"
    assert STORE.mode(path) is None
    path.write_bytes(b"")
    link.symlink_to(path)
    modes = [STORE.mode(one) for one in (path, str(tmp_path), link)]
    kinds = [None if mode is None else stat.S_IFMT(mode) for mode in modes]
    assert kinds == [stat.S_IFREG, stat.S_IFDIR, stat.S_IFLNK]


def test_folders_are_made_with_those_above_them(tmp_path: Path) -> None:
    for _ in range(2):
        STORE.make_folder(tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b").is_dir()


def test_spellings_of_a_path_are_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    here = Path.cwd()
    names = (
        "x",
        "./x",
        f"{here}/x",
        f"{here}//x",
        f"{here}/x/",
        f"{here}/./x",
        f"{here}/x/.",
        f"{here}/y/..//x",
        "y/../x",
    )
    assert len({STORE.one_name(name) for name in names}) == 1
    assert STORE.one_name("x") != STORE.one_name("y")


def test_a_temporary_file_is_one_for_readers_too() -> None:
    descriptor, name = STORE.open_temporary()
    STORE.close(descriptor)
    assert name.endswith(".dcm")
    STORE.remove(name)
    assert STORE.mode(name) is None


# -- what a sink makes of it ------------------------------------------------------------------------------------------
def test_a_file_that_replaces_another_may_be_read_by_the_same(tmp_path: Path, umask: int) -> None:
    path = tmp_path / "x"
    for expected, after in ((0o600, 0o604), (0o604, 0o444), (0o444, 0o444)):
        sink = FileSink(path, b"HEAD")
        sink.write([memoryview(b"data")])
        sink.close()
        assert permissions(path) == expected
        path.chmod(after)


@pytest.mark.parametrize(
    ("kind", "number"),
    [("file", errno.EEXIST), ("folder", errno.EISDIR), ("link", errno.ELOOP), ("broken", errno.ELOOP)],
)
def test_what_is_in_the_way_is_said_with_its_name(tmp_path: Path, kind: str, number: int) -> None:
    path = tmp_path / "x"
    if kind == "file":
        path.write_bytes(b"precious")
    elif kind == "folder":
        path.mkdir()
    else:
        path.symlink_to(tmp_path if kind == "link" else tmp_path / "nowhere")
    with pytest.raises(OSError, match=r".") as caught:
        FileSink(path, exclusive=kind == "file").write([memoryview(b"data")])
    error = caught.value
    assert (error.errno, error.strerror, error.filename) == (number, os.strerror(number), str(path))
    assert os.listdir(tmp_path) == ["x"]


class Keeping(FileStore):
    """Removes nothing, as Windows what is open somewhere."""

    def remove(self, path: str) -> None:
        raise PermissionError(errno.EACCES, "in use", path)


def test_what_cannot_be_removed_stays_and_is_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    sink = FileSink(tmp_path / "x", b"HEAD", store=Keeping())
    sink.write([memoryview(b"data")])
    where = sink.where
    with caplog.at_level(logging.WARNING, "dicomwire"):
        sink.discard()
    assert where.suffix == ".part" and where.read_bytes() == b"HEADdata"
    (record,) = caplog.records
    assert record.getMessage().startswith(f"{where} cannot be removed and stays: [Errno {errno.EACCES}] in use")


class Unknown(FileStore):
    """Cannot say what is there."""

    def identity(self, opened: int | str | Path) -> tuple[int, int]:
        if isinstance(opened, int):
            return super().identity(opened)
        raise PermissionError(errno.EACCES, "no", str(opened))


def test_what_may_be_somebody_elses_is_not_removed(tmp_path: Path) -> None:
    path = tmp_path / "x"
    sink = FileSink(path, b"HEAD", store=Unknown())
    sink.write([memoryview(b"data")])
    sink.close()
    sink.discard()
    assert path.read_bytes() == b"HEADdata"


def test_a_file_that_was_given_its_name_is_removed_where_it_is_not_wanted(tmp_path: Path) -> None:
    path = tmp_path / "x"
    sink = FileSink(path, b"HEAD")
    sink.write([memoryview(b"data")])
    sink.close()
    sink.discard()
    assert os.listdir(tmp_path) == []
    # But not another one that lies there since.
    sink = FileSink(path, b"HEAD")
    sink.close()
    (tmp_path / "y").write_bytes(b"precious")
    (tmp_path / "y").replace(path)
    sink.discard()
    assert path.read_bytes() == b"precious"


class Foreign(FileStore):
    """Files whose permissions are not ours to set, as on a share."""

    def set_permissions(self, path: str, permissions: int) -> None:
        raise PermissionError(errno.EPERM, "not yours", path)


def test_a_file_is_replaced_also_where_permissions_cannot_be_set(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"old")
    sink = FileSink(path, b"HEAD", store=Foreign())
    sink.close()
    assert path.read_bytes() == b"HEAD" and os.listdir(tmp_path) == ["x"]


def test_a_file_that_waited_has_the_permissions_of_the_one_it_replaces(tmp_path: Path, umask: int) -> None:
    path = tmp_path / "x"
    sinks = [FileSink(path, b"HEAD") for _ in range(2)]
    for sink in sinks:
        sink.is_undecided = True
        sink.write([memoryview(b"data")])
        sink.close()
    path.chmod(0o604)
    sinks[1].settle(kept=True)
    assert permissions(path) == 0o604
    sinks[0].settle(kept=True)


class Stuck(FileStore):
    """Gives no file another name any more, once it is told so."""

    is_stuck = False

    def rename(self, path: str | Path, to: str | Path) -> None:
        if self.is_stuck:
            raise PermissionError(errno.EACCES, "in use", str(path))
        super().rename(path, to)


@pytest.mark.parametrize("how", ["settled", "forgotten"])
def test_what_cannot_come_back_is_no_error(tmp_path: Path, how: str) -> None:
    path, store = tmp_path / "x", Stuck()
    path.write_bytes(b"old")
    sink = FileSink(path, b"HEAD", store=store)
    sink.is_undecided = True
    sink.close()
    store.is_stuck = True
    if how == "settled":
        sink.settle(kept=False)
        assert not sink.is_undecided
        # Only the first word counts.
        store.is_stuck = False
        sink.settle(kept=False)
    del sink
    assert path.read_bytes() == b"HEAD"


class Counting(FileStore):
    """Remembers what it has closed."""

    def __init__(self) -> None:
        self.closed: list[int] = []

    def close(self, descriptor: int) -> None:
        self.closed.append(descriptor)
        super().close(descriptor)


def test_what_is_open_is_closed_once(tmp_path: Path) -> None:
    store = Counting()
    sink = FileSink(tmp_path / "x", b"HEAD", store=store)
    sink.write([memoryview(b"data")])
    sink.close()
    sink.settle(kept=True)
    sink.discard()
    assert len(store.closed) == 1


def test_a_sink_that_cannot_be_made_says_nothing_when_it_goes() -> None:
    path: Any = None
    with pytest.raises(TypeError):
        FileSink(path)
    gc.collect()


def test_what_is_read_whole_is_opened_by_the_store_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []

    class Kept(FileStore):
        def open_to_read(self, path: str) -> int:
            opened.append(path)
            return super().open_to_read(str(tmp_path / "there" / Path(path).name))

    (tmp_path / "there").mkdir()
    made = get_testdata_file("CT_small.dcm", download=False)
    assert isinstance(made, str)
    (tmp_path / "there" / "ct").write_bytes(Path(made).read_bytes())
    monkeypatch.setattr(store, "STORE", Kept())
    assert read_instance("elsewhere/ct").filename == "elsewhere/ct"
    assert split_dataset("elsewhere/ct")[0].TransferSyntaxUID == ExplicitVRLittleEndian
    assert opened == ["elsewhere/ct", "elsewhere/ct"]
