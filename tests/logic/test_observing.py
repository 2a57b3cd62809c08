"""A session that is observed tells of requests, responses, bytes and ends, in the time it is given."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from attrs import evolve

from dicomwire.dimse import CancelReceived, Command, MessageReceived
from dicomwire.observing import ObservedConnection, ObservedSession, Observer, Watch
from dicomwire.upper_layer import Abort, Role
from tests.support.sessions import (
    CANCEL_RQ,
    ECHO,
    ECHO_RQ,
    FIND,
    FIND_RQ,
    NO_TIMEOUTS,
    STORE,
    STORE_RQ,
    acceptance,
    carry,
    drain,
    proposal,
    request,
    result,
    sent,
)

EXPLICIT = "1.2.840.10008.1.2.1"
SYNTAXES = {ECHO: "1.2.840.10008.1.1", STORE: "1.2.840.10008.5.1.4.1.1.2", FIND: "1.2.840.10008.5.1.4.1.2.2.1"}


class Told(Observer):
    """All that is told, as pairs of a word and what it is about."""

    def __init__(self) -> None:
        self.all: list[tuple[str, Any]] = []
        self.bytes = [0, 0]

    def association_begun(self, association: Any) -> None:
        self.all.append(("begun", association))

    def association_established(self, association: Any) -> None:
        self.all.append(("established", association))

    def association_ended(self, association: Any) -> None:
        self.all.append(("ended", association))

    def operation_begun(self, operation: Any) -> None:
        self.all.append(("begun", operation))

    def operation_ended(self, operation: Any) -> None:
        self.all.append(("ended", operation))

    def traffic(self, association: Any, received: int, sent: int) -> None:
        self.bytes = [self.bytes[0] + received, self.bytes[1] + sent]

    @property
    def ended(self) -> list[Any]:
        return [about for word, about in self.all if word == "ended"]


class Side:
    """One end: its session, and what was told of it.  A second passes whenever ``now`` is raised."""

    def __init__(self, role: Role) -> None:
        self.now = 0.0
        self.told = Told()
        self.watch = Watch(
            [self.told], role, name="A1", timestamp=lambda: datetime(2000, 1, 1), seconds=lambda: self.now
        )
        self.session = ObservedSession(ObservedConnection(role, timeouts=evolve(NO_TIMEOUTS)), self.watch)

    @property
    def last(self) -> Any:
        return self.told.ended[-1]


@pytest.fixture
def sides() -> tuple[Side, Side]:
    """A requestor and an acceptor with an association."""
    requestor, acceptor = Side(Role.REQUESTOR), Side(Role.ACCEPTOR)
    requestor.session.send(request([proposal(number, uid, EXPLICIT) for number, uid in SYNTAXES.items()]))
    carry(requestor.session, acceptor.session)
    acceptor.session.send(acceptance([result(number, 0, EXPLICIT) for number in SYNTAXES]))
    carry(acceptor.session, requestor.session)
    return requestor, acceptor


def answer(command: Command, status: int = 0x0000) -> Command:
    return Command(
        command_field=command.command_field | 0x8000,
        message_id_being_responded_to=command.message_id,
        status=status,
    )


def test_both_sides_tell_of_the_association(sides: tuple[Side, Side]) -> None:
    for side in sides:
        assert [word for word, _ in side.told.all] == ["begun", "established"]
        association = side.watch.association
        assert (association.calling, association.called) == ("REQUESTOR", "ACCEPTOR")
        side.now = 5.0
        side.watch.ended("released")
        side.watch.ended("aborted")
        assert (association.outcome, association.trouble, association.duration) == ("released", None, 5.0)
        assert side.told.bytes == [association.bytes_received, association.bytes_sent]


def test_a_request_without_a_data_set_is_complete_at_once(sides: tuple[Side, Side]) -> None:
    requestor, acceptor = sides
    requestor.session.send_message(ECHO, ECHO_RQ)
    carry(requestor.session, acceptor.session)
    requestor.now = acceptor.now = 3.0
    acceptor.session.send_message(ECHO, answer(ECHO_RQ))
    requestor.now = 4.0
    carry(acceptor.session, requestor.session)
    assert (requestor.last.name, requestor.last.waiting, requestor.last.duration) == ("C-ECHO", 4.0, 4.0)
    assert (acceptor.last.name, acceptor.last.waiting, acceptor.last.category) == ("C-ECHO", 3.0, "Success")


def test_waiting_begins_when_the_data_set_is_whole(sides: tuple[Side, Side]) -> None:
    requestor, acceptor = sides
    requestor.session.begin_message(STORE, STORE_RQ, data_set_follows=True)
    requestor.session.send_data_set(bytes(100), last=False)
    carry(requestor.session, acceptor.session)
    requestor.now = acceptor.now = 10.0
    requestor.session.send_data_set(bytes(50), last=True)
    carry(requestor.session, acceptor.session)
    requestor.now = acceptor.now = 11.0
    acceptor.session.send_message(STORE, answer(STORE_RQ, 0xA700))
    carry(acceptor.session, requestor.session)
    for side, moved in ((requestor, "sent"), (acceptor, "received")):
        assert (side.last.waiting, side.last.duration, side.last.category) == (1.0, 11.0, "Failure")
        assert getattr(side.last, f"data_set_bytes_{moved}") == 150


def test_responses_with_data_sets_belong_to_their_operation(sides: tuple[Side, Side]) -> None:
    requestor, acceptor = sides
    requestor.session.send_message(FIND, FIND_RQ, bytes(8))
    carry(requestor.session, acceptor.session)
    for status in (0xFF00, 0xFF00):
        acceptor.session.send_message(FIND, answer(FIND_RQ, status), bytes(20))
        carry(acceptor.session, requestor.session)
    assert not requestor.told.ended and not acceptor.told.ended
    # A last one with a data set is none that the standard has, and ends with it.
    acceptor.session.begin_message(FIND, answer(FIND_RQ), data_set_follows=True)
    carry(acceptor.session, requestor.session)
    assert not requestor.told.ended and not acceptor.told.ended
    acceptor.session.send_data_set(bytes(4), last=True)
    carry(acceptor.session, requestor.session)
    assert (requestor.last.responses, requestor.last.data_set_bytes_received) == (3, 44)
    assert (acceptor.last.responses, acceptor.last.data_set_bytes_sent) == (3, 44)


def test_a_cancel_that_was_looked_for_is_told_of_nowhere_and_what_was_set_aside_once(sides: tuple[Side, Side]) -> None:
    requestor, acceptor = sides
    requestor.session.send_message(FIND, FIND_RQ, bytes(8))
    carry(requestor.session, acceptor.session)
    requestor.session.send_message(FIND, CANCEL_RQ)
    requestor.session.send_message(ECHO, evolve(ECHO_RQ, message_id=2))
    acceptor.session.receive_data(sent(requestor.session))
    acceptor.session.scan()
    assert acceptor.session.cancelled == {1}
    begun = [about.name for word, about in acceptor.told.all if word == "begun"][1:]
    assert begun == ["C-FIND"]
    events = drain(acceptor.session)
    assert [type(event) for event in events] == [MessageReceived]
    assert not any(isinstance(event, CancelReceived) for event in events)
    assert [about.name for word, about in acceptor.told.all if word == "begun"][1:] == ["C-FIND", "C-ECHO"]


def test_what_nobody_waits_for_any_more_has_ended(sides: tuple[Side, Side]) -> None:
    requestor, acceptor = sides
    requestor.session.send_message(ECHO, ECHO_RQ)
    carry(requestor.session, acceptor.session)
    requestor.session.forget_request(1)
    assert (requestor.last.status, requestor.last.category, requestor.last.waiting) == (None, "None", None)
    requestor.session.forget_request(1)
    acceptor.session.send_message(ECHO, answer(ECHO_RQ))
    carry(acceptor.session, requestor.session)
    assert len(requestor.told.ended) == 1


def test_what_was_never_answered_ends_with_the_association(sides: tuple[Side, Side]) -> None:
    requestor, acceptor = sides
    requestor.session.send_message(ECHO, ECHO_RQ)
    requestor.session.send(Abort())
    requestor.watch.ended("aborted")
    operation, association = requestor.told.ended
    assert (operation.name, operation.status, association.trouble) == ("C-ECHO", None, "aborted_by_us")
    carry(requestor.session, acceptor.session)
    acceptor.watch.ended("aborted")
    assert acceptor.last.trouble == "aborted_by_peer"


def test_a_message_id_that_is_used_again_ends_the_operation_before(sides: tuple[Side, Side]) -> None:
    requestor, acceptor = sides
    for _ in range(2):
        requestor.session.send_message(ECHO, ECHO_RQ)
        carry(requestor.session, acceptor.session)
        requestor.session.forget_request(1)
    assert [each.status for each in acceptor.told.ended] == [None]


def test_a_response_to_nothing_is_no_operation(sides: tuple[Side, Side]) -> None:
    requestor, acceptor = sides
    acceptor.session.send_message(ECHO, answer(ECHO_RQ))
    acceptor.session.send_message(FIND, answer(FIND_RQ, 0xFF00), bytes(2))
    carry(acceptor.session, requestor.session)
    assert not requestor.told.ended and not acceptor.told.ended


def test_bytes_are_told_of_while_a_long_operation_goes_on(sides: tuple[Side, Side]) -> None:
    requestor, acceptor = sides
    requestor.session.begin_message(STORE, STORE_RQ, data_set_follows=True)
    for _ in range(2):
        requestor.session.send_data_set(bytes(1 << 20), last=False)
        carry(requestor.session, acceptor.session)
    assert requestor.told.bytes[1] > 2 << 20 and acceptor.told.bytes[0] > 2 << 20
    assert not requestor.told.ended


def test_a_request_of_another_version_of_the_protocol_is_told_of() -> None:
    acceptor = Side(Role.ACCEPTOR)
    requestor = Side(Role.REQUESTOR)
    requestor.session.send(request([proposal(ECHO, SYNTAXES[ECHO], EXPLICIT)]))
    data = bytearray(sent(requestor.session))
    # The protocol version, PS3.8 table 9-11.
    data[6:8] = b"\0\2"
    acceptor.session.receive_data(bytes(data))
    drain(acceptor.session)
    acceptor.watch.ended("rejected")
    assert (acceptor.last.calling, acceptor.last.outcome) == ("REQUESTOR", "rejected")


@pytest.mark.parametrize(
    ("was_opened", "told"), [(True, ("none", "protocol_error")), (False, ("aborted", "no_connection"))]
)
def test_what_never_was_an_association_has_begun_and_ended(was_opened: bool, told: tuple[str, str]) -> None:
    acceptor = Side(Role.ACCEPTOR)
    acceptor.session.receive_data(b"GET / HTTP/1.1\r\n\r\n")
    drain(acceptor.session)
    acceptor.watch.ended("aborted", was_opened=was_opened)
    assert [word for word, _ in acceptor.told.all] == ["begun", "ended"]
    assert (acceptor.last.outcome, acceptor.last.trouble) == told
    assert acceptor.told.bytes[0] == 18


def test_many_bytes_before_there_is_a_request_are_told_of_later() -> None:
    acceptor = Side(Role.ACCEPTOR)
    acceptor.watch.received(2 << 20)
    assert acceptor.told.bytes == [0, 0]
    acceptor.watch.sent(2 << 20)
    acceptor.watch.ended("aborted")
    assert acceptor.told.bytes == [2 << 20, 2 << 20]
