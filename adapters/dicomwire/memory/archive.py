"""An archive in a network in memory."""

from __future__ import annotations

from typing import Unpack

from dicomwire.memory.client import Client, PlacedOptions
from dicomwire.memory.pool_host import lender_for
from dicomwire.pooling.association_kind import terms_of
from dicomwire.pooling.async_archive import AsyncArchive
from dicomwire.pooling.lender import Lender


class Archive(AsyncArchive[Client]):
    """An archive in a :class:`Network`; see :class:`dicomwire.asyncio.Archive`."""

    def __init__(
        self,
        host: str,
        port: int,
        *,
        size: int = 4,
        idle: float | None = 20.0,
        wait: float | None = 10.0,
        verify: float | None = 5.0,
        **options: Unpack[PlacedOptions],
    ) -> None:
        terms = terms_of(size, idle, wait, verify)
        self.lender: Lender[Client] = lender_for(host, port, options, terms, "Archive")
