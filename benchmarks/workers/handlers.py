"""What a measured server does with a data set."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.tasks import Task


class Discard:
    """A sink that takes everything and keeps nothing."""

    def write(self, fragments: list[memoryview], /) -> None:
        """Drop it."""

    def close(self) -> None:
        """Nothing to do."""

    def discard(self) -> None:
        """Nothing to do."""


def handlers(evt: Any, task: Task) -> list[Any]:
    """The handlers for ``task.keep``; pynetdicom, which has no sinks, keeps in memory or has a setting for files."""
    bound: list[Any] = [(evt.EVT_C_STORE, _accept), (evt.EVT_C_FIND, partial(_matches, encoded=task.keep == "encoded"))]
    sink = getattr(evt, "EVT_C_STORE_SINK", None)
    if sink is not None and task.keep == "discard":
        bound.append((sink, lambda event: Discard()))
    elif sink is not None and task.keep == "file":
        path = Path(task.folder) / "received.dcm"
        bound.append((sink, lambda event: path))
    return bound


def _accept(event: Any) -> int:
    return 0x0000


def query(count: int) -> Any:
    """A query that has so many matches."""
    from pydicom.dataset import Dataset

    dataset = Dataset()
    dataset.QueryRetrieveLevel = "STUDY"
    dataset.PatientID = str(count)
    return dataset


def _match() -> Any:
    from pydicom.dataset import Dataset

    dataset = Dataset()
    dataset.StudyDate = "20260101"
    dataset.StudyTime = "101500"
    dataset.AccessionNumber = "A2026010100017"
    dataset.QueryRetrieveLevel = "STUDY"
    dataset.PatientName = "Benchmark^Identifier"
    dataset.PatientID = "BENCHMARK"
    dataset.StudyInstanceUID = "1.2.826.0.1.3680043.8.498.2"
    dataset.NumberOfStudyRelatedInstances = 123
    return dataset


def _matches(event: Any, *, encoded: bool) -> Iterator[tuple[int, Any]]:
    match = _match()
    if encoded:
        from dicomwire.dsutils import encode

        match = encode(match, False, True)
    for _ in range(int(event.identifier.PatientID)):
        yield 0xFF00, match
