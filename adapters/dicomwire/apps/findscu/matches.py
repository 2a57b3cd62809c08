"""Matches for people and programs: a table on a terminal, lines elsewhere, or JSON."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from copy import deepcopy
from typing import Any, Protocol, TextIO

from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from rich.console import Console
from rich.table import Table
from rich.text import Text

from dicomwire._logging import printable, reason
from dicomwire.apps._common.keyword_paths import name_of
from dicomwire.apps._common.output import application_logger
from dicomwire.data.text_values import joined

LOGGER = application_logger("findscu")

_DEEPEST = 32
"""Sequences inside each other that are shown."""

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)

_WIDEST_CELL = 64
_LONGEST_VALUE = 1000
_PADDING = 3
"""What a column is wider than its longest line."""

_ROWS = 500
"""After so many rows a table is shown and the next one begun: nothing piles up."""

_UNSAID = ("QueryRetrieveLevel", "SpecificCharacterSet")


class Show(Protocol):
    """Where matches go."""

    def match(self, number: int, identifier: Dataset) -> None:
        """Show one."""

    def end(self) -> None:
        """There are no more."""


def values_of(data_set: Dataset, path: str = "", depth: int = 0) -> Iterator[tuple[str, str]]:
    """Path and value of each element, in order, those of sequences with the index of their item.

    A peer chose them: they may still hold control characters.
    """
    for tag in sorted(data_set.keys()):
        name = path + name_of(tag)
        try:
            element = data_set[tag]
        except Exception:  # whatever pydicom makes of what a peer sent
            yield name, "(cannot be decoded)"
            continue
        if element.VR != "SQ":
            yield name, value_of(element)
        elif not element.value or depth >= _DEEPEST:
            yield name, "" if not element.value else "(more)"
        else:
            for index, item in enumerate(element.value):
                yield from values_of(item, f"{name}[{index}].", depth + 1)


def value_of(element: DataElement) -> str:
    """A value as it would be given with ``-k``; of bytes only how many."""
    if isinstance(element.value, bytes):
        return f"({len(element.value)} bytes)" if element.value else ""
    if element.is_empty:
        return ""
    return joined(element.value)


def plain(path: str) -> str:
    """A path without the indices of items."""
    parts = (part.partition("[")[0] for part in path.split("."))
    return ".".join(parts)


class MatchLines:
    """An element a line, and an empty line between matches."""

    def match(self, number: int, identifier: Dataset) -> None:
        """Show one match, the ``number``-th."""
        lines = [f"Match {number}"]
        for path, value in values_of(identifier):
            lines.append(f"  {path}: {printable(value, _LONGEST_VALUE)}".rstrip())
        print("\n".join(lines), end="\n\n", flush=True)

    def end(self) -> None:
        """Everything has been shown."""


def json_of(data_set: Dataset, depth: int = 0) -> dict[str, Any]:
    """A data set in the DICOM JSON model (PS3.18 F.2).

    Unlike pydicom's it keeps values that are odd for their VR: only what cannot be decoded is left out, and logged.
    """
    made: dict[str, Any] = {}
    for tag in sorted(data_set.keys()):
        try:
            element = data_set[tag]
            if element.VR != "SQ":
                # Not a number is no JSON either.
                value = _number_strings(element) if element.VR in ("DS", "IS") else element.to_json_dict(None, 0)
                json.dumps(value, allow_nan=False)
            elif depth < _DEEPEST:
                items = [json_of(item, depth + 1) for item in element.value]
                value = {"vr": "SQ", "Value": items} if items else {"vr": "SQ"}
            else:
                raise ValueError("too many sequences inside each other")
        except Exception as error:  # whatever pydicom makes of what a peer sent
            LOGGER.error("Left out of the JSON: %s: %s", name_of(tag), reason(error))
            continue
        made[f"{tag:08X}"] = value
    return made


def _number_strings(element: DataElement) -> dict[str, Any]:
    """Numbers that were written as text: as text, unless JSON writes them alike (PS3.18 F.2.3)."""
    made: dict[str, Any] = {"vr": element.VR}
    if not element.is_empty:
        values = element.value if element.VM > 1 else [element.value]
        made["Value"] = [_number(str(getattr(value, "original_string", value)).strip()) for value in values]
    return made


def _number(text: str) -> int | float | str | None:
    if not text:
        return None
    if not _NUMBER.fullmatch(text):
        raise ValueError("it is no number")
    number = float(text) if set(text) & set(".eE") else int(text)
    return number if json.dumps(number) == text else text


class JSONLines:
    """A line of DICOM JSON for each match, on ``stream`` or standard output."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream

    def match(self, number: int, identifier: Dataset) -> None:
        """Show one match."""
        # Only ASCII: nothing in it can reach a terminal but as text.
        line = json.dumps(json_of(identifier), ensure_ascii=True, separators=(",", ":"))
        print(line, file=self._stream, flush=True)

    def end(self) -> None:
        """Everything has been shown."""


class Rows:
    """A row for each match, a column for each element that was asked for."""

    def __init__(self, console: Console, columns: list[str]) -> None:
        self._console = console
        self._columns = columns
        self._table: Table | None = None

    def match(self, number: int, identifier: Dataset) -> None:
        """Add one match to the table."""
        if self._table is None:
            self._table = Table("")
            for name in self._columns:
                # A UID that is cut is of no use.
                self._table.add_column(name.rpartition(".")[2], overflow="fold")
        found: dict[str, list[str]] = {}
        for path, value in values_of(identifier):
            found.setdefault(plain(path), []).append(printable(value, _WIDEST_CELL))
        # Text, not markup: brackets of a peer mean nothing.
        cells = (Text("\n".join(found.get(name, ()))) for name in self._columns)
        self._table.add_row(str(number), *cells)
        if self._table.row_count >= _ROWS:
            self.end()

    def end(self) -> None:
        """Show the table, if there was a match."""
        table, self._table = self._table, None
        if table is not None:
            self._console.print(table)


class Nothing:
    """Shows nothing."""

    def match(self, number: int, identifier: Dataset) -> None:
        """Not shown."""

    def end(self) -> None:
        """There is nothing."""


def asked_for(identifier: Dataset) -> list[str]:
    """The paths of what ``identifier`` asks for."""
    # A copy: what nobody has looked at is sent as it was read.
    names = [plain(path) for path, _ in values_of(deepcopy(identifier))]
    return [*dict.fromkeys(name for name in names if name not in _UNSAID)]


def columns_for(identifier: Dataset, width: int) -> list[str] | None:
    """The columns of a table with what ``identifier`` asks for; None if a table ``width`` wide cannot show it."""
    columns = asked_for(identifier)
    identifier = deepcopy(identifier)
    wide = sum(len(name.rpartition(".")[2]) + _PADDING for name in columns) + _PADDING
    is_open = any(element.VR == "SQ" and not element.value for element in identifier.iterall())
    # Of an empty sequence the peer sends what it likes.
    if not columns or is_open or wide > width:
        return None
    return columns


def show_for(identifier: Dataset, *, quiet: bool) -> Show:
    """How to show the matches to ``identifier`` to people."""
    if quiet:
        return Nothing()
    console = Console(file=sys.stdout)
    columns = columns_for(identifier, console.width) if console.is_terminal else None
    return MatchLines() if columns is None else Rows(console, columns)
