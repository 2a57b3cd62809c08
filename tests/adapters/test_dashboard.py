"""The dashboard for Grafana asks for metrics and labels that there are."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.metrics import MetricWrapperBase

from dicomwire.prometheus import PrometheusObserver

DASHBOARD = Path(__file__).parents[2] / "docs" / "reference" / "grafana-dashboard.json"
OF_THE_SERVER = {"job", "instance", "le"}
"""Labels that Prometheus adds, or that histograms have."""

_SUFFIXES = {"counter": ("_total",), "gauge": ("",), "histogram": ("_bucket", "_count", "_sum")}


@pytest.fixture(scope="module")
def dashboard() -> Any:
    return json.loads(DASHBOARD.read_text("utf-8"))


@pytest.fixture(scope="module")
def labels() -> dict[str, set[str]]:
    """What the observer exposes, each with its labels."""
    observer = PrometheusObserver(CollectorRegistry())
    made = [each for each in vars(observer).values() if isinstance(each, MetricWrapperBase)]
    assert len(made) == 9
    return {
        family.name + suffix: set(metric._labelnames)
        for metric in made
        for family in metric.describe()
        for suffix in _SUFFIXES[family.type]
    }


def expressions(dashboard: Any) -> list[str]:
    return [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]


def test_every_metric_that_it_asks_for_is_there_and_has_those_labels(
    dashboard: Any, labels: dict[str, set[str]]
) -> None:
    for expression in expressions(dashboard):
        asked = re.findall(r"(dicomwire_\w+)\{([^}]*)\}", expression)
        assert asked
        grouped = {name.strip() for found in re.findall(r"by \(([^)]*)\)", expression) for name in found.split(",")}
        for metric, selectors in asked:
            wanted = grouped | set(re.findall(r"(\w+)[=!]", selectors))
            assert wanted - OF_THE_SERVER <= labels[metric], expression


def test_every_metric_is_shown(dashboard: Any, labels: dict[str, set[str]]) -> None:
    shown = set(re.findall(r"dicomwire_[a-z_]+", " ".join(expressions(dashboard))))
    assert {name for name in labels if not name.endswith(("_count", "_sum"))} == shown


def test_legends_name_labels_that_are_grouped_by(dashboard: Any) -> None:
    for panel in dashboard["panels"]:
        for target in panel["targets"]:
            named = set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]))
            grouped = re.findall(r"by \(([^)]*)\)", target["expr"])
            assert named <= {name.strip() for found in grouped for name in found.split(",")}, panel["title"]


def test_panels_have_numbers_of_their_own_and_do_not_overlap(dashboard: Any) -> None:
    panels = dashboard["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    cells: set[tuple[int, int]] = set()
    for panel in panels:
        at = panel["gridPos"]
        assert at["x"] + at["w"] <= 24
        own = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not cells & own, panel["title"]
        cells |= own


def test_the_guide_has_every_metric_with_its_labels(labels: dict[str, set[str]]) -> None:
    text = (DASHBOARD.parents[1] / "how-to" / "observe.md").read_text("utf-8")
    told = {
        name: set(re.findall(r"`(\w+)`", cells))
        for name, cells in re.findall(r"^\| `(dicomwire_\w+)` \| ([^|]*) \|", text, re.M)
    }
    assert told == {
        name.removesuffix("_bucket"): of for name, of in labels.items() if not name.endswith(("_count", "_sum"))
    }
