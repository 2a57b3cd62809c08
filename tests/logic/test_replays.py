"""What a replay tells of what was sent by others, or not looked at then."""

from __future__ import annotations

from typing import Any

import pytest

from dicomwire import Session
from dicomwire.dimse.command import Command
from dicomwire.dimse.message_events import DataSetReceived, MessageReceived
from dicomwire.traces import RecordKind, TracedAssociation, TraceRecord, new_connection, replay
from dicomwire.upper_layer.connection_events import ConnectionClosed, TimedOut
from dicomwire.upper_layer.pdus import Abort
from dicomwire.upper_layer.state import Role
from tests.support.made_traces import ACCEPT, ECHO, ECHOED, RECEIVED, REQUEST, SENT, VERIFICATION, p_data
from tests.support.replaying import compare

END, CLOSED, DEADLINE = RecordKind.RECEIVED_END, RecordKind.CLOSED, RecordKind.DEADLINE
ABORT = Abort().encode()


def events(role: Role, *said: tuple[RecordKind, bytes, int]) -> list[Any]:
    """The events of what was said, each with how much was unread."""
    records = [TraceRecord(kind=kind, association=1, time=1.0, data=data, unread=unread) for kind, data, unread in said]
    association = TracedAssociation(number=1, role=role, about={}, records=records)
    return [item.event for item in replay(association, Session(new_connection(association)))]


def told(role: Role, *said: tuple[RecordKind, bytes, int]) -> list[str]:
    """The names of these events."""
    return [type(event).__name__ for event in events(role, *said)]


OPENED = (SENT, REQUEST.encode(), 0), (RECEIVED, ACCEPT.encode(), 0)


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(ECHO.encode().replace(b"1.2.840.10008.1.1\0", b"1.2.840.10008.1.1 "), id="padded with a space"),
        pytest.param(ECHO.encode(0x0102), id="with another word for a data set"),
        pytest.param(ECHO.encode() + b"\0\0\1\0\4\0\0\0abcd", id="with a retired element"),
    ],
)
def test_commands_are_sent_again_as_other_software_has_written_them(sent: bytes) -> None:
    said = (SENT, p_data(3, sent), 0), (RECEIVED, p_data(3, ECHOED.encode()), 0), (CLOSED, b"", 0)
    assert told(Role.REQUESTOR, *OPENED, *said) == ["AssociateAccepted", MessageReceived.__name__]


def test_titles_that_an_option_has_padded_are_sent_again_padded() -> None:
    move = Command(command_field=0x0021, message_id=1, affected_sop_class_uid="1.2.3", move_destination="INBOX")
    sent = move.encode().replace(b"\0\0\0\6\6\0\0\0INBOX ", b"\0\0\0\6\x10\0\0\0INBOX           ")
    assert len(sent) == len(move.encode()) + 10
    assert told(Role.REQUESTOR, *OPENED, (SENT, p_data(3, sent), 0), (CLOSED, b"", 0)) == ["AssociateAccepted"]


REQUESTED = (RECEIVED, REQUEST.encode(), 0), (SENT, ACCEPT.encode(), 0)


def test_what_nobody_had_looked_at_when_the_peer_closed_is_not_looked_at_before_we_abort() -> None:
    end = (RECEIVED, ABORT, 0), (END, b"", len(ABORT)), (SENT, ABORT, len(ABORT)), (CLOSED, b"", 0)
    assert told(Role.ACCEPTOR, *REQUESTED, *end) == ["AssociateRequested"]


def test_a_peer_that_closes_has_closed_when_all_before_that_is_told() -> None:
    ask = p_data(3, ECHO.encode())
    end = (RECEIVED, ask, 0), (END, b"", len(ask)), (SENT, p_data(3, ECHOED.encode()), 0)
    assert told(Role.ACCEPTOR, *REQUESTED, *end) == ["AssociateRequested", "MessageReceived", "ConnectionClosed"]


def test_who_gives_up_had_not_looked_whether_the_peer_has_closed() -> None:
    end = (END, b"", 0), (DEADLINE, b"associate", 0), (SENT, ABORT, 0), (CLOSED, b"", 0)
    assert told(Role.REQUESTOR, OPENED[0], *end) == ["TimedOut"]


def test_what_came_at_once_is_not_looked_at_before_what_was_unread_then() -> None:
    # The second and the third are of one read, of which a trace may make two records.
    ask = p_data(3, ECHO.encode())
    said = (RECEIVED, ask, 0), (RECEIVED, ask, len(ask)), (RECEIVED, ask, len(ask))
    end = (SENT, ABORT, 3 * len(ask)), (CLOSED, b"", 0)
    assert told(Role.ACCEPTOR, *REQUESTED, *said, *end) == ["AssociateRequested"]


def test_what_was_looked_at_as_it_came_is_so_again() -> None:
    find = Command(command_field=0x0020, message_id=1, affected_sop_class_uid=VERIFICATION, priority=0)
    pieces = [(RECEIVED, p_data(0, bytes(length)), 0) for length in (10, 20, 30)]
    said = events(Role.ACCEPTOR, *REQUESTED, (RECEIVED, p_data(3, find.encode(1)), 0), *pieces)
    assert [sum(map(len, event.fragments)) for event in said if isinstance(event, DataSetReceived)] == [10, 20, 30]


@pytest.mark.parametrize("piece", [b"", ABORT[:3]])
def test_a_peer_that_closes_in_the_middle_of_something_has_closed(piece: bytes) -> None:
    end = (RECEIVED, piece, 0), (END, b"", len(piece))
    assert told(Role.ACCEPTOR, *REQUESTED, *end) == ["AssociateRequested", "ConnectionClosed"]


ONE, TWO, THREE = (("message", number) for number in range(3))
LATE, GONE = (TimedOut.__name__, "artim"), (ConnectionClosed.__name__, "")


@pytest.mark.parametrize(
    ("first", "before_the_end", "again"),
    [
        ([ONE, TWO], 2, [ONE, TWO]),
        ([ONE], 1, [ONE, GONE]),
        ([ONE], 1, [ONE, LATE]),
        # A handler has killed the association, and others came behind that.
        ([ONE, TWO, GONE], 1, [ONE]),
        ([ONE, TWO, GONE], 1, [ONE, TWO]),
    ],
)
def test_what_replays_to_the_same_events(first: list[Any], before_the_end: int, again: list[Any]) -> None:
    compare(first, before_the_end, again)


@pytest.mark.parametrize(
    ("first", "before_the_end", "again"),
    [
        ([ONE, TWO], 2, [ONE]),
        ([ONE], 1, [TWO]),
        ([ONE, GONE], 2, [ONE]),
        ([ONE], 1, [ONE, TWO]),
        ([ONE], 1, [ONE, LATE, GONE]),
        ([ONE, TWO], 1, [ONE, THREE]),
        ([ONE, TWO], 1, []),
    ],
)
def test_what_differs_is_found(first: list[Any], before_the_end: int, again: list[Any]) -> None:
    with pytest.raises(AssertionError):
        compare(first, before_the_end, again)
