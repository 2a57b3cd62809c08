"""Transports that are there, for ``associate_over`` and ``serve_over`` of the blocking AE.

Those for asyncio are in :mod:`dicomwire.asyncio_carriers`; trio has its own streams.
"""

from dicomwire.blocking.file_pair import FilePair
from dicomwire.blocking.serial_line import SerialLine
from dicomwire.blocking.web_socket import WebSocket

__all__ = ["FilePair", "SerialLine", "WebSocket"]
