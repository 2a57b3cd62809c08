"""Runs a target: with atheris, or without."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable
from hashlib import sha256
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from fuzz import target as known
from fuzz.mutating import inputs
from fuzz.target import DICTIONARY, MOST, Target

KEPT = Path(__file__).parent / "once_failing"
"""Inputs that have failed once, in a folder for each target."""


class Failed(Exception):
    """What must hold does not; ``__cause__`` says what, ``data`` for which input."""

    def __init__(self, data: bytes) -> None:
        super().__init__(f"fails for {len(data)} bytes: {data.hex()}")
        self.data = data


def attempt(target: Target, data: bytes) -> None:
    """Run one input.

    Raises:
        Failed: it says which.
    """
    try:
        target.one_input(data)
    except Exception as error:
        raise Failed(data) from error


def run_mutations(target: Target, *, count: int | None, seconds: float | None, seed: int) -> int:
    """Run mutations of the seeds, at most so many and so long; how many it were.

    Raises:
        Failed: for the first one that does.
    """
    done, end = 0, None if seconds is None else time.monotonic() + seconds
    for data in inputs(target, seed):
        if done == count or (end is not None and time.monotonic() >= end):
            break
        attempt(target, data)
        done += 1
    return done


def run_atheris(name: str, arguments: list[str]) -> None:
    """Hand over to libFuzzer with these arguments; does not return.

    Raises:
        ModuleNotFoundError: atheris is not installed.
    """
    # Nobody needs it, and type checkers do not find it.
    atheris: Any = import_module("atheris")

    known.find_the_package()
    # What is imported later is instrumented too: this is never left.
    with atheris.instrument_imports(include=["dicomwire"]), TemporaryDirectory() as folder:
        target = known.load(name)
        write(Path(folder), target.seeds())
        for data in target.seeds():
            # Imports what is imported when it is needed.
            target.one_input(data)
        given = [f"-dict={DICTIONARY}", f"-max_len={MOST}", "-timeout=60", "-print_final_stats=1", *arguments]
        kept = KEPT / name
        atheris.Setup([sys.argv[0], *given, folder, *([str(kept)] if kept.is_dir() else [])], target.one_input)
        atheris.Fuzz()


def write(folder: Path, data: Iterable[bytes]) -> int:
    """Write each to a file that is named by its contents; how many files there are of them."""
    folder.mkdir(parents=True, exist_ok=True)
    written = {sha256(one).hexdigest()[:20]: one for one in data}
    for name, one in written.items():
        (folder / name).write_bytes(one)
    return len(written)


def once_failing() -> list[tuple[str, Path]]:
    """All inputs that are kept, with their targets."""
    return [(path.parent.name, path) for path in sorted(KEPT.glob("*/*")) if path.is_file()]
