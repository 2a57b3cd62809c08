"""Who takes part, and what the rows of a case have in common."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from benchmarks.model import Goal, Row

KIB, MIB, GIB = 1 << 10, 1 << 20, 1 << 30

OURS = "dicomwire"
ASYNCIO = "dicomwire asyncio"
TRIO = "dicomwire trio"
ADAPTERS = ((OURS, "blocking"), (ASYNCIO, "asyncio"), (TRIO, "trio"))

DCMTK = "DCMTK (TCP_NODELAY=1)"
DCMTK_SHIPPED = "DCMTK as shipped"
DCMRECV = "DCMTK dcmrecv (TCP_NODELAY=1)"
FORK = "DCMTK --fork (TCP_NODELAY=1)"
PYNETDICOM = "pynetdicom (TCP_NODELAY)"
PYNETDICOM_SHIPPED = "pynetdicom as shipped"
RAW = "raw sockets"

BEST_DCMTK = (DCMTK, DCMTK_SHIPPED, DCMRECV)
BEST_PYNETDICOM = (PYNETDICOM, PYNETDICOM_SHIPPED)


def both_ends(who: str, stack: str, count: int, **more: Any) -> Row:
    """The same stack as client and as server."""
    return Row(who=who, client=stack, server=stack, count=count, **more)


def adapters(count: int, **more: Any) -> list[Row]:
    """A row for each adapter."""
    return [both_ends(who, stack, count, **more) for who, stack in ADAPTERS]


def pynetdicoms(count: int, **more: Any) -> list[Row]:
    """pynetdicom as shipped, and freed of Nagle's algorithm as DCMTK is."""
    return [
        both_ends(PYNETDICOM, "pynetdicom", count, **more),
        both_ends(PYNETDICOM_SHIPPED, "pynetdicom-shipped", count, **more),
    ]


def ratio(over: str | Sequence[str], bar: float | None = None, aim: float | None = None, *, who: str = OURS) -> Goal:
    """So many times the rate of the best of these rows."""
    return Goal(who=who, metric="rate", over=(over,) if isinstance(over, str) else tuple(over), bar=bar, aim=aim)


def each_adapter(over: str | Sequence[str], bar: float | None = None, aim: float | None = None) -> list[Goal]:
    """The same ratio for all of them."""
    return [ratio(over, bar, aim, who=who) for who, _ in ADAPTERS]


def beside_blocking(*, asyncio: float, trio: float) -> list[Goal]:
    """What is lost to an event loop; the aim is nothing."""
    return [ratio(OURS, asyncio, 1.0, who=ASYNCIO), ratio(OURS, trio, 1.0, who=TRIO)]


def limit_of_the_machine(rows: Sequence[Row], raw: str = RAW) -> Goal:
    """Who does nothing but send is not slower than any who do: if it is, the case measures something else."""
    return ratio([row.who for row in rows if not row.who.startswith(RAW)], 1.0, who=raw)
