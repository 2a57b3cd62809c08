import json
from pathlib import Path
from typing import Any

import pytest

from dicomwire.status import Status, code_to_category, code_to_status
from dicomwire.vocabulary import statuses as status

TABLES: dict[str, dict[str, Any]] = json.loads(
    (Path(__file__).parents[1] / "data" / "contract" / "statuses.json").read_text()
)


def codes_of(entry: dict[str, str]) -> range:
    first = int(entry.get("code") or entry["from"], 16)
    return range(first, int(entry.get("code") or entry["to"], 16) + 1)


@pytest.mark.parametrize("name", TABLES)
def test_a_table_holds_exactly_the_codes_of_the_contract(name: str) -> None:
    entries = list(TABLES[name]["entries"])
    if TABLES[name]["includes_general"]:
        entries += TABLES["GENERAL_STATUS"]["entries"]
    expected = {code: entry["category"] for entry in entries for code in codes_of(entry)}
    table = getattr(status, name)
    assert {code: category for code, (category, _) in table.items()} == expected
    assert len(table) == TABLES[name]["total_codes"]
    assert all(text for _, text in table.values())


def test_there_are_18_tables_and_all_are_exported() -> None:
    assert len(TABLES) == 18
    assert set(TABLES) <= set(status.__all__)


def test_the_text_of_a_service_wins_over_the_general_one() -> None:
    assert status.PROCEDURE_STEP_STATUS[0x0110] != status.GENERAL_STATUS[0x0110]
    assert status.PROCEDURE_STEP_STATUS[0x0110][0] == status.GENERAL_STATUS[0x0110][0]


def test_the_text_of_a_code_wins_over_that_of_a_range_around_it() -> None:
    table = status.UNIFIED_PROCEDURE_STEP_SERVICE_CLASS_STATUS
    assert table[0xC301] != table[0xC305]
    assert table[0xC305] == table[0xC000]


@pytest.mark.parametrize(
    ("codes", "category"),
    [
        ([0x0000], "Success"),
        ([0xFF00, 0xFF01], "Pending"),
        ([0xFE00], "Cancel"),
        ([0x0001, 0x0107, 0x0116, *range(0xB000, 0xC000)], "Warning"),
        (
            [
                *(0x0105, 0x0106),
                *range(0x0110, 0x0116),
                *range(0x0117, 0x011A),
                *range(0x0120, 0x0125),
                *range(0x0210, 0x0214),
                *range(0xA000, 0xB000),
                *range(0xC000, 0xD000),
            ],
            "Failure",
        ),
        ([0x0002, 0x0104, 0x0108, 0x011A, 0x0125, 0x0214, 0x9FFF, 0xD000, 0xFDFF, 0xFE01, 0xFF02, 0x10000], "Unknown"),
    ],
)
def test_a_code_has_a_category(codes: list[int], category: str) -> None:
    assert {code_to_category(code) for code in codes} == {category}


def test_the_rest_of_the_codes_is_unknown() -> None:
    known = sum(code_to_category(code) != "Unknown" for code in range(0x10000))
    assert known == 24 + 1 + 2 + 3 * 0x1000


@pytest.mark.parametrize("code", [-1, "0x0000", None, 1.0])
def test_what_is_no_code_is_refused(code: Any) -> None:
    with pytest.raises(ValueError, match="not a status code"):
        code_to_category(code)
    with pytest.raises(ValueError, match="not a status code"):
        code_to_status(code)


def test_a_code_becomes_a_dataset_with_a_status() -> None:
    assert code_to_status(0x0000).Status == 0x0000
    dataset = code_to_status(0xA700)
    assert dataset.Status == 0xA700
    assert len(dataset) == 1


def test_status_names_common_codes() -> None:
    assert [(member.name, int(member)) for member in Status] == [
        ("SUCCESS", 0x0000),
        ("MOVE_DESTINATION_UNKNOWN", 0xA801),
        ("CANCEL", 0xFE00),
        ("PENDING", 0xFF00),
    ]


def test_a_status_can_be_added_and_compared() -> None:
    Status.add("ADDED_BY_A_TEST", 0xC123)
    added = vars(Status)["ADDED_BY_A_TEST"]
    assert added == 0xC123
    assert added != Status.CANCEL


def test_the_first_and_the_last_code_can_be_added() -> None:
    for name, code in (("FIRST_OF_A_TEST", 0x0000), ("LAST_OF_A_TEST", 0xFFFF)):
        Status.add(name, code)
        assert vars(Status)[name] == code


@pytest.mark.parametrize(("name", "code"), [("two words", 1), ("", 1), ("OK", -1), ("OK", 0x10000), ("OK", "0xC000")])
def test_a_bad_status_is_not_added(name: str, code: Any) -> None:
    with pytest.raises(ValueError, match="status"):
        Status.add(name, code)


def test_a_member_cannot_be_added_again() -> None:
    with pytest.raises(AttributeError):
        Status.add("SUCCESS", 1)
    assert int(Status.SUCCESS) == 0


def test_the_words_for_categories() -> None:
    words = [
        status.STATUS_SUCCESS,
        status.STATUS_FAILURE,
        status.STATUS_WARNING,
        status.STATUS_CANCEL,
        status.STATUS_PENDING,
        status.STATUS_UNKNOWN,
    ]
    assert words == ["Success", "Failure", "Warning", "Cancel", "Pending", "Unknown"]
