"""Queries as programs write them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, strategies as st
from pydicom.datadict import keyword_for_tag
from pydicom.dataset import Dataset

from dicomwire.client.queries import query_of
from dicomwire.dsutils import decode, encode

EXPLICIT = (False, True)
IMPLICIT = (True, True)
KEYS = (
    "PatientName",
    "PatientID",
    "StudyInstanceUID",
    "StudyDate",
    "ModalitiesInStudy",
    "SeriesNumber",
)


def sent(query: Any, syntax: tuple[bool, bool] = EXPLICIT) -> Dataset:
    """What the peer sees."""
    from io import BytesIO

    data = encode(query_of(query), *syntax)
    assert data is not None
    return decode(BytesIO(data), *syntax)


def test_a_data_set_is_left_as_it_is() -> None:
    dataset = Dataset()
    assert query_of(dataset) is dataset


@pytest.mark.parametrize("empty", [None, ""])
def test_nothing_asks_for_what_the_peer_has(empty: Any) -> None:
    made = sent(dict.fromkeys(KEYS, empty))
    assert [element.keyword for element in made] == sorted(KEYS, key=lambda key: made[key].tag)
    assert all(element.is_empty for element in made)


def test_values_are_matched() -> None:
    made = sent({"PatientName": "DOE*", "StudyDate": "20260101-", "ModalitiesInStudy": ["CT", "MR"], "Rows": 512})
    assert made.PatientName == "DOE*"
    assert made.StudyDate == "20260101-"
    assert list(made.ModalitiesInStudy) == ["CT", "MR"]
    assert made.Rows == 512


@pytest.mark.parametrize("empty", [None, "", [], {}])
def test_an_empty_sequence_asks_for_whole_items(empty: Any) -> None:
    made = sent({"ScheduledProcedureStepSequence": empty})
    assert len(made.ScheduledProcedureStepSequence) == (1 if empty == {} else 0)


def test_numbers_may_be_asked_for_with_an_empty_text() -> None:
    assert sent({"Rows": "", "PatientName": ""})["Rows"].is_empty


def item(**elements: Any) -> Dataset:
    dataset = Dataset()
    for name, value in elements.items():
        setattr(dataset, name, value)
    return dataset


@pytest.mark.parametrize(
    "steps",
    [
        {"Modality": "CT", "ScheduledStationAETitle": ""},
        [{"Modality": "CT", "ScheduledStationAETitle": ""}],
        item(Modality="CT", ScheduledStationAETitle=""),
        (item(Modality="CT", ScheduledStationAETitle=""),),
    ],
)
def test_a_mapping_is_the_item_of_a_sequence(steps: Any) -> None:
    made = sent({"PatientName": "", "ScheduledProcedureStepSequence": steps})
    [step] = made.ScheduledProcedureStepSequence
    assert step.Modality == "CT"
    assert step["ScheduledStationAETitle"].is_empty


def test_sequences_may_be_in_sequences() -> None:
    made = sent({"ScheduledProcedureStepSequence": {"ScheduledProtocolCodeSequence": {"CodeValue": "A"}}})
    assert made.ScheduledProcedureStepSequence[0].ScheduledProtocolCodeSequence[0].CodeValue == "A"


@pytest.mark.parametrize("name", ["NoSuchKeyword", "patientname", "", 3, (0x0010, 0x0010), None])
def test_what_is_no_keyword_is_named(name: Any) -> None:
    with pytest.raises(ValueError, match="is no keyword") as refused:
        query_of({name: ""})
    assert repr(name) in str(refused.value)
    with pytest.raises(ValueError, match="is no keyword"):
        query_of({"ScheduledProcedureStepSequence": {name: ""}})


@pytest.mark.parametrize("query", [None, 3, "PatientName=DOE", [("PatientName", "DOE")], b"bytes"])
def test_what_is_no_query_is_refused(query: Any) -> None:
    with pytest.raises(TypeError, match="a Dataset or a mapping"):
        query_of(query)


@pytest.mark.parametrize("steps", [3, "CT", [3], ["CT"]])
def test_what_is_no_item_is_refused(steps: Any) -> None:
    with pytest.raises(TypeError, match="ScheduledProcedureStepSequence"):
        query_of({"ScheduledProcedureStepSequence": steps})


@pytest.mark.parametrize(
    "query",
    [
        {"PatientName": "Müller*"},
        {"ScheduledProcedureStepSequence": {"ScheduledPerformingPhysicianName": "Müller"}},
        {"OtherPatientIDs": ["A", "Ä"]},
        {"ScheduledProcedureStepSequence": item(ScheduledPerformingPhysicianName="Müller")},
    ],
)
def test_text_beyond_ascii_is_sent_as_utf_8(query: Any) -> None:
    assert query_of(query).SpecificCharacterSet == "ISO_IR 192"
    assert "Ã" not in str(sent(query))
    assert "Ä" in str(sent(query)) or "Müller" in str(sent(query))


def test_plain_text_names_no_character_set() -> None:
    assert "SpecificCharacterSet" not in query_of({"PatientName": "Mueller*"})


@pytest.mark.parametrize("named", ["ISO_IR 100", ["", "ISO 2022 IR 87"]])
def test_a_character_set_that_is_named_is_kept(named: Any) -> None:
    made = query_of({"SpecificCharacterSet": named, "PatientName": "Müller"})
    assert made.SpecificCharacterSet == named


def test_a_character_set_that_is_asked_for_is_none() -> None:
    """An empty one is no answer to the question how the text is written."""
    made = query_of({"SpecificCharacterSet": "", "PatientName": "Müller"})
    assert made.SpecificCharacterSet == "ISO_IR 192"


TEXT = st.text(st.characters(codec="utf-8", categories=("L", "N")), min_size=1, max_size=16)
VALUES = {
    "PatientName": TEXT,
    "PatientID": TEXT,
    "StudyDescription": TEXT,
    "StudyInstanceUID": st.from_regex(r"1(\.[1-9][0-9]{0,5}){1,6}", fullmatch=True),
    "Modality": st.sampled_from(["CT", "MR"]),
    "Rows": st.integers(0, 0xFFFF),
    "StudyDate": st.dates().map(lambda date: f"{date.year:04}{date.month:02}{date.day:02}"),
}
QUERIES: Any = st.recursive(
    st.fixed_dictionaries({}, optional={key: st.none() | value for key, value in VALUES.items()}),
    lambda inner: st.builds(
        lambda outer, steps: {**outer, "ScheduledProcedureStepSequence": steps},
        st.fixed_dictionaries({}, optional={"PatientName": TEXT}),
        st.lists(inner, max_size=2),
    ),
    max_leaves=4,
)


def plain(dataset: Dataset) -> dict[str, Any]:
    """A data set as a mapping again."""
    made: dict[str, Any] = {}
    for element in dataset:
        keyword = keyword_for_tag(element.tag)
        if keyword == "SpecificCharacterSet":
            continue
        if element.VR == "SQ":
            made[keyword] = [plain(each) for each in element.value]
        else:
            made[keyword] = None if element.is_empty else element.value if element.VR == "US" else str(element.value)
    return made


@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT])
@given(query=QUERIES)
def test_a_peer_sees_what_was_written(syntax: tuple[bool, bool], query: dict[str, Any]) -> None:
    if query:
        assert plain(sent(query, syntax)) == query
