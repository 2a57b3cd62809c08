"""What hosts have in common whose associations are used by the tasks of an event loop."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from datetime import datetime
from typing import Any, Generic, Protocol, TypeVar

from dicomwire._logging import logger
from dicomwire.associations.adapter_host import PlainHost
from dicomwire.associations.line import Line
from dicomwire.associations.user_code import UserCodeEnded, is_async, is_awaitable

LOGGER = logger(__name__)


class _Forsakable(Protocol):
    def forsake(self) -> None: ...


ChannelT = TypeVar("ChannelT", bound=_Forsakable)


class TaskHost(PlainHost, Generic[ChannelT]):
    """The host of an association on an event loop, whose handlers may run in worker threads."""

    line: Line
    """The association's, once that is made."""

    def __init__(self, ae: Any, clock: Callable[[], datetime], seconds: Callable[[], float]) -> None:
        super().__init__(clock, seconds)
        self.ae: Any = ae
        self.channel: ChannelT | None = None

    def opened(self, channel: ChannelT) -> None:
        """The transport is open."""
        self.channel = channel

    async def call(self, function: Callable[..., Any], *args: Any) -> Any:
        """Run user code, plain or ``async``."""
        try:
            if self.ae.handlers_in_threads and not is_async(function):
                result = await self.in_thread(function, *args)
            else:
                result = function(*args)
            return await result if is_awaitable(result) else result
        except Exception:
            raise
        except BaseException as error:
            if self.is_for_others(error):
                raise
            raise UserCodeEnded(error) from error

    async def in_thread(self, function: Callable[..., Any], *args: Any) -> Any:
        """What :meth:`call_in_thread` gives, in a worker thread of the loop."""
        raise NotImplementedError

    def call_in_thread(self, function: Callable[..., Any], *args: Any) -> Any:
        """Call user code, in a worker thread."""
        # There nothing else tells the log whose handler this is.
        line = self.line  # noqa: F841
        try:
            return function(*args)
        except (SystemExit, KeyboardInterrupt, GeneratorExit, StopIteration) as error:
            # No signal comes to such a thread, and a loop takes these for its own, or cannot take them at all.
            raise UserCodeEnded(error) from error

    async def guard(self, work: Coroutine[Any, Any, None], line: Line) -> None:
        """What was spawned, for ``line``; a failure of it is logged."""
        try:
            await work
        except Exception:
            LOGGER.exception("an operation for %s failed", line.sides.peer_name)

    def forsake(self) -> None:
        """This process is a fork."""
        if self.channel is not None:
            self.channel.forsake()
            # The loop is the parent's: nothing can be run there.
            self.channel = None
