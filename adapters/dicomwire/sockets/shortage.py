"""What a server does while the system has no descriptors, memory or threads for it."""

from __future__ import annotations

import contextlib
import errno
import socket

from dicomwire._logging import logger

LOGGER = logger(__name__)

PAUSE = 0.1
"""Seconds until the next try: what runs must end before there is a chance."""

_QUIET = 60.0
"""Seconds for which the same is not said again."""

_ERRORS = frozenset((errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM))


class NoThreadLeft(RuntimeError):
    """The system starts no more threads for us."""


class Shortage:
    """Tells of one when it begins, and that it was one when it is over; not of each try in between."""

    def __init__(self, what: str = "accepting connections") -> None:
        self._what = what
        self._last: float | None = None
        self._told: float | None = None

    def is_one(self, error: BaseException) -> bool:
        """Whether it is worth trying again later, and not before."""
        return isinstance(error, NoThreadLeft | MemoryError) or (
            isinstance(error, OSError) and not isinstance(error, ConnectionError) and error.errno in _ERRORS
        )

    def lasts(self, error: BaseException, now: float) -> None:
        """It was tried in vain, at ``now``."""
        self._last = now
        if self._told is None or now - self._told >= _QUIET:
            self._told = now
            LOGGER.error("%s pauses until there is room again: %s", self._what, error)

    def is_over(self, now: float) -> None:
        """It was tried, and succeeded.  At the limit each one that ends lets in another: that is no end of it."""
        if self._last is not None and now - self._last > 2 * PAUSE:
            LOGGER.warning("%s goes on", self._what)
            self._last = self._told = None


def hang_up(sock: socket.socket) -> None:
    """End a connection from outside: whoever reads it finds the end of the stream.  May come at any time."""
    with contextlib.suppress(OSError, ValueError):
        # That of an SSLSocket would have others go on without TLS.
        socket.socket.shutdown(sock, socket.SHUT_RDWR)
