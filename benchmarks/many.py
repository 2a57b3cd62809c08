"""Cases with many associations: opened and released over and over, or open and idle."""

from __future__ import annotations

import resource
import time

from attrs import evolve, frozen

from benchmarks.measure import cpu_seconds, resident_memory, thread_count
from benchmarks.model import Plan, Row, Sample
from benchmarks.stacks import WORKERS, Bench
from benchmarks.tasks import Task

_SPARE_DESCRIPTORS = 200


def most_associations() -> int:
    """How many associations one process may hold here, as the hard limit on open files has it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return hard - _SPARE_DESCRIPTORS if hard != resource.RLIM_INFINITY else 1_000_000


def allow_most_associations() -> None:
    """Raise the limit on open files, for this process and those it starts from now on."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


@frozen(kw_only=True)
class Cycles:
    """Associate, echo and release, ``row.count`` times: by clients of a load generator, or by ``row.client``."""

    plan: Plan

    def measure(self, row: Row, bench: Bench) -> Sample:
        module = WORKERS[row.client] if row.client else ("load",)
        task = Task(do="cycles", count=row.count, clients=row.clients)
        with bench.server(row.server, Task(do="serve")) as server, bench.worker(*module) as worker:
            worker.ask(evolve(task, port=server.port))
            before = cpu_seconds(server.pid)
            worker.tell()
            outcome = worker.hear()
            cpu = cpu_seconds(server.pid) - before
        return {
            "rate": row.count / outcome["seconds"],
            "client_cpu_us": outcome["cpu"] / row.count * 1e6,
            "server_cpu_us": cpu / row.count * 1e6,
            "p50_ms": outcome["p50"] * 1e3,
            "p99_ms": outcome["p99"] * 1e3,
        }


@frozen(kw_only=True)
class Idle:
    """``row.count`` associations that do nothing, and what they cost; then echoes of another beside them."""

    plan: Plan
    seconds: float = 3.0
    echoes: int = 500

    def measure(self, row: Row, bench: Bench) -> Sample:
        with bench.server(row.server, Task(do="serve")) as server, bench.worker("load") as load:
            load.ask(Task(do="hold", port=server.port, count=row.count))
            memory = resident_memory(server.pid)
            load.tell()
            outcome = load.hear()
            time.sleep(min(self.seconds, 0.5))
            held = outcome["held"]
            each = (resident_memory(server.pid) - memory) / max(held, 1)
            threads = thread_count(server.pid)
            before, started = cpu_seconds(server.pid), time.perf_counter()
            time.sleep(self.seconds)
            busy = (cpu_seconds(server.pid) - before) / (time.perf_counter() - started)
            with bench.worker("load") as other:
                latency = other.ask(Task(do="latency", port=server.port, count=self.echoes))
            load.tell()
            alive = load.hear()["alive"]
        return {
            "held": held,
            "alive": alive,
            "opened_s": held / outcome["seconds"],
            "kib_each": each,
            "threads": threads,
            "cpu_percent": busy * 100,
            "p50_ms": latency["p50"] * 1e3,
            "p99_ms": latency["p99"] * 1e3,
        }
