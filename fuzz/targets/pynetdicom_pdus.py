"""Of a PDU that we and pynetdicom both take, both say the same."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pynetdicom.pdu as theirs
from pynetdicom import pdu_items

from dicomwire.errors import RemoteProtocolError
from dicomwire.upper_layer import Abort, AssociateAC, AssociateRJ, AssociateRQ, PDataTF, decode_pdu, items
from fuzz.corpus import pdus
from tests.support.tolerant import PADDING, tolerant

NEEDS = "pynetdicom"

Said = list[Any]


def one_input(data: bytes) -> None:
    try:
        ours = decode_pdu(data)
    except RemoteProtocolError:
        return
    kind, ask_them, ask_us = KINDS.get(type(ours), (None, None, None))
    if kind is None or ask_them is None or ask_us is None:
        return
    if isinstance(ours, AssociateRQ | AssociateAC) and any(
        "" in (getattr(item, "sop_class_uid", None), getattr(item, "service_class_uid", None))
        for item in ours.user_information
    ):
        # Without a class it takes what is behind it for one.
        return
    decoded = kind()
    try:
        with tolerant():
            decoded.decode(data)
            said = ask_them(decoded)
    except Exception:
        # It is stricter with some values, and says so in many ways.
        return
    assert said == ask_us(ours), (said, ask_us(ours))


def _text(value: Any) -> str:
    """Without padding, which is not the same for both."""
    return "" if value is None else str(value).strip(PADDING)


# -- what they say -------------------------------------------------------------------------------------------------
def _their_request(pdu: Any) -> Said:
    return [
        *_their_titles(pdu),
        [
            (item.presentation_context_id, _text(item.abstract_syntax), list(map(_text, item.transfer_syntax)))
            for item in pdu.presentation_context
        ],
        list(_their_items(pdu)),
    ]


def _their_acceptance(pdu: Any) -> Said:
    return [
        [
            (item.presentation_context_id, item.result_reason, _text(item.transfer_syntax) if not item.result else "")
            for item in pdu.presentation_context
        ],
        list(_their_items(pdu)),
    ]


def _their_titles(pdu: Any) -> Said:
    return [_text(pdu.called_ae_title), _text(pdu.calling_ae_title)]


def _their_items(pdu: Any) -> Iterator[Any]:
    for item in pdu.user_information.user_data if pdu.user_information else ():
        match item:
            case pdu_items.MaximumLengthSubItem():
                yield "maximum length", item.maximum_length_received
            case pdu_items.ImplementationClassUIDSubItem():
                yield "class", _text(item.implementation_class_uid)
            case pdu_items.AsynchronousOperationsWindowSubItem():
                yield "window", item.max_operations_invoked, item.max_operations_performed
            case pdu_items.SCP_SCU_RoleSelectionSubItem():
                yield "roles", _text(item.uid), bool(item.scu), bool(item.scp)
            case pdu_items.SOPClassExtendedNegotiationSubItem():
                yield "extended", _text(item.uid), item.app_info
            case pdu_items.SOPClassCommonExtendedNegotiationSubItem():
                # It takes what is behind an empty list for some of it.
                yield "common", _text(item.sop_class_uid), _text(item.service_class_uid)
            case pdu_items.UserIdentitySubItemRQ():
                # It takes what is behind an empty field, or behind the last one, for some of it.
                yield "identity", item.id_type, bool(item.response_requested)
            case pdu_items.UserIdentitySubItemAC():
                # It takes what is behind the length of the response for some of it.
                yield ("identity",)


# -- what we say ---------------------------------------------------------------------------------------------------
def _our_request(pdu: AssociateRQ) -> Said:
    return [
        _text(pdu.called_ae_title),
        _text(pdu.calling_ae_title),
        [
            (item.context_id, _text(item.abstract_syntax), list(map(_text, item.transfer_syntax)))
            for item in pdu.presentation_context
        ],
        list(_our_items(pdu)),
    ]


def _our_acceptance(pdu: AssociateAC) -> Said:
    return [
        [
            (item.context_id, item.result, _text(item.transfer_syntax) if not item.result else "")
            for item in pdu.presentation_context
        ],
        list(_our_items(pdu)),
    ]


def _our_items(pdu: AssociateRQ | AssociateAC) -> Iterator[Any]:
    for item in pdu.user_information:
        match item:
            case items.MaximumLengthItem():
                yield "maximum length", item.maximum_length
            case items.ImplementationClassUIDItem():
                yield "class", _text(item.implementation_class_uid)
            case items.AsynchronousOperationsWindowItem():
                yield "window", item.maximum_number_operations_invoked, item.maximum_number_operations_performed
            case items.RoleSelectionItem():
                yield "roles", _text(item.sop_class_uid), item.scu_role, item.scp_role
            case items.SOPClassExtendedItem():
                yield "extended", _text(item.sop_class_uid), item.service_class_application_information
            case items.SOPClassCommonExtendedItem():
                yield "common", _text(item.sop_class_uid), _text(item.service_class_uid)
            case items.UserIdentityRQItem():
                yield "identity", item.user_identity_type, item.positive_response_requested
            case items.UserIdentityACItem():
                yield ("identity",)


# -- the shorter ones ----------------------------------------------------------------------------------------------
def _their_values(pdu: Any) -> Said:
    return [
        (item.presentation_context_id, item.presentation_data_value[:1], item.presentation_data_value[1:])
        for item in pdu.presentation_data_value_items
    ]


def _our_values(pdu: PDataTF) -> Said:
    return [
        (item.context_id, bytes((item.control_header,)), item.fragment) for item in pdu.presentation_data_value_items
    ]


KINDS: dict[type[Any], tuple[Callable[[], Any], Callable[[Any], Said], Callable[[Any], Said]]] = {
    AssociateRQ: (theirs.A_ASSOCIATE_RQ, _their_request, _our_request),
    AssociateAC: (theirs.A_ASSOCIATE_AC, _their_acceptance, _our_acceptance),
    AssociateRJ: (
        theirs.A_ASSOCIATE_RJ,
        lambda pdu: [pdu.result, pdu.source, pdu.reason_diagnostic],
        lambda pdu: [pdu.result, pdu.source, pdu.reason_diagnostic],
    ),
    PDataTF: (theirs.P_DATA_TF, _their_values, _our_values),
    Abort: (
        theirs.A_ABORT_RQ,
        lambda pdu: [pdu.source, pdu.reason_diagnostic],
        lambda pdu: [pdu.source, pdu.reason_diagnostic],
    ),
}


def seeds() -> Iterable[bytes]:
    return pdus()
