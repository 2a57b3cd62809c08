"""Reading for whom a proxy connects, as trio waits for it."""

from __future__ import annotations

import math
import socket
from typing import Any

import trio

from dicomwire.associations.proxied import Proxied
from dicomwire.associations.server_base import ServerBase


async def introduced(
    server: ServerBase[Any], sock: socket.socket, proxy: tuple[Any, ...], seconds: float | None
) -> Proxied | None:
    """What the proxy says of the connection, in the time a peer has for its request; None if it is to be closed."""
    deadline = math.inf if seconds is None else trio.current_time() + seconds

    async def receive(count: int, *, peek: bool = False) -> bytes:
        try:
            with trio.fail_at(deadline):
                while True:
                    await trio.lowlevel.wait_readable(sock)
                    try:
                        # That of an SSLSocket would speak TLS, which comes later.
                        return socket.socket.recv(sock, count, socket.MSG_PEEK if peek else 0)
                    except (BlockingIOError, InterruptedError):
                        continue
        except trio.TooSlowError:
            raise TimeoutError("the time is up") from None

    return await server.introduce(sock, proxy, receive, trio.current_time)
