"""A WebSocket that blocks as a transport; needs websockets: ``pip install dicomwire[websockets]``."""

from __future__ import annotations

import contextlib
import socket
from struct import pack
from typing import TYPE_CHECKING

from dicomwire.sockets.web_socket_messages import GRACE, messages_of
from dicomwire.upper_layer.connection import Buffer

if TYPE_CHECKING:
    from websockets.sync.connection import Connection as WebSocketConnection


class WebSocket:
    """A connection of ``websockets.sync``, client or server, for ``associate_over`` and ``serve_over`` of the blocking
    AE.

    The bytes of the association are binary messages, cut anywhere.  A text message breaks the connection.
    """

    def __init__(self, connection: WebSocketConnection) -> None:
        self._connection = connection
        self._patience: float | None = None

    def receive(self, seconds: float) -> bytes:
        """See :meth:`Transport.receive`."""
        from websockets.exceptions import ConnectionClosed

        try:
            # An empty message says nothing, and is no end.
            while not (message := self._connection.recv(timeout=seconds)):
                pass
        except ConnectionClosed:
            return b""
        if isinstance(message, str):
            raise ConnectionAbortedError("a text message: DICOM is binary")
        return message

    def send(self, data: Buffer, seconds: float | None) -> None:
        """See :meth:`Transport.send`."""
        from websockets.exceptions import ConnectionClosed

        self._be_patient(seconds)
        for message in messages_of(data):
            try:
                self._connection.send(message)
            except ConnectionClosed as error:
                if isinstance(error.__cause__, BlockingIOError | TimeoutError):
                    raise TimeoutError from error
                raise BrokenPipeError(str(error)) from error

    def _be_patient(self, seconds: float | None) -> None:
        """How long the socket waits for a peer that takes nothing; the library has no such limit."""
        if seconds != self._patience and hasattr(socket, "SO_SNDTIMEO"):
            self._patience = seconds
            # No time at all is no limit.
            whole, rest = divmod(max(1, round((seconds or 0) * 1e6)) if seconds is not None else 0, 1_000_000)
            with contextlib.suppress(OSError):
                self._connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, pack("ll", whole, rest))

    def send_eof(self) -> None:
        """A WebSocket cannot say that, and still receive."""

    def close(self) -> None:
        """Close; may be called again.  A peer that does not answer has a second, or less if the connection says so."""
        connection = self._connection
        connection.close_timeout = min(connection.close_timeout or GRACE, GRACE)
        connection.close()
