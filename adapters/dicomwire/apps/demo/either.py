"""Code for every adapter: what blocks is done before it is awaited."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any


async def done(value: Any) -> Any:
    """The outcome of a call that blocks in one adapter and is awaited in the others."""
    return await value if inspect.isawaitable(value) else value


async def collected(responses: Any) -> list[Any]:
    """All that an iterator gives, whichever kind it is."""
    made = await done(responses)
    return [item async for item in made] if hasattr(made, "__aiter__") else list(made)


@asynccontextmanager
async def opened(value: Any) -> AsyncIterator[Any]:
    """A server or an association, until the end of the block."""
    made = await done(value)
    if hasattr(made, "__aenter__"):
        async with made:
            yield made
    elif hasattr(made, "__enter__"):
        with made:
            yield made
    else:
        try:
            yield made
        finally:
            made.shutdown()
