"""Matching of attributes (PS3.4 C.2.2.2), by hand and by properties."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, strategies as st
from pydicom.config import IGNORE
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset

from dicomwire.data.attribute_values import like
from dicomwire.dsutils import decode, encode
from dicomwire.errors import BrokenDataSet
from dicomwire.matching import Matching


def data_set(**elements: Any) -> Dataset:
    made = Dataset()
    for keyword, value in elements.items():
        tag = tag_for_keyword(keyword)
        assert tag is not None
        made[tag] = DataElement(tag, dictionary_VR(tag), value, validation_mode=IGNORE)
    return made


def one(vr: str, value: Any) -> Dataset:
    """A data set with one private element of this VR."""
    made = Dataset()
    made[0x00091001] = DataElement(0x00091001, vr, value, validation_mode=IGNORE)
    return made


def is_match(vr: str, key: Any, value: Any, **options: Any) -> bool:
    return Matching(one(vr, key), **options).matches(one(vr, value))


@pytest.mark.parametrize(
    ("vr", "key", "value", "expected"),
    [
        # Single value matching.
        ("LO", "Head", "Head", True),
        ("LO", "Head", "head", False),
        ("LO", " Head ", "Head  ", True),
        ("LO", "Head", "Headache", False),
        ("LO", "Head", "", False),
        ("LO", "Head", ["Neck", "Head"], True),
        ("LO", ["Head", "Foot"], "Foot", True),
        ("UI", "1.2.3", "1.2.3", True),
        ("US", 5, 5, True),
        ("US", 5, 6, False),
        ("US", 0, 0, True),
        ("IS", "5", "005", True),
        ("DS", "1.50", "1.5", True),
        ("DS", "1.5", "", False),
        ("FD", 0.5, 0.5, True),
        ("AT", 0x00100010, 0x00100010, True),
        ("OB", b"\0\1", b"\0\1", True),
        ("OB", b"\0\1", b"\0\2", False),
        # Universal matching.
        ("LO", "", "anything", True),
        ("LO", "", "", True),
        ("LO", "*", "", True),
        ("PN", "**", "", True),
        ("US", None, 7, True),
        # Lists of UIDs.
        ("UI", ["1.2", "1.3"], "1.3", True),
        ("UI", ["1.2", "1.3"], "1.4", False),
        ("UI", ["1.2", "1.3"], ["1.4", "1.3"], True),
        # Wild cards, where a VR may have them.
        ("LO", "He*d", "Heartbleed", True),
        ("LO", "H?ad", "Head", True),
        ("LO", "H?ad", "Had", False),
        ("LO", "?", "", False),
        ("AE", "SCAN*", "SCANNER", True),
        ("CS", "C?", "CT", True),
        ("LO", "[a-z]*", "b", False),
        ("LO", "a.c", "abc", False),
        ("UI", "1.2.*", "1.2.3", False),
        ("DA", "2024*", "20240101", False),
    ],
)
def test_values_are_compared_as_their_vr_has_it(vr: str, key: Any, value: Any, expected: bool) -> None:
    assert is_match(vr, key, value) is expected


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("Doe^Jane", "Doe^Jane", True),
        ("Doe^Jane", "Doe^Jane^^^", True),
        ("Doe^Jane^^", "Doe^Jane", True),
        ("Doe", "Doe^Jane", False),
        ("Doe*", "Doe^Jane", True),
        ("*^Jane", "Doe^Jane", True),
        ("Doe^Jane", "Doe ^Jane", True),
        ("Yamada^Tarou", "Yamada^Tarou=山田^太郎=やまだ^たろう", True),
        ("山田*", "Yamada^Tarou=山田^太郎", True),
        ("=山田*", "Yamada^Tarou=山田^太郎", True),
        ("=Yamada*", "Yamada^Tarou=山田^太郎", False),
        ("Yamada*=山田*", "Yamada^Tarou=山田^太郎", True),
        ("Yamada*=山口*", "Yamada^Tarou=山田^太郎", False),
        ("Yamada*=山田*", "Yamada^Tarou", False),
        ("doe^jane", "Doe^Jane", False),
    ],
)
def test_names_are_compared_by_their_groups(key: str, value: str, expected: bool) -> None:
    assert is_match("PN", key, value) is expected


@pytest.mark.parametrize(("key", "value"), [("doe*", "DOE^Jane"), ("STRASSE", "Straße"), ("ÖZ*", "öz^a")])
def test_names_may_match_in_any_case_and_other_values_never(key: str, value: str) -> None:
    assert not is_match("PN", key, value)
    assert is_match("PN", key, value, names_in_any_case=True)
    assert not is_match("LO", key, value, names_in_any_case=True)


@pytest.mark.parametrize(
    ("vr", "key", "value", "expected"),
    [
        ("DA", "20240102", "20240102", True),
        ("DA", "20240102", "2024.01.02", True),
        ("DA", "20240102", "20240103", False),
        ("DA", "20240101-20240131", "20240131", True),
        ("DA", "20240101 - 20240131", "20240101", True),
        ("DA", "20240101-20240131", "20240201", False),
        ("DA", "20240101-", "20240201", True),
        ("DA", "20240101-", "20231231", False),
        ("DA", "-20240131", "20240131", True),
        ("DA", "-20240131", "20240201", False),
        ("DA", "20240101-", "", False),
        ("DA", "-", "20240101", False),
        ("DA", "yesterday", "20240101", False),
        ("DA", "20240101", "yesterday", False),
        ("DA", "yesterday", "yesterday", True),
        ("TM", "1015", "101500", True),
        ("TM", "1015", "101559.5", True),
        ("TM", "1015", "101600", False),
        ("TM", "10:15", "101500", True),
        ("TM", "10-11", "115959.999999", True),
        ("TM", "10-11", "12", False),
        ("TM", "101500-", "101459.999", False),
        ("TM", "-1015", "101559", True),
        ("DT", "2024", "20240229101112.5", True),
        ("DT", "202402-202403", "20240331235959", True),
        ("DT", "202402-202403", "20240401", False),
        ("DT", "2020-2024", "2022", True),
        ("DT", "20240101120000+0100", "20240101110000+0000", True),
        ("DT", "20240101120000+0100", "20240101120000+0000", False),
        ("DT", "20240101120000+0100", "20240101120000", True),
        ("DT", "20240101000000-0500-20240102000000-0500", "20240101060000+0000", True),
        ("DT", "20240101000000-0500-20240102000000-0500", "20240101040000+0000", False),
        ("DT", "20240101000000+0000-20240101100000-0500", "20240101143000+0000", True),
        ("DT", "-20240101100000-0500", "20240101153000+0000", False),
    ],
)
def test_dates_and_times_match_as_moments_and_ranges(vr: str, key: str, value: str, expected: bool) -> None:
    assert is_match(vr, key, value) is expected


def steps(*modalities: str) -> Dataset:
    return data_set(
        PatientID="1",
        ScheduledProcedureStepSequence=[
            data_set(Modality=modality, ScheduledStationAETitle=f"{modality}1") for modality in modalities
        ],
    )


def asking(**keys: Any) -> Matching:
    return Matching(data_set(ScheduledProcedureStepSequence=[data_set(**keys)]))


def test_a_sequence_matches_if_an_item_has_all_keys() -> None:
    assert asking(Modality="MR", ScheduledStationAETitle="").matches(steps("CT", "MR"))
    assert asking(Modality="MR", ScheduledStationAETitle="MR1").matches(steps("CT", "MR"))
    # Each of these is in some item, and both in none.
    assert not asking(Modality="MR", ScheduledStationAETitle="CT1").matches(steps("CT", "MR"))
    assert not asking(Modality="MR").matches(steps())


@pytest.mark.parametrize("items", [[], [Dataset()], [data_set(Modality="")], [data_set(Modality="*")]])
def test_a_sequence_without_keys_with_values_is_universal(items: list[Dataset]) -> None:
    identifier = data_set(PatientID="1", ScheduledProcedureStepSequence=items)
    for entity in (steps("CT"), steps(), data_set(PatientID="1")):
        assert Matching(identifier).matches(entity)


def test_what_only_says_how_to_read_is_no_key() -> None:
    identifier = data_set(
        SpecificCharacterSet="ISO_IR 192", QueryRetrieveLevel="STUDY", TimezoneOffsetFromUTC="+0100", PatientID="1"
    )
    identifier.add_new(0x00090010, "LO", "SOMEBODY")
    assert Matching(identifier).matches(data_set(PatientID="1"))
    assert not Matching(identifier).matches(data_set(PatientID="2"))


def test_the_answer_has_what_was_asked_for_and_nothing_else() -> None:
    entity = data_set(SpecificCharacterSet="ISO_IR 100", PatientName="Müller", PatientID="7", PatientSex="F")
    identifier = data_set(PatientName="M*", PatientBirthDate=None, PatientSize=None, ReferencedStudySequence=[])
    answer = Matching(identifier).answer(entity)
    assert answer == data_set(
        SpecificCharacterSet="ISO_IR 100",
        PatientName="Müller",
        PatientBirthDate=None,
        PatientSize=None,
        ReferencedStudySequence=[],
    )


def test_of_a_sequence_there_are_the_items_that_match_with_their_keys() -> None:
    identifier = data_set(ScheduledProcedureStepSequence=[data_set(Modality="MR", ScheduledProcedureStepID=None)])
    (item,) = Matching(identifier).answer(steps("CT", "MR")).ScheduledProcedureStepSequence
    assert item == data_set(Modality="MR", ScheduledProcedureStepID=None)


def test_a_sequence_without_keys_is_answered_whole_and_is_a_copy() -> None:
    entity = steps("CT", "MR")
    answer = Matching(data_set(ScheduledProcedureStepSequence=[])).answer(entity)
    assert answer.ScheduledProcedureStepSequence == entity.ScheduledProcedureStepSequence
    assert answer.ScheduledProcedureStepSequence[0] is not entity.ScheduledProcedureStepSequence[0]


def sent(made: Dataset) -> Dataset:
    """As a peer gets it."""
    return decode(encode(made, True, True) or b"", True, True)


def test_text_is_compared_whatever_the_character_sets() -> None:
    matching = Matching(sent(data_set(SpecificCharacterSet="ISO_IR 192", PatientName="Mü*")))
    entity = sent(data_set(SpecificCharacterSet="ISO_IR 100", PatientName="Müller"))
    assert matching.matches(entity)
    assert sent(matching.answer(entity)).PatientName == "Müller"


def test_odd_keys_match_nothing_and_raise_nothing() -> None:
    for vr, key in (("DS", "NaN"), ("DS", "Infinity"), ("TM", "99"), ("DT", "00000000-99999999"), ("UI", "x")):
        assert not is_match(vr, key, "5")


def test_a_key_that_cannot_be_decoded_is_told_as_that() -> None:
    identifier = decode(b"\x40\0\x25\x92\x02\0\0\0* ", True, True)
    with pytest.raises(BrokenDataSet):
        Matching(identifier)


ALPHABET = st.text(st.sampled_from("ab*?.\n["), max_size=8)


@given(ALPHABET, ALPHABET)
def test_wild_cards_are_those_of_a_regular_expression(pattern: str, text: str) -> None:
    expected = "".join({"*": ".*", "?": "."}.get(char, re.escape(char)) for char in pattern)
    assert like(pattern)(text) is bool(re.fullmatch(expected, text, re.DOTALL))


def test_a_hostile_pattern_takes_no_time() -> None:
    # A regular expression would not come to an end, and comparing character by character takes a minute.
    assert not like("*a" * 500 + "b")("a" * 10000)
    assert not like("*" + "a" * 5000 + "b")("a" * 60000)


def test_a_pattern_longer_than_any_value_matches_nothing() -> None:
    assert like("*".join("?" * 10240))("a" * 10240)
    assert not like("?" * 10241)("a" * 10241)


@pytest.mark.parametrize("vr", ["DA", "TM", "DT"])
def test_hyphens_without_end_are_no_range(vr: str) -> None:
    # A look at each of them took half an hour for two megabytes.
    assert not is_match(vr, "-" * (1 << 21), "20200101")
    assert is_match(vr, "-" * 100, "-" * 100)


def test_a_list_of_ten_thousand_uids_is_asked_at_once() -> None:
    wanted = Matching(one("UI", [f"1.2.{number}" for number in range(10000)]))
    entities = [one("UI", f"1.2.{number}") for number in range(9000, 11000)]
    assert sum(map(wanted.matches, entities)) == 1000


@pytest.mark.parametrize(
    "identifier",
    [
        pytest.param(one("LO", [f"{number}*" for number in range(4097)]), id="wild cards"),
        pytest.param(one("DA", ["20200101-"] * 4097), id="ranges"),
        pytest.param(one("SQ", [one("LO", "x")] * 4096), id="items"),
    ],
)
def test_more_keys_than_anybody_asks_for_are_refused(identifier: Dataset) -> None:
    with pytest.raises(BrokenDataSet, match="more than 4096"):
        Matching(identifier)


def test_a_name_has_three_groups() -> None:
    assert is_match("PN", "a=b=c", "a=b=c")
    assert is_match("PN", "=*=" + "*=" * 100000, "a")
    assert not is_match("PN", "a=b=c=d", "a=b=c=d")


MOMENTS = st.datetimes(datetime(1900, 1, 1), datetime(2100, 1, 1))
OFFSETS = st.integers(-11 * 60, 14 * 60)


def written(moment: datetime, offset: int) -> str:
    sign = "-" if offset < 0 else "+"
    local = moment + timedelta(minutes=offset)
    return f"{local:%Y%m%d%H%M%S.%f}{sign}{abs(offset) // 60:02}{abs(offset) % 60:02}"


@given(MOMENTS, MOMENTS, MOMENTS, OFFSETS, OFFSETS)
def test_a_range_of_moments_is_that_of_the_calendar(
    low: datetime, high: datetime, moment: datetime, offset: int, other: int
) -> None:
    key = f"{written(low, offset)}-{written(high, offset)}"
    assert is_match("DT", key, written(moment, other)) is (low <= moment <= high)


@given(st.dates(), st.dates(), st.dates())
def test_a_range_of_dates_is_that_of_the_calendar(low: Any, high: Any, day: Any) -> None:
    low, high, day = (f"{each.year:04}{each.month:02}{each.day:02}" for each in (low, high, day))
    assert is_match("DA", f"{low}-{high}", day) is (low <= day <= high)


@given(st.text(max_size=20), st.text(max_size=20), st.sampled_from(["DA", "TM", "DT", "DS", "PN", "LO", "UI"]))
def test_no_key_raises(key: str, value: str, vr: str) -> None:
    plain = [text.replace("\\", "") for text in (key, value)]
    identifier, entity = Dataset(), Dataset()
    for made, text in zip((identifier, entity), plain, strict=True):
        made[0x00091001] = DataElement(0x00091001, vr, "", validation_mode=IGNORE)
        made[0x00091001]._value = text
    Matching(identifier).matches(entity)
