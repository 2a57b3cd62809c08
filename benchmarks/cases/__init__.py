"""Every case, with its contenders and what it must reach."""

from __future__ import annotations

from attrs import evolve

from benchmarks.cases.associations import association_cases
from benchmarks.cases.echo import echo_cases
from benchmarks.cases.imports import import_cases
from benchmarks.cases.mixed import mixed_cases
from benchmarks.cases.query import query_cases
from benchmarks.cases.store import store_cases
from benchmarks.imports import Imports
from benchmarks.many import Cycles, Idle
from benchmarks.model import Case
from benchmarks.transfer import Transfer

_TINY = 300 << 10
"""Bytes: more than one receive buffer, and many PDUs."""


def all_cases(*, tiny: bool = False) -> list[Case]:
    """The cases of the whole benchmark; ``tiny`` ones do everything, with next to no data."""
    cases: list[Case] = [
        *echo_cases(),
        *association_cases(),
        *store_cases(),
        *query_cases(),
        *mixed_cases(),
        *import_cases(),
    ]
    return [_shrunk(case) for case in cases] if tiny else cases


def _shrunk(case: Case) -> Case:
    plan = case.plan
    rows = tuple(
        evolve(row, count=min(row.count, 3), clients=min(row.clients, 2), runs=1 if row.runs else None)
        for row in plan.rows
    )
    plan = evolve(plan, rows=rows)
    match case:
        case Transfer():
            return evolve(case, plan=plan, size=min(case.size, _TINY))
        case Idle():
            return evolve(case, plan=plan, seconds=0.01, echoes=3)
        case Imports():
            return evolve(case, plan=plan, times=1)
        case _:
            return Cycles(plan=plan)
