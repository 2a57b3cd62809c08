"""TLS over a connected socket, as trio waits for it: of a requestor, and of an acceptor."""

from __future__ import annotations

import math
import socket
import ssl

import trio

from dicomwire.sockets.dialing import Dialing
from dicomwire.sockets.socket_dialer import TLSArguments


async def secured_as_requestor(sock: socket.socket, tls_args: TLSArguments, dialing: Dialing) -> ssl.SSLSocket:
    """The socket with TLS over it; if there is none, ``sock`` is closed.

    Raises:
        OSError, ValueError: TLS fails, or not in time.
    """
    context, server_hostname = tls_args
    try:
        secure = context.wrap_socket(sock, server_hostname=server_hostname, do_handshake_on_connect=False)
    except BaseException:
        sock.close()
        raise
    deadline = dialing.handshake_deadline(trio.current_time())
    try:
        with trio.fail_at(math.inf if deadline is None else deadline):
            await _shake_hands(secure)
    except trio.TooSlowError:
        secure.close()
        raise dialing.handshake_timeout() from None
    except BaseException:
        secure.close()
        raise
    return secure


def wrapped_as_acceptor(sock: socket.socket, context: ssl.SSLContext) -> ssl.SSLSocket:
    """The socket with TLS to come, for :func:`secured_as_acceptor`.

    Raises:
        OSError: it has ended.
    """
    return context.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)


async def secured_as_acceptor(secure: ssl.SSLSocket, seconds: float | None) -> None:
    """Agree upon TLS, in the time of ``Timeouts.handshake``; if that fails, the socket is closed.

    Raises:
        OSError, ValueError: TLS fails.
        trio.TooSlowError: not in time.
    """
    try:
        with trio.fail_after(math.inf if seconds is None else seconds):
            await _shake_hands(secure)
    except BaseException:
        secure.close()
        raise


async def _shake_hands(sock: ssl.SSLSocket) -> None:
    while True:
        try:
            sock.do_handshake()
            return
        except ssl.SSLWantReadError:
            await trio.lowlevel.wait_readable(sock)
        except ssl.SSLWantWriteError:
            await trio.lowlevel.wait_writable(sock)
