"""Deadlines: every timer, on a clock that is only a number."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from dicomwire.upper_layer import (
    Abort,
    AssociateRequested,
    Connection,
    Data,
    DataReceived,
    ReleaseRP,
    ReleaseRQ,
    Role,
    State,
    TimedOut,
    Timeouts,
    Timer,
)
from dicomwire.upper_layer.timers import Timers
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
    Refused,
    abort,
    acceptance,
    drain,
    feed,
    feed_buffer,
    in_state,
    request,
    sent,
    wire,
)


def timeouts(**seconds: float) -> Timeouts:
    """No timeouts but those given."""
    none = Timeouts(artim=None, associate=None, release=None, progress=None, response=None, idle=None, close=None)
    for name, value in seconds.items():
        setattr(none, name, value)
    return none


def test_the_defaults_limit_what_a_peer_owes_us() -> None:
    defaults = Timeouts()
    assert (defaults.artim, defaults.associate, defaults.release, defaults.progress) == (30.0, 30.0, 30.0, 30.0)
    assert (defaults.response, defaults.idle) == (None, None)


# -- the timers by themselves --------------------------------------------------------------------------------------


def test_a_timer_begins_at_the_first_wait_after_its_start() -> None:
    timers = Timers(timeouts(artim=30.0))
    timers.start(Timer.ARTIM)
    assert timers.expired(1e9) == []
    assert timers.next_deadline(100.0) == 130.0
    assert timers.next_deadline(120.0) == 130.0
    timers.start_if_stopped(Timer.ARTIM)
    assert timers.next_deadline(120.0) == 130.0
    timers.start(Timer.ARTIM)
    assert timers.next_deadline(125.0) == 155.0
    assert timers.expired(154.9) == []
    assert timers.expired(155.0) == [Timer.ARTIM]


def test_the_first_of_several_deadlines_counts() -> None:
    timers = Timers(timeouts(artim=30.0, idle=5.0, release=20.0))
    for timer in (Timer.ARTIM, Timer.IDLE, Timer.RELEASE, Timer.RESPONSE):
        timers.start(timer)
    assert timers.next_deadline(0.0) == 5.0
    timers.stop(Timer.IDLE)
    assert timers.next_deadline(0.0) == 20.0
    assert timers.expired(30.0) == [Timer.ARTIM, Timer.RELEASE]
    assert timers.is_running(Timer.ARTIM)
    timers.stop(Timer.ARTIM)
    timers.stop(Timer.ARTIM)
    assert not timers.is_running(Timer.ARTIM)


def test_none_is_no_limit() -> None:
    timers = Timers(timeouts())
    for timer in Timer:
        timers.start(timer)
    assert timers.next_deadline(0.0) is None
    assert timers.expired(1e9) == []


# -- ARTIM ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", Role)
def test_a_peer_that_does_not_close_is_closed(role: Role) -> None:
    connection = in_state(13, role, timeouts=timeouts(artim=30.0))
    assert connection.next_deadline(50.0) == 80.0
    connection.handle_deadline(79.9)
    assert not connection.closed
    connection.handle_deadline(80.0)
    assert connection.closed
    assert drain(connection) == [TimedOut(timer=Timer.ARTIM)]
    assert connection.next_deadline(90.0) is None
    assert connection.data_to_send() == []


def test_a_peer_that_never_asks_is_closed() -> None:
    connection = Connection(Role.ACCEPTOR, timeouts=timeouts(artim=30.0))
    assert connection.next_deadline(0.0) == 30.0
    connection.handle_deadline(30.0)
    assert connection.closed
    assert drain(connection) == [TimedOut(timer=Timer.ARTIM)]


def test_a_request_one_byte_per_second_does_not_hold_artim() -> None:
    connection = Connection(Role.ACCEPTOR, timeouts=Timeouts())
    for second in range(30):
        assert connection.next_deadline(float(second)) == 30.0
        connection.handle_deadline(float(second))
        assert feed(connection, ASSOCIATE_RQ[second : second + 1]) == []
    assert not connection.closed
    connection.handle_deadline(30.0)
    assert connection.closed
    assert drain(connection) == [TimedOut(timer=Timer.ARTIM)]
    assert connection.unread == 0
    assert connection.next_deadline(31.0) is None, "no timer outlives the connection"


def test_progress_says_nothing_while_artim_is_responsible() -> None:
    connection = Connection(Role.ACCEPTOR, timeouts=timeouts(artim=30.0, progress=5.0))
    feed(connection, ASSOCIATE_RQ[:10])
    assert connection.next_deadline(0.0) == 5.0
    connection.handle_deadline(5.0)
    assert connection.state is State.STA2
    assert drain(connection) == []
    assert connection.data_to_send() == []
    connection.handle_deadline(30.0)
    assert connection.closed


def test_at_the_end_nothing_but_artim_is_waited_for_whatever_comes() -> None:
    for state, data in ((13, RELEASE_RQ[:3]), (6, b"\xff" + RELEASE_RQ), (13, b"\xff")):
        connection = in_state(state, Role.ACCEPTOR, timeouts=timeouts(artim=30.0, progress=5.0))
        feed(connection, data)
        assert connection.state is State.STA13
        assert connection.next_deadline(0.0) == 30.0


def test_artim_and_progress_may_expire_at_once() -> None:
    connection = Connection(Role.ACCEPTOR, timeouts=timeouts(artim=5.0, progress=5.0))
    feed(connection, ASSOCIATE_RQ[:10])
    assert connection.next_deadline(0.0) == 5.0
    connection.handle_deadline(5.0)
    assert connection.closed
    assert drain(connection) == [TimedOut(timer=Timer.ARTIM)]


def test_garbage_does_not_hold_artim_at_the_end() -> None:
    connection = in_state(13, Role.ACCEPTOR, timeouts=timeouts(artim=30.0))
    assert connection.next_deadline(0.0) == 30.0
    for second in range(1, 30):
        feed(connection, ASSOCIATE_RQ if second < 20 else b"\xff")
        assert connection.next_deadline(float(second)) == 30.0
    assert len(connection.data_to_send()) == 1


def test_a_refusal_starts_artim_anew() -> None:
    connection = in_state(2, Role.ACCEPTOR, timeouts=timeouts(artim=30.0))
    assert connection.next_deadline(0.0) == 30.0
    assert feed(connection, P_DATA) == [Refused(0, 0)]
    assert connection.next_deadline(10.0) == 40.0


@pytest.mark.parametrize(
    "end",
    [
        pytest.param(lambda connection: connection.send(REJECTION), id="reject"),
        pytest.param(lambda connection: connection.send(Abort()), id="abort"),
    ],
)
def test_artim_runs_while_we_wait_for_the_close(end: Callable[[Connection], None]) -> None:
    connection = in_state(3, Role.ACCEPTOR, timeouts=timeouts(artim=30.0))
    assert connection.next_deadline(0.0) is None
    end(connection)
    assert connection.next_deadline(7.0) == 37.0
    feed(connection, b"")
    assert connection.next_deadline(8.0) is None


# -- what the user's layer waits for -------------------------------------------------------------------------------


def aborted(connection: Connection, timer: Timer, source: int) -> None:
    """The connection has aborted because of ``timer``."""
    assert drain(connection) == [TimedOut(timer=timer)]
    assert sent(connection) == abort(source, 0)
    assert connection.state is State.STA13


def test_an_unanswered_request_is_aborted() -> None:
    connection = in_state(5, Role.REQUESTOR, timeouts=timeouts(associate=30.0))
    assert connection.next_deadline(1.0) == 31.0
    connection.handle_deadline(31.0)
    aborted(connection, Timer.ASSOCIATE, 0)


def test_the_transport_is_not_the_peers_to_wait_for() -> None:
    connection = in_state(4, Role.REQUESTOR, timeouts=timeouts(associate=30.0))
    assert connection.next_deadline(1.0) is None
    connection.transport_connected()
    assert connection.next_deadline(2.0) == 32.0


@pytest.mark.parametrize("answer", [ASSOCIATE_AC, ASSOCIATE_RJ, ABORT, b"\xff"], ids=["AC", "RJ", "ABORT", "garbage"])
def test_an_answer_ends_the_wait_for_it(answer: bytes) -> None:
    connection = in_state(5, Role.REQUESTOR, timeouts=timeouts(associate=30.0))
    feed(connection, answer)
    assert connection.next_deadline(1.0) is None


@pytest.mark.parametrize("role", Role)
def test_an_unanswered_release_is_aborted(role: Role) -> None:
    connection = in_state(7, role, timeouts=timeouts(release=30.0))
    assert connection.next_deadline(1.0) == 31.0
    # Data may still come, and is no answer.
    feed(connection, P_DATA)
    assert connection.next_deadline(2.0) == 31.0
    connection.handle_deadline(31.0)
    aborted(connection, Timer.RELEASE, 2)


def test_a_release_response_ends_the_wait_for_it() -> None:
    connection = in_state(7, Role.REQUESTOR, timeouts=timeouts(release=30.0))
    feed(connection, RELEASE_RP)
    assert connection.next_deadline(1.0) is None


def test_in_a_collision_each_side_waits_for_its_own_answer() -> None:
    requestor = in_state(9, Role.REQUESTOR, timeouts=timeouts(release=30.0))
    assert requestor.next_deadline(0.0) == 30.0
    requestor.send(ReleaseRP())
    assert requestor.next_deadline(1.0) == 30.0
    feed(requestor, RELEASE_RP)
    assert requestor.next_deadline(2.0) is None
    acceptor = in_state(10, Role.ACCEPTOR, timeouts=timeouts(release=30.0))
    assert acceptor.next_deadline(0.0) == 30.0
    feed(acceptor, RELEASE_RP)
    assert acceptor.next_deadline(1.0) is None, "the answer has come; the rest is up to our user"


def test_the_layer_above_may_wait_for_a_response() -> None:
    connection = in_state(6, Role.REQUESTOR, timeouts=timeouts(response=10.0))
    connection.timers.start(Timer.RESPONSE)
    assert connection.next_deadline(0.0) == 10.0
    connection.handle_deadline(10.0)
    aborted(connection, Timer.RESPONSE, 0)


def test_only_one_of_several_overdue_timers_aborts() -> None:
    connection = in_state(7, Role.REQUESTOR, timeouts=timeouts(artim=1.0, release=5.0, progress=5.0, idle=5.0))
    feed(connection, P_DATA[:3])
    assert connection.next_deadline(0.0) == 5.0
    connection.handle_deadline(5.0)
    [told] = drain(connection)
    assert isinstance(told, TimedOut)
    assert connection.state is State.STA13
    assert connection.next_deadline(6.0) == 7.0, "only ARTIM is left"


# -- progress ------------------------------------------------------------------------------------------------------

PROGRESS = {"progress": 30.0}


def test_a_pdu_one_byte_per_second_is_aborted() -> None:
    connection = in_state(6, Role.ACCEPTOR, timeouts=timeouts(**PROGRESS))
    assert connection.next_deadline(0.0) is None
    # A PDV of 100 bytes, not the last.
    data = wire("04 00 00 00 00 6A  00 00 00 66 01 00") + bytes(100)
    feed(connection, data[:1])
    for second in range(30):
        assert connection.next_deadline(float(second)) == 30.0
        connection.handle_deadline(float(second))
        feed(connection, data[second + 1 : second + 2])
    connection.handle_deadline(30.0)
    aborted(connection, Timer.PROGRESS, 2)


def test_a_control_pdu_one_byte_per_second_is_aborted() -> None:
    connection = in_state(5, Role.REQUESTOR, timeouts=timeouts(**PROGRESS))
    for second, octet in enumerate(ASSOCIATE_AC[:31]):
        connection.handle_deadline(float(second))
        if second < 30:
            assert feed(connection, bytes((octet,))) == []
            assert connection.next_deadline(float(second)) == 30.0
    aborted(connection, Timer.PROGRESS, 2)


def test_many_tiny_fragments_are_no_progress() -> None:
    connection = in_state(6, Role.ACCEPTOR, timeouts=timeouts(**PROGRESS))
    tiny = wire("04 00 00 00 00 08  00 00 00 04 01 00 AA BB")
    for second in range(30):
        for _ in range(10):
            assert len(feed(connection, tiny)) == 1
        assert connection.next_deadline(float(second)) == 30.0
        connection.handle_deadline(float(second))
    connection.handle_deadline(30.0)
    aborted(connection, Timer.PROGRESS, 2)


def test_64_kib_are_progress() -> None:
    connection = in_state(6, Role.ACCEPTOR, timeouts=timeouts(**PROGRESS), own_maximum_length=0)
    feed(connection, wire("04 00 00 10 00 00  00 0F FF FC 01 00"))
    assert connection.next_deadline(0.0) == 30.0
    feed(connection, bytes(65535))
    assert connection.next_deadline(10.0) == 30.0
    feed(connection, bytes(1))
    assert connection.next_deadline(20.0) == 50.0
    feed(connection, bytes(65536))
    assert connection.next_deadline(40.0) == 70.0


def test_the_end_of_a_message_ends_the_wait_for_it() -> None:
    connection = in_state(6, Role.ACCEPTOR, timeouts=timeouts(**PROGRESS))
    feed(connection, P_DATA[:7])
    assert connection.next_deadline(0.0) == 30.0
    feed(connection, P_DATA[7:])
    assert connection.next_deadline(1.0) is None
    # The next message begins a wait of its own.
    feed(connection, P_DATA + P_DATA[:1])
    assert connection.next_deadline(2.0) == 32.0


def test_each_pdu_has_its_own_time() -> None:
    connection = in_state(5, Role.REQUESTOR, timeouts=timeouts(**PROGRESS))
    feed(connection, ASSOCIATE_AC[:10])
    assert connection.next_deadline(0.0) == 30.0
    # With its end comes the beginning of the next.
    feed(connection, ASSOCIATE_AC[10:] + RELEASE_RQ[:3])
    assert connection.next_deadline(20.0) == 50.0


def test_an_open_message_is_waited_for_between_its_pdus() -> None:
    connection = in_state(6, Role.ACCEPTOR, timeouts=timeouts(**PROGRESS))
    feed(connection, wire("04 00 00 00 00 08  00 00 00 04 01 01 AA BB"))
    assert connection.unread == 0
    assert connection.next_deadline(0.0) == 30.0


def test_a_layer_above_may_know_that_more_is_due() -> None:
    connection = in_state(6, Role.ACCEPTOR, timeouts=timeouts(**PROGRESS))
    connection.receive_data(P_DATA)
    event = connection.next_event()
    assert isinstance(event, DataReceived)
    connection.message_open = True
    assert connection.next_event() is None
    assert connection.next_deadline(0.0) == 30.0
    connection.message_open = False
    assert connection.next_event() is None
    assert connection.next_deadline(1.0) is None


def test_a_message_lost_by_a_release_is_not_waited_for() -> None:
    connection = in_state(6, Role.ACCEPTOR, timeouts=timeouts(**PROGRESS))
    feed(connection, wire("04 00 00 00 00 08  00 00 00 04 01 01 AA BB") + RELEASE_RQ)
    assert connection.state is State.STA8
    assert connection.next_deadline(0.0) is None


def test_nothing_but_artim_runs_after_the_end() -> None:
    connection = in_state(6, Role.ACCEPTOR, timeouts=timeouts(artim=9.0, progress=1.0, idle=1.0))
    feed(connection, P_DATA[:7])
    connection.send(Abort())
    feed(connection, P_DATA[7:9])
    assert connection.next_deadline(0.0) == 9.0


# -- idle ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", Role)
def test_an_idle_association_is_aborted(role: Role) -> None:
    connection = in_state(6, role, timeouts=timeouts(idle=60.0))
    assert connection.next_deadline(0.0) == 60.0
    connection.handle_deadline(60.0)
    aborted(connection, Timer.IDLE, 0)


def test_idle_is_for_established_associations() -> None:
    connection = Connection(Role.REQUESTOR, timeouts=timeouts(idle=60.0))
    connection.send(request())
    assert connection.next_deadline(0.0) is None
    feed(connection, ASSOCIATE_AC)
    assert connection.next_deadline(1.0) == 61.0
    connection = Connection(Role.ACCEPTOR, timeouts=timeouts(idle=60.0))
    [told] = feed(connection, ASSOCIATE_RQ)
    assert isinstance(told, AssociateRequested)
    assert connection.next_deadline(0.0) is None
    connection.send(acceptance())
    assert connection.next_deadline(1.0) == 61.0


@pytest.mark.parametrize(
    "traffic",
    [
        pytest.param(lambda connection: feed(connection, P_DATA), id="received"),
        pytest.param(lambda connection: feed(connection, P_DATA[:1]), id="received-a-byte"),
        pytest.param(lambda connection: feed_buffer(connection, P_DATA), id="received-in-a-buffer"),
        pytest.param(lambda connection: connection.send(DATA_TO_SEND), id="sent"),
        pytest.param(
            lambda connection: connection.send(Data(context_id=1, command=False, last=False, fragment=bytes(20000))),
            id="sent-much",
        ),
    ],
)
def test_traffic_in_either_direction_restarts_idle(traffic: Callable[[Connection], object]) -> None:
    connection = in_state(6, Role.REQUESTOR, timeouts=timeouts(idle=60.0))
    assert connection.next_deadline(0.0) == 60.0
    traffic(connection)
    assert connection.next_deadline(40.0) == 100.0
    connection.handle_deadline(60.0)
    assert connection.state is State.STA6


@pytest.mark.parametrize("role", Role)
def test_an_idle_association_may_be_released_instead(role: Role) -> None:
    connection = in_state(6, role, timeouts=timeouts(idle=60.0, release=30.0))
    connection.idle_releases = True
    assert connection.next_deadline(0.0) == 60.0
    connection.handle_deadline(60.0)
    assert drain(connection) == [TimedOut(timer=Timer.IDLE)]
    assert sent(connection) == RELEASE_RQ
    assert connection.state is State.STA7
    assert connection.next_deadline(60.0) == 90.0
    connection.handle_deadline(90.0)
    aborted(connection, Timer.RELEASE, 2)


def test_an_idle_peer_that_has_asked_for_release_is_aborted() -> None:
    connection = in_state(8, Role.ACCEPTOR, timeouts=timeouts(idle=60.0))
    connection.idle_releases = True
    assert connection.next_deadline(0.0) == 60.0
    connection.handle_deadline(60.0)
    aborted(connection, Timer.IDLE, 0)


# -- changing a timeout --------------------------------------------------------------------------------------------


def test_a_timeout_may_change_while_it_runs() -> None:
    connection = in_state(7, Role.REQUESTOR, timeouts=timeouts(release=30.0))
    assert connection.next_deadline(0.0) == 30.0
    connection.timeouts.release = 10.0
    assert connection.next_deadline(5.0) == 10.0
    connection.timeouts.release = None
    assert connection.next_deadline(6.0) is None
    connection.handle_deadline(1000.0)
    assert connection.state.number == 7
    connection.timeouts.release = 50.0
    assert connection.next_deadline(7.0) == 50.0
    connection.handle_deadline(50.0)
    assert connection.state.number == 13


def test_a_deadline_that_nobody_asked_for_does_nothing() -> None:
    connection = in_state(6, Role.REQUESTOR, timeouts=Timeouts())
    connection.send(ReleaseRQ())
    connection.handle_deadline(1e9)
    assert connection.state is State.STA7
    assert drain(connection) == []
