"""TLS, as trio waits for it."""

from __future__ import annotations

import ssl

import trio


async def handshake(sock: ssl.SSLSocket) -> None:
    """Agree upon TLS over a socket that does not block; errors of ``do_handshake``."""
    while True:
        try:
            sock.do_handshake()
            return
        except ssl.SSLWantReadError:
            await trio.lowlevel.wait_readable(sock)
        except ssl.SSLWantWriteError:
            await trio.lowlevel.wait_writable(sock)
