"""What is otherwise than the standard has it, told with the section; and nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from dicomwire.dimse.command import Command
from dicomwire.traces import RecordKind, TracedAssociation, TraceRecord, deviations
from dicomwire.tracing.json_captures import trace_of_json
from dicomwire.upper_layer.items import (
    AsynchronousOperationsWindowItem,
    PresentationContextACItem,
    PresentationContextRQItem,
    RoleSelectionItem,
    SOPClassCommonExtendedItem,
    SOPClassExtendedItem,
    UnknownItem,
    UserIdentityACItem,
    UserItem,
)
from dicomwire.upper_layer.pdus import (
    Abort,
    AssociateAC,
    AssociateRJ,
    AssociateRQ,
    PDataTF,
    PresentationDataValue,
    decode_pdu,
)
from dicomwire.upper_layer.state import Role
from tests.support.streams import ASSOCIATE_AC, ASSOCIATE_RQ

CAPTURES = sorted((Path(__file__).parents[1] / "data" / "captures").glob("*.json"))
CLOSED_AT_ONCE = ("accept-without-usable-context", "user-identity-username-passcode", "unknown-pdu-instead-of-ac")

_RQ, _AC = decode_pdu(ASSOCIATE_RQ), decode_pdu(ASSOCIATE_AC)
assert isinstance(_RQ, AssociateRQ) and isinstance(_AC, AssociateAC)
REQUEST, ANSWER = _RQ, _AC


AC_CX = _AC.presentation_context[0]
ROLE = RoleSelectionItem(sop_class_uid="1.2.840.10008.1.1", scu_role=True, scp_role=True)
EXTENDED = SOPClassExtendedItem(sop_class_uid="1.2.840.10008.1.1", service_class_application_information=b"\1")
COMMON = SOPClassCommonExtendedItem(sop_class_uid="1.2.840.10008.1.1", service_class_uid="1.2.840.10008.4.2")

_ECHO = Command(command_field=0x30, message_id=1, affected_sop_class_uid="1.2.840.10008.1.1")
ECHO, WITH_DATA_SET = _ECHO.encode(), _ECHO.encode(command_data_set_type=1)
FIND = evolve(_ECHO, command_field=0x20, priority=0).encode()
STRAY = b"\x10\0\x10\0\4\0\0\0A^B "


def window(number: int) -> AsynchronousOperationsWindowItem:
    return AsynchronousOperationsWindowItem(
        maximum_number_operations_invoked=number, maximum_number_operations_performed=number
    )


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


CX = _RQ.presentation_context[0]


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"protocol_version": 2}, "protocol version 0x0002: bit 0 is version 1 (PS3.8 9.3.2)"),
        ({"application_context_name": "1.2"}, "application context 1.2, which is not DICOM's (PS3.7 A.2.1)"),
        ({"called_ae_title": b" " * 16}, "called AE title of nothing but spaces (PS3.8 9.3.2)"),
        ({"calling_ae_title": b"A\\B"}, "calling AE title A\\B, which no title can be (PS3.8 9.3.2)"),
        ({"presentation_context": ()}, "proposes no presentation context (PS3.8 9.3.2)"),
        ({"presentation_context": (CX, CX)}, "context 1 more than once (PS3.8 7.1.1.13)"),
        ({"presentation_context": (evolve(CX, abstract_syntax="1.02"),)}, "1.02, which no UID can be (PS3.5 9.1)"),
        ({"unknown_items": (UnknownItem(0x77, b""),)}, "item of type 0x77, which is not defined there (PS3.8 9.3.2)"),
    ],
)
def test_what_is_wrong_with_a_request(changes: dict[str, Any], what: str) -> None:
    told = found((RecordKind.SENT, evolve(REQUEST, **changes).encode()))
    assert any(text.endswith(what) and text.startswith("requestor") for text in told), told


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
    ("changes", "what"),
    [
        ({"protocol_version": 0}, "protocol version 0x0000: bit 0 is version 1 (PS3.8 9.3.3)"),
        ({"application_context_name": None}, "A-ASSOCIATE-AC without application context (PS3.8 9.3.3.1)"),
        ({"user_information": ()}, "A-ASSOCIATE-AC without maximum length (PS3.8 D.1)"),
        ({"called_ae_title": "ELSE"}, "does not repeat the AE titles of the request (PS3.8 9.3.3)"),
        ({"presentation_context": (AC_CX, AC_CX)}, "answers presentation context 1 more than once (PS3.8 7.1.1.14)"),
        ({"presentation_context": (evolve(AC_CX, result=7),)}, "presentation context 1 with result 7 (PS3.8 9.3.3.2)"),
        ({"presentation_context": ()}, "does not answer presentation context 1 (PS3.8 7.1.1.14)"),
    ],
)
def test_what_is_wrong_with_an_acceptance(changes: dict[str, Any], what: str) -> None:
    told = found((RecordKind.SENT, ASSOCIATE_RQ), (RecordKind.RECEIVED, evolve(ANSWER, **changes).encode()))
    assert any(text.endswith(what) and text.startswith("acceptor") for text in told), told


@pytest.mark.parametrize(
    ("asked", "answered", "what"),
    [
        ((), (ROLE,), "role selection for 1.2.840.10008.1.1, which was not asked for (PS3.7 D.3.3.4)"),
        ((evolve(ROLE, scp_role=False),), (ROLE,), "for 1.2.840.10008.1.1 that was not asked for (PS3.7 D.3.3.4)"),
        ((), (EXTENDED,), "of 1.2.840.10008.1.1, which was not asked for (PS3.7 D.3.3.5)"),
        ((), (COMMON,), "with a common extended negotiation, which has no answer (PS3.7 D.3.3.6)"),
        ((), (UserIdentityACItem(server_response=b""),), "a user identity that was not given (PS3.7 D.3.3.7)"),
        ((), (window(1),), "asynchronous operations, which were not asked for (PS3.7 D.3.3.3)"),
        ((window(2),), (window(0),), "more asynchronous operations than were asked for (PS3.7 D.3.3.3)"),
        ((window(2),), (window(3),), "more asynchronous operations than were asked for (PS3.7 D.3.3.3)"),
    ],
)
def test_what_was_not_asked_for_is_not_to_be_answered(
    asked: tuple[UserItem, ...], answered: tuple[UserItem, ...], what: str
) -> None:
    request = evolve(REQUEST, user_information=(*REQUEST.user_information, *asked)).encode()
    answer = evolve(ANSWER, user_information=(*ANSWER.user_information, *answered)).encode()
    told = found((RecordKind.SENT, request), (RecordKind.RECEIVED, answer))
    assert any(text.endswith(what) for text in told), told


def test_what_was_asked_for_is_answered_without_a_word() -> None:
    items = (ROLE, EXTENDED, window(0))
    request = evolve(REQUEST, user_information=(*REQUEST.user_information, *items)).encode()
    answer = evolve(ANSWER, user_information=(*ANSWER.user_information, *items)).encode()
    start = (RecordKind.SENT, ASSOCIATE_RQ), (RecordKind.RECEIVED, ASSOCIATE_AC)
    assert found((RecordKind.SENT, request), (RecordKind.RECEIVED, answer)) == found(*start)


def test_a_rejection_has_reasons_that_the_standard_knows() -> None:
    for result, source, reason in ((1, 1, 7), (3, 1, 1), (1, 9, 1), (1, 1, 9)):
        told = found(
            (RecordKind.RECEIVED, AssociateRJ(result=result, source=source, reason_diagnostic=reason).encode())
        )
        whole = f"result {result}, source {source} and reason {reason}, which are not defined (PS3.8 9.3.4)"
        assert [text.endswith(whole) for text in told] == ([] if reason == 7 else [True])


@pytest.mark.parametrize(
    ("kind", "section"), [(3, "PS3.8 9.3.4"), (5, "PS3.8 9.3.6"), (6, "PS3.8 9.3.7"), (7, "PS3.8 9.3.8")]
)
def test_what_has_four_bytes_has_no_more(kind: int, section: str) -> None:
    told = established((RecordKind.SENT, bytes((kind, 0, 0, 0, 0, 5, 0, 1, 1, 1, 0))))
    assert any("of 5 bytes, which has 4" in text and text.endswith(f"({section})") for text in told)


@pytest.mark.parametrize(
    ("field", "section"),
    [
        (0x01, "9.3.1"), (0x20, "9.3.2"), (0x10, "9.3.3"), (0x21, "9.3.4"), (0x30, "9.3.5"), (0x0FFF, "9.3"),
        (0x100, "10.3.1"), (0x110, "10.3.2"), (0x120, "10.3.3"), (0x130, "10.3.4"), (0x140, "10.3.5"),
        (0x150, "10.3.6"),
    ],
)  # fmt: skip
def test_what_a_message_must_have_is_told_with_the_section_of_that_message(field: int, section: str) -> None:
    bare = Command(command_field=field, command_data_set_type=None)
    told = established((RecordKind.SENT, p_data(3, bare.encode(command_data_set_type=0x0101))))
    assert told and all(text.endswith(f"(PS3.7 {section})") for text in told), told


@pytest.mark.parametrize(
    ("pdu", "what"),
    [
        (p_data(0, bytes(100_000)), "bytes that the peer takes (PS3.8 D.1)"),
        (p_data(3, b"", 77), "presentation context 77, which was not accepted (PS3.8 9.3.5.1)"),
        (p_data(0x80, b"ab"), "message control header 0x80: bits 2 to 7 are 0 (PS3.8 E.2)"),
        (p_data(3, Command(command_field=0x30, message_id=1).encode()), "without affected sop class uid (PS3.7 9.3.5)"),
        (p_data(3, Command(command_field=0x1234).encode()), "Command Field 0x1234, which is no message (PS3.7 E.1)"),
        (Abort(source=1).encode(), "source 1, which is reserved (PS3.8 9.3.8)"),
        (Abort(source=2, reason_diagnostic=3).encode(), "reason 3, which is reserved (PS3.8 9.3.8)"),
        (p_data(3, b"abc"), "3 stray bytes at the end of a command set (PS3.7 6.3.1)"),
        (p_data(3, ECHO + STRAY), "C-ECHO-RQ with (0010,0010), which is not of commands (PS3.7 6.3.1)"),
        (b"\4\0\0\0\0\1x", "too few for a PDV (PS3.8 9.3)"),
        (p_data(3, FIND), "C-FIND-RQ without a data set (PS3.7 9.3.2)"),
        (p_data(3, WITH_DATA_SET), "C-ECHO-RQ with a data set (PS3.7 9.3.5)"),
        (p_data(3, WITH_DATA_SET) + p_data(2, b"x"), "a data set of odd length (PS3.5 7.1)"),
    ],
)
def test_what_is_wrong_later(pdu: bytes, what: str) -> None:
    assert any(what in text for text in established((RecordKind.SENT, pdu)))


def test_a_connection_that_ends_without_a_word() -> None:
    assert established((RecordKind.RECEIVED_END, b"")) == {
        "acceptor: closes the connection without a release or an abort (PS3.8 7.2, 7.3)"
    }
    assert established((RecordKind.SENT, Abort().encode()), (RecordKind.RECEIVED_END, b"")) == set()


@pytest.mark.parametrize(
    ("kind", "what"),
    [
        (RecordKind.RECEIVED_END, "acceptor: closes the connection without an answer or an abort (PS3.8 7.1, 7.3)"),
        (RecordKind.CLOSED, "requestor: closes the connection before the answer, without an abort (PS3.8 7.3)"),
    ],
)
def test_a_connection_that_ends_before_the_request_is_answered(kind: RecordKind, what: str) -> None:
    request = (RecordKind.SENT, ASSOCIATE_RQ)
    assert found(request, (kind, b"")) - found(request) == {what}


def test_no_request_and_a_rejection_leave_nothing_to_say_at_the_end() -> None:
    assert found((RecordKind.RECEIVED_END, b"")) == set()
    answered = (
        (RecordKind.SENT, ASSOCIATE_RQ),
        (RecordKind.RECEIVED, AssociateRJ(result=1, source=1, reason_diagnostic=7).encode()),
    )
    assert found(*answered, (RecordKind.RECEIVED_END, b"")) == found(*answered)
