"""For tests of programs that use this package, and of transports: connections with which things go wrong.

It needs no test framework.  What it wraps are the connections that ``associate_over`` and ``serve_over`` take:

* in memory, :func:`faulty_ends` makes both ends of one, on a clock that jumps: nothing waits;
* ``FaultyTransport`` is one for the adapter that blocks;
* :func:`faulty_connection` is a ``connect`` for asyncio;
* ``FaultyStream`` is a stream for trio.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dicomwire.testing import script
from dicomwire.testing.channel_conformance import CHANNEL_CHECKS, ChannelCheck, check_channel
from dicomwire.testing.channel_fault import ChannelFault
from dicomwire.testing.faults import Call, Fault, Faults, Kind
from dicomwire.testing.faulty_connection import faulty_connection
from dicomwire.testing.faulty_end import FaultyEnd, faulty_ends
from dicomwire.testing.faulty_transport import FaultyTransport
from dicomwire.testing.script_play import ScriptFailed
from dicomwire.testing.scripted_peer import ScriptedPeer

if TYPE_CHECKING:
    from dicomwire.testing.faulty_stream import FaultyStream

__all__ = [
    "CHANNEL_CHECKS",
    "Call",
    "ChannelCheck",
    "ChannelFault",
    "Fault",
    "Faults",
    "FaultyEnd",
    "FaultyStream",
    "FaultyTransport",
    "Kind",
    "ScriptFailed",
    "ScriptedPeer",
    "check_channel",
    "faulty_connection",
    "faulty_ends",
    "script",
]


if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        # Not everybody has trio.
        if name == "FaultyStream":
            from dicomwire.testing.faulty_stream import FaultyStream

            return FaultyStream
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
