"""A pool whose associations are lent to the tasks of an asyncio event loop."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from dicomwire.asyncio.client import Client
from dicomwire.asyncio.entity import AE
from dicomwire.asyncio.loop_dialer import LoopDialer
from dicomwire.pooling.association_kind import AssociationKind, Terms
from dicomwire.pooling.lender import Lender
from dicomwire.sockets.addresses import Peer
from dicomwire.sockets.connect_options import CallOptions
from dicomwire.sockets.forking import tell_forks
from dicomwire.sockets.pooled_calls import opener


class _Signal:
    def __init__(self) -> None:
        self._event = asyncio.Event()

    def set(self) -> None:
        self._event.set()

    async def wait(self, seconds: float | None) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._event.wait()


class PoolHost:
    """The place of a pool on an event loop: that on which it is asked first; a task releases what is idle."""

    def __init__(self, open_one: Callable[[AssociationKind], Awaitable[Client]], terms: Terms) -> None:
        self._open_one = open_one
        self.lock: contextlib.nullcontext[None] = contextlib.nullcontext()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self.lender: Lender[Client] = Lender(self, terms)
        tell_forks(self)

    def forsake(self, why: str) -> None:
        """This process is a fork: the associations and the loop are the parent's."""
        self._loop = self._task = None
        self.lender.forsake(why)

    # -- what the shared logic asks -------------------------------------------------------------------------------
    def seconds(self) -> float:
        """Those of the system that go on evenly."""
        return time.monotonic()

    def signal(self) -> _Signal:
        """An event."""
        return _Signal()

    def enter(self) -> None:
        """`RuntimeError` on another event loop, unless that of before is closed."""
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            if self._loop is not None:
                if not self._loop.is_closed():
                    raise RuntimeError("a pool is for one event loop: this is another than that of its associations")
                self.forsake("its event loop is closed")
            self._loop = loop

    async def open(self, wanted: AssociationKind) -> Client:
        """Open one."""
        return await self._open_one(wanted)

    def let_go(self, client: Client) -> None:
        """Nothing to do."""

    def spawn(self, work: Callable[[], Coroutine[Any, Any, None]]) -> bool:
        """Run ``work`` in a task."""
        self._task = asyncio.get_running_loop().create_task(work(), name="dicomwire-pool")
        return True

    async def spawned(self) -> None:
        """Wait for that task."""
        if self._task is not None and not self._task.done() and self._task is not asyncio.current_task():
            await asyncio.wait([self._task])


def lender_for(host: Peer, port: int | None, options: CallOptions, terms: Terms, name: str) -> Lender[Client]:
    """What a pool that is called ``name`` is made of; `TypeError`, `ValueError` for a bad argument."""
    return PoolHost(opener(Client, AE, LoopDialer, (host, port), options, terms, name), terms).lender
