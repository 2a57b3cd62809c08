"""Connections without an association: how many there may be, and who goes for whom."""

from __future__ import annotations

from functools import partial

import pytest

from dicomwire.associations.half_open import GRACE, PAUSE, HalfOpen, origin_of


class Many:
    """Connections named by letters, and which were hung up."""

    def __init__(self, maximum: int, maximum_per_address: int = 100) -> None:
        self.half_open = HalfOpen()
        self.half_open.maximum = maximum
        self.half_open.maximum_per_address = maximum_per_address
        self.ended: list[str] = []

    def enter(self, names: str, now: float, host: str = "192.0.2.1") -> None:
        for name in names:
            self.half_open.enter(name, (host, 104), now, partial(self.ended.append, name))


def test_as_long_as_there_is_room_nobody_waits_and_nobody_goes() -> None:
    many = Many(3)
    many.enter("abc", 0.0)
    assert (len(many.half_open), many.ended) == (3, [])


def test_accepting_pauses_until_the_oldest_is_old_or_one_leaves() -> None:
    many = Many(2)
    many.enter("a", 0.0)
    assert many.half_open.pause(0.0) == 0.0
    many.enter("b", GRACE / 2)
    assert many.half_open.pause(0.9 * GRACE) == PAUSE
    assert many.half_open.pause(GRACE) == 0.0
    many.half_open.leave("b")
    assert many.half_open.pause(0.9 * GRACE) == 0.0


def test_the_oldest_goes_for_the_next() -> None:
    many = Many(2)
    many.enter("ab", 0.0)
    many.enter("c", GRACE)
    assert many.ended == ["a"]
    many.enter("d", GRACE)
    assert many.ended == ["a", "b"]
    many.enter("e", GRACE)
    # Nobody who has just come.
    assert (many.ended, len(many.half_open)) == (["a", "b"], 3)


def test_one_address_shuts_out_itself_alone() -> None:
    many = Many(100, 2)
    many.enter("x", 0.0, "192.0.2.9")
    many.enter("ab", 0.0)
    many.enter("c", GRACE)
    assert many.ended == ["a"]
    many.enter("yz", GRACE, "192.0.2.9")
    assert many.ended == ["a", "x"]


def test_who_has_a_place_counts_no_more_until_it_is_refused() -> None:
    many = Many(1)
    many.enter("a", 0.0)
    many.half_open.take_out("a")
    assert len(many.half_open) == 0
    many.half_open.put_back("a")
    many.enter("b", GRACE)
    assert many.ended == ["a"]


@pytest.mark.parametrize("step", ["take_out", "put_back", "leave"])
def test_what_has_left_does_not_come_back(step: str) -> None:
    many = Many(1)
    many.enter("a", 0.0)
    many.half_open.take_out("a")
    many.half_open.leave("a")
    getattr(many.half_open, step)("a")
    assert len(many.half_open) == 0


def test_a_fork_has_none() -> None:
    many = Many(1)
    many.enter("ab", 0.0)
    many.half_open.take_out("a")
    many.half_open.forsake("forked")
    many.half_open.put_back("a")
    many.enter("c", GRACE)
    assert (many.ended, len(many.half_open)) == ([], 1)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("192.0.2.1", "192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("2001:db8::1", "2001:db8::ffff:1:2:3", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("fe80::1%eth0", "fe80::2%eth0", True),
        ("/run/a:b", "/run/a:b", True),
    ],
)
def test_who_counts_as_one_peer(one: str, other: str, same: bool) -> None:
    assert (origin_of((one, 1)) == origin_of((other, 2, 0, 0))) is same


def test_an_address_may_be_missing() -> None:
    assert origin_of(()) == ""
