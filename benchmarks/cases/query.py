"""C-FIND, C-GET and C-MOVE."""

from __future__ import annotations

from benchmarks.cases.contenders import (
    BEST_DCMTK,
    BEST_PYNETDICOM,
    DCMTK,
    KIB,
    OURS,
    PYNETDICOM,
    adapters,
    both_ends,
    each_adapter,
    pynetdicoms,
    ratio,
)
from benchmarks.model import Plan, Row
from benchmarks.transfer import Transfer

_INSTANCES = 200
_TO_FILES, _DCMTK_TO_FILES = "dicomwire to files", "DCMTK to files"


def query_cases() -> list[Transfer]:
    dcmtk = "dcmqrscp, whose children have the memory, and {}scu --ignore, to memory"
    return [
        _find(),
        _retrieve("get", 2.0, 3.0, dcmtk.format("get")),
        _retrieve("move", 1.5, 2.0, dcmtk.format("move")),
    ]


def _find() -> Transfer:
    encoded = f"{OURS}, encoded"
    rows = (
        *adapters(10000, note="of Datasets"),
        both_ends(encoded, "blocking", 10000, keep="encoded", note="of encoded bytes"),
        *pynetdicoms(1000, note="of Datasets"),
    )
    goals = (*each_adapter(BEST_PYNETDICOM, 20, 30), ratio(BEST_PYNETDICOM, who=encoded))
    title = "C-FIND, different matches of 8 elements, each opened"
    return Transfer(plan=Plan(name="find", title=title, rows=rows, goals=goals), do="find")


def _retrieve(do: str, bar: float, aim: float, dcmtk: str) -> Transfer:
    """Servers send from files; pynetdicom, which takes no paths, from data sets that were read before."""
    rows = [
        *adapters(_INSTANCES, note="paths to memory"),
        both_ends(PYNETDICOM, "pynetdicom", 60, note="Datasets read before; to memory"),
        Row(who=DCMTK, client="dcmtk", server="dcmqrscp", count=_INSTANCES, note=dcmtk),
        both_ends(_TO_FILES, "blocking", _INSTANCES, keep="file", note="paths to paths"),
    ]
    goals = [*each_adapter(BEST_DCMTK, bar, aim), ratio(PYNETDICOM)]
    if do == "get":
        rows.append(
            Row(who=_DCMTK_TO_FILES, client="dcmtk", server="dcmqrscp", count=_INSTANCES, keep="file",
                note="dcmqrscp, whose children have the memory, and getscu +B")
        )  # fmt: skip
        goals.append(ratio(_DCMTK_TO_FILES, who=_TO_FILES))
    title = f"C-{do.upper()} of {_INSTANCES} x 512 KiB"
    plan = Plan(name=do, title=title, rows=tuple(rows), goals=tuple(goals), metric="mb_s")
    return Transfer(plan=plan, do=do, size=512 * KIB)
