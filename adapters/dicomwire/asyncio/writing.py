"""How bytes leave by an asyncio transport, or past it."""

from __future__ import annotations

import asyncio
import os

from dicomwire.asyncio.loop_features import extra_info, tells_when_written, unread_error, vector_descriptor
from dicomwire.dimse.session import Session
from dicomwire.sockets.delivery import SocketDelivery
from dicomwire.sockets.vectors import IOV_MAX, pieces, remove
from dicomwire.upper_layer.connection import Buffer
from dicomwire.upper_layer.state import State
from dicomwire.vocabulary.tls_words import alert_of

_AT_ONCE = 64 * 1024
"""Bytes given to the transport, and copied by it, where it has to find out when there is room again."""


class Writer:
    """What writes for a channel, one message at a time."""

    def __init__(self, session: Session) -> None:
        self.transport: asyncio.Transport
        self.session = session
        self.delivery: SocketDelivery = SocketDelivery(None, session.connection)
        self._loop = asyncio.get_running_loop()
        self._is_tls = False
        self._descriptor = -1
        """Of a socket that takes vectors; else the transport writes."""

        self._takes_buffers = False
        """The transport may be given buffers that are used again once it has written them; else copies."""

        self._writable: asyncio.Future[None] | None = None
        self._is_lost = False
        self.is_paused: bool = False
        """The transport's buffer is full; with TLS it may be so before the connection is made."""

        self.is_torn: bool = False
        """A PDU was not written to its end, and never will be."""

    def begin(self, transport: asyncio.Transport, *, is_own: bool, is_tls: bool) -> None:
        """Write by ``transport``; ``is_own`` says that it is one of the loop's own over a socket."""
        self.transport = transport
        self.delivery = SocketDelivery(extra_info(transport, "socket"), self.session.connection)
        self._is_tls = is_tls
        if is_own:
            self._descriptor = vector_descriptor(transport)
        self._takes_buffers = tells_when_written(transport)
        if is_own or self._takes_buffers:
            # Tell when everything is written: until then the buffers handed over must not change.
            # TLS pauses at the limit and not above it, so with 0 it would do so with nothing left to write.
            transport.set_write_buffer_limits(high=1 if is_tls else 0)

    def resume(self) -> None:
        """The transport's buffer has room again."""
        self.is_paused = False
        self._tell()

    def lose(self) -> None:
        """The connection is gone."""
        self._is_lost = True
        self._tell()

    def _tell(self) -> None:
        if self._writable is not None and not self._writable.done():
            self._writable.set_result(None)

    async def write(self, buffers: list[Buffer]) -> bool:
        """Write everything; True if that took waiting.

        Where that is known to be right it goes past the transport, which would join the buffers.  What does not fit is
        given to the transport bit by bit, because it alone may ask the loop when there is room.
        """
        if self._descriptor < 0 or self.is_paused:
            return await self._write_plainly(buffers)
        since: float | None = None
        waited = False
        try:
            while True:
                batch = buffers[:IOV_MAX]
                try:
                    written = os.writev(self._descriptor, batch)
                except BlockingIOError:
                    written = 0
                if written == sum(map(len, batch)):
                    del buffers[:IOV_MAX]
                else:
                    remove(buffers, written)
                if not buffers:
                    return waited
                if since is None:
                    since = self._loop.time()
                head = memoryview(buffers[0])[:_AT_ONCE]
                self.transport.write(head)
                remove(buffers, len(head))
                waited = await self._drained(since) or waited
                if not buffers:
                    return waited
        except BaseException:
            self.is_torn = True
            raise

    async def _write_plainly(self, buffers: list[Buffer]) -> bool:
        """Write everything by the transport alone, and by what every transport has; True if that took waiting."""
        if self._takes_buffers:
            self.transport.writelines(buffers)
            if self._is_tls and self.session.connection.state is State.STA5:
                self.session.alert = alert_of(unread_error(self.transport))
            return await self._drained(self._loop.time())
        # It may keep what it is given for as long as it likes, so it is given copies.
        waited = False
        left = sum(map(len, buffers))
        try:
            for piece in pieces(buffers, _AT_ONCE):
                self.give(piece)
                left -= len(piece)
                waited = await self._drained(self._loop.time()) or waited
        except BaseException:
            self.is_torn = self.is_torn or left > 0
            raise
        return waited

    def give(self, data: bytes) -> None:
        """Let the transport have ``data``.

        Raises:
            OSError: it cannot write, or is closed.
        """
        try:
            self.transport.write(data)
        except (AttributeError, RuntimeError) as error:
            # Pipes that are only read have no such method; closed transports of some loops say so by a RuntimeError.
            raise OSError(f"{type(self.transport).__name__} cannot write: {error}") from error

    async def _drained(self, since: float) -> bool:
        """Wait until the transport has written what it has; True if that took waiting.

        ``since`` is when writing began.

        Raises:
            TimeoutError: the peer takes nothing, or too little.
        """
        if not self.is_paused:
            return False
        if self._writable is None or self._writable.done():
            self._writable = self._loop.create_future()
        progress, delivery = self.session.connection.writing, self.delivery
        # Where it does not tell: it is given no more than this before it is waited for.
        moved = delivery.moved + (self._unwritten() or _AT_ONCE)
        progress.begin(since)
        try:
            while not self._writable.done():
                pause = progress.go_on(self._loop.time(), delivery)
                await asyncio.wait([self._writable], timeout=pause)
                delivery.moved = moved - self._unwritten()
        except TimeoutError:
            self.transport.abort()
            raise
        if self._is_lost or self.transport.is_closing():
            raise ConnectionResetError("the connection was lost")
        return True

    def _unwritten(self) -> int:
        """Bytes that the transport holds, as far as it tells."""
        try:
            return self.transport.get_write_buffer_size()
        except (AttributeError, NotImplementedError):
            return 0
