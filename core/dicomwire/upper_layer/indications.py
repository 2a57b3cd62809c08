"""What an action tells, as events."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from dicomwire.errors import RemoteProtocolError
from dicomwire.upper_layer.connection_events import (
    Aborted,
    AssociateAccepted,
    AssociateRejected,
    AssociateRequested,
    ConnectionClosed,
    ConnectionEvent,
    Released,
    ReleaseRequested,
    RequestRefused,
)
from dicomwire.upper_layer.pdus import AssociateRJ
from dicomwire.upper_layer.reasons import ACSEDiagnostic, RejectResult, RejectSource
from dicomwire.upper_layer.state import Tell

Indication: TypeAlias = ConnectionEvent | RemoteProtocolError
"""What the user is told; that the peer broke the protocol is raised."""

VERSION_REFUSAL = AssociateRJ(
    result=RejectResult.PERMANENT, source=RejectSource.ACSE, reason_diagnostic=ACSEDiagnostic.PROTOCOL_VERSION
)
"""The one rejection that the provider makes itself (AE-6)."""


def _provider_abort(end: Any) -> Indication:
    """The loss of the connection, or the error for which the provider aborts."""
    assert isinstance(end, ConnectionClosed | RemoteProtocolError)
    return end


INDICATIONS: dict[Tell, Callable[[Any], Indication]] = {
    Tell.ASSOCIATE_INDICATION: lambda pdu: AssociateRequested(pdu=pdu),
    Tell.ASSOCIATE_ACCEPTED: lambda pdu: AssociateAccepted(pdu=pdu),
    Tell.ASSOCIATE_REJECTED: lambda pdu: AssociateRejected(pdu=pdu),
    Tell.RELEASE_INDICATION: lambda _: ReleaseRequested(),
    Tell.RELEASE_COLLISION: lambda _: ReleaseRequested(collision=True),
    Tell.RELEASE_CONFIRMATION: lambda _: Released(),
    Tell.ABORT: lambda pdu: Aborted(pdu=pdu),
    Tell.PROVIDER_ABORT: _provider_abort,
    Tell.REQUEST_REFUSED: lambda pdu: RequestRefused(request=pdu, pdu=VERSION_REFUSAL),
}
"""The event of each indication, from the PDU it is about or from what ended the association; P-DATA has none: what it
tells are pieces of fragments, and for them see :class:`PDataReader`."""
