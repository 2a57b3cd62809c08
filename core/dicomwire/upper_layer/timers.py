"""Deadlines without a clock."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

from dicomwire.upper_layer.limits import Timeouts


class Timer(Enum):
    """What can take too long; the value is the field of ``Timeouts`` that says how long is too long."""

    ARTIM = "artim"
    ASSOCIATE = "associate"
    RELEASE = "release"
    PROGRESS = "progress"
    RESPONSE = "response"
    IDLE = "idle"
    CLOSE = "close"

    def __init__(self, field: str) -> None:
        # ``value`` is a property in Python code, and read on the hot path.
        self.field = field

    # Compared by identity; Enum's own hash is Python code, and timers are dictionary keys on the hot path.
    if not TYPE_CHECKING:
        __hash__ = object.__hash__


class Timers:
    """The running timers of one connection.

    A timer starts without knowing the time; the next call of :meth:`next_deadline`, which every caller makes
    before it waits, stamps it.  So the clock is read once per wait and by nobody in here.
    """

    __slots__ = ("running", "timeouts")

    def __init__(self, timeouts: Timeouts) -> None:
        self.timeouts: Timeouts = timeouts
        self.running: dict[Timer, float | None] = {}
        """When each started, None if nobody has said yet.  What happens with each message sets and deletes here, as
        :meth:`start` and :meth:`stop` do."""

    def start(self, timer: Timer) -> None:
        """Start or restart ``timer``."""
        self.running[timer] = None

    def start_if_stopped(self, timer: Timer) -> None:
        """Start ``timer``, unless it is running."""
        self.running.setdefault(timer, None)

    def stop(self, timer: Timer) -> None:
        """Stop ``timer``, if it is running."""
        if timer in self.running:
            del self.running[timer]

    def stop_all_but(self, timer: Timer) -> None:
        """Stop every other timer that is running."""
        for other in [other for other in self.running if other is not timer]:
            del self.running[other]

    def restart(self, timer: Timer) -> None:
        """Start ``timer`` again if it runs."""
        if timer in self.running:
            self.running[timer] = None

    def is_running(self, timer: Timer) -> bool:
        """Whether ``timer`` was started and not stopped since; it may be over."""
        return timer in self.running

    def next_deadline(self, now: float) -> float | None:
        """When the first timer expires, in the caller's monotonic seconds, or None."""
        earliest = None
        running, timeouts = self.running, self.timeouts
        for timer in running:
            seconds = getattr(timeouts, timer.field)
            started = running[timer]
            if started is None:
                running[timer] = started = now
            if seconds is not None and (earliest is None or started + seconds < earliest):
                earliest = started + seconds
        return earliest

    def expired(self, now: float) -> list[Timer]:
        """The stamped timers that are over at ``now``; they keep running."""
        return [
            timer
            for timer, started in self.running.items()
            if started is not None
            and (seconds := getattr(self.timeouts, timer.field)) is not None
            and now >= started + seconds
        ]
