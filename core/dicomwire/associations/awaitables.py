"""What the verbs of event loops give: awaited as ever, or used at once, in ``async with`` and ``async for``."""

from __future__ import annotations

import functools
import inspect
from collections.abc import AsyncIterator, Callable, Coroutine, Generator
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, TypeVar

from dicomwire.associations.response_streams import Stream

T = TypeVar("T")
P = ParamSpec("P")


class Verb(Coroutine[Any, Any, T]):
    """A coroutine, for whoever awaits it or makes a task of it."""

    def __init__(self, coroutine: Coroutine[Any, Any, T]) -> None:
        self._coroutine = coroutine

    def __await__(self) -> Generator[Any, Any, T]:
        return self._coroutine.__await__()

    def send(self, value: Any) -> Any:
        """As of the coroutine."""
        return self._coroutine.send(value)

    def throw(self, *exception: Any) -> Any:
        """As of the coroutine."""
        return self._coroutine.throw(*exception)

    def close(self) -> None:
        """As of the coroutine."""
        self._coroutine.close()

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            # What debuggers and event loops look at: cr_frame, cr_code, __name__ and so on.
            return getattr(self._coroutine, name)

    def __repr__(self) -> str:
        return repr(self._coroutine)


class Opening(Verb[T], Generic[T]):
    """``await`` it for what is opened, or have that closed by ``async with``."""

    def __init__(
        self, coroutine: Coroutine[Any, Any, T], entering: Callable[[], Coroutine[Any, Any, T]] | None = None
    ) -> None:
        super().__init__(coroutine)
        self._entering = entering
        self._opened: AbstractAsyncContextManager[T] | None = None

    async def __aenter__(self) -> T:
        if self._entering is not None:
            self._coroutine.close()
            self._coroutine = self._entering()
        opened: Any = await self._coroutine
        self._opened = opened
        entered: T = await opened.__aenter__()
        return entered

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool | None:
        assert self._opened is not None
        return await self._opened.__aexit__(kind, error, traceback)


class Asking(Verb[Stream[T]], Generic[T]):
    """``await`` it for the iterator of responses, or iterate at once; the request is sent when the first is wanted."""

    def __init__(self, coroutine: Coroutine[Any, Any, Stream[T]]) -> None:
        super().__init__(coroutine)
        self._stream: Stream[T] | None = None
        self._is_left = False

    def __aiter__(self) -> AsyncIterator[T]:
        return self

    async def __anext__(self) -> T:
        """The next response."""
        if self._stream is None:
            if self._is_left:
                raise StopAsyncIteration
            self._stream = await self._coroutine
        return await self._stream.__anext__()

    async def aclose(self) -> None:
        """Take no more: the rest is dropped as it comes, and the request never sent if none was wanted."""
        if self._stream is None:
            self._is_left = True
            self._coroutine.close()
        else:
            await self._stream.aclose()


_marked: Callable[[Any], Any] = getattr(inspect, "markcoroutinefunction", lambda function: function)
"""So that `inspect.iscoroutinefunction` says yes, from Python 3.12 on."""


def opening(verb: Callable[P, Coroutine[Any, Any, T]]) -> Callable[P, Opening[T]]:
    """Let what a verb opens be closed by ``async with`` on the call itself."""

    @functools.wraps(verb)
    def opened(*args: P.args, **keywords: P.kwargs) -> Opening[T]:
        return Opening(verb(*args, **keywords))

    _marked(opened)
    return opened


def serving(verb: Callable[P, Coroutine[Any, Any, T]]) -> Callable[P, Opening[T]]:
    """As :func:`opening`; ``async with`` begins with a server that listens, so ``block`` is False there."""
    signature = inspect.signature(verb)

    @functools.wraps(verb)
    def opened(*args: P.args, **keywords: P.kwargs) -> Opening[T]:
        def listening() -> Coroutine[Any, Any, T]:
            bound = signature.bind(*args, **keywords)
            bound.arguments["block"] = False
            return verb(*bound.args, **bound.kwargs)

        return Opening(verb(*args, **keywords), listening)

    _marked(opened)
    return opened


def asking(verb: Callable[P, Coroutine[Any, Any, Stream[T]]]) -> Callable[P, Asking[T]]:
    """Let the responses to a request be iterated without awaiting the call first."""

    @functools.wraps(verb)
    def asked(*args: P.args, **keywords: P.kwargs) -> Asking[T]:
        return Asking(verb(*args, **keywords))

    _marked(asked)
    return asked
