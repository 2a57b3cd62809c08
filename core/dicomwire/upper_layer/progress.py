"""What is fast enough: whether a peer takes what we send, judged on times and counts that an adapter brings."""

from __future__ import annotations

from typing import Protocol

from dicomwire.upper_layer.limits import Limits, Timeouts
from dicomwire.upper_layer.timers import Timer, Timers

_ENOUGH = 64 * 1024

_LOOK = 1.0
"""Seconds after which a wait is looked at, at the latest: so long may a changed timeout go unnoticed."""

_LOOKS = 4
"""Looks in the time that a peer has: a wait may be longer than that by one of them."""

_ANSWERED = frozenset((Timer.ASSOCIATE, Timer.RELEASE, Timer.RESPONSE, Timer.IDLE))
"""Timers that begin when we have sent something: when it has set out, that is, and not when a system has queued it."""

_MOMENT = 0.05
"""Seconds by which the clock of a transport, which is a coarse one, must differ from ours to mean anything."""


class PeerDoesNotRead(TimeoutError):
    """The peer does not take what we send; its text goes on behind "the peer"."""


class Delivery(Protocol):
    """What a transport knows of the bytes it was given."""

    def taken(self) -> int:
        """How many of them the peer's system has taken, as well as this one can tell; only differences count."""
        ...

    def left_at(self, now: float) -> float | None:
        """When the last of them set out, in the monotonic seconds of ``now``; None if nobody knows.

        Also None if that was not for the first time: nothing is gained by sending in vain.
        """
        ...

    def is_stuck(self, now: float) -> bool:
        """Some of them wait for the peer to take them, and none has set out of late."""
        ...


def enough(limits: Limits, seconds: float | None) -> int:
    """The bytes by which a message must have moved on when so many seconds have passed."""
    return _ENOUGH if seconds is None else max(1, min(_ENOUGH, int(limits.least_rate * seconds)))


def pause(limit: float | None) -> float:
    """The seconds before a write that waits is first looked at, by ``Timeouts.write``."""
    return _LOOK if limit is None or limit > _LOOK * _LOOKS else limit / _LOOKS


class WriteProgress:
    """How long we have waited for a peer to take what we send, and whether that is too long.

    A peer on a slow line may take all the time it needs.  One that takes less than :func:`enough` in the seconds of
    ``Timeouts.write`` is given up, and a few bytes now and then do not put that off.  The time between two writes is
    nobody's; what was waited in one counts on in the next, else small messages could be taken drop by drop.
    """

    __slots__ = ("_delivered", "_hurried", "_limits", "_look_at", "_mark", "_timeouts", "_until", "_waited")

    def __init__(self, limits: Limits, timeouts: Timeouts) -> None:
        self._limits = limits
        self._timeouts = timeouts
        self._hurried = False
        self._mark: int | None = None
        """What had been taken when it was enough for the last time; None before the first look."""

        self._waited = 0.0
        """Seconds waited since then."""

        self._until = float("-inf")
        """Up to when all waiting is counted."""

        self._look_at = 0.0
        self._delivered = 0

    def begin(self, since: float) -> float:
        """A write that began at ``since`` has to wait; for so many seconds from then before :meth:`go_on` is asked."""
        if since > self._until:
            self._until = since
        self._look_at = self._until + pause(self._timeouts.write)
        return self._look_at - since

    def go_on(self, now: float, delivery: Delivery) -> float:
        """The write still waits: for how many more seconds before this is asked again.

        Raises:
            PeerDoesNotRead: it has waited too long.
        """
        if now < self._look_at:
            return self._look_at - now
        limit = self._timeouts.write
        taken = delivery.taken()
        self._waited += now - self._until
        if self._hurried:
            raise PeerDoesNotRead("does not read what we send")
        if self._mark is None:
            # What its system holds for it, it has not read.
            self._mark = taken
        some = taken - self._mark
        if some >= enough(self._limits, limit):
            self._mark = taken
            self._waited = 0.0
        elif limit is not None and self._waited >= limit:
            what = f"only {some} bytes of what we send in" if some > 0 else "nothing of what we send for"
            raise PeerDoesNotRead(f"has read {what} {limit:g} s")
        self._until = now
        return self.begin(now)

    def has_moved(self, delivery: Delivery, seconds: float) -> bool:
        """What was queued has moved on by enough for so many seconds since this was last true."""
        taken = delivery.taken()
        moved = taken - self._delivered >= enough(self._limits, seconds)
        if moved:
            self._delivered = taken
        return moved

    def set_out_late(self, timer: Timer, now: float, delivery: Delivery, timers: Timers) -> bool:
        """What we sent set out later than the timer began, which begins then; on a slow line that may be much later."""
        left_at = delivery.left_at(now) if timer in _ANSWERED else None
        started = timers.running.get(timer)
        if left_at is None or started is None or left_at <= started + _MOMENT:
            return False
        if not self.has_moved(delivery, left_at - started):
            # Drop by drop: a system may have queued megabytes.
            return False
        timers.running[timer] = left_at
        return True

    def hurry(self) -> None:
        """The association is over: what has not gone out at the next look never will."""
        self._hurried = True
