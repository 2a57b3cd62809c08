"""How far an association has come, in flags and in one word."""

from __future__ import annotations

import pytest

from dicomwire.associations.standing import Standing


def flags(standing: Standing) -> dict[str, bool]:
    return {name: getattr(standing, name) for name in standing.__slots__ if name not in ("advice", "failure")}


def test_at_first_nothing_has_happened() -> None:
    standing = Standing()
    assert all(value is False for value in flags(standing).values())
    assert standing.failure is None
    assert standing.advice is None
    assert str(standing) == "opening"


def test_one_that_is_established_says_so() -> None:
    standing = Standing()
    standing.is_established = True
    assert str(standing) == "established"


@pytest.mark.parametrize("outcome", ["rejected", "aborted", "released"])
def test_its_outcome_is_its_word(outcome: str) -> None:
    standing = Standing()
    standing.was_opened = standing.is_established = True
    standing.end(outcome, "because")
    assert {name for name, value in flags(standing).items() if value} == {"was_opened", "has_ended", f"is_{outcome}"}
    assert standing.is_established is False
    assert standing.failure == "because"
    assert str(standing) == outcome


def test_without_an_association_there_is_no_outcome() -> None:
    standing = Standing()
    standing.end(None, None)
    assert {name for name, value in flags(standing).items() if value is True} == {"has_ended"}
    assert standing.failure is None
    assert str(standing) == "ended"
