"""Processes that are started, talked to, timed, and always ended."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence, Set
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from attrs import define, field, frozen

from benchmarks.cores import running_on
from benchmarks.tasks import Task

ROOT = Path(__file__).resolve().parents[1]

PATIENCE = 600.0
"""Seconds for anything at all."""

_GRACE = 5.0
_LAUNCHER = Path(__file__).resolve().parent / "workers" / "launch.py"


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
    _idle: dict[tuple[tuple[str, ...], frozenset[int] | None], list[Worker]] = field(factory=dict)
    _logs: int = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for popen in self._running.copy():
            self.end(popen)

    def start(
        self,
        command: Sequence[str],
        environment: Mapping[str, str] | None = None,
        *,
        piped: bool = False,
        cores: Set[int] | None = None,
    ) -> tuple[subprocess.Popen[bytes], Path]:
        """Start a program, on some cores only; its standard error goes to the file that comes with it."""
        self._logs += 1
        log = self.folder / f"log-{self._logs}"
        with log.open("wb") as errors, running_on(cores):
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
            # Each has a process group of its own, with what it started.
            os.killpg(popen.pid, signal.SIGTERM)
            try:
                popen.wait(_GRACE)
            except subprocess.TimeoutExpired:
                os.killpg(popen.pid, signal.SIGKILL)
                popen.wait()
        for pipe in (popen.stdin, popen.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
        if popen in self._running:
            self._running.remove(popen)

    @contextlib.contextmanager
    def worker(self, *module: str, cores: frozenset[int] | None = None) -> Iterator[Worker]:
        """A worker process: the name of its module in :mod:`benchmarks.workers`, and arguments."""
        idle = self._idle.setdefault((module, cores), [])
        if idle:
            worker = idle.pop()
        else:
            name, *rest = module
            command = [sys.executable, "-m", f"benchmarks.workers.{name}", *rest]
            worker = Worker(*self.start(command, piped=True, cores=cores))
        done = False
        try:
            yield worker
            done = True
        finally:
            if done and self.reuse:
                idle.append(worker)
            else:
                self.end(worker.popen)

    def run(
        self, command: Sequence[str], environment: Mapping[str, str] | None = None, cores: Set[int] | None = None
    ) -> Finished:
        """Run a program, with its full path, to its end, and measure the whole of it.

        Raises:
            Failed: it does not end well, or in time.
        """
        # Isolated and without site: smaller than any program that is measured.
        launcher = [sys.executable, "-I", "-S", str(_LAUNCHER), *command]
        popen, log = self.start(launcher, environment, piped=True, cores=cores)
        try:
            said, _ = popen.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired as error:
            raise Failed(f"{command[0]} does not end") from error
        finally:
            self.end(popen)
        seconds, cpu, peak, status = said.split() or (0, 0, 0, popen.returncode)
        if int(status) != 0:
            tail = log.read_text("utf-8", "replace").splitlines()[-3:]
            raise Failed(" | ".join([f"{Path(command[0]).name} ended with status {int(status)}", *tail]))
        return Finished(float(seconds), float(cpu), int(peak))
