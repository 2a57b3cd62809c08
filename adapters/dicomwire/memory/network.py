"""The world of the in-memory AEs, in one thread, on a clock that jumps to the next deadline."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Coroutine, Generator
from contextvars import Context, ContextVar, copy_context
from heapq import heappop, heappush
from types import coroutine
from typing import Any, Protocol, TypeVar

T = TypeVar("T")

_NOT_OURS = "in memory only what is of the network can be awaited, such as Network.sleep()"

_IS_RUN: ContextVar[bool] = ContextVar("_IS_RUN", default=False)
"""Whether a network runs what runs now."""


class Listener(Protocol):
    """A server inside a :class:`Network`."""

    def take_up(self, end: Any, address: tuple[str, int]) -> None:
        """Take up a connection by this :class:`~dicomwire.memory.End`; who has the other one is at ``address``."""


class _Task:
    """A coroutine, and what it waits for."""

    def __init__(self, work: Coroutine[Any, Any, Any]) -> None:
        self.work = work
        self.ready: Callable[[], bool] | None = None
        self.deadline: float | None = None
        self.done = False
        self.result: Any = None
        self.error: BaseException | None = None
        self.context: Context = copy_context()
        self.context.run(_IS_RUN.set, True)
        self.awaits_other = False
        """What it waits for is nothing of a network: nothing will ever tell that it has come."""

    def __del__(self) -> None:
        # The network may end before the task had its first turn.
        self.work.close()


@coroutine
def until(ready: Callable[[], bool], deadline: float | None = None) -> Generator[Any, None, None]:
    """Wait until ``ready()``, or for the deadline.

    Raises:
        RuntimeError: something else than a network runs this, which would not know what is waited for.
    """
    if not _IS_RUN.get():
        raise RuntimeError("in memory coroutines are run by Network.run(), and not by an event loop")
    yield ready, deadline


class Network:
    """The world of the in-memory AEs: who listens where, what time it is, and whose turn it is."""

    def __init__(self, latency: float = 0.0) -> None:
        self.latency = latency
        """Seconds a piece of data is under way, in either direction."""

        self.now: float = 0.0
        """Seconds since the beginning; only waiting makes it pass."""

        self._listening: dict[int, Listener] = {}
        self._tasks: deque[_Task] = deque()
        self._arrivals: list[float] = []
        self._next_port = 50000

    def run(self, *work: Coroutine[Any, Any, Any]) -> list[Any]:
        """Run coroutines to their end, and everything they start as far as that takes; their results.

        Raises:
            RuntimeError: all of them wait for something that will never happen.
        """
        wanted = [self.spawn(coroutine) for coroutine in work]
        try:
            while not all(task.done for task in wanted):
                self._turn()
                for task in wanted:
                    if task.error is not None:
                        raise task.error
        finally:
            for task in wanted:
                if not task.done:
                    self._tasks.remove(task)
                    task.work.close()
        return [task.result for task in wanted]

    def run_until_idle(self) -> None:
        """Let whatever has been started go on until all of it waits for a deadline or for ever."""
        while self._step_ready():
            pass

    async def sleep(self, seconds: float) -> None:
        """Let time pass."""
        await until(lambda: False, self.now + seconds)

    def spawn(self, work: Coroutine[Any, Any, Any]) -> _Task:
        """Start a task, which goes on whenever somebody waits in the network."""
        task = _Task(work)
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

    def _turn(self) -> None:
        if self._step_ready():
            return
        deadlines = [task.deadline for task in self._tasks if task.deadline is not None]
        while self._arrivals and self._arrivals[0] <= self.now:
            heappop(self._arrivals)
        deadlines += self._arrivals[:1]
        if not deadlines:
            raise RuntimeError("every task waits for something that will never happen")
        # An arrival may interest nobody, if its end is closed by then.
        self.now = max(self.now, min(deadlines))
        self._step_ready()

    def _step_ready(self) -> bool:
        progress = False
        for _ in range(len(self._tasks)):
            task = self._tasks.popleft()
            if task.ready is not None and not task.ready() and not self._is_due(task):
                self._tasks.append(task)
                continue
            progress = True
            try:
                if task.awaits_other:
                    # There, where it waits: a traceback then shows what cannot be awaited.
                    awaited = task.context.run(task.work.throw, RuntimeError(_NOT_OURS))
                else:
                    awaited = task.context.run(task.work.send, None)
            except StopIteration as stop:
                task.done, task.result = True, stop.value
            except BaseException as error:
                task.done, task.error = True, error
            else:
                task.awaits_other = type(awaited) is not tuple
                task.ready, task.deadline = (None, None) if task.awaits_other else awaited
                self._tasks.append(task)
        return progress

    def _is_due(self, task: _Task) -> bool:
        return task.deadline is not None and self.now >= task.deadline
