"""A client on an asyncio event loop: its verbs give what was asked for, and raise where they cannot."""

from __future__ import annotations

from typing import Unpack

from dicomwire.associations.awaitables import opening
from dicomwire.asyncio.association import Association
from dicomwire.asyncio.entity import AE
from dicomwire.asyncio.loop_dialer import LoopDialer
from dicomwire.client.async_verbs import AsyncVerbs
from dicomwire.client.opening_client import check_options, entity_for, open_client
from dicomwire.sockets.addresses import Peer
from dicomwire.sockets.connect_options import ConnectOptions, call_for


class Client(AsyncVerbs, Association):
    """What :func:`connect` gives: an established association; ``async with`` releases it, or aborts on an exception."""


@opening
async def connect(host: Peer | None, port: int | None = None, **options: Unpack[ConnectOptions]) -> Client:
    """Open an association with the application entity at an address (extension): ``await`` it, or ``async with`` it.

    Arguments and errors of :func:`dicomwire.connect`.
    """
    check_options(options, ConnectOptions, "connect")
    return await open_client(Client, entity_for(AE, options), LoopDialer(call_for(host, port, options)), options)
