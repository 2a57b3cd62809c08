"""Command sets: bytes typed from PS3.7 annex E, and what a tolerant receiver makes of bad ones."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import evolve, fields
from hypothesis import given, settings, strategies as st

from dicomwire.dimse import Command
from dicomwire.dimse.command import DATA_SET, NO_DATA_SET
from dicomwire.dimse.elements import BY_KEYWORD, ELEMENTS
from dicomwire.errors import RemoteProtocolError
from tests.support.sessions import command_set, element, us
from tests.support.streams import vectors, wire

COMMANDS: list[dict[str, Any]] = vectors()["commands"]

ECHO_RQ = wire("""
    0000 0000  04000000  38000000                              # Command Group Length: 56 bytes follow
    0000 0200  12000000  "1.2.840.10008.1.1" 00                # Affected SOP Class UID, padded with NUL
    0000 0001  02000000  3000                                  # Command Field: C-ECHO-RQ
    0000 1001  02000000  0500                                  # Message ID 5
    0000 0008  02000000  0101                                  # Command Data Set Type: none
""")

MOVE_RQ = wire("""
    0000 0000  04000000  5A000000                              # Command Group Length: 90 bytes follow
    0000 0200  1C000000  "1.2.840.10008.5.1.4.1.2.1.2" 00      # Affected SOP Class UID
    0000 0001  02000000  2100                                  # Command Field: C-MOVE-RQ
    0000 1001  02000000  0900                                  # Message ID 9
    0000 0006  06000000  "DEST7 "                              # Move Destination, padded with a space
    0000 0007  02000000  0200                                  # Priority: low
    0000 0008  02000000  0100                                  # Command Data Set Type: present
""")

STORE_RSP = wire("""
    0000 0000  04000000  66000000                              # Command Group Length: 102 bytes follow
    0000 0200  1A000000  "1.2.840.10008.5.1.4.1.1.4" 00        # Affected SOP Class UID
    0000 0001  02000000  0180                                  # Command Field: C-STORE-RSP
    0000 2001  02000000  FFFF                                  # Message ID Being Responded To 65535
    0000 0008  02000000  0101                                  # Command Data Set Type: none
    0000 0009  02000000  00A9                                  # Status A900
    0000 0109  08000000  0800 1800  2800 1000                  # Offending Element (0008,0018), (0028,0010)
    0000 0209  04000000  "bad "                                # Error Comment, padded with a space
""")

GET_RSP = wire("""
    0000 0000  04000000  50000000                              # Command Group Length: 80 bytes follow
    0000 0001  02000000  1080                                  # Command Field: C-GET-RSP
    0000 2001  02000000  0300                                  # Message ID Being Responded To 3
    0000 0008  02000000  0101                                  # Command Data Set Type: none
    0000 0009  02000000  00FF                                  # Status FF00
    0000 2010  02000000  0400                                  # Number of Remaining Sub-operations 4
    0000 2110  02000000  0300                                  # Number of Completed Sub-operations 3
    0000 2210  02000000  0200                                  # Number of Failed Sub-operations 2
    0000 2310  02000000  0100                                  # Number of Warning Sub-operations 1
""")

BY_HAND = [
    pytest.param(
        ECHO_RQ, Command(command_field=0x0030, affected_sop_class_uid="1.2.840.10008.1.1", message_id=5), id="C-ECHO-RQ"
    ),
    pytest.param(
        MOVE_RQ,
        Command(
            command_field=0x0021,
            affected_sop_class_uid="1.2.840.10008.5.1.4.1.2.1.2",
            message_id=9,
            move_destination="DEST7",
            priority=2,
            command_data_set_type=1,
        ),
        id="C-MOVE-RQ",
    ),
    pytest.param(
        STORE_RSP,
        Command(
            command_field=0x8001,
            affected_sop_class_uid="1.2.840.10008.5.1.4.1.1.4",
            message_id_being_responded_to=65535,
            status=0xA900,
            offending_element=(0x00080018, 0x00280010),
            error_comment="bad",
        ),
        id="C-STORE-RSP",
    ),
    pytest.param(
        GET_RSP,
        Command(
            command_field=0x8010,
            message_id_being_responded_to=3,
            status=0xFF00,
            number_of_remaining_suboperations=4,
            number_of_completed_suboperations=3,
            number_of_failed_suboperations=2,
            number_of_warning_suboperations=1,
        ),
        id="C-GET-RSP",
    ),
]


def expected_fields(decoded: dict[str, Any]) -> dict[str, Any]:
    """The annotation of a vector as fields of Command."""
    expected: dict[str, Any] = {}
    for keyword, value in decoded.items():
        if keyword in ("CommandGroupLength", "CommandName"):
            continue
        known = BY_KEYWORD[keyword]
        if known.vr == "US" and isinstance(value, str):
            value = int(value, 16)
        elif known.vr == "AT":
            value = tuple(int(tag.replace(",", ""), 16) for tag in value)
        expected[known.field] = value
    return expected


# -- bytes that conform ---------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("data", "command"), BY_HAND)
def test_bytes_typed_by_hand_are_the_command_they_say(data: bytes, command: Command) -> None:
    assert Command.decode(data) == command


@pytest.mark.parametrize(("data", "command"), BY_HAND)
def test_a_command_is_encoded_as_it_is_typed_by_hand(data: bytes, command: Command) -> None:
    assert command.encode() == data


@pytest.mark.parametrize("vector", COMMANDS, ids=lambda vector: vector["name"])
def test_every_field_of_a_vector_is_decoded(vector: dict[str, Any]) -> None:
    command = Command.decode(bytes.fromhex(vector["hex"]))
    expected = expected_fields(vector["decoded"])
    for known in ELEMENTS:
        assert getattr(command, known.field) == expected.get(known.field), known.keyword
    assert command.other == ()


@pytest.mark.parametrize("vector", COMMANDS, ids=lambda vector: vector["name"])
def test_a_decoded_vector_is_encoded_to_the_same_bytes(vector: dict[str, Any]) -> None:
    data = bytes.fromhex(vector["hex"])
    assert Command.decode(data).encode() == data
    assert int.from_bytes(data[8:12], "little") == len(data) - 12


def test_every_element_is_a_field_of_the_command() -> None:
    assert {known.field for known in ELEMENTS} | {"other"} == {field.name for field in fields(Command)}


def test_elements_are_listed_in_the_order_they_are_sent() -> None:
    numbers = [known.number for known in ELEMENTS]
    assert numbers == sorted(numbers)
    assert len(numbers) == 23


def test_the_data_set_type_can_be_overridden_when_encoding() -> None:
    command = Command(command_field=0x0030, message_id=5, affected_sop_class_uid="1.2.840.10008.1.1")
    assert command.encode(0x0101) == ECHO_RQ
    assert command.encode(1) == ECHO_RQ[:-2] + b"\x01\x00"


@pytest.mark.parametrize(("kind", "is_request"), [(0x0001, True), (0x0FFF, True), (0x8001, False), (0x8150, False)])
def test_bit_15_marks_a_response(kind: int, is_request: bool) -> None:
    assert Command(command_field=kind).is_request is is_request


@pytest.mark.parametrize(("data_set_type", "follows"), [(0x0101, False), (0, True), (1, True), (0x0102, True)])
def test_only_0101_means_that_no_data_set_follows(data_set_type: int, follows: bool) -> None:
    assert Command(command_field=0x0030, command_data_set_type=data_set_type).has_data_set is follows


# -- what is tolerated ----------------------------------------------------------------------------------------------
def test_a_missing_group_length_does_not_matter() -> None:
    assert Command.decode(ECHO_RQ[12:]) == Command.decode(ECHO_RQ)


@pytest.mark.parametrize("length", [0, 1, 57, 0xFFFFFFFF])
def test_a_wrong_group_length_is_ignored(length: int) -> None:
    assert Command.decode(ECHO_RQ[:8] + length.to_bytes(4, "little") + ECHO_RQ[12:]) == Command.decode(ECHO_RQ)


def test_a_group_length_of_two_bytes_is_ignored() -> None:
    assert Command.decode(wire("0000 0000 02000000 3800") + ECHO_RQ[12:]) == Command.decode(ECHO_RQ)


def test_unknown_and_retired_elements_and_other_groups_are_kept_and_not_sent() -> None:
    command = Command.decode(
        command_set(
            element(0x0001, b"\x00\x01\x00\x00"),  # length to end, retired
            us(0x0100, 0x0030),
            us(0x0110, 5),
            us(0x0850, 2),  # number of matches, retired
            element(0x5555, b""),  # no such element
            element(0x0010, b"DOE^JOHN", group=0x0010),
        )
    )
    assert command.other == (
        (0x00000001, b"\x00\x01\x00\x00"),
        (0x00000850, b"\x02\x00"),
        (0x00005555, b""),
        (0x00100010, b"DOE^JOHN"),
    )
    assert command.message_id == 5
    assert command.encode() == command_set(us(0x0100, 0x0030), us(0x0110, 5))


def test_a_group_length_of_another_group_is_kept() -> None:
    command = Command.decode(command_set(us(0x0100, 0x0030), element(0x0000, bytes(4), group=0x0008)))
    assert command.other == ((0x00080000, bytes(4)),)


def test_elements_may_be_out_of_order() -> None:
    shuffled = us(0x0800, 0x0101) + us(0x0110, 5) + element(0x0002, b"1.2.840.10008.1.1\0") + us(0x0100, 0x0030)
    assert Command.decode(shuffled) == Command.decode(ECHO_RQ)


@pytest.mark.parametrize("raw", [b"1.2.3", b"1.2.3\0", b"1.2.3 ", b"1.2.3\0\0\0", b"1.2.3  \0"])
def test_padding_of_a_uid_is_taken_off(raw: bytes) -> None:
    command = Command.decode(command_set(element(0x0002, raw), us(0x0100, 0x0030)))
    assert command.affected_sop_class_uid == "1.2.3"


@pytest.mark.parametrize("raw", [b"DEST", b"DEST\0", b"DEST\0\0", b"  DEST  ", b"DEST            "])
def test_padding_of_an_ae_title_is_taken_off(raw: bytes) -> None:
    command = Command.decode(command_set(us(0x0100, 0x0021), element(0x0600, raw)))
    assert command.move_destination == "DEST"


@pytest.mark.parametrize("raw", [b"\x05", b"\x05\0", b"\x05\0\0\0", b"\x05\0\x06\0", b"\x05" + bytes(4000)])
def test_of_a_number_of_any_length_the_first_two_bytes_count(raw: bytes) -> None:
    command = Command.decode(command_set(us(0x0100, 0x0030), element(0x0110, raw)))
    assert command.message_id == 5


@pytest.mark.parametrize("known", [known for known in ELEMENTS if known.number != 0x0100], ids=lambda k: k.keyword)
def test_an_empty_value_is_an_absent_one(known: Any) -> None:
    command = Command.decode(command_set(us(0x0100, 0x0030), element(known.number, b"")))
    assert getattr(command, known.field) is None


@pytest.mark.parametrize(
    ("number", "field"), [(0x0002, "affected_sop_class_uid"), (0x0600, "move_destination"), (0x0902, "error_comment")]
)
@pytest.mark.parametrize("raw", [b"\0\0", b"  ", b" \0"])
def test_a_text_of_nothing_but_padding_is_an_absent_one(number: int, field: str, raw: bytes) -> None:
    command = Command.decode(command_set(us(0x0100, 0x0030), element(number, raw)))
    assert getattr(command, field) is None


def test_text_outside_the_default_repertoire_does_not_fail() -> None:
    command = Command.decode(command_set(us(0x0100, 0x8030), element(0x0902, b"K\xf6ln")))
    assert command.error_comment == "Köln"
    assert command.encode().endswith(b"K?ln")


@pytest.mark.parametrize(
    ("raw", "tags"),
    [
        pytest.param(wire("1000 2000"), (0x00100020,), id="one"),
        pytest.param(wire("1000 2000 FFFF FEFF"), (0x00100020, 0xFFFFFFFE), id="two"),
        pytest.param(wire("1000 2000 1000"), (0x00100020,), id="one and a half"),
        pytest.param(wire("1000"), None, id="half"),
    ],
)
def test_a_list_of_tags_ends_with_its_last_whole_tag(raw: bytes, tags: tuple[int, ...] | None) -> None:
    command = Command.decode(command_set(us(0x0100, 0x0110), element(0x1005, raw)))
    assert command.attribute_identifier_list == tags


def test_of_an_element_that_comes_twice_the_last_counts() -> None:
    assert Command.decode(us(0x0100, 0x0030) + us(0x0110, 1) + us(0x0110, 2)).message_id == 2


# -- what is refused ------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        pytest.param(
            ECHO_RQ[:-1], r"\(0000,0800\) of 2 bytes, but only 1 left", id="an element runs over the end by a byte"
        ),
        pytest.param(us(0x0100, 0x0030) + wire("0000 1001 00000080 0500"), "only 2 left", id="a length near 2^31"),
        pytest.param(us(0x0100, 0x0030) + wire("0000 0100 FFFFFFFF 0500"), "only 2 left", id="undefined length"),
        pytest.param(ECHO_RQ + b"\0", "1 stray bytes", id="a stray byte"),
        pytest.param(ECHO_RQ + bytes(7), "7 stray bytes", id="stray bytes, one less than a header"),
        pytest.param(b"", "without Command Field", id="nothing"),
        pytest.param(ECHO_RQ[:12], "without Command Field", id="nothing but a group length"),
        pytest.param(us(0x0110, 5), "without Command Field", id="no Command Field"),
        pytest.param(element(0x0100, b""), "without Command Field", id="an empty Command Field"),
        pytest.param(element(0x0100, b"\x30\0", group=8), "without Command Field", id="(0008,0100)"),
    ],
)
def test_what_is_no_command_set_is_refused(data: bytes, complaint: str) -> None:
    with pytest.raises(RemoteProtocolError, match=complaint) as caught:
        Command.decode(data)
    assert (caught.value.source, caught.value.reason) == (2, 6)


@pytest.mark.parametrize("known", [known for known in ELEMENTS if known.vr == "US"], ids=lambda known: known.keyword)
@pytest.mark.parametrize("value", [-1, 0x10000])
def test_a_number_that_does_not_fit_in_16_bits_is_not_encoded(known: Any, value: int) -> None:
    values: dict[str, Any] = {"command_field": 0x0030, known.field: value}
    with pytest.raises(ValueError, match=f"{known.keyword} {value} does not fit"):
        Command(**values).encode()


@pytest.mark.parametrize("tag", [-1, 0x100000000])
@pytest.mark.parametrize("field", ["offending_element", "attribute_identifier_list"])
def test_a_tag_that_does_not_fit_in_32_bits_is_not_encoded(field: str, tag: int) -> None:
    values: dict[str, Any] = {"command_field": 0x8110, field: (0x00100010, tag)}
    with pytest.raises(ValueError, match="does not fit in 32 bits"):
        Command(**values).encode()


def test_the_highest_tag_is_encoded() -> None:
    command = Command(command_field=0x8110, attribute_identifier_list=(0, 0xFFFFFFFF))
    assert Command.decode(command.encode()).attribute_identifier_list == (0, 0xFFFFFFFF)


def test_an_element_of_another_group_that_is_cut_off_is_named() -> None:
    with pytest.raises(RemoteProtocolError, match=r"^command element \(0008,0005\) of 10 bytes, but only 2 left$"):
        Command.decode(ECHO_RQ + element(0x0005, bytes(10), group=0x0008)[:-8])


@pytest.mark.parametrize("field", ["move_destination", "move_originator_application_entity_title"])
def test_an_ae_title_longer_than_16_characters_is_not_encoded(field: str) -> None:
    values: dict[str, Any] = {"command_field": 0x0021, field: "SEVENTEEN_LETTERS"}
    with pytest.raises(ValueError, match="AE title of 17 characters"):
        Command(**values).encode()
    values[field] = "SIXTEEN__LETTERS"
    assert getattr(Command.decode(Command(**values).encode()), field) == "SIXTEEN__LETTERS"


@pytest.mark.parametrize(("length", "kept"), [(63, 63), (64, 64), (65, 64), (1000, 64)])
def test_an_error_comment_is_cut_to_64_characters(length: int, kept: int) -> None:
    command = Command.decode(Command(command_field=0x8001, error_comment="x" * length).encode())
    assert command.error_comment == "x" * kept


# -- properties -----------------------------------------------------------------------------------------------------
numbers = st.integers(0, 0xFFFF)
tags = st.lists(st.integers(0, 0xFFFFFFFF), min_size=1, max_size=5).map(tuple)
uids = st.text("0123456789.", min_size=1, max_size=64)
PRINTABLE = "".join(map(chr, range(0x20, 0x7F)))


def texts(size: int) -> st.SearchStrategy[str]:
    """Without the spaces at the ends that do not count."""
    return st.text(PRINTABLE, min_size=1, max_size=size).map(lambda text: text.strip(" ") or "x")


BY_VR: dict[str, st.SearchStrategy[Any]] = {
    "US": numbers,
    "AT": tags,
    "UI": uids,
    "AE": texts(16),
    "LO": texts(64),
}


def a_command(values: dict[str, Any]) -> Command:
    return Command(**values)


commands = st.fixed_dictionaries(
    {"command_field": numbers},
    optional={known.field: st.none() | BY_VR[known.vr] for known in ELEMENTS if known.field != "command_field"},
).map(a_command)


@given(commands)
def test_decoding_what_was_encoded_gives_the_same_command(command: Command) -> None:
    data = command.encode()
    assert Command.decode(data) == command
    assert len(data) % 2 == 0
    assert int.from_bytes(data[8:12], "little") == len(data) - 12


element_bytes = st.builds(
    lambda group, number, value: element(number, value, group=group),
    st.sampled_from([0, 0, 0, 0, 8]),
    st.sampled_from([known.number for known in ELEMENTS]) | st.sampled_from([0, 1, 0x5020]),
    st.binary(max_size=12),
)


@settings(max_examples=300)
@given(st.binary(max_size=200) | st.lists(element_bytes, max_size=10).map(b"".join))
def test_arbitrary_bytes_are_a_command_or_refused(data: bytes) -> None:
    try:
        command = Command.decode(data)
    except RemoteProtocolError:
        return
    assert 0 <= command.command_field <= 0xFFFF
    # Numbers and tags of any command that came can be sent back.
    Command(
        command_field=command.command_field,
        message_id=command.message_id,
        message_id_being_responded_to=command.message_id_being_responded_to,
        affected_sop_class_uid=command.affected_sop_class_uid,
        offending_element=command.offending_element,
        status=command.status,
    ).encode()


@given(st.lists(element_bytes, max_size=10).map(lambda parts: b"".join([us(0x0100, 0x0030), *parts, us(0x0100, 1)])))
def test_numbers_and_tags_survive_decoding_encoding_and_decoding(data: bytes) -> None:
    command = Command.decode(data)
    values: dict[str, Any] = {
        known.field: getattr(command, known.field) for known in ELEMENTS if known.vr in ("US", "AT")
    }
    once = Command(**values)
    assert Command.decode(once.encode()) == once


def test_what_is_no_command_element_is_refused() -> None:
    nonsense: dict[str, Any] = {"command_field": 0x0030, "colour": 7}
    with pytest.raises(TypeError, match="colour"):
        Command(**nonsense)


def test_commands_of_any_number_of_shapes_are_encoded() -> None:
    for status in range(0, 0x10000, 0x40):
        command = Command(command_field=0x8020, message_id_being_responded_to=1, status=status, priority=status ^ 1)
        decoded = Command.decode(command.encode())
        assert (decoded.status, decoded.priority) == (status, status ^ 1)


def test_a_number_that_is_none_is_a_value_error() -> None:
    with pytest.raises(ValueError, match="integer"):
        Command(command_field=0x0030, message_id=1.5).encode()  # type: ignore[arg-type]


def test_a_command_that_keeps_its_bytes_is_as_it_was() -> None:
    plain = Command(command_field=0x0030, message_id=7, affected_sop_class_uid="1.2", command_data_set_type=NO_DATA_SET)
    kept = evolve(plain).kept_encoded()
    assert kept == plain and hash(kept) == hash(plain) and repr(kept) == repr(plain)
    assert kept.encode() is kept.encode(NO_DATA_SET)
    assert kept.encode() == plain.encode()
    assert kept.encode(DATA_SET) == plain.encode(DATA_SET) != plain.encode()
    assert evolve(kept, message_id=8).encode() == evolve(plain, message_id=8).encode()
