"""Tasks of a trio event loop that share one association."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Any, TypeVar

import trio

from dicomwire.associations.task_host import TaskHost
from dicomwire.associations.user_code import holds, is_closing
from dicomwire.sockets.interrupts import is_interrupt
from dicomwire.trio.socket_channel import SocketChannel
from dicomwire.trio.stream_channel import StreamChannel

T = TypeVar("T")


class NurseryHost(TaskHost[SocketChannel | StreamChannel]):
    """The host of an association on a trio event loop."""

    def __init__(self, ae: Any) -> None:
        super().__init__(ae, datetime.now, time.monotonic)
        self.nursery: trio.Nursery | None = None
        """Where work can be spawned, if anywhere."""

        self._manager: AbstractAsyncContextManager[trio.Nursery] | None = None

    async def open_nursery(self) -> trio.Nursery:
        """From here to :meth:`close_nursery` there are tasks of the association; one receives ahead, where it must."""
        self._manager = trio.open_nursery()
        self.nursery = await self._manager.__aenter__()
        if isinstance(self.channel, StreamChannel):
            self.nursery.start_soon(self.channel.read_ahead)
        return self.nursery

    async def close_nursery(self, *, cancel: bool) -> None:
        """Wait for its tasks, or cancel them; does nothing where there is none of ours."""
        if self._manager is None or self.nursery is None:
            return
        if cancel:
            self.nursery.cancel_scope.cancel()
        manager, self._manager = self._manager, None
        # The exception that comes by here, if one does, is not the nursery's: it goes its own way, unwrapped.
        await manager.__aexit__(None, None, None)

    # -- what the shared logic asks -------------------------------------------------------------------------------
    async def in_thread(self, function: Callable[..., Any], *args: Any) -> Any:
        """What :meth:`call_in_thread` gives."""
        # In a box: trio takes it for a mistake if a function gives a coroutine.
        (result,) = await trio.to_thread.run_sync(lambda: (self.call_in_thread(function, *args),))
        return result

    def is_for_others(self, error: BaseException) -> bool:
        """Python closes the coroutine, a scope around the task is cancelled, or a signal interrupts the program."""
        if is_closing(error):
            return True
        if holds(error, trio.Cancelled):
            return trio.current_effective_deadline() == -math.inf
        return is_interrupt(error)

    def spawn(self, work: Coroutine[Any, Any, None]) -> bool:
        """Run ``work`` in the nursery, if there is one."""
        if self.nursery is None:
            return False
        self.nursery.start_soon(self.guard, work, self.line)
        return True

    def apart(self, function: Callable[[], T]) -> T:
        """Run a little of the logic; for a handler in a worker thread, on the loop, to which the session belongs."""
        try:
            trio.lowlevel.current_task()
        except RuntimeError:
            if self.channel is not None:
                with contextlib.suppress(trio.RunFinishedError):
                    return trio.from_thread.run_sync(function, trio_token=self.channel.token)
        return function()

    def timeouts_set(self, take: Callable[[], None]) -> None:
        """Let those who wait look at their deadlines anew."""
        if self.channel is None or self.line.standing.is_closed:
            return
        try:
            here = trio.lowlevel.current_trio_token() is self.channel.token
        except RuntimeError:
            here = False
        if here:
            self._take_timeouts()
        else:
            # A handler in a worker thread, or another thread of the program: the scopes belong to the loop, which may
            # have ended.
            with contextlib.suppress(trio.RunFinishedError):
                self.channel.token.run_sync_soon(self._take_timeouts)

    def _take_timeouts(self) -> None:
        if self.channel is not None and not self.line.standing.is_closed:
            self.line.take_timeouts()
            self.channel.timeouts_changed()
