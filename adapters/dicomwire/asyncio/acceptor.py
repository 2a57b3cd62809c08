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
                try:
                    await readable(self._loop, self._sock)
                except NotImplementedError:
                    # A loop of Windows.
                    return await self._loop.sock_accept(self._sock)
            else:
                accepted.setblocking(False)
                return accepted, address

    def close(self) -> None:
        """Nobody can connect from here on; who waits for the next one is to be cancelled."""
        _remove_reader(self._loop, self._sock)
        self._sock.close()


async def readable(loop: asyncio.AbstractEventLoop, sock: socket.socket) -> None:
    """Wait until something can be read or accepted.

    Raises:
        NotImplementedError: a loop of Windows can only receive or accept.
    """
    waiting = loop.create_future()
    # By its number: selectors make an error message of what they do not know yet, with its repr().
    loop.add_reader(sock.fileno(), _tell, waiting)
    try:
        await waiting
    finally:
        _remove_reader(loop, sock)


def _remove_reader(loop: asyncio.AbstractEventLoop, sock: socket.socket) -> None:
    if sock.fileno() >= 0:
        with contextlib.suppress(NotImplementedError):
            loop.remove_reader(sock.fileno())


def _tell(waiting: asyncio.Future[None]) -> None:
    if not waiting.done():
        waiting.set_result(None)
