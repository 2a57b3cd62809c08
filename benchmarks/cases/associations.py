"""Many associations: one after the other, side by side, and idle."""

from __future__ import annotations

from benchmarks.cases.contenders import (
    ADAPTERS,
    ASYNCIO,
    BEST_DCMTK,
    BEST_PYNETDICOM,
    DCMTK,
    FORK,
    KIB,
    OURS,
    PYNETDICOM,
    PYNETDICOM_SHIPPED,
    each_adapter,
    ratio,
)
from benchmarks.many import Cycles, Idle, most_associations
from benchmarks.model import Case, Goal, Plan, Row
from benchmarks.transfer import Transfer

_BOTH_PYNETDICOMS = ((PYNETDICOM, "pynetdicom"), (PYNETDICOM_SHIPPED, "pynetdicom-shipped"))


def association_cases() -> list[Case]:
    return [_cycles(1, 400, slow=60), _cycles(64, 1280, slow=128), _our_client(), _idle(1000), _idle(10000), _senders()]


def _cycles(clients: int, count: int, *, slow: int) -> Case:
    """The client is the same small program for every server."""
    rows = (
        *(Row(who=who, server=stack, count=count, clients=clients) for who, stack in ADAPTERS),
        *(Row(who=who, server=stack, count=slow, clients=clients) for who, stack in _BOTH_PYNETDICOMS),
        Row(who=DCMTK, server="dcmtk", count=count, clients=clients, note="single process: one after the other"),
        Row(who=FORK, server="dcmtk-fork", count=min(count, 256), clients=clients),
    )
    bar, aim = (0.9, 1.2) if clients == 1 else (0.5, 1.0)
    goals = (*each_adapter(BEST_DCMTK, bar, aim), *each_adapter(BEST_PYNETDICOM, 20))
    plural = "s" if clients > 1 else ""
    title = f"associate, echo, release: {clients} client{plural}"
    return Cycles(plan=Plan(name=f"cycle-{clients}", title=title, rows=rows, goals=goals))


def _our_client() -> Case:
    """The ratio is to the small program and storescp: DCMTK has no client that does it over and over."""
    count = 400
    to_storescp = f"{OURS} > storescp"
    rows = (
        *(Row(who=who, server=stack, client=stack, count=count) for who, stack in ADAPTERS),
        Row(who=to_storescp, server="dcmtk", client="blocking", count=count),
        *(Row(who=who, server=stack, client=stack, count=60) for who, stack in _BOTH_PYNETDICOMS),
        Row(who=DCMTK, server="dcmtk", count=count, note="storescp, its client the small program of cycle-1"),
    )
    goals = (*each_adapter(DCMTK, 0.7, 1.0), ratio(DCMTK, who=to_storescp), ratio(BEST_PYNETDICOM))
    title = "associate, echo, release: with our client"
    return Cycles(plan=Plan(name="cycle-client", title=title, rows=rows, goals=goals))


def _idle(count: int) -> Case:
    reachable = min(count, most_associations())
    note = "" if reachable == count else f"not {count}: the limit on open files here allows no more"
    if count > 1000:
        rows: tuple[Row, ...] = (Row(who=ASYNCIO, server="asyncio", count=reachable, note=note),)
        goals: tuple[Goal, ...] = (
            Goal(who=ASYNCIO, metric="alive", aim=count),
            Goal(who=ASYNCIO, metric="kib_each", aim=15),
            Goal(who=ASYNCIO, metric="cpu_percent", aim=1),
            Goal(who=ASYNCIO, metric="p99_ms", aim=2),
        )
    else:
        few = "100 only: it does not reach 1,000"
        rows = (
            *(Row(who=who, server=stack, count=reachable, note=note) for who, stack in ADAPTERS),
            Row(who=PYNETDICOM, server="pynetdicom", count=100, note=few),
        )
        goals = tuple(
            goal
            for who, stack in ADAPTERS
            for goal in (
                Goal(who=who, metric="alive", bar=count),
                Goal(who=who, metric="cpu_percent", bar=1),
                Goal(who=who, metric="p99_ms", bar=2),
                Goal(who=who, metric="kib_each", bar=80 if stack == "blocking" else 40, aim=15),
            )
        )
    title = f"{count:,} idle associations"
    return Idle(plan=Plan(name=f"idle-{count}", title=title, rows=rows, goals=goals, metric="kib_each"))


def _senders() -> Case:
    """Throughput of one sender and of eight; the senders are the same, the server differs."""
    rows: list[Row] = []
    goals: list[Goal] = []
    for who, stack in (*ADAPTERS, (PYNETDICOM, "pynetdicom")):
        count = 24 if stack == "pynetdicom" else 2400
        client = "pynetdicom" if stack == "pynetdicom" else "blocking"
        for clients in (1, 8):
            name = f"{who}, {clients} sender{'s' if clients > 1 else ''}"
            rows.append(Row(who=name, server=stack, client=client, count=-(-count // clients), clients=clients))
        if stack != "pynetdicom":
            goals.append(ratio(rows[-2].who, 1.0, 1.3, who=rows[-1].who))
    title = "8 senders of 512 KiB at once"
    plan = Plan(name="senders-8", title=title, rows=tuple(rows), goals=tuple(goals), metric="mb_s")
    return Transfer(plan=plan, size=512 * KIB)
