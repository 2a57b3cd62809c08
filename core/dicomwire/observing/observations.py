"""What an observer is told of: associations and operations, with their times, sizes and ends."""

from __future__ import annotations

from datetime import datetime
from typing import Literal, TypeAlias

from attrs import define, field

from dicomwire._values import Shown
from dicomwire.upper_layer.state import Role

Outcome: TypeAlias = Literal["released", "rejected", "aborted", "none"]
"""How an association ended; "none": there never was one."""

Trouble: TypeAlias = Literal[
    "rejected",
    "aborted_by_us",
    "aborted_by_peer",
    "connection_closed",
    "timeout",
    "protocol_error",
    "no_connection",
    "no_request",
]
"""Why it was not released.  These are all there are, whatever a peer does."""


@define(kw_only=True, eq=False, repr=False)
class ObservedAssociation(Shown):
    """One association as far as it has come.

    Seconds are of a clock that is never set: they say something to each other only.
    """

    name: str
    """What the log calls it."""

    role: Role
    begun: datetime
    """The time of day when we began to connect, or had accepted the connection."""

    begun_at: float
    """The same in seconds."""

    peer: tuple[str, int] | None = None
    """Host and port; None where there is no such thing."""

    calling: str = ""
    """The calling AE title.  **The peer chose it**, if we are the acceptor: no label for metrics."""

    called: str = ""
    """The called AE title; as before."""

    established_at: float | None = None
    """When it was accepted."""

    ended_at: float | None = None
    bytes_received: int = 0
    """All bytes that the connection has brought, without TLS."""

    bytes_sent: int = 0
    """All bytes that were handed over to be written, without TLS."""

    outcome: Outcome | None = None
    """How it ended, once it has."""

    trouble: Trouble | None = None
    """Why it was not released; None if it was."""

    @property
    def peer_title(self) -> str:
        """The AE title of the peer."""
        return self.called if self.role is Role.REQUESTOR else self.calling

    @property
    def duration(self) -> float | None:
        """Seconds from beginning to end; None before that."""
        return None if self.ended_at is None else self.ended_at - self.begun_at


@define(kw_only=True, eq=False, repr=False)
class ObservedOperation(Shown):
    """One DIMSE operation or notification: a request, and its responses (PS3.7 7.5)."""

    association: ObservedAssociation = field(repr=False)
    name: str
    """``"C-STORE"`` or another of the eleven."""

    message_id: int
    is_invoked: bool
    """We have sent the request."""

    abstract_syntax: str
    """That of its presentation context."""

    begun: datetime
    """The time of day when the request began to be sent, or had come as far as its command set."""

    begun_at: float
    """The same in seconds."""

    requested_at: float | None = None
    """When the request was there to its end, with its data set."""

    answered_at: float | None = None
    """When the first response was there, or was sent."""

    ended_at: float | None = None
    responses: int = 0
    """How many were sent, or have come."""

    data_set_bytes_received: int = 0
    """Of data sets and identifiers."""

    data_set_bytes_sent: int = 0
    status: int | None = None
    """That of the last response; None if there was none before the association ended."""

    @property
    def duration(self) -> float | None:
        """Seconds from the beginning of the request to the last response; None before that."""
        return None if self.ended_at is None else self.ended_at - self.begun_at

    @property
    def waiting(self) -> float | None:
        """Seconds from the end of the request to the first response: of the peer, or of our handlers."""
        if self.answered_at is None or self.requested_at is None:
            return None
        return max(0.0, self.answered_at - self.requested_at)

    @property
    def category(self) -> str:
        """``"Success"``, ``"Warning"``, ``"Failure"``, ``"Cancel"``, ``"Pending"``, ``"Unknown"``; else ``"None"``."""
        from dicomwire.vocabulary.statuses import code_to_category

        return "None" if self.status is None else code_to_category(self.status)


class Observer:
    """Is told what associations do: derive from it, and put an instance into ``ae.observers``.

    Methods are called wherever an association runs, in several threads maybe, and must not wait.  What they raise is
    logged and goes no further.  What they are given goes on changing: keep what you need of it.
    """

    def association_begun(self, association: ObservedAssociation) -> None:
        """The request for an association was sent, or has come.  Told once, before all else of it."""

    def association_established(self, association: ObservedAssociation) -> None:
        """The association was accepted."""

    def association_ended(self, association: ObservedAssociation) -> None:
        """All is over.  Told once for each that has begun, and for connections that were no association."""

    def operation_begun(self, operation: ObservedOperation) -> None:
        """A request has begun to be sent, or has come as far as its command set."""

    def operation_ended(self, operation: ObservedOperation) -> None:
        """The last response is there, or there will be none."""

    def traffic(self, association: ObservedAssociation, received: int, sent: int) -> None:
        """So many bytes more, in each direction: told at the latest when an operation ends, and after a MiB."""
