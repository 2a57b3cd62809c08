"""Reading for whom a proxy connects, as trio waits for it."""

from __future__ import annotations

import math
import socket
import ssl
from functools import partial
from typing import Any

import trio

from dicomwire.associations.proxied import Proxied
from dicomwire.associations.server_base import ServerBase
from dicomwire.sockets.shortage import hang_up
from dicomwire.trio.tls_handshake import wrapped_as_acceptor


async def introduced(
    server: ServerBase[Any],
    sock: socket.socket,
    proxy: tuple[Any, ...],
    seconds: float | None,
    context: ssl.SSLContext | None,
) -> tuple[Proxied, socket.socket] | None:
    """What the proxy says of the connection, in the time a peer has for its request, and what the rest comes by: TLS
    is still to be agreed upon there.  None if it is to be closed.

    Raises:
        OSError: it has ended.
    """
    deadline = math.inf if seconds is None else trio.current_time() + seconds

    async def receive(count: int, *, peek: bool = False) -> bytes:
        try:
            with trio.fail_at(deadline):
                while True:
                    await trio.lowlevel.wait_readable(sock)
                    try:
                        return sock.recv(count, socket.MSG_PEEK if peek else 0)
                    except (BlockingIOError, InterruptedError):
                        continue
        except trio.TooSlowError:
            raise TimeoutError("the time is up") from None

    proxied = await server.introduce(sock, proxy, receive)
    if proxied is None:
        return None
    secured = sock if context is None else wrapped_as_acceptor(sock, context)
    server.introduced(sock, secured, proxied, trio.current_time(), partial(hang_up, secured))
    return proxied, secured
