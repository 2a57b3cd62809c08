"""Associations with one peer, lent to the tasks of a trio event loop."""

from __future__ import annotations

from typing import Unpack

from dicomwire.pooling.association_kind import AssociationKind, pooled, terms_of
from dicomwire.pooling.lender import Lender
from dicomwire.pooling.lent_client import LentClient
from dicomwire.sockets.addresses import Peer
from dicomwire.sockets.connect_options import PooledOptions
from dicomwire.trio.client import Client
from dicomwire.trio.nursery_lending import NurseryLending
from dicomwire.trio.pool_host import PoolHost, host_for


class Pool(NurseryLending):
    """Associations with one peer, kept open and lent: ``async with pool.client() as client:`` (extension).

    ``async with`` it: nothing runs outside a nursery, and the associations live in one that this opens and closes.
    Each is kept by a task there, which notices what the peer does while nobody uses it; whoever is lent one owns
    nothing of that, and may be in any task, cancelled at any time.  An error in the body ends all associations and is
    raised as it is.  Leaving waits for what is being opened, and for nobody who uses one: that is aborted.

    What it does, its arguments and its errors are those of :class:`dicomwire.Pool`.
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
        self.host: PoolHost = host_for(host, port, options, terms, "Pool")
        self.lender: Lender[Client] = self.host.lender
        self._wanted: AssociationKind = pooled(options)

    def client(self) -> LentClient[Client]:
        """An association: ``async with`` it, and it is given back at the end.

        Entering raises:
            AllInUse: there was none within ``wait`` seconds.
            PoolClosed: the pool is closed.
            Refused: the peer wants no association.
            RuntimeError: the pool is not open.
        """
        return LentClient(self.lender, self._wanted)
