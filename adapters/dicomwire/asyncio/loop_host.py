"""Tasks of an asyncio event loop that share one association."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Coroutine
from datetime import datetime
from typing import Any, TypeVar

from dicomwire.associations.task_host import TaskHost
from dicomwire.associations.user_code import holds, is_closing
from dicomwire.asyncio.idle_watcher import Attendant
from dicomwire.asyncio.protocol_channel import ProtocolChannel
from dicomwire.sockets.interrupts import is_interrupt

T = TypeVar("T")


class LoopHost(TaskHost[ProtocolChannel]):
    """The host of an association on an asyncio event loop."""

    def __init__(self, ae: Any) -> None:
        super().__init__(ae, datetime.now, time.monotonic)
        self._attendant: Attendant | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    def look_after(self) -> None:
        """From now on, deal with what the peer does while no operation waits for it."""
        assert self.channel is not None
        self._attendant = Attendant(self.line, self.channel)

    async def join_tasks(self) -> None:
        """Wait for what was spawned; cancelled, cancel it too."""
        try:
            if self._tasks:
                await asyncio.wait(self._tasks)
        finally:
            self.cancel_tasks()

    def cancel_tasks(self) -> None:
        """Cancel what was spawned."""
        for task in list(self._tasks):
            task.cancel()

    # -- what the shared logic asks -------------------------------------------------------------------------------
    async def in_thread(self, function: Callable[..., Any], *args: Any) -> Any:
        """What :meth:`call_in_thread` gives."""
        return await asyncio.to_thread(self.call_in_thread, function, *args)

    def is_for_others(self, error: BaseException) -> bool:
        """Python closes the coroutine, the task is being cancelled, or a signal interrupts the program."""
        if holds(error, asyncio.CancelledError):
            task = asyncio.current_task()
            return task is None or task.cancelling() > 0
        return is_closing(error) or is_interrupt(error)

    def spawn(self, work: Coroutine[Any, Any, None]) -> bool:
        """Run ``work`` in a task."""
        task = asyncio.get_running_loop().create_task(self.guard(work, self.line))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return True

    def apart(self, function: Callable[[], T]) -> T:
        """Run a little of the logic; for a handler in a worker thread, on the loop, to which the session belongs."""
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            if self.channel is not None and self.channel.loop.is_running():
                return asyncio.run_coroutine_threadsafe(_called(function), self.channel.loop).result()
        return function()

    def timeouts_set(self, take: Callable[[], None]) -> None:
        """Let those who wait look at their deadlines anew."""
        if self.channel is None or self.line.standing.is_closed:
            return
        try:
            here = asyncio.get_running_loop() is self.channel.loop
        except RuntimeError:
            here = False
        if here:
            self._take_timeouts()
        else:
            # A handler in a worker thread, or another thread of the program: the timers belong to the loop, which may
            # have ended.
            with contextlib.suppress(RuntimeError):
                self.channel.loop.call_soon_threadsafe(self._take_timeouts)

    def _take_timeouts(self) -> None:
        if self.line.standing.is_closed or self.channel is None:
            return
        self.line.take_timeouts()
        self.channel.timeouts_changed()
        if self._attendant is not None:
            self._attendant.set_timer()

    def left_over(self) -> None:
        """The attendant looks soon."""
        if self._attendant is not None:
            self._attendant.attend()


async def _called(function: Callable[[], T]) -> T:
    return function()
