"""Values of text elements, and elements of commands, whatever came in them."""

from __future__ import annotations

from typing import Any

import pytest
from pydicom.dataelem import DataElement
from pydicom.multival import MultiValue

from dicomwire.data.text_values import command_element, joined
from dicomwire.dimse.elements import BY_KEYWORD


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, ""),
        ("", ""),
        ("one\\two", "one\\two"),
        (MultiValue(str, ["one", "two"]), "one\\two"),
        (["one", "", 3], "one\\\\3"),
        (("one", None), "one\\None"),
        (0, "0"),
        (b"1", "b'1'"),
    ],
)
def test_a_value_is_the_text_that_is_in_the_data_set(value: Any, expected: str) -> None:
    assert joined(value) == expected


def element(keyword: str, value: Any) -> DataElement:
    return command_element(BY_KEYWORD[keyword], value)


def test_a_command_element_has_number_vr_and_value() -> None:
    made = element("Status", 0xA700)
    assert (made.tag, made.VR, made.value) == (0x00000900, "US", 0xA700)
    # Whatever the peer sent: no validation.
    assert element("AffectedSOPInstanceUID", "1.02").value == "1.02"
    assert element("MoveDestination", "x" * 17).value == "x" * 17


def test_several_values_are_a_list() -> None:
    made = element("AttributeIdentifierList", (0x00100010, 0x00100020))
    assert list(made.value) == [0x00100010, 0x00100020]
    assert made.VM == 2


def test_a_text_with_backslashes_is_one_value() -> None:
    made = element("ErrorComment", "C:\\temp\\x is full")
    assert made.value == "C:\\temp\\x is full"
    assert element("ErrorComment", "full").value == "full"
