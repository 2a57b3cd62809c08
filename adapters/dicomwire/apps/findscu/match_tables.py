"""``findscu --csv`` and ``--jsonl``: matches for other programs, to a file or to standard output."""

from __future__ import annotations

import csv
import os
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import TextIO

from pydicom.dataset import Dataset

from dicomwire._logging import printable
from dicomwire.apps._common.exit_codes import CannotStart
from dicomwire.apps._common.output import drop_output
from dicomwire.apps.findscu.matches import JSONLines, Show, asked_for, plain, values_of

STANDARD_OUTPUT = "-"

_MODE = 0o600
"""Matches are about patients."""

_LONGEST_ESCAPE = len(r"\U0001F600")
_ITEMS = " | "
"""Between the values that several items of a sequence have."""

_FORMULA = re.compile(r"(^|;\s*)([=+\-@\uff1d\uff0b\uff0d\uff20])")
"""How a cell begins that a spreadsheet runs; also behind a semicolon, at which some of them split."""

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)


class CannotWriteTo(CannotStart):
    """A file cannot be written: the text says which and why."""


def cell(value: str) -> str:
    """A value for a cell: no control characters, and nothing that a spreadsheet takes for a formula.

    What begins like one gets an apostrophe in front, but for numbers.
    """
    shown = printable(value, _LONGEST_ESCAPE * len(value) + 1)
    return shown if _NUMBER.fullmatch(shown) else _FORMULA.sub(r"\1'\2", shown)


class CSVRows:
    """A row for each match with a column for each element that was asked for, below a row with their paths."""

    def __init__(self, stream: TextIO, columns: Sequence[str]) -> None:
        """Write the header."""
        self._stream = stream
        self._columns = columns
        self._rows = csv.writer(stream, lineterminator="\n")
        self._rows.writerow(columns)
        stream.flush()

    def match(self, number: int, identifier: Dataset) -> None:
        """Write one match, at once."""
        found: dict[str, list[str]] = {}
        for path, value in values_of(identifier):
            name = plain(path)
            column = next((each for each in self._columns if name == each or name.startswith(f"{each}.")), None)
            if column is not None and (value or name == column):
                found.setdefault(column, []).append(value if name == column else f"{name[len(column) + 1 :]}={value}")
        self._rows.writerow([cell(_ITEMS.join(found.get(name, ()))) for name in self._columns])
        self._stream.flush()

    def end(self) -> None:
        """Everything has been written."""


class Guarded:
    """Where matches are written, whose troubles are told by its name."""

    def __init__(self, show: Show, name: str) -> None:
        self._show = show
        self._name = name

    def match(self, number: int, identifier: Dataset) -> None:
        """Write one match.

        Raises:
            CannotWriteTo: it cannot be.
        """
        with _told(self._name):
            self._show.match(number, identifier)

    def end(self) -> None:
        """Everything has been written."""
        with _told(self._name):
            self._show.end()


class Several:
    """Shows matches in several ways."""

    def __init__(self, shows: Sequence[Show]) -> None:
        self._shows = shows

    def match(self, number: int, identifier: Dataset) -> None:
        """Show one match."""
        for show in self._shows:
            show.match(number, identifier)

    def end(self) -> None:
        """There are no more."""
        for show in self._shows:
            show.end()


@contextmanager
def _told(name: str) -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        if name == STANDARD_OUTPUT:
            drop_output()
        where = "Standard output" if name == STANDARD_OUTPUT else printable(name, 1000)
        raise CannotWriteTo(f"{where} cannot be written: {error.strerror or error}") from error


@contextmanager
def _stream(name: str) -> Iterator[TextIO]:
    if name == STANDARD_OUTPUT:
        yield sys.stdout
        return
    with _told(name):
        # The same bytes everywhere, whatever the locale.
        descriptor = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, _MODE)
        file = os.fdopen(descriptor, "w", encoding="utf-8", newline="")
    try:
        yield file
    finally:
        with _told(name):
            file.close()


@contextmanager
def written_to(identifier: Dataset, csv_file: str | None, jsonl_file: str | None) -> Iterator[list[Show]]:
    """What writes the matches to ``identifier`` to files, or to standard output, while the block runs.

    Raises:
        CannotWriteTo: a file cannot be opened, or not be written.
    """
    with ExitStack() as stack:
        shows: list[Show] = []
        if csv_file is not None:
            stream = stack.enter_context(_stream(csv_file))
            with _told(csv_file):
                shows.append(Guarded(CSVRows(stream, asked_for(identifier)), csv_file))
        if jsonl_file is not None:
            shows.append(Guarded(JSONLines(stack.enter_context(_stream(jsonl_file))), jsonl_file))
        yield shows
