"""Every case, with its contenders and what it must reach."""

from __future__ import annotations

from attrs import evolve

from benchmarks.imports import Imports
from benchmarks.many import Cycles, Idle, most_associations
from benchmarks.model import Case, Goal, Plan, Row
from benchmarks.transfer import Transfer

KIB, MIB, GIB = 1 << 10, 1 << 20, 1 << 30

DCMTK = "DCMTK (TCP_NODELAY=1)"
SHIPPED = "DCMTK as shipped"
OURS = "dicomwire"
ASYNCIO = "dicomwire asyncio"
TRIO = "dicomwire trio"
PYNETDICOM = "pynetdicom"
RAW = "raw sockets"
RAW_FILE = "raw sockets, file"
FROM_MEMORY = "dicomwire, bytes"

_ADAPTERS = ((OURS, "blocking"), (ASYNCIO, "asyncio"), (TRIO, "trio"))


def all_cases(*, tiny: bool = False) -> list[Case]:
    """The cases of the whole benchmark; ``tiny`` ones do everything, with next to no data."""
    cases: list[Case] = [
        _store("store-4k", "C-STORE 4 KiB", 4 * KIB, 16382, 2000, pynetdicom=100, shipped=60),
        _store("store-512k-16382", "C-STORE 512 KiB, PDU 16382", 512 * KIB, 16382, 400, pynetdicom=60, shipped=40),
        _store("store-512k-131072", "C-STORE 512 KiB, PDU 131072", 512 * KIB, 131072, 400, pynetdicom=60, shipped=40),
        _store("store-64m-16382", "C-STORE 64 MiB, PDU 16382", 64 * MIB, 16382, 12, pynetdicom=3),
        _store("store-64m-1m", "C-STORE 64 MiB, PDU 1 MiB", 64 * MIB, MIB, 12, pynetdicom=3),
        _store("store-1g-16382", "C-STORE 1 GiB, PDU 16382", GIB, 16382, 1, pynetdicom=1),
        _store("store-1g-1m", "C-STORE 1 GiB, PDU 1 MiB", GIB, MIB, 1),
        _store("file-64m", "64 MiB from a file to a file", 64 * MIB, 16382, 12, pynetdicom=3, keep="file"),
        _store("file-1g", "1 GiB from a file to a file", GIB, 16382, 1, pynetdicom=1, keep="file"),
        _mixed("mixed-512k", "512 KiB between dicomwire and DCMTK", 512 * KIB, 400),
        _mixed("mixed-64m", "64 MiB between dicomwire and DCMTK", 64 * MIB, 12),
        _nagle("nagle-4k", "C-STORE 4 KiB with peers as Debian ships them", 4 * KIB, 400, slow=40),
        _echo(),
        _find(),
        _cycles(1, 400, pynetdicom=60),
        _cycles(64, 1280, pynetdicom=128),
        _idle(1000),
        _idle(10000),
        _senders(),
        _imports(),
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
            return evolve(case, plan=plan, size=min(case.size, 300 * KIB))
        case Idle():
            return evolve(case, plan=plan, seconds=0.01, echoes=3)
        case Imports():
            return evolve(case, plan=plan, times=1)
        case _:
            return Cycles(plan=plan)


# -- C-STORE --------------------------------------------------------------------------------------------------------
def _store(
    name: str,
    title: str,
    size: int,
    maximum_length: int,
    count: int,
    *,
    pynetdicom: int = 0,
    shipped: int = 0,
    keep: str | None = None,
) -> Case:
    """The same in every stack; a count of 0 leaves one out."""
    large = size >= MIB
    to_file = keep == "file"
    ours = keep or ("discard" if large else "memory")
    notes = {"file": "path to path", "discard": "path to a sink that drops it", "memory": "path to memory"}
    rows = [
        Row(who=who, server=stack, client=stack, count=count, keep=ours, note=notes[ours]) for who, stack in _ADAPTERS
    ]
    if not to_file:
        other, what = ("memory", "memory") if large else ("discard", "a sink that drops it")
        rows.append(
            Row(who=f"{OURS} to {other}", server="blocking", client="blocking", count=count, keep=other,
                note=f"path to {what}")
        )  # fmt: skip
    if pynetdicom:
        rows.append(
            Row(
                who=PYNETDICOM,
                server="pynetdicom",
                client="pynetdicom",
                count=pynetdicom,
                # Some 20 seconds each, and 3 GiB.
                runs=1 if size >= GIB else None,
                keep="file" if to_file else "memory",
                note="chunked send and receive" if to_file else "Dataset read before; to memory",
            )
        )
    dcmtk_note = "PDU 131072, the most it can; " if maximum_length > 131072 else ""
    dcmtk_note += "storescp +B" if to_file else "storescp --ignore, to memory"
    rows.append(Row(who=DCMTK, server="dcmtk", client="dcmtk", count=count, keep=keep or "memory", note=dcmtk_note))
    if shipped:
        rows.append(Row(who=SHIPPED, server="dcmtk-shipped", client="dcmtk-shipped", count=shipped, note=dcmtk_note))
    raw = Row(who=RAW, server="raw", client="raw", count=count, keep=keep or "discard")
    if to_file:
        rows.append(evolve(raw, from_file=True, note="from a file to a file"))
    else:
        rows.append(evolve(raw, note="from one buffer to nowhere"))
        if size >= 512 * KIB:
            # Reading the file is a good part of sending it: both without, and both with.
            rows.append(evolve(raw, who=RAW_FILE, from_file=True, note="from a file to nowhere"))
        if 512 * KIB <= size < GIB:
            rows.append(evolve(rows[0], who=FROM_MEMORY, from_memory=True, note=f"bytes to {ours}"))
    plan = Plan(name=name, title=title, rows=tuple(rows), goals=_store_goals(size, to_file), metric=_store_metric(size))
    return Transfer(plan=plan, size=size, maximum_length=maximum_length)


def _store_metric(size: int) -> str:
    return "mb_s" if size >= 512 * KIB else "rate"


def _store_goals(size: int, to_file: bool) -> tuple[Goal, ...]:
    if to_file:
        goals = [_ratio(DCMTK, 1.0, 1.5)]
    elif size < 512 * KIB:
        goals = [_ratio(DCMTK, 1.0, 1.5), _ratio(PYNETDICOM, 100, None)]
    elif size < MIB:
        goals = [_ratio(DCMTK, 1.5, None), _ratio(PYNETDICOM, 30, None), _ratio(RAW, None, 0.7)]
    else:
        goals = [_ratio(DCMTK, 1.5, None), _ratio(RAW, 0.6, 0.85)]
    if not to_file and size >= 512 * KIB:
        goals.append(_ratio(RAW_FILE, None, None))
        if size < GIB:
            goals.append(_ratio(RAW, None, None, who=FROM_MEMORY))
    goals += [_ratio(OURS, 0.8, 1.0, who=ASYNCIO), _ratio(OURS, 0.5, 0.8, who=TRIO)]
    goals += [Goal(who=who, metric="above", bar=8, aim=2) for who, _ in _ADAPTERS]
    return tuple(goals)


def _ratio(over: str, bar: float | None, aim: float | None, *, who: str = OURS) -> Goal:
    return Goal(who=who, metric="rate", over=over, bar=bar, aim=aim)


def _mixed(name: str, title: str, size: int, count: int) -> Case:
    keep = "discard" if size >= MIB else "memory"
    ours_to_dcmtk, dcmtk_to_ours = "dicomwire > DCMTK", "DCMTK > dicomwire"
    rows = (
        Row(who=ours_to_dcmtk, client="blocking", server="dcmtk", count=count, note="storescp --ignore, to memory"),
        Row(who=dcmtk_to_ours, client="dcmtk", server="blocking", count=count, keep=keep, note=f"to {keep}"),
        Row(who=f"{dcmtk_to_ours} asyncio", client="dcmtk", server="asyncio", count=count, keep=keep),
        Row(who=f"{dcmtk_to_ours} trio", client="dcmtk", server="trio", count=count, keep=keep),
        Row(who=DCMTK, client="dcmtk", server="dcmtk", count=count, note="storescp --ignore, to memory"),
    )
    goals = (_ratio(DCMTK, None, None, who=ours_to_dcmtk), _ratio(DCMTK, None, None, who=dcmtk_to_ours))
    return Transfer(plan=Plan(name=name, title=title, rows=rows, goals=goals, metric="mb_s"), size=size)


def _nagle(name: str, title: str, size: int, count: int, *, slow: int) -> Case:
    """Peers that leave Nagle's algorithm on and write each PDU in two pieces: the second waits for our ACK."""
    rows: list[Row] = []
    goals: list[Goal] = []
    delayed = f"{OURS} without quick ACK"
    for server, stack in (("storescp", "dcmtk-shipped"), ("Orthanc", "orthanc")):
        theirs, before = f"storescu > {server}", f"{delayed} > {server}"
        for who, client in _ADAPTERS:
            rows.append(Row(who=f"{who} > {server}", server=stack, client=client, count=count))
            goals.append(_ratio(theirs, 20, None, who=rows[-1].who))
            goals.append(_ratio(before, 12, None, who=rows[-1].who))
        rows.append(Row(who=before, server=stack, client="blocking-delayed", count=slow, note="as on other systems"))
        rows.append(Row(who=theirs, server=stack, client="dcmtk-shipped", count=slow))
    before = f"storescu > {delayed}"
    for who, stack in _ADAPTERS:
        rows.append(Row(who=f"storescu > {who}", server=stack, client="dcmtk-shipped", count=count))
        goals.append(_ratio(before, 12, None, who=rows[-1].who))
    rows.append(
        Row(who=before, server="blocking-delayed", client="dcmtk-shipped", count=slow, note="as on other systems")
    )
    return Transfer(plan=Plan(name=name, title=title, rows=tuple(rows), goals=tuple(goals)), size=size)


def _senders() -> Case:
    """Throughput of one sender and of eight; the senders are the same, the server differs."""
    rows: list[Row] = []
    goals: list[Goal] = []
    for who, stack in (*_ADAPTERS, (PYNETDICOM, "pynetdicom")):
        count = 24 if stack == "pynetdicom" else 2400
        client = "pynetdicom" if stack == "pynetdicom" else "blocking"
        for clients in (1, 8):
            name = f"{who}, {clients} sender{'s' if clients > 1 else ''}"
            rows.append(Row(who=name, server=stack, client=client, count=-(-count // clients), clients=clients))
        if stack != "pynetdicom":
            goals.append(_ratio(rows[-2].who, 1.0, None, who=rows[-1].who))
    plan = Plan(
        name="senders-8",
        title="8 senders of 512 KiB at once",
        rows=tuple(rows),
        goals=tuple(goals),
        metric="mb_s",
    )
    return Transfer(plan=plan, size=512 * KIB)


# -- C-ECHO and associations ----------------------------------------------------------------------------------------
def _echo() -> Case:
    rows = (
        *(Row(who=who, server=stack, client=stack, count=3000) for who, stack in _ADAPTERS),
        Row(who=PYNETDICOM, server="pynetdicom", client="pynetdicom", count=300),
        Row(who=DCMTK, server="dcmtk", client="dcmtk", count=5000),
        Row(who=SHIPPED, server="dcmtk-shipped", client="dcmtk-shipped", count=50),
        Row(who=RAW, server="raw", client="raw", count=5000, note="one write each way"),
    )
    goals = (_ratio(DCMTK, 0.6, 1.0), _ratio(PYNETDICOM, 30, None))
    return Transfer(plan=Plan(name="echo", title="C-ECHO on one association", rows=rows, goals=goals), do="echo")


def _find() -> Case:
    encoded = f"{OURS}, encoded"
    rows = (
        *(Row(who=who, server=stack, client=stack, count=10000, note="of Datasets") for who, stack in _ADAPTERS),
        Row(who=encoded, server="blocking", client="blocking", count=10000, keep="encoded", note="of encoded bytes"),
        Row(who=PYNETDICOM, server="pynetdicom", client="pynetdicom", count=1000, note="of Datasets"),
    )
    goals = (_ratio(PYNETDICOM, 5, None), _ratio(PYNETDICOM, 30, None, who=encoded))
    plan = Plan(name="find", title="C-FIND, identifiers of 8 elements", rows=rows, goals=goals)
    return Transfer(plan=plan, do="find")


def _cycles(clients: int, count: int, *, pynetdicom: int) -> Case:
    fork = "DCMTK --fork (TCP_NODELAY=1)"
    rows = (
        *(Row(who=who, server=stack, count=count, clients=clients) for who, stack in _ADAPTERS),
        Row(who=PYNETDICOM, server="pynetdicom", count=pynetdicom, clients=clients),
        Row(who=DCMTK, server="dcmtk", count=count, clients=clients, note="single process: one after the other"),
        Row(who=fork, server="dcmtk-fork", count=min(count, 256), clients=clients),
    )
    goals = tuple(
        goal
        for who, _ in _ADAPTERS
        for goal in (_ratio(DCMTK, 0.5, 1.0, who=who), _ratio(PYNETDICOM, 20, None, who=who))
    )
    plural = "s" if clients > 1 else ""
    title = f"associate, echo, release: {clients} client{plural}"
    return Cycles(plan=Plan(name=f"cycle-{clients}", title=title, rows=rows, goals=goals))


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
            *(Row(who=who, server=stack, count=reachable, note=note) for who, stack in _ADAPTERS),
            Row(who=PYNETDICOM, server="pynetdicom", count=100, note=few),
        )
        goals = tuple(
            goal
            for who, stack in _ADAPTERS
            for goal in (
                Goal(who=who, metric="alive", bar=count),
                Goal(who=who, metric="cpu_percent", bar=1),
                Goal(who=who, metric="p99_ms", bar=2),
                Goal(who=who, metric="kib_each", bar=80 if stack == "blocking" else 40, aim=15),
            )
        )
    title = f"{count:,} idle associations"
    return Idle(plan=Plan(name=f"idle-{count}", title=title, rows=rows, goals=goals, metric="kib_each"))


def _imports() -> Case:
    pure = "dicomwire and Connection"
    rows = (
        Row(who=pure, code="import dicomwire; from dicomwire import Connection"),
        Row(who="dicomwire.AE", code="from dicomwire import AE"),
        Row(who="dicomwire.asyncio.AE", code="from dicomwire.asyncio import AE"),
        Row(who="dicomwire.trio.AE", client="trio", code="from dicomwire.trio import AE"),
        Row(who=PYNETDICOM, client="pynetdicom", code="from pynetdicom import AE", note="AE"),
    )
    goals = (Goal(who=pure, metric="ms", bar=60, aim=25),)
    return Imports(plan=Plan(name="import", title="import, over bare Python", rows=rows, goals=goals, metric="ms"))
