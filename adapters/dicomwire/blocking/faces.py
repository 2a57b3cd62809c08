"""Plain functions and iterators of the shared coroutine functions."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from functools import update_wrapper
from typing import TYPE_CHECKING, Any, Concatenate, Generic, ParamSpec, Self, TypeVar

from dicomwire.associations.association import AssociationBase
from dicomwire.associations.coroutines import run
from dicomwire.associations.entity import ApplicationEntityBase
from dicomwire.associations.responses import Stream

if TYPE_CHECKING:
    from dicomwire.blocking.association import Association
    from dicomwire.blocking.entity import AE

P = ParamSpec("P")
T = TypeVar("T")


def blocking(
    function: Callable[Concatenate[AssociationBase, P], Coroutine[Any, Any, T]],
) -> Callable[Concatenate[Association, P], T]:
    """The plain method of a shared coroutine function; keeps its signature."""

    def plain(self: Association, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return self._run(function(self, *args, **kwargs))

    return update_wrapper(plain, function)


class Responses(Generic[T]):
    """The responses to one request, an iterator; may be left early."""

    def __init__(self, association: Association, stream: Stream[T]) -> None:
        self._association = association
        self._stream = stream

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> T:
        """Wait for the next response."""
        try:
            return self._association._run(self._stream.__anext__())
        except StopAsyncIteration:
            raise StopIteration from None

    def close(self) -> None:
        """Take no more responses: the rest is dropped as it comes."""
        self._stream.leave()


def iterated(
    function: Callable[Concatenate[AssociationBase, P], Coroutine[Any, Any, Stream[T]]],
) -> Callable[Concatenate[Association, P], Responses[T]]:
    """The plain method of a shared coroutine function that gives a stream; keeps its signature."""

    def plain(self: Association, /, *args: P.args, **kwargs: P.kwargs) -> Responses[T]:
        return Responses(self, self._run(function(self, *args, **kwargs)))

    return update_wrapper(plain, function)


def completed(
    function: Callable[Concatenate[ApplicationEntityBase, P], Coroutine[Any, Any, T]],
) -> Callable[Concatenate[AE, P], T]:
    """The plain method of a shared coroutine function of an AE; keeps its signature."""

    def plain(self: AE, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return run(function(self, *args, **kwargs))

    return update_wrapper(plain, function)
