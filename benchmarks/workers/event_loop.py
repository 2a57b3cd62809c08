"""Client and server of dicomwire on an event loop: ``python -m benchmarks.workers.event_loop asyncio`` (or trio)."""

from __future__ import annotations

import sys
import time
from collections.abc import Awaitable, Callable
from functools import partial
from importlib import import_module
from typing import Any

import dicomwire
from benchmarks.tasks import HOST, INBOX, STUDY_ROOT_FIND, STUDY_ROOT_GET, STUDY_ROOT_MOVE, VERIFICATION, Task
from benchmarks.workers.handlers import handlers, query, receivers, retrieval_query
from benchmarks.workers.orders import Stopwatch, latencies_of, reply, wait, work
from benchmarks.workers.profiled import profiled
from benchmarks.workers.roles import (
    MatchCounter,
    check,
    check_retrieved,
    client_context,
    negotiation,
    peer,
    requesting,
    server_context,
    supporting,
)
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
    ae = supporting(loop.adapter.AE(), task)
    bound = handlers(evt, task)
    with profiled(task):
        async with await ae.start_server(
            (HOST, 0), block=False, ssl_context=server_context(task), evt_handlers=bound
        ) as server:
            reply(port=server.server_address[1])
            await loop.in_thread(wait)
    reply(stopped=True)


async def _exchange(
    loop: Loop, task: Task, warm: Callable[[Any], Any], measured: Callable[[Any], Any], count: int | None = None
) -> None:
    async with await requesting(loop.adapter.AE()).associate(
        *peer(task),
        ext_neg=negotiation(dicomwire, task),
        tls_args=client_context(task),
        evt_handlers=receivers(evt, task) if task.do == "get" else [],
    ) as association:
        if not association.is_established:
            raise RuntimeError("no association")
        await warm(association)
        reply(ready=True)
        await loop.in_thread(wait)
        with profiled(task):
            watch = Stopwatch()
            for _ in range(task.count if count is None else count):
                await measured(association)
        watch.report()


async def store(loop: Loop, task: Task) -> None:
    async def send(association: Any, path: str) -> None:
        check(await association.send_c_store(path))

    await _exchange(loop, task, partial(send, path=task.warm_path), partial(send, path=task.path))


async def _echo(association: Any) -> None:
    check(await association.send_c_echo())


async def echo(loop: Loop, task: Task) -> None:
    await _exchange(loop, task, _echo, _echo)


async def cycles(loop: Loop, task: Task) -> None:
    """Associate, echo and release, over and over."""
    ae = requesting(loop.adapter.AE(), VERIFICATION)

    async def cycle() -> None:
        association = await ae.associate(*peer(task))
        await _echo(association)
        await association.release()

    await cycle()
    reply(ready=True)
    await loop.in_thread(wait)
    latencies: list[float] = []
    with profiled(task):
        watch = Stopwatch()
        for _ in range(task.count):
            started = time.perf_counter()
            await cycle()
            latencies.append(time.perf_counter() - started)
    watch.report(**latencies_of(latencies))


async def find(loop: Loop, task: Task) -> None:
    async def ask(association: Any, count: int) -> None:
        matches = MatchCounter(count)
        async for status, match in await association.send_c_find(query(count), STUDY_ROOT_FIND):
            matches.see(status, match)
        matches.check()

    await _exchange(loop, task, partial(ask, count=min(task.count, 10)), partial(ask, count=task.count), 1)


async def get(loop: Loop, task: Task) -> None:
    query_of_all = retrieval_query()

    async def retrieve(association: Any) -> None:
        responses = await association.send_c_get(query_of_all, STUDY_ROOT_GET)
        check_retrieved([item async for item in responses], task)

    await _exchange(loop, task, _echo, retrieve, 1)


async def move(loop: Loop, task: Task) -> None:
    """The instances arrive at a server in this process."""
    query_of_all = retrieval_query()

    async def retrieve(association: Any) -> None:
        responses = await association.send_c_move(query_of_all, INBOX, STUDY_ROOT_MOVE)
        check_retrieved([item async for item in responses], task)

    inbox = supporting(loop.adapter.AE(INBOX), task)
    async with await inbox.start_server((HOST, task.inbox), block=False, evt_handlers=receivers(evt, task)):
        await _exchange(loop, task, _echo, retrieve, 1)


if __name__ == "__main__":
    chosen = Loop(sys.argv[1])
    work({task.__name__: partial(chosen.run, task, chosen) for task in (serve, store, echo, cycles, find, get, move)})
