"""Every cell of PS3.8 table 9-10, in the tables and on a real Connection."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from attrs import frozen

from dicomwire.errors import LocalProtocolError
from dicomwire.upper_layer import ConnectionClosed, ReleaseRequested, RequestRefused, Role, State, TimedOut, Timer
from dicomwire.upper_layer.limits import Timeouts
from dicomwire.upper_layer.machine import Machine
from dicomwire.upper_layer.state import ACTIONS, TABLE, Action, Input
from dicomwire.upper_layer.timers import Timers
from tests.support.streams import ABORT, STATES_BY_ROLE, Refused, drain, feed, in_state, sent, vectors
from tests.upper_layer import printed_table as printed
from tests.upper_layer.cells import (
    ASSOCIATE_RQ_OF_VERSION_2,
    BY_NUMBER,
    BYTES,
    CAUSES,
    EVENTS,
    STATES,
    Drive,
    Outcome,
    cause,
    drives,
    possible,
)

LOCAL = (1, 7, 8, 9, 11, 14, 15)

CELLS = [(event, state, action) for event, row in printed.TABLE.items() for state, action in row.items()]
EMPTY = [(event, state) for event in EVENTS for state in STATES if state not in printed.TABLE[event]]


def test_the_table_has_as_many_cells_as_the_printed_one() -> None:
    assert len(CELLS) == 123
    assert sum(len(row) for row in TABLE.values()) == 123


@pytest.mark.parametrize(("event", "state", "action"), CELLS)
def test_a_filled_cell_names_the_printed_action(event: int, state: int, action: str) -> None:
    assert TABLE[BY_NUMBER[state]][Input(event)] == action


@pytest.mark.parametrize(("event", "state"), EMPTY)
def test_an_empty_cell_is_missing(event: int, state: int) -> None:
    assert Input(event) not in TABLE[BY_NUMBER[state]]


def test_there_are_28_actions() -> None:
    assert set(ACTIONS) == set(printed.ACTIONS)
    assert len(ACTIONS) == 28


@pytest.mark.parametrize("name", printed.ACTIONS)
def test_an_action_does_what_is_printed(name: str) -> None:
    assert_same(ACTIONS[name], printed.ACTIONS[name])


def assert_same(action: Action, effect: printed.Effect) -> None:
    assert (action.then and action.then.number) == effect.then
    assert action.send == effect.send
    assert action.tell == effect.tell
    assert action.artim == effect.artim
    assert action.close is effect.close
    assert action.source == effect.source
    assert (action.otherwise is None) is (effect.otherwise is None)
    if action.otherwise is not None and effect.otherwise is not None:
        assert_same(action.otherwise, effect.otherwise)


def test_states_and_inputs_are_labelled_as_in_the_standard() -> None:
    assert [state.label for state in State] == [f"Sta{number}" for number in STATES]
    assert [event.label for event in Input] == [f"Evt{number}" for number in EVENTS]


# -- on a real Connection ------------------------------------------------------------------------------------------


DRIVEN = [drive for event in EVENTS for state in STATES for drive in drives(event, state)]


def test_every_cell_is_driven() -> None:
    assert {(drive.event, drive.state) for drive in DRIVEN} == {(event, state) for event in EVENTS for state in STATES}


@pytest.mark.parametrize("drive", DRIVEN, ids=str)
def test_a_connection_does_what_the_cell_says(drive: Drive) -> None:
    drive.run()


@pytest.mark.parametrize("state", [6, 7])
@pytest.mark.parametrize("role", Role)
def test_a_release_indication_says_whether_it_collides(state: int, role: Role) -> None:
    outcome = cause(12, in_state(state, role))
    assert outcome.told == [ReleaseRequested(collision=state == 7)]


@pytest.mark.parametrize("state", [3, 5, 6, 7, 8, 9, 10, 11, 12])
def test_the_loss_of_the_connection_says_if_a_release_was_under_way(state: int) -> None:
    role = Role.REQUESTOR if state in STATES_BY_ROLE[Role.REQUESTOR] else Role.ACCEPTOR
    outcome = cause(17, in_state(state, role))
    assert outcome.told == [ConnectionClosed(missing=0, releasing=state in (7, 9, 10, 11, 12))]


@pytest.mark.parametrize(
    ("event", "state", "role"),
    [
        pytest.param(event, state, role, id=f"Evt{event}-Sta{state}-{role.value}")
        for event, state in [*EMPTY, (1, 1)]
        for role in Role
        if event in (*LOCAL, 2, 5)
        and state in STATES_BY_ROLE[role]
        and possible(event, role)
        and ((event, state) != (1, 1) or role is Role.ACCEPTOR)
    ],
)
def test_what_the_user_may_not_do_changes_nothing(event: int, state: int, role: Role) -> None:
    connection = in_state(state, role)
    deadline = connection.next_deadline(0.0)
    with pytest.raises(LocalProtocolError):
        CAUSES[event](connection)
    assert connection.state.number == state
    assert connection.data_to_send() == []
    assert drain(connection) == []
    assert connection.next_deadline(10.0) == deadline


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("event", BYTES)
def test_bytes_before_there_is_a_connection_are_our_callers_mistake(event: int, role: Role) -> None:
    connection = in_state(1, role)
    with pytest.raises(LocalProtocolError, match="no transport connection is open"):
        CAUSES[event](connection)
    with pytest.raises(LocalProtocolError, match="no transport connection is open"):
        connection.get_buffer()
    assert (connection.state, connection.unread) == (State.STA1, 0)


@pytest.mark.parametrize("event", BYTES)
def test_bytes_while_the_transport_connects_are_our_callers_mistake(event: int) -> None:
    connection = in_state(4, Role.REQUESTOR)
    with pytest.raises(LocalProtocolError, match="no transport connection is open"):
        CAUSES[event](connection)
    assert (connection.state, connection.unread) == (State.STA4, 0)


@pytest.mark.parametrize("role", Role)
def test_the_end_of_a_stream_that_never_began_is_ignored(role: Role) -> None:
    connection = in_state(1, role)
    assert cause(17, connection) == Outcome([], b"")
    assert connection.state is State.STA1
    assert not connection.closed


@pytest.mark.parametrize(
    ("state", "role"),
    [(state, role) for role in Role for state in STATES_BY_ROLE[role] if state not in (2, 13)],
)
def test_artim_does_not_run_in_other_states(state: int, role: Role) -> None:
    connection = in_state(state, role)
    assert connection.next_deadline(0.0) is None
    connection.handle_deadline(1e9)
    assert connection.state.number == state
    assert cause(9 if state in (6, 8) else 17, connection).told in (
        [],
        [ConnectionClosed(releasing=state not in (3, 4, 5))],
    )


@pytest.mark.parametrize("role", Role)
def test_a_closed_connection_is_not_used_again(role: Role) -> None:
    connection = in_state(6, role)
    feed(connection, ABORT)
    assert connection.closed
    for event in (*LOCAL, 2):
        with pytest.raises(LocalProtocolError):
            CAUSES[event](connection)
    for event in (*BYTES, 17):
        assert cause(event, connection) == Outcome([], b"")
    assert connection.closed
    assert connection.unread == 0


def test_an_unsupported_protocol_version_is_rejected_without_asking_the_user() -> None:
    connection = in_state(2, Role.ACCEPTOR)
    connection.next_deadline(0.0)
    [told] = feed(connection, ASSOCIATE_RQ_OF_VERSION_2)
    assert isinstance(told, RequestRefused)
    assert told.request.protocol_version == 2
    # Permanent, service-provider (ACSE), protocol version not supported.
    assert sent(connection).hex(" ") == "03 00 00 00 00 04 00 01 02 02"
    assert connection.state is State.STA13
    assert connection.next_deadline(10.0) == 40.0


# -- traces --------------------------------------------------------------------------------------------------------

TRACES = [pytest.param(trace, id=trace["name"]) for trace in vectors()["state_traces"]]


@pytest.mark.parametrize("trace", TRACES)
def test_a_trace_follows_the_tables(trace: dict[str, Any]) -> None:
    for step in trace["steps"]:
        event = Input(int(step["event"].removeprefix("Evt")))
        assert TABLE[BY_NUMBER[step["state_before"]]][event] == step["action"]
        action = ACTIONS[step["action"]]
        refused = step["action"] == "AE-6" and step["state_after"] == 13  # by the protocol version
        if not refused:
            then = action.then.number if action.then else (9 if trace["role"] == "requestor" else 10)
            assert then == step["state_after"]
            assert (action.send or "") == (step["sends"] or "").split("(")[0]
            assert (action.artim or "") == (step["timer"] or "").split(" ")[0]
            assert action.close is step["close"]
            assert (action.tell is not None) is (step["indication"] is not None)


@frozen
class Step:
    """A step of a trace, and what a connection made of it."""

    said: dict[str, Any]
    state_before: int
    state_after: int
    outcome: Outcome
    closed: bool
    has_deadline: bool

    @property
    def event(self) -> int:
        return int(self.said["event"].removeprefix("Evt"))


def followed(trace: dict[str, Any]) -> Iterator[Step]:
    connection = in_state(trace["steps"][0]["state_before"], Role(trace["role"]))
    deaf = False
    for step in trace["steps"]:
        before = connection.state.number
        event = int(step["event"].removeprefix("Evt"))
        if event == 6 and step["state_after"] == 13 and step["state_before"] == 2:
            connection.receive_data(ASSOCIATE_RQ_OF_VERSION_2)
            outcome = Outcome(drain(connection), sent(connection))
        else:
            outcome = cause(event, connection)
        if deaf and event == 16:
            # Behind garbage nobody knows where a PDU starts, so the abort is not heard; the end of the stream is.
            assert outcome == Outcome([], b"")
            assert connection.state is State.STA13
            outcome = cause(17, connection)
        deaf = deaf or event == 19
        has_deadline = connection.next_deadline(0.0) is not None
        yield Step(step, before, connection.state.number, outcome, connection.closed, has_deadline)


@pytest.mark.parametrize("trace", TRACES)
def test_a_connection_goes_through_the_states_of_a_trace(trace: dict[str, Any]) -> None:
    for step in followed(trace):
        assert (step.state_before, step.state_after) == (step.said["state_before"], step.said["state_after"])
        assert step.closed is (step.state_after == 1)
        assert step.has_deadline is (step.state_after in (2, 13))


@pytest.mark.parametrize("trace", TRACES)
def test_a_connection_sends_what_a_trace_says(trace: dict[str, Any]) -> None:
    kinds = {1: "RQ", 2: "AC", 3: "RJ", 4: "TF", 5: "RELEASE-RQ", 6: "RELEASE-RP", 7: "ABORT"}
    for step in followed(trace):
        written = step.outcome.written
        if step.said["sends"] is None:
            assert written == b""
        else:
            name, _, codes = step.said["sends"].rstrip(")").partition("(")
            assert name.endswith(kinds[written[0]])
            for octet, code in zip(written[-len(codes.split(",")) :], codes.split(","), strict=True):
                assert code in ("", "*", str(octet))


@pytest.mark.parametrize("trace", TRACES)
def test_a_connection_tells_what_a_trace_indicates(trace: dict[str, Any]) -> None:
    for step in followed(trace):
        if step.event != 18 and step.said["sends"] != "A-ASSOCIATE-RJ(1,2,2)":
            assert bool(step.outcome.told) is (step.said["indication"] is not None)
            by_exception = any(isinstance(told, Refused) for told in step.outcome.told)
            assert by_exception is (step.said["action"] == "AA-8")


def test_timeout_of_artim_names_the_timer() -> None:
    assert cause(18, in_state(13, Role.REQUESTOR)).told == [TimedOut(timer=Timer.ARTIM)]


# -- what is not gone through the table -----------------------------------------------------------------------------
OPENED = (Input.TRANSPORT_INDICATION, Input.ASSOCIATE_RQ_RECEIVED, Input.ASSOCIATE_ACCEPT)


@pytest.mark.parametrize(
    ("end", "sends", "takes"),
    [
        pytest.param(Input.RELEASE_REQUEST, [False] * 3 + [True, False], [False] * 3 + [True, True], id="ours"),
        pytest.param(Input.RELEASE_RQ_RECEIVED, [False] * 3 + [True, True], [False] * 3 + [True, False], id="peers"),
        pytest.param(Input.ABORT_REQUEST, [False] * 3 + [True, False], [False] * 3 + [True, False], id="abort"),
    ],
)
def test_p_data_needs_no_step_where_one_would_change_nothing(end: Input, sends: list[bool], takes: list[bool]) -> None:
    # Sta1, Sta2, Sta3, Sta6, and what follows: nothing else tells that every PDU of a large message has a step.
    machine = Machine(Role.ACCEPTOR, Timers(Timeouts()))
    free = [(machine.sends_freely, machine.takes_freely)]
    for kind in (*OPENED, end):
        machine.follow(kind, *machine.find(kind), None)
        free.append((machine.sends_freely, machine.takes_freely))
    assert free == list(zip(sends, takes, strict=True))
