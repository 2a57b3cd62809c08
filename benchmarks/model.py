"""Cases, their rows and goals, and what came of them."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from typing import Any, Protocol

from attrs import Factory, define, frozen

from benchmarks.cores import Layout
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
    """What the receiver does with a data set, see :class:`~benchmarks.tasks.Task`."""

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
    """Something a row must reach: a ratio to the best of other rows, or an absolute limit."""

    who: str
    metric: str
    over: tuple[str, ...] = ()
    bar: float | None = None
    aim: float | None = None

    @property
    def is_limit(self) -> bool:
        """The value must not be more than this; else not less."""
        return not self.over and self.metric != "alive"


@frozen(kw_only=True)
class Plan:
    """What a case consists of."""

    name: str
    title: str
    rows: tuple[Row, ...]
    goals: tuple[Goal, ...] = ()
    metric: str = "rate"
    """The one that the chart shows."""

    cores: Layout = "two"
    """Which of the cores server and client run on."""


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
    turns: dict[int, Sample] = Factory(dict)
    """What was measured in each round; one that failed is missing."""

    @property
    def samples(self) -> list[Sample]:
        return [*self.turns.values()]

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
    over: str | None = None
    """The best of the rows that the ratio is to."""

    least: float | None = None
    most: float | None = None
    """Of a ratio: in the rounds that measured both."""

    def reached(self, limit: float | None) -> bool | None:
        if limit is None or self.value is None:
            return None
        return self.value <= limit if self.goal.is_limit else self.value >= limit

    @property
    def label(self) -> str:
        if self.goal.over:
            return f"{self.goal.who} / {self.over or self.goal.over[0]}"
        return f"{self.goal.who}: {METRICS[self.goal.metric][0]}"

    def judged(self, limit: float | None) -> str:
        """A limit, and whether it was reached."""
        if limit is None:
            return ""
        return f"{limit:g} " + {True: "reached", False: "MISSED", None: "not measured"}[self.reached(limit)]

    @property
    def verdict(self) -> str:
        parts = (("bar", self.judged(self.goal.bar)), ("aim", self.judged(self.goal.aim)))
        return ", ".join(f"{name} {text}" for name, text in parts if text)

    def as_json(self) -> dict[str, Any]:
        goal = self.goal
        return {
            "who": goal.who,
            "metric": goal.metric,
            "over": self.over,
            "of": list(goal.over),
            "value": self.value,
            "min": self.least,
            "max": self.most,
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
        return [self._limit(goal) if not goal.over else self._ratio(goal) for goal in self.plan.goals]

    def row(self, who: str | None) -> RowResult | None:
        """The row of that name, if it was measured."""
        return next((row for row in self.rows if row.row.who == who and row.turns), None)

    def _limit(self, goal: Goal) -> GoalResult:
        row = self.row(goal.who)
        found = None if row is None else row.summary(goal.metric)
        return GoalResult(goal, None if found is None else found.median)

    def _ratio(self, goal: Goal) -> GoalResult:
        """The median of the ratios of each round: a slow minute of the machine hits both."""
        measured = [row for who in goal.over if (row := self.row(who)) is not None]
        medians = [(found.median, row) for row in measured if (found := row.summary(goal.metric)) and found.median]
        mine = self.row(goal.who)
        if mine is None or not medians:
            return GoalResult(goal, None)
        best = max(medians, key=lambda pair: pair[0])[1]
        ratios = [
            sample[goal.metric] / best.turns[turn][goal.metric]
            for turn, sample in mine.turns.items()
            if turn in best.turns
        ]
        if not ratios:
            return GoalResult(goal, None)
        return GoalResult(goal, statistics.median(ratios), best.row.who, min(ratios), max(ratios))

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.plan.name,
            "title": self.plan.title,
            "metric": self.plan.metric,
            "cores": self.plan.cores,
            "rows": [row.as_json() for row in self.rows],
            "goals": [goal.as_json() for goal in self.goals()],
        }
