"""AE without sockets: both ends in one thread, on a clock that jumps to the next deadline.

For tests, simulations and fuzzing: nothing sleeps, everything is deterministic, and a link may have a latency.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dicomwire._lazy import face_when_used
from dicomwire.memory.association import Association
from dicomwire.memory.end import End, ends
from dicomwire.memory.entity import AE
from dicomwire.memory.memory_channel import MemoryChannel, pair
from dicomwire.memory.network import Cancelled, Network
from dicomwire.memory.server import Server

if TYPE_CHECKING:
    from dicomwire.memory.archive import Archive
    from dicomwire.memory.client import Client, connect
    from dicomwire.memory.pool import Pool
    from dicomwire.memory.providing_server import serve

if not TYPE_CHECKING:
    # Not for type checkers: they would take every name.
    __getattr__ = face_when_used(__name__)

__all__ = [
    "AE",
    "Archive",
    "Association",
    "Cancelled",
    "Client",
    "End",
    "MemoryChannel",
    "Network",
    "Pool",
    "Server",
    "connect",
    "ends",
    "pair",
    "serve",
]
