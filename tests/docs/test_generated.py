"""Pages that are made of the code are as the code would make them now."""

from __future__ import annotations

import pytest

from dicomwire.upper_layer.state import ACTIONS
from tests.generated.__main__ import main
from tests.generated.pages import PAGES, ROOT
from tests.generated.state_diagram import ways


@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_what_the_code_makes_of_it(path: str) -> None:
    is_same = (ROOT / path).read_text("utf-8") == PAGES[path]()
    assert is_same, f"{path} differs: python -m tests.generated writes it anew"


def test_checking_writes_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--check"]) == 0
    assert not capsys.readouterr().out


def test_every_action_is_in_the_picture_or_said_to_be_left_out() -> None:
    drawn = {name for names in ways().values() for name in names}
    assert {name for name in ACTIONS if not name.startswith("AA-")} == drawn
