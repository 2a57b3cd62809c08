"""Data sets that are too large for memory go to a file without a name."""

from __future__ import annotations

import errno
import gc
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dicomwire.data import store
from dicomwire.data.spooled_memory import SpooledMemory
from dicomwire.data.store import FileStore
from dicomwire.sinks import MemorySink, make_sink

MANY = 300_000


def views(*parts: bytes) -> list[memoryview]:
    return [memoryview(part) for part in parts]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where temporary files go, and nothing is left."""
    mine = FileStore()
    mine.temporary_folder = tmp_path
    monkeypatch.setattr(store, "STORE", mine)
    yield tmp_path
    gc.collect()
    assert not list(tmp_path.iterdir())


@pytest.fixture
def no_room(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*args: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(FileStore, "write", full)


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


def filled(size: int, *, in_memory: int) -> MemorySink:
    sink = MemorySink(1 << 30, in_memory)
    data = bytes(range(256)) * (size // 256 + 1)
    for start in range(0, size, 70_001):
        sink.write(views(data[start : min(start + 70_001, size)]))
    return sink


@pytest.mark.parametrize("in_memory", [0, 1, MANY - 1])
def test_what_is_longer_than_memory_may_hold_is_read_from_a_mapping(in_memory: int) -> None:
    sink = filled(MANY, in_memory=in_memory)
    sink.close()
    assert isinstance(sink.data, memoryview) and sink.data.readonly
    assert sink.data == (bytes(range(256)) * 2000)[:MANY]
    assert sink.data is sink.data


@pytest.mark.parametrize("in_memory", [MANY, sys.maxsize])
def test_what_fits_stays_in_memory(in_memory: int) -> None:
    sink = filled(MANY, in_memory=in_memory)
    sink.close()
    assert isinstance(sink.data, bytearray)


def test_a_volume_that_was_kept_in_large_pages_moves_too() -> None:
    sink = filled(9 << 20, in_memory=8 << 20)
    sink.close()
    assert isinstance(sink.data, memoryview) and sink.data.readonly
    assert len(sink.data) == 9 << 20


@pytest.mark.skipif(os.name != "posix", reason="files without a name")
def test_no_folder_shows_the_file(folder: Path) -> None:
    sink = filled(MANY, in_memory=0)
    assert not list(folder.iterdir())
    sink.close()
    assert not list(folder.iterdir())


@pytest.mark.skipif(sys.platform != "linux", reason="counts in /proc")
@pytest.mark.parametrize("end", ["close", "discard"])
def test_no_descriptor_stays_open(end: str) -> None:
    before = open_files()
    sink = filled(MANY, in_memory=0)
    getattr(sink, end)()
    del sink
    gc.collect()
    assert open_files() == before


@pytest.mark.skipif(sys.platform != "linux", reason="memory in /proc")
def test_it_is_no_memory_of_the_process() -> None:
    def anonymous() -> int:
        status = Path("/proc/self/status").read_text()
        return next(int(line.split()[1]) << 10 for line in status.splitlines() if line.startswith("RssAnon"))

    sink = MemorySink(1 << 30, 1 << 20)
    piece = views(bytes(1 << 20))
    before = anonymous()
    for _ in range(48):
        sink.write(piece)
    sink.close()
    assert sum(sink.data[:: 1 << 12]) == 0
    assert anonymous() - before < 16 << 20


def test_what_is_discarded_is_gone() -> None:
    sink = filled(MANY, in_memory=0)
    sink.discard()
    assert sink.data == b""
    sink.write(views(b"again"))
    sink.discard()


def test_there_is_a_limit_all_the_same() -> None:
    sink = MemorySink(MANY, 0)
    sink.write(views(bytes(MANY)))
    with pytest.raises(MemoryError, match=f"longer than {MANY} bytes"):
        sink.write(views(b"x"))
    sink.discard()


@pytest.mark.usefixtures("no_room")
def test_a_full_disk_is_an_error_of_the_system() -> None:
    with pytest.raises(OSError, match="No space left"):
        SpooledMemory(b"data")
    sink = MemorySink(100, 3)
    with pytest.raises(OSError, match="No space left"):
        sink.write(views(b"data"))
    sink.discard()


def test_a_folder_that_is_missing_is_an_error_of_the_system(folder: Path) -> None:
    store.STORE.temporary_folder = folder / "missing"
    with pytest.raises(FileNotFoundError):
        SpooledMemory(b"data")


def test_named_temporary_files_lie_in_that_folder_too(folder: Path) -> None:
    descriptor, name = store.STORE.open_temporary()
    store.STORE.close(descriptor)
    assert Path(name).parent == folder
    store.STORE.remove(name)


def test_a_handler_that_chooses_memory_gets_the_same() -> None:
    sink = make_sink(None, header=b"", limit=10, in_memory=7)
    assert sink == MemorySink(10, 7)
