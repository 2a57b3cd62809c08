"""The end of a program whose server is being asked for something.

The threads of associations end with the interpreter.  Before, they answer what they are at work on: the peer would take
the end of the connection for a failure, although the handler has done what it was asked.
"""

from __future__ import annotations

import atexit
import time
from typing import TYPE_CHECKING
from weakref import WeakSet

if TYPE_CHECKING:
    from dicomwire.blocking.entity import AE

_PATIENCE = 10.0
"""Seconds for handlers to return."""

_LOOK = 0.005

_entities: WeakSet[AE] = WeakSet()


def answer_before_leaving(ae: AE) -> None:
    """The requests that this AE is serving are answered before the interpreter exits."""
    _entities.add(ae)


@atexit.register
def _leave() -> None:
    deadline = time.monotonic() + _PATIENCE
    # No new thread can be started any more, and those that serve say nothing when they are done: that would cost time
    # with each request, and this is once.
    while any(ae.is_at_work for ae in list(_entities)):
        if time.monotonic() >= deadline:
            return
        time.sleep(_LOOK)
