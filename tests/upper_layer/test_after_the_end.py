"""What a peer sends when the association is over is dropped, and not for ever."""

from __future__ import annotations

import pytest

from dicomwire.upper_layer import Abort, Connection, Limits, Role, State
from tests.support.streams import ABORT, P_DATA, RELEASE_RQ, UNRECOGNIZED, drain, feed, in_state, sent

MOST = 1000


def over(*, behind: bytes = b"") -> Connection:
    """We have aborted; ``behind`` is what the peer sent that was wrong, if that was why."""
    connection = in_state(6, Role.ACCEPTOR, limits=Limits(after_end=MOST))
    if behind:
        feed(connection, behind)
    else:
        connection.send(Abort())
    sent(connection)
    assert connection.state is State.STA13
    return connection


@pytest.mark.parametrize("size", [1, 7, 999, 5000])
@pytest.mark.parametrize("wrong", [b"", UNRECOGNIZED], ids=["our-abort", "garbage"])
def test_who_sends_on_after_our_abort_is_cut_off(wrong: bytes, size: int) -> None:
    connection = over(behind=wrong)
    flood = P_DATA * 1000
    at = 0
    while not connection.closed and at < len(flood):
        assert feed(connection, flood[at : at + size]) == []
        at += size
    assert connection.closed
    assert connection.state is State.STA1
    # A header that has begun does not count yet; a wrong one does.
    assert MOST - len(wrong) < at < MOST + size + 6
    assert connection.unread == 0


def test_one_pdu_of_any_length_is_no_way_round_it() -> None:
    connection = in_state(6, Role.ACCEPTOR, limits=Limits(after_end=MOST, p_data_pdu=0xFFFFFFFF))
    connection.send(Abort())
    feed(connection, bytes.fromhex("0400 FFFFFFFF"))
    feed(connection, bytes(MOST - 6))
    assert not connection.closed
    feed(connection, bytes(1))
    assert connection.closed


def test_the_rest_of_the_pdu_that_we_aborted_in_counts() -> None:
    connection = in_state(6, Role.ACCEPTOR, limits=Limits(after_end=MOST))
    feed(connection, bytes.fromhex("0400 00010000 0000FFFC 01 00"))
    connection.send(Abort())
    feed(connection, bytes(MOST))
    assert not connection.closed
    feed(connection, bytes(1))
    assert connection.closed


def test_a_little_more_is_taken_and_the_peers_end_seen() -> None:
    connection = over()
    feed(connection, P_DATA * 50)
    assert not connection.closed
    feed(connection, ABORT)
    assert connection.closed


def test_what_was_sent_before_the_abort_does_not_count() -> None:
    connection = in_state(6, Role.ACCEPTOR, limits=Limits(after_end=MOST))
    for _ in range(1000):
        feed(connection, P_DATA)
    connection.send(Abort())
    feed(connection, P_DATA)
    assert not connection.closed


def test_while_there_is_an_association_nothing_is_counted() -> None:
    connection = in_state(6, Role.ACCEPTOR, limits=Limits(after_end=0))
    feed(connection, P_DATA * 10 + RELEASE_RQ)
    assert drain(connection) == []
    assert connection.state is State.STA8
