"""The table of results, as plain text and as Markdown, and the JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from attrs import asdict

from benchmarks.counts import Count
from benchmarks.machine import Machine
from benchmarks.model import METRICS, CaseResult, RowResult

NOTES = (
    "Medians over the runs, with the least and the most in brackets; the contenders of a case take turns.",
    "Client and server are two processes on 127.0.0.1, on a core each unless the case says otherwise; several clients "
    "share theirs. MB = 10^6 bytes of data set, MiB = 2^20.",
    "A ratio is the median of those of each round, to that row of those named whose median is best.",
    "dicomwire, pynetdicom and raw sockets: the send loop only, after one small object that is not counted.",
    "DCMTK as client: the whole process, minus its start-up, which is the median of three echoscu runs (start, "
    "association, one echo), for time and processor time; idle memory is that of echoscu.",
    "Memory is what the kernel says was the most: of DCMTK's clients when they have ended (ru_maxrss), of others "
    "before. Above idle: that minus what there was before the first measured object.",
    "pynetdicom sends a Dataset that was read before; dicomwire, DCMTK and file cases read the file for each object.",
    "Files: each object goes to a new one, and all are removed between turns.",
    "Raw sockets: the same headers, bytes and batches, received into one buffer, with no protocol.",
    "Slow peers get smaller counts, because they wait on timers; rates are per second all the same.",
)

_COLUMNS = ("case", "who", "runs", "per second", "MB/s", "CPU s/GB", "CPU us each", "peak MiB (above idle)", "more")
_BAR_COLUMNS = ("case", "what", "is", "bar", "aim", "CPU us each, client / server | of the other")
_LATER = ("p50_ms", "p99_ms", "held", "alive", "opened_s", "kib_each", "cpu_percent", "threads", "ms")


def number(value: float) -> str:
    """Three digits that matter, and never an exponent."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}" if abs(value) >= 0.01 or value == 0 else f"{value:.4f}"


def _spread(row: RowResult, metric: str) -> str:
    found = row.summary(metric)
    if found is None:
        return ""
    if len(row.samples) == 1:
        return number(found.median)
    return f"{number(found.median)} ({number(found.least)}-{number(found.most)})"


def _median(row: RowResult, metric: str) -> str:
    found = row.summary(metric)
    return "" if found is None else number(found.median)


def _pair(row: RowResult, metric: str) -> str:
    """The medians of client and server."""
    pair = [_median(row, f"{side}_{metric}") for side in ("client", "server")]
    return " / ".join(item or "-" for item in pair) if any(pair) else ""


def _memory(row: RowResult) -> str:
    sides = []
    for side in ("client", "server"):
        peak, above = row.summary(f"{side}_peak"), row.summary(f"{side}_above")
        if peak is not None and above is not None:
            sides.append(f"{number(peak.median)} ({number(max(above.median, 0.0))})")
    return " / ".join(sides)


def _more(row: RowResult) -> str:
    parts = [f"{METRICS[metric][0]} {text}" for metric in _LATER if (text := _spread(row, metric))]
    if row.failures:
        parts.append(f"{len(row.failures)} failed: {row.failures[0]}")
    if row.skipped:
        parts.append(f"skipped: {row.skipped}")
    return "; ".join([*parts, *filter(None, [row.row.note])])


def _cells(row: RowResult) -> list[str]:
    return [
        row.row.who,
        str(len(row.samples)),
        _spread(row, "rate"),
        _spread(row, "mb_s"),
        _pair(row, "cpu_gb"),
        _pair(row, "cpu_us"),
        _memory(row),
        _more(row),
    ]


def _goal_lines(result: CaseResult) -> list[str]:
    lines = []
    for goal in result.goals():
        value = "not measured" if goal.value is None else number(goal.value)
        spread = "" if goal.least in (None, goal.most) else f" [{number(goal.least)}-{number(goal.most or 0)}]"
        lines.append(f"{goal.label}: {value}{spread}" + (f" ({goal.verdict})" if goal.verdict else ""))
    return lines


def _bars(results: Sequence[CaseResult]) -> list[list[str]]:
    """Everything that has a bar or an aim, in one table; the processor time of both rows of a ratio beside it."""
    rows: list[list[str]] = [list(_BAR_COLUMNS)]
    for result in results:
        for goal in result.goals():
            if goal.goal.bar is None and goal.goal.aim is None:
                continue
            value = "not measured" if goal.value is None else number(goal.value)
            cpu = [_cpu(result.row(who)) for who in (goal.goal.who, goal.over) if who is not None]
            more = " | ".join(filter(None, cpu))
            limits = [goal.judged(limit) for limit in (goal.goal.bar, goal.goal.aim)]
            rows.append([result.plan.title, goal.label, value, *limits, more])
    return rows if len(rows) > 1 else []


def _cpu(row: RowResult | None) -> str:
    return "" if row is None else _pair(row, "cpu_us")


def as_text(machine: Machine, results: Sequence[CaseResult]) -> str:
    """One table for a terminal; under each case its ratios and limits, each with bar and aim."""
    rows: list[list[str]] = [list(_COLUMNS)]
    breaks: dict[int, list[str]] = {}
    for result in results:
        for index, row in enumerate(result.rows):
            rows.append([result.plan.name if index == 0 else "", *_cells(row)])
        breaks[len(rows) - 1] = _goal_lines(result)
    lines = [machine.line, ""]
    for index, line in enumerate(_aligned(rows)):
        lines.append(line)
        if index in breaks:
            lines += [f"    = {line}" for line in breaks[index]] + [""]
    lines += [*_aligned(_bars(results)), ""]
    return "\n".join([*lines, *(f"- {note}" for note in NOTES), ""])


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Lines with columns of equal width; the last one is as wide as it is."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    widths[-1:] = [0]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def as_markdown(machine: Machine, results: Sequence[CaseResult]) -> str:
    """The same table; the ratios and limits of a case stand in its last row."""
    lines = [machine.line + ".", "", _markdown_row(_COLUMNS), _markdown_row(["---"] * len(_COLUMNS))]
    for result in results:
        for index, row in enumerate(result.rows):
            lines.append(_markdown_row([result.plan.title if index == 0 else "", *_cells(row)]))
        if goals := _goal_lines(result):
            lines.append(_markdown_row(["", "**ratios and limits**", *[""] * (len(_COLUMNS) - 3), "<br>".join(goals)]))
    if bars := _bars(results):
        lines += ["", _markdown_row(bars[0]), _markdown_row(["---"] * len(_BAR_COLUMNS)), *map(_markdown_row, bars[1:])]
    return "\n".join([*lines, "", *(f"- {note}" for note in NOTES), ""])


def _markdown_row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def as_json(machine: Machine, results: Sequence[CaseResult], runs: int, *, tiny: bool, counts: Sequence[Count]) -> str:
    document: dict[str, Any] = {
        "machine": asdict(machine),
        "runs": runs,
        "tiny": tiny,
        "metrics": {name: f"{label}: {meaning}" for name, (label, meaning) in METRICS.items()},
        "notes": list(NOTES),
        "cases": [result.as_json() for result in results],
        "counts": [asdict(item) for item in counts],
    }
    return json.dumps(document, indent=1) + "\n"
