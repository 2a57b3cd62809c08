"""What is said of a negotiation, and what is asked of a peer."""

from __future__ import annotations

import pytest
from attrs import evolve

from dicomwire.tracing.explanations import explain_trace, explained
from dicomwire.tracing.peer_profile import explain_peer, profile
from dicomwire.upper_layer.items import (
    AsynchronousOperationsWindowItem,
    PresentationContextACItem,
    PresentationContextRQItem,
    RoleSelectionItem,
    SOPClassCommonExtendedItem,
    SOPClassExtendedItem,
    UserIdentityACItem,
    UserItem,
)
from dicomwire.upper_layer.pdus import Abort, AssociateRJ
from dicomwire.vocabulary.probe_plan import MOST, agreements, services, sop_classes, transfer_syntaxes
from tests.support.made_traces import ACCEPT, RECEIVED, REQUEST, SENT, VERIFICATION, conversation, made

CT = "1.2.840.10008.5.1.4.1.1.2"
FIND = "1.2.840.10008.5.1.4.1.2.2.1"


def told(items: tuple[UserItem, ...], answers: tuple[UserItem, ...]) -> str:
    """What is said where both sides have these items of user information."""
    request = evolve(REQUEST, user_information=items)
    said = conversation(request=request)
    said[1] = (0.1, RECEIVED, evolve(ACCEPT, user_information=answers).encode())
    return " ".join(" ".join(explain_trace(made(said))).split())


def window(number: int) -> AsynchronousOperationsWindowItem:
    return AsynchronousOperationsWindowItem(
        maximum_number_operations_invoked=number, maximum_number_operations_performed=number
    )


def role(scu: bool, scp: bool) -> RoleSelectionItem:
    return RoleSelectionItem(sop_class_uid=CT, scu_role=scu, scp_role=scp)


def extended(data: bytes) -> SOPClassExtendedItem:
    return SOPClassExtendedItem(sop_class_uid=FIND, service_class_application_information=data)


COMMON = SOPClassCommonExtendedItem(sop_class_uid=CT, service_class_uid="1.2.840.10008.4.2")


@pytest.mark.parametrize(
    ("items", "answers", "said"),
    [
        ((window(0),), (window(3),), "Asynchronous operations: 3 invoked and 3 performed at a time"),
        ((window(0),), (window(0),), "any number of invoked and any number of performed"),
        ((role(True, True),), (role(False, True),), "the requestor wants to be SCU and SCP; it is SCP."),
        ((role(False, True),), (), "wants to be SCP; not answered: it is SCU."),
        ((extended(b"\1\0"),), (extended(b"\1"),), "extended negotiation 01 00, answered 01."),
        ((extended(b""),), (), "extended negotiation (empty), not answered."),
        ((extended(bytes(33)),), (), "00 ..., not answered."),
        ((COMMON,), (), "common extended negotiation, of Storage Service Class, 0 related general SOP classes."),
        (REQUEST.user_information, (), "(user name and password, not shown) and asks for no confirmation; none has"),
        (REQUEST.user_information, (UserIdentityACItem(server_response=b"x"),), "no confirmation; one has come."),
    ],
)
def test_what_was_agreed_upon_is_told(items: tuple[UserItem, ...], answers: tuple[UserItem, ...], said: str) -> None:
    assert said in told(items, answers)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (AssociateRJ(result=1, source=1, reason_diagnostic=3), "rejected for good. Who: Service User. Why: Calling AE"),
        (AssociateRJ(result=2, source=3, reason_diagnostic=2), "rejected for now: it may work later."),
        (Abort(source=2, reason_diagnostic=0), "Instead of an answer it is aborted (DUL service-provider)."),
    ],
)
def test_what_was_not_accepted_is_told(answer: AssociateRJ | Abort, said: str) -> None:
    trace = made([(0.1, SENT, REQUEST.encode()), (0.1, RECEIVED, answer.encode())])
    assert said in " ".join(" ".join(explain_trace(trace)).split())


def test_a_trace_without_a_request_or_an_answer_says_so() -> None:
    assert "No association request is in this trace." in "\n".join(explain_trace(made([])))
    assert "There is no answer." in "\n".join(explain_trace(made([(0.1, SENT, REQUEST.encode())])))


def test_a_peer_is_what_its_answers_say_together() -> None:
    proposed = tuple(
        PresentationContextRQItem(context_id=number, abstract_syntax=uid, transfer_syntax=("1.2.840.10008.1.2",))
        for number, uid in ((1, VERIFICATION), (3, CT), (5, FIND))
    )
    request = evolve(REQUEST, presentation_context=proposed, user_information=())
    answers = [(0, 3), (3, 0)]
    associations = []
    for results in answers:
        contexts = tuple(
            PresentationContextACItem(context_id=number, result=result, transfer_syntax="1.2.840.10008.1.2")
            for number, result in zip((1, 3), results, strict=True)
        )
        said = conversation(request=request)
        said[1] = (0.1, RECEIVED, evolve(ACCEPT, presentation_context=contexts).encode())
        associations.append(explained(made(said).associations[0]))
    peer = profile(associations)
    text = " ".join(" ".join(explain_peer(peer, "here", "none", "much")).split())
    assert peer.accepted.keys() == {VERIFICATION, CT} and peer.refused == {FIND: None}
    assert "here, asked in 2 connections" in text and "Query Retrieve: no: not answered" in text
    assert "Not asked: much" in text and "acceptor: does not answer presentation context 5 (PS3.8 7.1.1.14)" in text


def test_a_request_has_at_most_128_contexts_and_all_classes_are_asked_for_once() -> None:
    requests = list(sop_classes())
    assert all(0 < len(request) <= MOST for request in requests) and len(requests) == 3
    assert all(request[0][0] == VERIFICATION for request in requests)
    proposed = [VERIFICATION, *(uid for request in requests for uid, _ in request[1:])]
    assert len(proposed) == len(set(proposed)) and set(proposed) == {
        uid for uids in services().values() for uid in uids
    }
    assert 0 < len(transfer_syntaxes(proposed)) <= MOST and len(agreements(proposed)[0]) <= MOST
    assert len(transfer_syntaxes([CT])) < MOST and transfer_syntaxes([]) == []
    assert agreements([])[1:] == ([], []) and "RT Machine Verification" in services()
