"""Reading for whom a proxy connects, in the connection's thread."""

from __future__ import annotations

import socket
import ssl
import time
from functools import partial
from typing import Any

from dicomwire.associations.coroutines import run
from dicomwire.associations.proxied import Proxied
from dicomwire.associations.server_base import ServerBase
from dicomwire.blocking.tls_handshake import wrapped_as_acceptor
from dicomwire.sockets.shortage import hang_up


def introduced(
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
    deadline = None if seconds is None else time.monotonic() + seconds

    def receive(count: int, *, peek: bool = False) -> bytes:
        left = None if deadline is None else deadline - time.monotonic()
        if left is not None and left <= 0:
            raise TimeoutError("the time is up")
        sock.settimeout(left)
        return sock.recv(count, socket.MSG_PEEK if peek else 0)

    proxied = run(server.introduce(sock, proxy, receive))
    if proxied is None:
        return None
    sock.settimeout(None)
    secured = sock if context is None else wrapped_as_acceptor(sock, context)
    server.introduced(sock, secured, proxied, time.monotonic(), partial(hang_up, secured))
    return proxied, secured
