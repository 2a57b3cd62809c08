"""Any bytes to a session, in any split: events or one RemoteProtocolError, the same ones, and bounded memory."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from attrs import evolve

from dicomwire.dimse import CancelReceived, DataSetReceived, Session
from dicomwire.errors import RemoteProtocolError
from dicomwire.upper_layer import AssociateRequested, Connection, ReleaseRequested, ReleaseRP, Role, Timeouts
from fuzz.corpus import conversations, streams
from tests.support.sessions import (
    CONTEXTS,
    ECHO,
    ECHO_RQ,
    FIND,
    FIND_RQ,
    IMPLICIT,
    STORE,
    Piece,
    acceptance,
    feed,
    find_rq,
    merged,
    proposal,
    request,
    result,
    sent,
    store_rq,
    whole_command,
    whole_data,
)
from tests.support.streams import Refused

STEERING = 5
"""Where the session is, whether it is scanned, and the sizes of the pieces."""

PLACES = ("new", "idle", "waiting", "sending", "serving", "receiving")


REQUEST = request([proposal(number, abstract_syntax, IMPLICIT) for number, abstract_syntax in CONTEXTS])
ACCEPTANCE = acceptance([result(number, 0, IMPLICIT) for number, _ in CONTEXTS])
REQUEST_SENT, ACCEPTANCE_SENT = REQUEST.encode(), ACCEPTANCE.encode()


def session_in(place: str, role: Role) -> Session:
    """A session with nothing left to send or to tell.

    It is brought there alone, with the bytes of its peer: there are two or three of them for each input.
    """
    session = Session(Connection(role, timeouts=Timeouts(response=30.0, idle=60.0)))
    if role is Role.REQUESTOR:
        session.send(REQUEST)
        if place != "new":
            feed(session, ACCEPTANCE_SENT)
    elif place != "new":
        feed(session, REQUEST_SENT)
        session.send(ACCEPTANCE)
    if place in ("waiting", "sending"):
        session.send_message(FIND, FIND_RQ, b"query!")
        session.send_message(FIND, evolve(FIND_RQ, message_id=7), b"query!")
    if place == "sending":
        session.begin_message(ECHO, evolve(ECHO_RQ, message_id=3), data_set_follows=True)
    if place in ("serving", "receiving"):
        feed(session, whole_command(FIND, find_rq()) + whole_data(FIND, b"query!"))
    if place == "receiving":
        feed(session, whole_command(STORE, store_rq(2)))
    session.data_to_send()
    return session


def hear(session: Session, told: list[Any]) -> None:
    """Take all events, and answer at once those that want an answer."""
    while True:
        try:
            event = session.next_event()
        except RemoteProtocolError as error:
            told.append(Refused(error.source, error.reason))
            continue
        match event:
            case None:
                return
            case DataSetReceived():
                told.append(Piece(event.context_id, b"".join(event.fragments), event.last))
                continue
            case AssociateRequested(pdu=pdu):
                session.send(acceptance([result(item.context_id, 0, IMPLICIT) for item in pdu.presentation_context]))
            case ReleaseRequested(collision=False):
                session.send(ReleaseRP())
            case CancelReceived():
                # Those that scan() sees are in ``cancelled`` only.
                continue
        told.append(event)


def outcome(place: str, role: Role, data: bytes, sizes: bytes, *, scanned: bool) -> tuple[Any, ...]:
    """What it told, wrote and holds when the peer has closed."""
    session = session_in(place, role)
    told: list[Any] = []
    start, turn = 0, 0
    while start < len(data):
        size = sizes[turn % len(sizes)] + 1 if sizes else len(data)
        session.receive_data(data[start : start + size])
        if scanned:
            session.scan()
        hear(session, told)
        assert session.wants_data or session.connection.unread <= 6 + session.connection.limits.associate_pdu
        start += size
        turn += 1
    # Without bytes and without time nothing goes on.
    before = len(told), session.connection.unread
    session.handle_deadline(0.0)
    hear(session, told)
    assert (len(told), session.connection.unread) == before
    session.receive_data(b"")
    hear(session, told)
    assert session.connection.closed
    assert session.wants_data
    assert session.next_deadline(0.0) is None
    return merged(told), sent(session), session.outstanding, session.serving, session.cancelled, session.contexts


def one_input(data: bytes) -> None:
    if len(data) < STEERING:
        return
    place = PLACES[data[0] // 2 % len(PLACES)]
    role = (Role.REQUESTOR, Role.ACCEPTOR)[data[0] % 2]
    how, sizes, data = data[1], data[2:STEERING], data[STEERING:]
    expected = outcome(place, role, data, b"", scanned=False)
    assert sum(isinstance(event, Refused) for event in expected[0]) <= 1
    assert outcome(place, role, data, sizes, scanned=how & 1 == 1) == expected
    if how & 2:
        assert outcome(place, role, data, b"", scanned=True) == expected


def seeds() -> Iterable[bytes]:
    # Whole conversations begin with a session that is new, what belongs in the middle of one elsewhere.
    for role in (0, 1):
        yield from (bytes((role, 3, 5, 60, 200)) + stream for stream in streams())
    for number, pdu in enumerate(conversations()):
        yield bytes((number % (2 * len(PLACES)), number & 0xFF, 0, 7, 30)) + pdu
