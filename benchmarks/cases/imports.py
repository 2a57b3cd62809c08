"""What importing takes."""

from __future__ import annotations

from benchmarks.imports import Imports
from benchmarks.model import Goal, Plan, Row


def import_cases() -> list[Imports]:
    pure, entity = "dicomwire and Connection", "dicomwire.AE"
    rows = (
        Row(who=pure, code="import dicomwire; from dicomwire import Connection"),
        Row(who=entity, code="from dicomwire import AE"),
        Row(who="dicomwire.asyncio.AE", code="from dicomwire.asyncio import AE"),
        Row(who="dicomwire.trio.AE", client="trio", code="from dicomwire.trio import AE"),
        Row(who="pydicom.dataset", code="import pydicom.dataset"),
        Row(who="pynetdicom", client="pynetdicom", code="from pynetdicom import AE", note="AE"),
    )
    goals = (
        Goal(who=pure, metric="ms", bar=60, aim=25),
        Goal(who=entity, metric="ms", bar=110, aim=80),
    )
    return [Imports(plan=Plan(name="import", title="import, over bare Python", rows=rows, goals=goals, metric="ms"))]
