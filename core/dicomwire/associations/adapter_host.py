"""What an adapter gives an association beside a channel: a clock, and places where code may run."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from datetime import datetime
from typing import Any, Protocol, TypeVar

from dicomwire.associations.user_code import UserCodeEnded, holds, is_awaitable, is_closing

T = TypeVar("T")


class Host(Protocol):
    """One association's adapter, as the shared logic sees it."""

    def opened(self, channel: Any) -> None:
        """The transport is open; ``channel`` is one of the adapter's."""

    def timestamp(self) -> datetime:
        """The time of day, for events: the core reads no clock."""
        ...

    def seconds(self) -> float:
        """Those of a clock that is never set, to measure with."""
        ...

    async def call(self, function: Callable[..., Any], *args: Any) -> Any:
        """Run user code, plain or ``async``, which may use the association; the one place that does.

        Raises:
            UserCodeEnded: it raised what is no ``Exception``, and not meant for who is further out.
            Exception: it raised that.
        """

    def call_now(self, function: Callable[..., Any], *args: Any) -> None:
        """Run plain user code where nothing can be awaited."""

    def spawn(self, work: Coroutine[Any, Any, None]) -> bool:
        """Run ``work`` beside what runs now, in a thread or task that ends with the association.

        False, and ``work`` is not touched, if there is no place for it.
        """
        ...

    def face(self, work: Coroutine[Any, Any, T]) -> Any:
        """What a verb of this adapter does with its coroutine: run it, or hand it out to be awaited."""
        ...

    def apart(self, function: Callable[[], T]) -> T:
        """Run a little of the association's logic for user code, which may be in another thread."""
        ...

    def timeouts_set(self, take: Callable[[], None]) -> None:
        """A timeout was set, in any thread: ``take`` is to be called where that is safe, and who waits to be woken."""

    def left_over(self) -> None:
        """More has arrived with the last response: adapters that look after idle associations look soon."""

    def closing(self) -> None:
        """The transport is closed, or about to be: nobody need look after it any more."""

    def forsake(self) -> None:
        """This process is a fork: let go of what it shares with its parent, without touching it."""

    def closed(self) -> None:
        """All is over: whoever waits for that goes on."""


class PlainHost:
    """A host for one event loop, or one thread, that leaves associations alone while nobody uses them."""

    def __init__(self, clock: Callable[[], datetime], seconds: Callable[[], float] | None = None) -> None:
        self._clock = clock
        self._seconds = seconds

    def opened(self, channel: Any) -> None:
        """Nothing to do."""

    def timestamp(self) -> datetime:
        """What the clock says."""
        return self._clock()

    def seconds(self) -> float:
        """What the clock for measuring says; the other one, where there is none."""
        return self._clock().timestamp() if self._seconds is None else self._seconds()

    async def call(self, function: Callable[..., Any], *args: Any) -> Any:
        """Call it, and await what it gives."""
        try:
            result = function(*args)
            return await result if is_awaitable(result) else result
        except Exception:
            raise
        except BaseException as error:
            if self.is_for_others(error):
                raise
            raise UserCodeEnded(error) from error

    def call_now(self, function: Callable[..., Any], *args: Any) -> None:
        """Call it."""
        try:
            function(*args)
        except Exception:
            raise
        except BaseException as error:
            if self.is_for_others(error):
                raise
            raise UserCodeEnded(error) from error

    def is_for_others(self, error: BaseException) -> bool:
        """Whether what came out of user code, and is no ``Exception``, was not meant for it: who called must not go
        on."""
        return is_closing(error) or holds(error, KeyboardInterrupt)

    def spawn(self, work: Coroutine[Any, Any, None]) -> bool:
        """There is no place for it."""
        return False

    def face(self, work: Coroutine[Any, Any, T]) -> Any:
        """To be awaited."""
        return work

    def apart(self, function: Callable[[], T]) -> T:
        """Call it."""
        return function()

    def timeouts_set(self, take: Callable[[], None]) -> None:
        """Call it; who waits already does so for the time he has asked for."""
        take()

    def left_over(self) -> None:
        """Nothing to do."""

    def closing(self) -> None:
        """Nothing to do."""

    def forsake(self) -> None:
        """Nothing to do."""

    def closed(self) -> None:
        """Nothing to do."""
