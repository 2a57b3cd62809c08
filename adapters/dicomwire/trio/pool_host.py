"""A pool whose associations are lent to the tasks of a trio event loop, and live in a nursery of its own."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from typing import Any

import trio

from dicomwire._logging import logger
from dicomwire.pooling.association_kind import AssociationKind, Terms
from dicomwire.pooling.lender import Lender
from dicomwire.sockets.addresses import Peer
from dicomwire.sockets.connect_options import CallOptions
from dicomwire.sockets.forking import tell_forks
from dicomwire.sockets.pooled_calls import opener
from dicomwire.trio.client import Client
from dicomwire.trio.entity import AE
from dicomwire.trio.nursery_dialer import NurseryDialer

LOGGER = logger(__name__)


class _Signal:
    def __init__(self) -> None:
        self._event = trio.Event()

    def set(self) -> None:
        self._event.set()

    async def wait(self, seconds: float | None) -> None:
        with trio.move_on_after(float("inf") if seconds is None else seconds):
            await self._event.wait()


class PoolHost:
    """The place of a pool on a trio event loop.

    Each association has a task in the nursery, which is inside ``async with`` on it as long as it lives: that is where
    somebody notices what the peer does while nobody uses it, and no task of a user owns anything of it.
    """

    def __init__(self, open_one: Callable[[AssociationKind], Awaitable[Client]], terms: Terms) -> None:
        self._open_one = open_one
        self.lock: contextlib.nullcontext[None] = contextlib.nullcontext()
        self._nursery: trio.Nursery | None = None
        self._manager: AbstractAsyncContextManager[trio.Nursery] | None = None
        self._partings: dict[Client, trio.Event] = {}
        self.lender: Lender[Client] = Lender(self, terms)
        tell_forks(self)

    def forsake(self, why: str) -> None:
        """This process is a fork: the associations and the loop are the parent's."""
        self._nursery = self._manager = None
        self._partings = {}
        self.lender.forsake(why)

    async def open_nursery(self) -> None:
        """From here to :meth:`close_nursery` associations can be opened."""
        if self._manager is not None:
            raise RuntimeError("the pool is open: one 'async with' is for all that use it")
        self._manager = trio.open_nursery()
        self._nursery = await self._manager.__aenter__()

    async def close_nursery(self) -> None:
        """Wait for what is still there; all associations have been let go."""
        manager, self._manager = self._manager, None
        if manager is not None:
            # The exception that comes by here, if one does, is not the nursery's: it goes its own way, unwrapped.
            await manager.__aexit__(None, None, None)

    async def _keep(self, wanted: AssociationKind, task_status: trio.TaskStatus[Client | Exception]) -> None:
        try:
            client = await self._open_one(wanted)
        except Exception as error:
            # For whoever wants it, and not for the nursery.
            task_status.started(error)
            return
        parting = self._partings[client] = trio.Event()
        try:
            async with client:
                task_status.started(client)
                await parting.wait()
        except Exception:
            LOGGER.exception("an association with %s ended badly", client.line.sides.peer_name)
        finally:
            self._partings.pop(client, None)

    # -- what the shared logic asks -------------------------------------------------------------------------------
    def seconds(self) -> float:
        """Those of the loop."""
        return trio.current_time()

    def signal(self) -> _Signal:
        """An event."""
        return _Signal()

    def enter(self) -> None:
        """`RuntimeError` outside of ``async with`` on the pool."""
        if self._nursery is None:
            raise RuntimeError("'async with' the pool first: its associations live in a nursery")

    async def open(self, wanted: AssociationKind) -> Client:
        """Open one, in a task that keeps it."""
        assert self._nursery is not None
        opened: Client | Exception = await self._nursery.start(self._keep, wanted)
        if isinstance(opened, Exception):
            raise opened
        return opened

    def let_go(self, client: Client) -> None:
        """Its task ends."""
        if (parting := self._partings.get(client)) is not None:
            parting.set()

    def spawn(self, work: Callable[[], Coroutine[Any, Any, None]]) -> bool:
        """Run ``work`` in the nursery."""
        if self._nursery is None:
            return False
        self._nursery.start_soon(work)
        return True

    async def spawned(self) -> None:
        """The nursery waits for it."""


def host_for(host: Peer, port: int | None, options: CallOptions, terms: Terms, name: str) -> PoolHost:
    """What a pool that is called ``name`` is made of; `TypeError`, `ValueError` for a bad argument."""
    return PoolHost(opener(Client, AE, NurseryDialer, (host, port), options, terms, name), terms)
