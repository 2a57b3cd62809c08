"""Shared coroutines in plain code, and what is plain in some adapters and awaited in others."""

from __future__ import annotations

from collections.abc import Awaitable, Coroutine
from types import TracebackType
from typing import Any

import pytest

from dicomwire.associations.coroutines import Held, outcome, run


class Pause:
    """Suspends, as an event loop's do."""

    def __await__(self) -> Any:
        yield


async def give(value: Any) -> Any:
    return value


class Plain:
    """Has ``with`` alone."""

    def __init__(self, swallows: bool = False) -> None:
        self.swallows = swallows
        self.left: tuple[Any, ...] = ()

    def __enter__(self) -> Any:
        return self, "entered"

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool | None:
        self.left = kind, error, traceback
        return self.swallows


class Awaited(Plain):
    """Has both, of which ``async with`` is the one."""

    def __enter__(self) -> Any:
        raise AssertionError("entered by the other way")

    def __aenter__(self) -> Awaitable[Any]:
        return give((self, "entered"))

    def __exit__(self, *what: object) -> bool | None:
        raise AssertionError("left by the other way")

    def __aexit__(self, kind: Any, error: Any, traceback: Any) -> Coroutine[Any, Any, bool | None]:
        return give(super().__exit__(kind, error, traceback))


async def enter(manager: Any, error: Exception | None = None) -> Any:
    async with Held(manager) as entered:
        if error is not None:
            raise error
        return entered
    return "swallowed"


def test_a_coroutine_that_does_not_suspend_runs_to_its_end() -> None:
    assert run(give(7)) == 7


def test_one_that_suspends_is_closed_and_refused() -> None:
    steps: list[str] = []

    async def suspend() -> None:
        try:
            await Pause()
        finally:
            steps.append("closed")

    with pytest.raises(RuntimeError, match="use the asyncio or trio adapter"):
        run(suspend())
    assert steps == ["closed"]


def test_an_outcome_is_the_value_or_what_it_gives_when_awaited() -> None:
    assert run(outcome(5)) == 5
    assert run(outcome(give(6))) == 6


@pytest.mark.parametrize("kind", [Plain, Awaited])
def test_what_is_held_is_entered_and_left_in_the_way_it_has(kind: type[Plain]) -> None:
    manager = kind()
    assert run(enter(manager)) == (manager, "entered")
    assert manager.left == (None, None, None)


@pytest.mark.parametrize("kind", [Plain, Awaited])
def test_what_is_held_hears_of_errors_and_may_swallow_them(kind: type[Plain]) -> None:
    manager, error = kind(), ValueError("x")
    with pytest.raises(ValueError, match="x"):
        run(enter(manager, error))
    assert manager.left[:2] == (ValueError, error)
    assert isinstance(manager.left[2], TracebackType)
    assert run(enter(kind(swallows=True), ValueError("y"))) == "swallowed"
