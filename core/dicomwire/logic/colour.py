"""Run shared coroutines from plain code.

A blocking channel never suspends, so a coroutine that uses it runs from start to end in one step.
"""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, TypeVar

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
