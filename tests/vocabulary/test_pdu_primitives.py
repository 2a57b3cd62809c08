import copy
from typing import Any

import pytest
from pydicom.uid import UID

from dicomwire.pdu_primitives import (
    A_ABORT,
    A_ASSOCIATE,
    A_P_ABORT,
    A_RELEASE,
    P_DATA,
    AsynchronousOperationsWindowNegotiation,
    ImplementationClassUIDNotification,
    ImplementationVersionNameNotification,
    MaximumLengthNotification,
    NegotiationItem,
    SCP_SCU_RoleSelectionNegotiation,
    SOPClassCommonExtendedNegotiation,
    SOPClassExtendedNegotiation,
    UserIdentityNegotiation,
)

CT = "1.2.840.10008.5.1.4.1.1.2"
STORAGE = "1.2.840.10008.4.2"
NOTHING = "(no value available)"


def filled(kind: type[NegotiationItem], **values: Any) -> NegotiationItem:
    item = kind()
    for name, value in values.items():
        setattr(item, name, value)
    return item


DEFAULTS: list[tuple[type[NegotiationItem], dict[str, Any]]] = [
    (MaximumLengthNotification, {"maximum_length_received": 16382}),
    (ImplementationClassUIDNotification, {"implementation_class_uid": None}),
    (ImplementationVersionNameNotification, {"implementation_version_name": None}),
    (
        AsynchronousOperationsWindowNegotiation,
        {"maximum_number_operations_invoked": 1, "maximum_number_operations_performed": 1},
    ),
    (SCP_SCU_RoleSelectionNegotiation, {"sop_class_uid": None, "scu_role": None, "scp_role": None}),
    (SOPClassExtendedNegotiation, {"sop_class_uid": None, "service_class_application_information": None}),
    (
        SOPClassCommonExtendedNegotiation,
        {"sop_class_uid": None, "service_class_uid": None, "related_general_sop_class_identification": []},
    ),
    (
        UserIdentityNegotiation,
        {
            "user_identity_type": None,
            "primary_field": None,
            "secondary_field": b"",
            "positive_response_requested": False,
            "server_response": None,
        },
    ),
]


@pytest.mark.parametrize(("kind", "defaults"), DEFAULTS)
def test_an_item_is_made_without_arguments(kind: type[NegotiationItem], defaults: dict[str, Any]) -> None:
    assert {name: getattr(kind(), name) for name in defaults} == defaults


VALID: list[tuple[type[NegotiationItem], str, Any]] = [
    (MaximumLengthNotification, "maximum_length_received", 0),
    (MaximumLengthNotification, "maximum_length_received", 0xFFFFFFFF),
    (ImplementationClassUIDNotification, "implementation_class_uid", CT),
    (ImplementationVersionNameNotification, "implementation_version_name", "X"),
    (ImplementationVersionNameNotification, "implementation_version_name", " "),
    (ImplementationVersionNameNotification, "implementation_version_name", "sixteen charactr"),
    (ImplementationVersionNameNotification, "implementation_version_name", None),
    (AsynchronousOperationsWindowNegotiation, "maximum_number_operations_invoked", 0),
    (AsynchronousOperationsWindowNegotiation, "maximum_number_operations_performed", 65535),
    (SCP_SCU_RoleSelectionNegotiation, "scu_role", True),
    (SCP_SCU_RoleSelectionNegotiation, "scp_role", False),
    (SCP_SCU_RoleSelectionNegotiation, "scp_role", None),
    (SOPClassExtendedNegotiation, "service_class_application_information", b""),
    (SOPClassCommonExtendedNegotiation, "service_class_uid", STORAGE),
    (SOPClassCommonExtendedNegotiation, "related_general_sop_class_identification", [CT]),
    (UserIdentityNegotiation, "user_identity_type", 1),
    (UserIdentityNegotiation, "user_identity_type", 5),
    (UserIdentityNegotiation, "user_identity_type", None),
    (UserIdentityNegotiation, "primary_field", b"name"),
    (UserIdentityNegotiation, "secondary_field", None),
    (UserIdentityNegotiation, "positive_response_requested", True),
    (UserIdentityNegotiation, "server_response", b"ticket"),
]


@pytest.mark.parametrize(("kind", "name", "value"), VALID)
def test_a_valid_value_is_kept(kind: type[NegotiationItem], name: str, value: Any) -> None:
    assert getattr(filled(kind, **{name: value}), name) == value


INVALID: list[tuple[type[NegotiationItem], str, Any, type[Exception]]] = [
    (MaximumLengthNotification, "maximum_length_received", -1, ValueError),
    (MaximumLengthNotification, "maximum_length_received", 2**32, ValueError),
    (MaximumLengthNotification, "maximum_length_received", "1", TypeError),
    (MaximumLengthNotification, "maximum_length_received", None, TypeError),
    (MaximumLengthNotification, "maximum_length_received", 1.0, TypeError),
    (ImplementationClassUIDNotification, "implementation_class_uid", 5, TypeError),
    (ImplementationClassUIDNotification, "implementation_class_uid", "1" * 65, ValueError),
    (ImplementationVersionNameNotification, "implementation_version_name", "", ValueError),
    (ImplementationVersionNameNotification, "implementation_version_name", "seventeen charact", ValueError),
    (ImplementationVersionNameNotification, "implementation_version_name", "é", ValueError),
    (ImplementationVersionNameNotification, "implementation_version_name", b"X", TypeError),
    (AsynchronousOperationsWindowNegotiation, "maximum_number_operations_invoked", -1, ValueError),
    (AsynchronousOperationsWindowNegotiation, "maximum_number_operations_invoked", 65536, ValueError),
    (AsynchronousOperationsWindowNegotiation, "maximum_number_operations_performed", "1", TypeError),
    (AsynchronousOperationsWindowNegotiation, "maximum_number_operations_performed", 65536, ValueError),
    (SCP_SCU_RoleSelectionNegotiation, "sop_class_uid", 5, TypeError),
    (SCP_SCU_RoleSelectionNegotiation, "scu_role", 1, TypeError),
    (SCP_SCU_RoleSelectionNegotiation, "scp_role", "True", TypeError),
    (SOPClassExtendedNegotiation, "service_class_application_information", "text", TypeError),
    (SOPClassCommonExtendedNegotiation, "related_general_sop_class_identification", CT, TypeError),
    (SOPClassCommonExtendedNegotiation, "related_general_sop_class_identification", (CT,), TypeError),
    (SOPClassCommonExtendedNegotiation, "related_general_sop_class_identification", [5], TypeError),
    (SOPClassCommonExtendedNegotiation, "related_general_sop_class_identification", [""], ValueError),
    (UserIdentityNegotiation, "user_identity_type", 0, ValueError),
    (UserIdentityNegotiation, "user_identity_type", 6, ValueError),
    (UserIdentityNegotiation, "user_identity_type", "1", TypeError),
    (UserIdentityNegotiation, "primary_field", "name", TypeError),
    (UserIdentityNegotiation, "secondary_field", "password", TypeError),
    (UserIdentityNegotiation, "positive_response_requested", 1, TypeError),
    (UserIdentityNegotiation, "positive_response_requested", None, TypeError),
    (UserIdentityNegotiation, "server_response", "ticket", TypeError),
]


@pytest.mark.parametrize(("kind", "name", "value", "error"), INVALID)
def test_an_invalid_value_is_refused_when_set(
    kind: type[NegotiationItem], name: str, value: Any, error: type[Exception]
) -> None:
    item = kind()
    before = getattr(item, name)
    with pytest.raises(error, match=name):
        setattr(item, name, value)
    assert getattr(item, name) == before


@pytest.mark.parametrize("value", [CT, CT.encode(), CT.encode() + b"\0", UID(CT)])
def test_a_uid_is_set_from_text_or_bytes(value: Any) -> None:
    item = SCP_SCU_RoleSelectionNegotiation()
    item.sop_class_uid = value
    assert item.sop_class_uid == CT
    assert isinstance(item.sop_class_uid, UID)


COMPLETE: list[tuple[type[NegotiationItem], dict[str, Any]]] = [
    (MaximumLengthNotification, {}),
    (ImplementationClassUIDNotification, {"implementation_class_uid": CT}),
    (ImplementationVersionNameNotification, {"implementation_version_name": "X"}),
    (AsynchronousOperationsWindowNegotiation, {}),
    (SCP_SCU_RoleSelectionNegotiation, {"sop_class_uid": CT, "scu_role": True}),
    (SCP_SCU_RoleSelectionNegotiation, {"sop_class_uid": CT, "scu_role": False, "scp_role": True}),
    (SOPClassExtendedNegotiation, {"sop_class_uid": CT, "service_class_application_information": b""}),
    (SOPClassCommonExtendedNegotiation, {"sop_class_uid": CT, "service_class_uid": STORAGE}),
    (UserIdentityNegotiation, {"user_identity_type": 1, "primary_field": b"name"}),
    (UserIdentityNegotiation, {"user_identity_type": 2, "primary_field": b"name", "secondary_field": b"password"}),
    (UserIdentityNegotiation, {"user_identity_type": 5, "primary_field": b"token", "secondary_field": None}),
]


@pytest.mark.parametrize(("kind", "values"), COMPLETE)
def test_a_complete_item_can_be_sent(kind: type[NegotiationItem], values: dict[str, Any]) -> None:
    filled(kind, **values).check_complete()


INCOMPLETE: list[tuple[type[NegotiationItem], dict[str, Any]]] = [
    (ImplementationClassUIDNotification, {}),
    (ImplementationVersionNameNotification, {}),
    (SCP_SCU_RoleSelectionNegotiation, {"scu_role": True}),
    (SCP_SCU_RoleSelectionNegotiation, {"sop_class_uid": CT}),
    (SCP_SCU_RoleSelectionNegotiation, {"sop_class_uid": CT, "scu_role": False, "scp_role": False}),
    (SOPClassExtendedNegotiation, {"sop_class_uid": CT}),
    (SOPClassExtendedNegotiation, {"service_class_application_information": b"\1"}),
    (SOPClassCommonExtendedNegotiation, {"sop_class_uid": CT}),
    (SOPClassCommonExtendedNegotiation, {"service_class_uid": STORAGE}),
    (UserIdentityNegotiation, {"primary_field": b"name"}),
    (UserIdentityNegotiation, {"user_identity_type": 1}),
    (UserIdentityNegotiation, {"user_identity_type": 2, "primary_field": b"name"}),
    (UserIdentityNegotiation, {"user_identity_type": 2, "primary_field": b"name", "secondary_field": None}),
]


@pytest.mark.parametrize(("kind", "values"), INCOMPLETE)
def test_an_incomplete_item_cannot_be_sent(kind: type[NegotiationItem], values: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=kind.__name__):
        filled(kind, **values).check_complete()


def test_what_was_appended_to_a_list_of_uids_is_checked_before_it_is_sent() -> None:
    item = SOPClassCommonExtendedNegotiation()
    item.sop_class_uid, item.service_class_uid = CT, STORAGE
    item.related_general_sop_class_identification.append("1" * 65)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="related_general"):
        item.check_complete()


@pytest.mark.parametrize(("kind", "name", "value"), [row for row in VALID if row[2]])
def test_items_are_equal_by_value(kind: type[NegotiationItem], name: str, value: Any) -> None:
    assert filled(kind, **{name: value}) == filled(kind, **{name: value})
    assert filled(kind, **{name: value}) == copy.deepcopy(filled(kind, **{name: value}))
    assert filled(kind, **{name: value}) != kind()


def test_items_of_different_kinds_are_not_equal() -> None:
    assert SCP_SCU_RoleSelectionNegotiation() != SOPClassExtendedNegotiation()


def test_items_do_not_share_their_list() -> None:
    SOPClassCommonExtendedNegotiation().related_general_sop_class_identification.append(UID(CT))
    assert SOPClassCommonExtendedNegotiation().related_general_sop_class_identification == []


def test_an_item_shows_its_values() -> None:
    item = filled(SCP_SCU_RoleSelectionNegotiation, sop_class_uid="1.2.3", scu_role=True)
    assert repr(item) == "SCP_SCU_RoleSelectionNegotiation(sop_class_uid='1.2.3', scu_role=True, scp_role=None)"


def test_an_item_never_shows_who_the_user_is() -> None:
    secrets = {"primary_field": b"alice", "secondary_field": b"secret", "server_response": b"ticket"}
    item = filled(UserIdentityNegotiation, user_identity_type=2, **secrets)
    for shown in (repr(item), str(item), repr(A_ASSOCIATE(user_information=[item]))):
        assert "user_identity_type=2" in shown
        assert not any(secret.decode() in shown for secret in secrets.values())


def test_a_new_association_primitive_is_empty() -> None:
    primitive = A_ASSOCIATE()
    for name in (
        "application_context_name",
        "calling_ae_title",
        "called_ae_title",
        "result",
        "result_source",
        "diagnostic",
        "maximum_length_received",
        "implementation_class_uid",
        "calling_presentation_address",
        "called_presentation_address",
    ):
        assert getattr(primitive, name) is None
    assert primitive.user_information == []
    assert primitive.presentation_context_definition_list == []
    assert primitive.presentation_context_definition_results_list == []


def test_an_association_primitive_reads_and_sets_its_items() -> None:
    primitive = A_ASSOCIATE()
    primitive.maximum_length_received = 0
    primitive.maximum_length_received = 4096
    primitive.implementation_class_uid = "1.2.3"
    assert primitive.user_information == [
        filled(MaximumLengthNotification, maximum_length_received=4096),
        filled(ImplementationClassUIDNotification, implementation_class_uid="1.2.3"),
    ]
    assert primitive.maximum_length_received == 4096
    assert primitive.implementation_class_uid == "1.2.3"


@pytest.mark.parametrize(
    ("result", "text"),
    [(None, NOTHING), (0, "Accepted"), (1, "Rejected Permanent"), (2, "Rejected Transient"), (3, NOTHING)],
)
def test_a_result_has_words(result: int | None, text: str) -> None:
    assert A_ASSOCIATE(result=result).result_str == text


@pytest.mark.parametrize(
    ("source", "text"),
    [
        (None, NOTHING),
        (1, "Service User"),
        (2, "Service Provider (ACSE)"),
        (3, "Service Provider (Presentation)"),
        (0, NOTHING),
        (255, NOTHING),
    ],
)
def test_a_source_has_words(source: int | None, text: str) -> None:
    assert A_ASSOCIATE(result_source=source).source_str == text


@pytest.mark.parametrize(
    ("source", "diagnostic", "text"),
    [
        (1, 1, "No reason given"),
        (1, 2, "Application context name not supported"),
        (1, 3, "Calling AE title not recognised"),
        (1, 7, "Called AE title not recognised"),
        (2, 1, "No reason given"),
        (2, 2, "Protocol version not supported"),
        (3, 1, "Temporary congestion"),
        (3, 2, "Local limit exceeded"),
        (1, 4, NOTHING),
        (3, 0, NOTHING),
        (9, 1, NOTHING),
        (None, 1, NOTHING),
        (1, None, NOTHING),
    ],
)
def test_a_reason_has_words(source: int | None, diagnostic: int | None, text: str) -> None:
    assert A_ASSOCIATE(result_source=source, diagnostic=diagnostic).reason_str == text


def test_the_other_primitives_are_values() -> None:
    assert A_RELEASE().result is None
    assert A_RELEASE(result="affirmative") == A_RELEASE(result="affirmative")
    assert A_ABORT().abort_source is None
    assert A_P_ABORT().provider_reason is None
    assert P_DATA().presentation_data_value_list == []
    assert P_DATA([(1, b"\3data")]) == P_DATA([(1, b"\3data")])


@pytest.mark.parametrize(
    ("source", "text"), [(0, "Service User"), (2, "Service Provider"), (1, NOTHING), (None, NOTHING)]
)
def test_the_source_of_an_abort_has_words(source: int | None, text: str) -> None:
    assert A_ABORT(source).source_str == text


@pytest.mark.parametrize(
    ("reason", "text"),
    [
        (0, "No reason given"),
        (1, "Unrecognised PDU"),
        (2, "Unexpected PDU"),
        (3, NOTHING),
        (4, "Unrecognised PDU parameter"),
        (5, "Unexpected PDU parameter"),
        (6, "Invalid PDU parameter value"),
        (None, NOTHING),
    ],
)
def test_the_reason_of_a_provider_abort_has_words(reason: int | None, text: str) -> None:
    assert A_P_ABORT(reason).reason_str == text
