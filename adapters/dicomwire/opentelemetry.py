"""Spans and metrics for OpenTelemetry: ``ae.observers.append(OpenTelemetryObserver())``.

Needs ``pip install dicomwire[opentelemetry]``, and an SDK that takes them.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from opentelemetry import metrics, trace
from opentelemetry.context import Context
from opentelemetry.metrics import MeterProvider
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, TracerProvider
from opentelemetry.util.types import AttributeValue

from dicomwire._logging import printable
from dicomwire._version import __version__
from dicomwire.observing.observations import ObservedAssociation, ObservedOperation, Observer
from dicomwire.upper_layer.state import Role

__all__ = ["OpenTelemetryObserver"]

_SCOPE = "dicomwire"


class OpenTelemetryObserver(Observer):
    """A span for each association, a child of it for each operation, and metrics of both.

    One is enough for a process: give it to each AE.  A requestor's span is a child of the span that is current where
    ``associate`` is called; an acceptor's has no parent.  Spans have the AE titles and the peer's address, and never
    anything of a data set or a user identity.  Metrics name a peer only if it is one of ``peers``.

    Without providers the global ones are used.
    """

    def __init__(
        self,
        tracer_provider: TracerProvider | None = None,
        meter_provider: MeterProvider | None = None,
        *,
        peers: Iterable[str] = (),
    ) -> None:
        self._tracer = trace.get_tracer(_SCOPE, __version__, tracer_provider)
        meter = metrics.get_meter(_SCOPE, __version__, meter_provider)
        self._peers = frozenset(peers)
        self._spans: dict[ObservedAssociation | ObservedOperation, Span] = {}
        self._active = meter.create_up_down_counter(
            "dicom.association.active", "{association}", "Associations that are requested or established."
        )
        self._lasting = meter.create_histogram(
            "dicom.association.duration", "s", "From the connection to the end of an association."
        )
        self._taking = meter.create_histogram("dicom.operation.duration", "s", "From request to last response.")
        self._waiting = meter.create_histogram(
            "dicom.operation.waiting", "s", "From the end of a request to its first response."
        )
        self._io = meter.create_counter("dicom.network.io", "By", "Bytes on the connections of associations.")

    # -- associations ---------------------------------------------------------------------------------------------
    def association_begun(self, association: ObservedAssociation) -> None:
        """Begin its span."""
        is_ours = association.role is Role.REQUESTOR
        attributes: dict[str, AttributeValue] = {
            "dicom.association.role": association.role.value,
            "dicom.association.name": association.name,
            "dicom.ae_title.calling": printable(association.calling),
            "dicom.ae_title.called": printable(association.called),
        }
        if association.peer is not None:
            attributes["network.peer.address"], attributes["network.peer.port"] = association.peer
            if is_ours:
                attributes["server.address"], attributes["server.port"] = association.peer
        self._spans[association] = self._tracer.start_span(
            "DICOM association",
            # The task of a server may have been started inside a span, which has nothing to do with this.
            context=None if is_ours else Context(),
            kind=SpanKind.CLIENT if is_ours else SpanKind.SERVER,
            attributes=attributes,
            start_time=_nanoseconds(association.begun),
        )
        self._active.add(1, self._of_peer(association))

    def association_established(self, association: ObservedAssociation) -> None:
        """Say when."""
        assert association.established_at is not None
        seconds = association.established_at - association.begun_at
        self._spans[association].add_event(
            "dicom.association.established", timestamp=_nanoseconds(association.begun, seconds)
        )

    def association_ended(self, association: ObservedAssociation) -> None:
        """End its span."""
        of_peer = self._of_peer(association)
        self._active.add(-1, of_peer)
        duration = association.duration or 0.0
        outcome: dict[str, AttributeValue] = {"dicom.association.outcome": association.outcome or "none"}
        if association.trouble is not None:
            outcome["error.type"] = association.trouble
        self._lasting.record(duration, {**of_peer, **outcome})
        span = self._spans.pop(association)
        span.set_attributes(
            {
                **outcome,
                "dicom.network.received": association.bytes_received,
                "dicom.network.sent": association.bytes_sent,
            }
        )
        if association.trouble is not None:
            span.set_status(Status(StatusCode.ERROR, association.trouble))
        span.end(_nanoseconds(association.begun, duration))

    # -- operations -----------------------------------------------------------------------------------------------
    def operation_begun(self, operation: ObservedOperation) -> None:
        """Begin a child."""
        self._spans[operation] = self._tracer.start_span(
            operation.name,
            context=trace.set_span_in_context(self._spans[operation.association], Context()),
            kind=SpanKind.CLIENT if operation.is_invoked else SpanKind.SERVER,
            attributes={
                **self._of_operation(operation),
                "dicom.message_id": operation.message_id,
                "dicom.abstract_syntax": operation.abstract_syntax,
            },
            start_time=_nanoseconds(operation.begun),
        )

    def operation_ended(self, operation: ObservedOperation) -> None:
        """End it."""
        span, duration = self._spans.pop(operation), operation.duration or 0.0
        category = operation.category.lower()
        measured: dict[str, AttributeValue] = {
            **self._of_peer(operation.association),
            **self._of_operation(operation),
            "dicom.status.category": category,
        }
        if category in ("failure", "unknown", "none"):
            measured["error.type"] = "no_response" if operation.status is None else category
        if operation.waiting is not None:
            self._waiting.record(operation.waiting, measured)
            span.set_attribute("dicom.operation.waiting", operation.waiting)
        self._taking.record(duration, measured)
        if operation.status is not None:
            span.set_attribute("dicom.status.code", f"0x{operation.status:04X}")
        span.set_attribute("dicom.status.category", category)
        if "error.type" in measured:
            span.set_attribute("error.type", measured["error.type"])
            span.set_status(Status(StatusCode.ERROR))
        span.set_attributes(
            {
                "dicom.operation.responses": operation.responses,
                "dicom.data_set.received": operation.data_set_bytes_received,
                "dicom.data_set.sent": operation.data_set_bytes_sent,
            }
        )
        span.end(_nanoseconds(operation.begun, duration))

    def traffic(self, association: ObservedAssociation, received: int, sent: int) -> None:
        """Count the bytes."""
        of_peer = self._of_peer(association)
        self._io.add(received, {**of_peer, "network.io.direction": "receive"})
        self._io.add(sent, {**of_peer, "network.io.direction": "transmit"})

    def _of_peer(self, association: ObservedAssociation) -> dict[str, AttributeValue]:
        title = association.peer_title
        return {
            "dicom.association.role": association.role.value,
            "dicom.peer": title if title in self._peers else "other",
        }

    def _of_operation(self, operation: ObservedOperation) -> dict[str, AttributeValue]:
        return {
            "dicom.operation.name": operation.name,
            "dicom.operation.role": "scu" if operation.is_invoked else "scp",
        }


def _nanoseconds(moment: datetime, later: float = 0.0) -> int:
    """Nanoseconds since 1970, so many seconds after a time of day."""
    return round(moment.timestamp() * 1e6) * 1000 + round(later * 1e9)
