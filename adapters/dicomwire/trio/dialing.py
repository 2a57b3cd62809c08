"""Connections and listening sockets, as trio waits for them."""

from __future__ import annotations

import math
import socket
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

import trio

from dicomwire.sockets.addresses import Address, AddressInformation, Peer, destinations, needs_resolver
from dicomwire.sockets.dialing import Attempt, Dialing, over_given
from dicomwire.sockets.listening import has_name

T = TypeVar("T")


async def _resolving(is_name: bool, function: Callable[..., T], *args: Any) -> T:
    """Call what resolves: in a worker thread if there is a name to be resolved, else here and now."""
    if not is_name:
        return function(*args)
    return await trio.to_thread.run_sync(partial(function, *args), abandon_on_cancel=True)


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


async def resolved(address: Address | None) -> Address | AddressInformation | None:
    """An address to listen on without a host name; the loop goes on while it is resolved."""
    if not has_name(address):
        return address
    return await _resolving(True, AddressInformation.from_address, address)


async def dial(dialing: Dialing) -> socket.socket:
    """A connected socket, not blocking.

    Raises:
        OSError: no address answers, or not in time.
    """
    dialing.begin(trio.current_time())
    failure: OSError | None = None
    ended = trio.Event()

    async def attend(attempt: Attempt) -> None:
        await trio.lowlevel.wait_writable(attempt.sock)
        try:
            attempt.finish()
        except OSError as error:
            dialing.failed(attempt, error, trio.current_time())
        else:
            dialing.won(attempt)
        ended.set()

    try:
        async with trio.open_nursery() as nursery:
            while dialing.winner is None:
                now = trio.current_time()
                while (attempt := dialing.next_attempt(now)) is not None:
                    try:
                        if attempt.connect():
                            dialing.won(attempt)
                        else:
                            nursery.start_soon(attend, attempt)
                    except OSError as error:
                        dialing.failed(attempt, error, now)
                if dialing.winner is not None or (failure := dialing.failure(now)) is not None:
                    break
                deadline = dialing.next_deadline()
                with trio.CancelScope(deadline=math.inf if deadline is None else deadline):
                    await ended.wait()
                ended = trio.Event()
            nursery.cancel_scope.cancel()
    except BaseException:
        dialing.abandon()
        raise
    finally:
        dialing.close()
    if failure is not None:
        # Not inside the nursery, which would wrap it.
        raise failure
    assert dialing.winner is not None
    dialing.winner.sock.setblocking(False)
    return dialing.winner.sock
