"""Reading for whom a proxy connects, in the connection's thread."""

from __future__ import annotations

import socket
import time
from typing import Any

from dicomwire.associations.coroutines import run
from dicomwire.associations.proxied import Proxied
from dicomwire.associations.server_base import ServerBase


def introduced(
    server: ServerBase[Any], sock: socket.socket, proxy: tuple[Any, ...], seconds: float | None
) -> Proxied | None:
    """What the proxy says of the connection, in the time a peer has for its request; None if it is to be closed."""
    deadline = None if seconds is None else time.monotonic() + seconds

    def receive(count: int, *, peek: bool = False) -> bytes:
        left = None if deadline is None else deadline - time.monotonic()
        if left is not None and left <= 0:
            raise TimeoutError("the time is up")
        sock.settimeout(left)
        # That of an SSLSocket would speak TLS, which comes later.
        return socket.socket.recv(sock, count, socket.MSG_PEEK if peek else 0)

    try:
        return run(server.introduce(sock, proxy, receive, time.monotonic))
    finally:
        sock.settimeout(None)
