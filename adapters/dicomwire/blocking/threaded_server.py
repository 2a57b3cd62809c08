"""A server in the background."""

from __future__ import annotations

import threading

from dicomwire.blocking.request_handler import RequestHandler
from dicomwire.blocking.server import AssociationServer
from dicomwire.sockets.addresses import AddressInformation

__all__ = ["AddressInformation", "AssociationServer", "RequestHandler", "ThreadedAssociationServer"]

_LAST_CONNECTION = 1.0
"""Seconds for a server's thread to come back from what it does for a connection, such as a hook of a subclass."""


class ThreadedAssociationServer(AssociationServer):
    """What ``start_server(block=False)`` gives: a server that serves in a thread of its own."""

    _thread: threading.Thread | None = None

    def serve_forever(self, poll_interval: float = 0.5) -> None:
        """Return when the server has been shut down.  It is served by its own thread, and others wait for that."""
        thread = self._thread
        if thread is None or thread is threading.current_thread():
            super().serve_forever(poll_interval)
        else:
            thread.join()

    def shutdown(self, drain: float | None = None) -> None:
        """As for every server; the thread has ended, too, unless it is at work for a connection for a second more."""
        super().shutdown()
        thread = self._thread
        if thread is not None and thread.is_alive() and thread is not threading.current_thread():
            thread.join(_LAST_CONNECTION)
        if drain is not None:
            self.end_associations(drain)
