"""The bench in an asyncio event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from dicomwire.asyncio.protocol_channel import ProtocolChannel
from dicomwire.testing.channel_bench import Bench, Check, Job, in_time
from dicomwire.testing.channel_faces import Face, LoopFace


class LoopBench(Bench):
    """Waits as tasks of asyncio do."""

    def run(self, check: Check) -> None:
        """See there."""
        in_time(self, lambda: asyncio.run(self.work(check)))

    async def faces(self, ends: tuple[Any, Any]) -> tuple[Face, Face]:
        """See there; each end connects the protocol that it is given a factory for."""
        left, right = await asyncio.gather(*(self._face(connect) for connect in ends))
        return left, right

    async def _face(self, connect: Any) -> LoopFace:
        face = LoopFace()
        face.channel = channel = ProtocolChannel(face.session)
        await connect(lambda: channel)
        if not channel.is_connected:
            raise RuntimeError("connect() has not connected the protocol it was given")
        return face

    def start(self, work: Coroutine[Any, Any, Any]) -> Job:
        """See there."""
        job = Job()
        job.handle = asyncio.get_running_loop().create_task(job.perform(work))
        return job

    async def wait(self, job: Job, seconds: float) -> bool:
        """See there."""
        await asyncio.wait([job.handle], timeout=seconds)
        return bool(job.handle.done())

    def cancel(self, job: Job) -> None:
        """See there."""
        job.handle.cancel()

    async def rest(self) -> None:
        """See there."""
        await asyncio.sleep(0)

    def now(self) -> float:
        """See there."""
        return asyncio.get_running_loop().time()
