"""Running cases: every row in turn, over and over."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence

from benchmarks.cases import all_cases
from benchmarks.cores import choose
from benchmarks.data import Files, scratch
from benchmarks.many import allow_most_associations
from benchmarks.model import Case, CaseResult, RowResult
from benchmarks.processes import Failed, Processes
from benchmarks.stacks import Bench

ROOM = 3 << 30
"""Bytes on disk or in memory for the files of the whole benchmark."""


def run_cases(cases: Sequence[Case], runs: int, *, tiny: bool, tell: Callable[[str], None]) -> list[CaseResult]:
    """Measure ``cases``, each with ``runs`` rounds of all its rows; ``tell`` is told of the progress."""
    results: list[CaseResult] = []
    if not tiny:
        allow_most_associations()
    with (
        scratch(64 << 20 if tiny else ROOM) as folder,
        Processes(folder, reuse=tiny) as processes,
    ):
        bench = Bench(processes, Files(folder), choose("two"))
        if not tiny:
            _compile_everything(bench)
        for case in cases:
            bench.cores = choose(case.plan.cores)
            rows = [RowResult(row, skipped=row.missing) for row in case.plan.rows]
            for turn in range(runs):
                for result in rows:
                    take_turn(case, result, turn, bench)
                tell(f"{case.plan.name}: run {turn + 1} of {runs}")
            results.append(CaseResult(case.plan, rows))
    return results


def _compile_everything(bench: Bench) -> None:
    """Let every program run once, so that no measured process has to compile what it imports."""
    case = all_cases(tiny=True)[0]
    for row in case.plan.rows:
        if row.missing is None:
            with contextlib.suppress(Failed):
                case.measure(row, bench)


def take_turn(case: Case, result: RowResult, turn: int, bench: Bench) -> None:
    """Measure a row once, unless it has had its turns; leave nothing behind."""
    if result.skipped or (result.row.runs is not None and turn >= result.row.runs):
        return
    try:
        result.turns[turn] = case.measure(result.row, bench)
    except Failed as error:
        result.failures.append(str(error))
    finally:
        bench.files.forget_received()
