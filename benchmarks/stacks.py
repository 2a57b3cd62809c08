"""The clients and servers of each implementation, behind one face."""

from __future__ import annotations

import importlib.util
import socket
import statistics
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from attrs import define, evolve, field, frozen

from benchmarks.cores import Cores
from benchmarks.data import Files
from benchmarks.dcmtk import (
    client_command,
    echo_command,
    environment_of,
    find_tool,
    index_command,
    server_command,
    tools_of,
)
from benchmarks.orthanc import configuration, find_orthanc
from benchmarks.processes import Failed, Finished, Processes, Worker
from benchmarks.tasks import HOST, Task

WORKERS = {
    "blocking": ("blocking", "dicomwire"),
    "blocking-delayed": ("blocking", "dicomwire", "delayed"),
    "asyncio": ("event_loop", "asyncio"),
    "trio": ("event_loop", "trio"),
    "pynetdicom": ("blocking", "pynetdicom", "nodelay"),
    "pynetdicom-shipped": ("blocking", "pynetdicom"),
    "raw": ("raw",),
}
"""Stacks that are Python: the module of the worker and its arguments."""

_START = 15.0


def _is_program(stack: str) -> bool:
    """One of DCMTK's, or Orthanc, which has its networking from it."""
    return stack.startswith(("dcm", "orthanc"))


def missing(stack: str) -> str | None:
    """What a stack lacks on this machine, or None."""
    if stack.startswith("orthanc") and find_orthanc() is None:
        return "Orthanc is not installed"
    if _is_program(stack):
        # One of them asks Orthanc whether it is there.
        absent = [tool for tool in tools_of(stack) if find_tool(tool) is None]
        return f"DCMTK's {absent[0]} is not installed" if absent else None
    package = stack.partition("-")[0]
    if package in ("trio", "pynetdicom") and importlib.util.find_spec(package) is None:
        return f"{package} is not installed"
    return None


@frozen
class Outcome:
    """What one client did."""

    seconds: float
    cpu: float
    idle: int
    """KiB before it began."""

    peak: int
    """KiB at most."""

    more: dict[str, float] = field(factory=dict)


@frozen
class Server:
    """A server that listens."""

    pid: int
    port: int


@define
class Bench:
    """What every measurement needs."""

    processes: Processes
    files: Files
    cores: Cores

    def server(self, stack: str, task: Task) -> AbstractContextManager[Server]:
        """Start the server of ``stack``, and end it."""
        task = evolve(task, do="serve", folder=str(self.files.received))
        return self._program_server(stack, task) if _is_program(stack) else self._worker_server(stack, task)

    @contextmanager
    def _worker_server(self, stack: str, task: Task) -> Iterator[Server]:
        with self.processes.worker(*WORKERS[stack], cores=self.cores.server) as worker:
            yield Server(worker.pid, worker.ask(task)["port"])
            worker.tell()
            worker.hear()

    @contextmanager
    def client(self, stack: str, task: Task) -> Iterator[Callable[[], Callable[[], Outcome]]]:
        """A client that is ready; call what it gives to let it begin, and what that gives to wait for the outcome."""
        task = evolve(task, folder=str(self.files.received))
        if _is_program(stack):
            startup = self._startup(task)
            yield lambda: lambda: self._run_client(stack, task, startup)
            return
        with self.worker(*WORKERS[stack]) as worker:
            worker.ask(task)
            yield lambda: _begin(worker)

    def worker(self, *module: str) -> AbstractContextManager[Worker]:
        """A process on the side of the clients."""
        return self.processes.worker(*module, cores=self.cores.client)

    # -- DCMTK and Orthanc --------------------------------------------------------------------------------------------
    @contextmanager
    def _program_server(self, stack: str, task: Task) -> Iterator[Server]:
        task = evolve(task, port=free_port())
        if stack.startswith("orthanc"):
            command = [find_orthanc() or "Orthanc", str(configuration(self.files.received, task.port))]
        else:
            command = _found(server_command(stack, task, task.port))
        if stack == "dcmqrscp":
            self.processes.run(_found(index_command(task)))
        popen, log = self.processes.start(command, environment_of(stack), cores=self.cores.server)
        try:
            self._await(task, popen, log)
            yield Server(popen.pid, task.port)
        finally:
            self.processes.end(popen)

    def _await(self, task: Task, popen: subprocess.Popen[bytes], log: Path) -> None:
        end = time.monotonic() + _START
        while True:
            try:
                self._echo(task)
                return
            except Failed:
                if popen.poll() is not None:
                    tail = log.read_text("utf-8", "replace").splitlines()[-3:]
                    raise Failed(" | ".join(["the server has ended", *tail])) from None
                if time.monotonic() > end:
                    raise
                time.sleep(0.02)

    def _echo(self, task: Task) -> Finished:
        # Always without Nagle's algorithm: its pause in the one echo is no part of starting.
        return self.processes.run(_found(echo_command(task)), environment_of(""), self.cores.client)

    def _startup(self, task: Task) -> Finished:
        """What a DCMTK client needs for itself and one association, from echoscu."""
        runs = [self._echo(task) for _ in range(1 if self.processes.reuse else 3)]
        return Finished(
            statistics.median(run.seconds for run in runs),
            statistics.median(run.cpu for run in runs),
            max(run.peak for run in runs),
        )

    def _run_client(self, stack: str, task: Task, startup: Finished) -> Outcome:
        run = self.processes.run(_found(client_command(task)), environment_of(stack), self.cores.client)
        # Of a run that is hardly longer than its start, next to nothing can be said.
        seconds = max(run.seconds - startup.seconds, run.seconds / 10)
        return Outcome(seconds, max(run.cpu - startup.cpu, 0.0), startup.peak, run.peak)


def _begin(worker: Worker) -> Callable[[], Outcome]:
    worker.tell()

    def end() -> Outcome:
        answer = worker.hear()
        known = {name: answer.pop(name) for name in ("seconds", "cpu", "idle", "peak")}
        return Outcome(**known, more=answer)

    return end


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as sock:
        sock.bind((HOST, 0))
        port: int = sock.getsockname()[1]
        return port


def _found(command: list[str]) -> list[str]:
    """The command, with the path of DCMTK's program in place of its name."""
    found = find_tool(command[0])
    if found is None:
        raise Failed(f"DCMTK's {command[0]} is not installed")
    return [found, *command[1:]]
