"""A client of a pool in ``async with``, and what the pools of event loops have in common."""

from __future__ import annotations

from types import TracebackType
from typing import Generic, Self, TypeVar

from dicomwire.associations.association_base import AssociationBase
from dicomwire.pooling.association_kind import AssociationKind
from dicomwire.pooling.lender import Lease, Lender

ClientT = TypeVar("ClientT", bound=AssociationBase)


class LentClient(Generic[ClientT]):
    """``async with`` it: an established association, given back at the end, whose failures end it."""

    def __init__(self, lender: Lender[ClientT], wanted: AssociationKind) -> None:
        self._lender = lender
        self._wanted = wanted
        self._lease: Lease[ClientT] | None = None

    async def __aenter__(self) -> ClientT:
        if self._lease is not None:
            raise RuntimeError("this is in use: ask for a client once for each 'async with'")
        self._lease = await self._lender.take(self._wanted)
        return self._lease.client

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        lease, self._lease = self._lease, None
        assert lease is not None
        await self._lender.give_back(lease, error)


class AsyncLending(Generic[ClientT]):
    """What is made of a lender, on an event loop; ``async with`` closes it."""

    lender: Lender[ClientT]

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self.lender}>"

    async def aclose(self, drain: float = 0.0) -> None:
        """End all associations; those in use are aborted after ``drain`` seconds, and whoever waits is told.

        Afterwards nothing is left of the pool, and nothing can be asked of it.  Closed again it does nothing.
        """
        await self.lender.close(drain)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if kind is None or issubclass(kind, Exception):
            await self.lender.close()
        else:
            # A cancelled task must not wait.
            self.lender.close_now()
