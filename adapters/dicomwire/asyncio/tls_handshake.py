"""TLS over a connected socket, as asyncio waits for it: of a requestor, and of an acceptor."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable
from typing import TypeVar

from dicomwire.sockets.dialing import Dialing
from dicomwire.sockets.socket_dialer import TLSArguments

P = TypeVar("P", bound=asyncio.BaseProtocol)

_NO_LIMIT = 86400.0
"""None would be a limit of the loop's own."""

_AT_LEAST = 0.001
"""Seconds: asyncio takes no 0 for a time that is up."""


async def secured_as_requestor(
    sock: socket.socket, tls_args: TLSArguments, dialing: Dialing, make: Callable[[], P]
) -> P:
    """The protocol that ``make`` makes, with TLS over the socket.

    Raises:
        OSError, ValueError: TLS fails, or not in time.
    """
    loop = asyncio.get_running_loop()
    context, server_hostname = tls_args
    limit = asyncio.timeout_at(dialing.handshake_deadline(loop.time()))
    try:
        async with limit:
            # The loop's own limit must not come first.
            _, protocol = await loop.create_connection(
                make,
                sock=sock,
                ssl=context,
                server_hostname=server_hostname or "",
                ssl_handshake_timeout=_NO_LIMIT,
            )
            return protocol
    except TimeoutError as error:
        if limit.expired():
            raise dialing.handshake_timeout() from error
        raise
    except ConnectionError as error:
        # It may have said why, which asyncio leaves unread.
        raise dialing.handshake_closed() from error


async def secured_as_acceptor(
    sock: socket.socket, context: ssl.SSLContext, seconds: float | None, make: Callable[[], asyncio.BaseProtocol]
) -> None:
    """Let ``make`` make the protocol when TLS is agreed upon, in the time of ``Timeouts.handshake``.

    Raises:
        OSError, ValueError: TLS fails, or not in time.
    """
    loop = asyncio.get_running_loop()
    await loop.connect_accepted_socket(make, sock, ssl=context, ssl_handshake_timeout=_NO_LIMIT if seconds is None else max(seconds, _AT_LEAST))
