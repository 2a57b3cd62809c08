"""Run shared coroutines from plain code, and use what adapters give from shared coroutines.

A blocking channel never suspends, so a coroutine that uses it runs from start to end in one step.
"""

from __future__ import annotations

from collections.abc import Awaitable, Coroutine
from types import TracebackType
from typing import Any, Generic, TypeVar

from dicomwire.associations.user_code import is_awaitable

T = TypeVar("T")


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine that does not suspend.

    Raises:
        RuntimeError: it awaited an event loop, so it needs an asyncio or trio adapter.
    """
    try:
        coroutine.send(None)
    except StopIteration as stop:
        return stop.value  # type: ignore[no-any-return]
    coroutine.close()
    raise RuntimeError("an async handler awaited something: use the asyncio or trio adapter")


async def outcome(value: T | Awaitable[T]) -> T:
    """The outcome of a call that blocks in one adapter and is awaited in the others."""
    if is_awaitable(value):
        awaited: T = await value
        return awaited
    return value  # type: ignore[return-value]


class Held(Generic[T]):
    """``with`` or ``async with`` on ``manager``, whichever its adapter has."""

    def __init__(self, manager: T) -> None:
        self._manager = manager

    async def __aenter__(self) -> T:
        manager: Any = self._manager
        entered: T = await outcome(manager.__aenter__() if hasattr(manager, "__aenter__") else manager.__enter__())
        return entered

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool | None:
        manager: Any = self._manager
        leave = manager.__aexit__ if hasattr(manager, "__aexit__") else manager.__exit__
        swallowed: bool | None = await outcome(leave(kind, error, traceback))
        return swallowed
