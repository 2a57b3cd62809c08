"""Accepting connections one by one on an event loop, as long as somebody wants more.

The servers of loops cannot be paused, and tell of each connection they cannot accept.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from typing import Any


class Acceptor:
    """A listening socket, whose next connection one task waits for at a time."""

    def __init__(self, loop: asyncio.AbstractEventLoop, sock: socket.socket) -> None:
        self._loop = loop
        self._sock = sock

    async def next(self) -> tuple[socket.socket, tuple[Any, ...]]:
        """The next connection and where it comes from.

        Raises:
            OSError: there was one, but it cannot be had; or this is closed.
        """
        while True:
            try:
                accepted, address = self._sock.accept()
            except (BlockingIOError, InterruptedError):
                waiting = self._loop.create_future()
                try:
                    # By its number: selectors make an error message of what they do not know yet, with its repr().
                    self._loop.add_reader(self._sock.fileno(), _tell, waiting)
                except NotImplementedError:
                    # A loop of Windows.
                    return await self._loop.sock_accept(self._sock)
                try:
                    await waiting
                finally:
                    self._remove_reader()
            else:
                accepted.setblocking(False)
                return accepted, address

    def close(self) -> None:
        """Nobody can connect from here on; who waits for the next one is to be cancelled."""
        self._remove_reader()
        self._sock.close()

    def _remove_reader(self) -> None:
        if self._sock.fileno() >= 0:
            with contextlib.suppress(NotImplementedError):
                self._loop.remove_reader(self._sock.fileno())


def _tell(waiting: asyncio.Future[None]) -> None:
    if not waiting.done():
        waiting.set_result(None)
