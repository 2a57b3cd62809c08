"""The asynchronous operations window: how many requests may be under way at once (PS3.7 D.3.3.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dicomwire._logging import logger
from dicomwire.associations import events as evt
from dicomwire.associations.user_code import HandlerRaised
from dicomwire.upper_layer.items import AsynchronousOperationsWindowItem

if TYPE_CHECKING:
    from dicomwire.associations.association import AssociationBase

LOGGER = logger(__name__)

Window = tuple[int, int]
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


def smaller(one: int, other: int) -> int:
    """The stricter of two limits."""
    return min(one or _UNLIMITED, other or _UNLIMITED) % _UNLIMITED


async def answer_window(association: AssociationBase) -> AsynchronousOperationsWindowItem | None:
    """The acceptor's answer, and its own limits from then on; None if there is nothing to answer.

    A peer gets what the AE's ``asynchronous_operations`` allow, 1/1 by default.  Both values keep the requestor's point
    of view, as in the request.
    """
    proposed = association.requestor.asynchronous_operations
    ours = association._ae.asynchronous_operations
    is_bound = association._handlers.intervention(evt.EVT_ASYNC_OPS) is not None
    if proposed == (1, 1) or (ours == (1, 1) and not is_bound):
        return None
    invoked, performed = smaller(proposed[0], ours[1]), smaller(proposed[1], ours[0])
    if is_bound:
        attrs: dict[str, Any] = dict(zip(("nr_invoked", "nr_performed"), proposed, strict=True))
        attrs |= {"invoked": proposed[0], "performed": proposed[1]}
        try:
            said = check_window(await association._intervene(evt.EVT_ASYNC_OPS, **attrs))
            invoked, performed = smaller(invoked, said[0]), smaller(performed, said[1])
        except (HandlerRaised, TypeError, ValueError):
            LOGGER.debug("the asynchronous operations window stays 1/1")
            invoked = performed = 1
    use_window(association, (performed, invoked))
    return AsynchronousOperationsWindowItem(
        maximum_number_operations_invoked=invoked, maximum_number_operations_performed=performed
    )


def adopt_window(association: AssociationBase) -> None:
    """The requestor's limits after the answer; no item in it means one operation each way."""
    proposed, answered = association.requestor.asynchronous_operations, association.acceptor.asynchronous_operations
    use_window(association, (smaller(proposed[0], answered[0]), smaller(proposed[1], answered[1])))


def use_window(association: AssociationBase, window: Window) -> None:
    """Keep to these limits from now on, seen from our side."""
    association._invoked = window[0] or _UNLIMITED
    association._performed = min(window[1] or _UNLIMITED, _MOST_PERFORMED)
