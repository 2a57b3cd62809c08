"""Which of a peer's addresses is tried when."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable
from itertools import chain, zip_longest
from typing import Generic, TypeVar

T = TypeVar("T")

ATTEMPT_DELAY = 0.25
"""Seconds for an attempt before the next begins beside it (RFC 8305, section 5)."""

_SHORTEST_DELAY = 0.01
"""RFC 8305 allows no less."""

_BUSY = 0.02
"""Seconds before an address is tried again that has no room for us at the moment."""


def interleaved(addresses: list[T], family: Callable[[T], object]) -> list[T]:
    """The addresses in their order, but families by turns, beginning with the first one's (RFC 8305, section 4)."""
    if len(addresses) < 2:
        return addresses
    by_family: dict[object, list[T]] = {}
    for address in dict.fromkeys(addresses):
        by_family.setdefault(family(address), []).append(address)
    rounds = zip_longest(*by_family.values(), fillvalue=None)
    return [address for address in chain.from_iterable(rounds) if address is not None]


class Race(Generic[T]):
    """The attempts to reach one of several addresses: the next begins when one has failed, or takes long.

    Nothing waits here: time is an input, in seconds on any clock that does not go back.
    """

    def __init__(self, addresses: Iterable[T], now: float, timeout: float | None) -> None:
        self._waiting = deque(addresses)
        self._running: list[T] = []
        self._reasons: dict[T, str] = dict.fromkeys(self._waiting, "not tried")
        self._errors: list[Exception] = []
        self._timeout = timeout
        self.deadline: float | None = None if timeout is None else now + timeout
        # All shall have a chance, also in a short time.
        share = ATTEMPT_DELAY if timeout is None else timeout / max(1, len(self._waiting))
        self._delay = max(_SHORTEST_DELAY, min(ATTEMPT_DELAY, share))
        self._due = now

    def next_attempt(self, now: float) -> T | None:
        """The address to try now; None if none is due."""
        if not self._waiting or now < self._due or self._is_late(now):
            return None
        address = self._waiting.popleft()
        self._due = now + self._delay
        self._running.append(address)
        self._reasons[address] = "no answer"
        return address

    def failed(self, address: T, error: Exception) -> None:
        """That attempt has failed: the next is due at once."""
        self._running.remove(address)
        self._errors.append(error)
        self._reasons[address] = reason(error)
        self._due = float("-inf")

    def postponed(self, address: T, now: float) -> None:
        """There was no room for us: try it again in a moment."""
        self._running.remove(address)
        self._waiting.appendleft(address)
        self._reasons[address] = "no room for another connection"
        self._due = now + _BUSY

    def next_deadline(self) -> float | None:
        """When to look again, unless an attempt ends before; None is no limit."""
        times = [] if self.deadline is None else [self.deadline]
        if self._waiting:
            times.append(self._due)
        return min(times, default=None)

    def failure(self, now: float) -> OSError | None:
        """Why nothing was reached, with a reason for each address; None as long as something may be."""
        is_late = self._is_late(now)
        if not is_late and (self._waiting or self._running):
            return None
        fates = "; ".join(f"{address}: {why}" for address, why in self._reasons.items())
        if is_late:
            return TimeoutError(f"timed out after {self._timeout:g} s: {fates}")
        # Of one kind, the kind says what can be done about it.
        kinds = {type(error) for error in self._errors}
        kind = kinds.pop() if len(kinds) == 1 else OSError
        return kind(fates) if issubclass(kind, ConnectionError | TimeoutError) else OSError(fates)

    def _is_late(self, now: float) -> bool:
        return self.deadline is not None and now >= self.deadline


def reason(error: Exception) -> str:
    """An error in words, the same from every event loop."""
    if isinstance(error, OSError) and error.errno is not None and error.errno > 0:
        return os.strerror(error.errno)
    return str(error) or type(error).__name__
