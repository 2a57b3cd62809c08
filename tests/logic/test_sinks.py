"""Where a received data set goes."""

from __future__ import annotations

import asyncio
import copy
import mmap
import os
import pickle
import re
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import pytest

from dicomwire import dimse_messages, dimse_primitives
from dicomwire.data import large_memory as _large_memory, store
from dicomwire.data.sources import opened
from dicomwire.data.store import FileStore
from dicomwire.dimse.command import Command
from dicomwire.dimse.messages import C_STORE_RQ
from dicomwire.sinks import FileSink, MemorySink, Sink, TemporaryFile, WriterSink, make_sink, write_all
from tests.support.encoded import EXPLICIT, data_set as encoded, dicom_file
from tests.support.processes import run_python


def views(*parts: bytes) -> list[memoryview]:
    return [memoryview(part) for part in parts]


def test_memory_keeps_the_pieces_in_order() -> None:
    sink = MemorySink(limit=100)
    sink.write(views(b"abc", b"de"))
    sink.write(views(b"f"))
    sink.close()
    assert sink.data == b"abcdef"


@pytest.mark.parametrize("has_large_pages", [True, False])
def test_a_volume_is_kept_as_it_came(monkeypatch: pytest.MonkeyPatch, has_large_pages: bool) -> None:
    has_large_pages = has_large_pages and _large_memory.IS_AVAILABLE
    monkeypatch.setattr(_large_memory, "IS_AVAILABLE", has_large_pages)
    sink = MemorySink(limit=1 << 30)
    pieces = [bytes([number]) * 999_999 for number in range(13)]
    for piece in pieces:
        sink.write(views(piece[:7], piece[7:]))
    sink.close()
    assert sink.data == b"".join(pieces)
    assert isinstance(sink.data, memoryview if has_large_pages else bytearray)


@pytest.mark.parametrize("size", [1000, 5_000_000])
@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, lambda item: pickle.loads(pickle.dumps(item))])
def test_what_is_kept_in_memory_can_be_copied_with_its_request(size: int, duplicate: Callable[[Any], Any]) -> None:
    sink = MemorySink(limit=1 << 30)
    sink.write(views(bytes(size)))
    assert len(sink.data) == size
    sink.close()
    command = Command(command_field=C_STORE_RQ, message_id=1, affected_sop_class_uid="1.2")
    assert duplicate(dimse_primitives.from_command(command, sink.data)).DataSet.getvalue() == bytes(size)
    assert duplicate(dimse_messages.from_command(1, command, sink.data)).data_set.getvalue() == bytes(size)


@pytest.mark.skipif(not _large_memory.IS_AVAILABLE, reason="this system has no large pages")
def test_a_volume_in_use_is_not_trimmed() -> None:
    sink = MemorySink(limit=1 << 30)
    sink.write(views(bytes(5_000_000)))
    before = sink.data
    sink.close()
    assert before == sink.data == bytes(5_000_000)


@pytest.mark.skipif(not _large_memory.IS_AVAILABLE, reason="this system has no large pages")
def test_what_was_reserved_for_more_of_a_volume_is_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []
    monkeypatch.setattr(_large_memory.LargeMemory, "trim", lambda memory: sizes.append(len(memory)))
    for size in (1000, 5_000_000):
        sink = MemorySink(limit=1 << 30)
        sink.write(views(bytes(size)))
        sink.close()
    assert sizes == [5_000_000]


@pytest.mark.skipif(not _large_memory.IS_AVAILABLE, reason="this system has no large pages")
def test_a_volume_in_memory_has_a_limit_and_can_be_discarded() -> None:
    sink = MemorySink(limit=9_000_000)
    for _ in range(9):
        sink.write(views(bytes(1_000_000)))
    with pytest.raises(MemoryError):
        sink.write(views(b"x"))
    sink.discard()
    sink.close()
    assert sink.data == b""


@pytest.mark.skipif(not _large_memory.IS_AVAILABLE, reason="this system has no large pages")
def test_memory_grows_without_large_pages_too(monkeypatch: pytest.MonkeyPatch) -> None:
    # A kernel without them refuses this.
    monkeypatch.setattr(mmap, "MADV_HUGEPAGE", -1)
    memory = _large_memory.LargeMemory(b"abc")
    memory.extend(bytes(5 << 20))
    memory.extend(b"end")
    assert len(memory) == 3 + (5 << 20) + 3
    assert memory.view() == b"abc" + bytes(5 << 20) + b"end"


class Fixed(mmap.mmap):
    """Cannot grow."""

    error: ClassVar[type[Exception]] = OSError

    def resize(self, newsize: int) -> None:
        raise self.error("refused")


class Never(mmap.mmap):
    """Cannot be mapped."""

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        raise OSError(12, "Cannot allocate memory")


@pytest.mark.skipif(not _large_memory.IS_AVAILABLE, reason="this system has no large pages")
@pytest.mark.parametrize("error", [OSError, ValueError, SystemError])
def test_a_volume_whose_pages_cannot_grow_goes_on_in_ordinary_memory(
    monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    monkeypatch.setattr(Fixed, "error", error)
    monkeypatch.setattr(mmap, "mmap", Fixed)
    sink = MemorySink(limit=1 << 30)
    pieces = [bytes([number]) * 999_999 for number in range(31)]
    for piece in pieces:
        sink.write(views(piece[:7], piece[7:]))
    sink.close()
    assert sink.data == b"".join(pieces)


@pytest.mark.skipif(not _large_memory.IS_AVAILABLE, reason="this system has no large pages")
def test_a_volume_whose_pages_cannot_shrink_keeps_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mmap, "mmap", Fixed)
    sink = MemorySink(limit=1 << 30)
    sink.write(views(b"x" * 5_000_000))
    sink.close()
    assert sink.data == b"x" * 5_000_000


@pytest.mark.skipif(not _large_memory.IS_AVAILABLE, reason="this system has no large pages")
def test_a_volume_for_which_there_are_no_pages_is_kept_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mmap, "mmap", Never)
    sink = MemorySink(limit=1 << 30)
    for number in range(9):
        sink.write(views(bytes([number]) * 1_000_000))
    sink.close()
    assert sink.data == b"".join(bytes([number]) * 1_000_000 for number in range(9))


@pytest.mark.skipif(sys.platform != "linux", reason="needs a limit on the address space")
def test_a_volume_beyond_a_limit_on_memory_loses_nothing_of_what_fits() -> None:
    program = """
import resource
from dicomwire.data.large_memory import LargeMemory
memory = LargeMemory(bytes(4 << 20))
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + (41 << 20), resource.RLIM_INFINITY))
piece, count = b"x" * (1 << 20), 4
try:
    while True:
        memory.extend(piece)
        count += 1
except MemoryError:
    pass
resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
assert len(memory) == count << 20 and memory.view() == bytes(4 << 20) + piece * (count - 4)
print(count)
"""
    # A copy beside it, or a quarter more, does not fit any more.
    assert int(run_python(program)) > 40


def test_memory_has_a_limit() -> None:
    sink = MemorySink(limit=4)
    with pytest.raises(MemoryError, match="longer than 4 bytes"):
        sink.write(views(b"abc", b"de"))


def test_a_path_becomes_a_file_that_begins_with_the_header(tmp_path: Path) -> None:
    sink = make_sink(tmp_path / "x.dcm", header=b"HEAD", limit=1)
    assert isinstance(sink, FileSink)
    sink.write(views(b"abc", b"de"))
    sink.close()
    assert (tmp_path / "x.dcm").read_bytes() == b"HEADabcde"


def test_an_empty_data_set_leaves_a_file_with_the_header_alone(tmp_path: Path) -> None:
    sink = FileSink(tmp_path / "x.dcm", b"HEAD")
    sink.close()
    assert (tmp_path / "x.dcm").read_bytes() == b"HEAD"


def test_a_discarded_file_is_gone(tmp_path: Path) -> None:
    sink = FileSink(tmp_path / "x.dcm", b"HEAD")
    sink.write(views(b"abc"))
    sink.discard()
    assert list(tmp_path.iterdir()) == []


def test_discarding_before_the_first_byte_is_harmless(tmp_path: Path) -> None:
    FileSink(tmp_path / "x.dcm", b"HEAD").discard()


def test_an_exclusive_file_is_never_overwritten(tmp_path: Path) -> None:
    (tmp_path / "x.dcm").write_bytes(b"precious")
    sink = FileSink(tmp_path / "x.dcm", b"HEAD", exclusive=True)
    with pytest.raises(FileExistsError):
        sink.write(views(b"abc"))
    assert (tmp_path / "x.dcm").read_bytes() == b"precious"


def test_a_symbolic_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "precious").write_bytes(b"precious")
    (tmp_path / "x.dcm").symlink_to(tmp_path / "precious")
    with pytest.raises(OSError, match=r"symbolic|loop"):
        FileSink(tmp_path / "x.dcm", b"HEAD").write(views(b"abc"))
    assert (tmp_path / "precious").read_bytes() == b"precious"


def test_thousands_of_fragments_are_written_in_order(tmp_path: Path) -> None:
    parts = [bytes([i % 256]) * (i % 5) for i in range(3000)]
    with (tmp_path / "x").open("wb") as file:
        write_all(file.fileno(), views(*parts))
    assert (tmp_path / "x").read_bytes() == b"".join(parts)


def test_a_pipe_that_takes_little_at_a_time_gets_everything() -> None:
    reading, writing = os.pipe()
    parts = [os.urandom(50_000) for _ in range(4)]

    def write() -> None:
        write_all(writing, views(*parts))
        os.close(writing)

    writer = threading.Thread(target=write)
    writer.start()
    with os.fdopen(reading, "rb") as pipe:
        assert pipe.read() == b"".join(parts)
    writer.join()


def test_a_bytearray_of_the_users_is_filled() -> None:
    target = bytearray(b"before ")
    sink = make_sink(target, header=b"HEAD", limit=1)
    sink.write(views(b"abc", b"de"))
    sink.close()
    assert target == b"before abcde"
    sink.discard()
    assert target == b""


def test_a_callback_gets_each_piece() -> None:
    seen: list[bytes] = []
    sink = make_sink(lambda view: seen.append(bytes(view)), header=b"HEAD", limit=1)
    assert sink.write(views(b"abc", b"de")) is None
    assert seen == [b"abc", b"de"]


def test_a_file_object_gets_the_data_set_alone(tmp_path: Path) -> None:
    with (tmp_path / "x").open("wb") as file:
        make_sink(file, header=b"HEAD", limit=1).write(views(b"abc"))
    assert (tmp_path / "x").read_bytes() == b"abc"


def test_an_async_callback_is_awaited_piece_by_piece() -> None:
    seen: list[bytes] = []

    async def take(view: memoryview) -> None:
        await asyncio.sleep(0)
        seen.append(bytes(view))

    async def main() -> None:
        pending = WriterSink(take).write(views(b"abc", b"de"))
        assert pending is not None
        await pending

    asyncio.run(main())
    assert seen == [b"abc", b"de"]


def test_a_callback_may_wait_for_some_pieces_only() -> None:
    seen: list[bytes] = []

    async def later(data: bytes) -> None:
        await asyncio.sleep(0)
        seen.append(data)

    def take(view: memoryview) -> Any:
        data = bytes(view)
        return later(data) if data in (b"b", b"d") else seen.append(data)

    async def main() -> None:
        pending = WriterSink(take).write(views(b"a", b"b", b"c", b"d", b"e"))
        # Nothing overtakes what is waited for.
        assert pending is not None and seen == [b"a"]
        await pending

    asyncio.run(main())
    assert seen == [b"a", b"b", b"c", b"d", b"e"]


def test_a_sink_is_taken_as_it_is() -> None:
    class Mine:
        def write(self, fragments: list[memoryview]) -> None: ...

        def close(self) -> None: ...

        def discard(self) -> None: ...

    mine: Any = Mine()
    assert isinstance(mine, Sink)
    assert make_sink(mine, header=b"", limit=1) is mine


def test_no_target_is_memory() -> None:
    sink = make_sink(None, header=b"", limit=7)
    assert isinstance(sink, MemorySink) and sink.limit == 7
    sink.write(views(b"1234567"))
    sink.discard()
    assert sink.data == b""


def test_other_things_are_no_sink() -> None:
    target: Any = 7
    with pytest.raises(TypeError, match="cannot go to int"):
        make_sink(target, header=b"", limit=1)


def test_a_file_that_cannot_be_closed_is_discarded_all_the_same(tmp_path: Path) -> None:
    sink = make_sink(tmp_path / "x.dcm", header=b"HEAD", limit=1)
    assert isinstance(sink, FileSink)
    sink.write(views(b"abc"))
    os.close(sink._descriptor)
    sink.discard()
    assert list(tmp_path.iterdir()) == []


# -- one name for a file that is whole -------------------------------------------------------------------------------
def written(path: Any, data: bytes, *, undecided: bool = False) -> FileSink:
    """A sink that has taken everything."""
    sink = FileSink(path, b"HEAD")
    sink.is_undecided = undecided
    sink.write(views(data))
    sink.close()
    return sink


@pytest.mark.parametrize("kind", [str, Path])
def test_a_file_has_a_name_of_its_own_until_it_is_whole(tmp_path: Path, kind: Any) -> None:
    path = tmp_path / "x.dcm"
    written(kind(path), b"old")
    sink = FileSink(kind(path), b"HEAD")
    sink.write(views(b"new"))
    (part,) = set(os.listdir(tmp_path)) - {"x.dcm"}
    assert re.fullmatch(r"\.[0-9a-f]{24}\.part", part)
    assert path.read_bytes() == b"HEADold"
    sink.close()
    assert path.read_bytes() == b"HEADnew" and os.listdir(tmp_path) == ["x.dcm"]
    assert sink.where == path


def test_a_relative_path_may_be_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    written("x.dcm", b"data", undecided=True).settle(kept=True)
    assert os.listdir(tmp_path) == ["x.dcm"]


def test_two_at_once_under_one_name_are_both_whole(tmp_path: Path) -> None:
    path = tmp_path / "x.dcm"
    sinks = [FileSink(path, b"HEAD") for _ in range(2)]
    for byte in b"ab", b"cd":
        for sink, letter in zip(sinks, ("1", "2"), strict=True):
            sink.write(views(byte + letter.encode()))
    sinks[0].close()
    assert path.read_bytes() == b"HEADab1cd1"
    sinks[1].close()
    assert path.read_bytes() == b"HEADab2cd2" and os.listdir(tmp_path) == ["x.dcm"]


def test_discarding_removes_nothing_but_its_own(tmp_path: Path) -> None:
    path = tmp_path / "x.dcm"
    path.write_bytes(b"precious")
    FileSink(path, b"HEAD").discard()
    cut_off = FileSink(path, b"HEAD")
    cut_off.write(views(b"data"))
    cut_off.discard()
    exclusive = FileSink(path, b"HEAD", exclusive=True)
    with pytest.raises(FileExistsError):
        exclusive.write(views(b"data"))
    exclusive.discard()
    assert path.read_bytes() == b"precious" and os.listdir(tmp_path) == ["x.dcm"]


def test_an_exclusive_file_does_not_replace_what_came_meanwhile(tmp_path: Path) -> None:
    path = tmp_path / "x.dcm"
    sink = FileSink(path, b"HEAD", exclusive=True)
    sink.write(views(b"data"))
    path.write_bytes(b"precious")
    with pytest.raises(FileExistsError):
        sink.close()
    sink.discard()
    assert path.read_bytes() == b"precious" and os.listdir(tmp_path) == ["x.dcm"]
    path.unlink()
    sink = FileSink(path, b"HEAD", exclusive=True)
    sink.close()
    assert path.read_bytes() == b"HEAD" and os.listdir(tmp_path) == ["x.dcm"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names")
def test_what_is_no_regular_file_is_written_where_it_is(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    reading = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        sink = written(path, b"data", undecided=True)
        assert os.read(reading, 100) == b"HEADdata"
        sink.settle(kept=False)
        sink.discard()
    finally:
        os.close(reading)
    assert path.is_fifo() and os.listdir(tmp_path) == ["pipe"]


@pytest.mark.parametrize("how", ["refused", "forgotten", "kept"])
def test_what_was_there_before_comes_back_unless_the_file_is_kept(tmp_path: Path, how: str) -> None:
    path = tmp_path / "x.dcm"
    written(path, b"old")
    sink = written(path, b"new", undecided=True)
    assert path.read_bytes() == b"HEADnew" and len(os.listdir(tmp_path)) == 2
    if how != "forgotten":
        sink.settle(kept=how == "kept")
    del sink
    assert path.read_bytes() == (b"HEADnew" if how == "kept" else b"HEADold")
    assert os.listdir(tmp_path) == ["x.dcm"]
    # The name is free again.
    written(path, b"third", undecided=True).settle(kept=True)
    assert path.read_bytes() == b"HEADthird"


def test_without_second_names_a_file_is_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def link(*args: Any, **options: Any) -> None:
        raise PermissionError("this file system has none")

    path = tmp_path / "x.dcm"
    written(path, b"old")
    monkeypatch.setattr(os, "link", link)
    sink = written(path, b"new", undecided=True)
    assert path.read_bytes() == b"HEADnew"
    sink.settle(kept=False)
    assert path.read_bytes() == b"HEADnew" and os.listdir(tmp_path) == ["x.dcm"]


def test_a_second_file_waits_under_its_own_name_until_it_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "x.dcm"
    first, second, third = (written(path, data, undecided=True) for data in (b"1", b"2", b"3"))
    assert first.where == path and path.read_bytes() == b"HEAD1"
    assert second.where.read_bytes() == b"HEAD2" and third.where.read_bytes() == b"HEAD3"
    second.settle(kept=True)
    assert path.read_bytes() == b"HEAD2"
    third.where.rename(tmp_path / "taken")
    third.settle(kept=True)
    # Its file is not there any more: nothing comes back.
    first.settle(kept=False)
    assert path.read_bytes() == b"HEAD2" and (tmp_path / "taken").read_bytes() == b"HEAD3"
    assert sorted(os.listdir(tmp_path)) == ["taken", "x.dcm"]


@pytest.mark.parametrize("kept", [True, False])
def test_a_file_that_is_looked_at_is_not_exchanged_for_another(tmp_path: Path, kept: bool) -> None:
    path = tmp_path / "x.dcm"
    written(path, b"0")
    first, second, third = (written(path, data, undecided=True) for data in (b"1", b"2", b"3"))
    for later, data in (second, b"HEAD2"), (third, b"HEAD3"):
        later.settle(kept=True)
        assert path.read_bytes() == data
        assert first.where.read_bytes() == b"HEAD1" and first.where.parent == tmp_path
    first.settle(kept=kept)
    assert path.read_bytes() == (b"HEAD1" if kept else b"HEAD3")
    assert os.listdir(tmp_path) == ["x.dcm"]


def test_a_second_file_gets_its_name_also_when_the_first_is_settled(tmp_path: Path) -> None:
    path = tmp_path / "x.dcm"
    first, second = (written(path, data, undecided=True) for data in (b"1", b"2"))
    first.settle(kept=True)
    second.settle(kept=True)
    assert path.read_bytes() == b"HEAD2" and os.listdir(tmp_path) == ["x.dcm"]


@pytest.mark.parametrize("exclusive", [(False, True), (True, True), (True, False)])
def test_where_nothing_may_be_replaced_nobody_steps_aside(tmp_path: Path, exclusive: tuple[bool, bool]) -> None:
    path = tmp_path / "x.dcm"
    sinks = [FileSink(path, b"HEAD", exclusive=one) for one in exclusive]
    for sink, data in zip(sinks, (b"1", b"2"), strict=True):
        sink.is_undecided = True
        sink.write(views(data))
    first, second = sinks
    first.close()
    second.close()
    if second.exclusive:
        with pytest.raises(FileExistsError):
            second.settle(kept=True)
        assert path.read_bytes() == b"HEAD1"
    else:
        second.settle(kept=True)
    assert first.where == path and os.listdir(tmp_path) == ["x.dcm"]
    first.settle(kept=True)


def test_who_has_lost_the_name_already_does_not_step_aside(tmp_path: Path) -> None:
    path = tmp_path / "x.dcm"
    first, second = (written(path, data, undecided=True) for data in (b"1", b"2"))
    (tmp_path / "other").write_bytes(b"other")
    (tmp_path / "other").replace(path)
    second.settle(kept=True)
    assert first.where == path and os.listdir(tmp_path) == ["x.dcm"]
    first.settle(kept=False)
    assert path.read_bytes() == b"HEAD2"


class NoSecondNames(FileStore):
    """As on some systems."""

    def link(self, path: str | Path, second: str, *, symlink: bool = False) -> None:
        raise NotImplementedError


def test_without_second_names_who_looks_sees_the_other_file(tmp_path: Path) -> None:
    path = tmp_path / "x.dcm"
    path.write_bytes(b"old")
    sinks = [FileSink(path, b"HEAD", store=NoSecondNames()) for _ in range(2)]
    for sink, data in zip(sinks, (b"1", b"2"), strict=True):
        sink.is_undecided = True
        sink.write(views(data))
        sink.close()
    sinks[1].settle(kept=True)
    assert sinks[0].where.read_bytes() == b"HEAD2"
    sinks[0].settle(kept=True)
    assert path.read_bytes() == b"HEAD2" and os.listdir(tmp_path) == ["x.dcm"]


class Meanwhile(FileStore):
    """Something else is done while a second name is made, as in another thread."""

    def __init__(self) -> None:
        self.done: Callable[[], None] | None = None

    def link(self, path: str | Path, second: str, *, symlink: bool = False) -> None:
        super().link(path, second, symlink=symlink)
        if self.done is not None:
            self.done()


def test_who_is_settled_while_stepping_aside_leaves_nothing_there(tmp_path: Path) -> None:
    path, slow = tmp_path / "x.dcm", Meanwhile()
    first = FileSink(path, b"HEAD", store=slow)
    first.is_undecided = True
    first.write(views(b"1"))
    first.close()
    second = written(path, b"2", undecided=True)
    slow.done = lambda: first.settle(kept=True)
    second.settle(kept=True)
    assert path.read_bytes() == b"HEAD2" and os.listdir(tmp_path) == ["x.dcm"]
    assert first.where == path


def test_a_second_file_that_cannot_get_its_name_is_removed(tmp_path: Path) -> None:
    path = tmp_path / "x.dcm"
    first, second = (written(path, data, undecided=True) for data in (b"1", b"2"))
    path.unlink()
    path.mkdir()
    with pytest.raises(OSError, match="irectory"):
        second.settle(kept=True)
    first.settle(kept=True)
    assert os.listdir(tmp_path) == ["x.dcm"]


def test_a_temporary_file_goes_when_nobody_needs_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    for settle in (True, False):
        sink = TemporaryFile.new(b"HEAD")
        sink.write(views(b"data"))
        sink.close()
        assert sink.where.read_bytes() == b"HEADdata" and sink.where.suffix == ".dcm"
        if settle:
            sink.settle(kept=True)
        del sink
        assert os.listdir(tmp_path) == []


class Full(FileStore):
    """Has no room left."""

    def write(self, descriptor: int, fragments: list[memoryview]) -> None:
        raise OSError(28, "No space left on device")


def test_of_a_temporary_file_that_cannot_be_begun_nothing_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr(store, "STORE", Full())
    with pytest.raises(OSError, match="No space left"):
        TemporaryFile.new(b"HEAD")
    assert os.listdir(tmp_path) == []


class Elsewhere(FileStore):
    """Keeps files of one folder in another, and tells what it was asked to do."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.renamed: list[str] = []

    def _there(self, path: Any) -> str:
        return str(self.folder / Path(path).name)

    def open_to_write(self, path: str, *, new: bool) -> int:
        return super().open_to_write(self._there(path), new=new)

    def open_to_read(self, path: str) -> int:
        return super().open_to_read(self._there(path))

    def mode(self, path: str | Path) -> int | None:
        return super().mode(self._there(path))

    def identity(self, opened: int | str | Path) -> tuple[int, int]:
        return super().identity(opened if isinstance(opened, int) else self._there(opened))

    def rename(self, path: str | Path, to: str | Path) -> None:
        self.renamed.append(Path(to).name)
        super().rename(self._there(path), self._there(to))

    def remove(self, path: str) -> None:
        super().remove(self._there(path))


class Watched(FileStore):
    """Tells what it was asked to do, in order."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def open_to_write(self, path: str, *, new: bool) -> int:
        self.asked.append("open")
        return super().open_to_write(path, new=new)

    def write(self, descriptor: int, fragments: list[memoryview]) -> None:
        self.asked.append("write")
        super().write(descriptor, fragments)

    def mode(self, path: str | Path) -> int | None:
        self.asked.append("look")
        return super().mode(path)

    def close(self, descriptor: int) -> None:
        self.asked.append("close")
        super().close(descriptor)

    def rename(self, path: str | Path, to: str | Path) -> None:
        self.asked.append("rename")
        super().rename(path, to)


def test_what_comes_whole_is_looked_for_once_and_written_in_one_go(tmp_path: Path) -> None:
    store = Watched()
    FileSink(tmp_path / "x.dcm", b"HEAD", store=store).finish(views(b"abc", b"de"))
    assert store.asked == ["look", "open", "write", "close", "rename"]
    assert (tmp_path / "x.dcm").read_bytes() == b"HEADabcde"


def test_what_takes_its_time_is_looked_for_again(tmp_path: Path) -> None:
    store, path = Watched(), tmp_path / "x.dcm"
    sink = FileSink(path, b"HEAD", store=store)
    sink.is_undecided = True
    sink.write(views(b"abc"))
    # Somebody puts another there meanwhile.
    path.write_bytes(b"other")
    path.chmod(0o604)
    sink.finish(views(b"de"))
    assert store.asked == ["look", "open", "write", "write", "close", "look", "rename"]
    assert path.read_bytes() == b"HEADabcde" and path.stat().st_mode & 0o777 == 0o604
    sink.settle(kept=False)
    assert path.read_bytes() == b"other"


def test_a_file_without_a_data_set_may_end_at_once(tmp_path: Path) -> None:
    FileSink(tmp_path / "x.dcm", b"HEAD").finish([])
    assert (tmp_path / "x.dcm").read_bytes() == b"HEAD"


@pytest.mark.parametrize(
    "spelling", ["{}/x.dcm", "{}//x.dcm", "{}/./x.dcm", "{}/x.dcm/", "{}/x.dcm/.", "{}/a/../x.dcm"]
)
def test_a_path_in_text_is_what_pathlib_makes_of_it(tmp_path: Path, spelling: str) -> None:
    (tmp_path / "a").mkdir()
    text = spelling.format(tmp_path)
    sink = FileSink(text, b"HEAD")
    sink.finish(views(b"data"))
    assert sink.path == sink.where == Path(text)
    assert (tmp_path / "x.dcm").read_bytes() == b"HEADdata"


@pytest.mark.parametrize("end", ["close", "discard"])
def test_a_program_may_have_a_store_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, end: str) -> None:
    elsewhere = Elsewhere(tmp_path)
    monkeypatch.setattr(store, "STORE", elsewhere)
    sink = FileSink("/nowhere/1.2.3.dcm", b"head")
    sink.write(views(b"data"))
    assert len(listing := [*tmp_path.iterdir()]) == 1 and listing[0].suffix == ".part"
    getattr(sink, end)()
    kept = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert (kept, elsewhere.renamed) == (({"1.2.3.dcm": b"headdata"}, ["1.2.3.dcm"]) if end == "close" else ({}, []))


def test_what_is_sent_from_a_path_is_opened_by_the_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "1.dcm").write_bytes(dicom_file(encoded(EXPLICIT)))
    monkeypatch.setattr(store, "STORE", Elsewhere(tmp_path))
    with opened("/nowhere/1.dcm") as found:
        assert found.sop_instance_uid == "1.2.3"
