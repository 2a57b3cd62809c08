"""Entries of a worklist, read again when what they were read from has changed: when somebody asks, not before."""

from __future__ import annotations

import json
import logging
import os
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from attrs import define, field
from pydicom.dataset import Dataset

from dicomwire._logging import reason
from dicomwire.apps._common.exit_codes import CannotStart
from dicomwire.apps._common.output import application_logger, tell, without_warnings
from dicomwire.apps._common.query import BadIdentifier, read_identifier
from dicomwire.apps.wlmscp.worklist_table import read_table
from dicomwire.data.character_sets import smallest_set
from dicomwire.data.data_set_writer import texts_of
from dicomwire.data.files import shown_path

LOGGER = application_logger("wlmscp")

_STEPS = "ScheduledProcedureStepSequence"
_NEEDED = ("PatientName", "PatientID", "StudyInstanceUID", "RequestedProcedureID")
_NEEDED_OF_STEP = (
    "ScheduledStationAETitle",
    "ScheduledProcedureStepStartDate",
    "ScheduledProcedureStepStartTime",
    "Modality",
    "ScheduledProcedureStepID",
)
"""What every answer has a value of (PS3.4 table K.6-1, type 1)."""

Stamp: TypeAlias = tuple[int, int, int]
Read: TypeAlias = Callable[[Path], list[Dataset]]


class NoEntries(Exception):
    """Something cannot be read: the text says why."""


def _from_dicom(path: Path) -> list[Dataset]:
    try:
        return [read_identifier(path)]
    except BadIdentifier as error:
        raise NoEntries(str(error)) from error


def _from_json(path: Path) -> list[Dataset]:
    try:
        found = json.loads(path.read_bytes())
        made = [Dataset.from_json(each) for each in (found if isinstance(found, list) else [found])]
        for data_set in made:
            # Values are made now, whatever they are.
            for _ in data_set.iterall():
                pass
            texts = list(texts_of(data_set))
            if "SpecificCharacterSet" not in data_set and not "".join(texts).isascii():
                data_set.SpecificCharacterSet = smallest_set(texts)
    except OSError as error:
        raise NoEntries(f"{path} cannot be read: {error.strerror or error}") from error
    except Exception as error:  # whatever json and pydicom make of what may be anything
        raise NoEntries(f"{path} is no DICOM JSON: {type(error).__name__}: {reason(error)}") from error
    return made


def _from_table(path: Path) -> list[Dataset]:
    try:
        return read_table(path, LOGGER)
    except (OSError, ValueError) as error:
        said = error.strerror or error if isinstance(error, OSError) else error
        raise NoEntries(f"{path} cannot be read: {said}") from error


READERS: dict[str, Read] = {".wl": _from_dicom, ".dcm": _from_dicom, ".json": _from_json, ".csv": _from_table}
"""By the ends of names; what is called otherwise in a folder is none of ours."""


def stamp_of(path: Path) -> Stamp:
    """What changes when a file does."""
    found = path.stat()
    return found.st_mtime_ns, found.st_size, found.st_ino


@define(eq=False)
class WorklistEntries:
    """What is in a folder of worklist files and tables, or in one of them."""

    source: Path
    _known: dict[Path, tuple[Stamp, list[Dataset]]] = field(factory=dict, init=False)
    _lock: threading.Lock = field(factory=threading.Lock, init=False)

    def begin(self) -> None:
        """Read all of it.

        Raises:
            CannotStart: there is no such folder, or no such table.
        """
        try:
            self.now()
        except OSError as error:
            raise CannotStart(f"{shown_path(self.source)} cannot be read: {error.strerror or error}") from error
        if not self.source.is_dir() and self.source not in self._known:
            # Why has been said.
            raise CannotStart("There is no worklist to begin with")
        if not self._known:
            ends = ", ".join(READERS)
            tell(
                LOGGER, logging.WARNING, f"There is nothing yet in {shown_path(self.source)} whose name ends in {ends}"
            )

    def now(self) -> list[Dataset]:
        """The entries, in the order of the names of files, as they are now; each has one step.

        Raises:
            OSError: the folder cannot be read.
        """
        with self._lock:
            readers = self._readers()
            for path in [path for path in self._known if path not in readers]:
                del self._known[path]
            for path, read in readers.items():
                self._look_at(path, read)
            return [entry for path in readers if path in self._known for entry in self._known[path][1]]

    def _readers(self) -> dict[Path, Read]:
        if not self.source.is_dir():
            os.stat(self.source)
            return {self.source: READERS.get(self.source.suffix.lower(), _from_table)}
        found = sorted(self.source.iterdir())
        return {path: READERS[path.suffix.lower()] for path in found if path.suffix.lower() in READERS}

    def _look_at(self, path: Path, read: Read) -> None:
        try:
            stamp = stamp_of(path)
        except OSError:
            # It has been removed just now.
            self._known.pop(path, None)
            return
        before = self._known.get(path)
        if before is not None and before[0] == stamp:
            return
        try:
            if not path.is_file():
                # A pipe would be waited for, and some devices have no end.
                raise NoEntries(f"{path} is no regular file")
            with without_warnings():
                entries = [entry for data_set in read(path) for entry in _with_one_step(data_set, path)]
        except NoEntries as error:
            LOGGER.error("%s", error)
            # A file by itself that somebody is just changing is served as it was.
            entries = [] if before is None or self.source != path else before[1]
            if before is None and self.source == path:
                return
        self._known[path] = stamp, entries


def _with_one_step(data_set: Dataset, path: Path) -> Sequence[Dataset]:
    """An entry for each of its steps: each is answered by itself (PS3.4 K.6.1.2)."""
    steps: Any = data_set.get(_STEPS) or []
    if not steps:
        LOGGER.error("%s: an entry without %s is left out", shown_path(path), _STEPS)
        return []
    entries = []
    for step in steps:
        lacking = [name for name in _NEEDED if not data_set.get(name)]
        lacking += [name for name in _NEEDED_OF_STEP if not step.get(name)]
        if lacking:
            LOGGER.warning("%s lacks what modalities may need: %s", shown_path(path), ", ".join(lacking))
        entry = Dataset()
        entry.update({element.tag: element for element in data_set if element.keyword != _STEPS})
        setattr(entry, _STEPS, [step])
        entries.append(entry)
    return entries
