"""Which association is over, and is telling its last handlers so, in this thread or task."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_ENDED: ContextVar[object] = ContextVar("dicomwire_ended", default=None)


@contextmanager
def telling_of_the_end(association: object) -> Iterator[None]:
    """While handlers are told that ``association`` is over: whoever waits for its end in one would wait for itself."""
    token = _ENDED.set(association)
    try:
        yield
    finally:
        _ENDED.reset(token)


def ended_here() -> object:
    """The association whose last handlers this thread or task is in, or None."""
    return _ENDED.get()


def refuse_to_wait(association: object) -> None:
    """Raise RuntimeError in a handler that is told of the end of ``association``."""
    if _ENDED.get() is association:
        raise RuntimeError("a handler that is told of the end of an association cannot wait for that end")
