"""A WebSocket as a transport of asyncio; needs websockets: ``pip install dicomwire[websockets]``."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeAlias

from dicomwire.sockets.web_socket_messages import GRACE, messages_of
from dicomwire.upper_layer.connection import Buffer

if TYPE_CHECKING:
    from websockets.asyncio.connection import Connection as WebSocketConnection

Factory: TypeAlias = Callable[[], Any]
"""Makes the protocol to be connected."""

_HELD = 1 << 16
"""Bytes that wait to be sent, and how many more are no reason yet to have the association wait."""


def over_web_socket(connection: WebSocketConnection) -> Callable[[Factory], Awaitable[None]]:
    """What ``associate_over`` and ``serve_over`` take for a connection of ``websockets.asyncio``, client or server.

    The bytes of the association are binary messages, cut anywhere.  A text message breaks the connection.
    """

    async def connect(factory: Factory) -> None:
        WebSocketTransport(connection, factory())

    return connect


class WebSocketTransport(asyncio.Transport):
    """One connection, for ``protocol``; two tasks carry the bytes."""

    def __init__(self, connection: WebSocketConnection, protocol: Any) -> None:
        super().__init__()
        self._connection = connection
        self._protocol = protocol
        self._unsent: deque[bytes] = deque()
        self._held = 0
        self._is_paused = False
        self._is_closing = False
        self._something = asyncio.Event()
        connection.close_timeout = min(connection.close_timeout or GRACE, GRACE)
        self._may_read = asyncio.Event()
        self._may_read.set()
        loop = asyncio.get_running_loop()
        protocol.connection_made(self)
        self._tasks = [loop.create_task(self._receive()), loop.create_task(self._send())]
        self._end = loop.create_task(self._finish())

    # -- what the channel calls -----------------------------------------------------------------------------------
    def write(self, data: Buffer) -> None:
        """Have it sent."""
        self._unsent.extend(messages_of(data))
        self._held += len(data)
        self._something.set()
        if self._held > _HELD and not self._is_paused:
            self._is_paused = True
            self._protocol.pause_writing()

    def is_closing(self) -> bool:
        """Whether it is closed, or will be."""
        return self._is_closing

    def close(self) -> None:
        """Close, when all is sent."""
        self._is_closing = True
        self._something.set()

    def abort(self) -> None:
        """Close at once."""
        self._is_closing = True
        self._unsent.clear()
        for task in self._tasks:
            task.cancel()
        transport = getattr(self._connection, "transport", None)
        if transport is not None:
            transport.abort()

    def pause_reading(self) -> None:
        """Receive nothing more for now; the library keeps a few messages, and lets the peer wait then."""
        self._may_read.clear()

    def resume_reading(self) -> None:
        """Go on."""
        self._may_read.set()

    def get_write_buffer_size(self) -> int:
        """Bytes that wait to be sent."""
        return self._held

    def can_write_eof(self) -> bool:
        """A WebSocket cannot be half closed."""
        return False

    # -- its tasks ------------------------------------------------------------------------------------------------
    async def _receive(self) -> None:
        from websockets.exceptions import ConnectionClosed

        try:
            while True:
                await self._may_read.wait()
                message = await self._connection.recv()
                if isinstance(message, str):
                    raise ConnectionAbortedError("a text message: DICOM is binary")
                if message and not self._is_closing:
                    self._protocol.data_received(message)
        except ConnectionClosed:
            if not self._is_closing:
                # As after a half-close: the channel closes when it has seen to that.
                self._protocol.eof_received()

    async def _send(self) -> None:
        while self._unsent or not self._is_closing:
            self._something.clear()
            while self._unsent:
                message = self._unsent.popleft()
                await self._connection.send(message)
                self._held -= len(message)
                if self._is_paused and self._held <= _HELD:
                    self._is_paused = False
                    self._protocol.resume_writing()
            if not self._is_closing:
                await self._something.wait()
        await self._connection.close()

    async def _finish(self) -> None:
        from websockets.exceptions import ConnectionClosed

        receiving, sending = self._tasks
        await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)
        if not sending.done() and not (receiving.cancelled() or receiving.exception()):
            # The peer has closed: the channel does, too, when it has seen to that.
            await asyncio.wait([sending])
        for task in self._tasks:
            task.cancel()
        results = await asyncio.gather(receiving, sending, return_exceptions=True)
        self._is_closing = True
        errors = [error for error in results if isinstance(error, Exception)]
        lost = [error for error in errors if not isinstance(error, ConnectionClosed)]
        self._protocol.connection_lost(lost[0] if lost else None)
        if lost:
            # Nobody waits for the answer to that.
            with suppress(Exception):
                await self._connection.close()
