"""What user code may be, and what can go wrong in it."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable
from functools import partial
from types import GeneratorType
from typing import Any, TypeGuard


class HandlerRaised(Exception):
    """A user's handler raised; ``__cause__`` is what.  Keeps its errors apart from those of the association."""


class UserCodeEnded(Exception):
    """User code raised what would end the thread or task that called it, such as ``SystemExit``; ``__cause__`` is that.

    It is an error of the handler as any other: others are served in that thread, and the peer waits for a status.
    """

    def __init__(self, error: BaseException) -> None:
        super().__init__(f"{type(error).__name__}: {error}")


def holds(error: BaseException, kind: type[BaseException]) -> bool:
    """Whether it is of a kind, or a group that has one of it."""
    return isinstance(error, kind) or (isinstance(error, BaseExceptionGroup) and error.subgroup(kind) is not None)


def is_closing(error: BaseException) -> bool:
    """Whether Python closes the coroutine that caught this; else it was raised further in, by user code."""
    traceback = error.__traceback__
    # What was awaited has been closed before, and nothing of its own comes out of it.
    return isinstance(error, GeneratorExit) and (traceback is None or traceback.tb_next is None)


def is_awaitable(result: object) -> TypeGuard[Awaitable[Any]]:
    """Whether what user code gave is to be awaited; as `inspect` has it, but with one look for what is plain."""
    return hasattr(result, "__await__") or (isinstance(result, GeneratorType) and inspect.isawaitable(result))


def is_async(function: Any) -> bool:
    """Whether calling it gives something to be awaited, as far as that can be told before."""
    while isinstance(function, partial):
        function = function.func
    if inspect.iscoroutinefunction(function):
        return True
    return callable(function) and inspect.iscoroutinefunction(type(function).__call__)
