"""Cases with one association per client: C-ECHO, C-STORE, C-FIND, C-GET and C-MOVE."""

from __future__ import annotations

from contextlib import ExitStack

from attrs import evolve, frozen

from benchmarks.measure import cpu_seconds, peak_memory, reset_peak, resident_memory
from benchmarks.model import Plan, Row, Sample
from benchmarks.stacks import Bench, free_port
from benchmarks.tasks import Task

_SMALL = 4096


@frozen(kw_only=True)
class Transfer:
    """``row.count`` objects, matches or echoes by each of ``row.clients`` clients, all at once."""

    plan: Plan
    do: str = "store"
    size: int = 0
    """Bytes of pixel data."""

    maximum_length: int = 16382
    tls: bool = False

    def measure(self, row: Row, bench: Bench) -> Sample:
        task = self._task(row, bench)
        with ExitStack() as stack:
            server = stack.enter_context(bench.server(row.server, task))
            sending = evolve(task, port=server.port)
            clients = [stack.enter_context(bench.client(row.client, sending)) for _ in range(row.clients)]
            reset_peak(server.pid)
            idle, before = resident_memory(server.pid), cpu_seconds(server.pid)
            ends = [begin() for begin in clients]
            outcomes = [end() for end in ends]
            server_cpu = cpu_seconds(server.pid) - before
            server_peak = peak_memory(server.pid)
        seconds = max(outcome.seconds for outcome in outcomes)
        count = row.count * row.clients
        client_cpu = sum(outcome.cpu for outcome in outcomes)
        client_above = max(outcome.peak - outcome.idle for outcome in outcomes)
        server_above = server_peak - idle
        sample = {
            "rate": count / seconds,
            "client_cpu_us": client_cpu / count * 1e6,
            "server_cpu_us": server_cpu / count * 1e6,
            "client_peak": max(outcome.peak for outcome in outcomes) / 1024,
            "client_above": client_above / 1024,
            "server_peak": server_peak / 1024,
            "server_above": server_above / 1024,
            "above": max(client_above, server_above) / 1024,
        }
        if size := task.size * count:
            sample["mb_s"] = size / seconds / 1e6
            sample["client_cpu_gb"] = client_cpu / size * 1e9
            sample["server_cpu_gb"] = server_cpu / size * 1e9
        return sample

    def _task(self, row: Row, bench: Bench) -> Task:
        task = Task(
            do=self.do,
            count=row.count,
            maximum_length=self.maximum_length,
            keep=row.keep,
            matches=row.count if self.do == "find" else 0,
            from_file=row.from_file,
            from_memory=row.from_memory,
            tls=str(bench.files.certificate) if self.tls else "",
        )
        if not self.size:
            return task
        data = bench.files.of(self.size)
        task = evolve(
            task, path=str(data.path), size=data.size, offset=data.offset, warm_path=str(bench.files.of(_SMALL).path)
        )
        if self.do == "store":
            return task
        return evolve(task, study=str(bench.files.study(self.size, row.count)), inbox=free_port())
