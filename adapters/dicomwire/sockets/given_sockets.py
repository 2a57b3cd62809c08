"""Sockets that somebody else has opened: what can be said against them, and those that a service manager hands over."""

from __future__ import annotations

import os
import socket
from functools import cache

_FIRST_DESCRIPTOR = 3
"""SD_LISTEN_FDS_START of sd_listen_fds(3)."""


def check_stream(sock: object) -> socket.socket:
    """A plain stream socket.

    Raises:
        TypeError: it is no socket, or one with TLS on it already.
        ValueError: it is closed, or no stream socket.
    """
    if not isinstance(sock, socket.socket):
        raise TypeError(f"sock is a socket.socket, not {type(sock).__name__}")
    if hasattr(sock, "do_handshake"):
        raise TypeError("sock has TLS on it already: give the plain socket, and the SSLContext by its own argument")
    if sock.fileno() < 0:
        raise ValueError("sock is closed")
    if sock.type != socket.SOCK_STREAM:
        raise ValueError(f"sock is no stream socket: its type is {socket.SocketKind(sock.type).name}")
    return sock


def check_connected(sock: object) -> socket.socket:
    """A stream socket that is connected to a peer; errors of :func:`check_stream`, `ValueError` if it is not."""
    stream = check_stream(sock)
    if is_listening(stream):
        raise ValueError("sock listens: associate() takes one that is connected, start_server() one that listens")
    if not _is_connected(stream):
        raise ValueError("sock is not connected: connect it before, or give the address without it")
    return stream


def check_bound(sock: object) -> socket.socket:
    """A stream socket that listens, or is bound and may; errors of :func:`check_stream`, `ValueError` if it is not."""
    stream = check_stream(sock)
    if is_listening(stream):
        return stream
    if _is_connected(stream):
        raise ValueError("sock is connected: start_server() takes one that listens, associate() one that is connected")
    name = stream.getsockname()
    if not name or (isinstance(name, tuple) and len(name) in (2, 4) and not name[1]):
        raise ValueError("sock is not bound to an address: bind it before, or give the address without it")
    return stream


def is_listening(sock: socket.socket) -> bool:
    """Whether it accepts connections; False if the system does not say."""
    try:
        return bool(sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN))
    except (OSError, AttributeError):
        return False


def _is_connected(sock: socket.socket) -> bool:
    try:
        sock.getpeername()
    except OSError:
        return False
    return True


def inherited_sockets(name: str | None = None) -> list[socket.socket]:
    """The sockets that a service manager has opened for this process, in its order (sd_listen_fds(3)).

    With ``name`` those that have it: ``FileDescriptorName`` in the socket unit, by default the name of the unit.
    Empty if there are none, or they are for another process.  They are not inherited further, and each is the same
    object every time; closed ones are left out.

    Raises:
        OSError, ValueError: LISTEN_FDS says what is not true.
    """
    found = _inherited(os.getpid())
    return [sock for its_name, sock in found if name in (None, its_name) and sock.fileno() >= 0]


@cache
def _inherited(process: int) -> list[tuple[str, socket.socket]]:
    if os.environ.get("LISTEN_PID") != str(process):
        return []
    said = os.environ.get("LISTEN_FDS", "")
    if not (said.isascii() and said.isdecimal()):
        raise ValueError(f"LISTEN_FDS is a number of descriptors, not {said!r}")
    names = os.environ.get("LISTEN_FDNAMES", "").split(":")
    found = []
    for index in range(int(said)):
        descriptor = _FIRST_DESCRIPTOR + index
        try:
            os.set_inheritable(descriptor, False)
        except OSError as error:
            message = f"LISTEN_FDS is {said}, but descriptor {descriptor} cannot be used: {error.strerror}"
            raise OSError(error.errno, message) from error
        try:
            sock = socket.socket(fileno=descriptor)
        except OSError:
            # A pipe or a device: a unit may hand over those as well.
            continue
        found.append((names[index] if index < len(names) else "", sock))
    return found
