"""What a Connection tells its user."""

from __future__ import annotations

from typing import ClassVar

from attrs import frozen

from dicomwire._values import Value
from dicomwire.upper_layer.pdus import Abort, AssociateAC, AssociateRJ, AssociateRQ
from dicomwire.upper_layer.reasons import NO_VALUE, AbortSource, RejectResult
from dicomwire.upper_layer.timers import Timer


class ConnectionEvent(Value):
    """Base of everything ``next_event()`` returns."""

    __slots__ = ()


@frozen(kw_only=True, repr=False, eq=False)
class AssociateRequested(ConnectionEvent):
    """A peer wants an association (A-ASSOCIATE indication): answer with an AssociateAC or AssociateRJ."""

    pdu: AssociateRQ


@frozen(kw_only=True, repr=False, eq=False)
class AssociateAccepted(ConnectionEvent):
    """The peer accepted, perhaps with no usable presentation context (A-ASSOCIATE confirmation)."""

    pdu: AssociateAC


@frozen(kw_only=True, repr=False, eq=False)
class AssociateRejected(ConnectionEvent):
    """The peer refused the association (A-ASSOCIATE-RJ, PS3.8 9.3.4 table 9-21)."""

    pdu: AssociateRJ

    @property
    def permanent(self) -> bool:
        """False when the same request may succeed later."""
        return self.pdu.result == RejectResult.PERMANENT

    @property
    def source(self) -> int:
        return self.pdu.source

    @property
    def reason(self) -> int:
        """Its meaning depends on ``source``; see :meth:`describe`."""
        return self.pdu.reason_diagnostic

    def describe(self) -> str:
        """The reason in words (PS3.8 9.3.4, table 9-21); its numbers if the standard does not define them."""
        words = self.pdu.reason_str
        if words == NO_VALUE:
            return f"result {self.pdu.result}, source {self.source}, reason {self.reason}"
        return words[0].lower() + words[1:]


@frozen(kw_only=True, repr=False, eq=False)
class RequestRefused(ConnectionEvent):
    """We rejected a request without asking the user: its protocol version is not supported (AE-6)."""

    request: AssociateRQ
    pdu: AssociateRJ


class DataReceived(ConnectionEvent):
    """A piece of a message (P-DATA indication, PS3.8 9.3.5).

    One fragment may come in several pieces, as its bytes arrive; ``last`` is set on the last piece of the last
    fragment only.  ``fragment`` views the receive buffer and is valid until more bytes are received.
    """

    # Not an attrs class: one is made for every piece of pixel data, and this is the cheapest there is.
    __slots__ = ("command", "context_id", "fragment", "last")

    def __init__(self, context_id: int, command: bool, last: bool, fragment: memoryview) -> None:
        self.context_id: int = context_id
        self.command: bool = command
        self.last: bool = last
        self.fragment: memoryview = fragment

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, DataReceived):
            return NotImplemented
        return (self.context_id, self.command, self.last, self.fragment) == (
            other.context_id,
            other.command,
            other.last,
            other.fragment,
        )

    __hash__: ClassVar[None] = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        kind = "command" if self.command else "data set"
        last = ", last" if self.last else ""
        return f"DataReceived(context {self.context_id}, {kind}, {len(self.fragment)} bytes{last})"


@frozen(kw_only=True, repr=False, eq=False)
class ReleaseRequested(ConnectionEvent):
    """The peer wants to release; it cannot be refused, answer with a ReleaseRP."""

    collision: bool = False
    """We have asked too: the requestor answers first (PS3.8 9.2, AR-8)."""


@frozen(kw_only=True, repr=False, eq=False)
class Released(ConnectionEvent):
    """The peer agreed to our release (A-RELEASE confirmation)."""


@frozen(kw_only=True, repr=False, eq=False)
class Aborted(ConnectionEvent):
    """The peer aborted (A-ABORT or A-P-ABORT indication)."""

    pdu: Abort

    @property
    def by_provider(self) -> bool:
        return self.pdu.source != AbortSource.USER


@frozen(kw_only=True, repr=False, eq=False)
class ConnectionClosed(ConnectionEvent):
    """The transport was closed without release or abort (A-P-ABORT indication, AA-4)."""

    missing: int = 0
    """Bytes that the PDU cut off by it still lacked; 0 if none was."""

    releasing: bool = False
    """A release was under way: many peers close instead of answering it."""


@frozen(kw_only=True, repr=False, eq=False)
class TimedOut(ConnectionEvent):
    """A deadline passed; the connection has reacted already: aborted, or closed at the end of ARTIM."""

    timer: Timer

    unread: bool = False
    """Some of what we sent still waits for the peer to take it, for all that the transport can tell."""


@frozen(kw_only=True, repr=False, eq=False)
class Tolerated(ConnectionEvent):
    """The peer deviated from the standard in a way that changes no meaning, and was understood."""

    what: str
