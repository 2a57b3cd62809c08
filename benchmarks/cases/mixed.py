"""Between dicomwire and programs of other people."""

from __future__ import annotations

from benchmarks.cases.contenders import ADAPTERS, DCMTK, KIB, MIB, OURS, both_ends, ratio
from benchmarks.model import Goal, Plan, Row
from benchmarks.transfer import Transfer


def mixed_cases() -> list[Transfer]:
    return [
        _mixed("mixed-512k", "512 KiB between dicomwire and DCMTK", 512 * KIB, 400),
        _mixed("mixed-64m", "64 MiB between dicomwire and DCMTK", 64 * MIB, 12),
        _orthanc("orthanc-512k", "512 KiB to Orthanc", 512 * KIB, 100),
        _nagle("nagle-4k", "C-STORE 4 KiB with peers as Debian ships them", 4 * KIB, 400, slow=40),
    ]


def _mixed(name: str, title: str, size: int, count: int) -> Transfer:
    ours_to_dcmtk, ours_to_dcmrecv, dcmtk_to_ours = "dicomwire > DCMTK", "dicomwire > dcmrecv", "DCMTK > dicomwire"
    to_dcmrecv = "DCMTK > dcmrecv"
    rows = (
        Row(who=ours_to_dcmtk, client="blocking", server="dcmtk", count=count, note="storescp --ignore, to memory"),
        Row(who=ours_to_dcmrecv, client="blocking", server="dcmrecv", count=count, note="dcmrecv --ignore"),
        Row(who=dcmtk_to_ours, client="dcmtk", server="blocking", count=count, keep="dataset", note="event.dataset"),
        Row(who=f"{dcmtk_to_ours} asyncio", client="dcmtk", server="asyncio", count=count, keep="dataset"),
        Row(who=f"{dcmtk_to_ours} trio", client="dcmtk", server="trio", count=count, keep="dataset"),
        both_ends(DCMTK, "dcmtk", count, note="storescp --ignore, to memory"),
        Row(who=to_dcmrecv, client="dcmtk", server="dcmrecv", count=count, note="dcmrecv --ignore"),
    )
    goals = (
        ratio(DCMTK, who=ours_to_dcmtk),
        ratio(DCMTK, who=dcmtk_to_ours),
        ratio(to_dcmrecv, who=ours_to_dcmrecv),
    )
    return Transfer(plan=Plan(name=name, title=title, rows=rows, goals=goals, metric="mb_s"), size=size)


def _orthanc(name: str, title: str, size: int, count: int) -> Transfer:
    """It decodes, hashes and indexes what it gets: that takes most of the time."""
    theirs = "storescu > Orthanc"
    rows = (
        *(Row(who=f"{who} > Orthanc", client=stack, server="orthanc", count=count) for who, stack in ADAPTERS),
        Row(who=theirs, client="dcmtk", server="orthanc", count=count, note="both with TCP_NODELAY=1"),
    )
    goals = tuple(ratio(theirs, who=row.who) for row in rows[:-1])
    return Transfer(plan=Plan(name=name, title=title, rows=rows, goals=goals, metric="mb_s"), size=size)


def _nagle(name: str, title: str, size: int, count: int, *, slow: int) -> Transfer:
    """Peers that leave Nagle's algorithm on and write each PDU in two pieces: the second waits for our ACK."""
    rows: list[Row] = []
    goals: list[Goal] = []
    delayed = f"{OURS} without quick ACK"
    for server, stack in (("storescp", "dcmtk-shipped"), ("Orthanc", "orthanc-shipped")):
        theirs, before = f"storescu > {server}", f"{delayed} > {server}"
        for who, client in ADAPTERS:
            rows.append(Row(who=f"{who} > {server}", server=stack, client=client, count=count))
            goals.append(ratio(theirs, 20, who=rows[-1].who))
            goals.append(ratio(before, 12, who=rows[-1].who))
        rows.append(Row(who=before, server=stack, client="blocking-delayed", count=slow, note="as on other systems"))
        rows.append(Row(who=theirs, server=stack, client="dcmtk-shipped", count=slow))
    before = f"storescu > {delayed}"
    for who, stack in ADAPTERS:
        rows.append(Row(who=f"storescu > {who}", server=stack, client="dcmtk-shipped", count=count))
        goals.append(ratio(before, 12, who=rows[-1].who))
    rows.append(
        Row(who=before, server="blocking-delayed", client="dcmtk-shipped", count=slow, note="as on other systems")
    )
    return Transfer(plan=Plan(name=name, title=title, rows=tuple(rows), goals=tuple(goals)), size=size)
