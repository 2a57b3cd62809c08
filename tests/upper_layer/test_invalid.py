"""What a Connection does to a peer that breaks the protocol."""

from __future__ import annotations

from typing import Any

import pytest

from dicomwire.errors import RemoteProtocolError
from dicomwire.upper_layer import AssociateRQ, Connection, Limits, Role, State, Tolerated
from tests.support.streams import (
    ABORT,
    ASSOCIATE_AC,
    ASSOCIATE_RJ,
    ASSOCIATE_RQ,
    P_DATA,
    REJECTION,
    RELEASE_RP,
    RELEASE_RQ,
    STATES_BY_ROLE,
    Refused,
    abort,
    drain,
    feed,
    feed_buffer,
    in_state,
    request,
    sent,
    vectors,
    wire,
)


def refused(connection: Connection, data: bytes, message: str) -> RemoteProtocolError:
    """Feed ``data``, whose only effect must be the error returned."""
    connection.receive_data(data)
    with pytest.raises(RemoteProtocolError, match=message) as caught:
        connection.next_event()
    assert connection.state is State.STA13
    assert connection.next_event() is None
    assert sent(connection) == abort(caught.value.source, caught.value.reason)
    return caught.value


@pytest.mark.parametrize("vector", vectors()["invalid"], ids=lambda vector: vector["name"])
@pytest.mark.parametrize("receive", [feed, feed_buffer], ids=["receive_data", "get_buffer"])
@pytest.mark.parametrize("step", [1, 10000], ids=["bytewise", "whole"])
def test_an_invalid_vector_is_answered_with_the_right_codes(vector: dict[str, Any], receive: Any, step: int) -> None:
    for role in Role:
        if vector["state"] not in STATES_BY_ROLE[role]:
            continue
        connection = in_state(vector["state"], role)
        data = bytes.fromhex(vector["hex"])
        told = []
        for start in range(0, len(data), step):
            told += receive(connection, data[start : start + step])
        assert told == [Refused(*vector["suggested_abort"])]
        assert sent(connection) == abort(*vector["suggested_abort"])
        assert connection.ending
        assert feed(connection, b"") == []
        assert connection.closed


def test_bytes_left_behind_a_fragment_are_refused() -> None:
    connection = in_state(6, Role.ACCEPTOR)
    told = feed(connection, wire("04 00 00 00 00 0D  00 00 00 04 01 03 AA BB  00 00 00 02 01"))
    assert [type(event).__name__ for event in told] == ["DataReceived", "Refused"]
    assert sent(connection) == abort(2, 6)


@pytest.mark.parametrize(
    ("length", "complaint"),
    [
        (0, "P-DATA-TF without any presentation data value"),
        (5, "P-DATA-TF of 5 bytes, too short for a presentation data value"),
    ],
)
def test_a_pdu_that_holds_nothing_is_said_to_do_so(length: int, complaint: str) -> None:
    connection = in_state(6, Role.ACCEPTOR)
    connection.receive_data(wire(f"04 00 {length:08X}") + bytes(length))
    with pytest.raises(RemoteProtocolError) as caught:
        connection.next_event()
    assert str(caught.value) == complaint


def test_what_is_left_of_a_pdu_is_said_if_it_is_too_little() -> None:
    connection = in_state(6, Role.ACCEPTOR)
    connection.receive_data(wire("04 00 00 00 00 0D  00 00 00 04 01 03 AA BB  00 00 00 02 01"))
    connection.next_event()
    with pytest.raises(RemoteProtocolError, match="5 bytes left in a P-DATA-TF, too few for a PDV"):
        connection.next_event()


# -- limits --------------------------------------------------------------------------------------------------------


def test_an_association_pdu_is_judged_on_its_header() -> None:
    # 256 KiB are allowed, a byte more is not; nothing of the body has to come.
    assert feed(in_state(2, Role.ACCEPTOR), wire("01 00 00 04 00 00")) == []
    error = refused(in_state(2, Role.ACCEPTOR), wire("01 00 00 04 00 01"), "A-ASSOCIATE-RQ of 262145 bytes")
    assert (error.source, error.reason) == (0, 0)
    error = refused(in_state(5, Role.REQUESTOR), wire("02 00 FF FF FF FF"), "more than 262144")
    assert (error.source, error.reason) == (2, 6)


def test_the_cap_of_association_pdus_can_be_set() -> None:
    limits = Limits(associate_pdu=200)
    assert feed(in_state(2, Role.ACCEPTOR, limits=limits), wire("01 00 00 00 00 C8")) == []
    refused(in_state(2, Role.ACCEPTOR, limits=limits), wire("01 00 00 00 00 C9"), "201 bytes, more than 200")


@pytest.mark.parametrize(
    ("state", "kind", "name"),
    [(5, 3, "A-ASSOCIATE-RJ"), (6, 5, "A-RELEASE-RQ"), (7, 6, "A-RELEASE-RP"), (6, 7, "A-ABORT")],
)
def test_control_pdus_are_short(state: int, kind: int, name: str) -> None:
    assert feed(in_state(state, Role.REQUESTOR), bytes((kind, 0, 0, 0, 4, 0))) == []
    error = refused(
        in_state(state, Role.REQUESTOR), bytes((kind, 0, 0, 0, 4, 1)), f"{name} of 1025 bytes, more than 1024"
    )
    assert (error.source, error.reason) == (2, 6)


@pytest.mark.parametrize(
    ("announced", "limits", "most"),
    [
        pytest.param(16384, None, 1 << 20, id="at-least-a-mebibyte"),
        pytest.param(None, None, 1 << 20, id="not-announced"),
        pytest.param(1 << 20, None, 1 << 21, id="twice-what-was-announced"),
        pytest.param(16384, Limits(p_data_pdu=20000), 20000, id="set"),
        pytest.param(0, Limits(p_data_pdu=20000), 20000, id="set-and-no-limit-announced"),
        pytest.param(16384, Limits(strict_maximum_length=True), 16384, id="strict"),
        pytest.param(16384, Limits(strict_maximum_length=True, p_data_pdu=20000), 16384, id="strict-and-set"),
        pytest.param(16384, Limits(strict_maximum_length=True, p_data_pdu=10000), 10000, id="strict-and-set-lower"),
        pytest.param(None, Limits(strict_maximum_length=True), 1 << 20, id="strict-and-not-announced"),
        pytest.param(0, Limits(strict_maximum_length=True, p_data_pdu=100), 100, id="strict-and-no-limit-announced"),
    ],
)
@pytest.mark.parametrize("role", Role)
def test_p_data_is_judged_on_its_header(announced: int | None, limits: Limits | None, most: int, role: Role) -> None:
    connection = in_state(6, role, limits=limits, own_maximum_length=announced)
    assert feed(connection, b"\4\0" + most.to_bytes(4, "big")) == []
    connection = in_state(6, role, limits=limits, own_maximum_length=announced)
    error = refused(
        connection, b"\4\0" + (most + 1).to_bytes(4, "big"), f"P-DATA-TF of {most + 1} bytes, more than {most}"
    )
    assert (error.source, error.reason) == (2, 6)


def test_p_data_of_any_length_may_come_if_we_announced_no_limit() -> None:
    assert feed(in_state(6, Role.REQUESTOR, own_maximum_length=0), wire("04 00 FF FF FF FF")) == []


def test_the_limits_on_contexts_apply_to_a_connection() -> None:
    limits = Limits(contexts=0)
    error = refused(in_state(2, Role.ACCEPTOR, limits=limits), ASSOCIATE_RQ, "more than 0 presentation contexts")
    assert (error.source, error.reason) == (0, 0)
    limits = Limits(transfer_syntaxes=0)
    refused(in_state(2, Role.ACCEPTOR, limits=limits), ASSOCIATE_RQ, "1 transfer syntaxes, more than 0")


EMPTY_FRAGMENT = wire("04 00 00 00 00 06  00 00 00 02 01 00")


def test_endless_empty_fragments_are_refused() -> None:
    connection = in_state(6, Role.ACCEPTOR)
    assert len(feed(connection, EMPTY_FRAGMENT * 64)) == 64
    error = refused(connection, EMPTY_FRAGMENT, "more than 64 empty fragments in a row")
    assert (error.source, error.reason) == (2, 6)


def test_empty_fragments_between_full_ones_are_not_counted_together() -> None:
    connection = in_state(6, Role.ACCEPTOR)
    for _ in range(3):
        assert len(feed(connection, EMPTY_FRAGMENT * 64 + P_DATA)) == 65


@pytest.mark.parametrize("maximum", [1, 7])
@pytest.mark.parametrize("least", [8, 1])
def test_a_peer_that_takes_less_than_a_fragment_is_refused(maximum: int, least: int) -> None:
    announced = maximum.to_bytes(4, "big")
    limits = Limits(peer_maximum_length=least)
    message = f"maximum length {maximum} is too small to serve, the least is 8"
    for connection, data in (
        (in_state(5, Role.REQUESTOR, limits=limits), ASSOCIATE_AC),
        (in_state(2, Role.ACCEPTOR, limits=limits), ASSOCIATE_RQ),
    ):
        error = refused(connection, data[:-4] + announced, message)
        assert (error.source, error.reason) == (2, 6)
    assert len(feed(in_state(5, Role.REQUESTOR, limits=limits), ASSOCIATE_AC[:-4] + wire("00 00 00 08"))) == 1


def test_the_least_maximum_length_can_be_raised() -> None:
    connection = in_state(2, Role.ACCEPTOR, limits=Limits(peer_maximum_length=128))
    refused(connection, ASSOCIATE_RQ[:-4] + wire("00 00 00 7F"), "the least is 128")
    connection = in_state(2, Role.ACCEPTOR, limits=Limits(peer_maximum_length=128))
    assert len(feed(connection, ASSOCIATE_RQ[:-4] + wire("00 00 00 00"))) == 1


# -- other protocols -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "what"),
    [
        pytest.param(b"GET / HTTP/1.1\r\n", "an HTTP request", id="get"),
        pytest.param(b"POST /studies HTTP/1.1\r\n", "an HTTP request", id="post"),
        pytest.param(b"HEAD / HTTP/1.0\r\n", "an HTTP request", id="head"),
        pytest.param(b"PUT /x HTTP/1.1\r\n", "an HTTP request", id="put"),
        pytest.param(b"HTTP/1.1 400 Bad Request\r\n", "an HTTP answer", id="answer"),
        pytest.param(b"SSH-2.0-x\r\n", "SSH", id="ssh"),
        pytest.param(b"OPTIONS * HTTP/1.1\r\n", "an HTTP request", id="options"),
        pytest.param(b"DELETE /x HTTP/1.1\r\n", "an HTTP request", id="delete"),
        pytest.param(b"PATCH /x HTTP/1.1\r\n", "an HTTP request", id="patch"),
        pytest.param(b"CONNECT x:104 HTTP/1.1\r\n", "an HTTP request", id="connect"),
        pytest.param(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "an HTTP/2 connection", id="http2"),
        pytest.param(b"PROXY TCP4 ", "a PROXY protocol header", id="proxy"),
        pytest.param(
            wire("0D 0A 0D 0A 00 0D 0A 51 55 49 54 0A 21 11 00 0C"),
            "a PROXY protocol header, version 2",
            id="proxy2",
        ),
        pytest.param(b"\x0bMSH|^~\\&|", "an HL7 message", id="hl7"),
        pytest.param(wire("16 03 01 00 C8 01"), "a TLS handshake: does the peer expect TLS here", id="tls"),
        pytest.param(wire("15 03 03 00 02 02 46"), "a TLS alert", id="tls-alert"),
    ],
)
def test_other_protocols_are_recognised_by_their_first_bytes(data: bytes, what: str) -> None:
    error = refused(in_state(2, Role.ACCEPTOR), data, f"unrecognized PDU type {data[0]:#04x}: this looks like {what}")
    assert (error.source, error.reason) == (0, 0)
    error = refused(in_state(5, Role.REQUESTOR), data, what)
    assert (error.source, error.reason) == (2, 1)


def test_an_unknown_type_is_refused_by_its_first_byte() -> None:
    refused(in_state(2, Role.ACCEPTOR), b"G", "unrecognized PDU type 0x47$")
    refused(in_state(6, Role.ACCEPTOR), b"\0", "unrecognized PDU type 0x00$")


# -- after the end -------------------------------------------------------------------------------------------------


def test_garbage_is_answered_once_and_then_ignored() -> None:
    connection = in_state(13, Role.ACCEPTOR)
    assert feed(connection, b"\x08" * 100) == []
    assert sent(connection) == abort(2, 1)
    for _ in range(3):
        assert feed(connection, b"\xff" * 100000) == []
        assert connection.data_to_send() == []
        assert connection.unread == 0
    assert connection.state is State.STA13
    assert feed(connection, b"") == []
    assert connection.closed


def test_late_association_requests_are_answered_once() -> None:
    connection = in_state(13, Role.ACCEPTOR)
    assert feed(connection, ASSOCIATE_RQ) == []
    assert sent(connection) == abort(2, 2)
    assert feed(connection, ASSOCIATE_RQ * 3) == []
    assert connection.data_to_send() == []
    # It was dropped with its body, so that what comes behind is understood.
    assert feed(connection, ABORT) == []
    assert connection.closed


@pytest.mark.parametrize("split", [1, 5, 6, 7, 50, 144])
def test_an_association_request_in_the_wrong_state_is_not_answered_twice(split: int) -> None:
    connection = in_state(6, Role.ACCEPTOR)
    told = feed(connection, ASSOCIATE_RQ[:split]) + feed(connection, ASSOCIATE_RQ[split:])
    assert told == [Refused(2, 2)]
    assert sent(connection) == abort(2, 2)
    assert feed(connection, P_DATA + ABORT) == []
    assert connection.closed
    assert connection.data_to_send() == []


def test_a_late_pdu_beyond_its_cap_is_garbage() -> None:
    connection = in_state(13, Role.ACCEPTOR)
    assert feed(connection, wire("05 00 FF FF FF FF") + ABORT) == []
    assert sent(connection) == abort(2, 6)
    assert connection.state is State.STA13


def test_late_pdus_are_dropped_as_they_come() -> None:
    connection = in_state(13, Role.REQUESTOR)
    data = P_DATA + RELEASE_RQ + RELEASE_RP + ASSOCIATE_AC + ASSOCIATE_RJ
    for octet in data:
        assert feed(connection, bytes((octet,))) == []
        assert connection.unread < 6
    assert connection.state is State.STA13
    assert connection.data_to_send() == []


@pytest.mark.parametrize(
    ("state", "role", "data"),
    [
        pytest.param(6, Role.ACCEPTOR, ABORT, id="abort"),
        pytest.param(7, Role.REQUESTOR, RELEASE_RP, id="release"),
        pytest.param(5, Role.REQUESTOR, ASSOCIATE_RJ, id="reject"),
    ],
)
def test_bytes_behind_the_end_are_dropped(state: int, role: Role, data: bytes) -> None:
    for behind in (P_DATA, ABORT, b"\xff" * 100, ASSOCIATE_RQ):
        connection = in_state(state, role)
        told = feed(connection, data + behind)
        assert len(told) == 1
        assert not isinstance(told[0], Refused)
        assert connection.closed
        assert connection.unread == 0
        assert feed(connection, behind) == []
        assert feed_buffer(connection, behind) == []
        assert connection.data_to_send() == []


def test_nothing_comes_of_bytes_behind_an_error() -> None:
    connection = in_state(6, Role.ACCEPTOR)
    told = feed(connection, P_DATA + wire("04 00 00 00 00 00") + P_DATA * 10)
    assert [type(event).__name__ for event in told] == ["DataReceived", "Refused"]
    assert connection.unread == 0
    assert sent(connection) == abort(2, 6)


def test_a_rejected_peer_that_sends_data_is_not_heard() -> None:
    connection = in_state(3, Role.ACCEPTOR)
    connection.send(REJECTION)
    assert feed(connection, P_DATA * 3) == []
    assert sent(connection) == ASSOCIATE_RJ


def test_pipelined_data_behind_a_request_is_refused_after_the_request_was_told() -> None:
    connection = in_state(2, Role.ACCEPTOR)
    told = feed(connection, ASSOCIATE_RQ + P_DATA)
    assert told[1:] == [Refused(2, 2)]
    assert sent(connection) == abort(2, 2)


def test_what_is_only_odd_is_not_refused() -> None:
    told = feed(in_state(6, Role.ACCEPTOR), wire("04 00 00 00 00 07  00 00 00 03 01 03 AA"))
    assert isinstance(told[0], Tolerated)
    told = feed(in_state(2, Role.ACCEPTOR), AssociateRQ(called_ae_title="A", calling_ae_title="").encode())
    assert len(told) == 1
    assert drain(in_state(2, Role.ACCEPTOR)) == []
    assert request().calling_ae_title == "ECHOSCU"


@pytest.mark.parametrize("length", [0, 3, 5])
def test_a_short_p_data_tf_behind_the_end_hides_no_abort(length: int) -> None:
    connection = in_state(13, Role.ACCEPTOR)
    short = b"\x04\x00" + length.to_bytes(4, "big") + bytes(length)
    assert feed(connection, short + ABORT) == []
    assert connection.closed
    assert sent(connection) == b""
