"""Requests of ours: when one may be sent, where its responses go, and those that nobody takes."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest

from dicomwire.associations.invoking import Invoker, NoContext
from dicomwire.associations.negotiated_contexts import NegotiatedContexts
from dicomwire.associations.negotiation import NegotiatedContext
from dicomwire.associations.response_streams import ResponseStream
from dicomwire.associations.sides import Sides
from dicomwire.associations.standing import Standing
from dicomwire.dimse.command import Command
from dicomwire.dimse.messages import C_CANCEL_RQ, C_ECHO_RQ, C_FIND_RQ, RESPONSE
from dicomwire.errors import LocalProtocolError
from dicomwire.upper_layer.state import Role

FIND, IMPLICIT = "1.2.840.10008.5.1.4.1.2.2.1", "1.2.840.10008.1.2"
EXPLICIT, JPEG = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.4.50"
CONTEXT = NegotiatedContext(3, FIND, (IMPLICIT,), 0, as_scu=True)
PENDING, SUCCESS = 0xFF00, 0x0000


def find(number: int) -> Command:
    return Command(command_field=C_FIND_RQ, message_id=number, affected_sop_class_uid=FIND, priority=0)


class Line:
    """Sends into a list; what comes meanwhile is what a test has put into ``coming``."""

    def __init__(self) -> None:
        self.done: list[Any] = []
        self.coming: deque[Callable[[], object]] = deque()
        self.standing = Standing()
        self.standing.is_established = True
        self.sides = Sides(Role.REQUESTOR)
        self.is_sending = False
        self.connection = SimpleNamespace(unseen=False)
        self.session = SimpleNamespace(outstanding={}, contexts={}, connection=self.connection)
        self.host = SimpleNamespace(left_over=lambda: self.done.append("left over"))
        self.ending = SimpleNamespace(abandon=lambda: self.done.append("abandoned"))
        self.error: BaseException | None = None
        self.invoker: Any = Invoker(self, NegotiatedContexts())  # type: ignore[arg-type]

    @property
    @contextmanager
    def exchange(self) -> Iterator[None]:
        try:
            yield
        except BaseException:
            self.ending.abandon()
            raise

    async def send(self, context_id: int, command: Command, data_set: Any = None) -> None:
        self._sent(command, (context_id, command.message_id, data_set))

    async def stream(self, context_id: int, command: Command, pieces: Any, *, foreign: bool) -> None:
        self._sent(command, (context_id, command.message_id, [*pieces], foreign))

    def _sent(self, command: Command, what: Any) -> None:
        if self.error is not None:
            raise self.error
        if command.command_field == C_CANCEL_RQ:
            what = ("cancel", what[0], command.message_id_being_responded_to)
        else:
            self.session.outstanding[command.message_id] = command
        self.done.append(what)

    async def advance(self) -> None:
        self.coming.popleft()()

    async def turn(self) -> None:
        self.done.append("turn")
        self.coming.popleft()()

    def respond(self, number: int, status: int = SUCCESS) -> Any:
        """A response arrives."""
        command = Command(command_field=C_FIND_RQ | RESPONSE, message_id_being_responded_to=number, status=status)
        if status != PENDING:
            self.session.outstanding.pop(number, None)
        message = SimpleNamespace(command=command)
        self.invoker.keep(message)
        return message


@pytest.fixture
def line() -> Line:
    return Line()


def ways(line: Line) -> dict[str, Callable[[Command], Any]]:
    """To send a request: each gives what came of it."""
    return {
        "ask": lambda command: line.invoker.ask(CONTEXT, command, b"AB"),
        "send": lambda command: line.invoker.send(CONTEXT, command, b"AB"),
        "stream": lambda command: line.invoker.stream(CONTEXT, command, iter([(b"AB", True)])),
    }


WAYS = ["ask", "send", "stream"]


def did(way: str, number: int) -> Any:
    return (3, number, [(b"AB", True)], False) if way == "stream" else (3, number, b"AB")


# -- the context -----------------------------------------------------------------------------------------------------
def test_without_a_context_it_is_said_for_what_and_in_which_role(line: Line) -> None:
    with pytest.raises(NoContext, match="was accepted by the peer for the SCU role: ") as raised:
        line.invoker.choose_context(FIND)
    assert raised.value.abstract_syntax == FIND
    with pytest.raises(NoContext, match="Implicit VR Little Endian' was accepted by the peer: "):
        line.invoker.choose_context(FIND, IMPLICIT, role=None)
    line.invoker.contexts.set([CONTEXT])
    assert line.invoker.choose_context(FIND) is CONTEXT


def test_a_context_is_chosen_by_all_that_is_asked_for(line: Line) -> None:
    other = NegotiatedContext(5, FIND, (JPEG,), 0, as_scu=True, as_scp=True)
    line.invoker.contexts.set([CONTEXT, other])
    assert line.invoker.choose_context(FIND, JPEG, exact=True) is other
    assert line.invoker.choose_context(FIND, IMPLICIT) is CONTEXT
    assert line.invoker.choose_context(FIND, role="scp") is other
    assert line.invoker.choose_context(FIND, EXPLICIT) is CONTEXT
    with pytest.raises(NoContext):
        line.invoker.choose_context(FIND, EXPLICIT, exact=True)


def test_a_request_needs_an_association(line: Line) -> None:
    line.invoker.require_established()
    line.standing.end("released", None)
    with pytest.raises(RuntimeError, match="is not established: it was released"):
        line.invoker.require_established()
    line.standing.end("aborted", "by the peer")
    with pytest.raises(RuntimeError, match="is not established: by the peer"):
        line.invoker.require_established()


# -- sending ---------------------------------------------------------------------------------------------------------
def test_what_is_asked_is_answered(line: Line) -> None:
    answers: list[Any] = []
    line.coming.append(lambda: answers.append(line.respond(7)))
    assert asyncio.run(line.invoker.ask(CONTEXT, find(7), b"AB")) is answers[0]
    assert line.done == [(3, 7, b"AB")]
    line.standing.has_ended = True
    assert asyncio.run(line.invoker.ask(CONTEXT, find(8))) is None


@pytest.mark.parametrize("foreign", [False, True])
def test_pieces_are_sent_as_whose_they_are(line: Line, foreign: bool) -> None:
    sent = asyncio.run(line.invoker.stream(CONTEXT, find(7), iter([(b"AB", True)]), foreign=foreign))
    assert sent == find(7)
    assert line.done[0][3] is foreign


@pytest.mark.parametrize("way", WAYS)
def test_a_request_that_cannot_be_sent_is_an_error_or_the_end(
    line: Line, way: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "dicomwire")
    line.error = LocalProtocolError("no such context")
    with pytest.raises(RuntimeError, match="no such context"):
        asyncio.run(ways(line)[way](find(7)))
    assert line.done == ["abandoned"]
    line.standing.end("released", None)
    assert asyncio.run(ways(line)[way](find(7))) is None
    assert line.done == ["abandoned"]
    assert "the association ended before the request was sent: no such context" in caplog.messages


@pytest.mark.parametrize("way", WAYS)
def test_left_by_an_exception_the_association_ends(line: Line, way: str) -> None:
    line.error = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        asyncio.run(ways(line)[way](find(7)))
    assert line.done == ["abandoned"]


def test_what_is_made_by_hand_is_encoded_and_its_response_dropped(line: Line) -> None:
    line.session.contexts = {3: SimpleNamespace(transfer_syntax=IMPLICIT)}
    asyncio.run(line.invoker.send_by_hand(3, find(7), b"AB"))
    asyncio.run(line.invoker.send_by_hand(5, find(8), None))
    assert line.done == [(3, 7, b"AB"), (5, 8, None)]
    line.respond(7, PENDING)
    line.respond(7)
    assert not line.invoker.has_response(7)
    # The next one of that number is somebody's.
    line.session.outstanding[7] = find(7)
    line.respond(7)
    assert line.invoker.has_response(7)


def test_a_cancel_that_comes_too_late_is_told_of(line: Line, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "dicomwire")
    asyncio.run(line.invoker.cancel(7, 3))
    assert line.done == [("cancel", 3, 7)]
    line.error = LocalProtocolError("over")
    asyncio.run(line.invoker.cancel(7, 3))
    assert caplog.messages == ["the association ended before C-CANCEL for message ID 7 was sent"]


# -- the window ------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("way", WAYS)
def test_a_request_waits_for_the_one_before(line: Line, way: str) -> None:
    line.session.outstanding[7] = find(7)
    line.coming.extend([lambda: line.respond(7, PENDING), lambda: line.respond(7), lambda: line.respond(8)])
    asyncio.run(ways(line)[way](find(8)))
    assert line.done == [did(way, 8)]


@pytest.mark.parametrize("way", WAYS)
def test_nobody_sends_in_the_middle_of_another(line: Line, way: str) -> None:
    line.is_sending = True
    line.coming.extend([lambda: None, lambda: setattr(line, "is_sending", False), lambda: line.respond(8)])
    asyncio.run(ways(line)[way](find(8)))
    assert line.done == ["turn", "turn", did(way, 8)]


@pytest.mark.parametrize("way", WAYS)
def test_with_a_larger_window_a_message_id_in_use_is_replaced(line: Line, way: str) -> None:
    line.invoker.most = 2
    # Its response is there, and somebody will take it.
    line.respond(7)
    line.coming.append(lambda: line.respond(8))
    asyncio.run(ways(line)[way](find(7)))
    assert line.done == [did(way, 8)]
    assert line.invoker.has_response(7)


def test_message_ids_begin_again(line: Line) -> None:
    line.session.outstanding = {65535: find(65535), 0: find(0)}
    assert line.invoker.free_message_id(65535) == 1
    assert line.invoker.free_message_id(4) == 4


def test_what_nobody_takes_is_cancelled_once_before_the_next(line: Line, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "dicomwire")
    line.session.outstanding[7] = find(7)
    line.respond(7, PENDING)
    line.invoker.forget(7, 3)
    assert not line.invoker.has_response(7)
    line.coming.extend([lambda: line.respond(7, PENDING), lambda: line.respond(7, PENDING), lambda: line.respond(7)])
    asyncio.run(line.invoker.send(CONTEXT, find(8)))
    assert line.done == [("cancel", 3, 7), (3, 8, None)]
    assert caplog.messages == ["the responses to message ID 7 are not taken any more: cancelled"]
    assert not line.coming and not line.invoker.has_response(7)


def test_without_a_context_to_cancel_it_on_it_is_waited_for(line: Line) -> None:
    line.session.outstanding[7] = find(7)
    line.invoker.forget(7, None)
    line.coming.append(lambda: line.respond(7))
    asyncio.run(line.invoker.send(CONTEXT, find(8)))
    assert line.done == [(3, 8, None)]


# -- responses -------------------------------------------------------------------------------------------------------
def test_all_responses_that_have_come_are_there(line: Line) -> None:
    line.session.outstanding[7] = find(7)
    answers = [line.respond(7, PENDING), line.respond(7, PENDING), line.respond(7)]
    assert [asyncio.run(line.invoker.response(find(7))) for _ in answers] == answers
    assert not line.invoker.has_response(7)


@pytest.mark.parametrize(("unseen", "others", "told"), [(True, 0, 1), (True, 1, 0), (False, 0, 0)])
def test_the_host_is_told_of_what_came_behind_the_last_response(
    line: Line, unseen: bool, others: int, told: int
) -> None:
    line.respond(7)
    line.connection.unseen = unseen
    line.session.outstanding = {number: find(number) for number in range(others)}
    asyncio.run(line.invoker.response(find(7)))
    assert line.done == ["left over"] * told


def stream_of(line: Line, number: int) -> Any:
    line.session.outstanding[number] = find(number)
    return ResponseStream(line.invoker, 3, find(number), lambda message: message and message.command.status)


async def all_of(stream: Any) -> list[Any]:
    return [status async for status in stream]


def test_a_stream_ends_with_the_final_response_and_lets_others_send(line: Line) -> None:
    stream = stream_of(line, 7)
    with pytest.raises(RuntimeError, match="are still being iterated"):
        asyncio.run(line.invoker.send(CONTEXT, find(8)))
    line.coming.extend([lambda: line.respond(7, PENDING), lambda: line.respond(7)])
    assert asyncio.run(all_of(stream)) == [PENDING, SUCCESS]
    assert asyncio.run(all_of(stream)) == []
    stream.leave()
    # One that is not iterated is waited for.
    line.session.outstanding[9] = find(9)
    line.coming.append(lambda: line.respond(9))
    asyncio.run(line.invoker.send(CONTEXT, find(8)))
    assert line.done == [(3, 8, None)]


def test_a_stream_ends_with_the_association(line: Line) -> None:
    stream = stream_of(line, 7)
    line.coming.append(lambda: setattr(line.standing, "has_ended", True))
    assert asyncio.run(all_of(stream)) == [None]


def test_a_stream_that_is_left_is_cancelled_before_the_next_request(line: Line) -> None:
    stream = stream_of(line, 7)
    asyncio.run(stream.aclose())
    asyncio.run(stream.aclose())
    assert asyncio.run(all_of(stream)) == []
    line.coming.append(lambda: line.respond(7))
    asyncio.run(line.invoker.send(CONTEXT, Command(command_field=C_ECHO_RQ, message_id=8)))
    assert line.done == [("cancel", 3, 7), (3, 8, None)]


def test_a_stream_that_nobody_holds_is_left(line: Line) -> None:
    stream = stream_of(line, 7)
    del stream
    line.coming.append(lambda: line.respond(7))
    asyncio.run(line.invoker.send(CONTEXT, find(8)))
    assert line.done[0] == ("cancel", 3, 7)
