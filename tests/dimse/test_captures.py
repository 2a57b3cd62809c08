"""Recorded conversations between real programs, replayed through a Session in the place of either."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from dicomwire.dimse import CancelReceived, Command, MessageReceived, Session
from dicomwire.dimse.elements import BY_KEYWORD, ELEMENTS
from dicomwire.upper_layer import (
    Abort,
    Aborted,
    AssociateAC,
    AssociateAccepted,
    AssociateRejected,
    AssociateRequested,
    AssociateRJ,
    AssociateRQ,
    Connection,
    ConnectionClosed,
    ConnectionEvent,
    PDataTF,
    Released,
    ReleaseRequested,
    ReleaseRP,
    ReleaseRQ,
    Role,
    Tolerated,
    decode_pdu,
)
from tests.support.sessions import NO_TIMEOUTS, Piece, drain, feed, merged, sent
from tests.support.streams import Capture, Refused, captures

Split = Callable[[bytes], list[bytes]]

DIRECTIONS = [pytest.param(capture, role, id=f"{capture.name}-{role.value}") for capture in captures() for role in Role]


# -- what should be told, from the annotation of an independent decoder ---------------------------------------------
def annotated_command(decoded: dict[str, Any]) -> dict[str, Any]:
    """The fields of Command that are there."""
    fields: dict[str, Any] = {}
    for keyword, value in decoded.items():
        if keyword in ("CommandGroupLength", "CommandName"):
            continue
        element = BY_KEYWORD[keyword]
        if element.vr == "US" and isinstance(value, str):
            value = int(value, 16)
        elif element.vr == "AT":
            value = tuple(int(tag.replace(",", ""), 16) for tag in value)
        fields[element.field] = value
    return fields


def told_fields(command: Command) -> dict[str, Any]:
    values = {element.field: getattr(command, element.field) for element in ELEMENTS}
    return {field: value for field, value in values.items() if value is not None}


def messages(pdu: dict[str, Any], raw: bytes, pending: bytearray) -> list[Any]:
    """The messages and data sets that end in a P-DATA-TF; ``pending`` is what has come of a data set."""
    found: list[Any] = []
    offset = 6
    for item in pdu["pdvs"]:
        fragment = raw[offset + 6 : offset + 4 + item["item_length"]]
        assert len(fragment) == item["fragment_length"]
        offset += 4 + item["item_length"]
        if not item["is_command"]:
            pending += fragment
        if "completes_command" in item:
            found.append(("message", item["context_id"], annotated_command(item["completes_command"])))
        if "completes_data_set" in item:
            assert len(pending) == item["completes_data_set"]["total_length"]
            found.append(("data set", item["context_id"], bytes(pending)))
            pending.clear()
    assert offset == len(raw)
    return found


ASSOCIATION = {
    "A-ASSOCIATE-RQ": "requested",
    "A-ASSOCIATE-AC": "accepted",
    "A-ASSOCIATE-RJ": "rejected",
    "A-RELEASE-RQ": "release requested",
    "A-RELEASE-RP": "released",
    "A-ABORT": "aborted",
}


def expected(capture: Capture, role: Role) -> list[Any]:
    """What a Session in ``role`` should tell of the other side's PDUs."""
    told: list[Any] = []
    pending = bytearray()
    outstanding: set[int] = set()
    ends: set[tuple[bool, str]] = set()
    for sender, pdu, raw in capture.turns():
        kind = pdu["pdu"]
        if sender == role.value:
            for item in pdu.get("pdvs", ()):
                command = item.get("completes_command", {})
                if "MessageID" in command:
                    outstanding.add(command["MessageID"])
        elif kind == "UNKNOWN":
            told.append(("refused", 2, 1))
        elif kind != "P-DATA-TF":
            told.append((ASSOCIATION[kind],))
        else:
            for what in messages(pdu, raw, pending):
                command = what[2] if what[0] == "message" else {}
                if command.get("command_field") == 0x0FFF:
                    told.append(("cancelled", command["message_id_being_responded_to"]))
                elif command.get("message_id_being_responded_to", None) not in {None, *outstanding}:
                    told.append(("dropped",))
                else:
                    told.append(what)
        ends.add((sender == role.value, kind))
    if not is_over(ends):
        told.append(("closed",))
    return told


def is_over(ends: set[tuple[bool, str]]) -> bool:
    """Whether the association had an end of its own, from all that was sent: by us or not, and what."""
    if {kind for _, kind in ends} & {"A-ASSOCIATE-RJ", "A-ABORT"} or (False, "UNKNOWN") in ends:
        return True
    requests = [ours for ours in (True, False) if (ours, "A-RELEASE-RQ") in ends]
    return bool(requests) and all((not ours, "A-RELEASE-RP") in ends for ours in requests)


def normalised(told: list[ConnectionEvent | Piece | Refused]) -> list[Any]:
    out: list[Any] = []
    for event in merged(told):
        match event:
            case MessageReceived(context_id=context_id, command=command):
                assert command.other == ()
                out.append(("message", context_id, told_fields(command)))
            case Piece(context_id=context_id, data=data, last=last):
                assert last
                out.append(("data set", context_id, data))
            case CancelReceived(message_id=message_id):
                out.append(("cancelled", message_id))
            case Refused(source=source, reason=reason):
                out.append(("refused", source, reason))
            case Tolerated(what=what):
                assert what.endswith("not outstanding: dropped")
                out.append(("dropped",))
            case AssociateRequested():
                out.append(("requested",))
            case AssociateAccepted():
                out.append(("accepted",))
            case AssociateRejected():
                out.append(("rejected",))
            case ReleaseRequested():
                out.append(("release requested",))
            case Released():
                out.append(("released",))
            case Aborted():
                out.append(("aborted",))
            case ConnectionClosed():
                out.append(("closed",))
            case _:
                raise AssertionError(f"unexpected: {event}")
    return out


# -- replaying ------------------------------------------------------------------------------------------------------
class OwnSide:
    """Says again through a Session what one of the programs had said."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.command = b""
        self.message: tuple[int, Command] | None = None
        self.data_set = b""

    def say(self, raw: bytes) -> None:
        if not 1 <= raw[0] <= 7:
            return  # a deliberate violation that a Session cannot be made to commit
        match decode_pdu(raw):
            case PDataTF(presentation_data_value_items=items):
                for item in items:
                    self.say_fragment(item.context_id, item.is_command, item.is_last, item.fragment)
            case AssociateRQ() | AssociateAC() | AssociateRJ() | ReleaseRQ() | ReleaseRP() | Abort() as pdu:
                if not self.session.connection.ending:
                    self.session.send(pdu)
                    assert sent(self.session) == raw

    def say_fragment(self, context_id: int, is_command: bool, is_last: bool, fragment: bytes) -> None:
        if is_command:
            self.command += fragment
            if is_last:
                self.message = context_id, Command.decode(self.command)
                self.command = b""
                if not self.message[1].has_data_set:
                    self.session.send_message(*self.message)
                    self.session.data_to_send()
        else:
            self.data_set += fragment
            if is_last:
                assert self.message is not None
                self.session.send_message(*self.message, self.data_set)
                self.session.data_to_send()
                self.data_set = b""


def replay(capture: Capture, role: Role, split: Split) -> list[Any]:
    """What a Session in ``role`` tells; what comes between two PDUs of its own is cut by ``split``."""
    session = Session(Connection(role, timeouts=NO_TIMEOUTS))
    own = OwnSide(session)
    told: list[ConnectionEvent | Piece | Refused] = []
    waiting = b""

    def hear(until: int | None = None) -> None:
        nonlocal waiting
        for chunk in split(waiting[:until]):
            told.extend(feed(session, chunk))
        waiting = b"" if until is None else waiting[until:]

    before = ""
    for sender, pdu, raw in capture.turns():
        if sender == role.value:
            # In a collision both have asked before they heard the other; the recorder in the middle cannot show it.
            hear(-len(raw) if before == pdu["pdu"] == "A-RELEASE-RQ" else None)
            own.say(raw)
        else:
            waiting += raw
        before = pdu["pdu"]
    hear()
    session.receive_data(b"")
    told += drain(session)
    return normalised(told)


def in_one_piece(data: bytes) -> list[bytes]:
    return [data] if data else []


def byte_by_byte(data: bytes) -> list[bytes]:
    return [data[at : at + 1] for at in range(len(data))]


@pytest.mark.parametrize(("capture", "role"), DIRECTIONS)
@pytest.mark.parametrize("split", [in_one_piece, byte_by_byte])
def test_a_session_tells_what_was_recorded(capture: Capture, role: Role, split: Split) -> None:
    assert replay(capture, role, split) == expected(capture, role)


@pytest.mark.parametrize(("capture", "role"), DIRECTIONS)
@settings(max_examples=5)
@given(sizes=st.lists(st.integers(1, 5000) | st.integers(1, 20), min_size=1, max_size=8))
def test_a_session_tells_what_was_recorded_however_it_arrives(capture: Capture, role: Role, sizes: list[int]) -> None:
    def split(data: bytes) -> list[bytes]:
        chunks, offset, turn = [], 0, 0
        while offset < len(data):
            chunks.append(data[offset : offset + sizes[turn % len(sizes)]])
            offset += len(chunks[-1])
            turn += 1
        return chunks

    assert replay(capture, role, split) == expected(capture, role)


def by_name(name: str) -> Capture:
    return next(capture for capture in captures() if capture.name == name)


def test_there_are_captures_of_every_kind() -> None:
    told = [what for capture in captures() for role in Role for what in expected(capture, role)]
    kinds = {what[0] for what in told}
    assert kinds == {*ASSOCIATION.values(), "message", "data set", "cancelled", "dropped", "refused", "closed"}
    assert len({what[2]["command_field"] for what in told if what[0] == "message"}) == 22


def test_an_unknown_pdu_in_place_of_the_acceptance_is_answered_with_an_abort() -> None:
    assert replay(by_name("unknown-pdu-instead-of-ac"), Role.REQUESTOR, in_one_piece) == [("refused", 2, 1)]


def test_a_late_response_during_release_is_dropped() -> None:
    told = replay(by_name("p-data-while-awaiting-release-rp"), Role.REQUESTOR, in_one_piece)
    assert told == [("accepted",), ("dropped",), ("released",)]
