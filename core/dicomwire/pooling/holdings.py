"""The books of a pool: who has an association, who waits for one, which are idle, and since when.

Nothing here waits or reads a clock: ``now`` is seconds of a clock that is never set, given by whoever calls.
"""

from __future__ import annotations

from bisect import insort
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

from attrs import define, frozen

from dicomwire._values import Shown

T = TypeVar("T")
K = TypeVar("K")


@frozen(repr=False, eq=False)
class Idle(Shown, Generic[T, K]):
    """An association that nobody has."""

    item: T
    kind: K
    since: float


@define(repr=False, eq=False)
class Seat(Shown, Generic[T, K]):
    """A place in the pool: asked for, then granted, in the order in which they were asked for."""

    kind: K
    is_fresh: bool
    """None of the idle ones will do."""

    is_granted: bool = False
    idle: Idle[T, K] | None = None
    """The association that comes with it; None: one is to be opened."""

    idle_for: float = 0.0
    """Seconds for which that was idle."""

    surplus: Idle[T, K] | None = None
    """One of another kind, which has to end before one is opened."""


class Holdings(Generic[T, K]):
    """Lets at most ``size`` associations be: idle, lent, being opened, or being ended.

    ``covers(kind, wanted)`` says whether an association of a kind will do for what is wanted.
    """

    def __init__(self, size: int, idle: float | None, covers: Callable[[K, K], bool]) -> None:
        self.size = size
        self._idle_time = idle
        self._covers = covers
        self._idle: list[Idle[T, K]] = []
        """The longest idle first."""

        self._queue: deque[Seat[T, K]] = deque()
        self._granted: set[Seat[T, K]] = set()
        self._leaving = 0
        """How many are being ended that nobody has."""

        self.is_closed: bool = False

    @property
    def used(self) -> int:
        """How many places are granted."""
        return len(self._granted)

    @property
    def idle(self) -> int:
        """How many associations are idle."""
        return len(self._idle)

    @property
    def waiting(self) -> int:
        """How many wait for a place."""
        return len(self._queue)

    def ask(self, kind: K, now: float, *, fresh: bool = False) -> Seat[T, K]:
        """Get in line for a place; it may be granted at once.  With ``fresh`` no idle association will do."""
        assert not self.is_closed
        seat: Seat[T, K] = Seat(kind, fresh)
        self._queue.append(seat)
        self._grant(now)
        return seat

    def give_back(self, seat: Seat[T, K], item: T, now: float) -> list[Seat[T, K]]:
        """The association of a place is idle from now on; the places that are granted by that."""
        assert not self.is_closed
        self._granted.remove(seat)
        self._idle.append(Idle(item, seat.kind, now))
        return self._grant(now)

    def leave(self, seat: Seat[T, K], now: float) -> list[Seat[T, K]]:
        """Give up a place, or waiting for it; the places that are granted by that.

        What came with it and was not taken from the seat is idle again, as long as it was before.
        """
        if seat in self._granted:
            self._granted.remove(seat)
            for kept in (seat.idle, seat.surplus):
                if kept is not None:
                    insort(self._idle, kept, key=lambda each: each.since)
            seat.idle = seat.surplus = None
        elif seat in self._queue:
            self._queue.remove(seat)
        return self._grant(now)

    def overdue(self, now: float) -> list[T]:
        """The associations that were idle for too long; each is to be ended, and :meth:`left` called for it."""
        due: list[T] = []
        while (deadline := self.next_deadline()) is not None and deadline <= now:
            due.append(self._idle.pop(0).item)
        self._leaving += len(due)
        return due

    def left(self, now: float) -> list[Seat[T, K]]:
        """One of those has ended; the places that are granted by that."""
        self._leaving -= 1
        return self._grant(now)

    def next_deadline(self) -> float | None:
        """When the next one will have been idle for too long; None if none ever will."""
        if self._idle_time is None or not self._idle:
            return None
        return self._idle[0].since + self._idle_time

    def close(self) -> tuple[list[T], list[Seat[T, K]]]:
        """No more places: the idle associations, to be ended, and the seats that will never be granted."""
        self.is_closed = True
        idle, waiting = [each.item for each in self._idle], list(self._queue)
        self._idle.clear()
        self._queue.clear()
        return idle, waiting

    def _grant(self, now: float) -> list[Seat[T, K]]:
        granted: list[Seat[T, K]] = []
        while self._queue and not self.is_closed and self._fill(self._queue[0], now):
            seat = self._queue.popleft()
            seat.is_granted = True
            self._granted.add(seat)
            granted.append(seat)
        return granted

    def _fill(self, seat: Seat[T, K], now: float) -> bool:
        if not seat.is_fresh:
            # The one used last: so that those that are not needed come to be released.
            for number in reversed(range(len(self._idle))):
                if self._covers(self._idle[number].kind, seat.kind):
                    seat.idle = self._idle.pop(number)
                    seat.idle_for = now - seat.idle.since
                    # It can do more than was asked for, and does so for the next one too.
                    seat.kind = seat.idle.kind
                    return True
        if len(self._granted) + len(self._idle) + self._leaving < self.size:
            return True
        if self._idle:
            seat.surplus = self._idle.pop(0)
            return True
        return False
