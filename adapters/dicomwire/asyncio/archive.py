"""An archive, asked by the tasks of an asyncio event loop."""

from __future__ import annotations

from typing import Unpack

from dicomwire.asyncio.client import Client
from dicomwire.asyncio.pool_host import lender_for
from dicomwire.pooling.association_kind import terms_of
from dicomwire.pooling.async_archive import AsyncArchive
from dicomwire.pooling.lender import Lender
from dicomwire.sockets.addresses import Peer
from dicomwire.sockets.connect_options import CallOptions


class Archive(AsyncArchive[Client]):
    """An archive at an address: ``await archive.find(query)``, and what else there is to ask of one (extension).

    What it does, its arguments and its errors are those of :class:`dicomwire.Archive`.
    For any number of tasks of one event loop, and may be made before that runs; ``async with`` closes it, as
    ``aclose()`` does.
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
        self.lender: Lender[Client] = lender_for(host, port, options, terms, "Archive")
