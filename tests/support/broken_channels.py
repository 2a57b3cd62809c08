"""Transports that do one thing wrong each."""

from __future__ import annotations

import os
import queue
import select
import socket
import threading
from collections import deque
from collections.abc import Callable
from typing import Any

import trio
import trio.testing

from tests.support.transports import Unix


def pair(kind: type[Unix]) -> Callable[[], tuple[Any, Any]]:
    """Makes two ends of a kind."""

    def make() -> tuple[Any, Any]:
        one, other = socket.socketpair()
        return kind(one), kind(other)

    return make


class StopsReading(Unix):
    taken = 0

    def receive(self, seconds: float) -> bytes:
        if self.taken > 50000:
            raise TimeoutError
        data = super().receive(seconds)
        self.taken += len(data)
        return data


class DropsHalfClose(Unix):
    def send_eof(self) -> None:
        pass


class HalfCloseEndsBoth(Unix):
    def send_eof(self) -> None:
        with socket.socket(fileno=os.dup(self.target)) as sock:
            sock.shutdown(socket.SHUT_RDWR)


class Reorders(Unix):
    def send(self, data: Any, seconds: float | None) -> None:
        half = len(data) // 2
        super().send(bytes(data[half:]) + bytes(data[:half]), seconds)


class Repeats(Unix):
    def send(self, data: Any, seconds: float | None) -> None:
        super().send(bytes(data[:100]) + bytes(data) if len(data) > 1000 else data, seconds)


class Leaks(Unix):
    """Loses some in the middle."""

    def send(self, data: Any, seconds: float | None) -> None:
        super().send(bytes(data[:600]) + bytes(data[700:]), seconds)


class Garbles(Unix):
    """Takes it for text."""

    def send(self, data: Any, seconds: float | None) -> None:
        super().send(bytes(data).replace(b"\n", b"\r\n"), seconds)


class HoldsBack(Unix):
    """Joins small writes until there is enough."""

    kept = b""

    def send(self, data: Any, seconds: float | None) -> None:
        self.kept += bytes(data)
        if len(self.kept) >= 4096:
            super().send(self.kept, seconds)
            self.kept = b""


class Truncates(Unix):
    """Takes what the system takes at once for all."""

    def send(self, data: Any, seconds: float | None) -> None:
        os.write(self.target, data)


class IgnoresDeadline(Unix):
    def receive(self, seconds: float) -> bytes:
        select.select([self.source], [], [])
        return super().receive(0)


class TakesSilenceForTheEnd(Unix):
    def receive(self, seconds: float) -> bytes:
        try:
            return super().receive(seconds)
        except TimeoutError:
            return b""


class GivesUpAtOnce(Unix):
    def receive(self, seconds: float) -> bytes:
        return super().receive(0)


class WaitsForEver(Unix):
    def send(self, data: Any, seconds: float | None) -> None:
        super().send(data, None)


class ClosesWhenAllIsRead(Unix):
    """Waits in closing until the peer has taken everything."""

    def close(self) -> None:
        if not self.is_closed:
            super().send(b"goodbye", None)
        super().close()


class ClosesOnce(Unix):
    def close(self) -> None:
        if self.is_closed:
            raise OSError("closed already")
        super().close()


class FailsOddly(Unix):
    def send(self, data: Any, seconds: float | None) -> None:
        try:
            super().send(data, seconds)
        except BrokenPipeError:
            raise ValueError("I/O operation on closed file") from None


class SaysNoGoodbye(Unix):
    """Stays open below when it is closed."""

    def __init__(self, sock: socket.socket) -> None:
        super().__init__(sock)
        self.copy = os.dup(self.source)

    def close(self) -> None:
        super().close()

    def __del__(self) -> None:
        os.close(self.copy)


class Selfish(Unix):
    """One waits, and all others with it."""

    lock = threading.Lock()

    def receive(self, seconds: float) -> bytes:
        with self.lock:
            return super().receive(seconds)

    def send(self, data: Any, seconds: float | None) -> None:
        with self.lock:
            super().send(data, seconds)


class WaitsAlone(Unix):
    """One waits for its peer, and who wants to receive waits with it."""

    lock = threading.Lock()

    def receive(self, seconds: float) -> bytes:
        with self.lock:
            return super().receive(seconds)


class GivesNone(Unix):
    """As many do that have nothing to give."""

    def receive(self, seconds: float) -> Any:
        try:
            return super().receive(seconds)
        except TimeoutError:
            return None


class Queued:
    """An end in memory, which takes everything and keeps what it was given."""

    def __init__(self, arriving: queue.Queue[Any], leaving: queue.Queue[Any]) -> None:
        self.arriving, self.leaving = arriving, leaving

    def receive(self, seconds: float) -> Any:
        try:
            return self.arriving.get(timeout=seconds) if seconds else self.arriving.get_nowait()
        except queue.Empty:
            raise TimeoutError from None

    def send(self, data: Any, seconds: float | None) -> None:
        self.leaving.put(data)

    def send_eof(self) -> None:
        self.leaving.put(b"")

    def close(self) -> None:
        self.leaving.put(b"")


def queues() -> tuple[Any, Any]:
    one: queue.Queue[Any] = queue.Queue()
    other: queue.Queue[Any] = queue.Queue()
    return Queued(one, other), Queued(other, one)


class Crossed:
    """Connections that share a queue by mistake."""

    def __init__(self) -> None:
        self.shared: tuple[queue.Queue[Any], queue.Queue[Any]] = queue.Queue(), queue.Queue()

    def __call__(self) -> tuple[Any, Any]:
        one, other = self.shared
        return Queued(one, other), Queued(other, one)


# -- trio ----------------------------------------------------------------------------------------------------------
class LosesOnCancel(trio.abc.Stream):
    """Takes bytes from below, and then waits for something else before it hands them on."""

    def __init__(self, stream: trio.abc.Stream) -> None:
        self.stream = stream

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        data = await self.stream.receive_some(max_bytes)
        for _ in range(3):
            await trio.lowlevel.checkpoint()
        return bytes(data)

    async def send_all(self, data: Any) -> None:
        await self.stream.send_all(data)

    async def wait_send_all_might_not_block(self) -> None:
        await self.stream.wait_send_all_might_not_block()

    async def aclose(self) -> None:
        await self.stream.aclose()


class GivesTooMuch(LosesOnCancel):
    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        return bytes(await self.stream.receive_some())


class Blocks(LosesOnCancel):
    """Waits as a thread would, and the loop with it."""

    go_on = threading.Event()

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        self.go_on.wait()
        return b""


def losing() -> tuple[Any, Any]:
    one, other = trio.testing.memory_stream_pair()
    return LosesOnCancel(one), LosesOnCancel(other)


def generous() -> tuple[Any, Any]:
    one, other = trio.testing.memory_stream_pair()
    return GivesTooMuch(one), GivesTooMuch(other)


def blocked() -> tuple[Any, Any]:
    one, other = trio.testing.memory_stream_pair()
    return Blocks(one), Blocks(other)


class NeverWaits(trio.abc.Stream):
    """Lets nobody else run as long as it has something to do."""

    def __init__(self, arriving: deque[bytes], leaving: deque[bytes]) -> None:
        self.arriving, self.leaving = arriving, leaving

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        while not self.arriving:
            await trio.lowlevel.checkpoint()
        return self.arriving.popleft()

    async def send_all(self, data: Any) -> None:
        self.leaving.append(bytes(data))

    async def wait_send_all_might_not_block(self) -> None:
        pass

    async def aclose(self) -> None:
        self.leaving.append(b"")


def never_waiting() -> tuple[Any, Any]:
    one: deque[bytes] = deque()
    other: deque[bytes] = deque()
    return NeverWaits(one, other), NeverWaits(other, one)
