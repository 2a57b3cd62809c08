"""The world of the in-memory AEs, in one thread, on a clock that jumps to the next deadline."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable, Coroutine, Generator
from contextvars import Context, ContextVar, copy_context
from heapq import heappop, heappush
from types import coroutine
from typing import Any, Protocol, TypeVar

T = TypeVar("T")

_NOT_OURS = "in memory only what is of the network can be awaited, such as Network.sleep()"

_RUN_BY: ContextVar[Network | None] = ContextVar("_RUN_BY", default=None)
"""The network that runs what runs now."""


class Cancelled(BaseException):
    """Another coroutine that the same :meth:`Network.run` ran has raised: this one is to end, and may clean up."""


class Listener(Protocol):
    """A server inside a :class:`Network`."""

    def take_up(self, end: Any, address: tuple[str, int]) -> None:
        """Take up a connection by this :class:`~dicomwire.memory.End`; who has the other one is at ``address``."""


class _Task:
    """A coroutine, and what it waits for."""

    def __init__(self, network: Network, work: Coroutine[Any, Any, Any]) -> None:
        self.work = work
        self.ready: Callable[[], bool] | None = None
        self.deadline: float | None = None
        self.done = False
        self.result: Any = None
        self.error: BaseException | None = None
        self.context: Context = copy_context()
        self.context.run(_RUN_BY.set, network)
        self.has_begun = False
        self.to_raise: BaseException | None = None
        """What is raised in it, where it waits, when it goes on."""

    def interrupt(self, error: BaseException) -> None:
        """Let it go on at once, with an error."""
        self.ready, self.deadline, self.to_raise = None, None, error

    def close(self) -> None:
        """End it where it waits; it cannot wait any more."""
        self.context.run(_RUN_BY.set, None)
        try:
            self.context.run(self.work.close)
        except Exception as error:
            self.error = error


class Network:
    """The world of the in-memory AEs: who listens where, what time it is, and whose turn it is."""

    def __init__(self, latency: float = 0.0) -> None:
        self.latency = latency
        """Seconds a piece of data is under way, in either direction."""

        self.now: float = 0.0
        """Seconds since the beginning; only waiting makes it pass."""

        self._listening: dict[int, Listener] = {}
        self._tasks: deque[_Task] = deque()
        self._failed: deque[str] = deque(maxlen=8)
        """What was raised in tasks, of which nobody else may tell; without the frames that would be kept with it."""

        self._arrivals: list[float] = []
        self._next_port = 50000

    def run(self, *work: Coroutine[Any, Any, Any]) -> list[Any]:
        """Run coroutines to their end, and everything they start as far as that takes; their results.

        If one raises, the others are told by :class:`Cancelled` and run on until they have cleaned up.

        Raises:
            TypeError: something is no coroutine.
            RuntimeError: all of them wait for something that will never happen; its notes are what was raised in tasks
                that were started.
            KeyboardInterrupt, SystemExit: raised in any task.
        """
        for item in work:
            if not isinstance(item, Coroutine):
                raise TypeError(f"run() takes coroutines, not {item!r}: a function is to be called")
        self._failed.clear()
        wanted = [self.spawn(coroutine) for coroutine in work]
        try:
            while not all(task.done for task in wanted):
                self._turn()
                for task in wanted:
                    if task.error is not None:
                        raise task.error
            return [task.result for task in wanted]
        except BaseException as error:
            self._cancel([task for task in wanted if not task.done], error)
            raise
        finally:
            # What was started may find out that it is over: nobody is left to wait for its first turn.
            while any(not task.has_begun for task in self._tasks):
                self._step_ready(only_new=True)

    def run_until_idle(self) -> None:
        """Let whatever has been started go on until all of it waits for a deadline or for ever."""
        while self._step_ready():
            pass

    async def sleep(self, seconds: float) -> None:
        """Let time pass."""
        await self.until(lambda: False, self.now + seconds)

    @coroutine
    def until(self, ready: Callable[[], bool], deadline: float | None = None) -> Generator[Any, None, None]:
        """Wait until ``ready()``, or for the deadline, as :attr:`now` has it.

        Raises:
            RuntimeError: something else than this network runs this, which would not know what is waited for.
        """
        if _RUN_BY.get() is not self:
            # Without a call where all is well: every piece of data passes here.
            self.check_run()
        yield ready, deadline

    def check_run(self) -> None:
        """Raise RuntimeError unless this network runs what runs now."""
        by = _RUN_BY.get()
        if by is self:
            return
        closing = sys.exc_info()[1]
        if isinstance(closing, GeneratorExit):
            # Who cleans up in a coroutine that was dropped, its network too: found by the garbage collector, in
            # whatever runs then, nobody would let it go on.
            raise closing
        if by is None:
            raise RuntimeError("in memory coroutines are run by Network.run(), and not by an event loop")
        raise RuntimeError("in memory coroutines are run by the network that they are of, and not by another one")

    def spawn(self, work: Coroutine[Any, Any, Any]) -> _Task:
        """Start a task, which goes on whenever somebody waits in the network."""
        task = _Task(self, work)
        self._tasks.append(task)
        return task

    def listen(self, server: Listener, port: int) -> int:
        """Let ``server`` take up connections to ``port``, 0 for one that is free; the port.

        Raises:
            OSError: it is taken.
        """
        if port == 0:
            self._next_port += 1
            port = self._next_port
        if port in self._listening:
            raise OSError(f"port {port} is in use")
        self._listening[port] = server
        return port

    def is_listening(self, server: Listener) -> bool:
        """Whether it takes up connections."""
        return server in self._listening.values()

    def stop_listening(self, server: Listener) -> None:
        """Let it take up no more."""
        self._listening = {port: other for port, other in self._listening.items() if other is not server}

    def expect(self, when: float) -> None:
        """Something will arrive somewhere."""
        heappush(self._arrivals, when)

    def server_at(self, port: int) -> Listener | None:
        """Who listens there."""
        return self._listening.get(port)

    def _cancel(self, tasks: list[_Task], cause: BaseException) -> None:
        for task in tasks:
            task.interrupt(Cancelled(f"another coroutine raised {type(cause).__name__}"))
        try:
            while not all(task.done for task in tasks):
                self._turn()
        except RuntimeError:
            # One waits for ever while it cleans up.
            for task in tasks:
                if not task.done:
                    if task in self._tasks:
                        self._tasks.remove(task)
                    task.close()
        for task in tasks:
            if task.error is not None and not isinstance(task.error, Cancelled):
                cause.add_note(f"while it cleaned up, another coroutine raised {task.error!r}")

    def _turn(self) -> None:
        if self._step_ready():
            return
        deadlines = [task.deadline for task in self._tasks if task.deadline is not None]
        while self._arrivals and self._arrivals[0] <= self.now:
            heappop(self._arrivals)
        deadlines += self._arrivals[:1]
        if not deadlines:
            stuck = RuntimeError("every task waits for something that will never happen")
            for error in self._failed:
                stuck.add_note(f"a task that was started raised {error}")
            raise stuck
        # An arrival may interest nobody, if its end is closed by then.
        self.now = max(self.now, min(deadlines))
        self._step_ready()

    def _step_ready(self, *, only_new: bool = False) -> bool:
        progress = False
        for _ in range(len(self._tasks)):
            if not self._tasks:
                # One of them has run others to their end, by a run() of its own.
                break
            task = self._tasks.popleft()
            if only_new and task.has_begun:
                self._tasks.append(task)
                continue
            error, task.to_raise = task.to_raise, None
            try:
                if task.ready is not None and not task.ready() and not self._is_due(task):
                    self._tasks.append(task)
                    continue
            except Exception as failure:
                error = failure
            progress = task.has_begun = True
            try:
                if error is None:
                    awaited = task.context.run(task.work.send, None)
                else:
                    awaited = task.context.run(task.work.throw, error)
            except StopIteration as stop:
                task.done, task.result = True, stop.value
            except BaseException as error:
                task.done, task.error = True, error
                self._failed.append(repr(error))
                if isinstance(error, KeyboardInterrupt | SystemExit):
                    # For the program, whoever is interrupted.
                    raise
            else:
                if type(awaited) is tuple:
                    task.ready, task.deadline = awaited
                else:
                    # Nothing of a network: nothing would ever tell that it has come.  Raised there, where it waits, so
                    # that a traceback shows what cannot be awaited.
                    task.interrupt(RuntimeError(_NOT_OURS))
                self._tasks.append(task)
        return progress

    def _is_due(self, task: _Task) -> bool:
        return task.deadline is not None and self.now >= task.deadline
