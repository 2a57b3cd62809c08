"""Metrics of Prometheus, and spans and metrics of OpenTelemetry, in every adapter."""

from __future__ import annotations

from typing import Any

import pytest
from opentelemetry import trace as otel
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from prometheus_client import CollectorRegistry, generate_latest

from dicomwire.compat.pdu_primitives import UserIdentityNegotiation
from dicomwire.observing import Observer
from dicomwire.opentelemetry import OpenTelemetryObserver
from dicomwire.prometheus import PrometheusObserver
from tests.support.adapters import World, done
from tests.support.storing import EXPLICIT, Store, instance, storage

SECRETS = ("Test^Patient", "alice", "open sesame", "1.2.3.4")
"""A patient, a user, his password, and the UID of an instance."""


def credentials() -> UserIdentityNegotiation:
    item = UserIdentityNegotiation()
    item.user_identity_type = 2
    item.primary_field, item.secondary_field = b"alice", b"open sesame"
    return item


async def some_operations(world: World, observer: Observer, *, title: str = "CLIENT", status: int = 0) -> None:
    """An echo and a store, which both sides tell of."""
    here, there = world.ae(title), world.ae("SERVER")
    here.observers.append(observer)
    there.observers.append(observer)
    server = await world.serve(Store(status).bindings, ae=there, contexts=storage(EXPLICIT))
    association = await world.associate(server, ae=here, contexts=storage(EXPLICIT), ext_neg=[credentials()])
    await done(association.send_c_echo())
    await done(association.send_c_store(instance(EXPLICIT)))
    await done(association.release())
    await world.until(lambda: not there.active_associations)


async def test_prometheus_counts_associations_operations_and_bytes(world: World) -> None:
    registry = CollectorRegistry()
    await some_operations(world, PrometheusObserver(registry, peers=["CLIENT"]), status=0xA700)
    server = {"role": "acceptor", "peer": "CLIENT"}
    store = {"operation": "C-STORE", "role": "scp", "peer": "CLIENT"}

    def value(name: str, **labels: str) -> float | None:
        return registry.get_sample_value(f"dicomwire_{name}", labels)

    assert value("associations_total", **server, outcome="released", trouble="none") == 1
    assert value("associations_active", **server) == 0
    assert value("association_duration_seconds_count", **server) == 1
    assert value("operations_total", **store, status="failure") == 1
    assert value("operation_waiting_seconds_count", **store) == 1
    assert value("operations_active", **store) == 0
    received = value("data_set_bytes_total", **store, direction="received")
    assert received == value("data_set_bytes_total", **{**store, "role": "scu", "peer": "other"}, direction="sent")
    assert (value("bytes_total", **server, direction="received") or 0) > (received or 0) > 0


async def test_titles_that_peers_choose_make_no_new_series(world: World) -> None:
    registry = CollectorRegistry()
    observer = PrometheusObserver(registry)
    await some_operations(world, observer)
    before = generate_latest(registry).count(b"\n")
    for number in range(3):
        await some_operations(world, observer, title=f"MADE-UP-{number}")
    text = generate_latest(registry).decode()
    assert text.count("\n") == before
    assert not [word for word in ("MADE-UP", "CLIENT", *SECRETS) if word in text]


@pytest.fixture
def telemetry() -> Any:
    """An observer of OpenTelemetry, its providers, and where spans and metrics are."""
    spans, reader = InMemorySpanExporter(), InMemoryMetricReader()
    tracers = TracerProvider()
    tracers.add_span_processor(SimpleSpanProcessor(spans))
    meters = MeterProvider([reader])
    yield OpenTelemetryObserver(tracers, meters, peers=["CLIENT"]), tracers, spans, reader
    meters.shutdown()
    tracers.shutdown()


async def test_each_association_is_a_span_with_a_child_for_each_operation(world: World, telemetry: Any) -> None:
    observer, tracers, spans, _ = telemetry
    with tracers.get_tracer("test").start_as_current_span("outer") as outer:
        await some_operations(world, observer, status=0xA700)
    finished = spans.get_finished_spans()
    ours, theirs = sorted(
        (span for span in finished if span.name == "DICOM association"),
        key=lambda span: span.attributes["dicom.association.role"] == "acceptor",
    )
    assert theirs.parent is None and theirs.kind is otel.SpanKind.SERVER
    assert ours.parent is not None and ours.parent.span_id == outer.get_span_context().span_id
    for association in (ours, theirs):
        children = [span for span in finished if span.parent and span.parent.span_id == association.context.span_id]
        assert [child.name for child in children] == ["C-ECHO", "C-STORE"]
        assert all(association.start_time <= each.start_time <= each.end_time for each in children)
        assert children[1].attributes["dicom.status.code"] == "0xA700"
        assert (children[1].status.status_code, children[0].status.status_code) == (
            otel.StatusCode.ERROR,
            otel.StatusCode.UNSET,
        )


async def test_no_span_has_patients_or_credentials(world: World, telemetry: Any) -> None:
    observer, _, spans, reader = telemetry
    await some_operations(world, observer)
    told = "".join(span.to_json() for span in spans.get_finished_spans()) + reader.get_metrics_data().to_json()
    assert "CLIENT" in told
    assert not [word for word in SECRETS if word in told.replace("127.0.0.1", "")]


async def test_opentelemetry_measures_the_same(world: World, telemetry: Any) -> None:
    observer, _, _, reader = telemetry
    await some_operations(world, observer)
    (scope,) = reader.get_metrics_data().resource_metrics[0].scope_metrics
    metrics = {metric.name: metric for metric in scope.metrics}
    assert sorted(metrics) == [
        "dicom.association.active",
        "dicom.association.duration",
        "dicom.network.io",
        "dicom.operation.duration",
        "dicom.operation.waiting",
    ]
    assert {metric.unit for metric in metrics.values()} == {"s", "By", "{association}"}
    assert [point.value for point in metrics["dicom.association.active"].data.data_points] == [0, 0]
    assert sum(point.count for point in metrics["dicom.operation.duration"].data.data_points) == 4


async def test_an_association_that_fails_is_an_error(world: World, telemetry: Any) -> None:
    observer, _, spans, _ = telemetry
    here, there = world.ae("CLIENT"), world.ae("SERVER")
    here.observers.append(observer)
    there.require_called_aet = True
    await world.associate(await world.serve(ae=there), ae=here)
    (span,) = spans.get_finished_spans()
    assert span.status.status_code is otel.StatusCode.ERROR
    assert span.attributes["error.type"] == span.attributes["dicom.association.outcome"] == "rejected"
