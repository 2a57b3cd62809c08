"""The bytes of data sets to send: every kind of content by itself, in pieces of every size."""

from __future__ import annotations

import io
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from dicomwire.data import bytes_to_send
from dicomwire.data.bytes_to_send import (
    Content,
    FromFile,
    FromIterable,
    InFile,
    InMemory,
    StreamContent,
    content_of,
    is_buffer,
    last_piece,
    view_of,
)
from dicomwire.data.encodings import EXPLICIT
from dicomwire.data.padding import CannotPad, Padding
from tests.support.encoded import Writer

DATA = bytes(range(1, 100))


def joined(content: Content, step: int) -> bytes:
    """All pieces, each checked, and copied before the next is asked for."""
    parts: list[bytes] = []
    ended = False
    for piece, last in content.pieces(step):
        assert not ended
        ended = last
        assert len(piece) <= step and not len(piece) & 1
        assert last or len(piece)
        parts.append(bytes(piece))
    assert ended
    return b"".join(parts)


# -- in memory ------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("size", [0, 2, 4, 6, 8, 10, 12])
def test_what_is_in_memory_goes_out_in_as_few_pieces_as_it_takes(size: int) -> None:
    content = InMemory(memoryview(DATA[:size]))
    assert joined(content, 4) == DATA[:size]
    assert len([*content.pieces(4)]) == max(1, -(-size // 4))
    view = content.at_once()
    assert view == DATA[:size] and isinstance(view, memoryview)
    assert [bytes(chunk) for chunk in content.chunks(4)] == [DATA[:size]]


@pytest.mark.parametrize("size", [1, 3, 5, 7, 9])
def test_an_odd_buffer_is_padded_or_refused(size: int) -> None:
    content = InMemory(memoryview(DATA[:size]))
    assert content.at_once() is None
    with pytest.raises(CannotPad, match="odd length"):
        joined(content, 4)
    content.pads = True
    assert joined(content, 4) == DATA[:size] + b"\0"


def test_a_buffer_with_a_padding_is_not_sent_as_it_is() -> None:
    write = Writer()
    content = InMemory(memoryview(write(0x00100020, "LO", "ODD") + write(0x00100021, "LO", "ODD")))
    content.padding = Padding(EXPLICIT)
    assert content.at_once() is None
    assert joined(content, 4) == write(0x00100020, "LO", "ODD ") + write(0x00100021, "LO", "ODD ")


def test_the_front_of_a_buffer_can_be_left_out() -> None:
    content = InMemory(memoryview(DATA[:10]))
    assert (content.size, content.head(3), content.head(20)) == (10, DATA[:3], DATA[:10])
    content.drop(4)
    assert (content.size, content.head(3)) == (6, DATA[4:7])
    assert (content.read_at(1, 3), content.read_at(4, 9)) == (DATA[5:8], DATA[8:10])
    assert joined(content, 4) == DATA[4:10]
    content.release()
    with pytest.raises(ValueError, match="released"):
        content.head(1)


def test_a_view_is_of_bytes() -> None:
    wide = memoryview(b"abcdef").cast("H")
    assert view_of(wide).itemsize == 1 and bytes(view_of(wide)) == b"abcdef"
    flat = memoryview(b"abcdef").cast("B", (2, 3))
    assert view_of(flat).ndim == 1 and bytes(view_of(flat)) == b"abcdef"
    plain = memoryview(b"abcdef")
    assert view_of(plain) == plain


@pytest.mark.parametrize("pads", [False, True])
def test_the_last_piece_is_even(pads: bool) -> None:
    assert last_piece(b"ab", pads=pads) == b"ab"
    if pads:
        assert last_piece(memoryview(b"abc"), pads=True) == b"abc\0"


# -- in a file ------------------------------------------------------------------------------------------------------
@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Callable[..., InFile]]:
    """Makes a content of a file, behind five bytes of something else."""
    descriptors: list[int] = []

    def make(size: int, *, read: int = 0, missing: int = 0) -> InFile:
        path = tmp_path / "a"
        path.write_bytes(b"front" + DATA[: size - missing])
        descriptors.append(os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0)))
        return InFile(descriptors[-1], 5, size, memoryview(DATA[:read]))

    yield make
    for descriptor in descriptors:
        os.close(descriptor)


@pytest.mark.parametrize("step", [2, 4, 6, 20, 100])
@pytest.mark.parametrize("size", [0, 1, 2, 3, 6, 7, 8, 19, 20, 21, 40, 41])
def test_a_file_goes_out_whatever_was_read_of_it(opened: Callable[..., InFile], size: int, step: int) -> None:
    for read in {0, 1, 2, 3, 5, 6, 7, 8, size}:
        if read > size:
            continue
        content = opened(size, read=read)
        content.pads = True
        assert joined(content, step) == DATA[:size] + b"\0" * (size & 1)
        # As it is, where something else sees to its length.
        content = opened(size, read=read)
        assert b"".join(map(bytes, content.chunks(step))) == DATA[:size]
        # And with its elements looked at; there are none, so they pass.
        content = opened(size, read=read)
        content.pads, content.padding = True, Padding(EXPLICIT)
        assert joined(content, step) == DATA[:size] + b"\0" * (size & 1)
        if not size & 1:
            assert joined(opened(size, read=read), step) == DATA[:size]


def test_what_was_read_goes_first_and_as_one_piece_if_it_is_all(opened: Callable[..., InFile]) -> None:
    assert [(bytes(piece), last) for piece, last in opened(4, read=4).pieces(4)] == [(DATA[:4], True)]
    first = next(iter(opened(40, read=7).pieces(20)))
    assert (bytes(first[0]), first[1]) == (DATA[:6], False)


def test_a_small_odd_file_is_padded_or_refused(opened: Callable[..., InFile]) -> None:
    content = opened(5, read=5)
    with pytest.raises(CannotPad, match="odd length"):
        joined(content, 8)
    content.pads = True
    assert joined(content, 8) == DATA[:5] + b"\0"
    assert [bytes(chunk) for chunk in content.chunks(8)] == [DATA[:5]]


def test_the_elements_of_a_file_are_padded(tmp_path: Path) -> None:
    write = Writer()
    path = tmp_path / "a"
    path.write_bytes(write(0x00100020, "LO", "ODD") + write(0x00100021, "LO", "ODD"))
    with path.open("rb") as file:
        content = InFile(file.fileno(), 0, path.stat().st_size, memoryview(b""))
        content.padding = Padding(EXPLICIT)
        assert joined(content, 4) == write(0x00100020, "LO", "ODD ") + write(0x00100021, "LO", "ODD ")


def test_the_front_of_a_file_can_be_left_out(opened: Callable[..., InFile]) -> None:
    content = opened(30, read=8)
    assert (content.size, content.head(4), content.head(8)) == (30, DATA[:8], DATA[:8])
    assert content.head(9) == DATA[:9]
    content.drop(2)
    content.drop(4)
    assert (content.size, content.head(1)) == (24, DATA[6:9])
    assert (content.read_at(0, 4), content.read_at(3, 4), content.read_at(20, 9)) == (
        DATA[6:10],
        DATA[9:13],
        DATA[26:30],
    )
    assert content.head(99) == DATA[6:30]
    assert joined(content, 8) == DATA[6:30]


@pytest.mark.parametrize(("missing", "step"), [(1, 6), (5, 6), (8, 6), (20, 20)])
def test_a_file_that_has_become_shorter_is_an_error(opened: Callable[..., InFile], missing: int, step: int) -> None:
    with pytest.raises(OSError, match=f"the file ended {missing} bytes early"):
        joined(opened(20, missing=missing), step)


def test_a_file_is_read_where_the_system_has_no_preadv(
    opened: Callable[..., InFile], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(os, "preadv", raising=False)
    content = opened(20)
    assert content.read_at(3, 4) == DATA[3:7]
    assert joined(content, 6) == DATA[:20]
    with pytest.raises(OSError, match="ended 2 bytes early"):
        joined(opened(20, missing=2), 6)


def test_the_system_may_read_less_than_was_asked_for(
    opened: Callable[..., InFile], monkeypatch: pytest.MonkeyPatch
) -> None:
    read_at = bytes_to_send._read_at
    monkeypatch.setattr(bytes_to_send, "_read_at", lambda file, view, offset: read_at(file, view[:3], offset))
    assert joined(opened(20), 8) == DATA[:20]


def test_the_memory_of_a_file_is_used_again(opened: Callable[..., InFile], monkeypatch: pytest.MonkeyPatch) -> None:
    kept: list[bytearray] = []
    monkeypatch.setattr(bytes_to_send, "_SCRATCH", kept)
    joined(opened(20), 8)
    (first,) = kept
    joined(opened(20), 8)
    assert kept[0] is first and len(kept) == 1
    # Larger ones need a larger one.
    joined(opened(20), 20)
    assert kept[0] is not first
    # Two that are read at once are kept, no more, and none that is huge.
    three = [iter(opened(20).pieces(8)) for _ in range(3)]
    for pieces in three:
        next(pieces)
    for pieces in three:
        assert [*pieces]
    assert len(kept) == 2
    kept.clear()
    monkeypatch.setattr(bytes_to_send, "_SCRATCH_MOST", 9)
    joined(opened(20), 8)
    assert len(kept) == 1
    kept.clear()
    joined(opened(20), 10)
    assert not kept


# -- as it comes ----------------------------------------------------------------------------------------------------
class Coming(StreamContent):
    """Gives parts, and counts how often it was asked."""

    def __init__(self, *parts: bytes) -> None:
        super().__init__()
        self._parts = [*parts]
        self.asked: list[int] = []

    def more(self, count: int) -> bytes:
        self.asked.append(count)
        return self._parts.pop(0) if self._parts else b""


def test_no_more_is_read_than_was_asked_for() -> None:
    content = Coming(b"abc", b"def", b"ghi")
    assert (content.head(2), content.head(3), content.asked) == (b"abc", b"abc", [2])
    assert (content.head(4), content.asked) == (b"abcdef", [2, 1])
    assert (content.grow(1), content.grow(1), content.grow(1)) == (b"ghi", b"", b"")
    # At the end nobody is asked again.
    assert content.asked == [2, 1, 1, 1]
    assert [*content.chunks(4)] == [b"abcdefghi"]
    assert [*content.chunks(4)] == []
    assert content.asked == [2, 1, 1, 1]


def test_the_front_of_what_came_can_be_left_out() -> None:
    content = Coming(b"abc", b"def")
    content.head(4)
    content.drop(2)
    assert (content.size, content.head(0)) == (None, b"cdef")
    content.size = 10
    content.drop(1)
    assert (content.size, [*content.chunks(4)]) == (9, [b"def"])


def test_what_comes_is_passed_on_behind_the_head() -> None:
    content = Coming(b"abc", b"def", b"ghi")
    content.head(1)
    assert [*content.chunks(4)] == [b"abc", b"def", b"ghi"]
    assert content.asked == [1, 4, 4, 4]


@pytest.mark.parametrize("size", range(12))
@pytest.mark.parametrize("part", [1, 2, 3, 5])
def test_parts_of_any_size_become_even_pieces(size: int, part: int) -> None:
    for step in (2, 4, 8):
        parts = [DATA[at : min(size, at + part)] for at in range(0, size, part)]
        content = content_of(iter(parts))
        content.pads = True
        assert joined(content, step) == DATA[:size] + b"\0" * (size & 1)
        if size & 1:
            with pytest.raises(CannotPad, match="odd length"):
                joined(content_of(iter(parts)), step)


# -- file objects ---------------------------------------------------------------------------------------------------
class Only:
    """Reads, and does nothing else."""

    def __init__(self, data: bytes) -> None:
        self._file = io.BytesIO(data)

    def read(self, count: int) -> bytes | None:
        return self._file.read(count) or None


class Inflating(io.RawIOBase):
    """Can be read into, and not tell its size."""

    def __init__(self, data: bytes) -> None:
        self._left = data

    def readinto(self, buffer: Any) -> int | None:
        data, self._left = self._left[: len(buffer)], self._left[len(buffer) :]
        buffer[: len(data)] = data
        return len(data) or None


def _temporary(data: bytes) -> Any:
    file = tempfile.NamedTemporaryFile()  # noqa: SIM115
    file.write(data)
    file.seek(0)
    return file


def _spooled(data: bytes) -> Any:
    file = tempfile.SpooledTemporaryFile()  # noqa: SIM115
    file.write(data)
    file.seek(0)
    return file


@pytest.mark.parametrize(
    ("make", "knows_size"),
    [(io.BytesIO, True), (_temporary, True), (_spooled, True), (Only, False), (Inflating, False)],
)
def test_a_file_object_is_read_from_where_it_stands(make: Callable[[bytes], Any], knows_size: bool) -> None:
    file = make(DATA[:33])
    file.read(3)
    content = content_of(file)
    assert isinstance(content, FromFile)
    assert content.size == (30 if knows_size else None)
    assert bytes(content.more(2)) == DATA[3:5]
    assert bytes(content.more(8)) == DATA[5:13]
    assert bytes(content.more(4)) == DATA[13:17]
    assert bytes(content.more(99)) == DATA[17:33]
    assert bytes(content.more(1)) == b""
    if knows_size:
        file.close()


def test_a_file_object_behind_its_end_holds_nothing() -> None:
    file = io.BytesIO(DATA[:4])
    file.seek(9)
    assert FromFile(file).size == 0
    assert file.tell() == 9
    file.seek(4)
    assert FromFile(file).size == 0


def test_a_file_object_can_be_looked_at_anywhere() -> None:
    file = io.BytesIO(DATA[:40])
    file.read(3)
    content = FromFile(file)
    assert content.head(5) == DATA[3:8]
    # Nothing has been looked at.
    content.rewind()
    assert file.tell() == 8
    assert content.read_at(10, 4) == DATA[13:17]
    assert content.read_at(2, 3) == DATA[5:8]
    assert content.read_at(30, 9) == DATA[33:40]
    content.rewind()
    assert file.tell() == 8
    assert b"".join(map(bytes, content.chunks(4))) == DATA[3:40]


# -- what it is -----------------------------------------------------------------------------------------------------
def test_parts_that_are_empty_are_no_end() -> None:
    content = FromIterable([b"", b"ab", bytearray(), memoryview(b"cdef").cast("H"), b""])
    assert [bytes(content.more(1)) for _ in range(4)] == [b"ab", b"cdef", b"", b""]


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"ab", InMemory),
        (bytearray(b"ab"), InMemory),
        (memoryview(b"ab"), InMemory),
        (io.BytesIO(b"ab"), FromFile),
        ([b"ab"], FromIterable),
        (iter([b"ab"]), FromIterable),
    ],
)
def test_the_kind_of_content_is_that_of_the_data(data: Any, kind: type[Content]) -> None:
    content = content_of(data)
    assert type(content) is kind
    assert content.is_foreign is (kind is not InMemory)
    assert is_buffer(data) is (kind is InMemory)
    assert joined(content, 4) == b"ab"


def test_what_is_nothing_of_the_kind_is_refused() -> None:
    with pytest.raises(TypeError):
        content_of(7)


def test_a_kind_of_content_says_what_it_does_not_do() -> None:
    content = Content()
    for act in (
        lambda: content.head(1),
        lambda: content.drop(1),
        lambda: content.read_at(0, 1),
        lambda: content.chunks(1),
        lambda: StreamContent().more(1),
    ):
        with pytest.raises(NotImplementedError):
            act()
    assert content.at_once() is None
    content.rewind()
