"""The targets by name."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

from attrs import frozen

ROOT = Path(__file__).parents[1]
TARGETS = Path(__file__).parent / "targets"
DICTIONARY = Path(__file__).parent / "dicom.dict"

MOST = 1 << 12
"""Bytes of an input: what is longer shows nothing else, and takes its time."""


@frozen
class Target:
    """One target, as its module has it."""

    name: str
    about: str
    """What it asserts, in a line."""

    one_input: Callable[[bytes], None]
    seeds: Callable[[], Iterable[bytes]]
    """Inputs to begin with."""

    steering: int
    """How many bytes of an input say what to do with the rest."""

    needs: str | None
    """A package that it compares with, and that nobody but developers has."""


def names() -> list[str]:
    """All targets, sorted."""
    return sorted(module.name for module in iter_modules([str(TARGETS)]))


def load(name: str) -> Target:
    """The target of that name.

    Raises:
        KeyError: there is none.
        ModuleNotFoundError: what it compares with is not installed.
    """
    if name not in names():
        raise KeyError(name)
    find_the_package()
    module: Any = import_module(f"fuzz.targets.{name}")
    about = (module.__doc__ or "").strip().partition("\n")[0]
    needs = getattr(module, "NEEDS", None)
    return Target(name, about, module.one_input, module.seeds, getattr(module, "STEERING", 0), needs)


def find_the_package() -> None:
    """Let ``dicomwire`` be found where it is not installed: its two halves lie beside this folder."""
    for root in ("adapters", "core"):
        if (ROOT / root).is_dir() and str(ROOT / root) not in sys.path:
            sys.path.insert(0, str(ROOT / root))
