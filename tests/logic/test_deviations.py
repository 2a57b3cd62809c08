"""What is otherwise than the standard has it, told with the section; and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest
from attrs import evolve

from dicomwire.dimse.command import Command
from dicomwire.traces import RecordKind, TracedAssociation, TraceRecord, deviations
from dicomwire.tracing.json_captures import trace_of_json
from dicomwire.upper_layer.items import PresentationContextACItem, PresentationContextRQItem
from dicomwire.upper_layer.pdus import Abort, AssociateAC, AssociateRQ, PDataTF, PresentationDataValue, decode_pdu
from dicomwire.upper_layer.state import Role
from tests.support.streams import ASSOCIATE_AC, ASSOCIATE_RQ

CAPTURES = sorted((Path(__file__).parents[1] / "data" / "captures").glob("*.json"))
CLOSED_AT_ONCE = ("accept-without-usable-context", "user-identity-username-passcode", "unknown-pdu-instead-of-ac")

_RQ, _AC = decode_pdu(ASSOCIATE_RQ), decode_pdu(ASSOCIATE_AC)
assert isinstance(_RQ, AssociateRQ) and isinstance(_AC, AssociateAC)
REQUEST, ANSWER = _RQ, _AC


def found(*said: tuple[RecordKind, bytes]) -> set[str]:
    records = [
        TraceRecord(kind=kind, association=1, time=float(number), data=data)
        for number, (kind, data) in enumerate([(RecordKind.OPENED, b""), *said])
    ]
    made = TracedAssociation(number=1, role=Role.REQUESTOR, about={}, records=records)
    return {str(deviation) for deviation in deviations(made)}


def established(*said: tuple[RecordKind, bytes]) -> set[str]:
    """Without what is wrong with this request and this answer."""
    start = (RecordKind.SENT, ASSOCIATE_RQ), (RecordKind.RECEIVED, ASSOCIATE_AC)
    return found(*start, *said) - found(*start)


def p_data(control: int, fragment: bytes, context_id: int = 1) -> bytes:
    return PDataTF(presentation_data_value_items=(PresentationDataValue(context_id, control, fragment),)).encode()


@pytest.mark.parametrize("path", [path for path in CAPTURES if path.stem not in CLOSED_AT_ONCE], ids=lambda p: p.stem)
def test_real_peers_that_do_as_the_standard_says_are_not_blamed(path: Path) -> None:
    assert deviations(trace_of_json(path.read_bytes()).associations[0]) == []


@pytest.mark.parametrize(
    ("context", "what"),
    [
        (PresentationContextRQItem(context_id=2, abstract_syntax="1.2", transfer_syntax=("1.3",)), "IDs are odd"),
        (PresentationContextRQItem(context_id=3, abstract_syntax="", transfer_syntax=("1.3",)), "abstract syntax"),
        (PresentationContextRQItem(context_id=3, abstract_syntax="1.2", transfer_syntax=()), "transfer syntax"),
    ],
)
def test_what_is_wrong_with_a_proposal(context: PresentationContextRQItem, what: str) -> None:
    told = found((RecordKind.SENT, evolve(REQUEST, presentation_context=(context,)).encode()))
    assert any(what in text and "requestor" in text and "PS3.8 9.3.2.2" in text for text in told)


def test_what_every_request_must_have() -> None:
    bare = evolve(REQUEST, application_context_name=None, user_information=(), protocol_version=0)
    told = "\n".join(found((RecordKind.SENT, bare.encode())))
    for section in ("PS3.8 9.3.2", "PS3.8 9.3.2.1", "PS3.8 D.1", "PS3.7 D.3.3.2"):
        assert f"({section})" in told


@pytest.mark.parametrize(
    ("contexts", "what"),
    [
        ((), "does not answer presentation context 1"),
        ((PresentationContextACItem(context_id=5, result=0, transfer_syntax="1"),), "which was not proposed"),
        ((PresentationContextACItem(context_id=1, result=0, transfer_syntax="9"),), "transfer syntax not proposed"),
    ],
)
def test_what_is_wrong_with_an_answer(contexts: tuple[PresentationContextACItem, ...], what: str) -> None:
    answer = evolve(ANSWER, presentation_context=contexts).encode()
    told = found((RecordKind.SENT, ASSOCIATE_RQ), (RecordKind.RECEIVED, answer))
    assert any(what in text and text.startswith("acceptor") for text in told)


@pytest.mark.parametrize(
    ("pdu", "what"),
    [
        (p_data(0, bytes(100_000)), "bytes that the peer takes (PS3.8 D.1)"),
        (p_data(3, b"", 77), "presentation context 77, which was not accepted (PS3.8 9.3.5.1)"),
        (p_data(0x80, b"ab"), "message control header 0x80: bits 2 to 7 are 0 (PS3.8 E.2)"),
        (p_data(3, Command(command_field=0x30, message_id=1).encode()), "without affected sop class uid (PS3.7 9.3)"),
        (p_data(3, Command(command_field=0x1234).encode()), "Command Field 0x1234, which is no message (PS3.7 E.1)"),
        (Abort(source=1).encode(), "source 1, which is reserved (PS3.8 9.3.8)"),
    ],
)
def test_what_is_wrong_later(pdu: bytes, what: str) -> None:
    assert any(what in text for text in established((RecordKind.SENT, pdu)))


def test_a_connection_that_ends_without_a_word() -> None:
    assert established((RecordKind.RECEIVED_END, b"")) == {
        "acceptor: closes the connection without a release or an abort (PS3.8 7.2, 7.3)"
    }
    assert established((RecordKind.SENT, Abort().encode()), (RecordKind.RECEIVED_END, b"")) == set()
