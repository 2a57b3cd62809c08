"""What the asyncio channel waits for, and how it writes."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from dicomwire.asyncio.loop_features import Arrival

COLOUR = contextvars.ContextVar("COLOUR", default="none")


def run(work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(work())


def test_a_task_goes_on_before_fire_returns_and_in_its_own_context() -> None:
    async def main() -> None:
        arrival = Arrival(asyncio.get_running_loop())
        seen: list[str] = []

        async def wait() -> None:
            COLOUR.set("red")
            await arrival
            seen.append(COLOUR.get())

        task = asyncio.create_task(wait())
        await asyncio.sleep(0)

        def arrive() -> None:
            arrival.fire()
            seen.append("fired")

        asyncio.get_running_loop().call_soon(arrive)
        await task
        assert seen == ["red", "fired"]

    run(main)


def test_it_is_a_future_to_asyncio() -> None:
    async def main() -> None:
        arrival = Arrival(asyncio.get_running_loop())
        assert asyncio.isfuture(arrival)
        assert arrival.done()
        assert not arrival.cancel()
        calls: list[object] = []
        arrival.add_done_callback(calls.append)
        assert not arrival.done()
        assert arrival.remove_done_callback(calls.append) == 1
        assert arrival.remove_done_callback(calls.append) == 0
        arrival.fire()
        assert calls == []

    run(main)


def test_a_waiting_task_can_be_cancelled_and_the_next_waits_as_before() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        arrival = Arrival(loop)

        async def wait() -> str:
            await arrival
            return "arrived"

        cancelled = asyncio.create_task(wait())
        await asyncio.sleep(0)
        assert cancelled.cancel()
        with pytest.raises(asyncio.CancelledError):
            await cancelled
        task = asyncio.create_task(wait())
        await asyncio.sleep(0)
        loop.call_soon(arrival.fire)
        assert await task == "arrived"

    run(main)


def test_a_timeout_around_it_is_an_ordinary_one() -> None:
    async def main() -> None:
        arrival = Arrival(asyncio.get_running_loop())
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await arrival

    run(main)
