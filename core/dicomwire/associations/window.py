"""The asynchronous operations window: how many requests may be under way at once (PS3.7 D.3.3.3)."""

from __future__ import annotations

from typing import Any, TypeAlias

from dicomwire._logging import logger
from dicomwire.associations import events as evt
from dicomwire.associations.handlers import Handlers
from dicomwire.associations.user_code import HandlerRaised

LOGGER = logger(__name__)

Window: TypeAlias = tuple[int, int]
"""Operations invoked and performed; 0 is no limit."""

_UNLIMITED = 65535

_MOST_PERFORMED = 64
"""Threads or tasks that one peer may keep busy, whatever was agreed."""


def check_window(window: Any) -> Window:
    """Raise TypeError or ValueError unless this is a window."""
    if not isinstance(window, tuple | list) or not all(isinstance(item, int) for item in window):
        raise TypeError(f"a window is a pair of ints, not {window!r}")
    if len(window) != 2 or not all(0 <= item <= _UNLIMITED for item in window):
        raise ValueError(f"a window is two numbers in 0..{_UNLIMITED}, not {window!r}")
    return int(window[0]), int(window[1])


def _smaller(one: int, other: int) -> int:
    """The stricter of two limits."""
    return min(one or _UNLIMITED, other or _UNLIMITED) % _UNLIMITED


async def answer_to(proposed: Window, ours: Window, handlers: Handlers) -> Window | None:
    """The acceptor's answer to what was proposed; None if there is nothing to answer.

    A peer gets what ``ours``, the AE's ``asynchronous_operations``, allow, 1/1 by default.  ``proposed`` and the answer
    have the requestor's point of view.
    """
    is_bound = evt.EVT_ASYNC_OPS in handlers.interventions
    if proposed == (1, 1) or (ours == (1, 1) and not is_bound):
        return None
    invoked, performed = _smaller(proposed[0], ours[1]), _smaller(proposed[1], ours[0])
    if is_bound:
        attrs: dict[str, Any] = dict(zip(("nr_invoked", "nr_performed"), proposed, strict=True))
        attrs |= {"invoked": proposed[0], "performed": proposed[1]}
        try:
            said = check_window(await handlers.intervene(evt.EVT_ASYNC_OPS, **attrs))
            return _smaller(invoked, said[0]), _smaller(performed, said[1])
        except (HandlerRaised, TypeError, ValueError):
            LOGGER.debug("the asynchronous operations window stays 1/1")
            return 1, 1
    return invoked, performed


def agreed(proposed: Window, answered: Window) -> Window:
    """The requestor's limits after the answer; no item in it means one operation each way."""
    return _smaller(proposed[0], answered[0]), _smaller(proposed[1], answered[1])


def limits_of(window: Window) -> Window:
    """The same in numbers that can be compared: what we invoke, and what we perform."""
    return window[0] or _UNLIMITED, min(window[1] or _UNLIMITED, _MOST_PERFORMED)
