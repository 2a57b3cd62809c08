"""One association's session and channel: who reads, who sends, and what is done where the channel fails."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from attrs import evolve

from dicomwire import evt
from dicomwire.associations.handlers import Handlers, HandlerTable
from dicomwire.associations.line import Line, ProtocolBroken
from dicomwire.associations.sides import Sides
from dicomwire.dimse.message_events import DataSetReceived, MessageReceived
from dicomwire.errors import LocalProtocolError
from dicomwire.upper_layer.connection_events import Aborted, ConnectionClosed, ReleaseRequested
from dicomwire.upper_layer.limits import Limits, Timeouts
from dicomwire.upper_layer.pdus import Abort, ReleaseRQ
from dicomwire.upper_layer.progress import PeerDoesNotRead
from dicomwire.upper_layer.state import Role
from tests.support.sessions import CANCEL_RQ, ECHO, ECHO_RQ, FIND, FIND_RQ, STORE, STORE_RQ, joined, sent

MIB = 1 << 20


class Host:
    """Runs user code as it is, and counts how often."""

    def __init__(self) -> None:
        self.calls = 0

    def timestamp(self) -> None:
        return None

    async def call(self, function: Any, *args: Any) -> Any:
        self.calls += 1
        return function(*args)

    def apart(self, function: Callable[[], Any]) -> Any:
        return function()


class Channel:
    """Carries bytes from and to a session of the peer, and does what a test has for each step."""

    def __init__(self, line: Line, peer: Any) -> None:
        self.line, self.peer = line, peer
        self.done: list[Any] = []
        self.is_torn = False
        self.error: BaseException | None = None
        self.arriving: list[bytes] = []
        self.written = b""
        self.on_flush: Callable[[], object] = lambda: None
        self.on_turn: Callable[[], object] = lambda: None

    async def flush(self) -> None:
        self.on_flush()
        if self.error is not None:
            raise self.error
        self.written += sent(self.line.session)

    async def pump(self) -> None:
        self.done.append("pump")
        self.line.session.receive_data(self.arriving.pop(0))

    def poll(self) -> bool:
        self.done.append("poll")
        if self.arriving:
            self.line.session.receive_data(self.arriving.pop(0))
            return True
        return False

    async def turn(self) -> None:
        self.done.append(("turn", self.line.waiting))
        self.on_turn()

    def changed(self) -> None:
        self.done.append("changed")

    def hold(self, held: bool) -> None:
        self.done.append(("hold", held))


class Joined:
    """The line of an acceptor with an association, and the requestor it is with."""

    def __init__(self, *handlers: Any) -> None:
        host: Any = Host()
        table = HandlerTable(handlers)
        line: Any = Line(Sides(Role.ACCEPTOR), Handlers("it", table, host), host, Limits(), Timeouts(), "OURS")
        self.host, self.line = host, line
        self.told: list[Any] = []
        self.peer, line.session = joined()
        self.channel = Channel(line, self.peer)
        line.channel = self.channel
        line.adjust_tap()
        line.standing.was_opened = line.standing.is_established = True
        line.ending = SimpleNamespace(finish=self.finish, abandon=lambda: self.told.append("abandoned"))
        line.on_message = self.on_message
        line.on_control = self.on_control

    async def finish(self, outcome: str | None) -> None:
        self.told.append(("finished", outcome))
        self.line.standing.end(outcome, None)

    async def on_message(self, message: Any) -> Any:
        self.told.append(message)
        return None

    async def on_control(self, event: Any) -> None:
        self.told.append(event)

    def arrive(self, *messages: Any) -> None:
        """What the peer sends comes with the next bytes."""
        for context_id, command, data_set in messages:
            self.peer.begin_message(context_id, command, data_set_follows=data_set is not None)
            if data_set is not None:
                self.peer.send_data_set(data_set, last=True)
        self.channel.arriving.append(sent(self.peer))

    def run(self, work: Any) -> Any:
        return asyncio.run(work)


@pytest.fixture
def two() -> Joined:
    return Joined()


# -- what it is called -----------------------------------------------------------------------------------------------
def test_log_fields_have_a_dash_for_nobody(two: Joined) -> None:
    name, peer, called, calling = two.line.log_fields()
    assert name == two.line.name and name[0] == "A" and name[1:].isdigit()
    assert (peer, called, calling) == ("-", "-", "-")
    two.line.sides.peer.address = "192.0.2.7"
    assert two.line.log_fields()[1] == two.line.sides.peer_name != "-"
    assert Joined().line.name != name


def test_a_line_has_the_limits_and_timeouts_it_was_given() -> None:
    limits, timeouts = Limits(contexts=3), Timeouts(artim=7.0)
    host: Any = Host()
    line: Any = Line(Sides(Role.REQUESTOR), Handlers("it", HandlerTable(), host), host, limits, timeouts, "OURS")
    assert (line.session.connection.limits, line.session.connection.timers.timeouts) == (limits, timeouts)
    assert (line.timeouts, line.waiting, line.is_reading, line.is_mute) == (timeouts, 0, False, False)


# -- reading ---------------------------------------------------------------------------------------------------------
def test_what_arrives_goes_to_whom_it_belongs(two: Joined) -> None:
    two.arrive((ECHO, ECHO_RQ, None))
    assert two.run(two.line.advance()) is True
    assert [type(event) for event in two.told] == [MessageReceived]
    assert two.line.is_reading is False
    two.peer.send(ReleaseRQ())
    two.arrive()
    two.run(two.line.advance())
    assert isinstance(two.told[1], ReleaseRequested)
    assert two.channel.done == ["pump", "pump"]


def test_what_breaks_the_protocol_is_told_of(two: Joined) -> None:
    two.channel.arriving.append(b"\x99" + bytes(60))
    assert two.run(two.line.advance()) is True
    assert [type(event) for event in two.told] == [ProtocolBroken]


def test_the_rest_of_a_message_is_done_once_others_may_read(two: Joined) -> None:
    reading: list[bool] = []

    async def rest() -> None:
        reading.append(two.line.is_reading)

    async def on_message(message: Any) -> Any:
        reading.append(two.line.is_reading)
        return rest()

    two.line.on_message = on_message
    two.line.waiting = 1
    two.arrive((ECHO, ECHO_RQ, None))
    two.run(two.line.advance())
    assert reading == [True, False]
    assert two.channel.done == ["pump", "changed"]


def test_who_finds_somebody_reading_waits_for_a_turn(two: Joined) -> None:
    two.line.is_reading = True
    assert two.run(two.line.advance()) is False
    assert two.channel.done == [("turn", 1)]
    assert (two.line.waiting, two.line.is_reading) == (0, True)


def test_without_waiting_only_what_is_there_is_dealt_with(two: Joined) -> None:
    assert two.run(two.line.advance(wait=False)) is False
    two.arrive((ECHO, ECHO_RQ, None), (ECHO, evolve(ECHO_RQ, message_id=2), None))
    assert two.run(two.line.attend()) is True
    assert len(two.told) == 2
    assert two.channel.done == ["poll", "poll"]


def test_a_deadline_that_a_look_finds_over_is_dealt_with(two: Joined) -> None:
    def poll() -> bool:
        # As an idle association's: nothing was received.
        two.peer.send(Abort())
        two.line.session.receive_data(sent(two.peer))
        return False

    two.channel.poll = poll  # type: ignore[method-assign]
    two.run(two.line.attend())
    assert [type(event) for event in two.told] == [Aborted]


def test_an_association_that_has_ended_is_not_looked_at(two: Joined) -> None:
    two.line.standing.end("released", None)
    assert two.run(two.line.attend()) is False
    assert two.channel.done == []


def test_who_waits_for_the_end_reads_until_it_has_ended_and_then_for_a_turn(two: Joined) -> None:
    async def on_control(event: Any) -> None:
        two.line.standing.end("aborted", None)
        two.channel.on_turn = lambda: setattr(two.line.standing, "is_closed", True)

    two.line.on_control = on_control
    two.peer.send(Abort())
    two.arrive()
    two.run(two.line.wait_closed())
    assert two.channel.done == ["pump", ("turn", 1)]


@pytest.mark.parametrize("tapped", [False, True])
def test_a_data_set_comes_piece_by_piece(tapped: bool) -> None:
    data: list[Any] = []
    two = Joined((evt.EVT_DATA_RECV, lambda event: data.append(event.data))) if tapped else Joined()
    two.arrive((STORE, STORE_RQ, b"\x08\0\x08\0\x02\0\0\0AB"))
    two.run(two.line.advance())
    event = two.run(two.line.next_data_set_event())
    assert isinstance(event, DataSetReceived) and event.last
    assert b"".join(event.fragments) == b"\x08\0\x08\0\x02\0\0\0AB"
    held = [step for step in two.channel.done if step[0] == "hold"]
    assert held == ([("hold", True), ("hold", False)] if tapped else [])
    assert bool(data) is tapped


def test_a_data_set_ends_with_the_association(two: Joined) -> None:
    two.peer.begin_message(STORE, STORE_RQ, data_set_follows=True)
    two.arrive()
    two.run(two.line.advance())

    async def on_control(event: Any) -> None:
        two.told.append(type(event))
        two.line.standing.end("aborted", None)

    two.line.on_control = on_control
    two.channel.arriving.append(b"")
    assert two.run(two.line.next_data_set_event()) is None
    assert two.told[1:] == [ConnectionClosed]


def test_a_cancel_is_seen_though_nobody_reads(two: Joined) -> None:
    two.arrive((FIND, FIND_RQ, b"\x08\0\x08\0\x02\0\0\0AB"))
    two.run(two.line.advance())
    assert two.run(two.line.next_data_set_event()).last
    assert two.line.is_cancelled(1) is False
    two.arrive((FIND, CANCEL_RQ, None))
    assert two.line.is_cancelled(1) is True
    assert two.line.is_cancelled(2) is False


# -- sending ---------------------------------------------------------------------------------------------------------
def test_a_message_is_queued_before_anybody_is_told(two: Joined) -> None:
    queued: list[bytes] = []
    two.line.handlers.own_table().bind(evt.EVT_DIMSE_SENT, lambda event: queued.append(sent(two.line.session)))
    two.run(two.line.send(ECHO, ECHO_RQ))
    two.peer.receive_data(queued[0])
    event = two.peer.next_event()
    assert isinstance(event, MessageReceived) and event.command.message_id == 1


def test_nobody_sends_in_the_middle_of_a_message(two: Joined) -> None:
    two.line.is_sending = True
    two.channel.on_turn = lambda: setattr(two.line, "is_sending", False)
    two.run(two.line.send(ECHO, ECHO_RQ))
    assert two.channel.done == [("turn", 1)]
    two.line.is_sending = True
    two.run(two.line.stream(STORE, evolve(STORE_RQ, message_id=2), iter([(b"AB", True)])))
    assert two.channel.done == [("turn", 1), ("turn", 1)]


@pytest.mark.parametrize(("size", "flushes"), [(MIB, [False]), (MIB + 1, [True, True])])
def test_a_mebibyte_goes_at_once_and_more_in_pieces(two: Joined, size: int, flushes: list[bool]) -> None:
    seen: list[bool] = []
    two.channel.on_flush = lambda: seen.append(two.line.is_sending)
    data = bytes(range(256)) * (MIB // 256) + b"x"
    two.run(two.line.send(STORE, STORE_RQ, data[:size]))
    assert seen == flushes
    assert two.line.is_sending is False
    assert len(two.channel.written) > size


@pytest.mark.parametrize("foreign", [False, True])
def test_pieces_of_the_users_are_made_where_user_code_runs(two: Joined, foreign: bool) -> None:
    pieces = iter([(b"AB", False), (b"CD", True)])
    two.line.waiting = 1
    two.run(two.line.stream(STORE, STORE_RQ, pieces, foreign=foreign))
    assert two.host.calls == (2 if foreign else 0)
    assert two.channel.written.endswith(b"CD")
    assert two.channel.done == ["changed"]


def test_nothing_more_is_sent_once_writing_has_failed(two: Joined) -> None:
    asked: list[int] = []

    def pieces() -> Any:
        for number in range(9):
            asked.append(number)
            yield b"AB", False

    two.channel.error = ConnectionResetError("gone")
    two.run(two.line.stream(STORE, STORE_RQ, pieces()))
    assert asked == [0, 1]
    assert two.line.is_sending is False


# -- a channel that fails --------------------------------------------------------------------------------------------
def test_a_peer_that_is_gone_is_told_of_and_what_it_sent_is_read(two: Joined, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "dicomwire")
    two.channel.error = ConnectionResetError("gone")
    two.run(two.line.send(ECHO, ECHO_RQ))
    assert two.line.is_mute and two.line.unread_by_peer is None
    assert f"writing to {two.line.sides.peer_name} failed: gone" in caplog.messages
    two.channel.error = None
    two.run(two.line.flush())
    assert two.channel.written == b""
    two.arrive((ECHO, ECHO_RQ, None))
    two.run(two.line.advance())
    assert [type(event) for event in two.told] == [MessageReceived]


@pytest.mark.parametrize(
    ("error", "what"),
    [(TimeoutError(), "does not read what we send"), (PeerDoesNotRead("reads 3 bytes a day"), "reads 3 bytes a day")],
)
def test_a_peer_that_does_not_read_is_not_listened_to(
    two: Joined, error: Exception, what: str, caplog: pytest.LogCaptureFixture
) -> None:
    two.channel.error = error
    two.run(two.line.send(ECHO, ECHO_RQ))
    assert two.line.unread_by_peer == f"the peer {two.line.sides.peer_in_full} {what}"
    assert [record.getMessage() for record in caplog.records] == [two.line.unread_by_peer]
    # As if it had closed.
    assert two.run(two.line.advance(wait=False)) is True
    assert [type(event) for event in two.told] == [ConnectionClosed]


@pytest.mark.parametrize("is_torn", [False, True])
def test_in_the_middle_of_a_pdu_a_cancelled_task_ends_the_association(two: Joined, is_torn: bool) -> None:
    two.channel.error, two.channel.is_torn = asyncio.CancelledError(), is_torn
    with pytest.raises(asyncio.CancelledError):
        two.run(two.line.send(ECHO, ECHO_RQ))
    assert two.told == ["abandoned"] * is_torn
    assert two.line.is_mute is False


def test_an_exchange_left_by_an_exception_ends_the_association(two: Joined) -> None:
    with two.line.exchange:
        pass
    assert two.told == []
    with pytest.raises(LocalProtocolError), two.line.exchange:
        raise LocalProtocolError("x")
    assert two.told == ["abandoned"]
