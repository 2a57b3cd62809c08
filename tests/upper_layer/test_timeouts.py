"""The value of all deadlines."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import asdict, fields

from dicomwire.upper_layer.limits import ACSE, Timeouts


def test_a_copy_has_every_value_and_none_in_common() -> None:
    names = [field.name for field in fields(Timeouts)]
    original = Timeouts(**{name: float(number) for number, name in enumerate(names, 1)})
    copied = original.copied()
    assert copied == original and asdict(copied) == {name: float(number) for number, name in enumerate(names, 1)}
    copied.idle = None
    assert original.idle is not None


def test_several_are_set_together_and_all_are_taken_over() -> None:
    mine = Timeouts()
    mine.set(ACSE, 7.0)
    assert [getattr(mine, name) for name in ACSE] == [7.0] * len(ACSE) and mine.idle is None
    theirs = Timeouts(idle=float("inf"), artim=1.0, response=0)
    mine.adopt(theirs)
    # Systems know no infinity: it is no limit.
    assert (mine.idle, mine.artim, mine.response, mine.close) == (None, 1.0, 0, 2.0)
    theirs.artim = 9.0
    assert mine.artim == 1.0


@pytest.mark.parametrize(
    ("other", "error"),
    [
        (Timeouts(artim="1"), TypeError),  # type: ignore[arg-type]
        (Timeouts(close=-1.0), ValueError),
        (Timeouts(idle=float("nan")), ValueError),
        (Timeouts(connect=0.0), ValueError),
        ({"artim": 1.0}, TypeError),
    ],
)
def test_what_is_no_timeout_changes_nothing(other: Any, error: type[Exception]) -> None:
    mine = Timeouts()
    with pytest.raises(error, match="timeout"):
        mine.adopt(other)
    assert mine == Timeouts()
