"""docs/images/states.svg: the states, and the actions that lead from one to the next.

What is drawn is what the code has; where it is drawn is here.  A way that nobody has laid out is a `KeyError`.
"""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from textwrap import wrap

from dicomwire.upper_layer.state import ACTIONS, TABLE, State
from tests.generated.state_page import next_states

_WIDTH, _HEIGHT = 120, 78
_LEFT, _MIDDLE, _RIGHT = 34, 170, 306

_PLACES: dict[str, tuple[int, int]] = {
    "Sta1": (_MIDDLE, 30),
    "Sta4": (_LEFT, 140),
    "Sta2": (_RIGHT, 140),
    "Sta5": (_LEFT, 250),
    "Sta3": (_RIGHT, 250),
    "Sta6": (_MIDDLE, 360),
    "Sta7": (_LEFT, 480),
    "Sta8": (_RIGHT, 480),
    "Sta9": (_LEFT, 600),
    "Sta10": (_MIDDLE, 600),
    "Sta11": (_LEFT, 710),
    "Sta12": (_MIDDLE, 710),
    "end": (_LEFT, 830),
    "Sta13": (_RIGHT, 830),
}

# From and to: the points of the line, where its words begin, and which way they go.
_WAYS: dict[tuple[int, int], tuple[str, int, int, str]] = {
    (1, 4): ("170,63 94,63 94,128", 94, 56, "middle"),
    (1, 2): ("290,63 366,63 366,128", 366, 56, "middle"),
    (4, 5): ("94,206 94,238", 100, 226, "start"),
    (2, 3): ("366,206 366,238", 360, 226, "end"),
    (5, 6): ("154,283 210,283 210,348", 158, 276, "start"),
    (3, 6): ("306,283 250,283 250,348", 302, 276, "end"),
    (5, 1): ("34,283 14,283 14,863 34,863", 20, 338, "start"),
    (2, 13): ("426,173 448,173 448,870 426,870", 444, 216, "end"),
    (3, 13): ("426,283 438,283 438,850 426,850", 434, 338, "end"),
    (6, 6): ("290,380 312,380 312,406 290,406", 318, 397, "start"),
    (6, 7): ("190,426 190,446 94,446 94,468", 100, 440, "start"),
    (6, 8): ("270,426 270,446 366,446 366,468", 360, 440, "end"),
    (7, 7): ("154,490 176,490 176,508 154,508", 182, 504, "start"),
    (8, 8): ("306,490 284,490 284,508 306,508", 278, 504, "end"),
    (7, 9): ("94,546 94,588", 100, 571, "start"),
    (7, 10): ("154,528 230,528 230,588", 236, 571, "start"),
    (7, 1): ("34,513 22,513 22,850 34,850", 28, 572, "start"),
    (8, 13): ("366,546 366,818", 360, 572, "end"),
    (9, 11): ("94,666 94,698", 100, 687, "start"),
    (10, 12): ("230,666 230,698", 236, 687, "start"),
    (11, 1): ("94,776 94,818", 100, 801, "start"),
    (12, 13): ("230,776 230,796 336,796 336,818", 236, 791, "start"),
    (13, 1): ("306,870 154,870", 230, 863, "middle"),
}

_STYLE = """
    .idle { fill: #e5e7eb; stroke: #6b7280 }
    .requestor { fill: #dbeafe; stroke: #6b7280 }
    .acceptor { fill: #fde9c8; stroke: #6b7280 }
    .both { fill: #dcfce7; stroke: #6b7280 }
    .name { fill: #111827; font-weight: 600; font-family: ui-monospace, monospace; font-size: 13px }
    .meaning { fill: #111827; font-size: 11px }
    .way { fill: none; stroke: #6b7280; stroke-width: 1.5 }
    .head { fill: #6b7280 }
    .note { fill: #6b7280; font-size: 12px }
    .label { fill: #6b7280; font-size: 12px; font-weight: 600 }
"""

_COLOURS = {1: "idle", 13: "idle", 6: "both", 7: "both", 8: "both"} | dict.fromkeys((4, 5, 9, 11), "requestor")


def ways() -> dict[tuple[State, State], list[str]]:
    """The actions between each two states, without those that end an association from everywhere."""
    found: dict[tuple[State, State], list[str]] = {}
    for state, cells in TABLE.items():
        for name in cells.values():
            if name.startswith("AA-"):
                continue
            action = ACTIONS[name]
            goals = next_states(action) + (next_states(action.otherwise) if action.otherwise else [])
            for goal, _ in goals:
                names = found.setdefault((state, goal), [])
                if name not in names:
                    names.append(name)
    return found


def picture() -> str:
    """The whole file."""
    lines = [
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 460 930" role="img" '
        'aria-labelledby="title" font-family="system-ui, sans-serif" font-size="12">',
        '  <title id="title">The states of an association, and the actions that lead from one to the next</title>',
        f"  <style>{_STYLE}  </style>",
        '  <defs><marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        '<path class="head" d="M0 0 L8 4 L0 8 z"/></marker></defs>',
        '  <text class="note" x="94" y="20" text-anchor="middle">requestor</text>',
        '  <text class="note" x="366" y="20" text-anchor="middle">acceptor</text>',
    ]
    for state in State:
        lines += _box(_PLACES[state.label], state)
    lines += _box(_PLACES["end"], State.STA1)
    for (start, goal), names in ways().items():
        points, x, y, anchor = _WAYS[start.number, goal.number]
        lines.append(f'  <polyline class="way" points="{points}" marker-end="url(#head)"/>')
        lines.append(f'  <text class="label" x="{x}" y="{y}" text-anchor="{anchor}">{escape(", ".join(names))}</text>')
    lines.append(
        '  <text class="note" x="230" y="918" text-anchor="middle">AA-1 to AA-8 end it from nearly everywhere</text>'
    )
    return "\n".join([*lines, "</svg>"]) + "\n"


def _box(place: tuple[int, int], state: State) -> Iterator[str]:
    x, y = place
    colour = _COLOURS.get(state.number, "acceptor")
    yield f'  <rect class="{colour}" x="{x}" y="{y - 12}" width="{_WIDTH}" height="{_HEIGHT}" rx="6"/>'
    yield f'  <text class="name" x="{x + 6}" y="{y + 3}">{state.label}</text>'
    for count, line in enumerate(wrap(state.meaning, 18, break_on_hyphens=False)):
        yield f'  <text class="meaning" x="{x + 6}" y="{y + 19 + 13 * count}">{escape(line)}</text>'
