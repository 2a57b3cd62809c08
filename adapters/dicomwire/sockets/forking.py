"""What becomes of sockets, threads and locks in the child of ``os.fork``.

The child has a copy of everything but the threads, and shares the connections themselves with its parent.  So what is
open belongs to the process that opened it, and the copies are told so before anybody can use them.
"""

from __future__ import annotations

import os
from typing import Any, Protocol
from weakref import WeakSet

from dicomwire._logging import logger

LOGGER = logger(__name__)

_process = os.getpid()


class Inherited(Protocol):
    """What has to know that it is a copy."""

    def forsake(self, why: str) -> None:
        """Let go of what the parent shares without touching it; ``why`` is for users."""


_things: WeakSet[Any] = WeakSet()


def tell_forks(thing: Inherited) -> None:
    """In each fork of this process, its copy of ``thing`` will be told."""
    _things.add(thing)


def free(lock: Any) -> None:
    """A lock that another thread of the parent may hold, for the child; what waits by it keeps the same one."""
    # As the standard library does with its own; those of gevent have it too.
    lock._at_fork_reinit()


def _tell() -> None:
    global _process
    why = f"it belongs to process {_process}, of which this one is a fork: an association cannot be shared"
    _process = os.getpid()
    for thing in list(_things):
        try:
            thing.forsake(why)
        except Exception:
            LOGGER.exception("after a fork: %r keeps what belongs to its parent", type(thing).__name__)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_tell)
