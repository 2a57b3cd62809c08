"""A client in memory: its verbs give what was asked for, and raise where they cannot."""

from __future__ import annotations

from typing import Unpack

from dicomwire.associations.awaitables import opening
from dicomwire.client.async_verbs import AsyncVerbs
from dicomwire.client.opening_client import OpeningOptions, ProposedOptions, check_options, entity_for, open_client
from dicomwire.memory.association import Association
from dicomwire.memory.entity import AE
from dicomwire.memory.memory_dialer import MemoryDialer
from dicomwire.memory.network import Network


class PlacedOptions(OpeningOptions, total=False):
    """Keywords of whatever opens associations in memory."""

    network: Network
    """Where the peer is; or give an ``entity`` that is there."""


class MemoryOptions(PlacedOptions, ProposedOptions, total=False):
    """Keywords of ``connect`` in memory."""


class Client(AsyncVerbs, Association):
    """What :func:`connect` gives: an established association; ``async with`` releases it, or aborts on an exception."""


def check_placed(options: PlacedOptions, function: str) -> None:
    """`TypeError` for a keyword that ``function`` has not, and where no network is given."""
    check_options(options, PlacedOptions if function == "Archive" else MemoryOptions, function)
    if "network" not in options and options.get("entity") is None:
        raise TypeError(f"{function}() in memory needs the 'network', or an 'entity' that is in one")


@opening
async def connect(host: str, port: int, **options: Unpack[MemoryOptions]) -> Client:
    """Open an association in a :class:`Network`; see :func:`dicomwire.connect`.  Any host will do.

    Raises: as that; `TypeError` if neither a network nor an entity is given.
    """
    check_placed(options, "connect")
    entity = entity_for(AE, options, options.get("network"))
    return await open_client(Client, entity, MemoryDialer(entity.network, host, port, None), options)
