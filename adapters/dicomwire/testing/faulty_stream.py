"""Faults for trio."""

from __future__ import annotations

import math

import trio

from dicomwire.testing.faults import Call, Faults, half_closed, lost

_ANY = 64 * 1024


class FaultyStream(trio.abc.HalfCloseableStream):
    """A stream around another one, with which things go wrong.

    For ``associate_over`` and ``serve_over``.  Closing always reaches the stream inside, also in a stall.
    """

    def __init__(self, stream: trio.abc.Stream, faults: Faults) -> None:
        self.faults = faults
        self._stream = stream
        self._arrived: bytes | None = None
        """What has been counted, and is not given yet."""

        self._rest = b""
        self._is_closed = False
        self._is_ended = False
        """The stream inside was told to send nothing more."""

        self._over = trio.Event()
        """Lost, or closed: nobody waits any longer."""

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        """See there."""
        await self._wait()
        if self.faults.has_ended:
            return b""
        if self._arrived is None:
            arrived = self._rest or bytes(await self._stream.receive_some(max_bytes or _ANY))
            self._arrived, self._rest = self.faults.piece(arrived)
            await self._strike("receive")
            await self._wait()
            if self.faults.has_ended:
                return b""
        data, self._arrived = self._arrived, None
        return data

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """See there."""
        if self.faults.is_lost:
            raise lost()
        await self._strike("send", data)
        await self._wait()
        if self.faults.is_half_closed:
            raise half_closed()
        await self._stream.send_all(data)

    async def wait_send_all_might_not_block(self) -> None:
        """See there."""
        await self._wait()
        await self._stream.wait_send_all_might_not_block()

    async def send_eof(self) -> None:
        """See there; where the stream inside cannot, nothing happens."""
        if not self.faults.is_lost:
            await self._strike("send_eof")
            await self._wait()
            await self._end()

    async def aclose(self) -> None:
        """See there."""
        if self._is_closed:
            await trio.lowlevel.checkpoint()
            return
        self._is_closed = True
        self._over.set()
        fault = self.faults.count("close", trio.current_time())
        await self._stream.aclose()
        if fault is not None and fault.kind == "fail":
            raise fault.error()

    async def _end(self) -> None:
        if not self._is_ended and isinstance(self._stream, trio.abc.HalfCloseableStream):
            self._is_ended = True
            await self._stream.send_eof()

    async def _strike(self, call: Call, data: bytes | bytearray | memoryview = b"") -> None:
        """Count a call, and let happen to the stream inside what happens now."""
        fault = self.faults.count(call, trio.current_time())
        if fault is None:
            return
        if self.faults.is_lost:
            if fault.kind == "cut" and data and not self._is_ended:
                await self._stream.send_all(memoryview(data)[: len(data) // 2])
            self._over.set()
            await trio.aclose_forcefully(self._stream)
        elif fault.kind == "half_close":
            await self._end()
        if fault.kind in ("reset", "cut", "fail"):
            raise fault.error()

    async def _wait(self) -> None:
        """Wait until there is no stall."""
        faults = self.faults
        while faults.is_stalled(trio.current_time()) and not self._over.is_set():
            with trio.CancelScope(deadline=faults.stalled_until):
                await self._over.wait()
        if self._is_closed:
            raise trio.ClosedResourceError
        if faults.is_lost:
            raise lost()
        if faults.stalled_until != -math.inf:
            await trio.lowlevel.checkpoint()
