"""Associations with one peer, lent to the tasks of an asyncio event loop."""

from __future__ import annotations

from typing import Unpack

from dicomwire.asyncio.client import Client
from dicomwire.asyncio.pool_host import lender_for
from dicomwire.pooling.association_kind import AssociationKind, pooled, terms_of
from dicomwire.pooling.lender import Lender
from dicomwire.pooling.lent_client import AsyncLending, LentClient
from dicomwire.sockets.addresses import Peer
from dicomwire.sockets.connect_options import PooledOptions


class Pool(AsyncLending[Client]):
    """Associations with one peer, kept open and lent: ``async with pool.client() as client:`` (extension).

    What it does, its arguments and its errors are those of :class:`dicomwire.Pool`.
    For any number of tasks of one event loop, and may be made before that runs; ``async with`` on the pool closes it,
    as ``aclose()`` does.
    """

    def __init__(
        self,
        host: Peer,
        port: int | None = None,
        *,
        size: int = 4,
        idle: float | None = 20.0,
        wait: float | None = 10.0,
        verify: float | None = 5.0,
        **options: Unpack[PooledOptions],
    ) -> None:
        terms = terms_of(size, idle, wait, verify)
        self.lender: Lender[Client] = lender_for(host, port, options, terms, "Pool")
        self._wanted: AssociationKind = pooled(options)

    def client(self) -> LentClient[Client]:
        """An association: ``async with`` it, and it is given back at the end.

        Entering raises:
            AllInUse: there was none within ``wait`` seconds.
            PoolClosed: the pool is closed.
            Refused: the peer wants no association.
            RuntimeError: it is asked on another event loop than before.
        """
        return LentClient(self.lender, self._wanted)
