"""Any bytes in any state, in any split: events or one RemoteProtocolError, the same ones, and bounded memory."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from dicomwire.upper_layer import Connection, Role
from fuzz.corpus import conversations, streams
from tests.support.streams import STATES_BY_ROLE, Refused, feed, feed_buffer, in_state, merged, sent

STEERING = 4
"""Where the connection is, and the sizes of the pieces."""

PLACES = [(number, role) for role in Role for number in STATES_BY_ROLE[role] if number not in (1, 4)]


def outcome(connection: Connection, data: bytes, sizes: bytes, *, buffered: bool) -> tuple[list[Any], bytes]:
    """What it told and wrote until the peer closed."""
    told: list[Any] = []
    start, turn = 0, 0
    while start < len(data):
        size = sizes[turn % len(sizes)] + 1 if sizes else len(data)
        told += (feed_buffer if buffered else feed)(connection, data[start : start + size])
        assert connection.unread <= 6 + connection.limits.associate_pdu
        start += size
        turn += 1
    # Without bytes and without time nothing goes on.
    before = connection.state, connection.unread
    connection.handle_deadline(0.0)
    assert connection.next_event() is None and (connection.state, connection.unread) == before
    told += feed(connection, b"")
    assert connection.closed
    assert connection.unread == 0
    assert connection.next_deadline(0.0) is None
    return merged(told), sent(connection)


def one_input(data: bytes) -> None:
    if len(data) < STEERING:
        return
    number, role = PLACES[data[0] % len(PLACES)]
    sizes, data = data[1:STEERING], data[STEERING:]
    expected = outcome(in_state(number, role), data, b"", buffered=False)
    assert outcome(in_state(number, role), data, sizes, buffered=bool(sizes[0] & 1)) == expected
    told, written = expected
    assert sum(isinstance(event, Refused) for event in told) <= 1
    # An A-ABORT, and one more in Sta13; or the A-ASSOCIATE-RJ of AE-6 and one.
    assert len(written) in (0, 10, 20)


def seeds() -> Iterable[bytes]:
    waiting = [place for place, (number, _) in enumerate(PLACES) if number in (2, 5)]
    for place in waiting:
        yield from (bytes((place, 1, 5, 60)) + stream for stream in streams())
    for number, pdu in enumerate(conversations()):
        yield bytes((number % len(PLACES), number & 0xFF, 0, 7)) + pdu
