"""One end of a connection as the checks see it, whatever kind of transport it is."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Awaitable
from typing import ClassVar, TypeVar

from dicomwire.associations.channel import Channel
from dicomwire.blocking.transport_channel import Transport
from dicomwire.dimse.session import Session
from dicomwire.testing.channel_fault import received
from dicomwire.upper_layer.connection import Buffer, Connection
from dicomwire.upper_layer.progress import Delivery
from dicomwire.upper_layer.state import Role
from dicomwire.upper_layer.timers import Timer

T = TypeVar("T")

_ROOM = 64 * 1024


class Face(ABC):
    """One end: four verbs, and the words in which its author knows them."""

    sends: ClassVar[str] = "send()"
    receives: ClassVar[str] = "receive()"
    ends: ClassVar[str] = "send_eof()"
    closes: ClassVar[str] = "close()"
    is_woken_by_closing: ClassVar[bool] = True
    """It may be closed while it waits for the peer."""

    @abstractmethod
    async def send(self, data: Buffer, seconds: float | None = None) -> None:
        """Send all of it; TimeoutError if the peer takes nothing for so many seconds, OSError if it is gone."""

    @abstractmethod
    async def receive(self, seconds: float | None) -> bytes:
        """The next bytes, ``b""`` at the end; TimeoutError if none come in so many seconds, OSError at the end."""

    @abstractmethod
    async def send_eof(self) -> None:
        """Half-close."""

    @abstractmethod
    async def close(self) -> None:
        """Close."""


class TransportFace(Face):
    """A transport for the adapter that blocks."""

    sends = "send(data, seconds)"
    receives = "receive(seconds)"
    is_woken_by_closing = False

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def send(self, data: Buffer, seconds: float | None = None) -> None:
        """See there."""
        self._transport.send(data, seconds)

    async def receive(self, seconds: float | None) -> bytes:
        """See there."""
        # There is no waiting without end for those.
        return received(self._transport.receive(3600.0 if seconds is None else seconds), self.receives)

    async def send_eof(self) -> None:
        """See there."""
        self._transport.send_eof()

    async def close(self) -> None:
        """See there."""
        self._transport.close()


class ProbeConnection(Connection):
    """Takes any bytes for a stream, and has one deadline."""

    def __init__(self) -> None:
        super().__init__(Role.ACCEPTOR)
        self.timers.running.clear()
        self.timeouts.write = None
        self.arrived: bytearray = bytearray()
        self.has_ended: bool = False
        self.is_late: bool = False
        self.unseen: bool = False
        self._room: memoryview = memoryview(b"")

    def wait_for(self, seconds: float | None) -> None:
        """There is a deadline in so many seconds; None: there is none."""
        self.is_late = False
        self.timeouts.artim = seconds
        self.timers.start(Timer.ARTIM)

    def take(self) -> bytes:
        """What has arrived.

        Raises:
            TimeoutError: nothing has.
        """
        data = bytes(self.arrived)
        self.arrived.clear()
        self.timers.stop(Timer.ARTIM)
        if not data and not self.has_ended:
            raise TimeoutError("nothing came")
        self.unseen = False
        return data

    def receive_data(self, data: Buffer) -> None:
        """See there."""
        self.unseen = True
        self.arrived += data
        self.has_ended = self.has_ended or not data

    def get_buffer(self, sizehint: int = -1) -> memoryview:
        """See there."""
        self._room = memoryview(bytearray(_ROOM))
        return self._room

    def buffer_updated(self, count: int) -> None:
        """See there."""
        self.receive_data(self._room[:count])

    def handle_deadline(self, now: float, delivery: Delivery | None = None) -> None:
        """See there."""
        for timer in self.timers.expired(now):
            self.timers.stop(timer)
            self.is_late = self.unseen = True


class ProbeSession(Session):
    """Looks into nothing."""

    @property
    def wants_scan(self) -> bool:
        return False

    def scan(self) -> None:
        """See there."""


class ChannelFace(Face):
    """A channel: what an AE of some event loop has below, or one of our own over a transport."""

    sends = "flush()"
    receives = "pump()"
    closes = "aclose()"

    def __init__(self) -> None:
        self.connection: ProbeConnection = ProbeConnection()
        self.session: ProbeSession = ProbeSession(self.connection)
        self.lock: threading.Lock | None = None
        self.channel: Channel

    async def _in_turn(self, work: Awaitable[T]) -> T:
        if self.lock is None:
            return await work
        with self.lock:
            return await work

    async def _look(self) -> None:
        self.channel.poll()

    async def send(self, data: Buffer, seconds: float | None = None) -> None:
        """See there."""
        self.connection.timeouts.write = seconds
        self.connection.unsent.append(data)
        self.connection.queued += len(data)
        await self._in_turn(self.channel.flush())

    async def receive(self, seconds: float | None) -> bytes:
        """See there."""
        connection = self.connection
        if seconds == 0:
            await self._in_turn(self._look())
            return connection.take()
        connection.wait_for(seconds)
        while not (connection.arrived or connection.has_ended or connection.is_late):
            connection.unseen = False
            await self._in_turn(self.channel.pump())
        return connection.take()

    async def send_eof(self) -> None:
        """See there."""
        await self._in_turn(self.channel.send_eof())

    async def close(self) -> None:
        """See there."""
        await self._in_turn(self.channel.aclose())


class LoopFace(ChannelFace):
    """The same over a transport of asyncio."""

    sends = "write()"
    receives = "data_received()"
    ends = "write_eof()"
    closes = "close()"
