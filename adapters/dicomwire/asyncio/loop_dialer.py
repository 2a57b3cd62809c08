"""Connections and listening sockets, as asyncio waits for them."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, TypeAlias, TypeVar

from dicomwire.associations.requesting import ChannelDialer
from dicomwire.asyncio.association import Association
from dicomwire.asyncio.protocol_channel import ProtocolChannel
from dicomwire.asyncio.tls_handshake import secured_as_requestor
from dicomwire.sockets.addresses import Address, AddressInformation
from dicomwire.sockets.dialing import CONNECTS_AT_ONCE, Attempt, Dialing, reach
from dicomwire.sockets.listening import Listening, has_name, listening, listening_on
from dicomwire.sockets.socket_dialer import SocketDialer, TLSArguments
from dicomwire.sockets.socket_options import no_delay

P = TypeVar("P", bound=asyncio.BaseProtocol)
T = TypeVar("T")


async def resolving(is_name: bool, function: Callable[..., T], *args: Any) -> T:
    """Call what resolves: in a worker thread if there is a name to be resolved, else here and now."""
    if not is_name:
        return function(*args)
    return await asyncio.get_running_loop().run_in_executor(None, partial(function, *args))


async def open_listening(address: Address | None, sock: socket.socket | None, reuse_port: bool) -> Listening:
    """Where a server listens: on ``sock`` if there is one; errors of :func:`listening` and :func:`listening_on`."""
    if sock is not None:
        return listening_on(sock, reuse_port=reuse_port)
    information = await resolving(has_name(address), AddressInformation.from_address, address)
    return listening(information, reuse_port=reuse_port)


class _Waiter:
    """Has a task for each attempt, because what a loop has for it is all that every loop has."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._running: dict[asyncio.Task[None], Attempt] = {}

    def now(self) -> float:
        return self._loop.time()

    def begin(self, attempt: Attempt) -> bool:
        # By ourselves: asyncio takes a queue without room for a connection in progress, and then for one that is there.
        # And what need not be waited for needs no task, no turn of the loop and no system call to watch a socket.
        if (attempt.is_immediate or CONNECTS_AT_ONCE) and attempt.connect():
            return True
        self._running[self._loop.create_task(self._connect(attempt))] = attempt
        return False

    async def _connect(self, attempt: Attempt) -> None:
        loop, sock, address = self._loop, attempt.sock, attempt.destination.address
        if sock.family != socket.AF_INET6 or not address[3]:
            await loop.sock_connect(sock, address)
            return
        # uvloop forgets the zone.  Where a loop cannot watch sockets, it connects to the address as it is.
        writable: asyncio.Future[None] = loop.create_future()
        try:
            loop.add_writer(sock, _tell, writable)
        except NotImplementedError:
            await loop.sock_connect(sock, address)
            return
        try:
            if not attempt.connect():
                await writable
                attempt.finish()
        finally:
            loop.remove_writer(sock)

    async def wait(self, deadline: float | None) -> list[tuple[Attempt, Exception | None]]:
        left = None if deadline is None else max(0.0, deadline - self._loop.time())
        if not self._running:
            await asyncio.sleep(left or 0.0)
            return []
        done, _ = await asyncio.wait(self._running, timeout=left, return_when=asyncio.FIRST_COMPLETED)
        ended: list[tuple[Attempt, Exception | None]] = []
        for task in done:
            attempt, error = self._running.pop(task), task.exception()
            if error is not None and not isinstance(error, Exception):
                raise error
            ended.append((attempt, error))
        return ended

    async def stop(self) -> None:
        # The loop must not look at sockets that are closed already.
        for task in self._running:
            task.cancel()
        if self._running:
            await asyncio.wait(self._running)
        for task in self._running:
            # Else asyncio would log it as never looked at.
            if not task.cancelled():
                task.exception()


def _tell(waiting: asyncio.Future[None]) -> None:
    if not waiting.done():
        waiting.set_result(None)


async def dial(dialing: Dialing) -> socket.socket:
    """A connected socket; errors of :func:`reach`."""
    return await reach(dialing, _Waiter())


async def connected(dialing: Dialing, make: Callable[[], P], tls_args: TLSArguments | None) -> P:
    """The protocol of a connection that is open, TLS included.

    Raises:
        OSError, ValueError: no address answers, or TLS fails, or not in time.
    """
    sock = await dial(dialing)
    try:
        if tls_args is not None:
            return await secured_as_requestor(sock, tls_args, dialing, make)
        _, protocol = await asyncio.get_running_loop().create_connection(make, sock=sock)
        return protocol
    except BaseException:
        sock.close()
        raise


class LoopDialer(SocketDialer[Association]):
    """Reaches a peer on an asyncio event loop."""

    async def resolve(self, is_name: bool, function: Callable[..., T], *args: Any) -> T:
        """See :class:`SocketDialer`."""
        return await resolving(is_name, function, *args)

    async def open(self, association: Association) -> tuple[ProtocolChannel, Any]:
        """See :class:`SocketDialer`."""
        session = association.line.session
        channel = await connected(self.dialing, lambda: ProtocolChannel(session), self.call.tls_args)
        no_delay(channel.transport.get_extra_info("socket"))
        return channel, channel.transport.get_extra_info("sockname")

    def established(self, association: Association) -> None:
        """A task looks after it, when there is cause."""
        association.host.look_after()


Connect: TypeAlias = Callable[[Callable[[], ProtocolChannel]], Awaitable[Any]]
"""Connects the protocol that it is given a factory for, as methods of asyncio's loops do."""


async def channel_by(connect: Connect, association: Association) -> ProtocolChannel:
    """The channel of a connection that ``connect`` opens.

    Raises:
        RuntimeError: it has returned without ``connection_made``; and what ``connect`` raises.
    """
    channel = ProtocolChannel(association.line.session)
    await connect(lambda: channel)
    if not channel.is_connected:
        raise RuntimeError("connect() has not connected the protocol it was given")
    return channel


class ProtocolDialer(ChannelDialer[Association]):
    """Reaches a peer by what a program connects."""

    def __init__(self, connect: Connect) -> None:
        super().__init__(partial(channel_by, connect))

    def established(self, association: Association) -> None:
        """A task looks after it, when there is cause."""
        association.host.look_after()
