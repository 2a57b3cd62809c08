"""Tries the mutants of one file: makes a folder in which mutmut can work, and runs it there."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from tests.mutants.outcomes import forget_survivors, is_empty, keys_in
from tests.mutants.parts import ROOT, SOURCE_ROOTS, belonging_to, named
from tests.mutants.sampling import chosen, keep, kept

WORK = ROOT / ".mutants"

_CONFIGURATION = """\
[tool.pytest.ini_options]
pythonpath = ["src", "."]
addopts = ["--import-mode=importlib", "--strict-markers", "-p", "no:cacheprovider"]
xfail_strict = true
filterwarnings = ["error"]
markers = ["interop: talks to DCMTK or pynetdicom"]

[tool.mutmut]
source_paths = ["src"]
only_mutate = ["src/dicomwire/{module}"]
pytest_add_cli_args_test_selection = {tests}
pytest_add_cli_args = ["--tb=no", "--no-header"]
also_copy = ["fuzz"]
timeout_multiplier = 4.0
timeout_constant = 5.0
use_git_change_detection = false
on_dependency_change = "ignore"
# What the tests have left in caches would hide mutants: no worker comes from a process that has run them.
process_isolation = "forkserver"
"""

_IGNORED = shutil.ignore_patterns("__pycache__", "mutants")


def module_of(path: Path) -> str:
    """The path of a file in the package."""
    root = next(root for root in SOURCE_ROOTS if path.is_relative_to(root))
    return path.relative_to(root / "dicomwire").as_posix()


def folder_of(path: Path) -> Path:
    """Where the mutants of a file are tried, and the outcomes are kept."""
    return WORK / module_of(path).removesuffix(".py")


def take(paths: Iterable[Path], count: int | None, seed: int) -> None:
    """Choose the mutants of some files that are to be tried: so many of all together, at random; None: all."""
    made = {folder_of(path): make(path) if count is not None else [] for path in paths}
    some = chosen((key for keys in made.values() for key in keys), count, seed) if count is not None else None
    for folder, keys in made.items():
        keep(folder, None if some is None else some.intersection(keys))


def make(path: Path) -> list[str]:
    """Make the mutants of a file, and try none; their names."""
    folder = folder_of(path)
    _fill(folder, path)
    if not _tool(folder, path, "make"):
        raise RuntimeError(f"no mutants of {named(path)}: see {folder / 'log.txt'}")
    return keys_in(folder)


def run(path: Path, *, children: int, again: bool) -> bool:
    """Try the mutants of a file that have no outcome yet; with ``again`` also those that were not found.

    A mutant whose tests take four times as long as those of the code as it is, and some seconds, counts as found.
    False if mutmut failed.
    """
    folder = folder_of(path)
    if kept(folder) == set() or "def " not in path.read_text("utf-8"):
        return True
    _fill(folder, path)
    if again:
        forget_survivors(folder)
    print(f"{named(path)}", flush=True)
    if not _tool(folder, path, "run", "--max-children", str(children)) and not is_empty(folder):
        print(f"    mutmut failed: see {folder / 'log.txt'}")
        return False
    return True


def _tool(folder: Path, path: Path, *arguments: str) -> bool:
    """Run mutmut in a folder; whether it came to its end."""
    # The tests of each mutant run in a fork: the same examples for all, and no time lost on making them smaller.
    environment = {**os.environ, "CI": "1", "DICOMWIRE_FEW_EXAMPLES": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    environment["PYTHONPATH"] = str(ROOT)
    if path.is_relative_to(SOURCE_ROOTS[0]):
        # What every adapter does with it, the quickest does too.
        environment["DICOMWIRE_WORLDS"] = "memory"
    command = [sys.executable, "-m", "tests.mutants.tool", *arguments]
    with (folder / "log.txt").open("wb") as log:
        done = subprocess.run(command, cwd=folder, env=environment, stdout=log, stderr=subprocess.STDOUT, check=False)
    return done.returncode == 0


def _fill(folder: Path, path: Path) -> None:
    """The two source roots as one package, as in a wheel, and the tests; what mutmut made of them before stays."""
    folder.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(folder / "src", ignore_errors=True)
    for root in SOURCE_ROOTS:
        shutil.copytree(root, folder / "src", ignore=_IGNORED, dirs_exist_ok=True)
    for name in ("tests", "fuzz"):
        for old in (folder / name, folder / "mutants" / name):
            shutil.rmtree(old, ignore_errors=True)
        shutil.copytree(ROOT / name, folder / name, ignore=_IGNORED)
    configuration = _CONFIGURATION.format(module=module_of(path), tests=belonging_to(path))
    (folder / "pyproject.toml").write_text(configuration, "utf-8")
