"""The files of a program: which to change, which to tell of, and reading and writing them as they are."""

from __future__ import annotations

import ast
import os
import re
import warnings
from collections.abc import Iterable, Iterator
from io import BytesIO
from pathlib import Path
from tokenize import TokenError, detect_encoding

from attrs import define, field, frozen

from dicomwire.migrating.places import AFTER, BEFORE, Place
from dicomwire.migrating.renaming import binds_name, left_in, renamed
from dicomwire.migrating.thoughts import thoughts_about

_SOURCES = frozenset({".py", ".pyi", ".pyw"})
_REQUIREMENTS = re.compile(
    r"(.*requirements?.*|constraints.*|dev)\.(txt|in)|pyproject\.toml|setup\.(py|cfg)|Pipfile|tox\.ini|environment.*\.ya?ml"
    r"|Dockerfile.*|meta\.ya?ml|.*\.ipynb",
    re.IGNORECASE,
)
_FOREIGN = frozenset({"__pycache__", "node_modules", "site-packages"})


@frozen
class Changed:
    """A file with names changed."""

    path: Path
    before: str
    after: str
    count: int
    """Names."""


@define
class Migrated:
    """What became of a tree."""

    looked_at: int = 0
    changed: list[Changed] = field(factory=list)
    thoughts: list[Place] = field(factory=list)
    failed: list[Place] = field(factory=list)


def migrate_tree(paths: Iterable[Path], *, write: bool) -> Migrated:
    """Look at all files, and with ``write`` change those that import pynetdicom."""
    done = Migrated()
    for path in files_of(paths):
        done.looked_at += 1
        try:
            raw = path.read_bytes()
            if BEFORE.encode() not in raw:
                continue
            if path.suffix in _SOURCES:
                _migrate(path, raw, done, write=write)
            if _REQUIREMENTS.fullmatch(path.name):
                done.thoughts += _mentions(path, raw)
        except OSError as error:
            done.failed.append(Place(path, 1, f"cannot be read or written: {error.strerror or error}"))
        except (SyntaxError, UnicodeError, TokenError, ValueError, RecursionError) as error:
            line = getattr(error, "lineno", None) or 1
            done.failed.append(Place(path, line, f"is no Python that can be read here, and was left: {error}"))
    return done


def files_of(paths: Iterable[Path]) -> Iterator[Path]:
    """The files named, and those in the folders named that may matter, in order; links are not followed."""
    for path in paths:
        if not path.is_dir():
            yield path
            continue
        for folder, folders, names in os.walk(path):
            here = Path(folder)
            folders[:] = sorted(name for name in folders if not _is_foreign(here / name))
            for name in sorted(names):
                file = here / name
                if (file.suffix in _SOURCES or _REQUIREMENTS.fullmatch(name)) and not file.is_symlink():
                    yield file


def _is_foreign(folder: Path) -> bool:
    """Not of the program: hidden, made, or an environment."""
    return folder.name.startswith(".") or folder.name in _FOREIGN or (folder / "pyvenv.cfg").exists()


def _migrate(path: Path, raw: bytes, done: Migrated, *, write: bool) -> None:
    encoding, _ = detect_encoding(BytesIO(raw).readline)
    source = raw.decode(encoding)
    with warnings.catch_warnings():
        # What the program does is not our business.
        warnings.simplefilter("ignore")
        tree = ast.parse(source)
    after, count = renamed(source, tree)
    thoughts = [Place(path, line, text) for line, text in thoughts_about(tree)]
    if binds_name(tree):
        by_hand = f"{BEFORE} was found here and not changed: rename it by hand"
        thoughts += [Place(path, line, by_hand) for line in left_in(ast.parse(after))]
    if count:
        if write:
            path.write_bytes(after.encode(encoding))
        done.changed.append(Changed(path, source, after, count))
    done.thoughts += thoughts


def _mentions(path: Path, raw: bytes) -> Iterator[Place]:
    """Lines that a person has to change."""
    what = (
        "a notebook: its code was left"
        if path.suffix == ".ipynb"
        else f"requires {BEFORE}: {AFTER} in its place, whose versions are others"
    )
    is_program = path.suffix in _SOURCES
    for number, line in enumerate(raw.decode("utf-8", "replace").splitlines(), 1):
        word = re.search(rf"(?<![\w./-]){BEFORE}(?![\w.])", line)
        if word and not line.lstrip().startswith("#") and not (is_program and re.match(r"\s*(import|from)\b", line)):
            yield Place(path, number, what)
            if path.suffix == ".ipynb":
                return
