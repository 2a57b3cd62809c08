"""Sessions: associations as messages, contexts, message IDs, cancels and deadlines, without a transport."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from attrs import evolve

from dicomwire.dimse import (
    AcceptedContext,
    CancelReceived,
    Command,
    DataSetReceived,
    MessageReceived,
    Session,
    answer,
)
from dicomwire.errors import LocalProtocolError, RemoteProtocolError
from dicomwire.upper_layer import (
    Abort,
    Aborted,
    AssociateAccepted,
    AssociateRejected,
    AssociateRequested,
    AssociateRJ,
    Connection,
    ConnectionClosed,
    Limits,
    Released,
    ReleaseRequested,
    ReleaseRP,
    ReleaseRQ,
    RequestRefused,
    Role,
    State,
    Tap,
    TimedOut,
    Timeouts,
    Timer,
    Tolerated,
)
from dicomwire.upper_layer.buffer import LARGE, SMALL
from dicomwire.upper_layer.items import PresentationContextACItem
from dicomwire.upper_layer.tap import PDUReceived
from tests.support.sessions import (
    CANCEL_RQ,
    COMMAND,
    CT_IMAGE_STORAGE,
    DATA,
    ECHO,
    ECHO_RQ,
    EXPLICIT,
    FIND,
    FIND_RQ,
    GET,
    IMPLICIT,
    LAST,
    NO_TIMEOUTS,
    PATIENT_ROOT_GET,
    STORE,
    STORE_RQ,
    STUDY_ROOT_FIND,
    VERIFICATION,
    Piece,
    acceptance,
    cancel_rq,
    carry,
    command_set,
    drain,
    echo_rq,
    feed,
    find_rq,
    joined,
    p_data,
    pdv,
    proposal,
    request,
    response,
    result,
    sent,
    store_rq,
    us,
    whole_command,
    whole_data,
)
from tests.support.streams import Refused, abort

ECHO_RSP = whole_command(ECHO, response(0x0030, 1, 0))
PENDING = whole_command(FIND, response(0x0020, 1, 0xFF00, 1)) + whole_data(FIND, b"match!")
FIND_FINAL = whole_command(FIND, response(0x0020, 1, 0))
FIND_REQUEST = whole_command(FIND, find_rq()) + whole_data(FIND, b"query!")
CANCEL = whole_command(FIND, cancel_rq())
FIND_HALF = whole_command(FIND, find_rq()) + p_data(pdv(FIND, DATA, b"a piece!"))


def received(told: object) -> Command:
    """The command of what should be a MessageReceived."""
    assert isinstance(told, MessageReceived)
    return told.command


def tolerated(told: object, *words: str) -> None:
    assert isinstance(told, Tolerated)
    for word in words:
        assert word in told.what


# -- associations ---------------------------------------------------------------------------------------------------
def test_both_sides_know_the_accepted_contexts() -> None:
    requestor = Session(Connection(Role.REQUESTOR))
    acceptor = Session(Connection(Role.ACCEPTOR))
    requestor.send(request([proposal(1, VERIFICATION, IMPLICIT), proposal(3, CT_IMAGE_STORAGE, EXPLICIT, IMPLICIT)]))
    (requested,) = carry(requestor, acceptor)
    assert isinstance(requested, AssociateRequested)
    assert acceptor.contexts == {}
    acceptor.send(acceptance([result(3, 0, IMPLICIT), result(1, 0, IMPLICIT)]))
    (accepted,) = carry(acceptor, requestor)
    assert isinstance(accepted, AssociateAccepted)
    assert requestor.contexts == acceptor.contexts
    assert requestor.contexts == {
        1: AcceptedContext(1, VERIFICATION, IMPLICIT),
        3: AcceptedContext(3, CT_IMAGE_STORAGE, IMPLICIT),
    }


@pytest.mark.parametrize("transfer_syntax", [None, "", IMPLICIT, "9.9.9"])
@pytest.mark.parametrize("number", [1, 2, 3, 4, 5, 255])
def test_a_rejected_context_may_have_any_transfer_syntax_or_none(number: int, transfer_syntax: str | None) -> None:
    requestor = Session(Connection(Role.REQUESTOR))
    requestor.send(request([proposal(1, VERIFICATION, IMPLICIT)]))
    answers = acceptance([result(1, number, transfer_syntax)]).encode()
    (accepted,) = feed(requestor, answers)
    assert isinstance(accepted, AssociateAccepted)
    assert requestor.contexts == {}


@pytest.mark.parametrize(
    "answered",
    [
        pytest.param(result(1, 0, EXPLICIT), id="a transfer syntax of another context"),
        pytest.param(result(1, 0, "9.9.9"), id="a transfer syntax nobody proposed"),
        pytest.param(result(1, 0, ""), id="an empty transfer syntax"),
        pytest.param(result(1, 0, None), id="no transfer syntax"),
        pytest.param(result(5, 0, IMPLICIT), id="a context nobody proposed"),
    ],
)
def test_an_acceptance_of_what_was_not_proposed_is_no_acceptance(answered: PresentationContextACItem) -> None:
    requestor = Session(Connection(Role.REQUESTOR))
    requestor.send(request([proposal(1, VERIFICATION, IMPLICIT), proposal(3, CT_IMAGE_STORAGE, EXPLICIT)]))
    answers = [answered, result(3, 0, EXPLICIT)]
    accepted, remark = feed(requestor, acceptance(answers).encode())
    assert isinstance(accepted, AssociateAccepted)
    tolerated(remark, "was not proposed for it")
    assert list(requestor.contexts) == [3]


def test_of_a_context_proposed_twice_the_first_counts() -> None:
    requestor = Session(Connection(Role.REQUESTOR))
    acceptor = Session(Connection(Role.ACCEPTOR))
    requestor.send(request([proposal(1, VERIFICATION, IMPLICIT), proposal(1, CT_IMAGE_STORAGE, EXPLICIT)]))
    carry(requestor, acceptor)
    acceptor.send(acceptance([result(1, 0, IMPLICIT)]))
    carry(acceptor, requestor)
    assert requestor.contexts == acceptor.contexts == {1: AcceptedContext(1, VERIFICATION, IMPLICIT)}


@pytest.mark.parametrize(
    ("first", "second", "agreed"),
    [
        pytest.param(result(1, 0, IMPLICIT), result(1, 0, EXPLICIT), IMPLICIT, id="accepted twice"),
        pytest.param(result(1, 0, IMPLICIT), result(1, 3, None), IMPLICIT, id="accepted, then rejected"),
        pytest.param(result(1, 3, None), result(1, 0, IMPLICIT), None, id="rejected, then accepted"),
    ],
)
def test_of_a_context_answered_twice_the_first_answer_counts(
    first: PresentationContextACItem, second: PresentationContextACItem, agreed: str | None
) -> None:
    requestor = Session(Connection(Role.REQUESTOR))
    requestor.send(request([proposal(1, VERIFICATION, IMPLICIT, EXPLICIT)]))
    _, remark = feed(requestor, acceptance([first, second]).encode())
    tolerated(remark, "presentation context 1 answered again")
    assert [context.transfer_syntax for context in requestor.contexts.values()] == ([agreed] if agreed else [])


def test_what_is_odd_about_one_context_is_nothing_to_the_next() -> None:
    requestor = Session(Connection(Role.REQUESTOR))
    requestor.send(request([proposal(number, VERIFICATION, IMPLICIT) for number in (1, 3, 5)]))
    answers = [
        result(1, 0, IMPLICIT),
        result(1, 0, IMPLICIT),
        result(9, 0, IMPLICIT),
        result(3, 0, EXPLICIT),
        result(3, 3, None),
        result(7, 4, None),
        result(5, 0, IMPLICIT),
    ]
    feed(requestor, acceptance(answers).encode())
    assert sorted(requestor.contexts) == [1, 5]


def test_an_acceptor_cannot_agree_with_itself_on_what_was_not_proposed() -> None:
    requestor = Session(Connection(Role.REQUESTOR))
    acceptor = Session(Connection(Role.ACCEPTOR))
    requestor.send(request([proposal(1, VERIFICATION, IMPLICIT)]))
    carry(requestor, acceptor)
    acceptor.send(acceptance([result(1, 0, EXPLICIT)]))
    assert acceptor.contexts == {}
    (remark,) = drain(acceptor)
    tolerated(remark, "was not proposed")


def test_the_request_is_kept_until_it_is_answered() -> None:
    asked = request([proposal(1, VERIFICATION, IMPLICIT)])
    requestor, acceptor = Session(Connection(Role.REQUESTOR)), Session(Connection(Role.ACCEPTOR))
    assert requestor.request is acceptor.request is None
    assert requestor.wants_data and acceptor.wants_data
    requestor.send(asked)
    carry(requestor, acceptor)
    assert requestor.request == acceptor.request == asked
    acceptor.send(acceptance([result(1, 0, IMPLICIT)]))
    carry(acceptor, requestor)
    assert requestor.request is acceptor.request is None


def test_a_rejected_association_has_no_contexts() -> None:
    requestor = Session(Connection(Role.REQUESTOR))
    acceptor = Session(Connection(Role.ACCEPTOR))
    requestor.send(request([proposal(1, VERIFICATION, IMPLICIT)]))
    carry(requestor, acceptor)
    acceptor.send(AssociateRJ(result=1, source=1, reason_diagnostic=7))
    (rejected,) = carry(acceptor, requestor)
    assert isinstance(rejected, AssociateRejected)
    assert requestor.contexts == acceptor.contexts == {}
    assert requestor.connection.closed


def test_a_request_of_an_unknown_protocol_version_is_refused_and_told() -> None:
    acceptor = Session(Connection(Role.ACCEPTOR))
    asked = evolve(request([proposal(1, VERIFICATION, IMPLICIT)]), protocol_version=2)
    (refused,) = feed(acceptor, asked.encode())
    assert isinstance(refused, RequestRefused)
    assert acceptor.contexts == {}


def test_the_acceptor_may_send_a_message_right_behind_its_acceptance() -> None:
    requestor = Session(Connection(Role.REQUESTOR))
    acceptor = Session(Connection(Role.ACCEPTOR))
    requestor.send(request([proposal(1, VERIFICATION, IMPLICIT)]))
    carry(requestor, acceptor)
    acceptor.send(acceptance([result(1, 0, IMPLICIT)]))
    acceptor.send_message(1, ECHO_RQ)
    accepted, message = carry(acceptor, requestor)
    assert isinstance(accepted, AssociateAccepted)
    assert received(message) == ECHO_RQ


# -- sending --------------------------------------------------------------------------------------------------------
def test_a_request_and_its_response_cross() -> None:
    requestor, acceptor = joined()
    requestor.send_message(ECHO, ECHO_RQ)
    assert requestor.outstanding == {1: ECHO_RQ}
    (asked,) = carry(requestor, acceptor)
    assert asked == MessageReceived(context_id=ECHO, command=ECHO_RQ)
    assert acceptor.serving == {1}
    acceptor.send_message(ECHO, answer(ECHO_RQ, 0))
    assert acceptor.serving == set()
    (answered,) = carry(acceptor, requestor)
    assert received(answered) == answer(ECHO_RQ, 0)
    assert requestor.outstanding == {}


def test_a_data_set_follows_its_command() -> None:
    requestor, acceptor = joined()
    requestor.send_message(STORE, STORE_RQ, b"pixels")
    message, piece = carry(requestor, acceptor)
    assert received(message) == evolve(STORE_RQ, command_data_set_type=1)
    assert isinstance(message, MessageReceived)
    assert message.has_data_set
    assert piece == Piece(STORE, b"pixels", True)


def test_an_empty_data_set_is_announced_and_arrives_empty() -> None:
    requestor, acceptor = joined()
    requestor.send_message(FIND, FIND_RQ, b"")
    message, piece = carry(requestor, acceptor)
    assert received(message).has_data_set
    assert piece == Piece(FIND, b"", True)


def test_the_flag_of_the_command_yields_to_whether_there_is_a_data_set() -> None:
    requestor, acceptor = joined()
    requestor.send_message(FIND, evolve(FIND_RQ, command_data_set_type=1))
    (message,) = carry(requestor, acceptor)
    assert not received(message).has_data_set


def test_a_data_set_can_be_sent_in_pieces() -> None:
    requestor, acceptor = joined()
    requestor.begin_message(STORE, STORE_RQ, data_set_follows=True)
    message, *nothing = carry(requestor, acceptor)
    assert isinstance(message, MessageReceived)
    assert nothing == []
    requestor.send_data_set(b"some", last=False)
    assert carry(requestor, acceptor) == [Piece(STORE, b"some", False)]
    requestor.send_data_set(b"", last=False)
    assert sent(requestor) == b""
    requestor.send_data_set(b"more", last=True)
    assert carry(requestor, acceptor) == [Piece(STORE, b"more", True)]


def test_a_piece_of_a_data_set_is_not_copied() -> None:
    requestor, _ = joined()
    piece = bytearray(b"pixels")
    requestor.begin_message(STORE, STORE_RQ, data_set_follows=True)
    requestor.send_data_set(piece, last=True)
    assert requestor.data_to_send()[-1] is piece


def test_both_directions_carry_requests_with_the_same_message_id() -> None:
    requestor, acceptor = joined()
    get = Command(command_field=0x0010, message_id=1, affected_sop_class_uid="1.2", priority=0)
    requestor.send_message(GET, get, b"identifier")
    carry(requestor, acceptor)
    acceptor.send_message(STORE, STORE_RQ, b"pixels")
    assert received(carry(acceptor, requestor)[0]).command_field == 0x0001
    assert (requestor.serving, set(requestor.outstanding)) == ({1}, {1})
    requestor.send_message(STORE, answer(STORE_RQ, 0))
    assert received(carry(requestor, acceptor)[0]).command_field == 0x8001
    assert (acceptor.serving, set(acceptor.outstanding)) == ({1}, set())
    acceptor.send_message(GET, answer(get, 0))
    assert received(carry(acceptor, requestor)[0]).command_field == 0x8010
    assert (requestor.serving, set(requestor.outstanding)) == (set(), set())
    assert acceptor.serving == set()


def test_the_acceptor_can_answer_what_it_still_serves_when_release_is_requested() -> None:
    requestor, acceptor = joined()
    requestor.send_message(ECHO, ECHO_RQ)
    requestor.send(ReleaseRQ())
    assert [type(event) for event in carry(requestor, acceptor)] == [MessageReceived, ReleaseRequested]
    acceptor.send_message(ECHO, answer(ECHO_RQ, 0))
    acceptor.send(ReleaseRP())
    assert [type(event) for event in carry(acceptor, requestor)] == [MessageReceived, Released]


@pytest.mark.parametrize("message_id", [0, 1, 65535])
def test_a_message_id_can_be_used_again_after_the_final_response(message_id: int) -> None:
    requestor, acceptor = joined()
    command = evolve(ECHO_RQ, message_id=message_id)
    for _ in range(2):
        requestor.send_message(ECHO, command)
        assert received(carry(requestor, acceptor)[0]).message_id == message_id
        acceptor.send_message(ECHO, answer(command, 0))
        assert received(carry(acceptor, requestor)[0]).message_id_being_responded_to == message_id


def refuse_locally(session: Session, what: Callable[[], None], complaint: str) -> None:
    """``what`` raises LocalProtocolError, and the session is as it was."""
    before = (session.connection.state, dict(session.outstanding), set(session.serving), set(session.cancelled))
    assert session.data_to_send() == []
    with pytest.raises(LocalProtocolError, match=complaint):
        what()
    assert session.data_to_send() == []
    assert before == (session.connection.state, session.outstanding, session.serving, session.cancelled)


def test_a_message_id_in_use_is_refused() -> None:
    requestor, acceptor = joined()
    requestor.send_message(FIND, FIND_RQ, b"")
    carry(requestor, acceptor)
    refuse_locally(requestor, lambda: requestor.send_message(ECHO, ECHO_RQ), "message ID 1 is in use")
    requestor.send_message(ECHO, evolve(ECHO_RQ, message_id=2))
    assert set(requestor.outstanding) == {1, 2}


def test_a_context_that_was_not_accepted_is_refused() -> None:
    requestor, _ = joined()
    refuse_locally(requestor, lambda: requestor.send_message(99, ECHO_RQ), "presentation context 99 was not accepted")
    requestor.send_message(ECHO, ECHO_RQ)


@pytest.mark.parametrize(
    ("command", "complaint"),
    [
        pytest.param(evolve(ECHO_RQ, message_id=None), "C-ECHO-RQ without message ID", id="request"),
        pytest.param(Command(command_field=0x8030, status=0), "C-ECHO-RSP without message ID", id="response"),
        pytest.param(Command(command_field=0x0FFF), "C-CANCEL-RQ without message ID", id="cancel"),
        pytest.param(evolve(ECHO_RQ, command_field=0x0031), "0x0031 is no DIMSE message", id="unknown"),
    ],
)
def test_a_message_that_the_peer_would_refuse_is_refused(command: Command, complaint: str) -> None:
    requestor, _ = joined()
    refuse_locally(requestor, lambda: requestor.send_message(ECHO, command), complaint)


def test_a_value_that_does_not_fit_changes_nothing() -> None:
    requestor, _ = joined()
    with pytest.raises(ValueError, match="Priority 65536 does not fit"):
        requestor.send_message(STORE, evolve(STORE_RQ, priority=0x10000), b"")
    assert requestor.data_to_send() == []
    assert requestor.outstanding == {}
    requestor.send_message(STORE, STORE_RQ, b"")


def test_no_message_is_sent_within_another_one() -> None:
    requestor, _ = joined()
    requestor.begin_message(STORE, STORE_RQ, data_set_follows=True)
    requestor.data_to_send()
    refuse_locally(requestor, lambda: requestor.send_message(ECHO, ECHO_RQ), "of the message before is not complete")
    refuse_locally(requestor, lambda: requestor.send_message(STORE, CANCEL_RQ), "is not complete")
    requestor.send_data_set(b"", last=True)
    requestor.send_message(STORE, CANCEL_RQ)


def test_no_data_set_is_sent_without_a_command() -> None:
    requestor, _ = joined()
    refuse_locally(requestor, lambda: requestor.send_data_set(b"xx", last=True), "no message waits for a data set")
    requestor.send_message(ECHO, ECHO_RQ)
    requestor.data_to_send()
    refuse_locally(requestor, lambda: requestor.send_data_set(b"xx", last=True), "no message waits for a data set")


def test_nothing_is_sent_after_the_end() -> None:
    requestor, acceptor = joined()
    requestor.begin_message(STORE, STORE_RQ, data_set_follows=True)
    requestor.data_to_send()
    acceptor.send(Abort())
    carry(acceptor, requestor)
    refuse_locally(requestor, lambda: requestor.send_data_set(b"xx", last=True), "P-DATA-TF cannot be sent in Sta1")
    refuse_locally(acceptor, lambda: acceptor.send_message(ECHO, ECHO_RQ), "P-DATA-TF cannot be sent in Sta13")
    refuse_locally(acceptor, lambda: acceptor.send(ReleaseRQ()), "cannot be sent in Sta13")


def test_a_command_before_the_association_is_refused() -> None:
    acceptor = Session(Connection(Role.ACCEPTOR))
    acceptor.receive_data(whole_command(ECHO, echo_rq()))
    with pytest.raises(RemoteProtocolError, match="P-DATA-TF in Sta2"):
        acceptor.next_event()


def test_a_command_behind_the_end_is_dropped() -> None:
    _, acceptor = joined()
    acceptor.send(Abort())
    assert feed(acceptor, whole_command(ECHO, echo_rq()) + whole_command(9, echo_rq())) == []


def test_nothing_is_sent_before_the_association() -> None:
    requestor = Session(Connection(Role.REQUESTOR))
    refuse_locally(requestor, lambda: requestor.send_message(ECHO, ECHO_RQ), "was not accepted")
    refuse_locally(requestor, lambda: requestor.send(acceptance([])), "cannot be sent")


# -- responses ------------------------------------------------------------------------------------------------------
def test_responses_may_come_in_any_order() -> None:
    requestor, acceptor = joined()
    for message_id in (1, 2, 3):
        requestor.send_message(ECHO, evolve(ECHO_RQ, message_id=message_id))
    carry(requestor, acceptor)
    assert acceptor.serving == {1, 2, 3}
    for message_id, left in ((3, {1, 2}), (1, {2}), (2, set())):
        acceptor.send_message(ECHO, answer(evolve(ECHO_RQ, message_id=message_id), 0))
        (message,) = carry(acceptor, requestor)
        assert received(message).message_id_being_responded_to == message_id
        assert set(requestor.outstanding) == left == acceptor.serving


@pytest.mark.parametrize("status", [0xFF00, 0xFF01])
def test_a_pending_response_leaves_the_request_outstanding(status: int) -> None:
    requestor, acceptor = joined()
    requestor.send_message(FIND, FIND_RQ, b"query!")
    carry(requestor, acceptor)
    acceptor.send_message(FIND, answer(FIND_RQ, status), b"match!")
    assert acceptor.serving == {1}
    message, piece = carry(acceptor, requestor)
    assert received(message).status == status
    assert piece == Piece(FIND, b"match!", True)
    assert set(requestor.outstanding) == {1}


def test_a_response_for_no_request_is_dropped_with_its_data_set() -> None:
    requestor, _ = joined()
    (remark,) = feed(requestor, PENDING)
    tolerated(remark, "C-FIND-RSP for message ID 1, which is not outstanding: dropped")
    requestor.send_message(FIND, FIND_RQ, b"query!")
    message, piece = feed(requestor, PENDING)
    assert received(message).status == 0xFF00
    assert piece == Piece(FIND, b"match!", True)


def test_responses_after_a_request_is_forgotten_are_dropped() -> None:
    requestor, _ = joined()
    requestor.send_message(FIND, FIND_RQ, b"query!")
    requestor.forget_request(1)
    assert requestor.outstanding == {}
    told = feed(requestor, PENDING + PENDING + FIND_FINAL)
    assert len(told) == 3
    for remark in told:
        tolerated(remark, "dropped")
    requestor.forget_request(1)  # once more does no harm


def test_thousands_of_stale_responses_in_one_buffer_are_dropped_one_by_one() -> None:
    requestor, _ = joined()
    told = feed(requestor, PENDING * 5000 + whole_command(ECHO, echo_rq()))
    assert len(told) == 5001
    tolerated(told[0], "dropped")
    tolerated(told[4999], "dropped")
    assert received(told[5000]).command_field == 0x0030


def test_a_huge_number_in_a_stale_response_can_be_told() -> None:
    requestor, _ = joined()
    stale = command_set(us(0x0100, 0x8030), b"\x00\x00\x20\x01\x00\x20\x00\x00" + b"\xff" * 0x2000, us(0x0900, 0))
    (remark,) = feed(requestor, whole_command(ECHO, stale))
    tolerated(remark, "message ID 65535")


def test_a_response_of_another_kind_is_refused() -> None:
    requestor, _ = joined()
    requestor.send_message(FIND, FIND_RQ, b"query!")
    requestor.data_to_send()
    requestor.receive_data(ECHO_RSP)
    with pytest.raises(RemoteProtocolError, match="C-ECHO-RSP as the answer to C-FIND-RQ 1") as caught:
        requestor.next_event()
    assert (caught.value.source, caught.value.reason) == (2, 5)
    assert sent(requestor) == abort(2, 5)
    assert requestor.connection.ending


def test_a_response_on_another_context_is_taken_with_a_remark() -> None:
    requestor, _ = joined()
    requestor.send_message(FIND, FIND_RQ, b"query!")
    match = whole_command(GET, response(0x0020, 1, 0xFF00, 1)) + whole_data(GET, b"match!")
    message, remark, piece = feed(requestor, match)
    assert received(message).status == 0xFF00
    tolerated(remark, "C-FIND-RSP 1 on presentation context 7, its request on 5")
    assert piece == Piece(GET, b"match!", True)
    assert len(feed(requestor, FIND_FINAL)) == 1
    assert requestor.outstanding == {}


def test_a_data_set_goes_with_the_flag_even_where_there_should_be_none() -> None:
    requestor, acceptor = joined()
    message, piece = feed(acceptor, whole_command(ECHO, echo_rq(data_set_type=0)) + whole_data(ECHO, b"what?!"))
    assert received(message).has_data_set
    assert piece == Piece(ECHO, b"what?!", True)
    requestor.send_message(FIND, FIND_RQ, b"query!")
    (message,) = feed(requestor, whole_command(FIND, response(0x0020, 1, 0xFF00)))
    assert received(message).status == 0xFF00


def test_a_response_without_status_is_final() -> None:
    requestor, _ = joined()
    requestor.send_message(ECHO, ECHO_RQ)
    (message,) = feed(requestor, whole_command(ECHO, command_set(us(0x0100, 0x8030), us(0x0120, 1))))
    assert received(message).status is None
    assert requestor.outstanding == {}


def test_a_repository_query_stays_outstanding_when_its_response_limit_is_reached() -> None:
    requestor, _ = joined(contexts=[(FIND, "1.2.840.10008.5.1.4.1.1.201.6")])
    requestor.send_message(FIND, evolve(FIND_RQ, affected_sop_class_uid="1.2.840.10008.5.1.4.1.1.201.6"), b"")
    feed(requestor, whole_command(FIND, response(0x0020, 1, 0xB001)))
    assert set(requestor.outstanding) == {1}
    feed(requestor, FIND_FINAL)
    assert requestor.outstanding == {}


# -- C-CANCEL -------------------------------------------------------------------------------------------------------
def test_a_cancel_is_told_and_remembered_until_the_final_response() -> None:
    requestor, acceptor = joined()
    requestor.send_message(FIND, FIND_RQ, b"query!")
    requestor.send_message(FIND, CANCEL_RQ)
    assert set(requestor.outstanding) == {1}
    told = carry(requestor, acceptor)
    assert told[2:] == [CancelReceived(message_id=1)]
    assert acceptor.cancelled == {1}
    acceptor.send_message(FIND, answer(FIND_RQ, 0xFF00), b"match!")
    assert acceptor.cancelled == {1}
    acceptor.send_message(FIND, answer(FIND_RQ, 0xFE00))
    assert (acceptor.serving, acceptor.cancelled) == (set(), set())
    assert [type(event) for event in carry(acceptor, requestor)] == [MessageReceived, Piece, MessageReceived]
    assert requestor.outstanding == {}


def test_a_cancel_of_what_is_not_served_is_dropped() -> None:
    requestor, acceptor = joined()
    (remark,) = feed(acceptor, CANCEL)
    tolerated(remark, "C-CANCEL for message ID 1, which is not being served: dropped")
    requestor.send_message(FIND, FIND_RQ, b"query!")
    carry(requestor, acceptor)
    acceptor.send_message(FIND, answer(FIND_RQ, 0))
    (remark,) = feed(acceptor, CANCEL)
    tolerated(remark, "dropped")
    assert acceptor.cancelled == set()


def test_a_whole_command_between_the_pieces_of_a_data_set_is_refused() -> None:
    _, acceptor = joined()
    feed(acceptor, FIND_HALF)
    acceptor.receive_data(whole_command(FIND, find_rq(2)))
    with pytest.raises(RemoteProtocolError, match="command fragment inside an unfinished data set"):
        acceptor.next_event()


def test_our_cancel_leaves_the_peers_request_of_the_same_message_id() -> None:
    requestor, acceptor = joined()
    acceptor.send_message(ECHO, ECHO_RQ)
    carry(acceptor, requestor)
    requestor.send_message(FIND, FIND_RQ, b"query!")
    requestor.send_message(FIND, CANCEL_RQ)
    assert requestor.serving == {1}


@pytest.mark.parametrize("serving", [True, False])
@pytest.mark.parametrize(
    "data", [whole_data(FIND, b"what?!"), p_data(pdv(FIND, DATA, b"what"), pdv(FIND, DATA | LAST, b"?!"))]
)
def test_the_data_set_of_a_cancel_is_dropped(serving: bool, data: bytes) -> None:
    _, acceptor = joined()
    if serving:
        feed(acceptor, FIND_REQUEST)
    cancel = whole_command(FIND, cancel_rq(data_set_type=1)) + data
    told = feed(acceptor, cancel + whole_command(ECHO, echo_rq(2)))
    assert [type(event) for event in told] == [CancelReceived if serving else Tolerated, MessageReceived]


@pytest.mark.parametrize(
    "wrong",
    [
        pdv(FIND, DATA | LAST, b"pixels"),
        pdv(STORE, COMMAND | LAST, b"pixels"),
        pdv(STORE, COMMAND, b"pixels"),
    ],
)
@pytest.mark.parametrize("cut", [0, 6, 11, 12, 13])
def test_a_fragment_that_belongs_elsewhere_is_refused_however_it_arrives(wrong: bytes, cut: int) -> None:
    _, acceptor = joined()
    feed(acceptor, whole_command(STORE, store_rq()) + p_data(pdv(STORE, DATA, b"begin!")))
    data = p_data(wrong)
    told = [*(feed(acceptor, data[:cut]) if cut else ()), *feed(acceptor, data[cut:])]
    assert [type(event) for event in told] == [Refused]


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        (whole_data(FIND, b"query!"), "data set fragment where a command is due"),
        (FIND_HALF + whole_command(FIND, find_rq(2)), "command fragment inside an unfinished data set"),
        (FIND_HALF + whole_data(GET, b"more"), "data set on presentation context 7, its command on 5"),
        (p_data(pdv(ECHO, COMMAND, b"some"), pdv(FIND, COMMAND, b"more")), "command fragments on contexts 1 and 5"),
        (p_data(pdv(9, COMMAND, b"some")), "PDV on presentation context 9, which is not accepted"),
        (whole_command(9, echo_rq()), "PDV on presentation context 9, which is not accepted"),
    ],
)
def test_what_is_refused_is_said(data: bytes, complaint: str) -> None:
    _, acceptor = joined()
    acceptor.receive_data(data)
    with pytest.raises(RemoteProtocolError) as caught:
        take_all(acceptor)
    assert str(caught.value) == complaint
    assert (caught.value.source, caught.value.reason) == (2, 5)


def test_scan_sees_a_cancel_while_nobody_takes_events() -> None:
    _, acceptor = joined()
    feed(acceptor, FIND_REQUEST)
    acceptor.scan()
    assert acceptor.cancelled == set()
    acceptor.receive_data(CANCEL)
    assert acceptor.cancelled == set()
    acceptor.scan()
    assert acceptor.cancelled == {1}
    assert drain(acceptor) == []


def test_scan_sees_a_cancel_behind_another_one() -> None:
    _, acceptor = joined()
    second = whole_command(FIND, find_rq(2)) + whole_data(FIND, b"query!")
    feed(acceptor, FIND_REQUEST + second)
    acceptor.receive_data(CANCEL + whole_command(FIND, cancel_rq(2)))
    acceptor.scan()
    assert acceptor.cancelled == {1, 2}


def test_scan_leaves_everything_else_in_order() -> None:
    _, acceptor = joined()
    feed(acceptor, FIND_REQUEST)
    acceptor.receive_data(CANCEL + whole_command(ECHO, echo_rq(2)) + whole_command(FIND, find_rq(3)))
    assert acceptor.wants_scan
    acceptor.scan()
    assert not acceptor.wants_scan
    assert not acceptor.wants_data
    acceptor.scan()
    acceptor.receive_data(whole_data(FIND, b"query!") + whole_command(FIND, cancel_rq(3)))
    acceptor.scan()
    first, second, *rest = drain(acceptor)
    assert received(first).message_id == 2
    assert received(second).message_id == 3
    assert rest == [Piece(FIND, b"query!", True), CancelReceived(message_id=3)]
    assert acceptor.wants_data


def test_scan_sees_a_cancel_behind_what_is_tolerated_and_tells_of_that_after_the_response() -> None:
    _, acceptor = joined()
    feed(acceptor, FIND_REQUEST)
    acceptor.receive_data(whole_command(FIND, cancel_rq(5)))
    acceptor.scan()
    # More may come: the remark is no reason to stop reading.
    assert acceptor.wants_data
    assert acceptor.wants_scan
    acceptor.receive_data(whole_command(FIND, cancel_rq(6)) + CANCEL)
    acceptor.scan()
    assert acceptor.cancelled == {1}
    assert acceptor.wants_data
    acceptor.send_message(FIND, answer(Command(command_field=0x0020, message_id=1), 0xFE00))
    assert not acceptor.wants_data
    told = [event.what for event in drain(acceptor) if isinstance(event, Tolerated)]
    assert ["message ID 5" in told[0], "message ID 6" in told[1], len(told)] == [True, True, 2]


def test_scan_tells_of_what_is_tolerated_before_the_event_behind_it() -> None:
    _, acceptor = joined()
    feed(acceptor, FIND_REQUEST)
    acceptor.receive_data(whole_command(FIND, cancel_rq(5)) + whole_command(ECHO, echo_rq(2)))
    acceptor.scan()
    assert not acceptor.wants_data
    remark, request = drain(acceptor)
    assert isinstance(remark, Tolerated)
    assert received(request).message_id == 2


def test_what_scan_has_set_aside_is_told_first_to_who_takes_events() -> None:
    _, acceptor = joined()
    feed(acceptor, FIND_REQUEST)
    acceptor.receive_data(whole_command(FIND, cancel_rq(5)))
    acceptor.scan()
    acceptor.receive_data(whole_command(ECHO, echo_rq(2)))
    remark, asked = drain(acceptor)
    assert isinstance(remark, Tolerated) and "message ID 5" in remark.what
    assert received(asked).message_id == 2


def test_scan_keeps_only_so_many_remarks() -> None:
    _, acceptor = joined()
    feed(acceptor, FIND_REQUEST)
    for number in range(100):
        acceptor.receive_data(whole_command(FIND, cancel_rq(1000 + number)))
        acceptor.scan()
    acceptor.send_message(FIND, answer(Command(command_field=0x0020, message_id=1), 0x0000))
    assert len(drain(acceptor)) == 64


def test_scan_leaves_a_data_set_to_whoever_takes_it() -> None:
    _, acceptor = joined()
    acceptor.receive_data(FIND_REQUEST)
    acceptor.next_event()
    acceptor.scan()
    assert drain(acceptor) == [Piece(FIND, b"query!", True)]


def test_scan_puts_an_event_before_the_remarks_about_it() -> None:
    requestor = Session(Connection(Role.REQUESTOR))
    requestor.send(request([proposal(1, VERIFICATION, IMPLICIT)]))
    requestor.receive_data(acceptance([result(1, 0, EXPLICIT)]).encode())
    requestor.scan()
    assert [type(event) for event in drain(requestor)] == [AssociateAccepted, Tolerated]


def test_scan_keeps_an_error_for_next_event() -> None:
    _, acceptor = joined()
    feed(acceptor, FIND_REQUEST)
    acceptor.receive_data(whole_data(FIND, b"no command"))
    acceptor.scan()
    assert not acceptor.wants_scan
    assert not acceptor.wants_data
    assert sent(acceptor) == abort(2, 5)
    assert drain(acceptor) == [Refused(2, 5)]


def test_scan_tells_of_what_is_tolerated_before_the_error_behind_it() -> None:
    _, acceptor = joined()
    feed(acceptor, FIND_REQUEST)
    acceptor.receive_data(whole_command(FIND, cancel_rq(5)) + whole_data(FIND, b"no command"))
    acceptor.scan()
    remark, refused = drain(acceptor)
    tolerated(remark, "message ID 5")
    assert refused == Refused(2, 5)


# -- deadlines ------------------------------------------------------------------------------------------------------
def patience(*, response: float | None = None, idle: float | None = None) -> Timeouts:
    return evolve(NO_TIMEOUTS, response=response, idle=idle)


def test_the_response_deadline_runs_from_the_request_to_its_response() -> None:
    requestor, _ = joined(timeouts=patience(response=10))
    assert requestor.next_deadline(0) is None
    requestor.send_message(ECHO, ECHO_RQ)
    assert requestor.next_deadline(100) == 110
    assert requestor.next_deadline(105) == 110
    feed(requestor, ECHO_RSP)
    assert requestor.next_deadline(106) is None


def test_a_response_timeout_that_is_set_or_taken_away_meanwhile_decides_which_deadline_governs() -> None:
    requestor, _ = joined(timeouts=Timeouts(response=10.0, idle=60.0))
    timeouts = requestor.connection.timeouts
    requestor.deadline.timeouts_changed()
    assert requestor.next_deadline(90) == 150
    requestor.send_message(ECHO, ECHO_RQ)
    assert requestor.next_deadline(100) == 110
    timeouts.response = None
    requestor.deadline.timeouts_changed()
    assert requestor.next_deadline(105) == 165
    timeouts.response = 20.0
    requestor.deadline.timeouts_changed()
    assert requestor.next_deadline(106) == 120


def test_a_response_timeout_that_is_set_meanwhile_takes_the_place_of_the_idle_one() -> None:
    requestor, _ = joined(timeouts=Timeouts(response=None, idle=12.0))
    requestor.send_message(ECHO, ECHO_RQ)
    assert requestor.next_deadline(100) == 112
    requestor.connection.timeouts.response = 20.0
    requestor.deadline.timeouts_changed()
    assert requestor.next_deadline(106) == 120


def test_the_response_deadline_starts_again_with_each_response() -> None:
    requestor, _ = joined(timeouts=patience(response=10))
    requestor.send_message(FIND, FIND_RQ, b"query!")
    assert requestor.next_deadline(100) == 110
    feed(requestor, PENDING)
    assert requestor.next_deadline(105) == 115
    feed(requestor, FIND_FINAL)
    assert requestor.next_deadline(106) is None


def test_the_response_deadline_starts_when_the_request_is_whole() -> None:
    requestor, _ = joined(timeouts=patience(response=10))
    requestor.begin_message(STORE, STORE_RQ, data_set_follows=True)
    assert requestor.next_deadline(100) is None
    requestor.send_data_set(b"some", last=False)
    assert requestor.next_deadline(200) is None
    requestor.send_data_set(b"more", last=True)
    assert requestor.next_deadline(300) == 310


def test_a_response_that_comes_before_the_request_is_whole_leaves_no_deadline() -> None:
    requestor, _ = joined(timeouts=patience(response=10))
    requestor.begin_message(STORE, STORE_RQ, data_set_follows=True)
    feed(requestor, whole_command(STORE, response(0x0001, 1, 0xA700)))
    requestor.send_data_set(b"more", last=True)
    assert requestor.next_deadline(300) is None


def test_forgetting_one_of_two_requests_keeps_the_response_deadline() -> None:
    requestor, _ = joined(timeouts=patience(response=10))
    requestor.send_message(ECHO, ECHO_RQ)
    requestor.send_message(ECHO, evolve(ECHO_RQ, message_id=2))
    assert requestor.next_deadline(100) == 110
    requestor.forget_request(1)
    assert requestor.next_deadline(105) == 115
    requestor.forget_request(2)
    assert requestor.next_deadline(106) is None


def test_a_response_that_does_not_come_ends_the_association() -> None:
    requestor, _ = joined(timeouts=patience(response=10))
    requestor.send_message(ECHO, ECHO_RQ)
    requestor.data_to_send()
    assert requestor.next_deadline(100) == 110
    requestor.handle_deadline(109.9)
    assert drain(requestor) == []
    requestor.handle_deadline(110)
    assert drain(requestor) == [TimedOut(timer=Timer.RESPONSE)]
    assert sent(requestor) == abort(0, 0)
    assert requestor.connection.ending


def test_a_sub_operation_that_takes_long_to_arrive_is_no_late_response() -> None:
    # A C-GET of a large instance ended when the response deadline of its request was over, in mid-transfer.
    requestor, _ = joined(timeouts=patience(response=10, idle=60))
    command = evolve(FIND_RQ, command_field=0x0010, affected_sop_class_uid=PATIENT_ROOT_GET)
    requestor.send_message(GET, command, b"query!")
    sent(requestor)
    assert requestor.next_deadline(100) == 110
    feed(requestor, whole_command(STORE, store_rq(9)) + p_data(pdv(STORE, DATA, b"some")))
    assert requestor.next_deadline(109) == 169
    requestor.handle_deadline(115)
    feed(requestor, p_data(pdv(STORE, DATA, b"more")))
    assert requestor.next_deadline(120) == 180
    assert feed(requestor, whole_data(STORE, b"last")) == [Piece(STORE, b"last", True)]
    requestor.send_message(STORE, Command(command_field=0x8001, message_id_being_responded_to=9, status=0))
    assert requestor.next_deadline(130) == 140
    requestor.handle_deadline(140)
    assert drain(requestor) == [TimedOut(timer=Timer.RESPONSE)]


def asked_again(peers: tuple[Session, Session], now: float) -> float | None:
    """The requestor's deadline after it has answered an echo of the acceptor's, which comes while it waits."""
    requestor, acceptor = peers
    acceptor.send_message(ECHO, evolve(ECHO_RQ, message_id=9))
    carry(acceptor, requestor)
    requestor.send_message(ECHO, answer(evolve(ECHO_RQ, message_id=9), 0))
    carry(requestor, acceptor)
    return requestor.next_deadline(now)


def test_a_peer_that_asks_without_end_puts_off_its_response_for_some_time_only() -> None:
    # A caller waited as long as the flood went on.
    peers = requestor, _ = joined(timeouts=patience(response=10))
    requestor.send_message(ECHO, ECHO_RQ)
    assert requestor.next_deadline(0) == 10
    assert [asked_again(peers, now) for now in range(1, 18)] == [*range(11, 27), 26]
    requestor.handle_deadline(26)
    assert drain(requestor) == [TimedOut(timer=Timer.RESPONSE)]


def test_with_the_next_response_it_may_ask_again() -> None:
    peers = requestor, _ = joined(timeouts=patience(response=10))
    requestor.send_message(FIND, FIND_RQ, b"query!")
    assert [asked_again(peers, now) for now in range(17)] == [*range(10, 26), 25]
    feed(requestor, PENDING)
    assert requestor.next_deadline(20) == 30
    assert asked_again(peers, 21) == 31


def test_the_instances_of_a_retrieval_may_be_as_many_as_they_are() -> None:
    requestor, _ = joined(timeouts=patience(response=10, idle=60))
    command = evolve(FIND_RQ, command_field=0x0010, affected_sop_class_uid=PATIENT_ROOT_GET)
    requestor.send_message(GET, command, b"query!")
    for now in range(100):
        feed(requestor, whole_command(STORE, store_rq(9)) + whole_data(STORE, b"last"))
        requestor.send_message(STORE, Command(command_field=0x8001, message_id_being_responded_to=9, status=0))
        sent(requestor)
        assert requestor.next_deadline(now) == now + 10


def test_nobody_waits_for_a_response_after_the_end() -> None:
    requestor, acceptor = joined(timeouts=patience(response=10, idle=60))
    requestor.send_message(ECHO, ECHO_RQ)
    requestor.send_message(ECHO, evolve(ECHO_RQ, message_id=2))
    acceptor.send(Abort())
    carry(acceptor, requestor)
    assert requestor.next_deadline(100) is None
    requestor.forget_request(1)
    assert requestor.next_deadline(100) is None
    requestor.forget_request(2)
    assert requestor.next_deadline(100) is None


def test_a_response_during_release_leaves_the_deadline_to_the_release() -> None:
    requestor, _ = joined(timeouts=evolve(patience(response=10, idle=60), release=30))
    requestor.send_message(ECHO, ECHO_RQ)
    requestor.send(ReleaseRQ())
    feed(requestor, ECHO_RSP)
    requestor.connection.timers.stop(Timer.IDLE)
    assert requestor.next_deadline(100) == 130


def test_the_idle_deadline_is_suspended_while_a_response_deadline_governs() -> None:
    requestor, _ = joined(timeouts=patience(response=600, idle=60))
    assert requestor.next_deadline(0) == 60
    requestor.send_message(FIND, FIND_RQ, b"query!")
    assert requestor.next_deadline(10) == 610
    feed(requestor, PENDING)
    assert requestor.next_deadline(20) == 620
    feed(requestor, FIND_FINAL)
    assert requestor.next_deadline(30) == 90


def test_the_idle_deadline_is_kept_if_there_is_no_response_deadline() -> None:
    requestor, _ = joined(timeouts=patience(idle=60))
    requestor.send_message(FIND, FIND_RQ, b"query!")
    assert requestor.next_deadline(10) == 70
    feed(requestor, PENDING)
    assert requestor.next_deadline(20) == 80
    requestor.handle_deadline(80)
    assert drain(requestor) == [TimedOut(timer=Timer.IDLE)]


def test_serving_a_request_does_not_suspend_the_idle_deadline() -> None:
    requestor, acceptor = joined(timeouts=patience(response=600, idle=60))
    requestor.send_message(FIND, FIND_RQ, b"query!")
    carry(requestor, acceptor)
    assert acceptor.next_deadline(10) == 70
    acceptor.send_message(FIND, answer(FIND_RQ, 0xFF00), b"match!")
    assert acceptor.next_deadline(20) == 80


def test_the_idle_deadline_begins_anew_while_the_peer_waits_for_a_response() -> None:
    requestor, acceptor = joined(timeouts=patience(idle=60))
    requestor.send_message(ECHO, ECHO_RQ)
    carry(requestor, acceptor)
    assert acceptor.next_deadline(0) == 60
    acceptor.handle_deadline(61)
    assert drain(acceptor) == []
    assert acceptor.next_deadline(61) == 121
    acceptor.send_message(ECHO, answer(ECHO_RQ, 0))
    acceptor.data_to_send()
    assert acceptor.next_deadline(100) == 160
    acceptor.handle_deadline(160)
    assert drain(acceptor) == [TimedOut(timer=Timer.IDLE)]


def test_what_is_answered_does_not_keep_a_silent_peer_for_ever() -> None:
    """A request of the peer is still served, and one that interrupted ours is not: now we wait for the peer."""
    requestor, acceptor = joined(timeouts=patience(idle=60))
    acceptor.send_message(ECHO, evolve(ECHO_RQ, message_id=7))
    carry(acceptor, requestor)
    requestor.send_message(ECHO, ECHO_RQ)
    acceptor.send_message(ECHO, evolve(ECHO_RQ, message_id=8))
    carry(acceptor, requestor)
    requestor.data_to_send()
    # While it waits for our answer to what came between, it may be silent.
    assert requestor.next_deadline(0) == 60
    requestor.handle_deadline(61)
    assert requestor.next_deadline(61) == 121
    requestor.send_message(ECHO, answer(evolve(ECHO_RQ, message_id=8), 0))
    requestor.data_to_send()
    assert requestor.next_deadline(100) == 160
    requestor.handle_deadline(160)
    assert drain(requestor) == [TimedOut(timer=Timer.IDLE)]


class Stuck:
    """A transport whose peer takes nothing."""

    def taken(self) -> int:
        return 0

    def left_at(self, now: float) -> float | None:
        return None

    def is_stuck(self, now: float) -> bool:
        return True


def test_a_deadline_is_told_with_what_the_transport_knows_and_before_more_is_read() -> None:
    requestor, _ = joined(timeouts=patience(response=10))
    requestor.send_message(ECHO, ECHO_RQ)
    requestor.data_to_send()
    assert requestor.next_deadline(100) == 110
    requestor.handle_deadline(105, Stuck())
    assert requestor.wants_data
    requestor.handle_deadline(110, Stuck())
    assert not requestor.wants_data
    assert drain(requestor) == [TimedOut(timer=Timer.RESPONSE, unread=True)]
    assert requestor.wants_data


def test_a_deadline_that_is_not_over_leaves_what_is_unread_to_be_taken() -> None:
    _, acceptor = joined(timeouts=patience(idle=60))
    assert acceptor.next_deadline(0) == 60
    acceptor.receive_data(whole_command(ECHO, echo_rq()))
    acceptor.handle_deadline(30)
    assert not acceptor.wants_data


def test_a_message_that_stops_halfway_runs_out_of_time() -> None:
    _, acceptor = joined(timeouts=evolve(NO_TIMEOUTS, progress=30))
    feed(acceptor, whole_command(FIND, find_rq()))
    assert acceptor.next_deadline(100) == 130
    feed(acceptor, p_data(pdv(FIND, DATA, b"a piece!")))
    assert acceptor.next_deadline(110) == 130
    feed(acceptor, whole_data(FIND, b"the rest"))
    assert acceptor.next_deadline(120) is None


def test_a_data_set_that_has_come_on_and_stops_there_runs_out_of_time() -> None:
    _, acceptor = joined(timeouts=evolve(NO_TIMEOUTS, progress=10), limits=Limits(least_rate=10))
    feed(acceptor, whole_command(STORE, store_rq()))
    assert acceptor.next_deadline(100) == 110
    acceptor.receive_data(p_data(pdv(STORE, DATA, bytes(200))))
    assert isinstance(acceptor.next_event(), DataSetReceived)
    # Who takes events need not ask for one more before waiting.
    assert acceptor.wants_data
    assert acceptor.next_deadline(105) == 115


def test_progress_is_what_has_come_and_not_where_it_lies() -> None:
    _, acceptor = joined(timeouts=evolve(NO_TIMEOUTS, progress=10), limits=Limits(least_rate=10))
    feed(acceptor, whole_command(STORE, store_rq()))
    assert acceptor.next_deadline(100) == 110
    two = p_data(pdv(STORE, DATA, bytes(30)), pdv(STORE, DATA, bytes(30)))
    feed(acceptor, two + p_data(pdv(STORE, DATA, bytes(20))))
    assert acceptor.next_deadline(105) == 110
    feed(acceptor, p_data(pdv(STORE, DATA, bytes(20))))
    assert acceptor.next_deadline(106) == 116


# -- receiving data sets --------------------------------------------------------------------------------------------
FRAGMENTS = p_data(pdv(STORE, DATA, b"1111"), pdv(STORE, DATA, b"2222")) + p_data(pdv(STORE, DATA, b"3333"))


def test_fragments_are_batched_per_receive() -> None:
    _, acceptor = joined()
    acceptor.receive_data(whole_command(STORE, store_rq()) + FRAGMENTS)
    assert isinstance(acceptor.next_event(), MessageReceived)
    event = acceptor.next_event()
    assert isinstance(event, DataSetReceived)
    assert [bytes(fragment) for fragment in event.fragments] == [b"1111", b"2222", b"3333"]
    assert not event.last
    assert repr(event) == "DataSetReceived(context 3, 12 bytes)"
    assert acceptor.next_event() is None


def test_the_last_batch_of_fragments_says_so() -> None:
    _, acceptor = joined()
    feed(acceptor, whole_command(STORE, store_rq()) + FRAGMENTS)
    acceptor.receive_data(p_data(pdv(STORE, DATA, b"4444")) + whole_data(STORE, b"5555"))
    event = acceptor.next_event()
    assert isinstance(event, DataSetReceived)
    assert [bytes(fragment) for fragment in event.fragments] == [b"4444", b"5555"]
    assert event.last
    assert repr(event) == "DataSetReceived(context 3, 8 bytes, last)"
    assert acceptor.next_event() is None


def test_fragments_are_views_of_the_receive_buffer() -> None:
    _, acceptor = joined()
    feed(acceptor, whole_command(STORE, store_rq()))
    chunk = whole_data(STORE, b"pixels")
    acceptor.receive_data(chunk)
    event = acceptor.next_event()
    assert isinstance(event, DataSetReceived)
    (fragment,) = event.fragments
    assert fragment.obj is chunk


def test_a_fragment_is_handed_on_before_its_pdu_is_whole() -> None:
    _, acceptor = joined()
    feed(acceptor, whole_command(STORE, store_rq()))
    chunk = whole_data(STORE, b"0123456789")
    assert feed(acceptor, chunk[:16]) == [Piece(STORE, b"0123", False)]
    assert feed(acceptor, chunk[16:]) == [Piece(STORE, b"456789", True)]


def test_a_fragment_may_look_like_pdus() -> None:
    _, acceptor = joined()
    feed(acceptor, whole_command(STORE, store_rq()))
    inner = whole_data(STORE, b"pixels") + whole_command(STORE, store_rq(2)) * 2
    chunk = whole_data(STORE, inner)
    assert feed(acceptor, chunk[:12]) == []
    assert feed(acceptor, chunk[12:]) == [Piece(STORE, inner, True)]


def test_the_receive_buffer_is_large_in_the_middle_of_a_data_set() -> None:
    _, acceptor = joined()
    assert len(acceptor.get_buffer()) == SMALL
    assert len(acceptor.get_buffer(LARGE)) == LARGE
    chunk = whole_command(STORE, store_rq())
    acceptor.get_buffer()[: len(chunk)] = chunk
    acceptor.buffer_updated(len(chunk))
    assert isinstance(acceptor.next_event(), MessageReceived)
    assert len(acceptor.get_buffer()) == LARGE
    chunk = whole_data(STORE, b"pixels")
    acceptor.get_buffer()[: len(chunk)] = chunk
    acceptor.buffer_updated(len(chunk))
    assert drain(acceptor) == [Piece(STORE, b"pixels", True)]
    assert len(acceptor.get_buffer()) == SMALL
    acceptor.buffer_updated(0)
    assert drain(acceptor) == [ConnectionClosed()]


def test_an_instance_may_be_larger_than_everything_kept_in_memory() -> None:
    _, acceptor = joined(limits=Limits(identifier=100, data_set=100, unread=100_000))
    feed(acceptor, whole_command(STORE, store_rq()))
    count = 0
    for _ in range(100):
        for piece in feed(acceptor, p_data(pdv(STORE, DATA, bytes(10_000)))):
            assert isinstance(piece, Piece)
            count += len(piece.data)
    assert count == 1_000_000
    assert feed(acceptor, whole_data(STORE, b"")) == [Piece(STORE, b"", True)]


def test_an_identifier_beyond_its_limit_is_refused() -> None:
    _, acceptor = joined(limits=Limits(identifier=100))
    query = whole_command(FIND, find_rq())
    assert len(feed(acceptor, query + whole_data(FIND, bytes(100)))) == 2
    feed(acceptor, query + p_data(pdv(FIND, DATA, bytes(60))))
    acceptor.receive_data(p_data(pdv(FIND, DATA, bytes(42))))
    with pytest.raises(RemoteProtocolError, match="data set of C-FIND-RQ longer than 100 bytes") as caught:
        acceptor.next_event()
    assert (caught.value.source, caught.value.reason) == (2, 0)
    assert sent(acceptor) == abort(2, 0)
    # It is told once, and answered once.
    assert acceptor.next_event() is None
    assert acceptor.wants_data
    assert sent(acceptor) == b""


def test_an_identifier_in_many_fragments_is_counted_once() -> None:
    _, acceptor = joined(limits=Limits(identifier=100))
    parts = [pdv(FIND, DATA, bytes(30)) for _ in range(3)]
    told = feed(acceptor, whole_command(FIND, find_rq()) + p_data(*parts, pdv(FIND, DATA | LAST, bytes(10))))
    assert told[1:] == [Piece(FIND, bytes(100), True)]


def test_a_tap_sees_every_pdu_of_a_data_set() -> None:
    _, acceptor = joined()
    tap = acceptor.connection.tap = Tap(p_data=True)
    pdus = [whole_command(STORE, store_rq()), p_data(pdv(STORE, DATA, b"some")), whole_data(STORE, b"more")]
    feed(acceptor, b"".join(pdus))
    assert tap.take() == [PDUReceived(pdu) for pdu in pdus]


def test_the_identifier_of_a_stale_response_has_no_limit() -> None:
    requestor, _ = joined(limits=Limits(identifier=100))
    (remark,) = feed(requestor, whole_command(FIND, response(0x0020, 1, 0xFF00, 1)) + whole_data(FIND, bytes(1000)))
    tolerated(remark, "dropped")
    assert requestor.connection.is_established


@pytest.mark.parametrize("splits", [1, 2, 10])
def test_a_command_set_beyond_its_limit_is_refused(splits: int) -> None:
    _, acceptor = joined(limits=Limits(command_set=100))
    command = command_set(us(0x0100, 0x0030), us(0x0110, 1), us(0x0110, 1), us(0x0110, 1), us(0x0110, 1), us(0x0110, 1))
    padded = command + b"\x00\x00\x02\x09\x14\x00\x00\x00" + b"x" * 20
    assert len(padded) == 100

    def split(data: bytes) -> bytes:
        size = -(-len(data) // splits)
        parts = [data[start : start + size] for start in range(0, len(data), size)]
        return p_data(*[pdv(ECHO, COMMAND, part) for part in parts[:-1]], pdv(ECHO, COMMAND | LAST, parts[-1]))

    (message,) = feed(acceptor, split(padded))
    assert received(message).error_comment == "x" * 20
    acceptor.receive_data(split(padded + b"\0"))
    with pytest.raises(RemoteProtocolError, match="command set longer than 100 bytes") as caught:
        take_all(acceptor)
    assert (caught.value.source, caught.value.reason) == (2, 0)
    assert sent(acceptor) == abort(2, 0)


def test_a_command_set_alone_in_its_pdu_has_the_same_limit() -> None:
    _, acceptor = joined(limits=Limits(command_set=len(echo_rq())))
    assert len(feed(acceptor, whole_command(ECHO, echo_rq()))) == 1
    assert feed(acceptor, whole_command(ECHO, find_rq())) == [Refused(2, 0)]


def test_a_command_set_without_end_is_refused_when_it_is_too_long() -> None:
    _, acceptor = joined(limits=Limits(command_set=100))
    assert feed(acceptor, p_data(pdv(ECHO, COMMAND, bytes(60)), pdv(ECHO, COMMAND, bytes(40)))) == []
    assert feed(acceptor, p_data(pdv(ECHO, COMMAND, bytes(2)))) == [Refused(2, 0)]


def take_all(session: Session) -> None:
    while session.next_event() is not None:
        pass


def test_a_session_wants_no_data_while_something_waits() -> None:
    _, acceptor = joined()
    assert acceptor.wants_data
    acceptor.receive_data(whole_command(ECHO, echo_rq(1)) + whole_command(ECHO, echo_rq(2)))
    assert not acceptor.wants_data
    acceptor.next_event()
    assert not acceptor.wants_data
    acceptor.next_event()
    assert acceptor.wants_data
    assert acceptor.next_event() is None


def test_a_session_wants_no_data_while_a_data_set_is_looked_at() -> None:
    _, acceptor = joined()
    acceptor.receive_data(whole_command(STORE, store_rq()) + whole_data(STORE, b"pixels"))
    acceptor.next_event()
    assert not acceptor.wants_data
    assert isinstance(acceptor.next_event(), DataSetReceived)
    assert not acceptor.wants_data
    assert acceptor.next_event() is None
    assert acceptor.wants_data


def taken(acceptor: Session) -> None:
    """Take a message and its data set, which have come whole."""
    assert isinstance(acceptor.next_event(), MessageReceived)
    event = acceptor.next_event()
    assert isinstance(event, DataSetReceived)
    assert event.last


@pytest.mark.parametrize("pieces", [1, 2])
def test_a_session_wants_data_as_soon_as_nobody_looks_at_a_data_set_any_more(pieces: int) -> None:
    _, acceptor = joined(timeouts=evolve(NO_TIMEOUTS, progress=5))
    acceptor.receive_data(whole_command(STORE, store_rq()))
    parts = [pdv(STORE, DATA, b"pi"), pdv(STORE, DATA | LAST, b"xels")]
    acceptor.receive_data(whole_data(STORE, b"pixels") if pieces == 1 else p_data(*parts))
    taken(acceptor)
    acceptor.data_set_taken()
    assert acceptor.wants_data
    assert acceptor.next_deadline(0) is None
    assert acceptor.next_event() is None


@pytest.mark.parametrize(
    "behind",
    [
        pytest.param(whole_command(ECHO, echo_rq()), id="a message"),
        pytest.param(whole_command(ECHO, echo_rq())[:20], id="half a message"),
        pytest.param(b"", id="the end"),
        pytest.param(b"\x09\0\0\0\0\0", id="an error"),
    ],
)
def test_a_session_wants_no_data_while_something_is_behind_a_data_set(behind: bytes) -> None:
    _, acceptor = joined(timeouts=evolve(NO_TIMEOUTS, progress=5))
    acceptor.receive_data(whole_command(STORE, store_rq()) + whole_data(STORE, b"pixels"))
    acceptor.receive_data(behind)
    taken(acceptor)
    acceptor.data_set_taken()
    assert not acceptor.wants_data


def test_a_session_wants_no_data_while_an_error_behind_a_data_set_is_still_to_be_told() -> None:
    _, acceptor = joined()
    acceptor.receive_data(whole_command(STORE, store_rq()) + whole_data(STORE, b"pixels") + b"\x09\0\0\0\0\0")
    taken(acceptor)
    acceptor.scan()
    acceptor.data_set_taken()
    assert not acceptor.wants_data
    with pytest.raises(RemoteProtocolError):
        acceptor.next_event()


def test_a_session_wants_no_data_while_a_piece_behind_a_data_set_is_awaited() -> None:
    """The rest of a P-DATA-TF that goes on behind the data set: it has a deadline, which has not begun yet."""
    _, acceptor = joined(timeouts=evolve(NO_TIMEOUTS, progress=5))
    data = p_data(pdv(STORE, DATA | LAST, b"pixels"), pdv(ECHO, COMMAND | LAST, echo_rq()))
    acceptor.receive_data(whole_command(STORE, store_rq()) + data[: 6 + 6 + 6])
    taken(acceptor)
    acceptor.data_set_taken()
    assert not acceptor.wants_data
    assert acceptor.next_event() is None
    assert acceptor.next_deadline(0) == 5


def test_a_session_wants_data_as_soon_as_a_message_in_pieces_is_taken() -> None:
    _, acceptor = joined()
    command = echo_rq()
    acceptor.receive_data(p_data(pdv(ECHO, COMMAND, command[:20]), pdv(ECHO, COMMAND | LAST, command[20:])))
    assert isinstance(acceptor.next_event(), MessageReceived)
    assert acceptor.wants_data


def test_a_session_wants_data_as_soon_as_all_there_is_of_a_data_set_is_taken() -> None:
    _, acceptor = joined()
    feed(acceptor, whole_command(STORE, store_rq()))
    acceptor.receive_data(p_data(pdv(STORE, DATA, b"some")))
    assert isinstance(acceptor.next_event(), DataSetReceived)
    assert acceptor.wants_data


def test_a_session_wants_no_data_once_a_deadline_has_passed() -> None:
    _, acceptor = joined(timeouts=patience(idle=60))
    assert acceptor.next_deadline(0) == 60
    acceptor.handle_deadline(59)
    assert acceptor.wants_data
    acceptor.handle_deadline(60)
    assert not acceptor.wants_data
    assert acceptor.next_event() == TimedOut(timer=Timer.IDLE)


def test_a_session_wants_no_data_before_the_remark_about_a_message_is_taken() -> None:
    requestor, _ = joined()
    requestor.send_message(FIND, FIND_RQ, b"query!")
    requestor.receive_data(whole_command(STORE, response(0x0020, 1, 0x0000)))
    assert received(requestor.next_event()).status == 0x0000
    assert not requestor.wants_data
    tolerated(requestor.next_event(), "its request on")
    assert requestor.next_event() is None
    assert requestor.wants_data


def test_a_session_wants_data_when_only_the_beginning_of_a_pdu_is_left() -> None:
    _, acceptor = joined()
    acceptor.receive_data(whole_command(ECHO, echo_rq(1))[:20])
    assert not acceptor.wants_data
    assert acceptor.next_event() is None
    assert acceptor.wants_data


def test_a_session_wants_no_data_while_its_own_buffer_is_unread() -> None:
    _, acceptor = joined()
    chunk = whole_command(ECHO, echo_rq())
    acceptor.get_buffer()[: len(chunk)] = chunk
    acceptor.buffer_updated(len(chunk))
    assert not acceptor.wants_data
    acceptor.next_event()
    assert acceptor.wants_data


def test_a_session_wants_no_data_while_an_error_waits() -> None:
    _, acceptor = joined()
    feed(acceptor, whole_command(STORE, store_rq()))
    acceptor.receive_data(p_data(pdv(STORE, DATA, b"pixels"), pdv(ECHO, DATA, b"pixels")))
    assert isinstance(acceptor.next_event(), DataSetReceived)
    assert not acceptor.wants_data
    assert drain(acceptor) == [Refused(2, 5)]


# -- the end in the middle of a message -----------------------------------------------------------------------------
def test_a_release_in_the_middle_of_a_message_can_be_answered() -> None:
    requestor, acceptor = joined()
    requestor.begin_message(STORE, STORE_RQ, data_set_follows=True)
    requestor.send_data_set(b"some", last=False)
    requestor.send(ReleaseRQ())
    message, piece, asked, remark = carry(requestor, acceptor)
    assert received(message).command_field == 0x0001
    assert piece == Piece(STORE, b"some", False)
    assert asked == ReleaseRequested()
    tolerated(remark, "release requested in the middle of a message")
    acceptor.send(ReleaseRP())
    assert carry(acceptor, requestor) == [Released()]


def test_a_release_between_a_command_and_its_data_set_is_in_the_middle_of_a_message() -> None:
    requestor, acceptor = joined()
    requestor.begin_message(STORE, STORE_RQ, data_set_follows=True)
    requestor.send(ReleaseRQ())
    _, asked, remark = carry(requestor, acceptor)
    assert asked == ReleaseRequested()
    tolerated(remark, "in the middle of a message")


def test_a_release_right_behind_a_message_is_nothing_special() -> None:
    requestor, acceptor = joined()
    requestor.send_message(STORE, STORE_RQ, b"pixels")
    requestor.send(ReleaseRQ())
    told = carry(requestor, acceptor)
    assert [type(event) for event in told] == [MessageReceived, Piece, ReleaseRequested]


def test_an_abort_in_the_middle_of_a_message_comes_after_its_pieces() -> None:
    requestor, acceptor = joined()
    requestor.begin_message(STORE, STORE_RQ, data_set_follows=True)
    requestor.send_data_set(b"some", last=False)
    requestor.send(Abort())
    _, piece, aborted = carry(requestor, acceptor)
    assert piece == Piece(STORE, b"some", False)
    assert isinstance(aborted, Aborted)
    assert acceptor.connection.state is State.STA1
    assert acceptor.next_event() is None


def test_an_end_of_stream_in_the_middle_of_a_message_comes_after_its_pieces() -> None:
    _, acceptor = joined()
    chunk = whole_data(STORE, b"0123456789")
    acceptor.receive_data(whole_command(STORE, store_rq()) + chunk[:16])
    acceptor.receive_data(b"")
    _, piece, closed = drain(acceptor)
    assert piece == Piece(STORE, b"0123", False)
    assert closed == ConnectionClosed(missing=6)


@pytest.mark.parametrize(
    ("rest", "refused"),
    [
        pytest.param(whole_data(ECHO, b"more"), Refused(2, 5), id="another context"),
        pytest.param(whole_command(STORE, echo_rq()), Refused(2, 5), id="a command"),
        pytest.param(b"\x04\x00\x00\x00\x00\x05\x00\x00\x00\x01\x03", Refused(2, 6), id="a PDU too short for a PDV"),
        pytest.param(b"\x04\x00\x00\x00\x00\x06\x00\x00\x00\x01\x03\x00", Refused(2, 6), id="a PDV of length 1"),
        pytest.param(b"\x08", Refused(2, 1), id="an unknown PDU"),
        pytest.param(b"\x06\x00\x00\x00\x00\x04", Refused(2, 2), id="a PDU that may not come now"),
    ],
)
def test_pieces_before_an_error_in_the_same_buffer_are_handed_on(rest: bytes, refused: Refused) -> None:
    _, acceptor = joined()
    told = feed(acceptor, whole_command(STORE, store_rq()) + p_data(pdv(STORE, DATA, b"some")) + rest)
    assert isinstance(told[0], MessageReceived)
    assert told[1:] == [Piece(STORE, b"some", False), refused]
    assert sent(acceptor) == abort(refused.source, refused.reason)
    assert acceptor.next_event() is None


def test_a_command_of_odd_length_is_remarked_on() -> None:
    _, acceptor = joined()
    odd = command_set(us(0x0100, 0x0030), us(0x0110, 1), us(0x0800, 0x0101), b"\x00\x00\x02\x09\x01\x00\x00\x00x")
    remark, message = feed(acceptor, whole_command(ECHO, odd))
    tolerated(remark, "fragments of odd length, the first of 51 bytes")
    assert received(message).error_comment == "x"


def test_odd_fragments_alone_in_their_pdus_are_remarked_on_once() -> None:
    _, acceptor = joined()
    feed(acceptor, whole_command(STORE, store_rq()))
    told = feed(acceptor, b"".join(p_data(pdv(STORE, DATA, part)) for part in (b"even", b"odd", b"odd", b"even")))
    assert [type(event) for event in told] == [Piece, Tolerated, Piece]
    assert b"".join(piece.data for piece in told if isinstance(piece, Piece)) == b"evenoddoddeven"


def test_a_pdu_that_is_too_long_is_refused_in_the_middle_of_a_data_set_and_as_a_command() -> None:
    limit = len(whole_command(STORE, store_rq())) - 6
    for long in (p_data(pdv(STORE, DATA, bytes(limit - 4))), whole_data(STORE, bytes(limit - 4))):
        _, acceptor = joined(limits=Limits(p_data_pdu=limit))
        fits = p_data(pdv(STORE, DATA, bytes(limit - 6)))
        told = feed(acceptor, whole_command(STORE, store_rq()) + fits + long)
        assert told[1:] == [Piece(STORE, bytes(limit - 6), False), Refused(2, 6)]
    _, acceptor = joined(limits=Limits(p_data_pdu=limit - 2))
    assert feed(acceptor, whole_command(STORE, store_rq())) == [Refused(2, 6)]


def test_as_many_empty_fragments_may_follow_a_command_as_anything_else() -> None:
    _, acceptor = joined(limits=Limits(empty_fragments=3))
    empty = p_data(pdv(STORE, DATA, b""))
    for _ in range(2):
        assert len(feed(acceptor, whole_command(STORE, store_rq()) + 3 * empty)) == 1
        assert feed(acceptor, whole_data(STORE, b"data")) == [Piece(STORE, b"data", True)]
    feed(acceptor, whole_command(STORE, store_rq()) + 3 * empty)
    assert feed(acceptor, empty) == [Refused(2, 6)]


def test_a_remark_on_odd_fragments_comes_between_the_pieces() -> None:
    _, acceptor = joined()
    feed(acceptor, whole_command(STORE, store_rq()))
    told = feed(acceptor, p_data(pdv(STORE, DATA, b"even"), pdv(STORE, DATA, b"odd"), pdv(STORE, LAST, b"even")))
    assert [type(event) for event in told] == [Piece, Tolerated, Piece]
    assert b"".join(piece.data for piece in told if isinstance(piece, Piece)) == b"evenoddeven"


def test_a_cancel_for_a_request_of_another_service_is_told_as_well() -> None:
    requestor, acceptor = joined(contexts=[(ECHO, VERIFICATION), (FIND, STUDY_ROOT_FIND)])
    requestor.send_message(ECHO, ECHO_RQ)
    requestor.send_message(ECHO, CANCEL_RQ)
    assert carry(requestor, acceptor)[1] == CancelReceived(message_id=1)


# -- work that is under way -----------------------------------------------------------------------------------------
def test_both_sides_are_at_work_until_the_last_response() -> None:
    requestor, acceptor = joined()
    assert not requestor.is_at_work and not acceptor.is_at_work
    requestor.send_message(ECHO, ECHO_RQ)
    carry(requestor, acceptor)
    assert requestor.is_at_work and acceptor.is_at_work
    acceptor.send_message(ECHO, answer(ECHO_RQ, 0))
    assert requestor.is_at_work and not acceptor.is_at_work
    carry(acceptor, requestor)
    assert not requestor.is_at_work


def test_a_message_that_has_begun_is_work_at_both_ends() -> None:
    requestor, acceptor = joined()
    requestor.begin_message(STORE, STORE_RQ, data_set_follows=True)
    requestor.forget_request(1)
    assert requestor.is_at_work, "its data set is still to be sent"
    feed(acceptor, p_data(pdv(STORE, 1, sent(requestor)[12:20])))
    assert acceptor.is_at_work, "a piece of a command has come"


def test_what_came_and_was_not_looked_at_is_work() -> None:
    requestor, acceptor = joined()
    requestor.send_message(ECHO, ECHO_RQ)
    acceptor.receive_data(sent(requestor)[:4])
    assert acceptor.is_at_work
    drain(acceptor)
    acceptor.next_deadline(0.0)
    assert acceptor.is_at_work, "the beginning of a PDU"
