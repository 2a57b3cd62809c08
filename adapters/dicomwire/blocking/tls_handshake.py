"""TLS over a connected socket, in the thread that asks for it: of a requestor, and of an acceptor."""

from __future__ import annotations

import socket
import ssl
import time

from dicomwire.sockets.dialing import Dialing
from dicomwire.sockets.socket_dialer import TLSArguments


def secured_as_requestor(sock: socket.socket, tls_args: TLSArguments, dialing: Dialing) -> ssl.SSLSocket:
    """The socket with TLS over it; if there is none, ``sock`` is closed.

    Raises:
        OSError, ValueError: TLS fails, or not in time.
    """
    context, server_hostname = tls_args
    now = time.monotonic()
    deadline = dialing.handshake_deadline(now)
    try:
        # The timeout is for the handshake as a whole, however many times it reads.
        sock.settimeout(None if deadline is None else max(0.001, deadline - now))
        return context.wrap_socket(sock, server_hostname=server_hostname)
    except TimeoutError as error:
        sock.close()
        raise dialing.handshake_timeout() from error
    except BaseException:
        sock.close()
        raise


def wrapped_as_acceptor(sock: socket.socket, context: ssl.SSLContext) -> ssl.SSLSocket:
    """The socket with TLS to come, for the thread that accepts, which waits for no peer; if it fails, it is closed."""
    try:
        return context.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)
    except BaseException:
        sock.close()
        raise


def shake_hands(sock: socket.socket, seconds: float | None) -> None:
    """Finish what :func:`wrapped_as_acceptor` has begun, in the time of ``Timeouts.handshake``.

    Raises:
        OSError, ValueError: TLS fails, or not in time.
    """
    if isinstance(sock, ssl.SSLSocket):
        sock.settimeout(seconds)
        sock.do_handshake()
