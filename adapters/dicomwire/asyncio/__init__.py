"""AE for asyncio: the same names, arguments and events as the blocking AE; what waits is awaited."""

from dicomwire.asyncio.association import Association
from dicomwire.asyncio.entity import AE
from dicomwire.asyncio.protocol_channel import ProtocolChannel
from dicomwire.asyncio.server import AssociationServer

__all__ = ["AE", "Association", "AssociationServer", "ProtocolChannel"]
