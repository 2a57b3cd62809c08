"""Processes that are started, talked to, timed, and always ended."""

from __future__ import annotations

import contextlib
import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from attrs import define, field, frozen

from benchmarks.measure import cpu_seconds, peak_memory
from benchmarks.tasks import Task

ROOT = Path(__file__).resolve().parents[1]

PATIENCE = 600.0
"""Seconds for anything at all."""

_GRACE = 5.0
_LOOK = 20
"""Milliseconds between two looks at the memory of a program that runs."""


class Failed(Exception):
    """A process did not do what it should."""


@frozen
class Finished:
    """A program that ran to its end."""

    seconds: float
    cpu: float
    peak: int
    """KiB."""


@define(eq=False)
class Worker:
    """A process that takes tasks; see :mod:`benchmarks.workers.orders`."""

    popen: subprocess.Popen[bytes]
    log: Path
    _rest: bytes = b""

    @property
    def pid(self) -> int:
        return self.popen.pid

    def tell(self, line: str = "") -> None:
        """Send a task, or an empty line: go on."""
        assert self.popen.stdin is not None
        try:
            self.popen.stdin.write(line.encode() + b"\n")
            self.popen.stdin.flush()
        except OSError as error:
            raise self._failed("has ended") from error

    def hear(self, seconds: float = PATIENCE) -> dict[str, Any]:
        """The next line it says.

        Raises:
            Failed: it says that something went wrong, or nothing.
        """
        assert self.popen.stdout is not None
        descriptor = self.popen.stdout.fileno()
        deadline = time.monotonic() + seconds
        while b"\n" not in self._rest:
            ready, _, _ = select.select([descriptor], [], [], max(0.0, deadline - time.monotonic()))
            if not ready:
                raise self._failed(f"said nothing for {seconds:.0f} s")
            data = os.read(descriptor, 65536)
            if not data:
                raise self._failed("has ended")
            self._rest += data
        line, _, self._rest = self._rest.partition(b"\n")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise self._failed(answer["error"])
        return answer

    def ask(self, task: Task, seconds: float = PATIENCE) -> dict[str, Any]:
        """Send a task and take the first answer."""
        self.tell(task.encode())
        return self.hear(seconds)

    def _failed(self, why: str) -> Failed:
        lines = self.log.read_text("utf-8", "replace").splitlines()
        return Failed(" | ".join([why, *lines[-3:]]))


@define
class Processes:
    """Every process there is; leaving the context ends them all.

    With ``reuse`` a worker that has done its task is kept for the next one of its kind: quicker, but then memory
    and processor time say nothing.
    """

    folder: Path
    reuse: bool = False
    _running: list[subprocess.Popen[bytes]] = field(factory=list)
    _idle: dict[tuple[str, ...], list[Worker]] = field(factory=dict)
    _logs: int = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for popen in self._running.copy():
            self.end(popen)

    def start(
        self, command: Sequence[str], environment: Mapping[str, str] | None = None, *, piped: bool = False
    ) -> tuple[subprocess.Popen[bytes], Path]:
        """Start a program; its standard error goes to the file that comes with it."""
        self._logs += 1
        log = self.folder / f"log-{self._logs}"
        with log.open("wb") as errors:
            popen = subprocess.Popen(
                command,
                stdin=subprocess.PIPE if piped else subprocess.DEVNULL,
                stdout=subprocess.PIPE if piped else errors,
                stderr=errors,
                env=self._environment() | dict(environment or {}),
                cwd=self.folder,
                # Ctrl-C is for us; we end them in order.
                process_group=0,
            )
        self._running.append(popen)
        return popen, log

    def _environment(self) -> dict[str, str]:
        path = [str(ROOT), str(ROOT / "core"), str(ROOT / "adapters")]
        dropped = ("TCP_NODELAY", "PYTHONDONTWRITEBYTECODE")
        environment = {name: value for name, value in os.environ.items() if name not in dropped}
        return environment | {
            "PYTHONPATH": os.pathsep.join(path),
            "TMPDIR": str(self.folder),
            # Compiled once, as installed packages are, and gone at the end.
            "PYTHONPYCACHEPREFIX": str(self.folder / "bytecode"),
        }

    def end(self, popen: subprocess.Popen[bytes]) -> None:
        """End a process now, if it still runs."""
        if popen.poll() is None:
            popen.terminate()
            try:
                popen.wait(_GRACE)
            except subprocess.TimeoutExpired:
                popen.kill()
                popen.wait()
        for pipe in (popen.stdin, popen.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
        if popen in self._running:
            self._running.remove(popen)

    @contextlib.contextmanager
    def worker(self, *module: str) -> Iterator[Worker]:
        """A worker process: the name of its module in :mod:`benchmarks.workers`, and arguments."""
        idle = self._idle.setdefault(module, [])
        if idle:
            worker = idle.pop()
        else:
            name, *rest = module
            worker = Worker(*self.start([sys.executable, "-m", f"benchmarks.workers.{name}", *rest], piped=True))
        done = False
        try:
            yield worker
            done = True
        finally:
            if done and self.reuse:
                idle.append(worker)
            else:
                self.end(worker.popen)

    def run(self, command: Sequence[str], environment: Mapping[str, str] | None = None) -> Finished:
        """Run a program to its end, and measure the whole of it.

        Raises:
            Failed: it does not end well, or in time.
        """
        started = time.perf_counter()
        popen, log = self.start(command, environment)
        cpu, peak = 0.0, 0
        try:
            descriptor = os.pidfd_open(popen.pid)
            try:
                poller = select.poll()
                poller.register(descriptor, select.POLLIN)
                while not poller.poll(_LOOK):
                    # Memory is gone at the end, and what wait4() gives may be that of its parent.
                    peak = max(peak, peak_memory(popen.pid))
                    if time.perf_counter() - started > PATIENCE:
                        raise Failed(f"{command[0]} does not end")
                seconds = time.perf_counter() - started
                cpu = cpu_seconds(popen.pid)
            finally:
                os.close(descriptor)
            if popen.wait() != 0:
                tail = log.read_text("utf-8", "replace").splitlines()[-3:]
                raise Failed(" | ".join([f"{Path(command[0]).name} ended with status {popen.returncode}", *tail]))
        finally:
            self.end(popen)
        return Finished(seconds, cpu, peak)
