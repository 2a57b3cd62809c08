"""What subclasses of a server may do at each step of a connection, as those of ``socketserver``."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable
from typing import Any

from dicomwire._logging import logger, shown_address

LOGGER = logger(__name__)


class ServerHooks:
    """The steps, and what each does by default."""

    RequestHandlerClass: Callable[..., Any]
    """What serves a connection: called with its socket, its address and the server."""

    def handle_timeout(self) -> None:
        """Called when no connection has come while :meth:`handle_request` waited; for subclasses."""

    def verify_request(self, request: socket.socket, client_address: tuple[Any, ...]) -> bool:
        """Whether to take up a connection; one that is not is closed.  Before TLS has begun, in the accepting thread.

        A certificate can be looked at in a handler of ``EVT_CONN_OPEN`` or ``EVT_REQUESTED``.
        """
        return True

    def process_request_thread(self, request: socket.socket, client_address: tuple[Any, ...]) -> None:
        """What that thread does."""
        self.finish_request(request, client_address)

    def finish_request(self, request: socket.socket, client_address: tuple[Any, ...]) -> None:
        """Serve a connection to its end, by making a ``RequestHandlerClass`` of it."""
        self.RequestHandlerClass(request, client_address, self)

    def handle_error(self, request: socket.socket, client_address: tuple[Any, ...]) -> None:
        """Called in an ``except`` block when taking up or serving a connection has raised; logs it by default."""
        LOGGER.exception("an association with %s failed", shown_address(client_address))

    def shutdown_request(self, request: socket.socket) -> None:
        """End a connection that was refused, or whose handler raised."""
        with contextlib.suppress(OSError):
            # Closing alone says nothing to the peer while a child of a fork has the socket open, too.
            request.shutdown(socket.SHUT_WR)
        self.close_request(request)

    def close_request(self, request: socket.socket) -> None:
        """Close the socket of a connection; called by :meth:`shutdown_request`."""
        request.close()

    def service_actions(self) -> None:
        """Called after each connection and every ``poll_interval`` seconds; for subclasses."""
