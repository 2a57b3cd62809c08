"""Data sets by keyword."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydicom.dataset import Dataset


def fill(dataset: Dataset, elements: Mapping[str, Any]) -> None:
    """Set elements, by keyword."""
    for keyword, value in elements.items():
        setattr(dataset, keyword, value)
