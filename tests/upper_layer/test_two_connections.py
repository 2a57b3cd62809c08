"""Two Connections and all that can happen between them, beside a model made from the table of PS3.8 9.2.

``DICOMWIRE_STATEFUL=3600 pytest tests/upper_layer/test_two_connections.py`` goes on for an hour.
"""

from __future__ import annotations

import os
import time

import pytest
from attrs import define, field
from hypothesis import Phase, settings, strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from dicomwire.errors import LocalProtocolError
from dicomwire.upper_layer import Connection, Data, DataReceived, Role, Timer, Tolerated
from tests.support.streams import (
    ABORT,
    ASSOCIATE_AC,
    ASSOCIATE_RJ,
    ASSOCIATE_RQ,
    ONLY_ARTIM,
    P_DATA,
    RELEASE_RP,
    RELEASE_RQ,
    UNRECOGNIZED,
    drain,
    sent,
)
from tests.upper_layer.cells import ASSOCIATE_RQ_OF_VERSION_2, CAUSES
from tests.upper_layer.modelled_side import ModelledSide, Piece, add_to

REQUESTOR, ACCEPTOR = 0, 1
SIDES = st.sampled_from((REQUESTOR, ACCEPTOR))
ASKED = st.sampled_from((1, 7, 8, 9, 11, 14, 15))
"""What users ask for, by event of table 9-6."""

MEDDLING = st.sampled_from(
    (
        *(ASSOCIATE_RQ, ASSOCIATE_AC, ASSOCIATE_RJ, P_DATA, RELEASE_RQ, RELEASE_RP, ABORT, UNRECOGNIZED),
        ASSOCIATE_RQ_OF_VERSION_2,
    )
)
LONGEST_FRAGMENT = 16384 - 6
SECONDS = float(os.environ.get("DICOMWIRE_STATEFUL", "0"))


@define
class Side:
    """A Connection, its model, and the way to it."""

    connection: Connection
    model: ModelledSide
    arriving: bytearray = field(factory=bytearray)
    ends: bool = False
    """Nothing is added to ``arriving`` any more."""

    told: list[str] = field(factory=list)
    pieces: list[Piece] = field(factory=list)
    has_begun: bool = False

    def hear(self) -> None:
        """Take what the Connection tells, as the model does."""
        for event in drain(self.connection):
            if isinstance(event, DataReceived):
                add_to(self.pieces, (event.context_id, event.command, event.last, bytes(event.fragment)))
            elif isinstance(event, Tolerated):
                assert "in the middle of a message" in event.what or "odd length" in event.what
            else:
                self.told.append(type(event).__name__)


class TwoConnections(RuleBasedStateMachine):
    """The wire splits, delays, drops the rest, and somebody meddles; it reorders nothing."""

    @initialize(how_far=st.sampled_from((4, 5, 6, 7, 4, 5, 6, 7, 3, 2, 1, 0)), first=SIDES)
    def begin(self, how_far: int, first: int) -> None:
        """Go on from some point on the way to an association, or to its release by ``first`` or by both."""
        self.sides = [
            Side(Connection(role, timeouts=ONLY_ARTIM, connected=False), ModelledSide(role))
            for role in (Role.REQUESTOR, Role.ACCEPTOR)
        ]
        steps = (
            self.associate,
            self.deliver_all,
            self.accept,
            self.deliver_all,
            lambda: self.ask(first, 11),
            lambda: self.ask(1 - first, 11),
            self.deliver_all,
        )
        for step in steps[:how_far]:
            step()

    def went_on(self, number: int) -> None:
        """Compare, and carry what was written to the wire, and a close behind it."""
        side, peer = self.sides[number], self.sides[1 - number]
        side.hear()
        side.model.looks_again()
        written = sent(side.connection)
        assert written == side.model.written
        assert (side.connection.state.number, side.connection.closed) == (side.model.state, side.model.closed)
        side.model.written.clear()
        assert side.told == side.model.told
        assert side.pieces == side.model.pieces
        if not peer.ends:
            peer.arriving += written
            peer.ends = side.connection.closed

    def accept(self) -> None:
        self.ask(ACCEPTOR, 7)

    # -- users --------------------------------------------------------------------------------------------------------
    @precondition(lambda self: not self.sides[REQUESTOR].has_begun)
    @rule()
    def associate(self) -> None:
        """Ask for an association, and connect."""
        self.ask(REQUESTOR, 1)
        self.connect()

    @rule(number=SIDES, which=st.integers(0, 7))
    def ask_what_may_be_asked(self, number: int, which: int) -> None:
        model = self.sides[number].model
        # An abort ends it all: it is not asked for as often as the rest.
        events = [event for event in (9, 11, 14, 7, 8) if model.action(event) is not None] or [15]
        if which == 7 and model.action(15) is not None:
            events = [15]
        if model.action(events[0]) is not None:
            self.ask(number, events[which % len(events)])

    @rule(number=SIDES, event=ASKED)
    def ask(self, number: int, event: int) -> None:
        side = self.sides[number]
        may_begin = number == REQUESTOR and not side.has_begun
        if side.model.action(event) is None or (event == 1 and not may_begin):
            before = side.connection.state, side.connection.closed
            with pytest.raises(LocalProtocolError):
                CAUSES[event](side.connection)
            assert (side.connection.state, side.connection.closed) == before
        else:
            side.has_begun = side.has_begun or event == 1
            side.model.happens(event, pdu=P_DATA)
            CAUSES[event](side.connection)
        self.went_on(number)

    @rule(number=SIDES, command=st.booleans(), last=st.booleans(), size=st.integers(1, 100) | st.integers(1, 40_000))
    def send_data(self, number: int, command: bool, last: bool, size: int) -> None:
        side = self.sides[number]
        if side.model.action(9) is not None:
            data = bytes(byte % 251 for byte in range(size))
            side.connection.send(Data(context_id=1, command=command, last=last, fragment=data))
            for start in range(0, size, LONGEST_FRAGMENT):
                part = data[start : start + LONGEST_FRAGMENT]
                control = command | (last and start + len(part) == size) << 1
                value = (len(part) + 2).to_bytes(4, "big") + bytes((1, control)) + part
                side.model.happens(9, pdu=b"\4\0" + len(value).to_bytes(4, "big") + value)
            self.went_on(number)

    # -- the wire -----------------------------------------------------------------------------------------------------
    @precondition(lambda self: self.sides[REQUESTOR].model.state == 4)
    @rule()
    def connect(self) -> None:
        for number, event in ((REQUESTOR, 2), (ACCEPTOR, 5)):
            side = self.sides[number]
            side.has_begun = True
            side.model.happens(event)
            side.connection.transport_connected()
            self.went_on(number)

    @rule(number=SIDES, size=st.integers(1, 12) | st.integers(1, 60_000))
    def deliver(self, number: int, size: int) -> None:
        side = self.sides[number]
        data = bytes(side.arriving[:size])
        del side.arriving[:size]
        if side.model.closed or side.model.state in (1, 4):
            return
        if data:
            side.model.hears(data)
            if size % 2:
                side.connection.receive_data(data)
            else:
                self._deliver_by_buffer(side, data)
        elif side.ends:
            side.model.hears(b"")
            side.connection.receive_data(b"")
        self.went_on(number)

    @staticmethod
    def _deliver_by_buffer(side: Side, data: bytes) -> None:
        while data:
            room = side.connection.get_buffer()
            count = min(len(room), len(data))
            room[:count] = data[:count]
            side.connection.buffer_updated(count)
            data = data[count:]
            if data:
                side.hear()

    @rule()
    def deliver_all(self) -> None:
        for number, side in enumerate(self.sides):
            self.deliver(number, len(side.arriving) or 1)

    @precondition(lambda self: not all(side.ends for side in self.sides))
    @rule(number=SIDES, pdu=MEDDLING, seldom=st.integers(0, 7))
    def meddle(self, number: int, pdu: bytes, seldom: int) -> None:
        """Somebody puts a PDU behind what is under way."""
        if seldom == 7 and not self.sides[number].ends:
            self.sides[number].arriving += pdu

    @precondition(lambda self: any(side.arriving for side in self.sides))
    @rule(number=SIDES, left=st.integers(0, 100), seldom=st.integers(0, 3))
    def drop_the_rest(self, number: int, left: int, seldom: int) -> None:
        """The wire is cut in one direction: so many bytes still arrive."""
        side = self.sides[number]
        if seldom == 3:
            del side.arriving[left:]
            side.ends = True

    @precondition(lambda self: any(side.model.artim for side in self.sides))
    @rule(number=SIDES, seldom=st.integers(0, 3))
    def wait_for_artim(self, number: int, seldom: int) -> None:
        side = self.sides[number]
        deadline = side.connection.next_deadline(0.0)
        # Where nothing else has a limit.
        assert (deadline is not None) == side.model.artim
        if deadline is not None and seldom == 3:
            side.connection.handle_deadline(deadline)
            side.model.artim = False
            if side.model.action(18) is not None:
                side.model.happens(18)
            self.went_on(number)

    # -- what always holds --------------------------------------------------------------------------------------------
    @invariant()
    def artim_runs_as_the_table_says(self) -> None:
        for side in self.sides:
            assert (Timer.ARTIM in side.connection.timers.running) == side.model.artim

    @invariant()
    def little_is_held(self) -> None:
        for side in self.sides:
            assert side.connection.unread <= 6 + len(ASSOCIATE_RQ)

    def teardown(self) -> None:
        """The wire is cut: both sides end."""
        if not hasattr(self, "sides"):
            return
        for number, side in enumerate(self.sides):
            side.ends = True
            self.deliver(number, len(side.arriving) or 1)
            self.deliver(number, 1)
            if side.model.state == 4:
                self.ask(number, 15)
            assert side.connection.state.number == 1
            assert side.connection.closed is (side.has_begun and side.model.closed)
            assert side.connection.next_deadline(0.0) is None
            assert side.connection.unread == 0


@pytest.mark.skipif(bool(SECONDS), reason="it goes on for longer below")
def test_two_connections_do_what_the_table_says() -> None:
    run_state_machine_as_test(
        TwoConnections,
        settings=settings(max_examples=200, stateful_step_count=40),
    )


@pytest.mark.skipif(not SECONDS, reason="for as long as you like: DICOMWIRE_STATEFUL=seconds")
def test_however_long_they_go_on() -> None:
    rounds, end = 0, time.monotonic() + SECONDS
    longer = settings(
        max_examples=2000,
        stateful_step_count=80,
        derandomize=False,
        database=None,
        phases=[Phase.generate, Phase.shrink],
    )
    while time.monotonic() < end:
        run_state_machine_as_test(TwoConnections, settings=longer)
        rounds += 1
        print(f"{2000 * rounds} examples of up to 80 steps")
