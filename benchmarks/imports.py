"""The case of importing."""

from __future__ import annotations

import statistics
import sys

from attrs import frozen

from benchmarks.model import Plan, Row, Sample
from benchmarks.processes import Finished
from benchmarks.stacks import Bench


@frozen(kw_only=True)
class Imports:
    """The wall time of a Python that runs ``row.code``, over one that does nothing."""

    plan: Plan
    times: int = 5

    def measure(self, row: Row, bench: Bench) -> Sample:
        over = []
        # Once to compile what is imported.
        _run(bench, row.code)
        for _ in range(self.times):
            bare = _run(bench, "pass")
            over.append(_run(bench, row.code).seconds - bare.seconds)
        return {"ms": statistics.median(over) * 1e3}


def _run(bench: Bench, code: str) -> Finished:
    return bench.processes.run([sys.executable, "-c", code], cores=bench.cores.client)
