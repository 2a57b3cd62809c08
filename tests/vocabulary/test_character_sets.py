"""Text goes out in the character set that is stated, whole, or not at all (PS3.3 C.12.1.1.2, PS3.5 annexes H to K)."""

from __future__ import annotations

import struct
from typing import Any

import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from dicomwire.data.character_sets import DELIMITERS, NAME_DELIMITERS, NotInSet, encoder, terms_of
from dicomwire.dsutils import decode, encode_dataset
from tests.support.data_sets import fill

PATIENT_NAME = "Müller^Jörg"


def dataset(**elements: Any) -> Dataset:
    made = Dataset()
    fill(made, elements)
    return made


def raw(tag: int, value: bytes) -> bytes:
    """An element in implicit VR little endian."""
    value += b" " * (len(value) & 1)
    return struct.pack("<HHL", tag >> 16, tag & 0xFFFF, len(value)) + value


def sent(made: Dataset, *, implicit: bool = True, little: bool = True) -> Dataset:
    return decode(encode_dataset(made, implicit, little), implicit, little)


# -- bytes, as the standard has them in its examples ----------------------------------------------------------------
@pytest.mark.parametrize(
    ("terms", "text", "expected"),
    [
        ("ISO_IR 100", "Buc^Jérôme", b"Buc^J\xe9r\xf4me"),
        ("ISO_IR 192", "Wang^XiaoDong=王^小東", b"Wang^XiaoDong=\xe7\x8e\x8b^\xe5\xb0\x8f\xe6\x9d\xb1"),
        ("GB18030", "王^小东", b"\xcd\xf5^\xd0\xa1\xb6\xab"),
        ("\\ISO 2022 IR 58", "Wang=王^小东", b"Wang=\x1b$)A\xcd\xf5^\x1b$)A\xd0\xa1\xb6\xab"),
        (
            "\\ISO 2022 IR 87",
            "Yamada^Tarou=山田^太郎",
            b"Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B",
        ),
        (
            "ISO 2022 IR 13\\ISO 2022 IR 87",
            "ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎",
            b"\xd4\xcf\xc0\xde^\xc0\xdb\xb3=\x1b$B;3ED\x1b(J^\x1b$BB@O:\x1b(J",
        ),
        ("\\ISO 2022 IR 149", "Hong=洪^吉洞", b"Hong=\x1b$)C\xfb\xf3^\x1b$)C\xd1\xce\xd4\xd7"),
        ("\\ISO 2022 IR 100", "Müller", b"M\x1b-A\xfcller"),
        ("ISO 2022 IR 100\\ISO 2022 IR 126", "é Δ", b"\xe9 \x1b-F\xc4"),
        ("ISO_IR 192\\ISO 2022 IR 87", "é", b"\xc3\xa9"),
    ],
)
def test_names_are_encoded_as_the_standard_shows(terms: str, text: str, expected: bytes) -> None:
    assert encoder(terms_of(terms.split("\\")))(text, NAME_DELIMITERS) == expected


def test_a_set_that_was_called_is_called_again_in_the_next_line() -> None:
    assert encoder(("", "ISO 2022 IR 149"))("한\r\n한", DELIMITERS) == b"\x1b$)C\xc7\xd1\r\n\x1b$)C\xc7\xd1"


@pytest.mark.parametrize(
    ("terms", "text"),
    [((), "ü"), (("ISO_IR 100",), "李"), (("ISO_IR 13",), "山"), (("", "ISO 2022 IR 87"), "é"), (("nonsense",), "ü")],
)
def test_what_a_set_lacks_is_an_error_and_no_question_mark(terms: tuple[str, ...], text: str) -> None:
    with pytest.raises(NotInSet, match="ISO_IR 192") as raised:
        encoder(terms)(text, DELIMITERS)
    assert text not in str(raised.value)


# -- data sets ------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("little", [True, False])
@pytest.mark.parametrize("stated", [None, "", "absent"])
@pytest.mark.parametrize(("name", "chosen"), [(PATIENT_NAME, "ISO_IR 100"), ("李^Li", "ISO_IR 192")])
def test_where_no_set_is_stated_one_that_holds_the_text_is(
    name: str, chosen: str, stated: str | None, little: bool
) -> None:
    made = dataset(PatientName=name, PatientID="7")
    if stated != "absent":
        made.SpecificCharacterSet = stated
    before = made.get("SpecificCharacterSet")
    received = sent(made, implicit=little, little=little)
    assert (received.SpecificCharacterSet, received.PatientName, received.PatientID) == (chosen, name, "7")
    # What was given stays as it is.
    assert made.get("SpecificCharacterSet") == before


def test_nothing_is_stated_for_ascii() -> None:
    assert "SpecificCharacterSet" not in sent(dataset(PatientName="Doe"))
    assert sent(dataset(PatientName="Doe", SpecificCharacterSet="")).SpecificCharacterSet == ""


def test_items_are_in_the_set_of_what_they_are_in_or_state_their_own() -> None:
    plain, empty, own = dataset(PatientName="李"), dataset(PatientName="é"), dataset(PatientName="Ж")
    empty.SpecificCharacterSet, own.SpecificCharacterSet = "", "ISO_IR 144"
    made = dataset(PatientID="1", ScheduledProcedureStepSequence=Sequence([plain, empty, own]))
    received = sent(made)
    assert received.SpecificCharacterSet == "ISO_IR 192"
    names = [item.PatientName for item in received.ScheduledProcedureStepSequence]
    assert names == ["李", "é", "Ж"]
    stated = [item.get("SpecificCharacterSet") for item in received.ScheduledProcedureStepSequence]
    assert stated == [None, "ISO_IR 192", "ISO_IR 144"]


def test_the_error_names_element_set_and_way_out_and_not_the_text() -> None:
    made = dataset(
        SpecificCharacterSet="ISO_IR 100",
        ScheduledProcedureStepSequence=Sequence([Dataset(), dataset(PatientName="李")]),
    )
    with pytest.raises(ValueError, match="cannot be encoded") as raised:
        encode_dataset(made, True, True)
    assert str(raised.value) == (
        "the data set cannot be encoded: ScheduledProcedureStepSequence[1].PatientName (0010,0010) has characters that "
        "ISO_IR 100 lacks: set SpecificCharacterSet to one that has them, such as ISO_IR 192"
    )


def test_a_mark_of_undecodable_bytes_is_not_sent_on() -> None:
    received = decode(raw(0x00080005, b"ISO_IR 192") + raw(0x00100020, b"M\xfcller"), True, True)
    with pytest.warns(UserWarning, match="replacement"):
        assert "\ufffd" in received.PatientID
    with pytest.raises(ValueError, match=r"PatientID \(0010,0020\) holds U\+FFFD"):
        encode_dataset(received, False, True)


@pytest.mark.parametrize("vr", ["LO", "LT", "PN", "SH", "ST", "UC", "UT"])
def test_every_vr_of_text_is_in_the_set(vr: str) -> None:
    made = Dataset()
    made.SpecificCharacterSet = "ISO_IR 13"
    made.add_new(0x00091010, vr, "é")
    with pytest.raises(ValueError, match="ISO_IR 13 lacks"):
        encode_dataset(made, True, True)
    made.SpecificCharacterSet = "ISO_IR 192"
    assert b"\xc3\xa9" in encode_dataset(made, True, True)


# -- what was read --------------------------------------------------------------------------------------------------
INVALID = raw(0x00080005, b"ISO_IR 192") + raw(0x00100010, b"M\xfcller^\xff") + raw(0x00104000, b"a\xff\r\n")


@pytest.mark.filterwarnings("ignore:Unknown encoding")
@pytest.mark.parametrize(("implicit", "little"), [(True, True), (False, True), (False, False)])
@pytest.mark.parametrize("data", [INVALID, raw(0x00100010, b"M\xfcller "), raw(0x00080005, b"nonsense") + INVALID[18:]])
def test_bytes_of_text_are_kept_whatever_the_transfer_syntax(data: bytes, implicit: bool, little: bool) -> None:
    received = decode(encode_dataset(decode(data, True, True), implicit, little), implicit, little)
    there = {tag: element.value for tag, element in received._dict.items()}
    assert there == {tag: element.value for tag, element in decode(data, True, True)._dict.items()}
    assert encode_dataset(received, True, True) == data


def test_bytes_in_sequences_are_kept_too() -> None:
    item = raw(0x00100010, b"M\xfcller^\xff")
    sequence = struct.pack("<HHL", 0xFFFE, 0xE000, len(item)) + item
    data = raw(0x00080005, b"ISO_IR 192") + raw(0x00400100, sequence)
    explicit = encode_dataset(decode(data, True, True), False, True)
    assert encode_dataset(decode(explicit, False, True), True, True) == data


def test_text_that_was_read_follows_when_another_set_is_stated() -> None:
    item = raw(0x00100010, b"J\xf6rg")
    sequence = struct.pack("<HHL", 0xFFFE, 0xE000, len(item)) + item
    data = raw(0x00080005, b"ISO_IR 100") + raw(0x00100010, b"M\xfcller") + raw(0x00400100, sequence)
    read = decode(data, True, True)
    read.SpecificCharacterSet = "ISO_IR 192"
    received = sent(read)
    assert (received.PatientName, received.ScheduledProcedureStepSequence[0].PatientName) == ("Müller", "Jörg")


def test_text_that_was_read_in_no_set_follows_when_one_has_to_be_stated() -> None:
    read = decode(raw(0x00100010, b"M\xfcller"), True, True)
    read.PatientID = "李"
    received = sent(read)
    assert (received.SpecificCharacterSet, received.PatientName, received.PatientID) == ("ISO_IR 192", "Müller", "李")


@pytest.mark.filterwarnings("ignore:Unknown encoding")
@pytest.mark.parametrize("term", [b"nonsense", b"hex", b"idna", b"undefined", b"a\0b", b"\xff", b"ISO_IR 100\\base64"])
def test_a_set_that_is_none_hides_no_value(term: bytes) -> None:
    received = decode(raw(0x00080005, term) + raw(0x00100020, b"M\xfcller"), True, True)
    assert received.PatientID == "Müller"
