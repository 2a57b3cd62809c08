"""Transports that trio does not have itself, for ``associate_over`` and ``serve_over`` of its AE."""

from dicomwire.trio.serial_stream import serial_stream
from dicomwire.trio.web_socket_stream import WebSocketStream

__all__ = ["WebSocketStream", "serial_stream"]
