"""The asynchronous operations window: what is answered, and what it comes to (PS3.7 D.3.3.3)."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from dicomwire import evt
from dicomwire.associations.user_code import HandlerRaised
from dicomwire.associations.window import Window, agreed, answer_to, check_window, limits_of

NOT_BOUND: Any = object()


class Handlers:
    """A handler of EVT_ASYNC_OPS that says one thing, or none."""

    def __init__(self, said: Any = NOT_BOUND) -> None:
        self.said = said
        self.interventions = {} if said is NOT_BOUND else {evt.EVT_ASYNC_OPS: said}
        self.heard: dict[str, Any] = {}

    async def intervene(self, event: Any, **attrs: Any) -> Any:
        assert event is evt.EVT_ASYNC_OPS
        self.heard = attrs
        if isinstance(self.said, Exception):
            raise self.said
        return self.said


def answer(proposed: Window, ours: Window, handlers: Any) -> Window | None:
    return asyncio.run(answer_to(proposed, ours, handlers))


@pytest.mark.parametrize("window", [(0, 0), (1, 1), [65535, 65535], (True, 2)])
def test_a_window_is_two_numbers_of_16_bits(window: Any) -> None:
    assert check_window(window) == tuple(map(int, window))


@pytest.mark.parametrize(
    ("window", "kind"),
    [
        ((65536, 1), ValueError),
        ((1, -1), ValueError),
        ((1,), ValueError),
        ((1, 1, 1), ValueError),
        (("1", 1), TypeError),
        (7, TypeError),
        (None, TypeError),
    ],
)
def test_anything_else_is_refused_and_shown(window: Any, kind: type[Exception]) -> None:
    with pytest.raises(kind) as raised:
        check_window(window)
    assert str(window) in str(raised.value)


@pytest.mark.parametrize(
    ("proposed", "ours", "answered"),
    [
        ((1, 1), (5, 5), None),
        ((5, 5), (1, 1), None),
        ((2, 1), (5, 5), (2, 1)),
        ((5, 5), (2, 1), (1, 2)),
        ((5, 5), (1, 2), (2, 1)),
        ((8, 9), (3, 4), (4, 3)),
        ((0, 0), (3, 0), (0, 3)),
    ],
)
def test_without_a_handler_the_smaller_of_both_is_answered(
    proposed: Window, ours: Window, answered: Window | None
) -> None:
    assert answer(proposed, ours, Handlers()) == answered


@pytest.mark.parametrize(
    ("said", "answered"),
    [
        ((2, 3), (2, 3)),
        ((9, 9), (4, 5)),
        ((0, 0), (4, 5)),
        ((3, 9), (3, 5)),
        ("x", (1, 1)),
        ((70000, 1), (1, 1)),
        (HandlerRaised("no"), (1, 1)),
    ],
)
def test_a_handler_may_make_it_smaller_and_never_larger(
    said: Any, answered: Window, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    handlers = Handlers(said)
    assert answer((4, 5), (0, 0), handlers) == answered
    assert handlers.heard == {"nr_invoked": 4, "nr_performed": 5, "invoked": 4, "performed": 5}
    assert ("window stays 1/1" in caplog.text) is (answered == (1, 1))


def test_a_handler_is_asked_even_where_the_entity_allows_nothing_more_but_not_if_nothing_more_is_asked() -> None:
    assert answer((4, 5), (1, 1), Handlers((9, 9))) == (1, 1)
    handlers = Handlers((9, 9))
    assert answer((1, 1), (0, 0), handlers) is None
    assert handlers.heard == {}


def test_what_is_agreed_is_the_smaller_again_and_no_limit_is_still_one_for_what_is_performed() -> None:
    assert agreed((4, 5), (3, 9)) == (3, 5)
    assert agreed((0, 5), (7, 0)) == (7, 5)
    assert agreed((2, 9), (7, 3)) == (2, 3)
    assert limits_of((0, 0)) == (65535, 64)
    assert limits_of((2, 3)) == (2, 3)
    assert limits_of((2, 100)) == (2, 64)
