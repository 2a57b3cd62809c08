"""The 23 messages, against tables typed again from PS3.7 9.3 and 10.3."""

from __future__ import annotations

import pytest
from attrs import evolve

from dicomwire.dimse import MESSAGES, Command, DataSetRule, answer
from dicomwire.dimse.elements import ELEMENTS
from dicomwire.dimse.messages import check, is_final
from dicomwire.errors import RemoteProtocolError

# Message, command field, element numbers that are mandatory, element numbers that may be there, data set.
# Command Group Length, Command Field and Command Data Set Type are in every message.
TABLE = """
C-STORE-RQ          0001  0002 0110 0700 1000            1030 1031                                          yes
C-STORE-RSP         8001  0120 0900                      0002 1000 0901 0902                                no
C-FIND-RQ           0020  0002 0110 0700                 -                                                  yes
C-FIND-RSP          8020  0120 0900                      0002 0901 0902                                     may
C-GET-RQ            0010  0002 0110 0700                 -                                                  yes
C-GET-RSP           8010  0120 0900                      0002 1020 1021 1022 1023 0901 0902                 may
C-MOVE-RQ           0021  0002 0110 0700 0600            -                                                  yes
C-MOVE-RSP          8021  0120 0900                      0002 1020 1021 1022 1023 0901 0902                 may
C-ECHO-RQ           0030  0002 0110                      -                                                  no
C-ECHO-RSP          8030  0120 0900                      0002 0902                                          no
C-CANCEL-RQ         0FFF  0120                           -                                                  no
N-EVENT-REPORT-RQ   0100  0002 0110 1000 1002            -                                                  may
N-EVENT-REPORT-RSP  8100  0120 0900                      0002 1000 1002 0902 0903                           may
N-GET-RQ            0110  0003 0110 1001                 1005                                               no
N-GET-RSP           8110  0120 0900                      0002 1000 1005 0902 0903                           may
N-SET-RQ            0120  0003 0110 1001                 -                                                  yes
N-SET-RSP           8120  0120 0900                      0002 1000 1005 0902 0903                           may
N-ACTION-RQ         0130  0003 0110 1001 1008            -                                                  may
N-ACTION-RSP        8130  0120 0900                      0002 1000 1008 0902 0903                           may
N-CREATE-RQ         0140  0002 0110                      1000                                               may
N-CREATE-RSP        8140  0120 0900                      0002 1000 1005 0902 0903                           may
N-DELETE-RQ         0150  0003 0110 1001                 -                                                  no
N-DELETE-RSP        8150  0120 0900                      0002 1000 0902 0903                                no
"""

# What the data set of a message is called (PS3.7 9.1 and 10.1).
DATA_SETS = {
    "C-STORE-RQ": "DataSet",
    "C-FIND-RQ": "Identifier",
    "C-FIND-RSP": "Identifier",
    "C-GET-RQ": "Identifier",
    "C-GET-RSP": "Identifier",
    "C-MOVE-RQ": "Identifier",
    "C-MOVE-RSP": "Identifier",
    "N-EVENT-REPORT-RQ": "EventInformation",
    "N-EVENT-REPORT-RSP": "EventReply",
    "N-GET-RSP": "AttributeList",
    "N-SET-RQ": "ModificationList",
    "N-SET-RSP": "AttributeList",
    "N-ACTION-RQ": "ActionInformation",
    "N-ACTION-RSP": "ActionReply",
    "N-CREATE-RQ": "AttributeList",
    "N-CREATE-RSP": "AttributeList",
}

FIELDS = {known.number: known.field for known in ELEMENTS}
RULES = {"yes": DataSetRule.ALWAYS, "no": DataSetRule.NEVER, "may": DataSetRule.MAY}
ROWS = TABLE.strip().splitlines()


def names(numbers: str) -> set[str]:
    return {FIELDS[int(number, 16)] for number in numbers.split() if number != "-"}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.split()[0])
def test_a_message_has_the_elements_of_the_table(row: str) -> None:
    name, command_field, mandatory, others, data_set = row[:20], row[20:26], row[26:57], row[57:108], row[108:]
    kind = MESSAGES[int(command_field, 16)]
    assert kind.name == name.strip()
    assert set(kind.required) == names(mandatory)
    assert set(kind.optional) == names(others)
    assert len(kind.required) + len(kind.optional) == len({*kind.required, *kind.optional})
    assert kind.data_set is RULES[data_set.strip()]
    assert kind.data_set_keyword == DATA_SETS.get(kind.name)


def test_there_are_no_other_messages() -> None:
    assert sorted(MESSAGES) == sorted(int(row[20:26], 16) for row in ROWS)
    assert len(MESSAGES) == 23


def complete(command_field: int) -> Command:
    """A command that has its message ID, whichever of the two it needs."""
    return Command(command_field=command_field, message_id=1, message_id_being_responded_to=2)


# -- check() --------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("command_field", MESSAGES, ids=lambda number: MESSAGES[number].name)
def test_a_missing_data_set_type_is_decided_by_the_kind_of_message(command_field: int) -> None:
    command = check(evolve(complete(command_field), command_data_set_type=None))
    # As robustness.md has it: C-STORE-RQ, C-FIND-RQ, C-GET-RQ, C-MOVE-RQ and N-SET-RQ.
    follows = command_field in (0x0001, 0x0020, 0x0010, 0x0021, 0x0120)
    assert command.command_data_set_type == (1 if follows else 0x0101)
    assert command.has_data_set is follows


@pytest.mark.parametrize("data_set_type", [0, 1, 0x0101, 0xFFFF])
def test_a_data_set_type_that_is_there_is_kept(data_set_type: int) -> None:
    for command_field in MESSAGES:
        command = evolve(complete(command_field), command_data_set_type=data_set_type)
        assert check(command).command_data_set_type == data_set_type


@pytest.mark.parametrize("command_field", MESSAGES, ids=lambda number: MESSAGES[number].name)
def test_a_message_without_its_message_id_is_refused(command_field: int) -> None:
    command = complete(command_field)
    if command_field & 0x8000 or command_field == 0x0FFF:
        command, missing = evolve(command, message_id_being_responded_to=None), "message id being responded to"
    else:
        command, missing = evolve(command, message_id=None), "message id"
    with pytest.raises(RemoteProtocolError, match=f"{MESSAGES[command_field].name} without {missing}$") as caught:
        check(command)
    assert (caught.value.source, caught.value.reason) == (2, 6)


@pytest.mark.parametrize("command_field", MESSAGES, ids=lambda number: MESSAGES[number].name)
def test_a_message_with_nothing_but_its_message_id_passes(command_field: int) -> None:
    if command_field & 0x8000 or command_field == 0x0FFF:
        command = Command(command_field=command_field, message_id_being_responded_to=0)
    else:
        command = Command(command_field=command_field, message_id=0)
    assert check(command) is command


@pytest.mark.parametrize("command_field", [0x0000, 0x0077, 0x0FFE, 0x8000, 0x8FFF, 0xFFFF])
def test_an_unknown_command_field_is_refused(command_field: int) -> None:
    with pytest.raises(RemoteProtocolError, match=f"{command_field:#06x} is no DIMSE message") as caught:
        check(complete(command_field))
    assert (caught.value.source, caught.value.reason) == (2, 6)


# -- answer() -------------------------------------------------------------------------------------------------------
REQUESTS = [number for number in MESSAGES if not number & 0x8000 and number != 0x0FFF]


@pytest.mark.parametrize("command_field", REQUESTS, ids=lambda number: MESSAGES[number].name)
def test_an_answer_repeats_class_and_instance_as_affected(command_field: int) -> None:
    if "requested_sop_class_uid" in MESSAGES[command_field].required:
        request = Command(
            command_field=command_field,
            message_id=7,
            requested_sop_class_uid="1.2.3",
            requested_sop_instance_uid="1.2.3.4",
        )
    else:
        request = Command(
            command_field=command_field,
            message_id=7,
            affected_sop_class_uid="1.2.3",
            affected_sop_instance_uid="1.2.3.4",
        )
    assert answer(request, 0xB000) == Command(
        command_field=command_field | 0x8000,
        message_id_being_responded_to=7,
        affected_sop_class_uid="1.2.3",
        affected_sop_instance_uid="1.2.3.4",
        status=0xB000,
    )


def test_an_answer_says_nothing_of_what_the_request_left_out() -> None:
    response = answer(Command(command_field=0x0140, message_id=0), 0)
    assert response == Command(command_field=0x8140, message_id_being_responded_to=0, status=0)
    assert not response.has_data_set


# -- is_final() -----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("status", "final"),
    [
        (0x0000, True),
        (0xFE00, True),
        (0xB000, True),
        (0xB001, True),
        (0xA700, True),
        (0x4711, True),
        (None, True),
        (0xFF00, False),
        (0xFF01, False),
        (0xFF02, True),
    ],
)
@pytest.mark.parametrize("command_field", [0x0010, 0x0020, 0x0021])
def test_a_response_is_final_unless_it_is_pending(command_field: int, status: int | None, final: bool) -> None:
    request = Command(command_field=command_field, message_id=1, affected_sop_class_uid="1.2.840.10008.5.1.4.1.2.2.1")
    assert is_final(request, status) is final


@pytest.mark.parametrize("status", [0x0000, 0xFF00, 0xFF01])
@pytest.mark.parametrize("command_field", [0x0001, 0x0030, 0x0100, 0x0110, 0x0150])
def test_a_request_that_has_one_response_waits_for_no_more(command_field: int, status: int) -> None:
    assert is_final(Command(command_field=command_field, message_id=1), status)


def test_a_repository_query_goes_on_after_its_response_limit_is_reached() -> None:
    query = Command(command_field=0x0020, message_id=1, affected_sop_class_uid="1.2.840.10008.5.1.4.1.1.201.6")
    assert not is_final(query, 0xB001)
    assert is_final(query, 0x0000)
    assert is_final(evolve(query, command_field=0x0010), 0xB001)
