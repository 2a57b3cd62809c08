"""Lengths of items at their limits, and what is said of items that cannot be right."""

from __future__ import annotations

from collections.abc import Callable
from struct import Struct
from typing import Any

import pytest

from dicomwire.errors import RemoteProtocolError
from dicomwire.upper_layer.item_fields import (
    counted,
    decode_text,
    encode_item,
    encode_text,
    pack,
    split_items,
    take_counted,
)
from dicomwire.upper_layer.items import (
    ImplementationVersionNameItem,
    PresentationContextACItem,
    PresentationContextRQItem,
    SOPClassCommonExtendedItem,
    SOPClassExtendedItem,
    UserIdentityRQItem,
    decode_user_information,
)
from dicomwire.upper_layer.pdus import AssociateRQ, decode_pdu, decode_title


def test_an_item_is_as_long_as_its_length_can_say() -> None:
    assert encode_item(0x51, bytes(0xFFFF)) == b"\x51\0\xff\xff" + bytes(0xFFFF)
    with pytest.raises(ValueError, match=r"^item 0x51 of 65536 bytes is longer than 65535$"):
        encode_item(0x51, bytes(0x10000))


def test_a_field_is_as_long_as_its_length_can_say() -> None:
    longest = UserIdentityRQItem(
        user_identity_type=1, positive_response_requested=False, primary_field=bytes(0xFFFF - 6), secondary_field=b""
    )
    assert len(longest.encode()) == 4 + 0xFFFF
    # The field itself fits, and the item that it is in does not.
    for length, what in ((0xFFFF, "item 0x58 of 65541 bytes"), (0x10000, "a field of 65536 bytes")):
        with pytest.raises(ValueError, match=f"^{what} is longer than 65535$"):
            UserIdentityRQItem(
                user_identity_type=1,
                positive_response_requested=False,
                primary_field=bytes(length),
                secondary_field=b"",
            ).encode()


def test_a_field_with_its_length_in_front_is_taken_from_where_it_begins() -> None:
    assert take_counted(b"\0\3abc", 0, "an item") == (b"abc", 5)
    assert take_counted(b"xy\0\3abcde", 2, "an item") == (b"abc", 7)
    assert take_counted(b"x\0\0", 1, "an item") == (b"", 3)
    assert counted(b"abc") == b"\0\3abc"
    assert counted(bytes(0xFFFF)) == b"\xff\xff" + bytes(0xFFFF)


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        (b"xy", "an item ends where a length is due"),
        (b"xy\0", "an item ends where a length is due"),
        (b"xy\0\4abc", "an item has a field of 4 bytes, but only 3 left"),
    ],
)
def test_a_field_that_is_cut_off_says_what_it_lacks(body: bytes, complaint: str) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        take_counted(body, 2, "an item")
    assert str(caught.value) == complaint


def test_items_fill_what_they_are_in() -> None:
    two = b"\x51\0\0\2ab\x52\xff\0\0"
    assert list(split_items(two, "a PDU")) == [(0x51, b"ab"), (0x52, b"")]
    assert list(split_items(b"", "a PDU")) == []
    for more, complaint in (
        (b"\x51\0\0", "3 stray bytes at the end of a PDU"),
        (b"\x51\0\0\3ab", "item 0x51 of 3 bytes in a PDU, which has only 2 left"),
    ):
        with pytest.raises(RemoteProtocolError) as caught:
            list(split_items(two + more, "a PDU"))
        assert str(caught.value) == complaint


def test_text_is_taken_without_padding_behind_it_and_sent_as_well_as_it_goes() -> None:
    assert decode_text(b" caf\xe9 \0 \0") == " caf\xe9"
    assert encode_text("caf\xe9 \u20ac") == b"caf\xe9 ?"


def test_a_number_that_does_not_fit_is_named() -> None:
    with pytest.raises(ValueError, match=r"^\(65536,\) cannot be encoded: "):
        pack(Struct(">H"), 65536)


def test_characters_that_no_name_may_have_become_question_marks() -> None:
    assert ImplementationVersionNameItem(implementation_version_name="A é Ω").encode() == b"\x55\0\0\5A \xe9 ?"


def test_a_proposed_context_of_any_length_has_what_it_says() -> None:
    assert PresentationContextRQItem.decode(b"\x07\0\0\0") == PresentationContextRQItem(
        context_id=7, abstract_syntax="", transfer_syntax=()
    )
    with pytest.raises(RemoteProtocolError, match="of 3 bytes"):
        PresentationContextRQItem.decode(bytes(3))
    for count in (1, 2, 100):
        syntaxes = b"".join(encode_item(0x40, b"1.2.%d" % number) for number in range(count))
        item = PresentationContextRQItem.decode(b"\1\0\0\0" + encode_item(0x30, b"1.2") + syntaxes)
        assert item.transfer_syntax == tuple(f"1.2.{number}" for number in range(count))


# What each item is called where it ends too soon.
COMMON, EXTENDED = "SOP class common extended negotiation item", "SOP class extended negotiation item"
USER = "user identity item"


@pytest.mark.parametrize(
    ("decode", "body", "said"),
    [
        (SOPClassExtendedItem.decode, b"\0\5abc", EXTENDED),
        (SOPClassCommonExtendedItem.decode, b"\0\5abc", COMMON),
        (SOPClassCommonExtendedItem.decode, b"\0\1a\0\5bcd", COMMON),
        (SOPClassCommonExtendedItem.decode, b"\0\1a\0\1b\0\5cde", COMMON),
        (SOPClassCommonExtendedItem.decode, b"\0\1a\0\1b\0\3\0\5c", COMMON),
        (UserIdentityRQItem.decode, b"\1\0", "user identity item ends where a length is due"),
        (UserIdentityRQItem.decode, b"\1\0\0\5abc", USER),
        (UserIdentityRQItem.decode, b"\1\0\0\1a\0\5b", USER),
        (UserIdentityRQItem.decode, b"\1", "user identity item of 1 bytes, which needs at least 6"),
        (
            PresentationContextACItem.decode,
            b"\1\0\0\0" + encode_item(0x40, b"1.2")[:-1],
            r"item 0x40 of 3 bytes in a presentation context item, which has only 2 left",
        ),
        (
            PresentationContextACItem.decode,
            bytes(4) + b"\x40\0\0",
            "^3 stray bytes at the end of a presentation",
        ),
        (decode_user_information, b"\x51\0\0", "^3 stray bytes at the end of the user information item"),
    ],
)
def test_what_ends_too_soon_is_named(decode: Callable[[bytes], Any], body: bytes, said: str) -> None:
    with pytest.raises(RemoteProtocolError, match=said):
        decode(body)


def test_stray_bytes_are_counted_from_where_they_begin() -> None:
    body = encode_item(0x52, b"1.2")
    with pytest.raises(RemoteProtocolError, match=r"^2 stray bytes at the end of"):
        decode_user_information(body + b"\x51\0")
    with pytest.raises(RemoteProtocolError, match=r"which has only 1 left$"):
        decode_user_information(body + b"\x52\0\0\5a")


# -- titles and the other fields of A-ASSOCIATE PDUs ------------------------------------------------------------------
def asked(called: str, name: str | None = None) -> AssociateRQ:
    return AssociateRQ(
        called_ae_title=called,
        calling_ae_title="US",
        application_context_name=name,
        presentation_context=(),
        user_information=(),
    )


def test_a_title_is_cut_at_its_first_nul_and_loses_its_spaces_alone() -> None:
    assert decode_title(b"  A B \0C\0 D     ") == "A B"
    assert decode_title(b"\tA\n             ") == "\tA\n"


def test_a_title_that_is_too_long_is_named() -> None:
    assert asked("0123456789ABCDEF").encode()[10:26] == b"0123456789ABCDEF"
    with pytest.raises(ValueError, match=r"^AE title of 17 characters is longer than 16$"):
        asked("0123456789ABCDEFG").encode()


def test_an_application_context_name_that_is_none_is_sent_as_well_as_it_can_be() -> None:
    assert b"\x10\0\0\4\xe9 ??" in asked("A", "é Ωω").encode()


@pytest.mark.parametrize(
    ("items", "said"),
    [
        (b"\0\0\0\5\1", "^5 bytes left in a P-DATA-TF, too few for a PDV$"),
        (b"\0\0\0\3\1\3", "^PDV of 3 bytes in a P-DATA-TF that has 2 left$"),
    ],
)
def test_what_is_wrong_behind_a_fragment_is_found_where_it_is(items: bytes, said: str) -> None:
    first = b"\0\0\0\6\1\3abcd"
    body = first + items
    with pytest.raises(RemoteProtocolError, match=said):
        decode_pdu(b"\4\0" + len(body).to_bytes(4, "big") + body)


def test_more_sub_items_than_somebody_takes_are_refused() -> None:
    one = b"\xee\0\0\0"
    assert len(decode_user_information(one * 3, 3)) == 3
    with pytest.raises(RemoteProtocolError, match=r"^user information with more than 3 sub-items$"):
        decode_user_information(one * 4, 3)


def test_of_several_abstract_syntaxes_the_first_one_is_meant() -> None:
    body = (
        bytes.fromhex("01 00 00 00") + encode_item(0x30, b"1.2") + encode_item(0x40, b"1.3") + encode_item(0x30, b"1.4")
    )
    item = PresentationContextRQItem.decode(body)
    assert (item.abstract_syntax, item.transfer_syntax) == ("1.2", ("1.3",))
