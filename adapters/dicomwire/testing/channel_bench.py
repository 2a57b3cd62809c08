"""The bench that a check works at: two ends of a connection, and a way to do several things at a time."""

from __future__ import annotations

import inspect
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from typing import Any, TypeAlias, TypeVar

from dicomwire.associations.coroutines import run
from dicomwire.memory.memory_channel import MemoryChannel
from dicomwire.memory.network import Network
from dicomwire.testing.channel_faces import ChannelFace, Face, TransportFace
from dicomwire.testing.channel_fault import Unfit

T = TypeVar("T")
Check: TypeAlias = Callable[["Bench"], Coroutine[Any, Any, None]]
Factory: TypeAlias = Callable[..., Any]
"""Makes two ends that are joined, a tuple; in an event loop it may be async."""

_STEPS = 8
"""A check may take so many times the patience."""


class Job:
    """Something that runs beside the check."""

    def __init__(self) -> None:
        self.is_done: bool = False
        self.result: Any = None
        self.error: Exception | None = None
        self.handle: Any = None
        """What the bench knows it by."""

    async def perform(self, work: Awaitable[Any]) -> None:
        """Do it, and remember what became of it."""
        try:
            self.result = await work
        except Exception as error:
            self.error = error
        finally:
            self.is_done = True

    def outcome(self) -> Any:
        """What it returned, or raise what it raised."""
        if self.error is not None:
            raise self.error
        return self.result


class Bench(ABC):
    """Owns the ends of a check, and closes them when that is over."""

    can_cancel: bool = True
    """What waits can be told to wait no more."""

    is_preemptive: bool = False
    """Others get their turn without being let."""

    def __init__(self, factory: Factory, patience: float, *, half_close: bool) -> None:
        self.patience = patience
        """Seconds for anything that does not wait for a deadline."""

        self.half_close = half_close
        self.left: Face
        self.right: Face
        self.doing: str = "connecting"
        """What was asked last."""

        self._factory = factory
        self._faces: list[Face] = []

    # -- what kinds of waiting differ in ----------------------------------------------------------------------------
    @abstractmethod
    def run(self, check: Check) -> None:
        """Run a check, and close all ends."""

    @abstractmethod
    async def faces(self, ends: tuple[Any, Any]) -> tuple[Face, Face]:
        """The ends that the factory made."""

    @abstractmethod
    def start(self, work: Coroutine[Any, Any, Any]) -> Job:
        """Do something beside the check."""

    @abstractmethod
    async def wait(self, job: Job, seconds: float) -> bool:
        """Wait for it so long, and whether it is done."""

    @abstractmethod
    def cancel(self, job: Job) -> None:
        """Let it end at once."""

    @abstractmethod
    async def rest(self) -> None:
        """Let others have a turn."""

    @abstractmethod
    def now(self) -> float:
        """Seconds."""

    # -- what they share ------------------------------------------------------------------------------------------
    async def pair(self) -> tuple[Face, Face]:
        """Two more ends."""
        ends = self._factory()
        if inspect.isawaitable(ends):
            ends = await ends
        try:
            one, other = ends
        except (TypeError, ValueError):
            what = f"a {type(ends).__name__}"
            raise TypeError(f"a factory returns the two ends of a connection, a tuple, and not {what}") from None
        left, right = await self.faces((one, other))
        self._faces += [left, right]
        return left, right

    async def work(self, check: Check) -> None:
        """Make two ends, check them, and close them."""
        try:
            self.left, self.right = await self.pair()
            await check(self)
        finally:
            for face in self._faces:
                # What is wrong with that, a check of its own says.
                job = self.start(face.close())
                await self.wait(job, self.patience)

    async def ask(self, work: Coroutine[Any, Any, T], *, asked: str, look_at: str) -> T:
        """What it returns, or raises.

        Raises:
            Unfit: it has not come to an end.
        """
        result: T = await self.ended(self.start(work), asked=asked, look_at=look_at)
        return result

    async def ended(self, job: Job, *, asked: str, look_at: str) -> Any:
        """What a job that must end by now has returned, or raised; errors of :meth:`ask`."""
        self.doing = asked
        if not await self.wait(job, self.patience):
            raise Unfit(asked, f"nothing: it had not come to an end after {self.patience:g} s", look_at)
        return job.outcome()


def in_time(bench: Bench, work: Callable[[], None]) -> None:
    """Run what is to be checked in a thread, which is left behind if it does not end.

    Raises:
        Unfit: it does not.
    """
    errors: list[BaseException] = []

    def target() -> None:
        try:
            work()
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=target, name="check-channel", daemon=True)
    thread.start()
    thread.join(_STEPS * bench.patience)
    if thread.is_alive():
        raise Unfit(
            bench.doing,
            "nothing any more: whatever else was to happen beside it did not, either",
            "what waits without letting others run: a call that blocks, or a lock that is held",
        )
    if errors:
        raise errors[0]


class ThreadBench(Bench):
    """Waits as threads do."""

    can_cancel = False
    is_preemptive = True
    _never = threading.Event()

    def run(self, check: Check) -> None:
        """See there."""
        in_time(self, lambda: run(self.work(check)))

    async def faces(self, ends: tuple[Any, Any]) -> tuple[Face, Face]:
        """See there."""
        return self._face(ends[0]), self._face(ends[1])

    def _face(self, end: Any) -> Face:
        if not callable(end):
            return TransportFace(end)
        face = ChannelFace()
        face.lock = threading.Lock()
        make: Callable[..., Any] = end
        face.channel = make(face.session, face.lock)
        return face

    def start(self, work: Coroutine[Any, Any, Any]) -> Job:
        """See there."""
        job = Job()
        job.handle = threading.Thread(target=lambda: run(job.perform(work)), name="check-channel-job", daemon=True)
        job.handle.start()
        return job

    async def wait(self, job: Job, seconds: float) -> bool:
        """See there."""
        job.handle.join(seconds)
        return job.is_done

    def cancel(self, job: Job) -> None:
        """Threads cannot be."""

    async def rest(self) -> None:
        """See there."""
        self._never.wait(0.001)

    def now(self) -> float:
        """See there."""
        return time.monotonic()


class NetworkBench(Bench):
    """Waits in memory, where the clock jumps."""

    can_cancel = False

    def __init__(self, factory: Factory, patience: float, *, half_close: bool) -> None:
        super().__init__(factory, patience, half_close=half_close)
        self.network: Network = Network()

    def run(self, check: Check) -> None:
        """See there."""
        in_time(self, lambda: self._run(check))

    def _run(self, check: Check) -> None:
        self.network.run(self.work(check))

    async def pair(self) -> tuple[Face, Face]:
        """Two more ends, made by the factory inside the network that it is given."""
        left, right = await self.faces(self._factory(self.network))
        self._faces += [left, right]
        return left, right

    async def faces(self, ends: tuple[Any, Any]) -> tuple[Face, Face]:
        """See there."""
        return self._face(ends[0]), self._face(ends[1])

    def _face(self, end: Any) -> Face:
        face = ChannelFace()
        make: Callable[..., Any] = end if callable(end) else partial(MemoryChannel, end=end)
        face.channel = make(face.session)
        return face

    def start(self, work: Coroutine[Any, Any, Any]) -> Job:
        """See there."""
        job = Job()
        self.network.spawn(job.perform(work))
        return job

    async def wait(self, job: Job, seconds: float) -> bool:
        """See there."""
        await self.network.until(lambda: job.is_done, self.network.now + seconds)
        return job.is_done

    def cancel(self, job: Job) -> None:
        """Tasks of a network cannot be."""

    async def rest(self) -> None:
        """See there."""
        await self.network.until(lambda: True)

    def now(self) -> float:
        """See there."""
        return self.network.now
