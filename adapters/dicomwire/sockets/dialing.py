"""How connections are opened: the race of the addresses, whose sockets adapters wait for in their own way."""

from __future__ import annotations

import errno
import os
import socket
import sys
from collections.abc import Iterable
from typing import Any, Protocol

from attrs import field, frozen

from dicomwire._values import Shown
from dicomwire.sockets.addresses import AF_UNIX, Destination, information_of, is_any
from dicomwire.sockets.given_sockets import check_connected
from dicomwire.sockets.race import Race, interleaved
from dicomwire.sockets.socket_options import reuse_address

_IN_PROGRESS = (errno.EINPROGRESS, errno.EWOULDBLOCK, errno.EALREADY)


CONNECTS_AT_ONCE = sys.platform == "linux"
"""There a second ``connect`` tells what has become of the first, for less than it takes to wait for that: on this
machine the other end has answered by then."""


class HandshakeTimeout(TimeoutError):
    """The peer did not finish the TLS handshake in time."""


class HandshakeClosed(ConnectionResetError):
    """The peer closed the connection in the TLS handshake, and nobody has read what it said."""


@frozen(eq=False, repr=False)
class Attempt(Shown):
    """A socket that is to be connected to one of the peer's addresses."""

    destination: Destination
    sock: socket.socket = field(repr=False)

    @property
    def is_immediate(self) -> bool:
        """To connect never takes waiting: there is room for us in the queue of the other process, or not."""
        return self.destination.family == AF_UNIX

    def connect(self) -> bool:
        """Begin to connect; False if it takes until the socket is writable, and :meth:`finish` then.

        Raises:
            OSError: it cannot be done.
        """
        code = self.sock.connect_ex(self.destination.address)
        if code in _IN_PROGRESS and not self.is_immediate:
            if CONNECTS_AT_ONCE:
                code = self.sock.connect_ex(self.destination.address)
            if code in _IN_PROGRESS:
                return False
        _check(code)
        return True

    def finish(self) -> None:
        """What has become of it: `OSError` if it has failed."""
        _check(self.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))

    def outcome(self) -> tuple[Attempt, OSError | None]:
        """Itself, and why it has failed; None if it has not."""
        try:
            self.finish()
        except OSError as error:
            return self, error
        return self, None


def _check(code: int) -> None:
    if code:
        raise OSError(code, os.strerror(code))


class Dialing:
    """The attempts to reach a peer under any of its addresses.

    The first socket is there, and bound, from the beginning.  From :meth:`begin` on the adapter calls
    :meth:`next_attempt` and tells how each has ended, until there is a :attr:`winner` or a :meth:`failure`.
    :meth:`close` closes whatever is open beside the winner.

    Raises:
        OSError: there is no address that the local one can be bound for.
    """

    def __init__(self, choice: list[Destination]) -> None:
        self._open: list[Attempt] = []
        self._first: Attempt | None = None
        self._destinations = interleaved(choice, lambda destination: destination.family)
        self._race: Race[Destination]
        self._timeout: float | None = None
        self._handshake: float | None = None
        self._limit: float | None = None
        """What the deadline of the handshake comes from."""

        self.winner: Attempt | None = None
        last: OSError | None = None
        for destination in self._destinations:
            try:
                self._first = self._prepare(destination)
                return
            except OSError as error:
                last = last or error
        assert last is not None
        raise last

    @classmethod
    def over(cls, sock: socket.socket) -> Dialing:
        """Over a connection that somebody else has opened."""
        dialing = cls.__new__(cls)
        destination = Destination(sock.family, sock.getpeername())
        dialing.winner = Attempt(destination, sock)
        dialing._open, dialing._destinations, dialing._first = [], [destination], None
        dialing._timeout = dialing._handshake = dialing._limit = None
        return dialing

    def _prepare(self, destination: Destination) -> Attempt:
        if destination.unusable is not None:
            raise OSError(destination.unusable)
        sock = socket.socket(destination.family, socket.SOCK_STREAM)
        attempt = Attempt(destination, sock)
        self._open.append(attempt)
        try:
            sock.setblocking(False)
            if destination.local is not None:
                reuse_address(sock)
                sock.bind(destination.local)
        except BaseException:
            self._let_go(attempt)
            raise
        return attempt

    def _let_go(self, attempt: Attempt) -> None:
        self._open.remove(attempt)
        attempt.sock.close()

    # -- who is called ------------------------------------------------------------------------------------------------
    @property
    def _reached(self) -> Destination:
        return self._destinations[0] if self.winner is None else self.winner.destination

    @property
    def peer(self) -> tuple[Any, ...]:
        """The end of the peer: the one reached, or else the first to be tried."""
        return self._reached.end

    @property
    def address_type(self) -> Any:
        """What makes an ``AddressInformation`` of either end."""
        return information_of(self._reached.family)

    # -- the race -----------------------------------------------------------------------------------------------------
    def allow(self, connection_timeout: float | None, handshake: float | None) -> None:
        """How long it may take: all of it, TLS included; TLS alone.  None is no limit."""
        self._timeout = connection_timeout
        self._handshake = handshake

    def begin(self, now: float) -> None:
        """The time begins: names are resolved."""
        self._race = Race(self._destinations, now, self._timeout)

    def next_attempt(self, now: float) -> Attempt | None:
        """The next attempt, if it is due and nothing is reached yet; its socket does not block."""
        while self.winner is None:
            destination = self._race.next_attempt(now)
            if destination is None:
                return None
            if self._first is not None and destination is self._first.destination:
                first, self._first = self._first, None
                return first
            try:
                return self._prepare(destination)
            except OSError as error:
                self._race.failed(destination, error)
        return None

    def next_deadline(self) -> float | None:
        """When to look again, unless an attempt ends before; None is no limit."""
        return self._race.next_deadline()

    def failure(self, now: float) -> OSError | None:
        """Why nothing was reached; None as long as something may be."""
        return self._race.failure(now)

    def failed(self, attempt: Attempt, error: Exception, now: float) -> None:
        """It was in vain."""
        self._let_go(attempt)
        if attempt.is_immediate and isinstance(error, BlockingIOError):
            self._race.postponed(attempt.destination, now)
        else:
            self._race.failed(attempt.destination, error)

    def won(self, attempt: Attempt) -> None:
        """It is connected; only the first counts."""
        if self.winner is None:
            self.winner = attempt
            self._open.remove(attempt)

    def close(self) -> None:
        """Close the sockets of all attempts but the winner's."""
        while self._open:
            self._open.pop().sock.close()

    def abandon(self) -> None:
        """Close the winner's too."""
        self.close()
        if self.winner is not None:
            self.winner.sock.close()

    # -- TLS ----------------------------------------------------------------------------------------------------------
    def handshake_deadline(self, now: float) -> float | None:
        """By when a handshake must be done that begins now."""
        deadline, self._limit = (None, None) if self._timeout is None else (self._race.deadline, self._timeout)
        own = None if self._handshake is None else now + self._handshake
        if own is not None and (deadline is None or own < deadline):
            deadline, self._limit = own, self._handshake
        return deadline

    def handshake_timeout(self) -> HandshakeTimeout:
        """What to raise when it is not."""
        assert self.winner is not None
        return HandshakeTimeout(f"{self.winner.destination}: timed out after {self._limit:g} s, in the TLS handshake")

    def handshake_closed(self) -> HandshakeClosed:
        """What to raise when the peer does not go on with it."""
        assert self.winner is not None
        return HandshakeClosed(f"{self.winner.destination}: the peer closed the connection in the TLS handshake")


def over_given(sock: object, bind_address: object) -> Dialing:
    """Over a connected socket from outside.

    Raises:
        TypeError, ValueError: it is none, or there is an address to bind it to.
        OSError: the connection is gone already.
    """
    given = check_connected(sock)
    if not is_any(bind_address):
        raise ValueError("bind_address has no meaning for a sock that is connected already")
    return Dialing.over(given)


class Waiter(Protocol):
    """How an adapter waits for attempts."""

    def now(self) -> float:
        """Monotonic seconds."""
        ...

    def begin(self, attempt: Attempt) -> bool:
        """Begin to connect; False if it takes waiting.

        Raises:
            OSError: it cannot be done.
        """
        ...

    async def wait(self, deadline: float | None) -> Iterable[tuple[Attempt, Exception | None]]:
        """Wait until attempts have ended, or the deadline has passed: those that have, and why not if they failed."""
        ...

    async def stop(self) -> None:
        """Wait for nothing any more; the sockets will be closed."""


async def reach(dialing: Dialing, waiter: Waiter) -> socket.socket:
    """A connected socket, which does not block.

    Raises:
        OSError: no address answers, or not in time.
    """
    dialing.begin(waiter.now())
    try:
        try:
            return await _race(dialing, waiter)
        finally:
            await waiter.stop()
    except BaseException:
        dialing.abandon()
        raise
    finally:
        dialing.close()


async def _race(dialing: Dialing, waiter: Waiter) -> socket.socket:
    if dialing.winner is not None:
        # From outside; ours do not block from the beginning.
        dialing.winner.sock.setblocking(False)
    while dialing.winner is None:
        now = waiter.now()
        attempt = dialing.next_attempt(now)
        if attempt is not None:
            try:
                if waiter.begin(attempt):
                    dialing.won(attempt)
            except OSError as error:
                dialing.failed(attempt, error, now)
        elif (failure := dialing.failure(now)) is not None:
            raise failure
        else:
            for ended, failed in await waiter.wait(dialing.next_deadline()):
                if failed is None:
                    dialing.won(ended)
                else:
                    dialing.failed(ended, failed, waiter.now())
    return dialing.winner.sock
