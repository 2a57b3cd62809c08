"""AE without sockets: both ends in one thread, on a clock that jumps to the next deadline.

For tests, simulations and fuzzing: nothing sleeps, everything is deterministic, and a link may have a latency.
"""

from dicomwire.memory.association import Association
from dicomwire.memory.end import End, ends
from dicomwire.memory.entity import AE
from dicomwire.memory.memory_channel import MemoryChannel, pair
from dicomwire.memory.network import Network
from dicomwire.memory.server import Server

__all__ = ["AE", "Association", "End", "MemoryChannel", "Network", "Server", "ends", "pair"]
