"""Connections, as a thread waits for them."""

from __future__ import annotations

import select
import socket
import time

from dicomwire.associations.coroutines import run
from dicomwire.blocking.association import Association
from dicomwire.blocking.socket_channel import SocketChannel
from dicomwire.blocking.tls_handshake import secured_as_requestor
from dicomwire.sockets.dialing import Attempt, Dialing, reach
from dicomwire.sockets.socket_dialer import SocketDialer
from dicomwire.sockets.socket_options import no_delay


class ThreadDialer(SocketDialer[Association]):
    """Reaches a peer in the thread that asks for it."""

    async def open(self, association: Association) -> tuple[SocketChannel, object]:
        """See :class:`SocketDialer`."""
        sock = dial(self.dialing)
        no_delay(sock)
        if self.call.tls_args is not None:
            sock = secured_as_requestor(sock, self.call.tls_args, self.dialing)
        return association.host.channel_over_socket(sock), sock.getsockname()

    def opened(self, association: Association) -> None:
        """Another thread looks after it."""
        association.host.watch()


class _Waiter:
    """Polls the sockets of all attempts."""

    def __init__(self) -> None:
        self._running: dict[int, Attempt] = {}

    def now(self) -> float:
        return time.monotonic()

    def begin(self, attempt: Attempt) -> bool:
        if attempt.connect():
            return True
        self._running[attempt.sock.fileno()] = attempt
        return False

    async def wait(self, deadline: float | None) -> list[tuple[Attempt, Exception | None]]:
        left = None if deadline is None else max(0.0, deadline - time.monotonic())
        return [self._running.pop(descriptor).outcome() for descriptor in self._with_an_outcome(left)]

    def _with_an_outcome(self, seconds: float | None) -> list[int]:
        if not self._running:
            time.sleep(seconds or 0.0)
            return []
        if not hasattr(select, "poll"):
            descriptors = list(self._running)
            _, good, bad = select.select([], descriptors, descriptors, seconds)
            return list({*good, *bad})
        # For once, this is fewer system calls than a selector takes.
        poller = select.poll()
        for descriptor in self._running:
            poller.register(descriptor, select.POLLOUT)
        # Rounded up: else it would ask again and again in the last millisecond.
        return [descriptor for descriptor, _ in poller.poll(None if seconds is None else int(seconds * 1000) + 1)]

    async def stop(self) -> None:
        self._running.clear()


def dial(dialing: Dialing) -> socket.socket:
    """A connected, blocking socket, in this thread; errors of :func:`reach`."""
    sock = run(reach(dialing, _Waiter()))
    sock.settimeout(None)
    return sock
