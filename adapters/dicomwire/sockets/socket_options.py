"""Options of sockets: small messages at once, addresses bound again, and acknowledging what was received."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable
from typing import Any

from dicomwire.sockets.addresses import family_of
from dicomwire.upper_layer.connection import Connection

_TCP_QUICKACK = getattr(socket, "TCP_QUICKACK", None)
"""Linux's: an acknowledgement that is owed goes out now.  It is no lasting state, so it is asked for each time."""


def no_delay(sock: socket.socket) -> None:
    """Send small messages at once: DIMSE is a ping-pong, and Nagle's algorithm costs it 40 ms a message."""
    if family_of(sock) in (socket.AF_INET, socket.AF_INET6):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def reuse_address(sock: socket.socket) -> None:
    """Let an address be bound again soon after a server that had it; nobody may share it while one listens."""
    exclusive = getattr(socket, "SO_EXCLUSIVEADDRUSE", None)
    if exclusive is not None:
        # Windows: there SO_REUSEADDR would let another program bind the port as well, and take our associations.
        sock.setsockopt(socket.SOL_SOCKET, exclusive, 1)
    else:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)


def acknowledge_with(sock: Any) -> Callable[[Connection], None]:
    """What to call before each wait for more on ``sock``; does nothing where there is no such option.

    A peer that leaves Nagle's algorithm on and writes a message in two pieces holds the second back until the first
    is acknowledged, and systems put that off, 40 ms on Linux, to send it along with an answer.  Where there is an
    answer it carries the acknowledgement: then, and for a message that came in one piece, nothing is asked for.
    """
    option = _TCP_QUICKACK
    if option is None or family_of(sock) not in (socket.AF_INET, socket.AF_INET6):
        return _nothing
    set_option = sock.setsockopt

    def acknowledge(connection: Connection) -> None:
        if connection.owes_acknowledgement:
            connection.owes_acknowledgement = False
            # It may be closed meanwhile.
            with contextlib.suppress(OSError):
                set_option(socket.IPPROTO_TCP, option, 1)

    return acknowledge


def _nothing(connection: Connection) -> None:
    """Nothing to ask for."""
