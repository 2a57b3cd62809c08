"""Whether a peer takes what we send, judged on a clock and counts that are only numbers."""

from __future__ import annotations

import pytest

from dicomwire.upper_layer import Connection, Data, Limits, Role, TimedOut, Timeouts, Timer
from dicomwire.upper_layer.progress import PeerDoesNotRead, WriteProgress, enough
from tests.support.streams import ASSOCIATE_AC, P_DATA, RELEASE_RQ, drain, feed, in_state

NEVER = 1e9


class Transport:
    """A made-up one."""

    def __init__(self, taken: int = 0, left: float | None = None) -> None:
        self.count = taken
        self.left = left
        self.stuck = False
        self.asked: list[float] = []
        """When."""

    def taken(self) -> int:
        return self.count

    def left_at(self, now: float) -> float | None:
        self.asked.append(now)
        return self.left

    def is_stuck(self, now: float) -> bool:
        self.asked.append(now)
        return self.stuck


def progress(seconds: float | None, rate: int = 4096) -> WriteProgress:
    return WriteProgress(Limits(least_rate=rate), Timeouts(write=seconds))


def wait(writing: WriteProgress, transport: Transport, now: float, rate: float, until: float) -> float:
    """Write from ``now`` on to a peer that takes so many bytes a second; when it was given up, or ``until``."""
    writing.begin(now)
    try:
        while now < until:
            pause = writing.go_on(now, transport)
            transport.count += int(pause * rate)
            now += pause
    except PeerDoesNotRead:
        return now
    return until


@pytest.mark.parametrize(
    ("seconds", "count"), [(60, 65536), (30, 65536), (2, 8192), (0.5, 2048), (0, 1), (None, 65536)]
)
def test_what_is_enough(seconds: float | None, count: int) -> None:
    assert enough(Limits(), seconds) == count


@pytest.mark.parametrize("seconds", [0.5, 2, 60])
def test_a_peer_that_takes_every_byte_slowly_has_all_the_time_it_needs(seconds: float) -> None:
    assert wait(progress(seconds), Transport(), 100.0, 6000, 5000.0) == 5000.0


@pytest.mark.parametrize("seconds", [0.5, 2, 60])
def test_a_peer_that_takes_nothing_is_given_up(seconds: float) -> None:
    writing = progress(seconds)
    assert wait(writing, Transport(1000), 100.0, 0, NEVER) == pytest.approx(100.0 + seconds)


@pytest.mark.parametrize("seconds", [0.5, 2, 60])
def test_a_few_bytes_now_and_then_do_not_put_that_off(seconds: float) -> None:
    assert wait(progress(seconds), Transport(), 100.0, 900, NEVER) <= 100.0 + 1.25 * seconds


def test_the_error_says_what_the_peer_has_read() -> None:
    for rate, text in ((0, "has read nothing of what we send for 60 s"), (10, "has read only 590 bytes of .* in 60 s")):
        writing, transport = progress(60), Transport(5)
        writing.begin(0.0)
        for now in range(1, 60):
            writing.go_on(float(now), transport)
            transport.count += rate
        with pytest.raises(PeerDoesNotRead, match=text):
            writing.go_on(60.0, transport)


def test_enough_is_enough_and_the_bytes_behind_it_count_for_what_comes_next() -> None:
    writing, transport = progress(60), Transport()
    writing.begin(0.0)
    for now in range(1, 60):
        writing.go_on(float(now), transport)
    transport.count += 65536
    writing.go_on(60.0, transport)
    transport.count += 1
    for now in range(61, 120):
        writing.go_on(float(now), transport)
    with pytest.raises(PeerDoesNotRead, match="has read only 1 bytes of what we send in 60 s"):
        writing.go_on(120.0, transport)


def test_one_byte_less_than_enough_is_not() -> None:
    writing, transport = progress(60), Transport()
    writing.begin(0.0)
    for now in range(1, 60):
        writing.go_on(float(now), transport)
    transport.count += 65535
    with pytest.raises(PeerDoesNotRead, match="has read only 65535 bytes"):
        writing.go_on(61.0, transport)


def test_what_was_queued_has_moved_when_it_was_enough_for_the_time() -> None:
    writing, transport = progress(60), Transport(8191)
    assert not writing.has_moved(transport, 2.0)
    transport.count += 1
    assert writing.has_moved(transport, 2.0)
    # Since then nothing.
    assert not writing.has_moved(transport, 2.0)
    transport.count += 8192
    assert writing.has_moved(transport, 2.0)


def test_a_peer_that_stops_in_the_middle_is_given_up_that_much_later() -> None:
    writing, transport = progress(60), Transport()
    assert wait(writing, transport, 0.0, 1e6, 100.0) == 100.0
    assert wait(writing, transport, 100.0, 0, NEVER) == pytest.approx(161.0, abs=1.0)


def test_small_messages_taken_drop_by_drop_are_one_wait() -> None:
    """Each is written in the end, after nearly the whole of the time."""
    writing, transport = progress(60), Transport()
    assert wait(writing, transport, 1000.0, 0, 1050.0) == 1050.0
    transport.count += 300
    assert wait(writing, transport, 2000.0, 0, NEVER) == pytest.approx(2010.0, abs=1.0)


def test_what_went_out_between_two_waits_counts() -> None:
    writing, transport = progress(60), Transport()
    for now in (0.0, 1000.0, 2000.0):
        assert wait(writing, transport, now, 0, now + 50) == now + 50
        transport.count += 1 << 20


def test_the_time_between_two_writes_is_nobodys() -> None:
    writing, transport = progress(60), Transport()
    for start in range(0, 50_000, 1000):
        writing.begin(float(start))
        writing.go_on(start + 1.0, transport)


def test_without_a_limit_there_is_none_until_it_is_set() -> None:
    writing = progress(None)
    assert wait(writing, Transport(), 0.0, 0, 5000.0) == 5000.0
    writing._timeouts.write = 2
    with pytest.raises(PeerDoesNotRead):
        writing.go_on(5001.0, Transport())


@pytest.mark.parametrize(("seconds", "pause"), [(0.4, 0.1), (4, 1), (60, 1), (None, 1)])
def test_a_wait_is_looked_at_often_enough_to_see_that_a_timeout_was_set(seconds: float | None, pause: float) -> None:
    assert progress(seconds).begin(7.0) == pytest.approx(pause)


def test_a_look_before_its_time_changes_nothing() -> None:
    writing = progress(60)
    writing.begin(0.0)
    assert writing.go_on(0.25, Transport()) == 0.75
    assert writing._waited == 0


def test_at_the_end_nobody_is_waited_for() -> None:
    writing = progress(None)
    writing.begin(0.0)
    writing.hurry()
    with pytest.raises(PeerDoesNotRead, match="does not read"):
        writing.go_on(1.0, Transport(1 << 30))


# -- answers are waited for from when the question has set out ------------------------------------------------------
def waiting(timer: Timer, **seconds: float) -> Connection:
    none = {"artim": None, "associate": None, "release": None, "progress": None, "response": None, "idle": None}
    connection = in_state(6, Role.REQUESTOR, timeouts=Timeouts(**{**none, **seconds}))
    connection.timers.start(timer)
    assert connection.next_deadline(100.0) == 130.0
    return connection


@pytest.mark.parametrize("name", ["response", "idle"])
def test_the_time_for_an_answer_begins_when_the_question_has_set_out(name: str) -> None:
    connection = waiting(Timer(name), **{name: 30.0})
    transport = Transport(1 << 20, left=125.0)
    connection.handle_deadline(130.0, transport)
    assert connection.next_deadline(130.0) == 155.0
    connection.handle_deadline(155.0, transport)
    assert TimedOut(timer=Timer(name)) in drain(connection)


def test_a_question_that_leaves_drop_by_drop_does_not_put_that_off() -> None:
    connection = waiting(Timer.RESPONSE, response=30.0)
    transport = Transport(1 << 20, left=129.0)
    connection.handle_deadline(130.0, transport)
    transport.count, transport.left = transport.count + 1000, 158.0
    connection.handle_deadline(159.0, transport)
    assert TimedOut(timer=Timer.RESPONSE) in drain(connection)


@pytest.mark.parametrize("left", [None, 99.0, 100.0])
def test_a_question_that_set_out_at_once_or_who_knows_when_does_not_either(left: float | None) -> None:
    connection = waiting(Timer.RESPONSE, response=30.0)
    connection.handle_deadline(130.0, Transport(1 << 20, left))
    assert TimedOut(timer=Timer.RESPONSE) in drain(connection)


@pytest.mark.parametrize("stuck", [False, True])
def test_an_answer_that_does_not_come_may_be_to_a_question_that_nobody_reads(stuck: bool) -> None:
    connection = waiting(Timer.RESPONSE, response=30.0)
    transport = Transport()
    transport.stuck = stuck
    connection.handle_deadline(130.0, transport)
    assert drain(connection) == [TimedOut(timer=Timer.RESPONSE, unread=stuck)]
    assert transport.asked == [130.0, 130.0]


def test_what_the_peer_owes_by_itself_is_not_put_off_by_what_we_send() -> None:
    connection = in_state(6, Role.ACCEPTOR, timeouts=Timeouts(progress=30.0))
    feed(connection, P_DATA[:7])
    connection.next_deadline(100.0)
    connection.handle_deadline(130.0, Transport(1 << 20, 129.0))
    assert TimedOut(timer=Timer.PROGRESS) in drain(connection)


# -- messages of the peer -------------------------------------------------------------------------------------------
def sending_steadily(rate: int, seconds: float) -> list[object]:
    """What comes of a peer that sends so many bytes of a large PDU each second, with ``seconds`` for progress."""
    connection = in_state(6, Role.ACCEPTOR, timeouts=Timeouts(progress=seconds), own_maximum_length=0)
    told: list[object] = [*feed(connection, bytes.fromhex("040010000000 000FFFFC0100"))]
    for now in range(60):
        connection.next_deadline(float(now))
        told += feed(connection, bytes(rate // 2))
        connection.handle_deadline(now + 0.5)
        connection.next_deadline(now + 0.5)
        told += feed(connection, bytes(rate // 2))
        connection.handle_deadline(now + 1.0)
        told += drain(connection)
    return [item for item in told if isinstance(item, TimedOut) and item.timer is not Timer.ARTIM]


@pytest.mark.parametrize("seconds", [2, 10, 60])
def test_a_peer_that_sends_slowly_but_steadily_has_all_the_time_it_needs(seconds: float) -> None:
    assert sending_steadily(9000, seconds) == []


@pytest.mark.parametrize("seconds", [2, 10])
def test_a_peer_that_sends_a_few_bytes_now_and_then_has_not(seconds: float) -> None:
    assert sending_steadily(900, seconds) == [TimedOut(timer=Timer.PROGRESS)]


def test_a_connection_judges_writes_by_its_own_timeouts() -> None:
    timeouts = Timeouts(write=60.0)
    connection = Connection(Role.REQUESTOR, timeouts=timeouts)
    timeouts.write = 0.4
    assert connection.writing.begin(7.0) == pytest.approx(0.1)


# -- acknowledging --------------------------------------------------------------------------------------------------
@pytest.fixture
def owing() -> Connection:
    """In the middle of a PDU, of which some has come."""
    connection = in_state(6, Role.ACCEPTOR)
    connection.data_to_send()
    feed(connection, P_DATA[:7])
    return connection


def test_no_acknowledgement_is_owed_before_anything_came() -> None:
    assert not Connection(Role.ACCEPTOR).owes_acknowledgement


def test_an_acknowledgement_is_owed_for_whatever_came(owing: Connection) -> None:
    assert owing.owes_acknowledgement
    owing.owes_acknowledgement = False
    assert owing.data_to_send() == []
    owing.get_buffer()[:1] = P_DATA[7:8]
    owing.buffer_updated(1)
    assert owing.owes_acknowledgement


def test_an_acknowledgement_is_owed_until_something_is_sent(owing: Connection) -> None:
    owing.receive_data(P_DATA[7:])
    drain(owing)
    assert owing.data_to_send() == []
    assert owing.owes_acknowledgement
    owing.send(Data(context_id=1, command=True, last=True, fragment=b"\xaa\xbb"))
    assert owing.owes_acknowledgement
    assert owing.data_to_send() != []
    assert not owing.owes_acknowledgement


@pytest.mark.parametrize(("state", "role", "pdu"), [(5, Role.REQUESTOR, ASSOCIATE_AC), (6, Role.ACCEPTOR, RELEASE_RQ)])
def test_the_pdus_of_an_association_come_in_pieces_too(state: int, role: Role, pdu: bytes) -> None:
    connection = in_state(state, role)
    connection.data_to_send()
    assert feed(connection, pdu[:6]) == []
    assert connection.owes_acknowledgement


@pytest.mark.parametrize(("count", "owes"), [(32 * 1024 - 1, True), (32 * 1024, False)])
def test_a_peer_in_full_flow_needs_no_acknowledgement_of_its_own(count: int, owes: bool) -> None:
    connection = in_state(6, Role.ACCEPTOR, own_maximum_length=0)
    connection.receive_data(bytes.fromhex("040000100006 001000020100"))
    drain(connection)
    connection.owes_acknowledgement = False
    assert len(connection.get_buffer()) >= count
    connection.buffer_updated(count)
    assert connection.owes_acknowledgement is owes


def test_the_end_of_the_stream_is_nothing_to_acknowledge() -> None:
    connection = in_state(6, Role.ACCEPTOR)
    connection.data_to_send()
    connection.owes_acknowledgement = False
    connection.receive_data(b"")
    assert not connection.owes_acknowledgement
