"""The clients and servers of each implementation, behind one face."""

from __future__ import annotations

import importlib.util
import socket
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from attrs import define, evolve, field, frozen

from benchmarks.data import Files
from benchmarks.dcmtk import find_tool
from benchmarks.orthanc import configuration, find_orthanc
from benchmarks.processes import Failed, Finished, Processes, Worker
from benchmarks.tasks import HOST, Task

WORKERS = {
    "blocking": ("blocking", "dicomwire"),
    "blocking-delayed": ("blocking", "dicomwire", "delayed"),
    "asyncio": ("event_loop", "asyncio"),
    "trio": ("event_loop", "trio"),
    "pynetdicom": ("blocking", "pynetdicom"),
    "raw": ("raw",),
}
"""Stacks that are Python: the module of the worker and its arguments."""

_TOOLS = ("storescp", "storescu", "echoscu")
_LONGEST_OF_DCMTK = 131072
_START = 15.0


def missing(stack: str) -> str | None:
    """What a stack lacks on this machine, or None."""
    if stack == "orthanc" and find_orthanc() is None:
        return "Orthanc is not installed"
    if stack.startswith("dcmtk") or stack == "orthanc":
        # One of them asks Orthanc whether it is there.
        absent = [tool for tool in _TOOLS if find_tool(tool) is None]
        return f"DCMTK's {absent[0]} is not installed" if absent else None
    if stack in ("trio", "pynetdicom") and importlib.util.find_spec(stack) is None:
        return f"{stack} is not installed"
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

    def server(self, stack: str, task: Task) -> AbstractContextManager[Server]:
        """Start the server of ``stack``, and end it."""
        task = evolve(task, do="serve", folder=str(self.files.folder))
        if stack == "orthanc":
            return self._orthanc()
        return self._storescp(stack, task) if stack.startswith("dcmtk") else self._worker_server(stack, task)

    @contextmanager
    def _worker_server(self, stack: str, task: Task) -> Iterator[Server]:
        with self.processes.worker(*WORKERS[stack]) as worker:
            yield Server(worker.pid, worker.ask(task)["port"])
            worker.tell()
            worker.hear()

    @contextmanager
    def client(self, stack: str, task: Task) -> Iterator[Callable[[], Callable[[], Outcome]]]:
        """A client that is ready; call what it gives to let it begin, and what that gives to wait for the outcome."""
        if stack.startswith("dcmtk"):
            startup = self._startup(stack, task.port)
            yield lambda: lambda: self._run_tool(stack, task, startup)
            return
        with self.processes.worker(*WORKERS[stack]) as worker:
            worker.ask(task)
            yield lambda: _begin(worker)

    # -- DCMTK and Orthanc, which has its networking from it ----------------------------------------------------------
    @contextmanager
    def _orthanc(self) -> Iterator[Server]:
        port = _free_port()
        program = find_orthanc()
        assert program is not None
        popen, _ = self.processes.start([program, str(configuration(self.files.folder, port))], {})
        try:
            self._await(port)
            yield Server(popen.pid, port)
        finally:
            self.processes.end(popen)

    @contextmanager
    def _storescp(self, stack: str, task: Task) -> Iterator[Server]:
        port = _free_port()
        options = ["--max-pdu", str(min(task.maximum_length, _LONGEST_OF_DCMTK))]
        options += ["+B", "-od", str(self.files.folder)] if task.keep == "file" else ["--ignore"]
        if stack == "dcmtk-fork":
            options.append("--fork")
        popen, _ = self.processes.start([_tool("storescp"), "-q", *options, str(port)], _environment(stack))
        try:
            self._await(port)
            yield Server(popen.pid, port)
        finally:
            self.processes.end(popen)

    def _await(self, port: int) -> None:
        end = time.monotonic() + _START
        while True:
            try:
                self._echo("dcmtk", port)
                return
            except Failed:
                if time.monotonic() > end:
                    raise
                time.sleep(0.02)

    def _echo(self, stack: str, port: int, count: int = 1) -> Finished:
        command = [_tool("echoscu"), "-q", "--repeat", str(count), HOST, str(port)]
        return self.processes.run(command, _environment(stack))

    def _startup(self, stack: str, port: int) -> Finished:
        """What a DCMTK client needs for itself and one association, from echoscu."""
        # Always without Nagle's algorithm: its pause in the one echo is no part of starting.
        runs = [self._echo("dcmtk", port) for _ in range(3)]
        return Finished(
            statistics.median(run.seconds for run in runs),
            statistics.median(run.cpu for run in runs),
            max(run.peak for run in runs),
        )

    def _run_tool(self, stack: str, task: Task, startup: Finished) -> Outcome:
        if task.do == "echo":
            run = self._echo(stack, task.port, task.count)
        else:
            longest = str(min(task.maximum_length, _LONGEST_OF_DCMTK))
            options = ["-q", "--max-send-pdu", longest, "--repeat", str(task.count)]
            command = [_tool("storescu"), *options, HOST, str(task.port), task.path]
            run = self.processes.run(command, _environment(stack))
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


def _free_port() -> int:
    with socket.socket() as sock:
        sock.bind((HOST, 0))
        port: int = sock.getsockname()[1]
        return port


def _tool(name: str) -> str:
    found = find_tool(name)
    if found is None:
        raise Failed(f"DCMTK's {name} is not installed")
    return found


def _environment(stack: str) -> dict[str, str]:
    """DCMTK turns Nagle's algorithm off only if it is told."""
    return {} if stack == "dcmtk-shipped" else {"TCP_NODELAY": "1"}
