"""How an association ends: what is told and sent, in which order, on every way to it."""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from dicomwire import evt
from dicomwire.associations.association_control import Control
from dicomwire.associations.ending import Ending, ended_here, refuse_to_wait
from dicomwire.associations.line import ProtocolBroken
from dicomwire.associations.sides import Sides
from dicomwire.associations.standing import Standing
from dicomwire.dimse.message_events import CancelReceived
from dicomwire.errors import LocalProtocolError, RemoteProtocolError
from dicomwire.upper_layer.connection_events import (
    Aborted,
    AssociateRequested,
    ConnectionClosed,
    Released,
    TimedOut,
    Tolerated,
)
from dicomwire.upper_layer.limits import Timeouts
from dicomwire.upper_layer.pdus import Abort, AssociateRJ, AssociateRQ
from dicomwire.upper_layer.state import Role, State
from dicomwire.upper_layer.timers import Timer

NAMES = {evt.EVT_ABORTED: "aborted", evt.EVT_REJECTED: "rejected", evt.EVT_RELEASED: "released"}
NAMES |= {evt.EVT_CONN_CLOSE: "closed", evt.EVT_ACSE_SENT: "sent"}


class Line:
    """As much of one as the end needs, and what was done with it."""

    def __init__(self, role: Role = Role.ACCEPTOR, *, opened: bool = True) -> None:
        self.done: list[Any] = []
        self.sides = Sides(role)
        self.sides.peer.address = ("192.0.2.7", 104)
        self.standing = Standing()
        self.standing.was_opened = opened
        self.timeouts = Timeouts(artim=30.0)
        self.connection: Any = Connection(self)
        self.session: Any = self
        self.channel: Any = self
        self.handlers: Any = self
        self.host: Any = Host(self)
        self.association = "this association"
        self.bound = defaultdict[Any, bool](lambda: True)
        self.unread_by_peer: str | None = None
        self.alert: str | None = None
        self.ending: Any = Ending(self, lambda: self.done.append("forgotten"))
        self.sent: list[Any] = []
        self.cannot_send = False

    # -- the session and its connection
    def hurry(self) -> None:
        self.done.append("hurry")

    def data_to_send(self) -> None:
        self.done.append("dropped")

    def next_event(self) -> None:
        return None

    def send(self, pdu: Any) -> None:
        if self.cannot_send:
            raise LocalProtocolError("nothing to abort")
        self.sent.append(pdu)

    # -- the line and its channel
    async def flush(self) -> None:
        self.done.append("flush")

    async def aclose(self) -> None:
        self.done.append("aclose")

    def abandon(self) -> None:
        self.done.append("abandon")

    def changed(self) -> None:
        self.done.append("changed")

    async def wait_closed(self) -> None:
        self.done.append("waited")

    # -- the handlers and the host
    async def notify(self, event: Any, **attrs: Any) -> None:
        self.notify_now(event, **attrs)

    def notify_now(self, event: Any, **attrs: Any) -> None:
        assert ended_here() == "this association" or event is evt.EVT_ABORTED
        self.done.append((NAMES[event], *attrs.values()))

    async def notify_primitive(self, event: Any, make: Callable[[], Any]) -> None:
        self.done.append((NAMES[event], make().abort_source))


class Connection:
    """One that has nothing more to say."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self.ending = False
        self.closed = False
        self.tap = None
        self.state = State.STA6
        self.writing = line

    def send(self, pdu: Any) -> None:
        self._line.send(pdu)


class Host:
    """What the adapter is told."""

    def __init__(self, line: Line) -> None:
        self._line = line

    def closing(self) -> None:
        self._line.done.append("closing")

    def closed(self) -> None:
        self._line.done.append("closed by the host")

    def apart(self, work: Callable[[], object]) -> None:
        work()


@pytest.fixture
def line() -> Line:
    return Line()


CLOSED = ("closed", ("192.0.2.7", 104))
LAST = [CLOSED, "forgotten", "changed", "closed by the host"]


@pytest.mark.parametrize(
    ("outcome", "first"),
    [
        ("released", [("released",)]),
        ("aborted", ["hurry", "flush", ("aborted",)]),
        ("rejected", [("rejected",), "flush"]),
        (None, ["flush"]),
    ],
)
def test_an_association_ends_once_and_tells_it_first(line: Line, outcome: str | None, first: list[Any]) -> None:
    asyncio.run(line.ending.finish(outcome, "why"))
    assert line.done == [*first, "aclose", "closing", *LAST]
    assert (line.standing.has_ended, line.standing.is_closing, line.standing.is_closed) == (True, True, True)
    asyncio.run(line.ending.finish("aborted"))
    line.ending.abandon()
    line.ending.kill()
    assert line.done[-1] == LAST[-1] and len(line.done) == len(first) + 2 + len(LAST)


def test_a_peer_that_is_not_waited_for_gets_no_time_to_close(line: Line) -> None:
    asyncio.run(line.ending.finish("aborted", wait=False))
    assert line.done == ["hurry", "flush", ("aborted",), "abandon", "closing", *LAST]


@pytest.mark.parametrize(
    ("outcome", "begun"), [("aborted", [Timer.CLOSE]), ("rejected", [Timer.CLOSE]), ("released", [])]
)
def test_after_an_abort_or_a_rejection_the_time_to_close_begins(line: Line, outcome: str, begun: list[Timer]) -> None:
    started: list[Timer] = []
    line.connection.timers = SimpleNamespace(start=started.append)
    line.connection.ending = True

    async def send_eof() -> None:
        # Who hears that closes.
        line.connection.ending = False

    line.send_eof = send_eof  # type: ignore[attr-defined]
    asyncio.run(line.ending.finish(outcome))
    assert started == begun


def test_who_is_cancelled_while_it_closes_lets_go_at_once(line: Line) -> None:
    async def aclose() -> None:
        raise asyncio.CancelledError

    line.aclose = aclose  # type: ignore[method-assign]
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(line.ending.finish("released"))
    assert line.done == [("released",), "closing", "abandon", "changed", *LAST]


def test_what_was_never_open_is_not_closed() -> None:
    line = Line(opened=False)
    asyncio.run(line.ending.finish("aborted"))
    assert line.done == [("aborted",), "closing", "forgotten", "closed by the host"]


def test_who_closes_already_goes_on_alone(line: Line) -> None:
    line.standing.is_closing = True
    asyncio.run(line.ending.finish("released"))
    assert line.done == [("released",)]


def test_what_is_abandoned_is_aborted_and_let_go(line: Line, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    line.ending.abandon(why="stopped")
    assert line.done == ["closing", "abandon", "changed", ("aborted",), *LAST]
    assert line.sent == [Abort()]
    assert line.standing.is_closing and line.standing.is_closed and line.standing.is_aborted
    assert line.standing.failure == "stopped"
    assert caplog.records[-1].getMessage() == "association with 192.0.2.7:104 aborted: stopped"


@pytest.mark.parametrize("state", [State.STA1, State.STA2, State.STA13])
def test_nothing_is_aborted_where_there_is_no_association_yet_or_any_more(line: Line, state: State) -> None:
    line.connection.state = state
    line.ending.abandon(Abort(source=2))
    assert line.sent == [] and line.done[-4:] == LAST


def test_the_codes_of_an_abort_may_be_given(line: Line) -> None:
    line.ending.abandon(Abort(source=2))
    assert line.sent == [Abort(source=2)]


def test_what_is_killed_tells_nobody(line: Line) -> None:
    line.ending.kill()
    assert line.done == ["dropped", "closing", "abandon", "changed", "forgotten", "changed", "closed by the host"]
    assert line.standing.has_ended and line.standing.is_closing and line.standing.is_closed
    assert line.sent == [] and line.standing.failure == "killed"


def test_a_fork_forgets_what_its_parent_has(line: Line) -> None:
    line.ending.forsake("of the parent")
    assert line.done == ["dropped"] and line.standing.failure == "of the parent"
    assert line.standing.has_ended and line.standing.is_closing and line.standing.is_closed


def test_a_handler_that_hears_of_the_end_does_not_wait_for_it(line: Line) -> None:
    told: list[str] = []

    async def notify(event: Any, **attrs: Any) -> None:
        with pytest.raises(RuntimeError, match="cannot wait for that end"):
            refuse_to_wait("this association")
        refuse_to_wait("another")
        told.append(NAMES[event])

    line.notify = notify  # type: ignore[method-assign]
    asyncio.run(line.ending.finish("released"))
    assert told == ["released", "closed"]
    assert ended_here() is None
    refuse_to_wait("this association")


# -- what comes, and what it means ---------------------------------------------------------------------------------
class Ended:
    """Hears what the outcome is."""

    def __init__(self) -> None:
        self.heard: list[Any] = []

    async def finish(self, outcome: str | None, why: str | None = None, *, wait: bool = True) -> None:
        self.heard.append((outcome, why, wait))

    def abandon(self, pdu: Any, why: str) -> None:
        self.heard.append((pdu, why))


def outcome_of(line: Line, *events: Any) -> list[Any]:
    line.ending = Ended()
    control = Control(line)  # type: ignore[arg-type]
    for event in events:
        asyncio.run(control.deal_with(event))
    heard: list[Any] = line.ending.heard
    return heard


def heard(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    return [record for record in caplog.records if record.name.startswith("dicomwire")]


REQUEST = AssociateRequested(pdu=AssociateRQ(called_ae_title="A", calling_ae_title="B"))


@pytest.mark.parametrize(
    ("event", "why"),
    [
        (Aborted(pdu=Abort(source=0)), "aborted by the peer ("),
        (Aborted(pdu=Abort(source=2)), "aborted by the provider ("),
        (ConnectionClosed(), "connection closed without release"),
        (ConnectionClosed(releasing=True), "closed during release"),
        (ConnectionClosed(missing=3), "connection closed without release, in the middle of a PDU that lacked 3 bytes"),
        (TimedOut(timer=Timer.RESPONSE), "timed out waiting for a response"),
        (
            TimedOut(timer=Timer.PROGRESS, unread=True),
            "timed out waiting for the rest of a message: the peer 192.0.2.7:104 does not read what we send",
        ),
        (ProtocolBroken(error=RemoteProtocolError("nonsense")), "nonsense"),
    ],
    ids=["peer", "provider", "closed", "releasing", "in a PDU", "timeout", "unread", "broken"],
)
def test_what_comes_aborts_an_association_and_why_is_told(line: Line, event: Any, why: str) -> None:
    ((outcome, told, wait),) = outcome_of(line, REQUEST, event)
    assert (outcome, wait) == ("aborted", True)
    assert told.startswith(why)


def test_the_alert_of_the_peer_and_what_it_did_not_read_are_told(line: Line) -> None:
    line.alert = "bad certificate"
    assert outcome_of(line, ConnectionClosed())[0][1] == "connection closed without release: bad certificate"
    line.unread_by_peer = "it did not read"
    assert outcome_of(line, ConnectionClosed()) == [("aborted", "it did not read", True)]


def test_a_port_monitor_that_comes_and_goes_is_no_news(line: Line, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG", "dicomwire")
    outcome_of(line, ConnectionClosed())
    outcome_of(line, REQUEST, ConnectionClosed())
    assert [record.levelno for record in heard(caplog)] == [logging.DEBUG, logging.INFO]
    text = "192.0.2.7:104: connection closed without release"
    assert {record.getMessage() for record in heard(caplog)} == {text}


@pytest.mark.parametrize(
    ("role", "events", "outcome"),
    [(Role.ACCEPTOR, [], None), (Role.ACCEPTOR, [REQUEST], "aborted"), (Role.REQUESTOR, [], "aborted")],
)
def test_where_there_was_no_association_a_timeout_aborts_none(role: Role, events: Any, outcome: str | None) -> None:
    line = Line(role)
    expected = [(outcome, "timed out waiting for the peer to act (ARTIM)", True)]
    assert outcome_of(line, *events, TimedOut(timer=Timer.ARTIM)) == expected


def test_what_is_tolerated_or_cancelled_ends_nothing(line: Line, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG", "dicomwire")
    assert outcome_of(line, Tolerated(what="a blank"), CancelReceived(message_id=7)) == []
    texts = [record.getMessage() for record in heard(caplog)]
    assert texts == ["tolerated from 192.0.2.7:104: a blank", "C-CANCEL received for message ID 7"]


@pytest.mark.parametrize("block", [True, False])
def test_who_aborts_tells_it_and_waits_if_it_wants(line: Line, block: bool) -> None:
    line.ending = Ended()
    asyncio.run(Control(line).abort(block=block, source=2, reason=6))  # type: ignore[arg-type]
    assert line.sent == [Abort(source=2, reason_diagnostic=6)]
    assert line.ending.heard == [("aborted", "aborted by us", block)]
    assert line.done == [("sent", 2), *(["waited"] if block else [])]


def test_what_has_ended_or_never_began_is_aborted_without_a_word(line: Line) -> None:
    line.ending, line.cannot_send = Ended(), True
    control = Control(line)  # type: ignore[arg-type]
    asyncio.run(control.abort(block=False))
    assert line.ending.heard == [("aborted", "aborted by us", False)] and line.done == []
    line.standing.end("aborted", "before")
    asyncio.run(control.abort())
    assert len(line.ending.heard) == 1


def test_what_nothing_can_be_made_of_is_aborted(line: Line, caplog: pytest.LogCaptureFixture) -> None:
    line.ending = Ended()
    asyncio.run(Control(line).refuse("a riddle"))  # type: ignore[arg-type]
    assert line.sent == [Abort()]
    assert line.done == [("sent", 0)]
    assert line.ending.heard == [("aborted", "the peer sent a riddle", True)]
    assert caplog.records[-1].getMessage() == "192.0.2.7:104 sent a riddle"


def test_pdus_of_the_users_are_sent_at_once(line: Line) -> None:
    line.ending = Ended()
    control = Control(line)  # type: ignore[arg-type]
    control.abort_now(Abort(source=2))
    assert line.ending.heard == [(Abort(source=2), "aborted by us")]
    rejection = AssociateRJ(result=1, source=1, reason_diagnostic=1)
    control.reject_now(rejection)
    assert line.sent == [rejection] and line.sides.acceptor.said is rejection


def test_release_that_is_confirmed_ends_it(line: Line) -> None:
    heard: list[Any] = []

    async def notify_primitive(event: Any, make: Callable[[], Any]) -> None:
        heard.append((event, make().result))

    line.notify_primitive = notify_primitive  # type: ignore[method-assign]
    assert outcome_of(line, Released()) == [("released", None, True)]
    assert heard == [(evt.EVT_ACSE_RECV, "affirmative")]
