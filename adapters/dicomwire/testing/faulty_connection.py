"""Faults for asyncio."""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

from dicomwire.testing.faults import Call, Fault, Faults, half_closed, lost

Factory = Callable[[], asyncio.BaseProtocol]
Connect = Callable[[Factory], Awaitable[Any]]


def faulty_connection(connect: Connect, faults: Faults) -> Connect:
    """As ``connect``, of which ``associate_over`` and ``serve_over`` say what it is, with things going wrong.

    What happens to a call that receives is told by ``connection_lost``, as it is with asyncio.
    """

    async def connected(factory: Factory) -> Any:
        return await connect(lambda: _Between(factory(), faults))

    return connected


class _Between(asyncio.Protocol):
    """A protocol for the transport, and a transport for the protocol."""

    def __init__(self, protocol: Any, faults: Faults) -> None:
        self.faults = faults
        self.transport: Any = None
        self._protocol = protocol
        self._loop = asyncio.get_running_loop()
        self._arrived: deque[bytes | None] = deque()
        """What the protocol has not been given yet; None is the end of the stream."""

        self._is_counted = False
        self._is_paused = False
        self._is_giving = False
        self._is_closing = False
        self._was_closed = False
        """By the protocol."""

        self._is_over = False
        """``connection_lost`` was told."""

        self._is_ended = False
        """The transport was told to send nothing more."""

        self._unsent: list[bytes] = []

    # -- called by the transport ----------------------------------------------------------------------------------
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self._protocol.connection_made(_FaultyTransport(self))

    def data_received(self, data: bytes) -> None:
        rest = bytes(data)
        while rest:
            piece, rest = self.faults.piece(rest)
            self._arrived.append(piece)
        self.give()

    def eof_received(self) -> bool:
        self._arrived.append(None)
        self.give()
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.faults.is_stalled(self._loop.time()) or self._is_closing:
            self._lose(exc)
        else:
            # Nobody hears of it in a stall.
            self._later(lambda: self._lose(exc))

    def pause_writing(self) -> None:
        self._protocol.pause_writing()

    def resume_writing(self) -> None:
        self._protocol.resume_writing()

    # -- receiving ------------------------------------------------------------------------------------------------
    def give(self) -> None:
        """Give the protocol what has arrived, unless it wants nothing, or there is a stall."""
        if self._is_giving:
            return
        self._is_giving = True
        try:
            while self._arrived and not (self._is_paused or self._is_over or self.faults.has_ended):
                if not self._is_counted:
                    self._is_counted = True
                    self._strike("receive")
                    continue
                if self.faults.is_stalled(self._loop.time()):
                    self._later(self.give)
                    return
                self._is_counted = False
                data = self._arrived.popleft()
                if data is None:
                    self._told_end()
                else:
                    self._receive(data)
        finally:
            self._is_giving = False

    def _receive(self, data: bytes) -> None:
        if isinstance(self._protocol, asyncio.Protocol):
            self._protocol.data_received(data)
            return
        while data:
            room = self._protocol.get_buffer(len(data))
            count = min(len(room), len(data))
            room[:count] = data[:count]
            self._protocol.buffer_updated(count)
            data = data[count:]

    def _told_end(self) -> None:
        if not self._protocol.eof_received():
            self.close()

    def pause(self, is_paused: bool) -> None:
        self._is_paused = is_paused
        if not self.transport.is_closing():
            (self.transport.pause_reading if is_paused else self.transport.resume_reading)()
        if not is_paused:
            self._loop.call_soon(self.give)

    def _later(self, step: Callable[[], None]) -> None:
        until = self.faults.stalled_until
        if until < math.inf:
            self._loop.call_at(until, step)

    def _lose(self, exc: Exception | None) -> None:
        if not self._is_over:
            self._is_over = self._is_closing = True
            self._protocol.connection_lost(exc)

    # -- sending --------------------------------------------------------------------------------------------------
    def write(self, data: bytes) -> None:
        if self.faults.is_lost:
            raise lost()
        self._strike("send", data)
        if self.faults.is_half_closed:
            raise half_closed()
        if not self.faults.is_stalled(self._loop.time()):
            self.transport.write(data)
            return
        self._unsent.append(bytes(data))
        if len(self._unsent) == 1:
            self._protocol.pause_writing()
            self._later(self._go_on)

    def _go_on(self) -> None:
        unsent, self._unsent = self._unsent, []
        if not self.transport.is_closing():
            self.transport.write(b"".join(unsent))
            if not self._is_over:
                self._protocol.resume_writing()
            if self._is_closing:
                self.transport.close()

    def write_eof(self) -> None:
        if not self.faults.is_lost:
            self._strike("send_eof")
            self._end()

    def _end(self) -> None:
        if self.transport.can_write_eof() and not (self.transport.is_closing() or self._unsent or self._is_ended):
            self._is_ended = True
            self.transport.write_eof()

    def close(self) -> None:
        self._begin_closing()
        if not self._unsent:
            self.transport.close()

    def abort(self) -> None:
        self._begin_closing()
        self._unsent.clear()
        self.transport.abort()

    def _begin_closing(self) -> None:
        self._is_closing = True
        if not self._was_closed:
            self._was_closed = True
            self._strike("close")

    def is_closing(self) -> bool:
        return self._is_closing or self.transport.is_closing()

    # -- faults ---------------------------------------------------------------------------------------------------
    def _strike(self, call: Call, data: bytes = b"") -> None:
        fault = self.faults.count(call, self._loop.time())
        if fault is None:
            return
        if fault.kind == "cut" and data and not self._is_ended:
            self.transport.write(data[: len(data) // 2])
        if self.faults.is_lost or (fault.kind == "fail" and call == "receive"):
            self._break(fault)
        elif fault.kind == "half_close":
            self._end()
        elif fault.kind == "end":
            self._loop.call_soon(self._told_end)
        if fault.kind in ("reset", "cut", "fail") and call == "send":
            raise fault.error()

    def _break(self, fault: Fault) -> None:
        self._is_closing = True
        # close() writes what was given before.
        self._loop.call_soon(self._lose, fault.error())
        self.transport.close()


class _FaultyTransport(asyncio.Transport):
    """The methods of a transport that :class:`dicomwire.asyncio.ProtocolChannel` uses."""

    def __init__(self, between: _Between) -> None:
        super().__init__()
        self._between = between

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self._between.transport.get_extra_info(name, default)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self._between.write(bytes(data))

    def can_write_eof(self) -> bool:
        return bool(self._between.transport.can_write_eof())

    def write_eof(self) -> None:
        self._between.write_eof()

    def is_closing(self) -> bool:
        return self._between.is_closing()

    def close(self) -> None:
        self._between.close()

    def abort(self) -> None:
        self._between.abort()

    def pause_reading(self) -> None:
        self._between.pause(True)

    def resume_reading(self) -> None:
        self._between.pause(False)
