"""A connection in memory of which something breaks behind the n-th byte, whatever pieces the bytes are in."""

from __future__ import annotations

from typing import Any

from attrs import define, field

from dicomwire.memory import End, Network
from dicomwire.upper_layer.connection import Buffer
from tests.support.adapters import World
from tests.support.faulting import REQUESTOR, Trial
from tests.support.transports import Wires

WAYS = ("reset", "end", "silence")
"""What happens behind the last byte that arrives: the connection is lost for both, or this direction ends while the
other one goes on, or nothing more arrives in this direction and nobody is told."""


class CutEnd(End):
    """An end whose bytes arrive at the other end up to the ``last`` one, counted from 1; None is all of them."""

    def __init__(self, network: Network, way: str, last: int | None) -> None:
        super().__init__(network)
        self.way = way
        self.last = last
        self.wanted = 0
        """Bytes that were to be sent."""

        self.is_cut = False

    def send(self, data: Buffer) -> None:
        """See there."""
        data = bytes(data)
        self.wanted += len(data)
        left = len(data) if self.last is None else max(self.last - self.sent, 0)
        if not self.is_cut and len(data) < left:
            super().send(data)
            return
        if not self.is_cut:
            super().send(data[:left])
            if self.last is not None:
                self._cut()
        elif self.way == "silence":
            # Who sends sees nothing of it.
            if not self.is_open:
                raise BrokenPipeError("closed")
        else:
            raise BrokenPipeError("the other end is gone")

    def _cut(self) -> None:
        self.is_cut = True
        if self.way != "silence":
            super().send_eof()
        if self.way == "reset":
            # The other one hears nothing any more, and nor does this one.
            peer: Any = self.peer
            peer.way, peer.is_cut = "reset", True
            End.send_eof(peer)

    def send_eof(self) -> None:
        """See there."""
        if not self.is_cut:
            super().send_eof()

    def close(self) -> None:
        """See there."""
        if self.is_cut and self.way == "silence":
            self.is_open = False
        else:
            super().close()


class CutWires(Wires):
    """With the cut in one direction."""

    def __init__(self, world: World, sender: str, way: str, last: int | None) -> None:
        super().__init__(world, "ends")
        network = world.network  # type: ignore[attr-defined]
        lasts = (last, None) if sender == REQUESTOR else (None, last)
        self.here, self.there = (CutEnd(network, way, last) for last in lasts)
        self.here.peer, self.there.peer = self.there, self.here


@define(eq=False, slots=False)
class CutTrial(Trial):
    """One association whose ``side`` is cut off behind a byte that it sends."""

    way: str = "reset"
    last: int | None = None
    ends: tuple[CutEnd, CutEnd] = field(init=False)

    def wires(self) -> Wires:
        """See there."""
        wires = CutWires(self.world, self.side, self.way, self.last)
        self.ends = wires.here, wires.there
        return wires

    def was_closed(self) -> bool:
        """Whether both ends were."""
        return not any(end.is_open for end in self.ends)
