"""Metrics for Prometheus: ``ae.observers.append(PrometheusObserver())``.

Needs ``pip install dicomwire[prometheus]``.
"""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram

from dicomwire.observing.observations import ObservedAssociation, ObservedOperation, Observer

__all__ = ["OTHER_PEERS", "PrometheusObserver"]

OTHER_PEERS = "other"
"""The label of peers that nobody has named."""

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800)
"""Limits of the buckets: from an echo on this machine to a study over a slow line."""


class PrometheusObserver(Observer):
    """Counts associations, operations, bytes and seconds in ``registry``.

    One is enough for a process: give it to each AE.  Peers choose their titles, so a title is a label only if it is one
    of ``peers``; all others are ``"other"``.  What other labels say is one of a few words, whatever a peer does.

    Raises:
        ValueError: the registry has such metrics already.
    """

    def __init__(self, registry: CollectorRegistry = REGISTRY, *, peers: Iterable[str] = ()) -> None:
        self._peers = frozenset(peers)

        def counter(name: str, text: str, *labels: str) -> Counter:
            return Counter(f"dicomwire_{name}", text, labels, registry=registry)

        def gauge(name: str, text: str, *labels: str) -> Gauge:
            # Of several processes those count that live.
            return Gauge(f"dicomwire_{name}", text, labels, registry=registry, multiprocess_mode="livesum")

        def seconds(name: str, text: str, *labels: str) -> Histogram:
            return Histogram(f"dicomwire_{name}_seconds", text, labels, registry=registry, buckets=_SECONDS)

        of_peer = ("role", "peer")
        self._associations = counter("associations", "Associations that have ended.", *of_peer, "outcome", "trouble")
        self._active = gauge("associations_active", "Associations that are requested or established.", *of_peer)
        self._lasting = seconds("association_duration", "From the connection to the end of an association.", *of_peer)
        self._bytes = counter("bytes", "Bytes on the connections of associations.", *of_peer, "direction")
        of_operation = ("operation", "role", "peer")
        self._operations = counter("operations", "Operations that have ended.", *of_operation, "status")
        self._at_work = gauge("operations_active", "Operations without a last response.", *of_operation)
        self._taking = seconds("operation_duration", "From request to last response.", *of_operation)
        self._waiting = seconds("operation_waiting", "From the end of a request to its first response.", *of_operation)
        self._data = counter("data_set_bytes", "Bytes of data sets of operations.", *of_operation, "direction")

    def _of_peer(self, association: ObservedAssociation) -> tuple[str, str]:
        title = association.peer_title
        return association.role.value, title if title in self._peers else OTHER_PEERS

    def _of_operation(self, operation: ObservedOperation) -> tuple[str, str, str]:
        _, peer = self._of_peer(operation.association)
        return operation.name, "scu" if operation.is_invoked else "scp", peer

    def association_begun(self, association: ObservedAssociation) -> None:
        """One more is active."""
        self._active.labels(*self._of_peer(association)).inc()

    def association_ended(self, association: ObservedAssociation) -> None:
        """One is active no more."""
        labels = self._of_peer(association)
        self._active.labels(*labels).dec()
        self._associations.labels(*labels, association.outcome, association.trouble or "none").inc()
        self._lasting.labels(*labels).observe(association.duration or 0.0)

    def operation_begun(self, operation: ObservedOperation) -> None:
        """One more is being performed."""
        self._at_work.labels(*self._of_operation(operation)).inc()

    def operation_ended(self, operation: ObservedOperation) -> None:
        """One has its last response."""
        labels = self._of_operation(operation)
        self._at_work.labels(*labels).dec()
        self._operations.labels(*labels, operation.category.lower()).inc()
        self._taking.labels(*labels).observe(operation.duration or 0.0)
        if operation.waiting is not None:
            self._waiting.labels(*labels).observe(operation.waiting)
        for direction, count in (
            ("received", operation.data_set_bytes_received),
            ("sent", operation.data_set_bytes_sent),
        ):
            if count:
                self._data.labels(*labels, direction).inc(count)

    def traffic(self, association: ObservedAssociation, received: int, sent: int) -> None:
        """So many bytes more."""
        labels = self._of_peer(association)
        self._bytes.labels(*labels, "received").inc(received)
        self._bytes.labels(*labels, "sent").inc(sent)
