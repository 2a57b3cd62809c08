"""Cases, their rows and goals, and what came of them."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from typing import Any, Protocol

from attrs import Factory, define, frozen

from benchmarks.stacks import Bench, missing

Sample = Mapping[str, float]
"""What one run of one row measured: values by name, see ``METRICS``."""

METRICS: dict[str, tuple[str, str]] = {
    "rate": ("per second", "objects, echoes or associations"),
    "mb_s": ("MB/s", "10^6 bytes of data set"),
    "client_cpu_gb": ("CPU s/GB client", "seconds of processor time for 10^9 bytes"),
    "server_cpu_gb": ("CPU s/GB server", "seconds of processor time for 10^9 bytes"),
    "client_cpu_us": ("CPU us client", "microseconds of processor time each"),
    "server_cpu_us": ("CPU us server", "microseconds of processor time each"),
    "client_peak": ("peak MiB client", "VmHWM"),
    "client_above": ("above idle, MiB", "peak minus what the process had before the first measured object"),
    "server_peak": ("peak MiB server", "VmHWM"),
    "server_above": ("above idle, MiB", "peak minus what the process had before the first measured object"),
    "above": ("above idle, MiB", "the larger of client and server"),
    "p50_ms": ("p50 ms", "median of the latencies"),
    "p99_ms": ("p99 ms", "99th percentile of the latencies"),
    "held": ("held", "associations that were open at the same time"),
    "alive": ("alive", "of these, how many answered a release at the end"),
    "opened_s": ("opened/s", "associations per second while opening"),
    "kib_each": ("KiB each", "server memory for each association"),
    "cpu_percent": ("CPU %", "of one core, used by the server while nothing happens"),
    "threads": ("threads", "of the server, with everything open"),
    "ms": ("ms", "wall time over that of bare Python"),
}


@frozen(kw_only=True)
class Row:
    """One contender in a case."""

    who: str
    server: str = ""
    client: str = ""
    count: int = 1
    clients: int = 1
    runs: int | None = None
    """Fewer runs than asked for, because each is very slow."""

    keep: str = "memory"
    from_file: bool = False
    from_memory: bool = False
    code: str = ""
    """Of the import case: what to run."""

    note: str = ""

    @property
    def missing(self) -> str | None:
        return next(filter(None, map(missing, (self.server, self.client))), None)


@frozen(kw_only=True)
class Goal:
    """Something a row must reach: a ratio to another row, or an absolute limit."""

    who: str
    metric: str
    over: str | None = None
    bar: float | None = None
    aim: float | None = None

    @property
    def is_limit(self) -> bool:
        """The value must not be more than this; else not less."""
        return self.over is None and self.metric != "alive"


@frozen(kw_only=True)
class Plan:
    """What a case consists of."""

    name: str
    title: str
    rows: tuple[Row, ...]
    goals: tuple[Goal, ...] = ()
    metric: str = "rate"
    """The one that the chart shows."""


class Case(Protocol):
    """A plan and how to measure one row of it once."""

    @property
    def plan(self) -> Plan: ...

    def measure(self, row: Row, bench: Bench) -> Sample:
        """One run."""
        ...


@frozen
class Summary:
    median: float
    least: float
    most: float


@define
class RowResult:
    """All runs of one row."""

    row: Row
    skipped: str | None = None
    failures: list[str] = Factory(list)
    samples: list[Sample] = Factory(list)

    def summary(self, metric: str) -> Summary | None:
        values = [sample[metric] for sample in self.samples if metric in sample]
        return Summary(statistics.median(values), min(values), max(values)) if values else None

    def as_json(self) -> dict[str, Any]:
        names = [name for name in METRICS if self.summary(name) is not None]
        return {
            "who": self.row.who,
            "note": self.row.note,
            "server": self.row.server,
            "client": self.row.client,
            "skipped": self.skipped,
            "failures": self.failures,
            "runs": len(self.samples),
            "summary": {
                name: {"median": found.median, "min": found.least, "max": found.most}
                for name in names
                if (found := self.summary(name)) is not None
            },
            "samples": [dict(sample) for sample in self.samples],
        }


@frozen
class GoalResult:
    """What came of a goal; ``value`` is None if a row of it was not measured."""

    goal: Goal
    value: float | None

    def reached(self, limit: float | None) -> bool | None:
        if limit is None or self.value is None:
            return None
        return self.value <= limit if self.goal.is_limit else self.value >= limit

    @property
    def label(self) -> str:
        name = METRICS[self.goal.metric][0]
        if self.goal.over is not None:
            return f"{self.goal.who} / {self.goal.over}"
        return f"{self.goal.who}: {name}"

    @property
    def verdict(self) -> str:
        parts = []
        for name, limit in (("bar", self.goal.bar), ("aim", self.goal.aim)):
            if limit is not None:
                reached = {True: "reached", False: "MISSED", None: "not measured"}[self.reached(limit)]
                parts.append(f"{name} {limit:g} {reached}")
        return ", ".join(parts)

    def as_json(self) -> dict[str, Any]:
        goal = self.goal
        return {
            "who": goal.who,
            "metric": goal.metric,
            "over": goal.over,
            "value": self.value,
            "bar": goal.bar,
            "aim": goal.aim,
            "bar_reached": self.reached(goal.bar),
            "aim_reached": self.reached(goal.aim),
        }


@define
class CaseResult:
    """All rows of one case."""

    plan: Plan
    rows: list[RowResult]

    def goals(self) -> list[GoalResult]:
        return [GoalResult(goal, self._value(goal)) for goal in self.plan.goals]

    def _value(self, goal: Goal) -> float | None:
        mine = self._median(goal.who, goal.metric)
        if goal.over is None or mine is None:
            return mine
        other = self._median(goal.over, goal.metric)
        return mine / other if other else None

    def _median(self, who: str, metric: str) -> float | None:
        for row in self.rows:
            if row.row.who == who and (found := row.summary(metric)) is not None:
                return found.median
        return None

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.plan.name,
            "title": self.plan.title,
            "metric": self.plan.metric,
            "rows": [row.as_json() for row in self.rows],
            "goals": [goal.as_json() for goal in self.goals()],
        }
