"""Peers that send a byte now and then, for as long as anybody listens."""

from __future__ import annotations

import socket
import ssl
import threading
from contextlib import suppress

from tests.support.adapters import MemoryWorld, Peer, World

PAUSE = 0.01
"""Seconds between two bytes where time passes; in memory it is a second of the network."""

MOST = 3000
"""Bytes that are dripped: with these pauses far longer than anybody has to wait."""


async def drip(world: World, peer: Peer, data: bytes) -> bytes:
    """Send ``data``, again and again, byte by byte until the other end closes; what it has sent meanwhile.

    Raises:
        AssertionError: it never closed.
    """
    reading = world.start(peer.rest)
    for number in range(MOST):
        if reading.is_finished:
            break
        at = number % len(data)
        with suppress(OSError):
            await peer.send(data[at : at + 1])
        if isinstance(world, MemoryWorld):
            await world.network.sleep(1.0)
            continue
        with suppress(TimeoutError):
            await world.until(lambda: reading.is_finished, PAUSE)
    assert reading.is_finished, "dripping has put off the end"
    rest: bytes = await reading.result()
    return rest


class TLSPeer:
    """A requestor behind TLS in a thread of its own, that drips, or stalls if ``data`` is empty, until it is closed."""

    def __init__(self, port: int, begins: bytes, answer: bool, data: bytes) -> None:
        self.closed = False
        """The other end has closed."""

        self._port, self._begins, self._answer, self._data = port, begins, answer, data
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def has_ended(self) -> bool:
        return not self._thread.is_alive()

    def _run(self) -> None:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        with (
            socket.create_connection(("127.0.0.1", self._port), timeout=PAUSE * MOST) as plain,
            context.wrap_socket(plain) as sock,
        ):
            sock.sendall(self._begins)
            if self._answer:
                sock.recv(1 << 16)
            with suppress(OSError):
                self._drip(sock)
            self.closed = self._is_closed(sock)

    def _drip(self, sock: ssl.SSLSocket) -> None:
        sock.settimeout(PAUSE)
        for number in range(MOST if self._data else 0):
            at = number % len(self._data)
            sock.sendall(self._data[at : at + 1])
            with suppress(TimeoutError):
                if not sock.recv(1 << 16):
                    return

    @staticmethod
    def _is_closed(sock: ssl.SSLSocket) -> bool:
        sock.settimeout(PAUSE * MOST)
        try:
            while sock.recv(1 << 16):
                pass
        except TimeoutError:
            return False
        except OSError:
            pass
        return True
