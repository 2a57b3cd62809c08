"""Connections and listening sockets, as asyncio waits for them."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

from dicomwire.sockets.addresses import Address, AddressInformation, Peer, destinations, needs_resolver
from dicomwire.sockets.dialing import Attempt, Dialing, over_given
from dicomwire.sockets.listening import Listening, has_name, listening, listening_on

P = TypeVar("P", bound=asyncio.BaseProtocol)
T = TypeVar("T")


async def _resolving(is_name: bool, function: Callable[..., T], *args: Any) -> T:
    """Call what resolves: in a worker thread if there is a name to be resolved, else here and now."""
    if not is_name:
        return function(*args)
    return await asyncio.get_running_loop().run_in_executor(None, partial(function, *args))


async def open_dialing(
    addr: Peer | None, port: int | None, bind_address: tuple[Any, ...] | None, sock: socket.socket | None
) -> Dialing:
    """The way to a peer, over ``sock`` if there is one; the loop goes on while a name is resolved.

    Raises:
        TypeError, ValueError: a bad argument.
        OSError: a name cannot be resolved, or the local address not be bound.
    """
    if sock is not None:
        return over_given(sock, bind_address)
    return Dialing(await _resolving(needs_resolver(addr, bind_address), destinations, addr, port, bind_address))


async def open_listening(address: Address | None, sock: socket.socket | None) -> Listening:
    """Where a server listens: on ``sock`` if there is one; errors of :func:`listening` and :func:`listening_on`."""
    if sock is not None:
        return listening_on(sock)
    information = await _resolving(has_name(address), AddressInformation.from_address, address)
    return listening(information)


async def dial(dialing: Dialing) -> socket.socket:
    """A connected socket.

    Raises:
        OSError: no address answers, or not in time.
    """
    dialing.begin(asyncio.get_running_loop().time())
    running: dict[asyncio.Task[None], Attempt] = {}
    try:
        try:
            return await _race(dialing, running)
        finally:
            # The loop must not look at sockets that are closed already.
            for task in running:
                task.cancel()
            if running:
                await asyncio.wait(running)
            for task in running:
                # Else asyncio would log it as never looked at.
                if not task.cancelled():
                    task.exception()
    except BaseException:
        dialing.abandon()
        raise
    finally:
        dialing.close()


async def _race(dialing: Dialing, running: dict[asyncio.Task[None], Attempt]) -> socket.socket:
    loop = asyncio.get_running_loop()
    while dialing.winner is None:
        now = loop.time()
        while (attempt := dialing.next_attempt(now)) is not None:
            if attempt.is_immediate:
                _connect_at_once(dialing, attempt, now)
            else:
                running[loop.create_task(_connect(loop, attempt))] = attempt
        if dialing.winner is None:
            if (failure := dialing.failure(loop.time())) is not None:
                raise failure
            await _wait(dialing, running)
    return dialing.winner.sock


async def _connect(loop: asyncio.AbstractEventLoop, attempt: Attempt) -> None:
    sock, address = attempt.sock, attempt.destination.address
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


def _tell(waiting: asyncio.Future[None]) -> None:
    if not waiting.done():
        waiting.set_result(None)


def _connect_at_once(dialing: Dialing, attempt: Attempt, now: float) -> None:
    # By ourselves: asyncio takes a queue without room for a connection in progress, and then for one that is there.
    try:
        attempt.connect()
    except OSError as error:
        dialing.failed(attempt, error, now)
    else:
        dialing.won(attempt)


async def _wait(dialing: Dialing, running: dict[asyncio.Task[None], Attempt]) -> None:
    """Wait until an attempt has ended, or something is due."""
    loop = asyncio.get_running_loop()
    deadline = dialing.next_deadline()
    left = None if deadline is None else max(0.0, deadline - loop.time())
    if not running:
        await asyncio.sleep(left or 0.0)
        return
    done, _ = await asyncio.wait(running, timeout=left, return_when=asyncio.FIRST_COMPLETED)
    for task in done:
        attempt = running.pop(task)
        error = task.exception()
        if error is None:
            dialing.won(attempt)
        elif isinstance(error, Exception):
            dialing.failed(attempt, error, loop.time())
        else:
            raise error


async def connected(dialing: Dialing, make: Callable[[], P], tls: dict[str, Any]) -> P:
    """The protocol of a connection that is open, TLS included.

    Raises:
        OSError, ValueError: no address answers, or TLS fails, or not in time.
    """
    loop = asyncio.get_running_loop()
    sock = await dial(dialing)
    try:
        sock.setblocking(False)
        if not tls:
            _, protocol = await loop.create_connection(make, sock=sock)
            return protocol
        limit = asyncio.timeout_at(dialing.handshake_deadline(loop.time()))
        try:
            async with limit:
                # The loop's own limit must not come first.
                _, protocol = await loop.create_connection(make, sock=sock, ssl_handshake_timeout=86400, **tls)
                return protocol
        except TimeoutError as error:
            if limit.expired():
                raise dialing.handshake_timeout() from error
            raise
        except ConnectionError as error:
            # It may have said why, which asyncio leaves unread.
            raise dialing.handshake_closed() from error
    except BaseException:
        sock.close()
        raise
