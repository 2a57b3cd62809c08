"""Faults for the adapter that blocks."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable

from dicomwire.blocking.transport_channel import Transport
from dicomwire.testing.faults import Call, Faults, half_closed, lost
from dicomwire.upper_layer.connection import Buffer


class FaultyTransport:
    """A :class:`dicomwire.blocking.Transport` around another one, with which things go wrong.

    For ``associate_over`` and ``serve_over``.  Closing always reaches the transport inside, also in a stall.
    """

    def __init__(self, transport: Transport, faults: Faults, clock: Callable[[], float] = time.monotonic) -> None:
        self.faults = faults
        self._transport = transport
        self._clock = clock
        self._is_sending = False
        self._is_closed = False
        self._is_ended = False
        """The transport inside was told to send nothing more."""

        self._arrived: bytes | None = None
        """What has been counted, and is not given yet."""

        self._rest = b""
        self._lost = threading.Event()

    def receive(self, seconds: float) -> Buffer:
        """See there."""
        give_up = self._clock() + seconds
        self._wait(give_up)
        if self.faults.has_ended:
            return b""
        if self._arrived is None:
            arrived = self._rest or bytes(self._transport.receive(max(0.0, give_up - self._clock())))
            self._arrived, self._rest = self.faults.piece(arrived)
            self._strike("receive")
            self._wait(give_up)
            if self.faults.has_ended:
                return b""
        data, self._arrived = self._arrived, None
        return data

    def send(self, data: Buffer, seconds: float | None) -> None:
        """See there."""
        self._wait(-math.inf)
        self._is_sending = True
        try:
            self._strike("send", data, seconds)
            self._wait(math.inf if seconds is None else self._clock() + seconds)
            if self.faults.is_half_closed:
                raise half_closed()
            self._transport.send(data, seconds)
        finally:
            self._is_sending = False

    def send_eof(self) -> None:
        """See there."""
        if not self.faults.is_lost:
            self._strike("send_eof")
            if not self.faults.is_stalled(self._clock()):
                self._end()

    def close(self) -> None:
        """See there."""
        if self._is_closed:
            return
        self._is_closed = True
        fault = self.faults.count("close", self._clock())
        self._transport.close()
        if fault is not None and fault.kind == "fail":
            raise fault.error()

    def _strike(self, call: Call, data: Buffer = b"", seconds: float | None = None) -> None:
        """Count a call, and let happen to the transport inside what happens now."""
        fault = self.faults.count(call, self._clock())
        if fault is None:
            return
        if fault.kind == "cut" and data and not self._is_ended:
            self._transport.send(memoryview(data)[: len(data) // 2], seconds)
        if fault.kind in ("reset", "cut", "half_close") and (call != "receive" or not self._is_sending):
            # Not close(), under the hands of who uses it.
            self._end()
        if self.faults.is_lost:
            self._lost.set()
        if fault.kind in ("reset", "cut", "fail"):
            raise fault.error()

    def _end(self) -> None:
        if not self._is_ended:
            self._is_ended = True
            self._transport.send_eof()

    def _wait(self, give_up: float) -> None:
        """Wait until there is no stall, or the time is up; with minus infinity not at all.

        Raises:
            ConnectionResetError: the connection is lost.
            TimeoutError: the time is up.
        """
        faults = self.faults
        while faults.is_stalled(now := self._clock()):
            if give_up == -math.inf:
                break
            if now >= give_up:
                raise TimeoutError("nothing moves")
            left = min(faults.stalled_until, give_up) - now
            self._lost.wait(None if left == math.inf else left)
        if faults.is_lost:
            raise lost()
