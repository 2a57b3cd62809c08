"""What a request for an association, and its answer, have otherwise than the standard has it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

from dicomwire._logging import printable
from dicomwire._value_checks import is_conformant_uid, validate_ae
from dicomwire.upper_layer.items import (
    AsynchronousOperationsWindowItem,
    RoleSelectionItem,
    SOPClassCommonExtendedItem,
    SOPClassExtendedItem,
    UserIdentityACItem,
    UserIdentityRQItem,
)
from dicomwire.upper_layer.pdus import APPLICATION_CONTEXT_NAME, AssociateAC, AssociateRQ

Found: TypeAlias = Iterator[tuple[str, str]]
"""What is otherwise, and where the standard says how it is to be."""


def of_a_request(pdu: AssociateRQ) -> Found:
    """Those of an A-ASSOCIATE-RQ (PS3.8 9.3.2)."""
    yield from _of_both(pdu, "PS3.8 9.3.2")
    for name, title in (("called", pdu.called_ae_title), ("calling", pdu.calling_ae_title)):
        if not title:
            yield f"{pdu.name} with a {name} AE title of nothing but spaces", "PS3.8 9.3.2"
        elif not validate_ae(title)[0]:
            yield f"{pdu.name} with the {name} AE title {printable(title)}, which no title can be", "PS3.8 9.3.2"
    numbers = [context.context_id for context in pdu.presentation_context]
    if not numbers:
        yield "proposes no presentation context", "PS3.8 9.3.2"
    for number in sorted({number for number in numbers if number % 2 == 0}):
        yield f"proposes presentation context {number}: IDs are odd", "PS3.8 9.3.2.2"
    for number in sorted({number for number in numbers if numbers.count(number) > 1}):
        yield f"proposes presentation context {number} more than once", "PS3.8 7.1.1.13"
    for context in pdu.presentation_context:
        if not context.abstract_syntax:
            yield f"proposes presentation context {context.context_id} without abstract syntax", "PS3.8 9.3.2.2"
        if not context.transfer_syntax:
            yield f"proposes presentation context {context.context_id} without transfer syntax", "PS3.8 9.3.2.2"
        for uid in filter(None, (context.abstract_syntax, *context.transfer_syntax)):
            if not is_conformant_uid(uid):
                yield f"proposes {printable(uid, 80)}, which no UID can be", "PS3.5 9.1"


def of_an_answer(pdu: AssociateAC, request: AssociateRQ | None) -> Found:
    """Those of an A-ASSOCIATE-AC to ``request`` (PS3.8 9.3.3)."""
    yield from _of_both(pdu, "PS3.8 9.3.3")
    if request is None:
        return
    if pdu.titles != request.titles:
        yield f"{pdu.name} that does not repeat the AE titles of the request", "PS3.8 9.3.3"
    yield from _results(pdu, request)
    yield from _user_information(pdu, request)


def _of_both(pdu: AssociateRQ | AssociateAC, section: str) -> Found:
    if not pdu.protocol_version & 1:
        yield f"{pdu.name} with protocol version {pdu.protocol_version:#06x}: bit 0 is version 1", section
    if pdu.application_context_name is None:
        yield f"{pdu.name} without application context", f"{section}.1"
    elif pdu.application_context_name != APPLICATION_CONTEXT_NAME:
        name = printable(pdu.application_context_name)
        yield f"{pdu.name} with application context {name}, which is not DICOM's", "PS3.7 A.2.1"
    if pdu.maximum_length is None:
        yield f"{pdu.name} without maximum length", "PS3.8 D.1"
    if not pdu.implementation_class_uid:
        yield f"{pdu.name} without implementation class UID", "PS3.7 D.3.3.2"
    for item in pdu.unknown_items:
        yield f"{pdu.name} with an item of type {item.kind:#04x}, which is not defined there", section


def _results(pdu: AssociateAC, request: AssociateRQ) -> Found:
    proposed = {context.context_id: context.transfer_syntax for context in request.presentation_context}
    for context in pdu.presentation_context:
        number = context.context_id
        if number not in proposed:
            yield f"answers presentation context {number}, which was not proposed", "PS3.8 7.1.1.14"
        elif context.result == 0 and context.transfer_syntax not in proposed[number]:
            yield f"accepts presentation context {number} with a transfer syntax not proposed", "PS3.7 D.3.2"
        elif context.result > 4:
            yield f"answers presentation context {number} with result {context.result}", "PS3.8 9.3.3.2"
    answered = [context.context_id for context in pdu.presentation_context]
    if missing := sorted(proposed.keys() - set(answered)):
        yield f"does not answer presentation context {', '.join(map(str, missing))}", "PS3.8 7.1.1.14"
    for number in sorted({number for number in answered if answered.count(number) > 1}):
        yield f"answers presentation context {number} more than once", "PS3.8 7.1.1.14"


def _user_information(pdu: AssociateAC, request: AssociateRQ) -> Found:
    wishes = {item.sop_class_uid: item for item in request.user_items(RoleSelectionItem)}
    for role in pdu.user_items(RoleSelectionItem):
        wish, uid = wishes.get(role.sop_class_uid), printable(role.sop_class_uid)
        if wish is None:
            yield f"answers a role selection for {uid}, which was not asked for", "PS3.7 D.3.3.4"
        elif (role.scu_role and not wish.scu_role) or (role.scp_role and not wish.scp_role):
            yield f"grants a role for {uid} that was not asked for", "PS3.7 D.3.3.4"
    asked = {item.sop_class_uid for item in request.user_items(SOPClassExtendedItem)}
    for extended in pdu.user_items(SOPClassExtendedItem):
        if extended.sop_class_uid not in asked:
            uid = printable(extended.sop_class_uid)
            yield f"answers an extended negotiation of {uid}, which was not asked for", "PS3.7 D.3.3.5"
    if pdu.user_items(SOPClassCommonExtendedItem):
        yield f"{pdu.name} with a common extended negotiation, which has no answer", "PS3.7 D.3.3.6"
    if pdu.user_items(UserIdentityACItem) and request.user_item(UserIdentityRQItem) is None:
        yield "answers a user identity that was not given", "PS3.7 D.3.3.7"
    if pdu.user_items(AsynchronousOperationsWindowItem):
        if request.user_item(AsynchronousOperationsWindowItem) is None:
            yield "answers asynchronous operations, which were not asked for", "PS3.7 D.3.3.3"
        elif any(map(_is_more, pdu.asynchronous_operations, request.asynchronous_operations)):
            yield "grants more asynchronous operations than were asked for", "PS3.7 D.3.3.3"


def _is_more(granted: int, asked: int) -> bool:
    """0 is any number."""
    return asked != 0 and (granted == 0 or granted > asked)
