"""Associations that get time to end, each watched by a task."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

from dicomwire.associations.draining import in_order, retire
from dicomwire.asyncio.association import Association


async def drain(associations: Iterable[Any], seconds: float) -> None:
    """Return when they have ended by themselves, or after so many seconds, when what is left is aborted."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    for group in in_order(item for item in associations if isinstance(item, Association)):
        tasks = [loop.create_task(retire(association)) for association in group]
        try:
            if tasks:
                await asyncio.wait(tasks, timeout=max(0.0, deadline - loop.time()))
        finally:
            for task in tasks:
                task.cancel()
        # Whatever happened, nobody is left who waits for them.
        await asyncio.gather(*tasks, return_exceptions=True)
    await asyncio.gather(*(association.abort() for group in in_order(associations) for association in group))
