"""Memory in large pages: how much is reserved, and that all that was appended is there."""

from __future__ import annotations

import mmap
import sys
from typing import Any

import pytest

from dicomwire.data import large_memory
from dicomwire.data.large_memory import LargeMemory, large_bytes

pytestmark = pytest.mark.skipif(not large_memory.IS_AVAILABLE, reason="no large pages here")

PAGE = 2 << 20


class Mapping(bytearray):
    """What ``mmap`` gives, and what it was asked for."""

    asked: list[tuple[Any, ...]] = []  # noqa: RUF012

    def __init__(self, number: int, size: int, *, flags: int) -> None:
        super().__init__(size)
        self.asked.append((number, size, flags))

    def madvise(self, what: int) -> None:
        self.asked.append(("advised", what))

    def resize(self, size: int) -> None:
        self.asked.append(("resized", size))
        self.extend(bytes(size - len(self)))


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    monkeypatch.setattr(Mapping, "asked", [])
    monkeypatch.setattr(mmap, "mmap", Mapping)
    return Mapping.asked


def test_twice_what_begins_is_reserved_in_pages_of_its_own(asked: list[tuple[Any, ...]]) -> None:
    memory = LargeMemory(bytes(PAGE + 1))
    private = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
    assert asked == [(-1, 2 * PAGE + PAGE, private), ("advised", mmap.MADV_HUGEPAGE)]
    assert len(memory) == PAGE + 1


def test_it_grows_by_a_quarter_or_by_what_is_needed_once_it_is_full(asked: list[tuple[Any, ...]]) -> None:
    memory = LargeMemory(bytes(10 * PAGE))
    del asked[:]
    memory.extend(bytes(10 * PAGE))
    # To the last byte of what was reserved.
    assert asked == []
    memory.extend(b"x")
    assert asked == [("resized", 25 * PAGE)]
    memory.extend(bytes(12 * PAGE))
    assert asked[1:] == [("resized", 33 * PAGE)]
    assert len(memory) == 32 * PAGE + 1
    assert memory.view()[20 * PAGE] == ord("x")


def test_what_was_appended_is_there_in_real_memory_too() -> None:
    pieces = [bytes([number]) * (PAGE // 2 + number) for number in range(1, 9)]
    memory = LargeMemory(pieces[0])
    memory.write([memoryview(piece) for piece in pieces[1:]])
    memory.trim()
    assert memory.view() == b"".join(pieces)


@pytest.mark.parametrize("size", [0, 1, 4095, (4 << 20) - 1, 4 << 20, (4 << 20) + 1, (6 << 20) + 4097])
def test_a_large_copy_is_bytes_like_any_other(size: int) -> None:
    source = bytearray(bytes(range(251)) * (size // 251 + 1))[:size]
    with memoryview(source) as view:
        copy = large_bytes(view)
    assert type(copy) is bytes
    assert copy == source and hash(copy) == hash(bytes(source))
    source[:1] = b"!"
    assert copy[:1] == bytes(range(251))[:1] * min(size, 1)


def test_a_large_copy_needs_no_ctypes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ctypes", None)
    assert large_bytes(memoryview(bytes(5 << 20))) == bytes(5 << 20)
