"""Faults in memory, on the clock of the network."""

from __future__ import annotations

import math

from dicomwire.memory.end import End
from dicomwire.memory.network import Network
from dicomwire.testing.faults import Call, Faults, half_closed, lost
from dicomwire.upper_layer.connection import Buffer


class FaultyEnd(End):
    """An end of a connection inside a :class:`~dicomwire.memory.Network`, with which things go wrong.

    ``receive`` never raises, as with every end: a connection that is lost has ended.  While it stalls, the other end
    sees nothing of what this one does, not even that it closes: so is a peer that has lost its power.
    """

    is_open: bool
    sent: int

    def __init__(self, network: Network, faults: Faults) -> None:
        super().__init__(network)
        self.faults = faults
        self._is_counted = False
        """What has arrived is counted already."""

        self._rest = b""
        self._gave_end = False
        self._held: list[bytes | None] = []
        """What is sent in a stall; None is the end of the stream."""

    # -- receiving ------------------------------------------------------------------------------------------------
    def has_arrived(self) -> bool:
        """See there."""
        faults = self.faults
        if faults.is_stalled(self.network.now):
            return False
        if self._is_over():
            return not self._gave_end
        if not self._rest and not super().has_arrived():
            return False
        if not self._is_counted:
            self._is_counted = True
            self._strike("receive")
            return self.has_arrived()
        return True

    def receive(self) -> bytes | None:
        """See there."""
        if not self.has_arrived():
            return None
        if self._is_over():
            self._gave_end = True
            return b""
        self._is_counted = False
        data, self._rest = self.faults.piece(self._rest or super().receive() or b"")
        return data

    def _is_over(self) -> bool:
        return self.faults.is_lost or self.faults.has_ended

    # -- sending --------------------------------------------------------------------------------------------------
    def send(self, data: Buffer) -> None:
        """See there."""
        if self.faults.is_lost:
            raise lost()
        self._strike("send", data)
        if self.faults.is_half_closed:
            raise half_closed()
        if not self.faults.is_stalled(self.network.now):
            super().send(data)
        else:
            if not self.is_open:
                raise half_closed()
            self._hold(bytes(data))

    def send_eof(self) -> None:
        """See there."""
        if self.is_open and not self.faults.is_lost:
            self._strike("send_eof")
            if self.faults.is_stalled(self.network.now):
                self._hold(None)
            elif not self.faults.is_half_closed:
                super().send_eof()

    def close(self) -> None:
        """See there."""
        if self.is_open:
            self._strike("close")
            if self.faults.is_stalled(self.network.now):
                self.is_open = False
                self._hold(None)
            else:
                super().close()

    def _hold(self, data: bytes | None) -> None:
        if data is not None:
            # It is under way, for all that anybody can see.
            self.sent += len(data)
            self.peer.unread += len(data)
        self._held.append(data)
        if len(self._held) == 1 and self.faults.stalled_until < math.inf:
            self.network.spawn(self._let_go())

    async def _let_go(self) -> None:
        """Send what was held when the stall is over."""
        while (left := self.faults.stalled_until - self.network.now) > 0:
            await self.network.sleep(left)
        held, self._held = self._held, []
        was_open, self.is_open = self.is_open, True
        for data in held:
            if data is None:
                super().send_eof()
            else:
                self.sent -= len(data)
                self.peer.unread -= len(data)
                if self.peer.is_open:
                    super().send(data)
        self.is_open = was_open

    # -- faults ---------------------------------------------------------------------------------------------------
    def _strike(self, call: Call, data: Buffer = b"") -> None:
        """Count a call, and let happen what happens now."""
        fault = self.faults.count(call, self.network.now)
        if self.faults.stalled_until < math.inf and self.faults.is_stalled(self.network.now):
            self.network.expect(self.faults.stalled_until)
        if fault is None:
            return
        if fault.kind == "cut" and data:
            super().send(memoryview(data)[: len(data) // 2])
        if fault.kind in ("reset", "cut", "half_close") and call != "close":
            super().send_eof()
        if fault.kind == "fail" and call == "receive":
            # It ends with the error, as there is no other way to say it.
            self.faults.is_lost = True
            super().send_eof()
        if fault.kind in ("reset", "cut", "fail") and call == "send":
            raise fault.error()


def faulty_ends(network: Network, one: Faults | None = None, other: Faults | None = None) -> tuple[End, End]:
    """As :func:`dicomwire.memory.ends`, with faults at one of the ends, or both."""
    left = End(network) if one is None else FaultyEnd(network, one)
    right = End(network) if other is None else FaultyEnd(network, other)
    left.peer, right.peer = right, left
    return left, right
