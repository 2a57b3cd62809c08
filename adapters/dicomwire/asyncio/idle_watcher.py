"""Who sees what a peer does while no operation waits for it."""

from __future__ import annotations

import asyncio

from dicomwire.associations.line import Line
from dicomwire.asyncio.protocol_channel import ProtocolChannel


class Attendant:
    """Deals with what a peer does while no operation of a requestor waits for it, and with deadlines."""

    def __init__(self, line: Line, channel: ProtocolChannel) -> None:
        self._line = line
        self._channel = channel
        self._loop = asyncio.get_running_loop()
        self._task: asyncio.Task[None] | None = None
        self._is_called = False
        self._timer: asyncio.TimerHandle | None = None
        channel.on_idle_data = self.attend
        self.set_timer()
        if not channel.session.wants_data:
            # It came together with the acceptance.
            self.attend()

    def _due(self) -> None:
        self._timer = None
        idle = self._line.timeouts.idle
        if not self._is_attending and self._line.is_reading and idle is not None:
            # An operation sees to deadlines; the next of ours begins when it ends.
            self._timer = self._loop.call_later(idle, self._due)
        else:
            self.attend()

    def attend(self) -> None:
        """Deal with what is there, in a task, unless an operation does."""
        if self._line.standing.has_ended:
            self._stop()
        elif not self._is_attending and not self._line.is_reading:
            self._begin_soon()

    def _begin_soon(self) -> None:
        # Not now: a task of an eager factory would begin in the middle of what the transport is doing.
        if not self._is_called:
            self._is_called = True
            self._loop.call_soon(self._begin)

    @property
    def _is_attending(self) -> bool:
        # A task may have ended before create_task() returns: eager ones do.
        return self._task is not None and not self._task.done()

    def _begin(self) -> None:
        self._is_called = False
        if not self._line.standing.has_ended and not self._is_attending:
            self._task = self._loop.create_task(self._attend())

    async def _attend(self) -> None:
        try:
            await self._line.attend()
        finally:
            self.set_timer()
            if not (self._channel.session.wants_data or self._line.is_reading or self._line.standing.has_ended):
                # It came while this was at its last step.
                self._begin_soon()

    def set_timer(self) -> None:
        """The idle deadline moves with every operation: look again when it would have been due."""
        self._stop()
        if self._line.standing.has_ended:
            return
        now = self._loop.time()
        session, idle = self._channel.session, self._line.timeouts.idle
        deadline = session.next_deadline(now)
        if session.outstanding and idle is not None:
            # The idle deadline begins when the response has come: not earlier than now.
            deadline = now + idle if deadline is None else min(deadline, now + idle)
        if deadline is not None:
            self._timer = self._loop.call_at(deadline, self._due)

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
