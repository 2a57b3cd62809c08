"""AE for asyncio: the same names, arguments and events as the blocking AE; what waits is awaited."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dicomwire._lazy import face_when_used
from dicomwire.asyncio.association import Association
from dicomwire.asyncio.entity import AE
from dicomwire.asyncio.protocol_channel import ProtocolChannel
from dicomwire.asyncio.server import AssociationServer

if TYPE_CHECKING:
    from dicomwire.asyncio.archive import Archive
    from dicomwire.asyncio.client import Client, connect
    from dicomwire.asyncio.pool import Pool
    from dicomwire.asyncio.providing_server import serve

if not TYPE_CHECKING:
    # Not for type checkers: they would take every name.
    __getattr__ = face_when_used(__name__)

__all__ = [
    "AE",
    "Archive",
    "Association",
    "AssociationServer",
    "Client",
    "Pool",
    "ProtocolChannel",
    "connect",
    "serve",
]
