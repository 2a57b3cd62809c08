"""A part of the mutants, chosen at random, where all of them would take too long."""

from __future__ import annotations

import json
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path

_NAME = "sample.json"


def chosen(keys: Iterable[str], count: int, seed: int) -> set[str]:
    """So many of them, or all that there are.

    The same seed gives the same ones; of a larger sample those of the smaller one are part, and what is added to the
    code, or goes, changes nothing about the others.
    """
    return set(sorted(keys, key=lambda key: sha256(f"{seed} {key}".encode()).digest())[:count])


def keep(folder: Path, keys: Iterable[str] | None) -> None:
    """Let these be the ones that are tried and counted in a folder; None: all of them."""
    if keys is None:
        (folder / _NAME).unlink(missing_ok=True)
    else:
        (folder / _NAME).write_text(json.dumps(sorted(keys)), "utf-8")


def kept(folder: Path) -> set[str] | None:
    """Those that are tried in a folder; None: all of them."""
    path = folder / _NAME
    return set(json.loads(path.read_text("utf-8"))) if path.exists() else None
