"""A pool whose associations are lent to the tasks of a network in memory."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Coroutine
from typing import Any

from dicomwire.client.opening_client import entity_for, open_proposed
from dicomwire.memory.client import Client, PlacedOptions, check_placed
from dicomwire.memory.entity import AE
from dicomwire.memory.memory_dialer import MemoryDialer
from dicomwire.memory.network import Network
from dicomwire.pooling.association_kind import AssociationKind, Terms, pooled_timeouts
from dicomwire.pooling.lender import Lender


class _Signal:
    def __init__(self, network: Network) -> None:
        self._network = network
        self._is_set = False

    def set(self) -> None:
        self._is_set = True

    async def wait(self, seconds: float | None) -> None:
        network = self._network
        await network.until(lambda: self._is_set, None if seconds is None else network.now + seconds)


class PoolHost:
    """The place of a pool in a network."""

    def __init__(self, host: str, port: int, options: PlacedOptions, terms: Terms) -> None:
        self._entity: AE = entity_for(AE, options, options.get("network"))
        self._address = (host, port)
        self._options: PlacedOptions = {**options, "timeouts": pooled_timeouts(self._entity, options, terms)}
        self._network: Network = self._entity.network
        self.lock: contextlib.nullcontext[None] = contextlib.nullcontext()
        self._task: Any = None
        self.lender: Lender[Client] = Lender(self, terms)

    # -- what the shared logic asks -------------------------------------------------------------------------------
    def seconds(self) -> float:
        """Those of the network."""
        return self._network.now

    def signal(self) -> _Signal:
        """What a task of the network waits for."""
        return _Signal(self._network)

    def enter(self) -> None:
        """Every task may ask."""

    async def open(self, wanted: AssociationKind) -> Client:
        """Open one."""
        dialer = MemoryDialer(self._network, *self._address, None)
        return await open_proposed(Client, self._entity, dialer, self._options, wanted.proposal)

    def let_go(self, client: Client) -> None:
        """Nothing to do."""

    def spawn(self, work: Callable[[], Coroutine[Any, Any, None]]) -> bool:
        """Run ``work`` in a task of the network."""
        self._task = self._network.spawn(work())
        return True

    async def spawned(self) -> None:
        """Wait for that task."""
        if self._task is not None:
            await self._network.until(lambda: self._task.done)


def lender_for(host: str, port: int, options: PlacedOptions, terms: Terms, name: str) -> Lender[Client]:
    """What a pool that is called ``name`` is made of; `TypeError`, `ValueError` for a bad argument."""
    check_placed(options, name)
    return PoolHost(host, port, options, terms).lender
