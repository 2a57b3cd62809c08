"""The table is what happens: whatever is falsified in it, a Connection does otherwise, and who drives one sees it.

Each falsification is one cell that names another action, or none, or one field of one action; all are tried.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import attrs
import pytest

from dicomwire.upper_layer import State, Tap
from dicomwire.upper_layer.machine import entered
from dicomwire.upper_layer.state import ACTIONS, TABLE, Action, Input, Tell
from tests.upper_layer import printed_table as printed
from tests.upper_layer.cells import BY_NUMBER, EVENTS, STATES, Drive, drives

PDUS = (
    "A-ASSOCIATE-RQ", "A-ASSOCIATE-AC", "A-ASSOCIATE-RJ", "P-DATA-TF", "A-RELEASE-RQ", "A-RELEASE-RP", "A-ABORT",
)  # fmt: skip

VALUES: dict[str, tuple[Any, ...]] = {
    "then": (*State, None),
    "send": (*PDUS, None),
    "tell": (*Tell, None),
    "artim": ("start", "stop", None),
    "close": (False, True),
    "source": (0, 2, None),
}

TWINS = {(17, 2, "AR-5"), (17, 13, "AA-5")}
"""AA-5 and AR-5 do the same: which of them a cell names shows in the record of steps only."""


@contextmanager
def replaced(table: dict[Any, Any], key: Any, value: Any) -> Iterator[None]:
    """``table`` with another value, or without it if that is None."""
    before = table.get(key)
    if value is None:
        del table[key]
    else:
        table[key] = value
    entered.cache_clear()
    try:
        yield
    finally:
        table.pop(key, None)
        if before is not None:
            table[key] = before
        entered.cache_clear()


def is_found(drive: Drive, tap: Tap | None = None) -> bool:
    """Something else comes of ``drive`` than should."""
    try:
        drive.run(tap)
    except (Exception, pytest.fail.Exception):
        return True
    return False


def falsified_cells(event: int, state: int) -> Iterator[str | None]:
    """All that does not stand in a cell; None is no action."""
    action = printed.TABLE[event].get(state)
    return (other for other in (*ACTIONS, None) if other != action)


def falsified_rows(action: Action) -> Iterator[tuple[str, Action]]:
    """``action`` with each of its fields changed in each way, and what was changed."""
    for field, values in VALUES.items():
        for value in values:
            if value != getattr(action, field):
                yield f"{field}={value}", attrs.evolve(action, **{field: value})
    if action.otherwise is not None:
        for what, row in falsified_rows(action.otherwise):
            yield f"otherwise.{what}", attrs.evolve(action, otherwise=row)
        yield "otherwise=None", attrs.evolve(action, otherwise=None)


@pytest.mark.parametrize("event", EVENTS)
def test_every_falsified_cell_is_found(event: int) -> None:
    missed, twins, count = [], set(), 0
    for state in STATES:
        ways = [*drives(event, state)]
        for action in falsified_cells(event, state):
            count += 1
            with replaced(TABLE[BY_NUMBER[state]], Input(event), action):
                if any(map(is_found, ways)):
                    continue
                if action is not None and is_found(ways[0], Tap(transitions=True)):
                    twins.add((event, state, action))
                else:
                    missed.append((state, action))
    assert missed == []
    assert twins == {twin for twin in TWINS if twin[0] == event}
    assert count == 13 * 28


@pytest.mark.parametrize("name", ACTIONS)
def test_every_falsified_field_of_an_action_is_found(name: str) -> None:
    ways = [drive for event in EVENTS for state in STATES for drive in drives(event, state) if drive.action == name]
    missed, count = [], 0
    for what, row in falsified_rows(ACTIONS[name]):
        count += 1
        with replaced(ACTIONS, name, row):
            if not any(map(is_found, ways)):
                missed.append(what)
    assert missed == []
    assert count >= sum(len(values) - 1 for values in VALUES.values())


def test_what_is_true_is_not_found() -> None:
    ways = [drive for event in EVENTS for state in STATES for drive in drives(event, state)]
    assert not [str(drive) for drive in ways if is_found(drive) or is_found(drive, Tap(transitions=True))]
    assert len(ways) > 19 * 13
