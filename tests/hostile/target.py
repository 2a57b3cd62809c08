"""The server that is attacked, in a process of its own: what it holds, and what it has logged."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from attrs import define, field, frozen

from benchmarks.measure import peak_memory, reset_peak, resident_memory, thread_count
from tests.hostile.wire import SECONDS, Peer, be_polite, data, store
from tests.support.certificates import self_signed

ROOT = Path(__file__).parents[2]


@frozen
class Held:
    """What a server has at a moment."""

    associations: int
    tasks: int
    threads: int
    descriptors: int

    def beyond(self, other: Held) -> list[str]:
        """What there is more of than ``other`` has, in words."""
        names = ("associations", "tasks", "threads", "descriptors")
        pairs = ((name, getattr(self, name), getattr(other, name)) for name in names)
        return [f"{now} {name}, {before} before" for name, now, before in pairs if now > before]


@define(eq=False)
class Target:
    """A server of one adapter."""

    adapter: str
    process: subprocess.Popen[str]
    log: Path
    port: int
    tls_port: int
    _told: int = 0
    open: ExitStack = field(factory=ExitStack)
    """Connections that an attack holds."""

    connections: int = 0
    """How many an attack has made."""

    def connect(self, *, tls: bool = False) -> Peer:
        """A connection that stays until the attack is over."""
        self.connections += 1
        return self.open.enter_context(Peer(self.tls_port if tls else self.port))

    def held(self, question: str = "") -> Held:
        """What it has now.

        Raises:
            AssertionError: it has ended.
        """
        assert self.process.stdin is not None and self.process.stdout is not None
        assert self.process.poll() is None, f"the server has ended with {self.process.poll()}: {self.new_lines()[-5:]}"
        self.process.stdin.write(f"{question}\n")
        self.process.stdin.flush()
        answer: dict[str, Any] = json.loads(self.process.stdout.readline())
        return Held(threads=thread_count(self.process.pid), **answer)

    def memory(self) -> int:
        """Bytes that it has in memory."""
        return resident_memory(self.process.pid) * 1024

    def peak(self) -> int:
        """The most bytes since :meth:`forget_peak`."""
        return peak_memory(self.process.pid) * 1024

    def forget_peak(self) -> None:
        reset_peak(self.process.pid)

    def new_lines(self) -> list[str]:
        """What it has logged since this was asked last."""
        lines = self.log.read_text("utf-8", "replace").split("\n")[:-1]
        fresh, self._told = lines[self._told :], len(lines)
        return fresh

    def settled(self, before: Held, seconds: float) -> list[str]:
        """What is left that was not there ``before``, after so many seconds at most."""
        deadline = time.monotonic() + seconds
        while (left := self.held().beyond(before)) and time.monotonic() < deadline:
            time.sleep(0.02)
        return left

    def warm_up(self) -> None:
        """What comes once, comes: modules, threads, buffers."""
        for _ in range(3):
            be_polite(self.port)
            with Peer(self.port).established() as peer:
                peer.send(store(9), data(9, bytes.fromhex("08001800 06000000 312e322e3300"), last=True))
                assert peer.pdu()[:1] == b"\x04"
        assert not self.settled(Held(0, 10**6, 10**6, 10**6), SECONDS)


@contextmanager
def running(adapter: str) -> Iterator[Target]:
    """A server, until the end of the block."""
    with tempfile.TemporaryDirectory(prefix="dicomwire-hostile-") as folder:
        certificate, log = self_signed(Path(folder)), Path(folder, "log")
        with log.open("w") as stderr:
            process = subprocess.Popen(
                [sys.executable, "-m", "tests.hostile.server", adapter, str(certificate)],
                cwd=ROOT, env={**os.environ, "PYTHONPATH": import_path()}, text=True,
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stderr,
            )  # fmt: skip
        with process:
            assert process.stdout is not None
            try:
                first = process.stdout.readline()
                assert first, log.read_text()
                port, tls_port = json.loads(first)["ports"]
                made = Target(adapter, process, log, port, tls_port)
                made.warm_up()
                yield made
                made.open.close()
            finally:
                process.kill()


def import_path() -> str:
    """Where a process finds the package and the tests."""
    return os.pathsep.join([str(ROOT), str(ROOT / "core"), str(ROOT / "adapters")])
