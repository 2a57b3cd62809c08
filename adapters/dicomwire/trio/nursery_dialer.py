"""Connections and listening sockets, as trio waits for them."""

from __future__ import annotations

import math
import socket
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

import trio

from dicomwire.sockets.addresses import Address, AddressInformation
from dicomwire.sockets.dialing import Attempt, Dialing, reach
from dicomwire.sockets.listening import has_name
from dicomwire.sockets.socket_dialer import SocketDialer
from dicomwire.sockets.socket_options import no_delay
from dicomwire.trio.association import Association
from dicomwire.trio.socket_channel import SocketChannel
from dicomwire.trio.tls_handshake import secured_as_requestor

T = TypeVar("T")


async def resolving(is_name: bool, function: Callable[..., T], *args: Any) -> T:
    """Call what resolves: in a worker thread if there is a name to be resolved, else here and now."""
    if not is_name:
        return function(*args)
    return await trio.to_thread.run_sync(partial(function, *args), abandon_on_cancel=True)


async def resolved(address: Address | None) -> Address | AddressInformation | None:
    """An address to listen on without a host name; the loop goes on while it is resolved."""
    if not has_name(address):
        return address
    return await resolving(True, AddressInformation.from_address, address)


class _Waiter:
    """Has a task for each attempt, while it waits."""

    def __init__(self) -> None:
        self._running: list[Attempt] = []

    def now(self) -> float:
        return trio.current_time()

    def begin(self, attempt: Attempt) -> bool:
        if attempt.connect():
            return True
        self._running.append(attempt)
        return False

    async def wait(self, deadline: float | None) -> list[tuple[Attempt, Exception | None]]:
        ended: list[Attempt] = []

        async def attend(attempt: Attempt) -> None:
            await trio.lowlevel.wait_writable(attempt.sock)
            ended.append(attempt)
            nursery.cancel_scope.cancel()

        with trio.CancelScope(deadline=math.inf if deadline is None else deadline):
            async with trio.open_nursery() as nursery:
                for attempt in self._running:
                    nursery.start_soon(attend, attempt)
                if not self._running:
                    await trio.sleep_forever()
        self._running = [attempt for attempt in self._running if attempt not in ended]
        return [attempt.outcome() for attempt in ended]

    async def stop(self) -> None:
        self._running.clear()


async def dial(dialing: Dialing) -> socket.socket:
    """A connected socket, which does not block; errors of :func:`reach`."""
    return await reach(dialing, _Waiter())


class NurseryDialer(SocketDialer[Association]):
    """Reaches a peer on a trio event loop."""

    async def resolve(self, is_name: bool, function: Callable[..., T], *args: Any) -> T:
        """See :class:`SocketDialer`."""
        return await resolving(is_name, function, *args)

    async def open(self, association: Association) -> tuple[SocketChannel, Any]:
        """See :class:`SocketDialer`."""
        sock = await dial(self.dialing)
        no_delay(sock)
        if self.call.tls_args is not None:
            sock = await secured_as_requestor(sock, self.call.tls_args, self.dialing)
        return SocketChannel(sock, association.line.session), sock.getsockname()
