"""The chart of results: an SVG with a panel of bars for each case."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from benchmarks.machine import Machine
from benchmarks.model import METRICS, CaseResult, RowResult
from benchmarks.report import number

_COLOURS = {
    "dicomwire": "#1f6feb",
    "dicomwire asyncio": "#58a6ff",
    "dicomwire trio": "#9ecbff",
    "pynetdicom": "#d1495b",
    "DCMTK": "#edae49",
    "raw": "#8c959f",
}
_PANEL_WIDTH = 560
_LABEL_WIDTH = 210
_BAR_WIDTH = 220
_BAR, _GAP = 14, 6
_MARGIN = 24
_HEAD = 40
_LOWER_IS_BETTER = {"ms", "kib_each"}


def as_svg(machine: Machine, results: Sequence[CaseResult]) -> str:
    """The medians as bars, the least and most as whiskers; each panel has its own scale."""
    drawn = [result for result in results if any(row.summary(result.plan.metric) for row in result.rows)]
    columns: list[list[str]] = [[], []]
    heights = [_HEAD + 44] * 2
    for result in drawn:
        column = 0 if heights[0] <= heights[1] else 1
        body, height = _panel(result)
        x, y = _MARGIN + column * (_PANEL_WIDTH + _MARGIN), heights[column]
        columns[column].append(f'<g transform="translate({x},{y:g})">{body}</g>')
        heights[column] += height + _MARGIN
    width = 2 * _PANEL_WIDTH + 3 * _MARGIN
    height = max(heights)
    lines = _wrapped(machine.line, 170)
    head = f'<text x="{_MARGIN}" y="32" font-size="20" font-weight="bold">dicomwire, its peers and bare sockets</text>'
    head += "".join(
        f'<text x="{_MARGIN}" y="{52 + 15 * index}" font-size="11" fill="#57606a">{escape(line)}</text>'
        for index, line in enumerate(lines)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height:g}" width="{width}" '
        f'height="{height:g}" font-family="system-ui, sans-serif" font-size="12" fill="#1f2328">\n'
        f'<rect width="100%" height="100%" fill="#ffffff"/>\n{head}\n'
        + "\n".join(panel for column in columns for panel in column)
        + "\n</svg>\n"
    )


def _wrapped(text: str, width: int) -> list[str]:
    lines = [""]
    for word in text.split():
        if len(lines[-1]) + len(word) > width:
            lines.append("")
        lines[-1] += f" {word}" if lines[-1] else word
    return lines


def _panel(result: CaseResult) -> tuple[str, int]:
    metric = result.plan.metric
    rows = [row for row in result.rows if row.summary(metric) is not None]
    most = max((found.most for row in rows if (found := row.summary(metric))), default=1.0) or 1.0
    unit = METRICS[metric][0] + (", less is better" if metric in _LOWER_IS_BETTER else "")
    parts = [
        f'<text x="0" y="14" font-size="14" font-weight="bold">{escape(result.plan.title)}</text>',
        f'<text x="{_PANEL_WIDTH}" y="14" text-anchor="end" fill="#57606a">{escape(unit)}</text>',
    ]
    y = 24
    for row in rows:
        parts.append(_bar(row, metric, most, y))
        y += _BAR + _GAP
    return "".join(parts), y


def _bar(row: RowResult, metric: str, most: float, y: int) -> str:
    found = row.summary(metric)
    assert found is not None
    scale = _BAR_WIDTH / most
    length = max(found.median * scale, 1.0)
    middle = y + _BAR / 2
    name = row.row.who
    title = f"{name}: {number(found.median)} ({number(found.least)} to {number(found.most)})"
    whisker = ""
    if found.most > found.least:
        left, right = (_LABEL_WIDTH + max(value, 0.0) * scale for value in (found.least, found.most))
        whisker = f'<path d="M{left:.1f} {middle}H{right:.1f}" stroke="#1f2328" stroke-width="1.5" opacity="0.6"/>'
    end = _LABEL_WIDTH + max(length, found.most * scale) + 6
    return (
        f"<g><title>{escape(title)}</title>"
        f'<text x="{_LABEL_WIDTH - 8}" y="{y + 11}" text-anchor="end">{escape(name)}</text>'
        f'<rect x="{_LABEL_WIDTH}" y="{y}" width="{length:.1f}" height="{_BAR}" fill="{_colour(name)}"/>'
        f'{whisker}<text x="{end:.1f}" y="{y + 11}">{number(found.median)}</text></g>'
    )


def _colour(name: str) -> str:
    """That of the longest known beginning of the name."""
    known = [start for start in _COLOURS if name.startswith(start)]
    return _COLOURS[max(known, key=len)] if known else "#6e7781"
