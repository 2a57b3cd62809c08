"""docs/reference/state-table.md: the tables of PS3.8 9.2 as the code has them."""

from __future__ import annotations

from dicomwire.upper_layer.machine import entered
from dicomwire.upper_layer.state import ACTIONS, TABLE, Action, Input, Role, State
from tests.generated.markdown import NOTE, table


def page() -> str:
    """The whole page."""
    return "\n\n".join(
        [
            "# The state table",
            NOTE,
            "An association is a state machine (PS3.8 9.2). This is what `core/dicomwire/upper_layer/state.py` has; "
            "a `Connection` does\nwhat is here and nothing else. An event that has no cell in a state cannot happen "
            "there: asked for, it is a `LocalProtocolError`.",
            "![The states of an association, and the actions that lead from one to the next](../images/states.svg)",
            "The picture leaves out the actions AA-1 to AA-8, which end an association from nearly everywhere. Sta1 is "
            "there twice.",
            "## States",
            table(("State", "Meaning", "Deadline that begins", "Deadline that ends"), map(_state, State)),
            "ARTIM begins and ends with actions. The names of the others are those of "
            "[Timeouts](limits-and-timeouts.md#timeouts).",
            "## Events",
            table(("Event", "Name in the code"), ((each.label, f"`{each.name}`") for each in Input)),
            "## Actions",
            table(
                ("Action", "Sends", "Tells the user", "ARTIM", "Closes the transport", "Next state"),
                (row for name, action in ACTIONS.items() for row in _action(name, action)),
            ),
            "## What happens when",
            table(
                ("", *(state.label for state in State)),
                ((event.label, *(TABLE[state].get(event, "") for state in State)) for event in Input),
            )
            + "\n",
        ]
    )


def _state(state: State) -> tuple[str, ...]:
    then = entered(state)
    starts, stops = (f"`{timer.name.lower()}`" if timer is not None else "" for timer in (then.starts, then.stops))
    return state.label, state.meaning, starts, stops


def next_states(action: Action) -> list[tuple[State, str]]:
    """Where an action leads, and for whom: Sta9 or Sta10 with the role."""
    if action.then is not None:
        return [(action.then, "")]
    return [(State.STA9, Role.REQUESTOR.value), (State.STA10, Role.ACCEPTOR.value)]


def _action(name: str, action: Action) -> list[tuple[str, ...]]:
    then = ", ".join(f"{state.label} ({role})" if role else state.label for state, role in next_states(action))
    source = "" if action.source is None else f" (source {int(action.source)})"
    row = (
        name,
        f"{action.send}{source}" if action.send else "",
        action.tell.value if action.tell else "",
        {"start": "starts", "stop": "stops", None: ""}[action.artim],
        "yes" if action.close else "",
        then,
    )
    if action.otherwise is None:
        return [row]
    return [row, *_action(f"{name}, version not supported", action.otherwise)]
