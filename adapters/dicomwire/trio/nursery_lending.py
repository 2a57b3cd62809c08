"""What is open only inside ``async with``, because it owns a nursery."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from dicomwire.pooling.lent_client import AsyncLending
from dicomwire.trio.client import Client
from dicomwire.trio.pool_host import PoolHost


class NurseryLending(AsyncLending[Client]):
    """What is made of a lender: ``async with`` opens it, and ends everything that is of it."""

    host: PoolHost

    async def __aenter__(self) -> Self:
        await self.host.open_nursery()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            await super().__aexit__(kind, error, traceback)
        finally:
            await self.host.close_nursery()
