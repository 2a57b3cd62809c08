"""PDUs and items as values and as bytes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import pytest
from hypothesis import example, given, strategies as st

from dicomwire.errors import LocalProtocolError, ProtocolError, RemoteProtocolError
from dicomwire.upper_layer import (
    PDU,
    Abort,
    AnyPDU,
    AssociateAC,
    AssociateRejected,
    AssociateRJ,
    AssociateRQ,
    DataReceived,
    Limits,
    PDataTF,
    PresentationDataValue,
    ReleaseRP,
    ReleaseRQ,
    decode_pdu,
)
from dicomwire.upper_layer.connection_events import Aborted, ConnectionEvent
from dicomwire.upper_layer.items import (
    AsynchronousOperationsWindowItem,
    ImplementationClassUIDItem,
    ImplementationVersionNameItem,
    MaximumLengthItem,
    PresentationContextACItem,
    PresentationContextRQItem,
    RoleSelectionItem,
    SOPClassCommonExtendedItem,
    SOPClassExtendedItem,
    UnknownItem,
    UserIdentityACItem,
    UserIdentityRQItem,
    UserItem,
    decode_user_information,
)
from tests.support.streams import ASSOCIATE_AC, ASSOCIATE_RQ, captures, vectors, wire

VECTORS = [pytest.param(vector, id=vector["name"]) for vector in vectors()["pdus"]]

# Decoding them drops what the standard does not have, so they encode to other bytes once they are touched.
DEVIATING = {"a-abort-reserved-nonzero", "a-associate-rq-trailing-nuls", "a-associate-rq-trailing-spaces"}


def stripped(text: str) -> str:
    return text.rstrip("\0 ")


def describe_user_item(item: UserItem) -> dict[str, Any]:
    """A sub-item in the words of the vectors."""
    match item:
        case MaximumLengthItem():
            return {"type": "0x51", "name": "MaximumLength", "maximum_length_received": item.maximum_length}
        case ImplementationClassUIDItem():
            return {"type": "0x52", "name": "ImplementationClassUID", "uid": item.implementation_class_uid}
        case AsynchronousOperationsWindowItem():
            return {
                "type": "0x53",
                "name": "AsynchronousOperationsWindow",
                "max_invoked": item.maximum_number_operations_invoked,
                "max_performed": item.maximum_number_operations_performed,
            }
        case RoleSelectionItem():
            return {
                "type": "0x54",
                "name": "RoleSelection",
                "sop_class_uid": item.sop_class_uid,
                "scu_role": int(item.scu_role),
                "scp_role": int(item.scp_role),
            }
        case ImplementationVersionNameItem():
            return {
                "type": "0x55",
                "name": "ImplementationVersionName",
                "value": item.implementation_version_name,
            }
        case SOPClassExtendedItem():
            return {
                "type": "0x56",
                "name": "SOPClassExtendedNegotiation",
                "sop_class_uid": item.sop_class_uid,
                "application_information": item.service_class_application_information.hex(),
            }
        case SOPClassCommonExtendedItem():
            return {
                "type": "0x57",
                "name": "SOPClassCommonExtendedNegotiation",
                "sub_item_version": 0,
                "sop_class_uid": item.sop_class_uid,
                "service_class_uid": item.service_class_uid,
                "related_general_sop_classes": list(item.related_general_sop_class_identification),
            }
        case UserIdentityRQItem():
            return {
                "type": "0x58",
                "name": "UserIdentityRQ",
                "identity_type": item.user_identity_type,
                "positive_response_requested": int(item.positive_response_requested),
                "primary_field": item.primary_field.hex(),
                "secondary_field": item.secondary_field.hex(),
            }
        case UserIdentityACItem():
            return {"type": "0x59", "name": "UserIdentityAC", "server_response": item.server_response.hex()}
        case UnknownItem():
            return {"type": f"0x{item.kind:02X}", "name": "unknown", "value": item.body.hex()}


def without_length(item: dict[str, Any]) -> dict[str, Any]:
    return {key: stripped(value) if key == "uid" else value for key, value in item.items() if key != "length"}


def check_associate(pdu: AssociateRQ | AssociateAC, decoded: dict[str, Any]) -> None:
    assert pdu.protocol_version == decoded["protocol_version"]
    assert pdu.called_ae_title == decoded["called_ae"].strip("\0 ")
    assert pdu.calling_ae_title == decoded["calling_ae"].strip("\0 ")
    assert pdu.titles == (decoded["called_ae"].encode("ascii"), decoded["calling_ae"].encode("ascii"))
    items = {kind: [item for item in decoded["items"] if item["item"] == kind] for kind in ("0x10", "0x50")}
    assert pdu.application_context_name == stripped(items["0x10"][0]["uid"])
    contexts = [item for item in decoded["items"] if item["item"] in ("0x20", "0x21")]
    found: tuple[PresentationContextRQItem | PresentationContextACItem, ...] = pdu.presentation_context
    for context, expected in zip(found, contexts, strict=True):
        assert context.context_id == expected["id"]
        syntaxes = [stripped(uid) for uid in expected["transfer_syntaxes"]]
        if isinstance(context, PresentationContextRQItem):
            assert context.abstract_syntax == stripped(expected["abstract_syntax"])
            assert list(context.transfer_syntax) == syntaxes
        else:
            assert context.result == expected["result"]
            assert ([] if context.transfer_syntax is None else [context.transfer_syntax]) == syntaxes
    assert [describe_user_item(item) for item in pdu.user_information] == [
        without_length(item) for item in items["0x50"][0]["sub_items"]
    ]
    unknown = [item for item in decoded["items"] if item["name"] == "unknown"]
    assert [(item.kind, item.body.hex()) for item in pdu.unknown_items] == [
        (int(item["item"], 16), item["value"]) for item in unknown
    ]


def check_fields(pdu: AnyPDU, decoded: dict[str, Any]) -> None:
    """``pdu`` says what an independent program found in the same bytes."""
    assert pdu.name == decoded["pdu"]
    assert pdu.pdu_type == int(decoded["type"], 16)
    assert pdu.pdu_length == decoded["length"]
    match pdu:
        case AssociateRQ() | AssociateAC():
            check_associate(pdu, decoded)
        case AssociateRJ():
            assert (pdu.result, pdu.source, pdu.reason_diagnostic) == (
                decoded["result"],
                decoded["source"],
                decoded["reason"],
            )
        case Abort():
            assert (pdu.source, pdu.reason_diagnostic) == (decoded["source"], decoded["reason"])
        case PDataTF():
            values = pdu.presentation_data_value_items
            assert len(values) == len(decoded["pdvs"])
            for value, expected in zip(values, decoded["pdvs"], strict=True):
                assert value.context_id == expected["context_id"]
                assert value.control_header == int(expected["control_header"], 16)
                assert value.is_command is expected["is_command"]
                assert value.is_last is expected["is_last"]
                assert len(value.fragment) == expected["fragment_length"] == expected["item_length"] - 2
                assert value.fragment.hex() == expected.get("fragment", value.fragment.hex())
        case ReleaseRQ() | ReleaseRP():
            pass


@pytest.mark.parametrize("vector", VECTORS)
def test_a_vector_decodes_to_its_fields(vector: dict[str, Any]) -> None:
    check_fields(decode_pdu(bytes.fromhex(vector["hex"])), vector["decoded"])


@pytest.mark.parametrize("vector", VECTORS)
def test_a_decoded_vector_encodes_to_the_bytes_it_came_from(vector: dict[str, Any]) -> None:
    pdu = decode_pdu(bytes.fromhex(vector["hex"]))
    assert pdu.encode().hex() == vector["hex"]
    assert pdu.received == bytes.fromhex(vector["hex"])


@pytest.mark.parametrize("vector", VECTORS)
def test_an_evolved_vector_encodes_as_the_standard_has_it(vector: dict[str, Any]) -> None:
    pdu = decode_pdu(bytes.fromhex(vector["hex"]))
    evolved = attrs.evolve(pdu)
    assert evolved.received is None
    assert evolved == pdu
    if vector["name"] not in DEVIATING:
        assert evolved.encode().hex() == vector["hex"]
    else:
        assert evolved.encode().hex() != vector["hex"]
        assert decode_pdu(evolved.encode()) == pdu


@pytest.mark.parametrize("capture", [pytest.param(capture, id=capture.name) for capture in captures()])
def test_captured_pdus_decode_to_their_annotation(capture: Any) -> None:
    for _, annotation, data in capture.turns():
        if annotation["pdu"] == "UNKNOWN":
            with pytest.raises(RemoteProtocolError, match="unrecognized PDU type 0x09") as caught:
                decode_pdu(data)
            assert (caught.value.source, caught.value.reason) == (2, 1)
        else:
            pdu = decode_pdu(data)
            check_fields(pdu, annotation)
            assert decode_pdu(attrs.evolve(pdu).encode()) == pdu


# -- by hand -------------------------------------------------------------------------------------------------------

EVERYTHING = wire("""
    01 7F 00 00 01 1C            # A-ASSOCIATE-RQ of 284 bytes, reserved octet set
    00 03 12 34                  # protocol versions 1 and 2, reserved
    "  STORESCP" 00 "junk" 20    # called AE title: leading spaces, ends at the NUL
    "ECHOSCU" FF "        "      # calling AE title with a byte beyond ASCII
    000102030405060708090A0B0C0D0E0F 101112131415161718191A1B1C1D1E1F
    10 00 00 16 "1.2.840.10008.3.1.1.1" 00   # application context, padded
    50 00 00 A2                              # user information of 162 bytes, before the contexts
       51 00 00 06 00 01 00 00 AB CD         # maximum length 65536 and two bytes too many
       52 00 00 04 "1.2" 20                  # implementation class, padded
       53 00 00 05 00 05 00 00 FF            # window: 5 invoked, performed without limit; a byte too many
       54 00 00 07 00 03 "1.3" 00 02         # roles: not SCU, SCP (2 means yes)
       55 00 00 06 "VERS 1"                  # implementation version
       56 00 00 07 00 03 "1.4" 01 00         # extended negotiation
       57 00 00 1A                           # common extended negotiation
          00 03 "1.5"                        # SOP class
          00 05 "1.4.2"                      # service class
          00 0A 00 03 "1.6" 00 03 "1.7"      # related general SOP classes, 10 bytes
          EE EE                              # of a later version: ignored
       58 00 00 0D 02 01                     # user identity: name and passcode, answer wanted
          00 05 "alice" 00 02 "pw"
       59 00 00 04 00 02 "ok"                # user identity answer, which has no place in a request
       6F 00 00 05 "hello"                   # unknown
       58 00 00 0D 01 00                     # another user identity, after DICOM's own
          00 05 "admin" 00 02 00 00
       51 00 00 04 00 00 80 00               # a second maximum length: the last counts
       53 00 00 04 00 02 00 03               # a second window
       55 00 00 02 "V2"
    20 00 00 0C                              # presentation context of 12 bytes
       01 00 FF 00                           # ID 1; an octet that is reserved in a request
       40 00 00 00                           # an empty transfer syntax
       77 00 00 00                           # unknown: skipped
    60 00 00 04 "xyz!"                       # unknown
""")


def test_every_field_of_a_request_is_where_the_standard_puts_it() -> None:
    pdu = decode_pdu(EVERYTHING)
    assert isinstance(pdu, AssociateRQ)
    assert pdu.protocol_version == 3
    assert pdu.called_ae_title == "STORESCP"
    assert pdu.calling_ae_title == "ECHOSCU\xff"
    assert pdu.reserved == bytes(range(32))
    assert pdu.application_context_name == "1.2.840.10008.3.1.1.1"
    assert pdu.presentation_context == (
        PresentationContextRQItem(context_id=1, abstract_syntax="", transfer_syntax=("",)),
    )
    assert pdu.unknown_items == (UnknownItem(0x60, b"xyz!"),)


def test_every_item_of_user_information_is_kept_in_its_order() -> None:
    pdu = decode_pdu(EVERYTHING)
    assert isinstance(pdu, AssociateRQ)
    assert pdu.user_information == (
        MaximumLengthItem(maximum_length=65536),
        ImplementationClassUIDItem(implementation_class_uid="1.2"),
        AsynchronousOperationsWindowItem(maximum_number_operations_invoked=5, maximum_number_operations_performed=0),
        RoleSelectionItem(sop_class_uid="1.3", scu_role=False, scp_role=True),
        ImplementationVersionNameItem(implementation_version_name="VERS 1"),
        SOPClassExtendedItem(sop_class_uid="1.4", service_class_application_information=b"\1\0"),
        SOPClassCommonExtendedItem(
            sop_class_uid="1.5", service_class_uid="1.4.2", related_general_sop_class_identification=("1.6", "1.7")
        ),
        UserIdentityRQItem(
            user_identity_type=2, primary_field=b"alice", secondary_field=b"pw", positive_response_requested=True
        ),
        UserIdentityACItem(server_response=b"ok"),
        UnknownItem(0x6F, b"hello"),
        UserIdentityRQItem(user_identity_type=1, primary_field=b"admin", secondary_field=b"\0\0"),
        MaximumLengthItem(maximum_length=32768),
        AsynchronousOperationsWindowItem(maximum_number_operations_invoked=2, maximum_number_operations_performed=3),
        ImplementationVersionNameItem(implementation_version_name="V2"),
    )


def test_sub_items_that_an_answered_context_should_not_have_are_skipped() -> None:
    answer = wire("""
        03 00 00 00                 # ID 3, accepted
        30 00 00 01 "1"             # an abstract syntax, which only requests have
        40 00 00 03 "1.2"           # transfer syntax
    """)
    assert PresentationContextACItem.decode(answer) == PresentationContextACItem(
        context_id=3, result=0, transfer_syntax="1.2"
    )


def test_a_request_answers_for_its_user_information() -> None:
    pdu = decode_pdu(EVERYTHING)
    assert isinstance(pdu, AssociateRQ)
    assert pdu.maximum_length == 32768
    assert pdu.implementation_class_uid == "1.2"
    assert pdu.implementation_version_name == "V2"
    assert pdu.asynchronous_operations == (2, 3)
    assert len(pdu.user_items(UserIdentityRQItem)) == 2


def test_a_request_without_user_information_has_the_defaults() -> None:
    pdu = AssociateRQ(called_ae_title="A", calling_ae_title="B", application_context_name=None)
    decoded = decode_pdu(pdu.encode())
    assert isinstance(decoded, AssociateRQ)
    assert decoded == pdu
    assert pdu.pdu_length == 68
    assert decoded.maximum_length is None
    assert decoded.implementation_class_uid is None
    assert decoded.implementation_version_name is None
    assert decoded.asynchronous_operations == (1, 1)
    assert decoded.application_context_name is None


def test_secrets_stay_out_of_the_representation() -> None:
    identity = UserIdentityRQItem(user_identity_type=2, primary_field=b"alice", secondary_field=b"s3cret")
    shown = repr((identity, UserIdentityACItem(server_response=b"ticket")))
    assert "alice" not in shown
    assert "s3cret" not in shown
    assert "ticket" not in shown


@pytest.mark.parametrize(
    ("data", "pdu"),
    [
        pytest.param(
            wire("03 FF 00 00 00 04  FF 02 03 01"), AssociateRJ(result=2, source=3, reason_diagnostic=1), id="rj"
        ),
        pytest.param(
            wire("03 00 00 00 00 05  00 09 08 07 00"),
            AssociateRJ(result=9, source=8, reason_diagnostic=7),
            id="rj-long",
        ),
        pytest.param(wire("05 00 00 00 00 00"), ReleaseRQ(), id="release-rq-without-body"),
        pytest.param(wire("05 00 00 00 00 08  00000000 00000000"), ReleaseRQ(), id="release-rq-of-8"),
        pytest.param(wire("06 01 00 00 00 04  01 02 03 04"), ReleaseRP(), id="release-rp-reserved"),
        pytest.param(wire("07 00 00 00 00 00"), Abort(source=2), id="abort-without-body"),
        pytest.param(wire("07 00 00 00 00 03  00 00 00"), Abort(source=2), id="abort-of-3"),
        pytest.param(wire("07 00 00 00 00 04  00 00 01 09"), Abort(source=1, reason_diagnostic=9), id="abort-reserved"),
        pytest.param(
            wire("04 00 00 00 00 0E  00 00 00 04 03 00 AA BB  00 00 00 02 05 03"),
            PDataTF(
                presentation_data_value_items=(
                    PresentationDataValue(3, 0, b"\xaa\xbb"),
                    PresentationDataValue(5, 3, b""),
                )
            ),
            id="p-data",
        ),
    ],
)
def test_deviating_and_small_pdus_are_understood(data: bytes, pdu: PDU) -> None:
    decoded = decode_pdu(data)
    assert decoded == pdu
    assert decoded.encode() == data


def test_the_same_fields_encode_to_the_bytes_of_the_standard() -> None:
    assert AssociateRJ(result=1, source=2, reason_diagnostic=2).encode().hex() == "03000000000400010202"
    assert ReleaseRQ().encode().hex() == "05000000000400000000"
    assert ReleaseRP().encode().hex() == "06000000000400000000"
    assert Abort(source=2, reason_diagnostic=5).encode().hex() == "07000000000400000205"


def test_reject_and_abort_codes_have_words() -> None:
    rejection = AssociateRJ(result=1, source=1, reason_diagnostic=3)
    assert (rejection.result_str, rejection.source_str, rejection.reason_str) == (
        "Rejected Permanent",
        "Service User",
        "Calling AE title not recognised",
    )
    strange = AssociateRJ(result=7, source=7, reason_diagnostic=7)
    assert {strange.result_str, strange.source_str, strange.reason_str} == {"(no value available)"}
    abort = Abort(source=2, reason_diagnostic=6)
    assert (abort.source_str, abort.reason_str) == ("DUL service-provider", "Invalid PDU parameter value")
    assert Abort(source=0, reason_diagnostic=6).reason_str == "No reason given"
    assert Abort(source=1).source_str == "(no value available)"
    assert Abort(source=2, reason_diagnostic=3).reason_str == "(no value available)"


@pytest.mark.parametrize(
    ("numbers", "permanent", "text"),
    [
        pytest.param((1, 1, 7), True, "called AE title not recognised", id="called-ae"),
        pytest.param((2, 2, 2), False, "protocol version not supported", id="version"),
        pytest.param((3, 1, 9), False, "result 3, source 1, reason 9", id="reserved"),
    ],
)
def test_a_rejection_explains_itself(numbers: tuple[int, int, int], permanent: bool, text: str) -> None:
    result, source, reason = numbers
    event = AssociateRejected(pdu=AssociateRJ(result=result, source=source, reason_diagnostic=reason))
    assert event.permanent is permanent
    assert (event.source, event.reason) == (source, reason)
    assert event.describe() == text


def test_pieces_of_data_compare_and_show_by_value() -> None:
    piece = DataReceived(1, True, True, memoryview(b"abcd"))
    assert piece == DataReceived(1, True, True, memoryview(b"abcd"))
    assert piece != DataReceived(1, True, False, memoryview(b"abcd"))
    assert piece != "abcd"
    assert repr(piece) == "DataReceived(context 1, command, 4 bytes, last)"
    assert repr(DataReceived(3, False, False, memoryview(b""))) == "DataReceived(context 3, data set, 0 bytes)"


def test_the_base_of_all_pdus_has_no_bytes() -> None:
    with pytest.raises(NotImplementedError):
        PDU().encode()


def test_both_errors_are_protocol_errors() -> None:
    assert issubclass(LocalProtocolError, ProtocolError)
    error = RemoteProtocolError("what")
    assert isinstance(error, ProtocolError)
    assert (str(error), error.source, error.reason) == ("what", 2, 6)


# -- what cannot be decoded ----------------------------------------------------------------------------------------


def associate(items: bytes, kind: int = 1) -> bytes:
    """An A-ASSOCIATE-RQ or -AC around ``items``."""
    fixed = ASSOCIATE_RQ[6:74]
    return bytes((kind, 0)) + (68 + len(items)).to_bytes(4, "big") + fixed + items


def user_information(items: str) -> bytes:
    body = wire(items)
    return associate(b"\x50\0" + len(body).to_bytes(2, "big") + body)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        pytest.param(b"", "0 bytes are too short for a PDU header", id="nothing"),
        pytest.param(wire("05 00 00 00 00"), "5 bytes are too short", id="header"),
        pytest.param(wire("05 00 00 00 00 05  00000000"), "says 5 bytes, but 4 follow", id="short"),
        pytest.param(wire("05 00 00 00 00 03  00000000"), "says 3 bytes, but 4 follow", id="long"),
        pytest.param(wire("00 00 00 00 00 00"), "unrecognized PDU type 0x00", id="type-0"),
        pytest.param(wire("03 00 00 00 00 03  00 01 01"), "A-ASSOCIATE-RJ of 3 bytes", id="rj"),
        pytest.param(
            wire("01 00 00 00 00 04  00010000"), "A-ASSOCIATE-RQ of 4 bytes, which needs at least 68", id="rq"
        ),
        pytest.param(
            wire("02 00 00 00 00 04  00010000"), "A-ASSOCIATE-AC of 4 bytes, which needs at least 68", id="ac"
        ),
        pytest.param(associate(wire("10 00 00")), "3 stray bytes at the end of the A-ASSOCIATE-RQ", id="stray"),
        pytest.param(
            associate(wire("10 00 00 05 00")), "item 0x10 of 5 bytes in the A-ASSOCIATE-RQ", id="item-too-long"
        ),
        pytest.param(associate(wire("20 00 00 03 01 00 00")), "presentation context item of 3 bytes", id="context-rq"),
        pytest.param(
            associate(wire("21 00 00 03 01 00 00"), 2), "presentation context item of 3 bytes", id="context-ac"
        ),
        pytest.param(
            associate(wire("20 00 00 08 01 00 00 00 30 00 00 01")),
            "in a presentation context item",
            id="syntax-too-long",
        ),
        pytest.param(user_information("51 00 00 03 00 00 00"), "maximum length item of 3 bytes", id="0x51"),
        pytest.param(user_information("53 00 00 03 00 00 00"), "window item of 3 bytes", id="0x53"),
        pytest.param(
            user_information("54 00 00 01 00"), "role selection item ends where a length is due", id="0x54-length"
        ),
        pytest.param(user_information("54 00 00 04 00 01 31 01"), "where the roles are due", id="0x54-roles"),
        pytest.param(user_information("56 00 00 03 00 02 31"), "a field of 2 bytes, but only 1 left", id="0x56"),
        pytest.param(user_information("57 00 00 07 00 01 31 00 01 31 00"), "ends where a length is due", id="0x57"),
        pytest.param(
            user_information("57 00 00 07 00 00 00 00 00 01 00"), "ends where a length is due", id="0x57-list"
        ),
        pytest.param(user_information("58 00 00 01 01"), "user identity item of 1 bytes", id="0x58"),
        pytest.param(user_information("58 00 00 05 01 00 00 01 61"), "ends where a length is due", id="0x58-secondary"),
        pytest.param(user_information("59 00 00 00"), "user identity response item ends", id="0x59"),
        pytest.param(wire("04 00 00 00 00 00"), "without any presentation data value", id="p-data-empty"),
        pytest.param(wire("04 00 00 00 00 05  00 00 00 02 01"), "5 bytes left", id="pdv-header"),
        pytest.param(wire("04 00 00 00 00 06  00 00 00 01 01 03"), "must be at least 2", id="pdv-short"),
        pytest.param(
            wire("04 00 00 00 00 06  00 00 00 03 01 03"), "PDV of 3 bytes in a P-DATA-TF that has 2 left", id="pdv-long"
        ),
    ],
)
def test_what_cannot_be_right_is_the_peers_mistake(data: bytes, message: str) -> None:
    with pytest.raises(RemoteProtocolError, match=message) as caught:
        decode_pdu(data)
    assert caught.value.source == 2
    assert caught.value.reason == (1 if "type" in message else 6)


def test_the_number_of_contexts_is_limited() -> None:
    context = wire("20 00 00 04 01 00 00 00")
    assert decode_pdu(associate(context * 128))
    with pytest.raises(RemoteProtocolError, match="more than 128 presentation contexts"):
        decode_pdu(associate(context * 129))
    with pytest.raises(RemoteProtocolError, match="A-ASSOCIATE-AC with more than 2 presentation contexts"):
        decode_pdu(associate(wire("21 00 00 04 01 00 00 00") * 3, 2), Limits(contexts=2))


def test_the_number_of_items_that_nobody_knows_is_limited() -> None:
    unknown, user = wire("EE 00 00 00"), wire("50 00 00 08  EE 00 00 00 EE 00 00 00")
    assert decode_pdu(associate(unknown * 2 + user), Limits(items=2))
    with pytest.raises(RemoteProtocolError, match="A-ASSOCIATE-RQ with more than 2 unknown items"):
        decode_pdu(associate(unknown * 3), Limits(items=2))
    with pytest.raises(RemoteProtocolError, match="user information with more than 1 sub-items"):
        decode_pdu(associate(user), Limits(items=1))


def test_the_number_of_transfer_syntaxes_is_limited() -> None:
    def proposing(count: int) -> bytes:
        body = wire("01 00 00 00") + wire("40 00 00 01 31") * count
        return associate(b"\x20\0" + len(body).to_bytes(2, "big") + body)

    assert decode_pdu(proposing(256))
    with pytest.raises(RemoteProtocolError, match="context 1 with 257 transfer syntaxes, more than 256"):
        decode_pdu(proposing(257))


# -- what cannot be encoded ----------------------------------------------------------------------------------------

LONG = "1" * 65536
CONTEXT = PresentationContextRQItem(context_id=1, abstract_syntax="1", transfer_syntax=("1" * 60000,))


@pytest.mark.parametrize(
    "encode",
    [
        pytest.param(UnknownItem(0x60, bytes(65536)).encode, id="unknown-body"),
        pytest.param(UnknownItem(256, b"").encode, id="unknown-kind"),
        pytest.param(MaximumLengthItem(maximum_length=1 << 32).encode, id="0x51"),
        pytest.param(ImplementationClassUIDItem(implementation_class_uid=LONG).encode, id="0x52"),
        pytest.param(
            AsynchronousOperationsWindowItem(
                maximum_number_operations_invoked=65536, maximum_number_operations_performed=1
            ).encode,
            id="0x53",
        ),
        pytest.param(RoleSelectionItem(sop_class_uid=LONG, scu_role=True, scp_role=True).encode, id="0x54-field"),
        pytest.param(RoleSelectionItem(sop_class_uid=LONG[1:], scu_role=True, scp_role=True).encode, id="0x54-item"),
        pytest.param(ImplementationVersionNameItem(implementation_version_name=LONG).encode, id="0x55"),
        pytest.param(
            SOPClassExtendedItem(sop_class_uid="1", service_class_application_information=bytes(65533)).encode,
            id="0x56",
        ),
        pytest.param(
            SOPClassCommonExtendedItem(
                sop_class_uid="1", service_class_uid="1", related_general_sop_class_identification=("1" * 40000,) * 2
            ).encode,
            id="0x57",
        ),
        pytest.param(UserIdentityRQItem(user_identity_type=1, primary_field=bytes(65536)).encode, id="0x58"),
        pytest.param(UserIdentityRQItem(user_identity_type=256, primary_field=b"").encode, id="0x58-type"),
        pytest.param(UserIdentityACItem(server_response=bytes(65534)).encode, id="0x59"),
        pytest.param(attrs.evolve(CONTEXT, transfer_syntax=("1" * 40000,) * 2).encode, id="0x20"),
        pytest.param(attrs.evolve(CONTEXT, context_id=256).encode, id="0x20-id"),
        pytest.param(PresentationContextACItem(context_id=1, result=0, transfer_syntax=LONG).encode, id="0x21"),
        pytest.param(PresentationContextACItem(context_id=1, result=256).encode, id="0x21-result"),
        pytest.param(
            AssociateRQ(
                called_ae_title="", calling_ae_title="", user_information=(UnknownItem(1, bytes(40000)),) * 2
            ).encode,
            id="0x50",
        ),
        pytest.param(
            AssociateRQ(called_ae_title="", calling_ae_title="", application_context_name=LONG).encode, id="0x10"
        ),
        pytest.param(AssociateRQ(called_ae_title="", calling_ae_title="", protocol_version=65536).encode, id="version"),
        pytest.param(AssociateRJ(result=256, source=1, reason_diagnostic=1).encode, id="rj"),
        pytest.param(Abort(source=-1).encode, id="abort"),
        pytest.param(PDataTF(presentation_data_value_items=(PresentationDataValue(256, 0, b""),)).encode, id="pdv"),
        pytest.param(lambda: AssociateRQ(called_ae_title="A" * 17, calling_ae_title=""), id="title-too-long"),
        pytest.param(lambda: AssociateRQ(called_ae_title="Ä", calling_ae_title=""), id="title-not-ascii"),
    ],
)
def test_what_does_not_fit_in_its_field_is_a_value_error(encode: Callable[[], object]) -> None:
    with pytest.raises(ValueError, match=r"."):
        encode()


def test_many_contexts_may_be_longer_than_an_item() -> None:
    pdu = AssociateRQ(called_ae_title="A", calling_ae_title="B", presentation_context=(CONTEXT,) * 3)
    assert pdu.pdu_length > 3 * 60000
    assert decode_pdu(pdu.encode()) == pdu


# -- properties ----------------------------------------------------------------------------------------------------

octet = st.integers(0, 255)
u16 = st.integers(0, 0xFFFF)
small = st.binary(max_size=40)
# Text as it can come back: latin-1, without padding at its end.
text = st.text(st.characters(max_codepoint=255), max_size=70).map(stripped)
dotted = st.lists(st.integers(0, 99999).map(str), min_size=1, max_size=9).map(".".join)
uid = dotted | text

user_item: st.SearchStrategy[UserItem] = st.one_of(
    st.builds(MaximumLengthItem, maximum_length=st.integers(0, 0xFFFFFFFF)),
    st.builds(ImplementationClassUIDItem, implementation_class_uid=uid),
    st.builds(ImplementationVersionNameItem, implementation_version_name=text),
    st.builds(
        AsynchronousOperationsWindowItem,
        maximum_number_operations_invoked=u16,
        maximum_number_operations_performed=u16,
    ),
    st.builds(RoleSelectionItem, sop_class_uid=uid, scu_role=st.booleans(), scp_role=st.booleans()),
    st.builds(SOPClassExtendedItem, sop_class_uid=uid, service_class_application_information=small),
    st.builds(
        SOPClassCommonExtendedItem,
        sop_class_uid=uid,
        service_class_uid=uid,
        related_general_sop_class_identification=st.lists(uid, max_size=4).map(tuple),
    ),
    st.builds(
        UserIdentityRQItem,
        user_identity_type=octet,
        primary_field=small,
        secondary_field=small,
        positive_response_requested=st.booleans(),
    ),
    st.builds(UserIdentityACItem, server_response=small),
    st.builds(UnknownItem, octet.filter(lambda kind: not 0x51 <= kind <= 0x59), small),
)
context_rq = st.builds(
    PresentationContextRQItem,
    context_id=octet,
    abstract_syntax=uid,
    transfer_syntax=st.lists(uid, max_size=12).map(tuple),
)
context_ac = st.builds(PresentationContextACItem, context_id=octet, result=octet, transfer_syntax=st.none() | uid)
title = st.binary(min_size=16, max_size=16) | st.text(
    st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=16
)


def shared(context_item: int) -> dict[str, Any]:
    return {
        "called_ae_title": title,
        "calling_ae_title": title,
        "reserved": st.binary(min_size=32, max_size=32),
        "protocol_version": u16,
        "application_context_name": st.none() | uid,
        "user_information": st.lists(user_item, max_size=6).map(tuple),
        "unknown_items": st.lists(
            st.builds(UnknownItem, octet.filter(lambda kind: kind not in (0x10, context_item, 0x50)), small), max_size=3
        ).map(tuple),
    }


value = st.builds(PresentationDataValue, octet, octet, small)
any_pdu: st.SearchStrategy[AnyPDU] = st.one_of(
    st.builds(AssociateRQ, presentation_context=st.lists(context_rq, max_size=4).map(tuple), **shared(0x20)),
    st.builds(AssociateAC, presentation_context=st.lists(context_ac, max_size=4).map(tuple), **shared(0x21)),
    st.builds(AssociateRJ, result=octet, source=octet, reason_diagnostic=octet),
    st.builds(PDataTF, presentation_data_value_items=st.lists(value, min_size=1, max_size=5).map(tuple)),
    st.just(ReleaseRQ()),
    st.just(ReleaseRP()),
    st.builds(Abort, source=octet, reason_diagnostic=octet),
)


@given(pdu=any_pdu)
def test_decoding_an_encoded_pdu_gives_it_back(pdu: AnyPDU) -> None:
    data = pdu.encode()
    assert len(data) == 6 + pdu.pdu_length
    decoded = decode_pdu(data)
    assert decoded == pdu
    assert attrs.evolve(decoded).encode() == data


@given(item=user_item)
def test_decoding_an_encoded_sub_item_gives_it_back(item: UserItem) -> None:
    assert decode_user_information(item.encode()) == (item,)


@given(item=context_rq)
def test_decoding_an_encoded_proposed_context_gives_it_back(item: PresentationContextRQItem) -> None:
    data = item.encode()
    assert data[0] == 0x20
    assert PresentationContextRQItem.decode(data[4:]) == item


@given(item=context_ac)
def test_decoding_an_encoded_context_answer_gives_it_back(item: PresentationContextACItem) -> None:
    data = item.encode()
    assert data[0] == 0x21
    assert PresentationContextACItem.decode(data[4:]) == item


def framed(kind: int, body: bytes) -> bytes:
    return bytes((kind, 0)) + len(body).to_bytes(4, "big") + body


def with_user_item(kind: int, body: bytes) -> bytes:
    item = bytes((kind, 0)) + len(body).to_bytes(2, "big") + body
    return associate(b"\x50\0" + len(item).to_bytes(2, "big") + item)


@given(
    data=st.one_of(
        st.binary(max_size=300),
        st.builds(framed, st.integers(0, 8), st.binary(max_size=300)),
        st.builds(associate, st.binary(max_size=200), st.sampled_from((1, 2))),
        st.builds(
            with_user_item,
            st.integers(0x51, 0x59),
            small,
        ),
    )
)
@example(data=ASSOCIATE_AC)
def test_arbitrary_bytes_are_a_pdu_or_the_peers_mistake(data: bytes) -> None:
    try:
        pdu = decode_pdu(data)
    except RemoteProtocolError:
        return
    assert pdu.encode() == data
    assert decode_pdu(attrs.evolve(pdu).encode()) == pdu


def test_a_value_is_shown_as_attrs_would_show_it() -> None:
    context = PresentationContextACItem(context_id=1, result=0, transfer_syntax="1.2")
    assert repr(context) == "PresentationContextACItem(context_id=1, result=0, transfer_syntax='1.2')"
    assert repr(ReleaseRQ()) == "ReleaseRQ()"
    # What is secret, or of no interest, is left out.
    assert (
        repr(Aborted(pdu=Abort(source=2, reason_diagnostic=1))) == "Aborted(pdu=Abort(source=2, reason_diagnostic=1))"
    )
    assert repr(ConnectionEvent()) == "ConnectionEvent()"
