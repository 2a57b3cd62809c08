"""Transports that are there, for ``associate_over`` and ``serve_over`` of the asyncio AE."""

from dicomwire.asyncio.pipe_pair import over_pipes
from dicomwire.asyncio.web_socket_transport import over_web_socket

__all__ = ["over_pipes", "over_web_socket"]
