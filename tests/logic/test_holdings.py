"""The books of a pool: checked beside a model that knows no more than who has what."""

from __future__ import annotations

from typing import Any

from hypothesis import settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from dicomwire.pooling.holdings import Holdings, Seat

SIZE, IDLE = 3, 10.0
Book = Holdings[int, frozenset[str]]
KINDS = st.sampled_from([frozenset("a"), frozenset("b"), frozenset("ab")])


def book(size: int = SIZE, idle: float | None = IDLE) -> Book:
    return Holdings(size, idle, lambda kind, wanted: kind >= wanted)


class PoolOfNumbers(RuleBasedStateMachine):
    """Users ask, take, give back, fail and give up in any order, while time passes."""

    def __init__(self) -> None:
        super().__init__()
        self.book = book()
        self.now = 0.0
        self.opened = 0
        self.asked: list[Seat[int, frozenset[str]]] = []
        """Who waits, first come first."""

        self.lent: dict[Seat[int, frozenset[str]], int] = {}
        self.alive: dict[int, frozenset[str]] = {}
        """What the peer sees."""

        self.leaving: list[int] = []

    def take(self, granted: list[Seat[int, frozenset[str]]]) -> None:
        """What whoever is granted a place does."""
        for seat in granted:
            assert seat.is_granted
            assert seat is self.asked.pop(0), "somebody was passed over"
            wanted = seat.kind
            if seat.surplus is not None:
                assert seat.idle is None
                del self.alive[seat.surplus.item]
                seat.surplus = None
            if seat.idle is None:
                self.opened += 1
                self.alive[self.opened] = wanted
                self.lent[seat] = self.opened
            else:
                assert not seat.is_fresh
                assert seat.idle_for == self.now - seat.idle.since
                self.lent[seat] = seat.idle.item
                assert self.alive[seat.idle.item] == seat.kind
                seat.idle = None
        assert len(self.alive) <= SIZE, "more than the peer was promised"

    @rule(kind=KINDS, fresh=st.booleans())
    def ask(self, kind: frozenset[str], fresh: bool) -> None:
        seat = self.book.ask(kind, self.now, fresh=fresh)
        self.asked.append(seat)
        assert seat.kind >= kind
        if seat.is_granted:
            self.take([seat])

    @precondition(lambda self: self.lent)
    @rule(data=st.data())
    def give_back(self, data: st.DataObject) -> None:
        seat = data.draw(st.sampled_from(list(self.lent)))
        item = self.lent.pop(seat)
        self.take(self.book.give_back(seat, item, self.now))

    @precondition(lambda self: self.lent)
    @rule(data=st.data())
    def fail(self, data: st.DataObject) -> None:
        seat = data.draw(st.sampled_from(list(self.lent)))
        del self.alive[self.lent.pop(seat)]
        self.take(self.book.leave(seat, self.now))

    @precondition(lambda self: self.asked)
    @rule(data=st.data())
    def give_up(self, data: st.DataObject) -> None:
        seat = data.draw(st.sampled_from(self.asked))
        self.asked.remove(seat)
        self.take(self.book.leave(seat, self.now))

    @rule(seconds=st.floats(0, 2 * IDLE))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule()
    def look_after(self) -> None:
        due = self.book.overdue(self.now)
        assert not set(due) & set(self.lent.values())
        self.leaving += due

    @precondition(lambda self: self.leaving)
    @rule()
    def has_left(self) -> None:
        del self.alive[self.leaving.pop()]
        self.take(self.book.left(self.now))

    @invariant()
    def nobody_waits_for_nothing(self) -> None:
        assert self.book.waiting == len(self.asked)
        assert self.book.used == len(self.lent)
        assert self.book.used + self.book.idle + len(self.leaving) == len(self.alive)
        if self.asked:
            # All places are lent, or on their way.
            assert len(self.lent) + len(self.leaving) == SIZE

    @invariant()
    def the_deadline_is_that_of_somebody(self) -> None:
        assert (self.book.next_deadline() is None) == (self.book.idle == 0)

    def teardown(self) -> None:
        idle, waiting = self.book.close()
        assert waiting == self.asked
        assert len(idle) + len(self.lent) + len(self.leaving) == len(self.alive)
        for seat in list(self.lent):
            assert self.book.leave(seat, self.now) == []
        assert (self.book.used, self.book.idle, self.book.waiting) == (0, 0, 0)


TestPoolOfNumbers: Any = PoolOfNumbers.TestCase
TestPoolOfNumbers.settings = settings(max_examples=60, stateful_step_count=40)


def given(pool: Book, seat: Seat[int, frozenset[str]], item: int, now: float) -> list[Any]:
    assert seat.is_granted
    return pool.give_back(seat, item, now)


def test_the_one_used_last_is_lent_and_the_others_come_to_be_released() -> None:
    pool, kind = book(), frozenset("a")
    seats = [pool.ask(kind, 0.0) for _ in range(3)]
    for number, seat in enumerate(seats):
        given(pool, seat, number, float(number))
    seat = pool.ask(kind, 5.0)
    assert seat.idle is not None
    assert (seat.idle.item, seat.idle_for) == (2, 3.0)
    assert pool.next_deadline() == 10.0
    assert pool.overdue(9.9) == []
    assert pool.overdue(10.5) == [0]
    assert pool.next_deadline() == 11.0


def test_one_of_another_kind_makes_room_where_there_is_none() -> None:
    pool = book(1)
    given(pool, pool.ask(frozenset("a"), 0.0), 1, 0.0)
    seat = pool.ask(frozenset("b"), 1.0)
    assert seat.is_granted and seat.idle is None and seat.surplus is not None
    assert seat.surplus.item == 1


def test_one_that_can_do_more_will_do() -> None:
    pool = book(2)
    given(pool, pool.ask(frozenset("ab"), 0.0), 1, 0.0)
    seat = pool.ask(frozenset("b"), 1.0)
    assert seat.idle is not None
    assert seat.kind == frozenset("ab")


def test_a_fresh_one_is_none_of_those_that_are_idle() -> None:
    pool, kind = book(2), frozenset("a")
    given(pool, pool.ask(kind, 0.0), 1, 0.0)
    seat = pool.ask(kind, 1.0, fresh=True)
    assert seat.is_granted and seat.idle is None and seat.surplus is None


def test_who_gives_up_what_he_was_granted_leaves_it_as_it_was() -> None:
    pool, kind = book(1), frozenset("a")
    given(pool, pool.ask(kind, 0.0), 1, 2.0)
    seat = pool.ask(kind, 5.0)
    pool.leave(seat, 6.0)
    assert seat.idle is None
    assert (pool.idle, pool.next_deadline()) == (1, 12.0)


def test_never_is_no_deadline() -> None:
    pool = book(1, None)
    given(pool, pool.ask(frozenset("a"), 0.0), 1, 0.0)
    assert pool.next_deadline() is None
    assert pool.overdue(1e9) == []


def test_what_several_give_up_is_idle_in_the_order_of_before() -> None:
    pool, kind = book(2), frozenset("a")
    for number, seat in enumerate([pool.ask(kind, 0.0), pool.ask(kind, 0.0)]):
        given(pool, seat, number, float(number))
    last_used, other = pool.ask(kind, 5.0), pool.ask(kind, 5.0)
    pool.leave(last_used, 6.0)
    pool.leave(other, 6.0)
    assert pool.overdue(9.99) == []
    # Exactly then, too.
    assert pool.overdue(10.0) == [0]
    assert pool.overdue(11.0) == [1]


def test_what_somebody_gives_up_goes_to_the_next_with_its_age() -> None:
    pool, kind = book(1), frozenset("a")
    given(pool, pool.ask(kind, 0.0), 1, 2.0)
    first, second = pool.ask(kind, 3.0), pool.ask(kind, 4.0)
    assert not second.is_granted
    assert pool.leave(first, 6.0) == [second]
    assert second.idle is not None
    assert second.idle_for == 4.0


def test_it_is_closed_once() -> None:
    pool, kind = book(1), frozenset("a")
    assert pool.is_closed is False
    lent, waiting = pool.ask(kind, 0.0), pool.ask(kind, 0.0)
    assert pool.close() == ([], [waiting])
    assert pool.is_closed is True
    assert pool.close() == ([], [])
    assert pool.leave(lent, 1.0) == []
