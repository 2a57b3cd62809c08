"""An archive, asked by the tasks of a trio event loop."""

from __future__ import annotations

from typing import Unpack

from dicomwire.pooling.association_kind import terms_of
from dicomwire.pooling.async_archive import AsyncArchive
from dicomwire.pooling.lender import Lender
from dicomwire.sockets.addresses import Peer
from dicomwire.sockets.connect_options import CallOptions
from dicomwire.trio.client import Client
from dicomwire.trio.nursery_lending import NurseryLending
from dicomwire.trio.pool_host import PoolHost, host_for


class Archive(NurseryLending, AsyncArchive[Client]):
    """An archive at an address: ``await archive.find(query)``, and what else there is to ask of one (extension).

    ``async with`` it: nothing runs outside a nursery, and the associations live in one that this opens and closes.
    Each is kept by a task there, which notices what the peer does while nobody uses it; whoever is lent one owns
    nothing of that, and may be in any task, cancelled at any time.  An error in the body ends all associations and is
    raised as it is.  Leaving waits for what is being opened, and for nobody who uses one: that is aborted.

    What it does, its arguments and its errors are those of :class:`dicomwire.Archive`.
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
        **options: Unpack[CallOptions],
    ) -> None:
        terms = terms_of(size, idle, wait, verify)
        self.host: PoolHost = host_for(host, port, options, terms, "Archive")
        self.lender: Lender[Client] = self.host.lender
