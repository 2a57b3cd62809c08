"""C-STORE from a path: to memory, to a sink that drops it, to a file, and over TLS."""

from __future__ import annotations

from attrs import evolve, frozen

from benchmarks.cases.contenders import (
    ADAPTERS,
    ASYNCIO,
    BEST_DCMTK,
    DCMRECV,
    DCMTK,
    DCMTK_SHIPPED,
    GIB,
    KIB,
    MIB,
    OURS,
    PYNETDICOM,
    PYNETDICOM_SHIPPED,
    RAW,
    TRIO,
    adapters,
    both_ends,
    limit_of_the_machine,
    pynetdicoms,
    ratio,
)
from benchmarks.dcmtk import LONGEST
from benchmarks.model import Goal, Plan, Row
from benchmarks.transfer import Transfer

TO_MEMORY = "dicomwire to memory, event.dataset"
TO_SINK = "dicomwire to a sink"
FROM_MEMORY = "dicomwire, bytes to a sink"
RAW_FROM_FILE = "raw sockets, from a file"


@frozen(kw_only=True)
class Load:
    """What is sent."""

    name: str
    title: str
    size: int
    maximum_length: int
    count: int
    slow: int = 0
    """For pynetdicom; 0 leaves it out."""

    shipped: int = 0
    """For peers with Nagle's algorithm; 0 leaves them out."""

    bar: float | None
    """Of the ratio to DCMTK."""

    aim: float | None = None


_TO_MEMORY = (
    Load(name="store-4k", title="C-STORE 4 KiB to memory", size=4 * KIB, maximum_length=16382, count=2000,
         slow=400, shipped=60, bar=1.1, aim=1.5),
    Load(name="store-512k-16382", title="C-STORE 512 KiB to memory, PDU 16382", size=512 * KIB, maximum_length=16382,
         count=400, slow=60, shipped=40, bar=1.5),
    Load(name="store-512k-131072", title="C-STORE 512 KiB to memory, PDU 131072", size=512 * KIB,
         maximum_length=131072, count=400, slow=60, shipped=40, bar=1.4, aim=1.8),
)  # fmt: skip

_LARGE = (
    Load(name="store-64m-16382", title="C-STORE 64 MiB, PDU 16382", size=64 * MIB, maximum_length=16382, count=12,
         slow=3, bar=1.5),
    Load(name="store-64m-1m", title="C-STORE 64 MiB, PDU 1 MiB", size=64 * MIB, maximum_length=MIB, count=12,
         slow=3, bar=1.5),
    Load(name="store-1g-16382", title="C-STORE 1 GiB, PDU 16382", size=GIB, maximum_length=16382, count=1,
         slow=1, bar=1.0, aim=1.5),
    Load(name="store-1g-1m", title="C-STORE 1 GiB, PDU 1 MiB", size=GIB, maximum_length=MIB, count=1,
         bar=1.0, aim=1.5),
)  # fmt: skip

_FILES = (
    Load(name="file-4k", title="4 KiB from a file to a file", size=4 * KIB, maximum_length=16382, count=2000, slow=400,
         bar=1.0, aim=1.5),
    Load(name="file-512k-16382", title="512 KiB from a file to a file, PDU 16382", size=512 * KIB,
         maximum_length=16382, count=400, slow=60, bar=1.3, aim=1.6),
    Load(name="file-512k-131072", title="512 KiB from a file to a file, PDU 131072", size=512 * KIB,
         maximum_length=131072, count=400, slow=60, bar=1.0, aim=1.3),
    Load(name="file-64m", title="64 MiB from a file to a file", size=64 * MIB, maximum_length=16382, count=12, slow=3,
         bar=1.0, aim=1.5),
    Load(name="file-1g", title="1 GiB from a file to a file", size=GIB, maximum_length=16382, count=1, slow=1,
         bar=1.0, aim=1.5),
)  # fmt: skip

_TLS = Load(
    name="store-64m-tls", title="C-STORE 64 MiB to memory, over TLS", size=64 * MIB, maximum_length=16382, count=6,
    slow=2, bar=1.5, aim=2.0,
)  # fmt: skip


def store_cases() -> list[Transfer]:
    return [*map(_small, _TO_MEMORY), *map(_large, _LARGE), *map(_file, _FILES), _tls(_TLS)]


def _case(load: Load, rows: list[Row], goals: list[Goal], *, tls: bool = False) -> Transfer:
    metric = "mb_s" if load.size >= 512 * KIB else "rate"
    plan = Plan(name=load.name, title=load.title, rows=tuple(rows), goals=tuple(goals), metric=metric)
    return Transfer(plan=plan, size=load.size, maximum_length=load.maximum_length, tls=tls)


def _dcmtk_note(load: Load, to: str) -> str:
    return f"PDU {LONGEST}, the most it can; {to}" if load.maximum_length > LONGEST else to


def _beside_blocking() -> list[Goal]:
    return [ratio(OURS, 0.8, 1.0, who=ASYNCIO), ratio(OURS, 0.5, 0.8, who=TRIO)]


def _bounded_memory() -> list[Goal]:
    return [Goal(who=who, metric="above", bar=8, aim=2) for who, _ in ADAPTERS]


def _small(load: Load) -> Transfer:
    """The handler leaves in memory what it got; DCMTK, which makes a data set of it, has a row like that beside."""
    rows = [
        *adapters(load.count, note="path to memory"),
        both_ends(TO_MEMORY, "blocking", load.count, keep="dataset", note="decoded by the handler, as storescp does"),
        both_ends(TO_SINK, "blocking", load.count, keep="discard", note="a sink that drops it"),
        both_ends(PYNETDICOM, "pynetdicom", load.slow, note="Dataset read before; to memory"),
        both_ends(PYNETDICOM_SHIPPED, "pynetdicom-shipped", load.shipped, note="Dataset read before; to memory"),
        both_ends(DCMTK, "dcmtk", load.count, note="storescp --ignore, to memory"),
        both_ends(DCMTK_SHIPPED, "dcmtk-shipped", load.shipped, note="storescp --ignore, to memory"),
        both_ends(RAW, "raw", load.count, keep="discard", note="from one buffer to nowhere"),
    ]
    goals = [ratio(BEST_DCMTK, load.bar, load.aim), ratio(BEST_DCMTK, who=TO_MEMORY)]
    if load.size < 512 * KIB:
        goals += [ratio(PYNETDICOM_SHIPPED, 100), ratio(PYNETDICOM)]
        goals += [ratio(OURS, 0.95, 1.0, who=ASYNCIO), ratio(OURS, 0.85, 1.0, who=TRIO)]
    else:
        goals += [ratio(PYNETDICOM_SHIPPED, 30), ratio(PYNETDICOM), ratio(RAW, None, 0.7), *_beside_blocking()]
    return _case(load, rows, [*goals, *_bounded_memory(), limit_of_the_machine(rows)])


def _large(load: Load) -> Transfer:
    """Memory that was never touched before is slower than the network: so the ratio to bare sockets is of sinks.

    The ratio to DCMTK, which keeps and decodes it, is of who does that.
    """
    rows = [
        *adapters(load.count, keep="discard", note="path to a sink that drops it"),
        both_ends(TO_MEMORY, "blocking", load.count, keep="dataset", note="decoded by the handler, as storescp does"),
        both_ends(DCMTK, "dcmtk", load.count, note=_dcmtk_note(load, "storescp --ignore, to memory")),
        both_ends(RAW, "raw", load.count, keep="discard", note="from one buffer to nowhere"),
        # Reading the file is a good part of sending it: both without, and both with.
        both_ends(RAW_FROM_FILE, "raw", load.count, keep="discard", from_file=True, note="from a file to nowhere"),
    ]
    # Some 20 seconds each, and 3 GiB.
    runs = 1 if load.size >= GIB else None
    if load.slow:
        rows += pynetdicoms(load.slow, keep="dataset", runs=runs, note="Dataset read before; to memory, decoded")
    goals = [ratio(BEST_DCMTK, load.bar, load.aim, who=TO_MEMORY), ratio(BEST_DCMTK)]
    goals += [ratio(RAW, 0.6, 0.85), ratio(RAW_FROM_FILE)]
    from_files = list(rows)
    if load.size < GIB:
        rows.append(evolve(rows[0], who=FROM_MEMORY, from_memory=True, note="read before, to a sink that drops it"))
        goals.append(ratio(RAW, who=FROM_MEMORY))
    goals += [*_beside_blocking(), *_bounded_memory()]
    return _case(load, rows, [*goals, limit_of_the_machine(rows), limit_of_the_machine(from_files, RAW_FROM_FILE)])


def _file(load: Load) -> Transfer:
    rows = [
        *adapters(load.count, keep="file", note="path to path"),
        both_ends(
            PYNETDICOM, "pynetdicom", load.slow, keep="file", runs=1 if load.size >= GIB else None,
            note="chunked; each file is gone when it was handled",
        ),
        both_ends(DCMTK, "dcmtk", load.count, keep="file", note="storescp +B"),
        Row(who=DCMRECV, client="dcmtk", server="dcmrecv", count=load.count, keep="file", note="dcmrecv +B"),
        both_ends(RAW, "raw", load.count, keep="file", from_file=True, note="from a file to a file"),
    ]  # fmt: skip
    goals = [ratio(BEST_DCMTK, load.bar, load.aim), *_beside_blocking(), *_bounded_memory(), limit_of_the_machine(rows)]
    return _case(load, rows, goals)


def _tls(load: Load) -> Transfer:
    rows = [
        *adapters(load.count, keep="dataset", note="path to memory, decoded by the handler"),
        both_ends(PYNETDICOM, "pynetdicom", load.slow, keep="dataset", note="Dataset read before; to memory, decoded"),
        both_ends(DCMTK, "dcmtk", load.count, note="storescp --ignore, to memory"),
    ]
    goals = [ratio(BEST_DCMTK, load.bar, load.aim, who=who) for who, _ in ADAPTERS]
    return _case(load, rows, [*goals, ratio(PYNETDICOM, who=OURS), ratio(OURS, who=ASYNCIO), ratio(OURS, who=TRIO)],
                 tls=True)  # fmt: skip
