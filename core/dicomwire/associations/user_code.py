"""What user code may be, and what can go wrong in it."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable
from functools import partial
from types import GeneratorType
from typing import Any, TypeGuard


class HandlerRaised(Exception):
    """A user's handler raised; ``__cause__`` is what.  Keeps its errors apart from those of the association."""


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
