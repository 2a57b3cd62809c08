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
    "Client and server are two processes on 127.0.0.1. MB = 10^6 bytes of data set, MiB = 2^20.",
    "dicomwire, pynetdicom and raw sockets: the send loop only, after one small object that is not counted.",
    "DCMTK as client: the whole process, minus its start-up, which is the median of three echoscu runs (start, "
    "association, one echo), for time and processor time; idle memory is that of echoscu.",
    "Above idle: the most memory while sending, minus that before the first measured object.",
    "pynetdicom sends a Dataset that was read before; dicomwire, DCMTK and file cases read the file for each object.",
    "Raw sockets: the same headers, bytes and batches, received into one buffer, with no protocol.",
    "Slow peers get smaller counts, because they wait on timers; rates are per second all the same.",
)

_COLUMNS = ("case", "who", "runs", "per second", "MB/s", "CPU s/GB", "CPU us each", "peak MiB (above idle)", "more")
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
        lines.append(f"{goal.label}: {value}" + (f" ({goal.verdict})" if goal.verdict else ""))
    return lines


def as_text(machine: Machine, results: Sequence[CaseResult]) -> str:
    """One table for a terminal; under each case its ratios and limits, each with bar and aim."""
    rows: list[list[str]] = [list(_COLUMNS)]
    breaks: dict[int, list[str]] = {}
    for result in results:
        for index, row in enumerate(result.rows):
            rows.append([result.plan.name if index == 0 else "", *_cells(row)])
        breaks[len(rows) - 1] = _goal_lines(result)
    widths = [max(len(row[column]) for row in rows) for column in range(len(_COLUMNS) - 1)]
    lines = [machine.line, ""]
    for index, cells in enumerate(rows):
        lines.append("  ".join(cell.ljust(width) for cell, width in zip(cells, [*widths, 0], strict=True)).rstrip())
        if index in breaks:
            lines += [f"    = {line}" for line in breaks[index]] + [""]
    return "\n".join([*lines, *(f"- {note}" for note in NOTES), ""])


def as_markdown(machine: Machine, results: Sequence[CaseResult]) -> str:
    """The same table; the ratios and limits of a case stand in its last row."""
    lines = [machine.line + ".", "", _markdown_row(_COLUMNS), _markdown_row(["---"] * len(_COLUMNS))]
    for result in results:
        for index, row in enumerate(result.rows):
            lines.append(_markdown_row([result.plan.title if index == 0 else "", *_cells(row)]))
        if goals := _goal_lines(result):
            lines.append(_markdown_row(["", "**ratios and limits**", *[""] * (len(_COLUMNS) - 3), "<br>".join(goals)]))
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
