"""What a measured server, or a client that retrieves, does with requests; the same for every library."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count, islice
from pathlib import Path
from typing import Any

from benchmarks.tasks import HOST, STUDY, Task


class Discard:
    """A sink that takes everything and keeps nothing."""

    def write(self, fragments: list[memoryview], /) -> None:
        """Drop it."""

    def close(self) -> None:
        """Nothing to do."""

    def discard(self) -> None:
        """Nothing to do."""


def handlers(evt: Any, task: Task) -> list[Any]:
    """All handlers of a server; what they answer with is made now, before the clock runs."""
    bound = receivers(evt, task)
    if task.study:
        bound += _retrieval(evt, task)
    if task.matches:
        bound.append(_query(evt, task))
    return bound


# -- C-STORE ---------------------------------------------------------------------------------------------------------
def receivers(evt: Any, task: Task) -> list[Any]:
    """Those for ``task.keep``; pynetdicom, which has no sinks, keeps in memory or has a setting for files."""
    bound: list[Any] = [(evt.EVT_C_STORE, _open if task.keep == "dataset" else _accept)]
    sink = getattr(evt, "EVT_C_STORE_SINK", None)
    if sink is not None and task.keep == "discard":
        bound.append((sink, lambda event: Discard()))
    elif sink is not None and task.keep == "file":
        folder, numbers = Path(task.folder), count()
        # A file of its own for each: to overwrite one takes longer than to write it.
        bound.append((sink, lambda event: folder / f"{next(numbers)}.dcm"))
    return bound


def _accept(event: Any) -> int:
    return 0x0000


def _open(event: Any) -> int:
    """As who keeps it in memory to look at it."""
    dataset = event.dataset
    return 0x0000 if dataset.PatientID and dataset.PixelData else 0xC000


# -- C-FIND ----------------------------------------------------------------------------------------------------------
def query(count: int) -> Any:
    """A query that has so many matches."""
    from pydicom.dataset import Dataset

    dataset = Dataset()
    dataset.QueryRetrieveLevel = "STUDY"
    dataset.PatientID = str(count)
    return dataset


def _match(number: int) -> Any:
    from pydicom.dataset import Dataset

    dataset = Dataset()
    dataset.StudyDate = "20260101"
    dataset.StudyTime = "101500"
    dataset.AccessionNumber = f"A{number}"
    dataset.QueryRetrieveLevel = "STUDY"
    dataset.PatientName = f"Benchmark^Identifier{number}"
    dataset.PatientID = f"BENCHMARK-{number}"
    dataset.StudyInstanceUID = f"{STUDY}.{number}"
    dataset.NumberOfStudyRelatedInstances = number
    return dataset


def _query(evt: Any, task: Task) -> Any:
    matches = [_match(number) for number in range(task.matches)]
    if task.keep == "encoded":
        from dicomwire.dsutils import encode

        matches = [encode(match, False, True) for match in matches]

    def find(event: Any) -> Iterator[tuple[int, Any]]:
        for match in islice(matches, int(event.identifier.PatientID)):
            yield 0xFF00, match

    return evt.EVT_C_FIND, find


def read_match(match: Any) -> bool:
    """Open a match as who shows it in a list would; whether it is one."""
    return bool(match.PatientID.startswith("BENCHMARK-") and match.StudyInstanceUID)


# -- C-GET and C-MOVE ------------------------------------------------------------------------------------------------
def retrieval_query() -> Any:
    """For everything in the study."""
    from pydicom.dataset import Dataset

    dataset = Dataset()
    dataset.QueryRetrieveLevel = "STUDY"
    dataset.StudyInstanceUID = STUDY
    return dataset


def _retrieval(evt: Any, task: Task) -> list[Any]:
    # Loads pydicom, which the first query would do else, while the clock runs.
    retrieval_query()
    instances: list[Any] = [str(path) for path in sorted(Path(task.study).glob("*.dcm"))]
    if evt.__name__.startswith("pynetdicom"):
        from pydicom import dcmread

        # It takes no paths, and would parse each file while the clock runs: let it have done that before.
        instances = [dcmread(path) for path in instances]

    def get(event: Any) -> Iterator[Any]:
        yield len(instances)
        for instance in instances:
            yield 0xFF00, instance

    def move(event: Any) -> Iterator[Any]:
        yield HOST, task.inbox
        yield from get(event)

    return [(evt.EVT_C_GET, get), (evt.EVT_C_MOVE, move)]
