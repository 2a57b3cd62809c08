"""A worklist as a table: CSV whose header has keywords, or paths of keywords."""

from __future__ import annotations

import csv
import io
import logging
from itertools import zip_longest
from pathlib import Path

from pydicom.dataset import Dataset
from pydicom.uid import generate_uid

from dicomwire.apps._common.keyword_paths import set_key
from dicomwire.data.character_sets import smallest_set
from dicomwire.data.files import shown_path

_OF_THE_STEP = frozenset(
    (
        "Modality",
        "ScheduledPerformingPhysicianName",
        "ScheduledProcedureStepDescription",
        "ScheduledProcedureStepID",
        "ScheduledProcedureStepLocation",
        "ScheduledProcedureStepStartDate",
        "ScheduledProcedureStepStartTime",
        "ScheduledProcedureStepStatus",
        "ScheduledStationAETitle",
        "ScheduledStationName",
    )
)
"""In a worklist these are in the step and nowhere else: nobody has to write the whole path."""

_IDENTIFYING = ("PatientID", "AccessionNumber", "RequestedProcedureID")
"""Rows that agree in these are of one study."""


def read_table(path: Path, logger: logging.Logger) -> list[Dataset]:
    """A data set for each row; one that cannot be is logged and left out.

    Cells are separated by commas, semicolons or tabs, whichever the header has most of.  What is not ASCII is UTF-8.
    A row without StudyInstanceUID gets one that is always the same for its patient, accession number and procedure.

    Raises:
        OSError: it cannot be read.
        ValueError: it is not UTF-8, or a name in the header is none.
    """
    text = path.read_bytes().decode("utf-8-sig")
    first = text.partition("\n")[0]
    delimiter = max(",;\t", key=first.count)
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        header = [_path(name.strip()) for name in next(rows, [])]
        return [made for row in rows if any(row) and (made := _entry(header, row, rows.line_num, path, logger))]
    except csv.Error as error:
        raise ValueError(f"line {rows.line_num} is no CSV: {error}") from error


def _path(name: str) -> str:
    if not name or "=" in name:
        raise ValueError(f"the header has {name!r}, which is no keyword")
    set_key(Dataset(), name)
    return f"ScheduledProcedureStepSequence.{name}" if name in _OF_THE_STEP else name


def _entry(header: list[str], row: list[str], line: int, path: Path, logger: logging.Logger) -> Dataset | None:
    made = Dataset()
    try:
        if any(row[len(header) :]):
            raise ValueError(f"it has {len(row)} cells, the header {len(header)}")
        for name, cell in zip_longest(header, row[: len(header)], fillvalue=""):
            set_key(made, f"{name}={cell.strip()}")
    except ValueError as error:
        logger.error("%s, line %d is left out: %s", shown_path(path), line, error)
        return None
    if not "".join(row).isascii() and "SpecificCharacterSet" not in made:
        made.SpecificCharacterSet = smallest_set(row)
    if not made.get("StudyInstanceUID"):
        said = [str(made.get(name) or "") for name in _IDENTIFYING]
        if any(said):
            made.StudyInstanceUID = generate_uid(entropy_srcs=["\0".join(said)])
    return made
