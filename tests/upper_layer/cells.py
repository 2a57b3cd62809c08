"""Every event in every state, done to a real Connection, and what PS3.8 tables 9-7 to 9-10 say must come of it.

What is expected is typed here and in ``printed_table``; nothing of it is taken from the library's table.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from attrs import frozen

from dicomwire.errors import LocalProtocolError
from dicomwire.upper_layer import (
    Abort,
    Aborted,
    AssociateAccepted,
    AssociateRejected,
    AssociateRequested,
    Connection,
    ConnectionClosed,
    DataReceived,
    Released,
    ReleaseRequested,
    ReleaseRP,
    ReleaseRQ,
    RequestRefused,
    Role,
    State,
    Tap,
    TimedOut,
    Timer,
)
from dicomwire.upper_layer.state import Input
from dicomwire.upper_layer.tap import Transition
from tests.support.streams import (
    ABORT,
    ASSOCIATE_AC,
    ASSOCIATE_RJ,
    ASSOCIATE_RQ,
    DATA_TO_SEND,
    P_DATA,
    REJECTION,
    RELEASE_RP,
    RELEASE_RQ,
    STATES_BY_ROLE,
    UNRECOGNIZED,
    Refused,
    abort,
    acceptance,
    drain,
    in_state,
    request,
    sent,
)
from tests.upper_layer import printed_table as printed

BY_NUMBER = {state.number: state for state in State}
EVENTS = range(1, 20)
STATES = range(1, 14)
BYTES = (3, 4, 6, 10, 12, 13, 16, 19)
"""Events that are PDUs of the peer."""

ASSOCIATE_RQ_OF_VERSION_2 = ASSOCIATE_RQ[:7] + b"\x02" + ASSOCIATE_RQ[8:]


def expire_artim(connection: Connection) -> None:
    deadline = connection.next_deadline(0.0)
    assert deadline is not None
    connection.handle_deadline(deadline)


CAUSES: dict[int, Callable[[Connection], None]] = {
    1: lambda connection: connection.send(request()),
    2: lambda connection: connection.transport_connected(),
    3: lambda connection: connection.receive_data(ASSOCIATE_AC),
    4: lambda connection: connection.receive_data(ASSOCIATE_RJ),
    5: lambda connection: connection.transport_connected(),
    6: lambda connection: connection.receive_data(ASSOCIATE_RQ),
    7: lambda connection: connection.send(acceptance()),
    8: lambda connection: connection.send(REJECTION),
    9: lambda connection: connection.send(DATA_TO_SEND),
    10: lambda connection: connection.receive_data(P_DATA),
    11: lambda connection: connection.send(ReleaseRQ()),
    12: lambda connection: connection.receive_data(RELEASE_RQ),
    13: lambda connection: connection.receive_data(RELEASE_RP),
    14: lambda connection: connection.send(ReleaseRP()),
    15: lambda connection: connection.send(Abort()),
    16: lambda connection: connection.receive_data(ABORT),
    17: lambda connection: connection.receive_data(b""),
    18: expire_artim,
    19: lambda connection: connection.receive_data(UNRECOGNIZED),
}


@frozen
class Outcome:
    told: list[Any]
    written: bytes


def cause(event: int, connection: Connection) -> Outcome:
    """Let event ``event`` of table 9-6 happen."""
    CAUSES[event](connection)
    return Outcome(drain(connection), sent(connection))


def possible(event: int, role: Role) -> bool:
    """Whether the transport can report that event to that role."""
    return not (event == 2 and role is Role.ACCEPTOR) and not (event == 5 and role is Role.REQUESTOR)


def expected_bytes(event: int, action: str) -> bytes:
    """What the action writes, after the codes of PS3.8 table 9-26."""
    reason = {19: 1}.get(event, 2)
    return {
        "AE-2": ASSOCIATE_RQ,
        "AE-7": ASSOCIATE_AC,
        "AE-8": ASSOCIATE_RJ,
        "DT-1": P_DATA,
        "AR-7": P_DATA,
        "AR-1": RELEASE_RQ,
        "AR-4": RELEASE_RP,
        "AR-9": RELEASE_RP,
        "AA-1": abort(0, 0),
        "AA-7": abort(2, reason),
        "AA-8": abort(2, reason),
    }.get(action, b"")


def expected_told(event: int, action: str) -> list[type]:
    if action == "AA-1" and event != 15:
        return [Refused]
    if action == "AA-2" and event == 18:
        return [TimedOut]
    told: dict[str, list[type]] = {
        "AE-3": [AssociateAccepted],
        "AE-4": [AssociateRejected],
        "AE-6": [AssociateRequested],
        "DT-2": [DataReceived],
        "AR-2": [ReleaseRequested],
        "AR-3": [Released],
        "AR-6": [DataReceived],
        "AR-8": [ReleaseRequested],
        "AR-10": [Released],
        "AA-3": [Aborted],
        "AA-4": [ConnectionClosed],
        "AA-8": [Refused],
    }
    return told.get(action, [])


@frozen
class Drive:
    """One event in one state of one role; ``version`` is that of an A-ASSOCIATE-RQ."""

    event: int
    state: int
    role: Role
    version: int = 1

    def __str__(self) -> str:
        version = "" if self.version == 1 else f"-version-{self.version}"
        return f"Evt{self.event}-Sta{self.state}-{self.role.value}{version}"

    @property
    def action(self) -> str | None:
        """What table 9-10 names; None for an empty cell."""
        return printed.TABLE[self.event].get(self.state)

    def run(self, tap: Tap | None = None) -> None:
        """Do it, and compare; ``tap`` shows the names of actions, too.

        ARTIM runs before, in whatever state, so that it shows whether it is started, stopped or left alone.
        """
        connection = in_state(self.state, self.role, tap=tap)
        connection.timers.start(Timer.ARTIM)
        assert connection.next_deadline(0.0) == 30.0
        if tap is not None:
            tap.take()
        if not possible(self.event, self.role):
            # No transport would report that here.  It is not for the role to refuse it, but for the table.
            connection.role = Role.REQUESTOR if self.role is Role.ACCEPTOR else Role.ACCEPTOR
        if self.action is None:
            self._nothing_happens(connection)
        elif self.version != 1:
            self._refuses_the_version(connection)
        else:
            self._happens(connection, self.action)
        assert drain(connection) == [] and sent(connection) == b""
        if tap is not None:
            self._is_recorded(tap, connection.state)

    def _nothing_happens(self, connection: Connection) -> None:
        if self.event in (17, 18):
            # The end of a stream that never began, and ARTIM where it does not run.
            assert cause(self.event, connection) == Outcome([], b"")
        else:
            of_transport = "cannot happen" if self.event in (2, 5) else "cannot be sent"
            reason = "no transport connection is open" if self.event in BYTES else of_transport
            with pytest.raises(LocalProtocolError, match=reason):
                CAUSES[self.event](connection)
        assert connection.state.number == self.state
        assert not connection.closes and not connection.closed
        if self.event != 18:
            assert connection.next_deadline(10.0) == 30.0

    def _happens(self, connection: Connection, action: str) -> None:
        effect = printed.ACTIONS[action]
        outcome = cause(self.event, connection)
        then = effect.then or (9 if self.role is Role.REQUESTOR else 10)
        assert connection.state.number == then
        assert connection.ending is (then == 13)
        assert connection.is_established is (then == 6)
        assert connection.closes is effect.close
        assert connection.closed is (effect.close or self.event == 17)
        assert outcome.written == expected_bytes(self.event, action)
        assert [type(told) for told in outcome.told] == expected_told(self.event, action)
        for told in outcome.told:
            if isinstance(told, ReleaseRequested):
                assert told.collision is (action == "AR-8")
        self._artim(connection, None if self.event == 18 else effect.artim, runs=self.event != 18)

    def _refuses_the_version(self, connection: Connection) -> None:
        connection.receive_data(ASSOCIATE_RQ_OF_VERSION_2)
        [told] = drain(connection)
        assert isinstance(told, RequestRefused)
        assert told.request.protocol_version == 2
        # Permanent, service-provider (ACSE), protocol version not supported.
        assert sent(connection).hex(" ") == "03 00 00 00 00 04 00 01 02 02"
        assert connection.state.number == 13
        assert not connection.closes and not connection.closed
        self._artim(connection, "start")

    def _artim(self, connection: Connection, effect: str | None, *, runs: bool = True) -> None:
        left = {"start": 40.0, "stop": None, None: 30.0 if runs else None}
        assert connection.next_deadline(10.0) == left[effect]

    def _is_recorded(self, tap: Tap, then: State) -> None:
        steps = [record for record in tap.take() if isinstance(record, Transition)]
        if self.action is None:
            assert steps == []
        else:
            assert steps[:1] == [Transition(BY_NUMBER[self.state], Input(self.event), self.action, steps[0].then)]
            assert steps[-1].then is then


def drives(event: int, state: int) -> Iterator[Drive]:
    """All ways to bring an event about in a state."""
    roles = [role for role in Role if state in STATES_BY_ROLE[role]]
    for role in roles:
        if (event, state) == (1, 1) and role is Role.ACCEPTOR:
            # It never asks; that is no matter of the table.
            continue
        if possible(event, role) or len(roles) == 1:
            yield Drive(event, state, role)
    if (event, state) == (6, 2):
        yield Drive(event, state, Role.ACCEPTOR, version=2)
