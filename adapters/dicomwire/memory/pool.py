"""Associations with one peer, lent to the tasks of a network in memory."""

from __future__ import annotations

from typing import Unpack

from dicomwire.memory.client import Client, MemoryOptions
from dicomwire.memory.pool_host import lender_for
from dicomwire.pooling.association_kind import AssociationKind, pooled, terms_of
from dicomwire.pooling.lender import Lender
from dicomwire.pooling.lent_client import AsyncLending, LentClient


class Pool(AsyncLending[Client]):
    """Associations with one peer in a :class:`Network`, kept open and lent; see :class:`dicomwire.asyncio.Pool`."""

    def __init__(
        self,
        host: str,
        port: int,
        *,
        size: int = 4,
        idle: float | None = 20.0,
        wait: float | None = 10.0,
        verify: float | None = 5.0,
        **options: Unpack[MemoryOptions],
    ) -> None:
        terms = terms_of(size, idle, wait, verify)
        self.lender: Lender[Client] = lender_for(host, port, options, terms, "Pool")
        self._wanted: AssociationKind = pooled(options)

    def client(self) -> LentClient[Client]:
        """An association: ``async with`` it, and it is given back at the end; errors as there."""
        return LentClient(self.lender, self._wanted)
