"""Places in files."""

from __future__ import annotations

from pathlib import Path

from attrs import frozen

BEFORE, AFTER = "pynetdicom", "dicomwire"


@frozen(order=True)
class Place:
    """Something to tell of a line of a file."""

    path: Path
    line: int
    text: str
