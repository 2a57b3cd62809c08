"""A TLS connection that one thread reads while another writes."""

from __future__ import annotations

import contextlib
import select
import socket
import ssl
import threading
import time
from collections.abc import Callable

from dicomwire.sockets.socket_timeouts import RememberedTimeouts
from dicomwire.upper_layer.connection import Buffer

_RECORD = 1 << 14
"""Bytes that a record holds at most (RFC 8446 5.1)."""

_CROSSED = 0.05
"""Seconds to wait where TLS has to read before it can write, or the other way: the other thread may do it for us."""


def receive_records(sock: ssl.SSLSocket, buffer: memoryview) -> int:
    """As ``recv_into`` of a socket that does not block, but all records that have come.

    A call of OpenSSL gives one.  Where it was a full one there are more most often, and each way through the protocol
    costs as much as to decrypt a record.
    """
    count = sock.recv_into(buffer)
    if count >= _RECORD:
        # What ends the stream is told again at the next call.
        with contextlib.suppress(OSError):
            while count < len(buffer) and (more := sock.recv_into(buffer[count:])):
                count += more
    return count


class TLSStream:
    """Reads and writes by turns: OpenSSL allows one call at a time on a connection, and Python does not see to that.

    Else a call that has to wait may be given the reason of another thread's call, and take it for the end of the
    stream.  So no call waits: that is done in between.
    """

    def __init__(self, sock: ssl.SSLSocket) -> None:
        sock.setblocking(False)
        self._sock = sock
        self._lock = threading.Lock()
        self._readable, self._writable = _waiter(sock, writing=False), _waiter(sock, writing=True)
        self.timeouts: RememberedTimeouts = RememberedTimeouts()
        """For the calls from now on."""

    def recv_into(self, buffer: memoryview) -> int:
        """As of a socket; TimeoutError when the time is up."""
        seconds = self.timeouts.receiving
        deadline = None if seconds is None else time.monotonic() + seconds
        with self._lock:
            is_there = self._sock.pending()
        if not is_there:
            # Most often nothing has come yet: to look costs less than to try.
            self._readable(seconds)
        while True:
            try:
                with self._lock:
                    return receive_records(self._sock, buffer)
            except ssl.SSLWantReadError:
                self._readable(_left(deadline))
            except ssl.SSLWantWriteError:
                self._cross(_left(deadline), writing=True)

    def send(self, data: Buffer) -> int:
        """As of a socket; TimeoutError when the time is up, and then the same bytes have to be sent next."""
        seconds = self.timeouts.sending
        deadline = None if seconds is None else time.monotonic() + seconds
        while True:
            try:
                with self._lock:
                    return self._sock.send(data)
            except ssl.SSLWantWriteError:
                self._writable(_left(deadline))
            except ssl.SSLWantReadError:
                self._cross(_left(deadline), writing=False)

    def _cross(self, seconds: float | None, *, writing: bool) -> None:
        wait = _waiter(self._sock, writing=writing)
        wait(_CROSSED if seconds is None else min(_CROSSED, seconds))


def _left(deadline: float | None) -> float | None:
    """Seconds up to the deadline; TimeoutError if there are none."""
    if deadline is None:
        return None
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError("the time is up")
    return left


def _waiter(sock: socket.socket, *, writing: bool) -> Callable[[float | None], object]:
    """What waits so many seconds at most for the socket to be ready; for one thread at a time."""
    if hasattr(select, "poll"):
        poller = select.poll()
        poller.register(sock, select.POLLOUT if writing else select.POLLIN)
        # Rounded up: else it would ask again and again in the last millisecond.
        return lambda seconds: poller.poll(None if seconds is None else int(seconds * 1000) + 1)
    sides: tuple[list[socket.socket], list[socket.socket]] = ([], [sock]) if writing else ([sock], [])
    return lambda seconds: select.select(*sides, [], seconds)
