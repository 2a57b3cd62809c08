"""Serving peers in memory with typed handlers."""

from __future__ import annotations

from typing import Unpack

from dicomwire.associations.awaitables import opening
from dicomwire.client.opening_client import check_options
from dicomwire.memory.entity import AE
from dicomwire.memory.network import Network
from dicomwire.memory.server import Server
from dicomwire.providing.serve_options import ServedOptions, serving_of
from dicomwire.providing.service import Service


class MemoryServeOptions(ServedOptions, total=False):
    """Keywords of ``serve`` in memory."""

    network: Network
    """Where the peers are; or give an ``entity`` that is there."""


@opening
async def serve(address: tuple[str, int], *services: Service, **options: Unpack[MemoryServeOptions]) -> Server:
    """Serve peers in a :class:`Network`; see :func:`dicomwire.serve`.

    Raises: as that; `TypeError` if neither a network nor an entity is given.
    """
    check_options(options, MemoryServeOptions, "serve")
    if "network" not in options and options.get("entity") is None:
        raise TypeError("serve() in memory needs the 'network', or an 'entity' that is in one")
    serving = serving_of(AE, services, options, options.get("network"))
    server: Server = await serving.entity.start_server(
        address, False, None, serving.handlers, None, serving.contexts, trace=options.get("trace")
    )
    return server
