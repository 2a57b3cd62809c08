"""C-ECHO on one association."""

from __future__ import annotations

from benchmarks.cases.contenders import (
    ASYNCIO,
    BEST_DCMTK,
    BEST_PYNETDICOM,
    DCMTK,
    DCMTK_SHIPPED,
    OURS,
    PYNETDICOM,
    RAW,
    TRIO,
    adapters,
    beside_blocking,
    both_ends,
    limit_of_the_machine,
    pynetdicoms,
    ratio,
)
from benchmarks.model import Plan
from benchmarks.transfer import Transfer

_COUNT, _COUNT_OVER_TLS = 5000, 2000


def echo_cases() -> list[Transfer]:
    return [_two_cores(), _one_core(), _tls()]


def _two_cores() -> Transfer:
    rows = (
        *adapters(_COUNT),
        *pynetdicoms(300),
        both_ends(DCMTK, "dcmtk", _COUNT),
        both_ends(DCMTK_SHIPPED, "dcmtk-shipped", 50),
        both_ends(RAW, "raw", _COUNT, note="one write each way"),
    )
    goals = (
        ratio(BEST_DCMTK, 0.9, 1.0),
        ratio(BEST_PYNETDICOM, 30),
        *beside_blocking(asyncio=0.95, trio=0.85),
        limit_of_the_machine(rows),
    )
    return Transfer(plan=Plan(name="echo", title="C-ECHO, a core each", rows=rows, goals=goals), do="echo")


def _one_core() -> Transfer:
    rows = (
        *adapters(_COUNT),
        both_ends(DCMTK, "dcmtk", _COUNT),
        both_ends(RAW, "raw", _COUNT, note="one write each way"),
    )
    goals = (ratio(BEST_DCMTK, 0.75, 1.0), *beside_blocking(asyncio=0.95, trio=0.85), limit_of_the_machine(rows))
    plan = Plan(name="echo-one-core", title="C-ECHO, both on one core", rows=rows, goals=goals, cores="one")
    return Transfer(plan=plan, do="echo")


def _tls() -> Transfer:
    rows = (
        *adapters(_COUNT_OVER_TLS),
        both_ends(PYNETDICOM, "pynetdicom", 300),
        both_ends(DCMTK, "dcmtk", _COUNT_OVER_TLS),
    )
    goals = (
        ratio(BEST_DCMTK, 0.8, 1.0),
        *(ratio(BEST_DCMTK, 0.6, 1.0, who=who) for who in (ASYNCIO, TRIO)),
        ratio(PYNETDICOM, who=OURS),
    )
    return Transfer(plan=Plan(name="echo-tls", title="C-ECHO over TLS", rows=rows, goals=goals), do="echo", tls=True)
