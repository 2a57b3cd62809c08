"""What all data sets in memory may take together, and what becomes of those beyond."""

from __future__ import annotations

import gc
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from dicomwire.data.memory_budget import DEFAULT_BUDGET, FREE, MemoryBudget
from dicomwire.data.sinks import MemorySink, make_sink
from dicomwire.data.spooled_memory import SpooledMemory

PIECE = bytes(range(256)) * 256
assert len(PIECE) == FREE


MADE: list[MemorySink] = []


@pytest.fixture(autouse=True)
def _files_are_closed() -> Iterator[None]:
    yield
    while MADE:
        MADE.pop().discard()


def filled(budget: MemoryBudget, pieces: int, limit: int = 1 << 30) -> MemorySink:
    sink = MemorySink(limit, budget=budget)
    MADE.append(sink)
    for _ in range(pieces):
        sink.write([memoryview(PIECE)])
    return sink


def is_in_file(sink: MemorySink) -> bool:
    return isinstance(sink._held, SpooledMemory)


def test_what_comes_over_the_budget_goes_to_a_file_and_nothing_else_does() -> None:
    budget = MemoryBudget(10 * FREE)
    sinks = [filled(budget, 4) for _ in range(3)]
    assert [is_in_file(sink) for sink in sinks] == [False, False, True]
    assert budget.held == 8 * FREE
    for sink in sinks:
        sink.write([memoryview(b"the end")])
        sink.close()
        assert bytes(sink.data) == 4 * PIECE + b"the end"


def test_what_is_let_go_is_room_for_others() -> None:
    budget = MemoryBudget(5 * FREE)
    first = filled(budget, 4)
    assert is_in_file(filled(budget, 4))
    first.discard()
    assert budget.held == 0 and not is_in_file(filled(budget, 4))


def test_what_somebody_has_is_counted_until_he_lets_it_go() -> None:
    class Message:
        """Whatever holds the data."""

    budget, message = MemoryBudget(), Message()
    sink = filled(budget, 4)
    sink.close()
    sink.entrust(message)
    assert budget.held == 4 * FREE
    del message
    gc.collect()
    assert budget.held == 0


def test_small_ones_are_not_counted() -> None:
    budget = MemoryBudget(0)
    sinks = [filled(budget, 1) for _ in range(10)]
    assert budget.held == 0 and not any(map(is_in_file, sinks))


def test_a_data_set_that_is_too_long_for_memory_anyway_takes_nothing() -> None:
    budget = MemoryBudget()
    sink = MemorySink(1 << 30, 2 * FREE, budget=budget)
    sink.write([memoryview(4 * PIECE)])
    assert is_in_file(sink) and budget.held == 0
    sink.discard()


def test_a_handler_that_wants_memory_has_it_counted() -> None:
    budget = MemoryBudget(FREE)
    sink = make_sink(None, header=b"", limit=1 << 30, budget=budget)
    sink.write([memoryview(4 * PIECE)])
    assert isinstance(sink, MemorySink) and is_in_file(sink)
    sink.discard()


def test_a_thousand_peers_hold_no_more_than_the_budget_and_what_each_may_have() -> None:
    # Each in the middle of a data set, piece by piece in turn, as an event loop has them.
    budget, peers, pieces = MemoryBudget(50 * FREE), 1000, 4
    sinks = [MemorySink(1 << 30, budget=budget) for _ in range(peers)]
    for _ in range(pieces):
        for sink in sinks:
            sink.write([memoryview(PIECE)])
    in_memory = sum(len(sink._held) for sink in sinks if not is_in_file(sink))
    assert in_memory == budget.held <= 50 * FREE
    for sink in sinks:
        sink.discard()
    assert budget.held == 0


def test_it_is_told_once_each_time(caplog: pytest.LogCaptureFixture) -> None:
    budget = MemoryBudget(4 * FREE)
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            sinks = [filled(budget, 3) for _ in range(4)]
            for sink in sinks:
                sink.discard()
    assert len(caplog.records) == 2 and "memory_budget" in caplog.text


def test_without_a_limit_there_is_none() -> None:
    budget = MemoryBudget(None)
    assert not is_in_file(filled(budget, 20)) and MemoryBudget().limit == DEFAULT_BUDGET
    budget.limit = 0
    assert is_in_file(filled(budget, 2)) and repr(budget).startswith("<MemoryBudget ")


@pytest.mark.parametrize(("limit", "error"), [(-1, ValueError), ("1", TypeError), (1.5, TypeError), (True, TypeError)])
def test_what_is_no_limit_is_refused(limit: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match="memory budget"):
        MemoryBudget(limit)
