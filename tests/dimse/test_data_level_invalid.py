"""P-DATA that is sound as PDUs and wrong as messages: refused with the codes that PS3.8 9.3.8 has for it."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import evolve
from hypothesis import given, settings, strategies as st

from dicomwire.dimse import CancelReceived, MessageReceived, Session
from dicomwire.errors import RemoteProtocolError
from dicomwire.upper_layer import Limits, Role, Tolerated
from tests.support.sessions import (
    CT_IMAGE_STORAGE,
    ECHO,
    ECHO_RQ,
    FIND,
    FIND_RQ,
    STORE,
    VERIFICATION,
    Piece,
    cancel_rq,
    echo_rq,
    feed,
    find_rq,
    joined,
    p_data,
    pdv,
    response,
    sent,
    store_rq,
)
from tests.support.streams import Refused, abort, vectors

# The tolerant row of the table applies to this one: a late response after a local timeout is its usual cause.
DROPPED = "response-for-unknown-message-id"
VECTORS: list[dict[str, Any]] = [vector for vector in vectors()["data_level_invalid"] if vector["name"] != DROPPED]
NAMES = [vector["name"] for vector in VECTORS]


def established(role: Role) -> Session:
    """With the contexts that the vectors use."""
    requestor, acceptor = joined(contexts=[(1, VERIFICATION), (3, CT_IMAGE_STORAGE)])
    return requestor if role is Role.REQUESTOR else acceptor


def take_all(session: Session) -> None:
    while session.next_event() is not None:
        pass


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("vector", VECTORS, ids=NAMES)
def test_invalid_messages_are_refused_with_the_abort_suggested(vector: dict[str, Any], role: Role) -> None:
    session = established(role)
    session.receive_data(bytes.fromhex(vector["hex"]))
    source, reason = vector["suggested_abort"]
    with pytest.raises(RemoteProtocolError) as caught:
        take_all(session)
    assert (caught.value.source, caught.value.reason) == (source, reason)
    assert sent(session) == abort(source, reason)
    assert session.connection.ending
    assert session.next_event() is None


@pytest.mark.parametrize("vector", VECTORS, ids=NAMES)
def test_invalid_messages_are_refused_byte_by_byte_too(vector: dict[str, Any]) -> None:
    session = established(Role.ACCEPTOR)
    told = [event for octet in bytes.fromhex(vector["hex"]) for event in feed(session, bytes((octet,)))]
    assert [event for event in told if isinstance(event, Refused)] == [Refused(*vector["suggested_abort"])]
    assert isinstance(told[-1], Refused)


@pytest.mark.parametrize("role", Role)
def test_a_response_for_an_unknown_message_id_is_dropped(role: Role) -> None:
    (vector,) = (vector for vector in vectors()["data_level_invalid"] if vector["name"] == DROPPED)
    session = established(role)
    (remark,) = feed(session, bytes.fromhex(vector["hex"]))
    assert isinstance(remark, Tolerated)
    assert "message ID 77" in remark.what
    assert sent(session) == b""
    assert session.connection.is_established


# -- properties -----------------------------------------------------------------------------------------------------
context_ids = st.sampled_from([ECHO, STORE, STORE, FIND, 99])
messages = st.sampled_from(
    [
        echo_rq(),
        store_rq(),
        find_rq(),
        cancel_rq(),
        response(0x0030, 1, 0),
        response(0x0020, 2, 0xFF00, 1),
        response(0x0020, 7, 0),
    ]
)
fragments = messages | st.binary(max_size=40) | messages.flatmap(lambda whole: st.just(whole[: len(whole) // 2]))
items = st.builds(pdv, context_ids, st.integers(0, 3) | st.integers(0, 255), fragments)
streams = st.lists(st.lists(items, min_size=1, max_size=4), max_size=6).map(
    lambda pdus: b"".join(p_data(*pdu) for pdu in pdus)
)


@settings(max_examples=300)
@given(
    stream=streams | st.builds(lambda body: p_data(body), st.binary(max_size=60)),
    role=st.sampled_from(Role),
    scans=st.booleans(),
)
def test_arbitrary_p_data_gives_events_or_is_refused_once(stream: bytes, role: Role, scans: bool) -> None:
    session = joined(limits=Limits(identifier=50, command_set=120))[role is Role.ACCEPTOR]
    session.send_message(ECHO, ECHO_RQ)
    session.begin_message(FIND, evolve(FIND_RQ, message_id=2), data_set_follows=True)
    session.data_to_send()
    session.receive_data(stream)
    if scans:
        session.scan()
    told = feed(session, b"")
    refused = [event for event in told if isinstance(event, Refused)]
    assert len(refused) <= 1
    out = sent(session)
    if refused:
        assert (refused[0].source, refused[0].reason) in {(2, 5), (2, 6), (2, 0)}
        assert out == abort(refused[0].source, refused[0].reason)
    else:
        assert out == b""
    for event in told[: -1 if not refused else None]:
        assert isinstance(event, MessageReceived | Piece | CancelReceived | Tolerated | Refused)
    assert session.connection.closed
