"""Pages that are made of the code are as the code would make them now."""

from __future__ import annotations

import subprocess
import sys

import pytest

from dicomwire.upper_layer.state import ACTIONS
from tests.generated.pages import PAGES, ROOT
from tests.generated.state_diagram import ways


@pytest.fixture(scope="module")
def checked() -> subprocess.CompletedProcess[str]:
    """What the command says, in a process in which no test has replaced a row of a table: that changes their order."""
    command = [sys.executable, "-m", "tests.generated", "--check"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_what_the_code_makes_of_it(path: str, checked: subprocess.CompletedProcess[str]) -> None:
    is_same = path not in checked.stdout.split()
    assert is_same, f"{path} differs: python -m tests.generated writes it anew"


def test_checking_finds_nothing(checked: subprocess.CompletedProcess[str]) -> None:
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")


def test_every_action_is_in_the_picture_or_said_to_be_left_out() -> None:
    drawn = {name for names in ways().values() for name in names}
    assert {name for name in ACTIONS if not name.startswith("AA-")} == drawn
