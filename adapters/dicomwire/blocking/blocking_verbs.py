"""Plain functions and iterators of the shared coroutine functions."""

from __future__ import annotations

import threading
from collections.abc import Callable, Coroutine
from functools import update_wrapper
from typing import Any, Concatenate, Generic, ParamSpec, Protocol, Self, TypeVar

from dicomwire.associations.coroutines import run
from dicomwire.associations.invoking import HasInvoker
from dicomwire.associations.response_streams import Stream
from dicomwire.blocking.thread_host import ThreadHost

P = ParamSpec("P")
T = TypeVar("T")
SelfT = TypeVar("SelfT")


class HasThreads(HasInvoker, Protocol):
    """An association whose verbs block."""

    host: ThreadHost


def blocking(
    function: Callable[Concatenate[Any, P], Coroutine[Any, Any, T]],
) -> Callable[Concatenate[HasThreads, P], T]:
    """The plain method of a shared coroutine function; keeps its signature."""

    def plain(self: HasThreads, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return self.host.run(function(self, *args, **kwargs))

    return update_wrapper(plain, function)


class Responses(Generic[T]):
    """The responses to one request, an iterator; may be left early."""

    def __init__(self, association: HasThreads, stream: Stream[T]) -> None:
        self._association = association
        self._stream = stream
        self._turn = threading.RLock()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> T:
        """Wait for the next response."""
        with self._turn:
            self._stream.prepare()
            try:
                return self._association.host.run(self._stream.__anext__())
            except StopAsyncIteration:
                raise StopIteration from None

    def close(self) -> None:
        """Take no more responses: the rest is dropped as it comes."""
        self._stream.leave()


def iterated(
    function: Callable[Concatenate[Any, P], Coroutine[Any, Any, Stream[T]]],
) -> Callable[Concatenate[HasThreads, P], Responses[T]]:
    """The plain method of a shared coroutine function that gives a stream; keeps its signature."""

    def plain(self: HasThreads, /, *args: P.args, **kwargs: P.kwargs) -> Responses[T]:
        return Responses(self, self.host.run(function(self, *args, **kwargs)))

    return update_wrapper(plain, function)


def completed(
    function: Callable[Concatenate[SelfT, P], Coroutine[Any, Any, T]],
) -> Callable[Concatenate[SelfT, P], T]:
    """The plain method of a shared coroutine function that runs none of an association itself; keeps its signature."""

    def plain(self: SelfT, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return run(function(self, *args, **kwargs))

    return update_wrapper(plain, function)
