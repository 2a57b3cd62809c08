"""How far an association has come, and how it ended."""

from __future__ import annotations

from typing import Literal


class Standing:
    """The flags of an association; those of its end are final."""

    __slots__ = (
        "advice",
        "failure",
        "has_ended",
        "is_aborted",
        "is_closed",
        "is_closing",
        "is_established",
        "is_rejected",
        "is_released",
        "was_opened",
    )

    def __init__(self) -> None:
        self.was_opened: bool = False
        """There was a transport connection."""

        self.is_established: bool = False
        self.is_rejected: bool = False
        self.is_aborted: bool = False
        self.is_released: bool = False
        self.failure: str | None = None
        """Why the association was rejected or aborted, in words; None if it was not."""

        self.advice: str | None = None
        """What to do about it, where that is known better when it happens."""

        self.has_ended: bool = False
        """One of the outcomes is certain, but handlers may still have to hear of it."""

        self.is_closing: bool = False
        """Somebody sees to it that the transport is closed."""

        self.is_closed: bool = False
        """All is over: the transport is closed, and the last handler has returned."""

    def end(self, outcome: str | None, why: str | None) -> None:
        """It has ended: ``"rejected"``, ``"aborted"``, ``"released"``, or None if there never was an association."""
        self.has_ended = True
        self.is_established = False
        self.failure = why
        if outcome is not None:
            setattr(self, f"is_{outcome}", True)

    @property
    def outcome(self) -> Literal["released", "rejected", "aborted", "none"]:
        """How it ended; "none" if there never was an association."""
        if self.is_released:
            return "released"
        return "rejected" if self.is_rejected else "aborted" if self.is_aborted else "none"

    def __str__(self) -> str:
        flags = ("established", "rejected", "aborted", "released")
        return next((flag for flag in flags if getattr(self, f"is_{flag}")), "ended" if self.has_ended else "opening")
