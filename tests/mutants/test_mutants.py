"""The command that tries mutants, but for mutmut itself."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import pytest

from tests.mutants import running
from tests.mutants.outcomes import explanations, forget_survivors, is_empty, keys_in, outcome_in
from tests.mutants.parts import ROOT, SOURCE_ROOTS, TESTS, belonging_to, enough_for, files, named
from tests.mutants.running import module_of
from tests.mutants.sampling import chosen, keep, kept
from tests.mutants.tool import by_duration, differs, shifts

MUTATED = """\
def x_double__mutmut_orig(number: int) -> int:
    if number > 3:
        return 2 * number
    return number + number


def x_double__mutmut_1(number: int) -> int:
    if number >= 3:
        return 2 * number
    return number + number


def x_double__mutmut_2(number: int) -> int:
    if number > 3:
        return 3 * number
    return number + number


def x_double__mutmut_3(number: int) -> int:
    if number > 3:
        return 2 * number
    return number - number
"""
SPANS = {"x_double__mutmut_orig": [1, 4], "x_double__mutmut_1": [7, 10]}
SPANS |= {"x_double__mutmut_2": [13, 16], "x_double__mutmut_3": [19, 22]}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """As mutmut leaves it."""
    source = tmp_path / "mutants" / "src" / "dicomwire" / "doubling.py"
    source.parent.mkdir(parents=True)
    source.write_text(MUTATED, "utf-8")
    codes = {f"dicomwire.doubling.x_double__mutmut_{number}": code for number, code in ((1, 0), (2, 1), (3, 33))}
    source.with_name("doubling.py.meta").write_text(json.dumps({"exit_code_by_key": codes}), "utf-8")
    source.with_name("doubling.py.spans").write_text(json.dumps({"spans": SPANS}), "utf-8")
    return tmp_path


def test_what_was_not_found_is_shown(folder: Path) -> None:
    outcome = outcome_in(folder)
    assert outcome is not None
    assert (outcome.found, outcome.explained, outcome.untried, outcome.tried) == (1, 0, 0, 3)
    assert outcome.rate == pytest.approx(100 / 3)
    first, second = outcome.left
    assert (first.where, first.was, first.now) == ("dicomwire.doubling:double", "if number > 3:", "if number >= 3:")
    assert (second.was, second.now) == ("return number + number", "return number - number")
    assert first.is_tested and not second.is_tested
    assert "(no test)" in str(second)


def test_those_that_were_left_are_tried_again(folder: Path) -> None:
    forget_survivors(folder)
    outcome = outcome_in(folder)
    assert outcome is not None
    assert (outcome.found, outcome.untried, outcome.left) == (1, 2, [])
    assert not is_empty(folder)
    assert outcome_in(folder / "nothing") is None


def test_of_a_sample_the_others_are_set_aside(folder: Path) -> None:
    third = "dicomwire.doubling.x_double__mutmut_3"
    keep(folder, {third})
    outcome = outcome_in(folder)
    assert outcome is not None
    assert (outcome.tried, outcome.aside, [mutant.was for mutant in outcome.left]) == (1, 2, ["return number + number"])
    keep(folder, None)
    outcome = outcome_in(folder)
    assert outcome is not None
    assert (outcome.tried, outcome.aside) == (3, 0)
    assert third in keys_in(folder) and len(keys_in(folder)) == 3


def test_a_sample_is_chosen_by_its_seed_alone() -> None:
    keys = [f"mutant {number}" for number in range(1000)]
    sample = chosen(keys, 60, 1)
    assert len(sample) == 60 and sample == chosen(reversed(keys), 60, 1) and sample != chosen(keys, 60, 2)
    assert sample < chosen(keys, 61, 1)
    assert chosen(keys[:30], 60, 1) == set(keys[:30])
    halves = [sum(key in sample for key in half) for half in (keys[:500], keys[500:])]
    assert min(halves) > 15, "from all over"


def test_a_sample_of_a_folder_is_divided_among_its_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As many together as were asked for, however many each of them has."""
    made = {name: [f"{name} {number}" for number in range(count)] for name, count in (("a", 90), ("b", 10), ("c", 0))}
    for name in made:
        (tmp_path / name).mkdir()
    monkeypatch.setattr(running, "folder_of", lambda path: tmp_path / path)
    monkeypatch.setattr(running, "make", lambda path: made[path.name])
    running.take([Path(name) for name in made], 20, 1)
    samples = {name: kept(tmp_path / name) for name in made}
    assert samples["c"] == set()
    assert samples["a"] and samples["b"] and len(samples["a"] | samples["b"]) == 20
    assert samples["a"] <= {*made["a"]} and samples["b"] <= {*made["b"]}
    running.take([Path(name) for name in made], None, 1)
    assert all(kept(tmp_path / name) is None for name in made)


def test_a_few_cases_of_each_test_come_first() -> None:
    many = [f"t.py::many[{number}]" for number in range(100)]
    first, more = shifts([*many, "t.py::one"])
    assert first == [many[0], many[50], "t.py::one"]
    assert 50 < len(more) < 60 and set(more) <= set(many) - set(first)


def test_the_quickest_tests_come_first() -> None:
    assert by_duration(["slow", "new", "b", "a"], {"slow": 2.0, "a": 0.1, "b": 0.1}) == ["new", "a", "b", "slow"]


def test_a_string_is_changed_where_a_test_can_tell() -> None:
    assert differs('"a"', '"XXaXX"') and differs('"a"', '"A"') and differs('b"utf-9"', 'b"UTF-9"')
    assert not differs('"a text"', '"XXa textXX"') and not differs('"latin-1"', '"LATIN-1"')
    assert differs('"latin-1"', '"XXlatin-1XX"')


def test_every_source_file_has_its_tests() -> None:
    paths = files(("core", "adapters"))
    assert len(paths) > 150
    for path in paths:
        assert belonging_to(path)
        assert enough_for(named(path)) >= 90.0
        assert module_of(path) in named(path)
    assert {name for names in TESTS.values() for name in names if not (ROOT / name).exists()} == set()
    with pytest.raises(FileNotFoundError):
        files(("docs",))


def test_what_is_explained_is_of_functions_that_are_there() -> None:
    for explanation in explanations():
        module, _, function = explanation.where.partition(":")
        places = [root.joinpath(*module.split(".")).with_suffix(".py") for root in SOURCE_ROOTS]
        source = next(path for path in places if path.exists()).read_text("utf-8")
        names = {
            node.name
            for node in ast.walk(ast.parse(source))
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        }
        assert function.rpartition(".")[2] in names, explanation.where
        assert explanation.why
