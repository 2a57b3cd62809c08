"""The end of a program whose server is being asked for something.

The threads of associations end with the interpreter.  Before, they answer what they are at work on: the peer would take
the end of the connection for a failure, although the handler has done what it was asked.
"""

from __future__ import annotations

import atexit
import time
from weakref import WeakSet

from dicomwire.associations.entity_base import ApplicationEntityBase
from dicomwire.blocking.association import Association

_PATIENCE = 10.0
"""Seconds for handlers to return."""

_LOOK = 0.005

_entities: WeakSet[ApplicationEntityBase] = WeakSet()


def answer_before_leaving(ae: ApplicationEntityBase) -> None:
    """The requests that this AE is serving are answered before the interpreter exits."""
    _entities.add(ae)


def _is_at_work(ae: ApplicationEntityBase) -> bool:
    """Somebody has asked its servers for something, and has no answer yet."""
    running = [item for item in ae.active_associations if isinstance(item, Association) and item.is_acceptor]
    return any(map(_serves_a_request, running))


def _serves_a_request(association: Association) -> bool:
    """Nobody is waiting for the next one."""
    channel = association.host.channel
    is_serving = association.performer.at_work > 0
    has_ended = association.line.standing.has_ended
    return channel is not None and not has_ended and (is_serving or not channel.is_reading)


@atexit.register
def _leave() -> None:
    deadline = time.monotonic() + _PATIENCE
    # No new thread can be started any more, and those that serve say nothing when they are done: that would cost time
    # with each request, and this is once.
    while any(map(_is_at_work, list(_entities))):
        if time.monotonic() >= deadline:
            return
        time.sleep(_LOOK)
