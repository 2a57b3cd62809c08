"""Where the time of a small operation goes: ``python -m benchmarks profile echo``.

Client and server run in processes of their own on a core each: once as they are, for the processor time of an
operation, and then under cProfile, whose clock is that of the wall, because to ask for processor time takes longer than
most functions do.  What cProfile adds to each call is measured and taken off, and of several runs the least of each
function counts, so that other programs matter little.  Where a thread waits in the system, nothing of that can be
said: what is left of the processor time is that, and what no profiler sees.
"""

from __future__ import annotations

import argparse
import cProfile
import pstats
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from attrs import define, evolve, frozen

from benchmarks.cores import choose
from benchmarks.data import Files, scratch
from benchmarks.measure import cpu_seconds
from benchmarks.processes import Processes
from benchmarks.stacks import Bench
from benchmarks.tasks import Task

_SMALL = 4096
_TASKS = {
    "echo": Task(do="echo", count=5000),
    "associate": Task(do="cycles", count=500),
    "store": Task(do="store", count=3000),
    "store-file": Task(do="store", count=3000, keep="file"),
}
ADAPTERS = ("blocking", "asyncio", "trio")

_WAITING = (
    "'recv_into' of '_socket.",
    "'recv' of '_socket.",
    "'accept' of '_socket.",
    "'_accept' of '_socket.",
    "'poll' of 'select.",
    "'acquire' of '_thread.lock'",
    "'get' of '_queue.",
    "'readline' of '_io.",
    "'connect' of '_socket.",
    "built-in method select.",
)
"""Functions of C in which a thread waits for the other side, or for another thread."""

_RUNS = 3

Function = tuple[str, int, str]
"""File, line and name, as pstats has it; a function of C has no file."""


@frozen
class Line:
    """A function, and what it took of one operation."""

    name: str
    own: float
    """Seconds, without those of what it calls."""

    calls: float
    waits: bool


@frozen
class Overhead:
    """Seconds that cProfile adds to a call: to the own time of who is called, and of who calls."""

    called: float
    calling: float


def _is_c(function: Function) -> bool:
    return function[0] == "~"


# -- what the profiler itself costs ------------------------------------------------------------------------------------
def _nothing() -> None:
    """Called over and over."""


def _measure_overhead(function: Callable[[], object], times: int = 100_000) -> Overhead:
    def loop() -> float:
        started = time.perf_counter()
        for _ in range(times):
            function()
        return (time.perf_counter() - started) / times

    bare = min(loop() for _ in range(3))
    profile = cProfile.Profile()
    profile.enable()
    with_profile = loop()
    profile.disable()
    table: dict[Function, Any] = vars(pstats.Stats(profile))["stats"]
    own = max(entry[2] / times for entry in table.values() if entry[1] == times)
    # A call with nothing in it takes half of what the loop takes, near enough.
    called = max(own - bare / 2, 0.0)
    return Overhead(called, max(with_profile - bare - called, 0.0))


@cache
def _overheads() -> tuple[Overhead, Overhead]:
    """Of functions of Python, and of C."""
    return _measure_overhead(_nothing), _measure_overhead("".isascii)


# -- running and reading -----------------------------------------------------------------------------------------------
@define
class Side:
    """What one side did."""

    cpu: float = 0.0
    """Seconds of processor time of an operation, without the profiler."""

    lines: Sequence[Line] = ()


def _read(pattern: Path, count: int) -> dict[str, Line]:
    """All profiles of a worker together, each function without what the profiler added."""
    own: dict[Function, float] = defaultdict(float)
    calls: dict[Function, int] = defaultdict(int)
    python, c = _overheads()
    for path in pattern.parent.glob(f"{pattern.name}-*"):
        table: dict[Function, Any] = vars(pstats.Stats(str(path)))["stats"]
        for function, (_, times, seconds, _, callers) in table.items():
            overhead = c if _is_c(function) else python
            calls[function] += times
            own[function] += seconds - times * overhead.called
            for caller, entry in callers.items():
                own[caller] -= entry[1] * overhead.calling
    return {
        name: Line(name, max(seconds, 0.0) / count, calls[function] / count, _waits(function))
        for function, seconds in own.items()
        if (name := _named(function))
    }


def _least(runs: Sequence[dict[str, Line]]) -> list[Line]:
    """Of each function that all runs have, the least."""
    return [min((run[name] for run in runs), key=lambda line: line.own) for name in set.intersection(*map(set, runs))]


def _named(function: Function) -> str:
    file, line, name = function
    if _is_c(function):
        return name
    parts = Path(file).parts
    start = max((index for index, part in enumerate(parts) if part in ("dicomwire", "benchmarks")), default=-2)
    return f"{'/'.join(parts[start:])}:{line} {name}"


def _waits(function: Function) -> bool:
    return _is_c(function) and any(part in function[2] for part in _WAITING)


@contextmanager
def _bench() -> Iterator[Bench]:
    with scratch(64 << 20) as folder, Processes(folder) as processes:
        yield Bench(processes, Files(folder), choose("two"))


def _run(bench: Bench, adapter: str, task: Task, folder: Path | None) -> tuple[Side, Side]:
    """Both sides once; with a folder, they write profiles there."""
    if task.do == "store":
        small = bench.files.of(_SMALL)
        task = evolve(task, path=str(small.path), warm_path=str(small.path))
    serving, sending = task, task
    if folder is not None:
        serving, sending = (evolve(task, profile=str(folder / side)) for side in ("server", "client"))
    with bench.server(adapter, serving) as server, bench.client(adapter, evolve(sending, port=server.port)) as begin:
        before = cpu_seconds(server.pid)
        outcome = begin()()
        server_cpu = cpu_seconds(server.pid) - before
    bench.files.forget_received()
    return Side(outcome.cpu / task.count), Side(server_cpu / task.count)


def profile(adapter: str, operation: str, count: int | None = None) -> tuple[Side, Side]:
    """Client and server of one operation."""
    task = _TASKS[operation] if count is None else evolve(_TASKS[operation], count=count)
    with _bench() as bench:
        _run(bench, adapter, evolve(task, count=min(task.count, 100)), None)
        sides = _run(bench, adapter, task, None)
        runs: list[list[dict[str, Line]]] = [[], []]
        for number in range(_RUNS):
            folder = bench.files.folder / f"profiles-{number}"
            folder.mkdir()
            _run(bench, adapter, task, folder)
            for lines, name in zip(runs, ("client", "server"), strict=True):
                lines.append(_read(folder / name, task.count))
    for side, lines in zip(sides, runs, strict=True):
        side.lines = _least(lines)
    return sides


def as_lines(title: str, side: Side, top: int) -> list[str]:
    """The functions of one side, those that take most first."""
    found = sum(line.own for line in side.lines if not line.waits) or 1.0
    ranked = sorted(side.lines, key=lambda line: -line.own)
    lines = [
        f"{title}: {side.cpu * 1e6:.1f} us of processor time an operation; {found * 1e6:.1f} us found in functions",
        "   us own  share    calls  function",
        *(
            f"{line.own * 1e6:9.2f} {line.own / found:6.1%} {line.calls:8.2f}  {line.name}"
            for line in ranked
            if not line.waits
        ),
    ]
    lines[top + 2 :] = [f"    waits        {line.calls:8.2f}  {line.name}" for line in ranked if line.waits]
    return [*lines, ""]


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks profile", description=__doc__)
    parser.add_argument("operation", choices=_TASKS)
    parser.add_argument("--adapter", choices=ADAPTERS, default="blocking")
    parser.add_argument("--count", type=int, help="how many operations")
    parser.add_argument("--top", type=int, default=40, help="how many functions of each side to show")
    options = parser.parse_args(arguments)
    for name, side in zip(
        ("client", "server"), profile(options.adapter, options.operation, options.count), strict=True
    ):
        print(*as_lines(f"{options.operation}, {options.adapter}, {name}", side, options.top), sep="\n")
    return 0
