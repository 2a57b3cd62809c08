"""What may not become more than it is: ``python -m tests.house -v`` shows where it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.house import counting, tree
from tests.house.bars import BARS


@pytest.mark.parametrize("name", BARS)
def test_there_are_no_more_than_the_bar_allows(name: str) -> None:
    count, bar = BARS[name]
    places = count()
    assert len(places) <= bar, "\n".join(places)


# -- that these tests can fail ------------------------------------------------------------------------------------
@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small package that breaks every rule once."""
    files = {
        "core/dicomwire/__init__.py": "",
        "core/dicomwire/data/one.py": """
            from typing import TYPE_CHECKING
            if TYPE_CHECKING:
                from dicomwire.services.two import Second

            class First:
                def __init__(self):
                    self._hidden = 1

            def _helper():
                return First
        """,
        "core/dicomwire/services/two.py": """
            def late():
                from dicomwire.data import one
                from dicomwire.data.one import _helper
                return one.First()._hidden

            class Second:
                def look(self):
                    return self._hidden
        """,
        "core/dicomwire/services/one.py": "class First:\n    pass\n" + "pass\n" * 449,
        "core/dicomwire/services/table.py": "TABLE = [\n" + "    1,\n" * 500 + "]\n",
        "adapters/dicomwire/trio/server.py": "class Server:\n    pass\n" + "pass\n" * 399,
        "adapters/dicomwire/asyncio/server.py": "class Server:\n    pass\n",
        "tests/test_this.py": "from tests.test_that import helper\n",
        "tests/test_many.py": "def test_most():\n" + "    assert 1\n" * 8 + "def test_more():\n" + "    assert 1\n" * 9,
    }
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = text.splitlines()
        path.write_text("\n".join(line.removeprefix(" " * 12) for line in lines) + "\n")
    monkeypatch.setattr(tree, "ROOT", tmp_path)
    monkeypatch.setattr(counting, "ROOT", tmp_path)
    monkeypatch.setattr(tree, "ROOTS", (tmp_path / "core", tmp_path / "adapters"))
    return tmp_path


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (counting.circles, ["2 files: dicomwire.data.one, dicomwire.services.two"]),
        (counting.through_an_object, ["core/dicomwire/services/two.py:5: _hidden"]),
        (counting.in_a_subclass, ["core/dicomwire/services/two.py:9: _hidden"]),
        (counting.imported_private, ["core/dicomwire/services/two.py:4: _helper"]),
        (counting.long_files, ["core/dicomwire/services/one.py: 451 lines"]),
        (counting.long_adapter_files, ["adapters/dicomwire/trio/server.py: 401 lines"]),
        (counting.module_names_twice, ["one: core/dicomwire/data/one.py, core/dicomwire/services/one.py"]),
        (counting.class_names_twice, ["First: core/dicomwire/data/one.py:6, core/dicomwire/services/one.py:1"]),
        (counting.imports_of_test_modules, ["tests/test_this.py:1"]),
        (counting.long_tests, ["tests/test_many.py:10: 9 in test_more"]),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_what_breaks_a_rule_is_found(house: Path, name: counting.Count, expected: list[str]) -> None:
    tree.forget()
    try:
        assert name() == expected
        assert len(counting.across_packages()) == 3
    finally:
        tree.forget()
