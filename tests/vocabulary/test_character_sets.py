"""Text goes out in the character set that is stated, whole, or not at all (PS3.3 C.12.1.1.2, PS3.5 annexes H to K)."""

from __future__ import annotations

import struct
from typing import Any

import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from dicomwire.data.character_sets import (
    DELIMITERS,
    NAME_DELIMITERS,
    NotInSet,
    decode_text,
    encoder,
    is_read_with,
    python_encodings,
    smallest_set,
    terms_of,
)
from dicomwire.dsutils import decode, encode_dataset
from tests.support.data_sets import fill

PATIENT_NAME = "Müller^Jörg"


@pytest.fixture(autouse=True)
def _nothing_is_known_yet() -> None:
    """Each test makes what it uses: else those do not come by that use what another has made."""
    encoder.cache_clear()
    python_encodings.cache_clear()


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


# -- sets, one by one -----------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, ()),
        ("", ()),
        (b"", ()),
        (["", None], ()),
        ("ISO_IR 100", ("ISO_IR 100",)),
        (" ISO_IR 100\0", ("ISO_IR 100",)),
        (b"ISO_IR 100 ", ("ISO_IR 100",)),
        (b"\\ISO 2022 IR 87", ("", "ISO 2022 IR 87")),
        ([None, "ISO 2022 IR 87"], ("", "ISO 2022 IR 87")),
        (b"\xff", ("\xff",)),
    ],
)
def test_terms_are_the_values_without_padding(value: Any, expected: tuple[str, ...]) -> None:
    assert terms_of(value) == expected


def test_the_last_character_of_latin_1_needs_no_unicode() -> None:
    assert smallest_set(["a\xff"]) == "ISO_IR 100"
    assert smallest_set(["a\xff", "\u0100"]) == "ISO_IR 192"
    assert smallest_set([]) == "ISO_IR 100"


@pytest.mark.parametrize(
    ("terms", "codecs"),
    [
        ((), ["iso8859"]),
        (("ISO-IR 144",), ["iso_ir_144"]),
        (("ISO_2022_IR_100", "ISO-2022-IR-144"), ["latin_1", "iso_ir_144"]),
        (("", "ISO_2022_IR 87"), ["iso8859", "iso2022_jp"]),
        (("ISO_IR 192", "ISO 2022 IR 87"), ["UTF8"]),
        (("ISO_IR 100", "ISO_IR 192"), ["latin_1"]),
        (("nonsense",), ["iso8859"]),
    ],
)
def test_sets_are_decoded_with_pydicoms_codecs_however_they_are_spelled(
    terms: tuple[str, ...], codecs: list[str]
) -> None:
    assert python_encodings.__wrapped__(terms) == codecs
    assert is_read_with(codecs, terms)
    assert not is_read_with(["x"], terms)


def test_a_codec_that_pydicom_looked_up_is_one_that_was_read_with() -> None:
    assert is_read_with(["latin2"], ("latin2",))
    # Without a warning, and whatever pydicom makes of it.
    assert not is_read_with(["latin2"], ("latin3",))
    assert not is_read_with(["latin2"], ("a\0b",))


@pytest.mark.parametrize(
    ("terms", "text", "expected"),
    [
        (("", "ISO 2022 IR 87"), "abc", b"abc"),
        (("", "ISO 2022 IR 87"), "山ab山", b"\x1b$B;3\x1b(Bab\x1b$B;3\x1b(B"),
        # Alone, though the standard has it as a second one.
        (("ISO 2022 IR 87",), "山", b"\x1b$B;3\x1b(B"),
        (("ISO 2022 IR 149",), "한", b"\xc7\xd1"),
        (("ISO-IR-100",), "é", b"\xe9"),
        (("nonsense",), "abc", b"abc"),
    ],
)
def test_text_is_encoded(terms: tuple[str, ...], text: str, expected: bytes) -> None:
    assert encoder(terms)(text, DELIMITERS) == expected


@pytest.mark.parametrize(
    ("terms", "text", "words"),
    [
        ((), "é", "the default character set, ASCII lacks"),
        (("ISO_IR 100",), "李", "that ISO_IR 100 lacks"),
        (("GBK",), "한", "that GBK lacks"),
        (("ISO 2022 IR 100", "ISO 2022 IR 87"), "Ж한", r"that ISO 2022 IR 100\\ISO 2022 IR 87 lacks"),
        # Which takes the place of the backslash there.
        (("ISO_IR 13",), "¥", "that ISO_IR 13 lacks"),
        (("nonsense",), "é", "SpecificCharacterSet 'nonsense' is not known here"),
        (("ISO_IR 192",), "a\ud800", "has surrogates, which are no characters"),
        (("ISO_IR 192",), "\udfff", "has surrogates, which are no characters"),
    ],
)
def test_the_error_says_which_set_it_was(terms: tuple[str, ...], text: str, words: str) -> None:
    with pytest.raises(NotInSet, match=words):
        encoder(terms)(text, DELIMITERS)


@pytest.mark.parametrize(
    ("raw", "codecs", "as_name", "as_text"),
    [
        (b"M\xfcller", ["latin_1"], "Müller", "Müller"),
        (b"\x1b$B;3ED\x1b(B", ["iso8859", "iso2022_jp"], "山田", "山田"),
        # Behind a delimiter of names the first set is back.
        (b"\x1b-F\xc4^\xc4=\xc4", ["latin_1", "iso_ir_126"], "Δ^Ä=Ä", "Δ^Δ=Δ"),
        (b"\x1b-F\xc4\n\xc4_>", ["latin_1", "iso_ir_126"], "Δ\nÄ_>", "Δ\nÄ_>"),
        (b"\x1b-F\xc4_\xc4>\xc4", ["latin_1", "iso_ir_126"], "Δ_Δ>Δ", "Δ_Δ>Δ"),
    ],
)
def test_text_is_decoded_with_its_delimiters(raw: bytes, codecs: list[str], as_name: str, as_text: str) -> None:
    assert decode_text(raw, codecs, is_name=True) == as_name
    assert decode_text(raw, codecs, is_name=False) == as_text


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("raw", "codecs"), [(b"\xff", ["utf8"]), (b"a", ["no such codec"]), (b"\x1b$B\xff\xff", ["iso8859", "iso2022_jp"])]
)
def test_bytes_that_are_no_text_are_an_error(raw: bytes, codecs: list[str]) -> None:
    with pytest.raises(NotInSet, match="holds bytes that are no text in the character set that they came in"):
        decode_text(raw, codecs, is_name=False)


# -- the set that gets stated ---------------------------------------------------------------------------------------
def nested(*items: Dataset, **elements: Any) -> Dataset:
    return dataset(ScheduledProcedureStepSequence=Sequence(items), **elements)


def test_what_items_state_themselves_does_not_count_for_what_they_are_in() -> None:
    own = dataset(PatientName="李", SpecificCharacterSet="ISO_IR 192")
    assert sent(nested(own, PatientName="é")).SpecificCharacterSet == "ISO_IR 100"
    assert sent(nested(dataset(PatientName="李"), PatientName="é")).SpecificCharacterSet == "ISO_IR 192"
    several = dataset(OtherPatientNames=["é", "李"], PatientComments="")
    assert sent(several).SpecificCharacterSet == "ISO_IR 192"
    # Names of others than text say nothing.
    added = decode(raw(0x00100020, b"7 "), True, True)
    added.PatientName = "李"
    assert sent(added).SpecificCharacterSet == "ISO_IR 192"
    binary = dataset(PatientName="é")
    binary.add_new(0x00091001, "UN", "李".encode())
    binary.add_new(0x00080060, "CS", None)
    assert sent(binary).SpecificCharacterSet == "ISO_IR 100"


@pytest.mark.parametrize("implicit", [True, False])
@pytest.mark.parametrize("stated", [None, ""])
@pytest.mark.parametrize(
    ("term", "text"), [("ISO_IR 192", "李^é"), ("\\ISO 2022 IR 87", "山^山"), ("ISO_IR 144", "Ж"), ("ISO_IR 100", "é")]
)
def test_text_that_was_read_gets_a_set_that_holds_it_where_none_is_stated_any_more(
    term: str, text: str, stated: str | None, implicit: bool
) -> None:
    made = dataset(PatientName=text, PatientID="1", PatientComments=text)
    made.SpecificCharacterSet = term.split("\\")
    read = decode(encode_dataset(made, implicit, True), implicit, True)
    if stated is None:
        del read.SpecificCharacterSet
    else:
        read.SpecificCharacterSet = stated
    received = sent(read)
    assert received.SpecificCharacterSet == ("ISO_IR 100" if text == "é" else "ISO_IR 192")
    assert (received.PatientName, received.PatientComments, received.PatientID) == (text, text, "1")


def test_bytes_that_are_no_text_are_named_where_they_would_have_to_be_decoded() -> None:
    read = decode(raw(0x00080005, b"ISO_IR 192") + raw(0x00100010, b"M\xfcller"), True, True)
    read.SpecificCharacterSet = ""
    with pytest.raises(ValueError, match=r"PatientName \(0010,0010\) holds bytes that are no text"):
        encode_dataset(read, True, True)


def test_an_item_that_states_nothing_gets_the_set_of_what_it_is_in() -> None:
    item = dataset(PatientName="山", SpecificCharacterSet="")
    received = sent(nested(item, SpecificCharacterSet=["", "ISO 2022 IR 87"]))
    found = received.ScheduledProcedureStepSequence[0]
    assert (list(found.SpecificCharacterSet), found.PatientName) == (["", "ISO 2022 IR 87"], "山")


def test_elements_taken_from_another_data_set_are_in_the_default_one() -> None:
    made = Dataset()
    made._dict.update(decode(raw(0x00100020, b"M\xfcller"), True, True)._dict)
    made.PatientName = "李"
    received = sent(made)
    assert (received.PatientName, received.PatientID) == ("李", "Müller")


# -- what separates what --------------------------------------------------------------------------------------------
ONCE, TWICE = b"\x1b$)C\xc7\xd1%s\xc7\xd1", b"\x1b$)C\xc7\xd1%s\x1b$)C\xc7\xd1"


@pytest.mark.parametrize(
    ("vr", "value", "expected"),
    [
        ("LO", "한^한", ONCE % b"^"),
        ("PN", "한^한", TWICE % b"^"),
        ("PN", "한=한", TWICE % b"="),
        ("PN", ["한", "한"], TWICE % b"\\"),
        ("LO", ["한", "한"], TWICE % b"\\"),
        ("LT", "한\\한", ONCE % b"\\"),
        ("UT", "한\\한", ONCE % b"\\"),
        ("ST", "한\\한", ONCE % b"\\"),
        ("UC", ["한", "한"], TWICE % b"\\"),
    ],
)
@pytest.mark.parametrize("is_read", [False, True])
def test_a_set_is_called_again_behind_what_separates(vr: str, value: Any, expected: bytes, is_read: bool) -> None:
    made = Dataset()
    made.SpecificCharacterSet = ["ISO_IR 192"] if is_read else ["", "ISO 2022 IR 149"]
    made.add_new(0x00091001, vr, value)
    if is_read:
        made = decode(encode_dataset(made, False, True), False, True)
        made.SpecificCharacterSet = ["", "ISO 2022 IR 149"]
    data = encode_dataset(made, False, True)
    assert data.endswith(expected + b" " * (len(expected) & 1))


@pytest.mark.parametrize(
    ("before", "vr", "value", "after"),
    [
        # Spaces at the end are padding in names, and may be text elsewhere.
        ("ISO_IR 100", "PN", b"M\xfcl ", "Mül".encode()),
        ("ISO_IR 100", "PN", b"M\xfcl\0", "Mül".encode()),
        ("ISO_IR 100", "PN", b" \xfc\t ", " ü\t".encode()),
        ("ISO_IR 100", "LO", b"M\xfcl ", "Mül  ".encode()),
        ("ISO 2022 IR 100\\ISO 2022 IR 126", "PN", b"\x1b-F\xc4^\xc4", "Δ^Ä ".encode()),
        ("ISO 2022 IR 100\\ISO 2022 IR 126", "LO", b"\x1b-F\xc4^\xc4", "Δ^Δ ".encode()),
        ("\\ISO 2022 IR 87", "LO", b"\x1b$B;3\x1b(B", "山 ".encode()),
        ("ISO_IR 100", "LO", b"abc ", b"abc "),
    ],
)
def test_text_that_was_read_is_decoded_as_it_came(before: str, vr: str, value: bytes, after: bytes) -> None:
    def explicit(tag: int, vr: str, value: bytes) -> bytes:
        value += b" " * (len(value) & 1)
        return struct.pack("<HH2sH", tag >> 16, tag & 0xFFFF, vr.encode(), len(value)) + value

    read = decode(explicit(0x00080005, "CS", before.encode()) + explicit(0x00091001, vr, value), False, True)
    read.SpecificCharacterSet = "ISO_IR 192"
    assert encode_dataset(read, False, True).endswith(explicit(0x00091001, vr, after))
