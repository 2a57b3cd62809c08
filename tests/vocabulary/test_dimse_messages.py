import warnings
from typing import Any

import pytest
from pydicom.uid import UID

from dicomwire import dimse_messages
from dicomwire.dimse.command import Command
from dicomwire.dimse_messages import Message, from_command

CT = "1.2.840.10008.5.1.4.1.1.2"

# PS3.7 tables 9.3 and 10.3, and E.1-1 for Command Field.
CLASSES = {
    "C_STORE_RQ": 0x0001,
    "C_STORE_RSP": 0x8001,
    "C_GET_RQ": 0x0010,
    "C_GET_RSP": 0x8010,
    "C_FIND_RQ": 0x0020,
    "C_FIND_RSP": 0x8020,
    "C_MOVE_RQ": 0x0021,
    "C_MOVE_RSP": 0x8021,
    "C_ECHO_RQ": 0x0030,
    "C_ECHO_RSP": 0x8030,
    "N_EVENT_REPORT_RQ": 0x0100,
    "N_EVENT_REPORT_RSP": 0x8100,
    "N_GET_RQ": 0x0110,
    "N_GET_RSP": 0x8110,
    "N_SET_RQ": 0x0120,
    "N_SET_RSP": 0x8120,
    "N_ACTION_RQ": 0x0130,
    "N_ACTION_RSP": 0x8130,
    "N_CREATE_RQ": 0x0140,
    "N_CREATE_RSP": 0x8140,
    "N_DELETE_RQ": 0x0150,
    "N_DELETE_RSP": 0x8150,
    "C_CANCEL_RQ": 0x0FFF,
}


def test_there_are_23_messages() -> None:
    classes = [
        value for value in vars(dimse_messages).values() if isinstance(value, type) and issubclass(value, Message)
    ]
    assert {kind.__name__ for kind in classes if kind is not Message} == set(CLASSES)
    assert len(CLASSES) == 23


@pytest.mark.parametrize(("name", "command_field"), CLASSES.items())
def test_a_message_has_the_class_of_its_command_field(name: str, command_field: int) -> None:
    message = from_command(3, Command(command_field=command_field, message_id=1))
    assert type(message) is getattr(dimse_messages, name)
    assert message.context_id == 3
    assert message.command_field == command_field
    assert message.data_set is None
    assert message.command_set.CommandField == command_field
    assert message.command_set.CommandDataSetType == 0x0101


def test_what_is_no_message_is_refused() -> None:
    with pytest.raises(ValueError, match="0x1234 is no DIMSE message"):
        from_command(1, Command(command_field=0x1234))


@pytest.fixture
def failure() -> Command:
    """A response with most of what one may hold."""
    return Command(
        command_field=0x8110,
        message_id_being_responded_to=5,
        affected_sop_class_uid=CT,
        status=0x0107,
        error_comment="why",
        attribute_identifier_list=(0x00100010, 0x00100020),
    )


def test_the_command_set_is_a_data_set_made_once(failure: Command) -> None:
    message = from_command(1, failure)
    assert message.command is failure
    assert message.command_set is message.command_set


def test_the_command_set_holds_what_is_there_in_the_order_of_tags(failure: Command) -> None:
    command_set = from_command(1, failure).command_set
    assert command_set.AffectedSOPClassUID == CT
    assert isinstance(command_set.AffectedSOPClassUID, UID)
    assert command_set.MessageIDBeingRespondedTo == 5
    assert command_set.Status == 0x0107
    assert command_set.ErrorComment == "why"
    assert list(command_set.AttributeIdentifierList) == [0x00100010, 0x00100020]
    assert [int(element.tag) for element in command_set] == sorted(int(element.tag) for element in command_set)
    assert "MessageID" not in command_set


def test_values_that_break_their_rules_are_shown_as_they_came() -> None:
    command = Command(
        command_field=0x0021,
        message_id=1,
        affected_sop_class_uid="1.02.abc",
        move_destination="TITLE OF MORE THAN 16",
        offending_element=(0x00100010,),
        other=((0x00000010, b"OLD "), (0x00091001, b"\0\1")),
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        command_set = from_command(1, command).command_set
        assert command_set.AffectedSOPClassUID == "1.02.abc"
        assert command_set.MoveDestination == "TITLE OF MORE THAN 16"
        assert command_set[0x00000010].value == b"OLD "
        assert command_set[0x00091001].value == b"\0\1"
        assert str(command_set)


@pytest.mark.parametrize("data", [b"data", bytearray(b"data"), memoryview(b"data")])
def test_the_data_set_is_a_file_in_memory_made_once(data: Any) -> None:
    message = from_command(1, Command(command_field=0x0001, command_data_set_type=1), data)
    assert message.data is data
    stream = message.data_set
    assert stream is not None
    assert stream.read() == b"data"
    assert message.data_set is stream


def test_an_empty_data_set_is_one() -> None:
    stream = from_command(1, Command(command_field=0x0001), b"").data_set
    assert stream is not None
    assert stream.read() == b""


def test_a_message_that_is_sent_with_a_data_set_says_so() -> None:
    assert from_command(1, Command(command_field=0x0001), b"data").command_set.CommandDataSetType == 0x0001
    kept = Command(command_field=0x0001, command_data_set_type=0x0102)
    assert from_command(1, kept, b"data").command_set.CommandDataSetType == 0x0102


def test_the_repr_of_a_message_does_not_show_its_data_set() -> None:
    command = Command(command_field=0x0020)
    assert repr(from_command(3, command, b"secret")) == "<C_FIND_RQ: context 3, data set of 6 bytes>"
    assert repr(from_command(3, command)) == "<C_FIND_RQ: context 3>"
