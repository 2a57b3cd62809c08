"""Reading for whom a proxy connects, as asyncio waits for it."""

from __future__ import annotations

import asyncio
import socket
from functools import partial
from typing import Any

from dicomwire.associations.proxied import Proxied
from dicomwire.associations.server_base import ServerBase
from dicomwire.asyncio.acceptor import readable
from dicomwire.sockets.shortage import hang_up


async def introduced(
    server: ServerBase[Any], sock: socket.socket, proxy: tuple[Any, ...], seconds: float | None
) -> Proxied | None:
    """What the proxy says of the connection, in the time a peer has for its request; None if it is to be closed."""
    loop = asyncio.get_running_loop()
    deadline = None if seconds is None else loop.time() + seconds

    async def receive(count: int, *, peek: bool = False) -> bytes:
        async with asyncio.timeout_at(deadline):
            while True:
                try:
                    return sock.recv(count, socket.MSG_PEEK if peek else 0)
                except (BlockingIOError, InterruptedError):
                    pass
                try:
                    await readable(loop, sock)
                except NotImplementedError:
                    # A loop of Windows, which cannot wait without receiving.
                    return b"?" if peek else await loop.sock_recv(sock, count)

    proxied = await server.introduce(sock, proxy, receive)
    if proxied is not None:
        server.introduced(sock, sock, proxied, loop.time(), partial(hang_up, sock))
    return proxied
