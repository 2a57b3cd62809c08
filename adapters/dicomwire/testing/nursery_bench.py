"""The bench in a trio event loop."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

import trio

from dicomwire.testing.channel_bench import Bench, Check, Job, in_time
from dicomwire.testing.channel_faces import ChannelFace, Face
from dicomwire.testing.channel_fault import Unfit
from dicomwire.upper_layer.connection import Buffer

AT_ONCE = 64 * 1024
"""What a stream is asked for."""

GOODBYE = 0.5
"""Seconds that a stream has to close."""


class StreamFace(Face):
    """A stream of trio."""

    sends = "send_all()"
    receives = "receive_some()"
    closes = "aclose()"

    def __init__(self, stream: trio.abc.Stream) -> None:
        self._stream = stream
        self._is_closed = False

    async def send(self, data: Buffer, seconds: float | None = None) -> None:
        """See there."""
        with trio.CancelScope() as scope:
            if seconds is not None:
                scope.deadline = trio.current_time() + seconds
            try:
                await self._stream.send_all(data)
            except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
                raise ConnectionError("the stream is broken or closed") from error
        if scope.cancelled_caught:
            raise TimeoutError(f"nothing was taken for {seconds} s")

    async def receive(self, seconds: float | None) -> bytes:
        """See there."""
        with trio.CancelScope() as scope:
            if seconds is not None:
                scope.deadline = trio.current_time() + seconds
            try:
                data = bytes(await self._stream.receive_some(AT_ONCE))
            except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
                raise ConnectionError("the stream is broken or closed") from error
            if len(data) > AT_ONCE:
                raise Unfit(
                    f"receive_some({AT_ONCE})",
                    f"{len(data):,} bytes at once",
                    "receive_some(): max_bytes is the most it may give",
                )
            return data
        raise TimeoutError(f"nothing came in {seconds} s")

    async def send_eof(self) -> None:
        """See there; streams need not have it."""
        if (send_eof := getattr(self._stream, "send_eof", None)) is not None:
            await send_eof()

    async def close(self) -> None:
        """See there."""
        # So much the adapter gives it.
        with trio.move_on_after(GOODBYE):
            await self._stream.aclose()


class NurseryBench(Bench):
    """Waits as tasks of trio do."""

    nursery: trio.Nursery

    def run(self, check: Check) -> None:
        """See there."""
        in_time(self, lambda: self._run(check))

    def _run(self, check: Check) -> None:
        error = trio.run(self._main, check)
        if error is not None:
            raise error

    async def _main(self, check: Check) -> Exception | None:
        # Not raised through the nursery, which would put it into a group.
        failed: Exception | None = None
        async with trio.open_nursery() as self.nursery:
            try:
                await self.work(check)
            except Exception as error:
                failed = error
            self.nursery.cancel_scope.cancel()
        return failed

    async def faces(self, ends: tuple[Any, Any]) -> tuple[Face, Face]:
        """See there."""
        return self._face(ends[0]), self._face(ends[1])

    def _face(self, end: Any) -> Face:
        if not callable(end):
            return StreamFace(end)
        face = ChannelFace()
        make: Callable[..., Any] = end
        face.channel = make(face.session)
        return face

    def start(self, work: Coroutine[Any, Any, Any]) -> Job:
        """See there."""
        job = Job()
        job.handle = (trio.CancelScope(), trio.Event())
        self.nursery.start_soon(self._perform, job, work)
        return job

    async def _perform(self, job: Job, work: Coroutine[Any, Any, Any]) -> None:
        scope, has_ended = job.handle
        try:
            with scope:
                await job.perform(work)
        finally:
            has_ended.set()

    async def wait(self, job: Job, seconds: float) -> bool:
        """See there."""
        with trio.move_on_after(seconds):
            await job.handle[1].wait()
        return job.is_done

    def cancel(self, job: Job) -> None:
        """See there."""
        job.handle[0].cancel()

    async def rest(self) -> None:
        """See there."""
        await trio.lowlevel.checkpoint()

    def now(self) -> float:
        """See there."""
        return trio.current_time()
