from enum import IntEnum
from io import BytesIO
from typing import Any

import pytest
from pydicom.tag import BaseTag, Tag
from pydicom.uid import UID

from dicomwire import dimse_primitives as primitives
from dicomwire.dimse.command import Command
from dicomwire.dimse.messages import C_CANCEL_RQ, MESSAGES, RESPONSE, DataSetRule
from dicomwire.dimse_primitives import Primitive, from_command, to_command

VERIFICATION = "1.2.840.10008.1.1"
CT = "1.2.840.10008.5.1.4.1.1.2"
TOO_LONG = "1." + "2" * 63

# Typed from the contract and from PS3.7 tables 9.1 and 10.1: what a program may find on each primitive.
ATTRIBUTES = {
    "C_ECHO": "MessageID MessageIDBeingRespondedTo AffectedSOPClassUID Status ErrorComment",
    "C_STORE": "MessageID MessageIDBeingRespondedTo AffectedSOPClassUID AffectedSOPInstanceUID Priority"
    " MoveOriginatorApplicationEntityTitle MoveOriginatorMessageID DataSet Status OffendingElement ErrorComment",
    "C_FIND": "MessageID MessageIDBeingRespondedTo AffectedSOPClassUID Priority Identifier Status OffendingElement"
    " ErrorComment",
    "C_GET": "MessageID MessageIDBeingRespondedTo AffectedSOPClassUID Priority Identifier Status OffendingElement"
    " ErrorComment NumberOfRemainingSuboperations NumberOfCompletedSuboperations NumberOfFailedSuboperations"
    " NumberOfWarningSuboperations",
    "C_MOVE": "MessageID MessageIDBeingRespondedTo AffectedSOPClassUID Priority MoveDestination Identifier Status"
    " OffendingElement ErrorComment NumberOfRemainingSuboperations NumberOfCompletedSuboperations"
    " NumberOfFailedSuboperations NumberOfWarningSuboperations",
    "C_CANCEL": "MessageIDBeingRespondedTo",
    "N_EVENT_REPORT": "MessageID MessageIDBeingRespondedTo AffectedSOPClassUID AffectedSOPInstanceUID EventTypeID"
    " EventInformation EventReply Status ErrorComment ErrorID",
    "N_GET": "MessageID MessageIDBeingRespondedTo RequestedSOPClassUID RequestedSOPInstanceUID AffectedSOPClassUID"
    " AffectedSOPInstanceUID AttributeIdentifierList AttributeList Status ErrorComment ErrorID",
    "N_SET": "MessageID MessageIDBeingRespondedTo RequestedSOPClassUID RequestedSOPInstanceUID AffectedSOPClassUID"
    " AffectedSOPInstanceUID ModificationList AttributeList AttributeIdentifierList Status ErrorComment ErrorID",
    "N_ACTION": "MessageID MessageIDBeingRespondedTo RequestedSOPClassUID RequestedSOPInstanceUID AffectedSOPClassUID"
    " AffectedSOPInstanceUID ActionTypeID ActionInformation ActionReply Status ErrorComment ErrorID",
    "N_CREATE": "MessageID MessageIDBeingRespondedTo AffectedSOPClassUID AffectedSOPInstanceUID AttributeList"
    " AttributeIdentifierList Status ErrorComment ErrorID",
    "N_DELETE": "MessageID MessageIDBeingRespondedTo RequestedSOPClassUID RequestedSOPInstanceUID AffectedSOPClassUID"
    " AffectedSOPInstanceUID Status ErrorComment ErrorID",
}

VALUES: dict[str, Any] = {
    "message_id": 7,
    "message_id_being_responded_to": 7,
    "affected_sop_class_uid": CT,
    "requested_sop_class_uid": CT,
    "affected_sop_instance_uid": "1.2.3",
    "requested_sop_instance_uid": "1.2.3",
    "priority": 1,
    "status": 0xFF00,
    "offending_element": (0x00100010, 0x00100020),
    "error_comment": "no",
    "error_id": 3,
    "event_type_id": 1,
    "action_type_id": 2,
    "attribute_identifier_list": (0x00100010,),
    "move_destination": "DEST",
    "move_originator_application_entity_title": "ORIGIN",
    "move_originator_message_id": 9,
    "number_of_remaining_suboperations": 1,
    "number_of_completed_suboperations": 2,
    "number_of_failed_suboperations": 3,
    "number_of_warning_suboperations": 4,
}


def make(name: str, **values: Any) -> Primitive:
    kind: type[Primitive] = getattr(primitives, name)
    primitive = kind()
    for keyword, value in values.items():
        setattr(primitive, keyword, value)
    return primitive


def full(command_field: int) -> tuple[Command, bytes | None]:
    """A message with everything it may have."""
    kind = MESSAGES[command_field]
    values = {field: VALUES[field] for field in (*kind.required, *kind.optional)}
    data = None if kind.data_set is DataSetRule.NEVER else b"\x08\0\x05\0"
    type_ = 0x0101 if data is None else 0x0001
    return Command(command_field=command_field, command_data_set_type=type_, **values), data


@pytest.mark.parametrize("name", ATTRIBUTES)
def test_a_new_primitive_has_its_attributes_and_none_is_set(name: str) -> None:
    primitive = make(name)
    assert primitive.msg_type == name.replace("_", "-")
    assert {keyword for keyword in vars(type(primitive)) if keyword[0].isupper()} == {*ATTRIBUTES[name].split()}
    assert all(getattr(primitive, keyword) is None for keyword in ATTRIBUTES[name].split())
    assert not primitive.is_valid_request
    assert not primitive.is_valid_response
    assert repr(primitive) == f"{name}()"


def test_a_primitive_has_no_other_attributes() -> None:
    with pytest.raises(AttributeError):
        _ = make("C_ECHO").Priority


@pytest.mark.parametrize("keyword", ["MessageID", "MessageIDBeingRespondedTo", "Status", "MoveOriginatorMessageID"])
@pytest.mark.parametrize("value", [0, 65535, None])
def test_an_id_is_a_number_of_16_bits(keyword: str, value: int | None) -> None:
    assert getattr(make("C_STORE", **{keyword: value}), keyword) == value


@pytest.mark.parametrize("keyword", ["MessageID", "MessageIDBeingRespondedTo", "Status", "MoveOriginatorMessageID"])
@pytest.mark.parametrize(
    ("value", "error"), [(-1, ValueError), (65536, ValueError), ("1", TypeError), (1.0, TypeError)]
)
def test_another_id_is_refused(keyword: str, value: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match=keyword):
        make("C_STORE", **{keyword: value})


def test_a_status_of_an_enum_is_a_plain_number() -> None:
    class Status(IntEnum):
        CANCEL = 0xFE00

    assert type(make("C_FIND", Status=Status.CANCEL).Status) is int


def test_a_refused_value_leaves_the_one_before() -> None:
    primitive = make("C_ECHO", MessageID=3)
    with pytest.raises(ValueError, match="MessageID"):
        primitive.MessageID = -1
    assert primitive.MessageID == 3


@pytest.mark.parametrize("value", [0, 1, 2, None])
def test_a_priority_is_one_of_three(value: int | None) -> None:
    assert make("C_MOVE", Priority=value).Priority == value


@pytest.mark.parametrize(("value", "error"), [(3, ValueError), (-1, ValueError), ("LOW", TypeError)])
def test_another_priority_is_refused(value: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match="Priority"):
        make("C_MOVE", Priority=value)


@pytest.mark.parametrize("value", [CT, CT.encode(), UID(CT)])
def test_a_uid_becomes_a_uid(value: Any) -> None:
    uid = make("C_STORE", AffectedSOPClassUID=value).AffectedSOPClassUID
    assert uid == CT
    assert isinstance(uid, UID)


@pytest.mark.parametrize(("value", "error"), [(TOO_LONG, ValueError), ("", ValueError), (1.2, TypeError)])
def test_what_is_no_uid_is_refused(value: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match="RequestedSOPInstanceUID"):
        make("N_SET", RequestedSOPInstanceUID=value)


def test_a_title_is_kept_as_given() -> None:
    assert make("C_MOVE", MoveDestination="DEST ").MoveDestination == "DEST "


@pytest.mark.parametrize(
    ("value", "error"),
    [("", ValueError), ("  ", ValueError), ("A" * 17, ValueError), ("A\\B", ValueError), (1, TypeError)],
)
def test_what_is_no_title_is_refused(value: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match="MoveDestination"):
        make("C_MOVE", MoveDestination=value)
    with pytest.raises(error, match="MoveOriginatorApplicationEntityTitle"):
        make("C_STORE", MoveOriginatorApplicationEntityTitle=value)


@pytest.mark.parametrize(
    "value", [[0x00100010], [(0x0010, 0x0010)], [Tag(0x00100010)], 0x00100010, Tag(0x00100010), ["PatientName"]]
)
def test_tags_become_a_list_of_tags(value: Any) -> None:
    tags = make("N_GET", AttributeIdentifierList=value).AttributeIdentifierList
    assert tags == [0x00100010]
    assert isinstance(tags[0], BaseTag)


@pytest.mark.parametrize(
    ("value", "error"), [(["nonsense"], ValueError), ([None], ValueError), ([-1], ValueError), ((1, 2), TypeError)]
)
def test_what_are_no_tags_is_refused(value: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match="AttributeIdentifierList"):
        make("N_GET", AttributeIdentifierList=value)


def test_an_error_comment_is_text() -> None:
    assert make("C_ECHO", ErrorComment="why").ErrorComment == "why"
    with pytest.raises(TypeError, match="ErrorComment"):
        make("C_ECHO", ErrorComment=1)


def test_a_data_set_is_a_file_in_memory() -> None:
    data = BytesIO(b"data")
    assert make("C_STORE", DataSet=data).DataSet is data
    assert make("C_STORE", DataSet=None).DataSet is None
    with pytest.raises(TypeError, match="DataSet"):
        make("C_STORE", DataSet=b"data")


def test_equal_primitives_have_equal_values() -> None:
    one, two = (make("C_FIND", MessageID=1, Identifier=BytesIO(b"ab")) for _ in range(2))
    assert one == two
    two.Identifier = BytesIO(b"cd")
    assert one != two
    assert make("C_GET") != make("C_MOVE")
    assert make("C_GET") != "C-GET"


def test_the_repr_of_a_primitive_does_not_show_its_data_set() -> None:
    primitive = make("C_FIND", MessageID=1, AffectedSOPClassUID=CT, Identifier=BytesIO(b"secret"))
    assert repr(primitive) == f"C_FIND(AffectedSOPClassUID='{CT}', MessageID=1, Identifier=<6 bytes>)"


@pytest.mark.parametrize("command_field", MESSAGES, ids=[kind.name for kind in MESSAGES.values()])
def test_a_message_survives_as_a_primitive(command_field: int) -> None:
    command, data = full(command_field)
    primitive = from_command(command, data)
    assert type(primitive).__name__ == MESSAGES[command_field].name.rsplit("-", 1)[0].replace("-", "_")
    assert to_command(primitive) == (command, data)
    is_request = command_field < RESPONSE
    assert primitive.is_valid_request is is_request
    assert primitive.is_valid_response is not is_request
    assert from_command(command, data) == primitive


@pytest.mark.parametrize("command_field", MESSAGES, ids=[kind.name for kind in MESSAGES.values()])
def test_a_message_is_invalid_without_what_it_must_have(command_field: int) -> None:
    kind = MESSAGES[command_field]
    for field in kind.required:
        values = {name: VALUES[name] for name in kind.required if name != field}
        primitive = from_command(Command(command_field=command_field, **values), b"data")
        assert not primitive.is_valid_request
        assert not primitive.is_valid_response


def test_a_store_request_without_a_data_set_is_invalid() -> None:
    command, _ = full(0x0001)
    assert not from_command(command).is_valid_request


def test_a_cancel_is_a_request_although_it_names_another() -> None:
    primitive = make("C_CANCEL", MessageIDBeingRespondedTo=4)
    assert primitive.is_valid_request
    assert to_command(primitive) == (Command(command_field=C_CANCEL_RQ, message_id_being_responded_to=4), None)


def test_the_data_sets_of_request_and_response_are_kept_apart() -> None:
    primitive = make(
        "N_ACTION", MessageID=1, ActionInformation=BytesIO(b"question"), ActionReply=BytesIO(b"answer"), Status=0
    )
    assert to_command(primitive)[1] == b"question"
    primitive.MessageIDBeingRespondedTo = 1
    command, data = to_command(primitive)
    assert data == b"answer"
    assert command.message_id is None
    assert command.has_data_set


def test_a_received_primitive_is_as_the_peer_sent_it() -> None:
    command = Command(
        command_field=0x0021,
        message_id=1,
        affected_sop_class_uid=TOO_LONG,
        priority=9,
        move_destination="TITLE OF MORE THAN 16",
        error_id=5,
    )
    primitive = from_command(command, memoryview(b"data"))
    assert primitive.AffectedSOPClassUID == TOO_LONG
    assert isinstance(primitive.AffectedSOPClassUID, UID)
    assert primitive.Priority == 9
    assert primitive.MoveDestination == "TITLE OF MORE THAN 16"
    assert primitive.Identifier.read() == b"data"
    assert primitive.Identifier.tell() == 4
    assert not hasattr(primitive, "ErrorID")


def test_a_data_set_that_the_message_has_no_place_for_is_left_out() -> None:
    primitive = from_command(Command(command_field=0x8001, message_id_being_responded_to=1, status=0), b"data")
    assert primitive.DataSet is None


def test_an_empty_list_of_tags_is_not_sent() -> None:
    assert to_command(make("N_GET", AttributeIdentifierList=[]))[0].attribute_identifier_list is None


def test_a_primitive_of_no_message_is_refused() -> None:
    with pytest.raises(ValueError, match="0x1234 is no DIMSE message"):
        from_command(Command(command_field=0x1234))
