"""What is used of pydicom that it does not document: these fail when a new version has it otherwise."""

from __future__ import annotations

import ast
from copy import copy
from pathlib import Path

import pytest
from pydicom._uid_dict import UID_dictionary
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.tag import BaseTag, Tag
from pydicom.uid import UID

from dicomwire.data.pydicom_private import (
    ELEMENTS,
    elements_of,
    name_transfer_syntax,
    new_dataset,
    new_element,
    separate_elements,
)

ROOT = Path(__file__).parents[2]
HOME = ROOT / "core" / "dicomwire" / "data" / "pydicom_private.py"
FILES = sorted(path for part in ("core", "adapters") for path in (ROOT / part).rglob("*.py") if path != HOME)


def made() -> Dataset:
    dataset = Dataset()
    dataset.PatientName = "A^B"
    return dataset


def test_a_data_set_keeps_its_elements_in_a_plain_dictionary() -> None:
    dataset = made()
    elements = elements_of(dataset)
    assert type(elements) is dict
    assert elements is vars(dataset)[ELEMENTS]
    assert {type(tag) for tag in elements} == {BaseTag}
    del elements[BaseTag(0x00100010)]
    assert "PatientName" not in dataset


def test_a_data_set_made_past_the_constructor_is_as_one_made_by_it() -> None:
    by_hand = new_dataset(dict(elements_of(made())))
    assert vars(by_hand) == vars(Dataset(made()))
    assert by_hand == made()
    # Nothing is shared with the next one.
    other = new_dataset({})
    assert all(
        value is not vars(other)[name] for name, value in vars(by_hand).items() if isinstance(value, dict | list | set)
    )


def test_what_may_change_in_a_new_data_set_is_what_we_copy() -> None:
    # Of anything else than these one would be shared by all data sets.
    changing = [value for value in vars(Dataset()).values() if not isinstance(value, str | int | None)]
    assert changing
    assert {type(value) for value in changing} <= {dict, list}
    assert not [value for value in changing for part in value if isinstance(part, dict | list)]


@pytest.mark.parametrize("original", [(True, True, "iso8859"), (False, False, ["utf_8"])])
def test_what_a_data_set_was_read_from_is_noted_as_pydicom_notes_it(original: tuple[bool, bool, str]) -> None:
    by_hand, official = new_dataset({}, original), Dataset()
    official.set_original_encoding(*original)
    assert by_hand.original_encoding == official.original_encoding
    assert by_hand.original_character_set == official.original_character_set


def test_an_element_made_past_the_constructor_is_as_one_made_by_it() -> None:
    element = DataElement(Tag("Status"), "US", 0)
    again = new_element(vars(element))
    assert again == element
    assert vars(again) == vars(element)
    assert again.value == 0 and again.VR == "US"


def test_a_copy_has_its_own_elements_once_it_is_told_to() -> None:
    dataset = made()
    copied = copy(dataset)
    separate_elements(copied)
    del copied.PatientName
    assert "PatientName" in dataset


def test_names_of_transfer_syntaxes_are_five_texts() -> None:
    assert {(len(entry), *map(type, entry)) for entry in UID_dictionary.values()} == {(5, str, str, str, str, str)}
    before = dict(UID_dictionary)
    try:
        name_transfer_syntax("1.2.840.10008.1.2.999", "Of our own", "OfOurOwn")
        assert UID("1.2.840.10008.1.2.999").is_transfer_syntax
        assert UID("1.2.840.10008.1.2.999").name == "Of our own"
    finally:
        UID_dictionary.clear()
        UID_dictionary.update(before)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_nobody_else_uses_what_is_private(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Attribute):
            assert node.attr != ELEMENTS, f"line {node.lineno}"
        if isinstance(node, ast.ImportFrom) and node.module is not None:
            assert not node.module.startswith("pydicom._"), f"line {node.lineno}"
            assert not (node.module.startswith("pydicom") and any(name.name.startswith("_") for name in node.names))
