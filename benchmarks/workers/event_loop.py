"""Client and server of dicomwire on an event loop: ``python -m benchmarks.workers.event_loop asyncio`` (or trio)."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable
from functools import partial
from importlib import import_module
from typing import Any

from benchmarks.tasks import CT_IMAGE_STORAGE, EXPLICIT_LITTLE, HOST, STUDY_ROOT_FIND, VERIFICATION, Task
from benchmarks.workers.blocking import PATIENCE, check, check_matches
from benchmarks.workers.handlers import handlers, query
from benchmarks.workers.orders import Stopwatch, reply, wait, work
from dicomwire import evt


class Loop:
    """What the two event loops call differently."""

    def __init__(self, name: str) -> None:
        self.adapter = import_module(f"dicomwire.{name}")
        loop = import_module(name)
        if name == "asyncio":
            self.in_thread: Callable[[Callable[[], None]], Awaitable[None]] = loop.to_thread
            self.run = lambda function, *args: loop.run(function(*args))
        else:
            self.in_thread = loop.to_thread.run_sync
            self.run = loop.run


async def serve(loop: Loop, task: Task) -> None:
    ae = loop.adapter.AE()
    ae.maximum_associations = 100_000
    ae.maximum_pdu_size = task.maximum_length
    ae.network_timeout = PATIENCE
    ae.add_supported_context(VERIFICATION)
    ae.add_supported_context(CT_IMAGE_STORAGE, EXPLICIT_LITTLE)
    ae.add_supported_context(STUDY_ROOT_FIND, EXPLICIT_LITTLE)
    async with await ae.start_server((HOST, 0), block=False, evt_handlers=handlers(evt, task)) as server:
        reply(port=server.server_address[1])
        await loop.in_thread(wait)
    reply(stopped=True)


async def _exchange(
    loop: Loop, task: Task, warm: Callable[[Any], Any], measured: Callable[[Any], Any], count: int | None = None
) -> None:
    ae = loop.adapter.AE()
    ae.add_requested_context(VERIFICATION, EXPLICIT_LITTLE)
    ae.add_requested_context(CT_IMAGE_STORAGE, EXPLICIT_LITTLE)
    ae.add_requested_context(STUDY_ROOT_FIND, EXPLICIT_LITTLE)
    async with await ae.associate(HOST, task.port) as association:
        if not association.is_established:
            raise RuntimeError("no association")
        check(await warm(association))
        reply(ready=True)
        await loop.in_thread(wait)
        watch = Stopwatch()
        for _ in range(task.count if count is None else count):
            check(await measured(association))
        watch.report()


async def store(loop: Loop, task: Task) -> None:
    await _exchange(
        loop,
        task,
        lambda association: association.send_c_store(task.warm_path),
        lambda association: association.send_c_store(task.path),
    )


async def echo(loop: Loop, task: Task) -> None:
    await _exchange(
        loop, task, lambda association: association.send_c_echo(), lambda association: association.send_c_echo()
    )


async def find(loop: Loop, task: Task) -> None:
    async def ask(association: Any, count: int) -> Any:
        responses = [item async for item in await association.send_c_find(query(count), STUDY_ROOT_FIND)]
        check_matches(responses, count)
        return responses[-1][0]

    await _exchange(loop, task, partial(ask, count=10), partial(ask, count=task.count), 1)


if __name__ == "__main__":
    chosen = Loop(sys.argv[1])
    work({task.__name__: partial(chosen.run, task, chosen) for task in (serve, store, echo, find)})
