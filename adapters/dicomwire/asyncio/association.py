"""An association on an asyncio event loop."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
from collections.abc import Coroutine
from datetime import datetime
from typing import Any

from dicomwire._logging import logger
from dicomwire.associations.awaited import AsyncAssociation
from dicomwire.associations.user_code import is_async
from dicomwire.asyncio.attendant import Attendant
from dicomwire.asyncio.channel import ProtocolChannel

LOGGER = logger(__name__)


class Association(AsyncAssociation):
    """An association on an asyncio event loop."""

    _attendant: Attendant | None = None
    _tasks: set[asyncio.Task[None]] | None = None

    def _spawn(self, work: Coroutine[Any, Any, None]) -> bool:
        if self._tasks is None:
            self._tasks = set()
        task = asyncio.get_running_loop().create_task(self._guard(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return True

    async def _guard(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except Exception:
            LOGGER.exception("an operation for %s failed", self._peer_name)

    def _is_cancelled(self, message_id: int) -> bool:
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            # A handler in a worker thread: the session belongs to the loop.
            assert isinstance(self._channel, ProtocolChannel)
            return asyncio.run_coroutine_threadsafe(self._ask_cancelled(message_id), self._channel.loop).result()
        return super()._is_cancelled(message_id)

    async def _ask_cancelled(self, message_id: int) -> bool:
        return super()._is_cancelled(message_id)

    async def _join_tasks(self) -> None:
        """Wait for what was spawned; cancelled, cancel it too."""
        tasks = self._tasks
        try:
            if tasks:
                await asyncio.wait(tasks)
        finally:
            self._cancel_tasks()

    def _cancel_tasks(self) -> None:
        for task in list(self._tasks or ()):
            task.cancel()

    def _deadline_moved(self) -> None:
        channel = self._channel
        if not isinstance(channel, ProtocolChannel) or self._closed:
            return
        try:
            here = asyncio.get_running_loop() is channel.loop
        except RuntimeError:
            here = False
        if here:
            self._take_timeouts()
        else:
            # A handler in a worker thread, or another thread of the program: the timers belong to the loop, which may
            # have ended.
            with contextlib.suppress(RuntimeError):
                channel.loop.call_soon_threadsafe(self._take_timeouts)

    def _take_timeouts(self) -> None:
        if self._closed or not isinstance(self._channel, ProtocolChannel):
            return
        super()._deadline_moved()
        self._channel.timeouts_changed()
        if self._attendant is not None:
            self._attendant.set_timer()

    def _forsake(self, why: str) -> None:
        super()._forsake(why)
        if isinstance(self._channel, ProtocolChannel):
            self._channel.forsake()

    def _look_after(self) -> None:
        assert isinstance(self._channel, ProtocolChannel)
        self._attendant = Attendant(self, self._channel)

    def _left_over(self) -> None:
        if self._attendant is not None:
            self._attendant.attend()

    async def _call(self, function: Any, *args: Any) -> Any:
        if self._ae.handlers_in_threads and not is_async(function):
            result = await asyncio.to_thread(self._call_in_thread, function, *args)
        else:
            result = function(*args)
        return await result if inspect.isawaitable(result) else result

    def _timestamp(self) -> datetime:
        return datetime.now()
