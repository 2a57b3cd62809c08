"""Tasks that are cancelled, in either event loop."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.adapters import (
    World,
)


async def cancelled_after(world: World, work: Any, started: Any) -> None:
    if world.name == "asyncio":
        import asyncio

        task = asyncio.get_running_loop().create_task(work())
        await started.wait()
        task.cancel("because")
        with pytest.raises(asyncio.CancelledError) as cancelled:
            await task
        # By its message whoever cancelled knows its own cancellation again, as anyio does.
        assert cancelled.value.args == ("because",)
    else:
        import trio

        async with trio.open_nursery() as nursery:
            nursery.start_soon(work)
            await started.wait()
            nursery.cancel_scope.cancel()
