"""How a worker talks to its parent: one line of JSON each way, and the end of the input is the end of the worker."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

from benchmarks.measure import peak_memory, percentile, reset_peak, resident_memory
from benchmarks.tasks import Task


def work(tasks: Mapping[str, Callable[[Task], None]]) -> None:
    """Do what the parent says until it closes the pipe."""
    while line := sys.stdin.readline():
        task = Task.decode(line)
        try:
            tasks[task.do](task)
        except Exception as error:
            reply(error=f"{type(error).__name__}: {error}")
            raise


def reply(**values: Any) -> None:
    """Tell the parent."""
    print(json.dumps(values), flush=True)


def wait() -> None:
    """Return when the parent says so; end if it is gone."""
    if not sys.stdin.readline():
        sys.exit()


def latencies_of(values: list[float]) -> dict[str, float]:
    """The part of a report that tells of these seconds."""
    return {"p50": percentile(values, 0.5), "p99": percentile(values, 0.99)}


class Stopwatch:
    """Time, processor time and memory of this process from now on."""

    def __init__(self) -> None:
        reset_peak()
        self.idle = resident_memory()
        self.cpu = time.process_time()
        self.started = time.perf_counter()

    def report(self, **more: Any) -> None:
        """Tell the parent how long it took, and what it needed."""
        seconds = time.perf_counter() - self.started
        cpu = time.process_time() - self.cpu
        reply(seconds=seconds, cpu=cpu, idle=self.idle, peak=peak_memory(), **more)
