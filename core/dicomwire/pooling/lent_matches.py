"""The matches of a query to an archive, on an association that is lent for it."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from dicomwire.associations.coroutines import outcome
from dicomwire.associations.response_streams import Stream
from dicomwire.client.answered import Priority
from dicomwire.client.failures import ConnectionLost
from dicomwire.client.finding import find
from dicomwire.pooling.association_kind import AssociationKind
from dicomwire.pooling.lender import Lease, Lender

if TYPE_CHECKING:
    from pydicom.dataset import Dataset


class Asked(NamedTuple):
    """A query, and how it is asked."""

    query: Dataset
    model: str | None
    limit: int | None
    priority: Priority


class LentMatches:
    """``async with`` it, and ``async for`` each match, read when it is asked for; the query is sent for the first."""

    def __init__(self, lender: Lender[Any], wanted: AssociationKind, asked: Asked) -> None:
        self._lender = lender
        self._wanted = wanted
        self._asked = asked
        self._lease: Lease[Any] | None = None
        self._stream: Stream[Dataset] | None = None
        self._has_answer = False

    async def __aenter__(self) -> Self:
        if self._lease is not None:
            raise RuntimeError("these matches are being read: ask anew for each 'with'")
        self._lease = await self._lender.take(self._wanted)
        self._stream, self._has_answer = None, False
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        lease, self._lease = self._lease, None
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.leave()
        if lease is not None:
            await self._lender.give_back(lease, error)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Dataset:
        """The next match.

        Raises:
            ConnectionLost, ServiceFailed: as the iterator that ``find`` of a client gives.
            RuntimeError: outside of ``with``, or ``async with``.
        """
        lease = self._lease
        if lease is None:
            raise RuntimeError("matches are read inside a 'with', or 'async with', on what matches() gives")
        try:
            return await self._next(lease)
        except ConnectionLost:
            if lease.is_fresh or self._has_answer or is_overdue(lease.client):
                raise
            # It was idle, and dead for a while: nobody has heard of the query.
            self._stream = None
            await self._lender.renew(lease)
            return await self._next(lease)

    async def _next(self, lease: Lease[Any]) -> Dataset:
        host = lease.client.line.host
        if self._stream is None:
            query, model, limit, priority = self._asked
            asking = find(lease.client, query, model=model, limit=limit, priority=priority)
            stream: Stream[Dataset] = await outcome(host.face(asking))
            self._stream = stream
        match: Dataset = await outcome(host.face(self._stream.__anext__()))
        self._has_answer = True
        return match


def is_overdue(client: Any) -> bool:
    """It ended because the peer did not answer in time: one that is at work is not asked twice."""
    return (client.line.standing.failure or "").startswith("timed out")
