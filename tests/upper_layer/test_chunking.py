"""However bytes are split, the same events come of them; whatever they are, nothing else comes of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import cache
from itertools import cycle
from typing import Any

import pytest
from hypothesis import example, given, settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from dicomwire.errors import LocalProtocolError
from dicomwire.upper_layer import (
    Abort,
    AnyPDU,
    Connection,
    ConnectionClosed,
    Data,
    DataReceived,
    PDataTF,
    ReleaseRP,
    ReleaseRQ,
    Role,
    State,
    decode_pdu,
)
from dicomwire.upper_layer.buffer import LARGE
from tests.support.streams import (
    ABORT,
    ASSOCIATE_AC,
    ASSOCIATE_RJ,
    ASSOCIATE_RQ,
    DATA_TO_SEND,
    ONLY_ARTIM,
    P_DATA,
    REJECTION,
    RELEASE_RP,
    RELEASE_RQ,
    STATES_BY_ROLE,
    UNRECOGNIZED,
    Capture,
    Refused,
    acceptance,
    captures,
    drain,
    feed,
    feed_buffer,
    in_state,
    merged,
    request,
    sent,
)
from tests.upper_layer.printed_table import ACTIONS, TABLE

Receive = Callable[[Connection, bytes], list[Any]]

WAYS: dict[str, Receive] = {"receive_data": feed, "get_buffer": feed_buffer}
CONVERSATIONS = [
    pytest.param(capture, role, id=f"{capture.name}-{role.value}") for capture in captures() for role in Role
]


def say(connection: Connection, pdu: AnyPDU) -> None:
    """Send what the recorded program sent."""
    if isinstance(pdu, PDataTF):
        for value in pdu.presentation_data_value_items:
            connection.send(
                Data(
                    context_id=value.context_id,
                    command=value.is_command,
                    last=value.is_last,
                    fragment=value.fragment,
                )
            )
    elif not (isinstance(pdu, Abort) and connection.ending):
        # Where the recorded program aborted because of what it read, ours has done so already.
        connection.send(pdu)


def turns(capture: Capture, role: Role) -> Iterator[tuple[AnyPDU | None, bytes]]:
    """What the side ``role`` said, and all that it heard until it said something again."""
    own: AnyPDU | None = None
    heard = b""
    for sender, annotation, data in capture.turns():
        if sender != role.value:
            heard += data
        elif annotation["pdu"] != "UNKNOWN":
            crossed = RELEASE_RQ if annotation["pdu"] == "A-RELEASE-RQ" and heard.endswith(RELEASE_RQ) else b""
            yield own, heard.removesuffix(crossed)
            # In a collision each side has asked before it hears the other.
            own, heard = decode_pdu(data), crossed
    yield own, heard


def converse(capture: Capture, role: Role, split: Callable[[bytes], Iterable[bytes]], receive: Receive) -> list[Any]:
    """Take the part of ``role``: everything the connection told."""
    connection = Connection(role, timeouts=ONLY_ARTIM)
    told: list[Any] = []
    for own, heard in turns(capture, role):
        if own is not None:
            say(connection, own)
            told.append(connection.state)
        for chunk in split(heard):
            told += receive(connection, chunk)
            assert connection.unread < 1 << 20
        told.append(connection.state)
    told += feed(connection, b"")
    told.append((connection.state, connection.closed))
    return merged(told)


def whole(data: bytes) -> list[bytes]:
    return [data] if data else []


def bytewise(data: bytes) -> list[bytes]:
    return [data[at : at + 1] for at in range(len(data))]


def in_sizes(sizes: list[int]) -> Callable[[bytes], Iterator[bytes]]:
    def split(data: bytes) -> Iterator[bytes]:
        start = 0
        for size in cycle(sizes):
            if start >= len(data):
                return
            yield data[start : start + size]
            start += size

    return split


@cache
def recorded(capture: Capture, role: Role) -> list[Any]:
    """What comes of a conversation whose turns come whole."""
    return converse(capture, role, whole, feed)


@pytest.mark.parametrize(("capture", "role"), CONVERSATIONS)
def test_a_captured_stream_gives_the_recorded_pdus(capture: Capture, role: Role) -> None:
    told = recorded(capture, role)
    heard = [pdu for sender, pdu, _ in capture.turns() if sender != role.value]
    values = [value for pdu in heard if pdu["pdu"] == "P-DATA-TF" for value in pdu["pdvs"]]
    pieces = [event for event in told if isinstance(event, DataReceived)]
    assert [(piece.context_id, piece.command, len(piece.fragment)) for piece in pieces if piece.last] == list(
        messages(values)
    )
    names = {
        "A-ASSOCIATE-RQ": "AssociateRequested",
        "A-ASSOCIATE-AC": "AssociateAccepted",
        "A-ASSOCIATE-RJ": "AssociateRejected",
        "A-RELEASE-RQ": "ReleaseRequested",
        "A-RELEASE-RP": "Released",
        "A-ABORT": "Aborted",
        "UNKNOWN": "Refused",
    }
    others = [type(event).__name__ for event in told if not isinstance(event, DataReceived | State | tuple)]
    expected = [names[pdu["pdu"]] for pdu in heard if pdu["pdu"] != "P-DATA-TF"]
    if any(isinstance(event, ConnectionClosed) for event in told):
        expected.append("ConnectionClosed")
    assert others == expected
    assert told[-1] == (State.STA1, True)


def messages(values: list[dict[str, Any]]) -> Iterator[tuple[int, bool, int]]:
    """Context, kind and length of each command or data set, out of the annotated fragments."""
    length = 0
    for value in values:
        length += value["fragment_length"]
        if value["is_last"]:
            yield value["context_id"], value["is_command"], length
            length = 0


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("capture", "role"), CONVERSATIONS)
def test_a_captured_stream_may_come_byte_by_byte(capture: Capture, role: Role, way: str) -> None:
    assert converse(capture, role, bytewise, WAYS[way]) == recorded(capture, role)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("capture", "role"), CONVERSATIONS)
@settings(max_examples=5)
@given(sizes=st.lists(st.integers(1, 40) | st.integers(1, 3000), min_size=1, max_size=20))
def test_a_captured_stream_may_be_split_anywhere(capture: Capture, role: Role, way: str, sizes: list[int]) -> None:
    assert converse(capture, role, in_sizes(sizes), WAYS[way]) == recorded(capture, role)


@pytest.mark.parametrize(("capture", "role"), CONVERSATIONS)
def test_a_whole_turn_may_come_through_the_buffer(capture: Capture, role: Role) -> None:
    assert converse(capture, role, whole, feed_buffer) == recorded(capture, role)


# -- any bytes -----------------------------------------------------------------------------------------------------


def framed(kind: int, body: bytes) -> bytes:
    return bytes((kind, 0)) + len(body).to_bytes(4, "big") + body


def fragment(control: int, body: bytes) -> bytes:
    return framed(4, (len(body) + 2).to_bytes(4, "big") + bytes((1, control)) + body)


places = st.sampled_from([(number, role) for role in Role for number in STATES_BY_ROLE[role] if number not in (1, 4)])
snippets = st.one_of(
    st.sampled_from([ASSOCIATE_RQ, ASSOCIATE_AC, ASSOCIATE_RJ, P_DATA, RELEASE_RQ, RELEASE_RP, ABORT]),
    st.builds(framed, st.integers(0, 8), st.binary()),
    st.builds(fragment, st.integers(0, 255), st.binary()),
    st.binary(max_size=50),
)


def everything(connection: Connection, chunks: Iterable[bytes], receive: Receive) -> tuple[list[Any], bytes, State]:
    told: list[Any] = []
    for chunk in chunks:
        told += receive(connection, chunk)
        # Nothing is kept but a partial PDU.
        assert connection.unread <= 6 + (1 << 20)
    told += feed(connection, b"")
    return merged(told), sent(connection), connection.state


@settings(max_examples=300)
@given(place=places, parts=st.lists(snippets, max_size=8), sizes=st.lists(st.integers(1, 60), min_size=1))
@example(place=(6, Role.ACCEPTOR), parts=[P_DATA[:-1], ASSOCIATE_RQ], sizes=[1])
@example(place=(6, Role.ACCEPTOR), parts=[ASSOCIATE_RQ, b"\xff", ABORT], sizes=[7])
def test_any_bytes_give_events_or_a_refusal_in_any_split(
    place: tuple[int, Role], parts: list[bytes], sizes: list[int]
) -> None:
    data = b"".join(parts)
    expected = everything(in_state(*place), whole(data), feed)
    assert everything(in_state(*place), in_sizes(sizes)(data), feed) == expected
    assert everything(in_state(*place), in_sizes(sizes)(data), feed_buffer) == expected
    told, written, state = expected
    assert sum(isinstance(event, Refused) for event in told) <= 1
    assert len(written) <= 20, "two aborts at most"
    assert state is State.STA1


@settings(max_examples=50)
@given(place=places, seed=st.binary(min_size=1, max_size=20))
def test_a_flood_is_not_stored(place: tuple[int, Role], seed: bytes) -> None:
    connection = in_state(*place)
    for _ in range(10):
        feed_buffer(connection, seed * (40000 // len(seed)))
        assert connection.unread <= 6 + (1 << 20)
    assert len(connection.get_buffer()) <= 8 * LARGE
    assert len(sent(connection)) <= 20


# -- against the printed table -------------------------------------------------------------------------------------


class Machine(RuleBasedStateMachine):
    """A Connection and the table typed from the standard, side by side."""

    def __init__(self) -> None:
        super().__init__()
        self.role = Role.REQUESTOR
        self.connection = Connection(self.role, connected=False)
        self.state = 1
        self.over = False
        self.deaf = False
        self.told: list[Any] = []

    @initialize(place=st.sampled_from([(number, role) for role in Role for number in STATES_BY_ROLE[role]]))
    def begin(self, place: tuple[int, Role]) -> None:
        self.state, self.role = place
        self.connection = in_state(*place)

    def move(self, event: int) -> str | None:
        """What the printed table does."""
        action = TABLE[event].get(self.state)
        if action is not None:
            self.state = ACTIONS[action].then or (9 if self.role is Role.REQUESTOR else 10)
            self.over = self.over or self.state == 1
        return action

    def local(self, event: int, act: Callable[[], None], *, forbidden: bool = False) -> None:
        if forbidden or self.over or event not in TABLE or self.state not in TABLE[event]:
            before = self.connection.state
            try:
                act()
            except LocalProtocolError:
                assert self.connection.state is before
                assert self.connection.data_to_send() == []
            else:
                raise AssertionError("a blank cell was not refused")
            return
        act()
        self.check(self.move(event))

    def check(self, action: str | None) -> None:
        self.told += drain(self.connection)
        written = sent(self.connection)
        kinds = ("", "A-ASSOCIATE-RQ", "A-ASSOCIATE-AC", "A-ASSOCIATE-RJ", "P-DATA-TF", "A-RELEASE-RQ", "A-RELEASE-RP")
        expected = ACTIONS[action].send if action is not None else None
        if action == "AA-7":
            # At most once.
            assert written == b"" or written[0] == 7
        elif expected is None:
            assert written == b""
        else:
            assert (*kinds, "A-ABORT")[written[0]] == expected

    def peer(self, event: int, data: bytes) -> None:
        action = None if self.over or self.deaf else self.move(event)
        if event == 19:
            self.deaf = True
        self.connection.receive_data(data)
        self.check(action)

    @rule()
    def request(self) -> None:
        self.local(1, lambda: self.connection.send(request()), forbidden=self.role is Role.ACCEPTOR)

    @rule()
    def connect(self) -> None:
        self.local(2 if self.role is Role.REQUESTOR else 5, self.connection.transport_connected)

    @rule()
    def accept(self) -> None:
        self.local(7, lambda: self.connection.send(acceptance()))

    @rule()
    def reject(self) -> None:
        self.local(8, lambda: self.connection.send(REJECTION))

    @rule()
    def data(self) -> None:
        self.local(9, lambda: self.connection.send(DATA_TO_SEND))

    @rule()
    def release(self) -> None:
        self.local(11, lambda: self.connection.send(ReleaseRQ()))

    @rule()
    def respond(self) -> None:
        self.local(14, lambda: self.connection.send(ReleaseRP()))

    @rule()
    def abort(self) -> None:
        self.local(15, lambda: self.connection.send(Abort()))

    def hears(self) -> bool:
        return self.over or self.state not in (1, 4)

    @precondition(hears)
    @rule(
        what=st.sampled_from(
            [(3, ASSOCIATE_AC), (6, ASSOCIATE_RQ), (10, P_DATA), (10, P_DATA), (12, RELEASE_RQ), (13, RELEASE_RP)]
        )
    )
    def pdu(self, what: tuple[int, bytes]) -> None:
        self.peer(*what)

    @precondition(hears)
    @rule(what=st.sampled_from([(4, ASSOCIATE_RJ), (16, ABORT), (19, UNRECOGNIZED)]))
    def hostile_pdu(self, what: tuple[int, bytes]) -> None:
        self.peer(*what)

    @precondition(lambda self: self.state != 1)
    @rule()
    def close(self) -> None:
        action = self.move(17)
        self.connection.receive_data(b"")
        self.check(action)
        self.deaf = True

    @precondition(lambda self: self.state in (2, 13))
    @rule()
    def artim(self) -> None:
        deadline = self.connection.next_deadline(0.0)
        assert deadline is not None
        self.connection.handle_deadline(deadline)
        self.check(self.move(18))

    @invariant()
    def the_states_agree(self) -> None:
        assert self.connection.state.number == self.state
        assert self.connection.closed is self.over
        assert self.connection.unread == 0
        assert (self.connection.next_deadline(0.0) is not None) is (self.state in (2, 13)), "when ARTIM runs"
        assert sum(isinstance(event, Refused) for event in self.told) <= 1


TestMachine = Machine.TestCase
TestMachine.settings = settings(max_examples=200, stateful_step_count=15)
