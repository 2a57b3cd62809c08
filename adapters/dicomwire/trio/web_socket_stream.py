"""A WebSocket as a stream of trio's; needs trio-websocket: ``pip install dicomwire[trio-websocket]``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import trio

from dicomwire.sockets.web_socket_messages import GRACE, messages_of

if TYPE_CHECKING:
    from trio_websocket import WebSocketConnection


class WebSocketStream(trio.abc.Stream):
    """A connection of ``trio_websocket``, client or server, for ``associate_over`` and ``serve_over`` of the trio AE.

    The bytes of the association are binary messages, cut anywhere.  A text message breaks the connection.
    """

    def __init__(self, connection: WebSocketConnection) -> None:
        self._connection = connection
        self._left = memoryview(b"")
        self._is_closed = False

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """See :class:`trio.abc.SendStream`."""
        from trio_websocket import ConnectionClosed

        self._check_open()
        await trio.lowlevel.checkpoint()
        for message in messages_of(data):
            try:
                await self._connection.send_message(message)
            except ConnectionClosed as error:
                self._check_open()
                raise trio.BrokenResourceError(str(error)) from error

    async def wait_send_all_might_not_block(self) -> None:
        """See :class:`trio.abc.SendStream`; nobody knows, so at once."""
        self._check_open()
        await trio.lowlevel.checkpoint()

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        """See :class:`trio.abc.ReceiveStream`."""
        from trio_websocket import ConnectionClosed

        self._check_open()
        # An empty message says nothing, and is no end.
        while not self._left:
            try:
                message = await self._connection.get_message()
            except ConnectionClosed:
                self._check_open()
                return b""
            if isinstance(message, str):
                raise trio.BrokenResourceError("a text message: DICOM is binary")
            self._left = memoryview(message)
        count = len(self._left) if max_bytes is None else max_bytes
        taken, self._left = bytes(self._left[:count]), self._left[count:]
        return taken

    async def aclose(self) -> None:
        """Close; may be called again.  A peer that does not answer has a second."""
        self._is_closed = True
        with trio.move_on_after(GRACE):
            await self._connection.aclose()

    def _check_open(self) -> None:
        if self._is_closed:
            raise trio.ClosedResourceError("the stream is closed")
