"""What a measured server does with a data set."""

from __future__ import annotations

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
    bound: list[Any] = [(evt.EVT_C_STORE, _accept)]
    sink = getattr(evt, "EVT_C_STORE_SINK", None)
    if sink is not None and task.keep == "discard":
        bound.append((sink, lambda event: Discard()))
    elif sink is not None and task.keep == "file":
        path = Path(task.folder) / "received.dcm"
        bound.append((sink, lambda event: path))
    return bound


def _accept(event: Any) -> int:
    return 0x0000
