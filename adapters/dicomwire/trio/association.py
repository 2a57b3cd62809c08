"""An association on a trio event loop."""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Coroutine
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from types import TracebackType
from typing import Any, Self

import trio

from dicomwire._logging import logger
from dicomwire.associations.awaited import AsyncAssociation
from dicomwire.associations.user_code import is_async
from dicomwire.trio.channel import SocketChannel

LOGGER = logger(__name__)


class Association(AsyncAssociation):
    """An association on a trio event loop.

    Inside ``async with`` a task of its own notices what the peer does while no operation waits for it.
    """

    _manager: AbstractAsyncContextManager[trio.Nursery] | None = None
    _nursery: trio.Nursery | None = None

    def _is_cancelled(self, message_id: int) -> bool:
        try:
            trio.lowlevel.current_task()
        except RuntimeError:
            # A handler in a worker thread: the session belongs to the loop.
            return trio.from_thread.run_sync(super()._is_cancelled, message_id)
        return super()._is_cancelled(message_id)

    def _deadline_moved(self) -> None:
        channel = self._channel
        if not isinstance(channel, SocketChannel) or self._closed:
            return
        try:
            here = trio.lowlevel.current_trio_token() is channel.token
        except RuntimeError:
            here = False
        if here:
            self._take_timeouts()
        else:
            # A handler in a worker thread, or another thread of the program: the scopes belong to the loop, which may
            # have ended.
            with contextlib.suppress(trio.RunFinishedError):
                channel.token.run_sync_soon(self._take_timeouts)

    def _take_timeouts(self) -> None:
        if isinstance(self._channel, SocketChannel) and not self._closed:
            super()._deadline_moved()
            self._channel.timeouts_changed()

    def _forsake(self, why: str) -> None:
        super()._forsake(why)
        if isinstance(self._channel, SocketChannel):
            self._channel.forsake()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> bool:
        if self._nursery is None:
            return False
        self._nursery.start_soon(self._guard, work)
        return True

    async def _guard(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except Exception:
            LOGGER.exception("an operation for %s failed", self._peer_name)

    async def _call(self, function: Any, *args: Any) -> Any:
        if self._ae.handlers_in_threads and not is_async(function):
            # In a box: trio takes it for a mistake if a function gives a coroutine.
            (result,) = await trio.to_thread.run_sync(lambda: (self._call_in_thread(function, *args),))
        else:
            result = function(*args)
        return await result if inspect.isawaitable(result) else result

    def _timestamp(self) -> datetime:
        return datetime.now()

    async def __aenter__(self) -> Self:
        if self.is_established and self.is_requestor:
            self._manager = trio.open_nursery()
            self._nursery = await self._manager.__aenter__()
            self._nursery.start_soon(self._read_for_all)
        return self

    async def _read_for_all(self) -> None:
        while not self._ended:
            await self._advance()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            await super().__aexit__(kind, error, traceback)
            await self.wait_closed()
        finally:
            if self._manager is not None and self._nursery is not None:
                self._nursery.cancel_scope.cancel()
                manager, self._manager = self._manager, None
                # The body's exception is not the nursery's: it goes its own way, unwrapped.
                await manager.__aexit__(None, None, None)
