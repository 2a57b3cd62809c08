"""DICOM files on the disk: which there are, and the presentation contexts that sending them takes."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable
from pathlib import Path
from typing import TypeAlias

from attrs import define, field, frozen
from pydicom.errors import InvalidDicomError

from dicomwire._globals import DEFLATED, EXPLICIT_LITTLE, IMPLICIT_LITTLE
from dicomwire._logging import logger, printable
from dicomwire._values import Shown, Value
from dicomwire.associations.configured_contexts import MOST_CONTEXTS
from dicomwire.data.data_set_head import Unsendable
from dicomwire.data.sources import IncompleteFileMeta, opened
from dicomwire.vocabulary.contexts import PresentationContext, build_context
from dicomwire.vocabulary.sop_classes import MediaStorageDirectoryStorage

LOGGER = logger(__name__)

FilePath: TypeAlias = str | os.PathLike[str]

_CONVERTIBLE = (EXPLICIT_LITTLE, IMPLICIT_LITTLE, DEFLATED)
"""Transfer syntaxes that a data set can be converted between: uncompressed and little endian."""

_LONGEST_PATH = 1024
"""Characters of a path in the log."""


@frozen(kw_only=True, repr=False, eq=False)
class StoredFile(Value):
    """A DICOM file, as far as its beginning tells."""

    path: Path
    size: int
    sop_class_uid: str
    transfer_syntax_uid: str
    sop_instance_uid: str = ""

    def __fspath__(self) -> str:
        return str(self.path)

    @property
    def pair(self) -> tuple[str, str]:
        return self.sop_class_uid, self.transfer_syntax_uid


def contexts_for(
    paths: FilePath | Iterable[FilePath], *, recurse: bool = False, strict: bool = False
) -> list[PresentationContext]:
    """The presentation contexts that sending these files takes: ``contexts`` of ``associate``.

    There is one for each pair of SOP class and transfer syntax, so that every file can be sent as it is; only if
    that were more than 128, transfer syntaxes share one.  ``paths`` are files and directories, with ``recurse`` also
    what is in the directories below.  Of each file only the beginning is read.  What is no DICOM file, a DICOMDIR, or
    cannot be sent is skipped with a line in the log.

    Raises:
        ValueError: the files have more than 128 SOP classes.
        pydicom.errors.InvalidDicomError, OSError: with ``strict``, for the first one that would be skipped.
    """
    given = [paths] if isinstance(paths, str | os.PathLike) else paths
    files, _ = find_files(given, recurse=recurse, strict=strict)
    return required_contexts(files)


def find_files(
    paths: Iterable[FilePath], *, recurse: bool = False, strict: bool = False, logger: logging.Logger = LOGGER
) -> tuple[list[StoredFile], int]:
    """The DICOM files among ``paths`` and in those of them that are directories, sorted; and how many are not.

    Raises:
        pydicom.errors.InvalidDicomError, OSError: with ``strict``, for the first one that is not.
    """
    found = look_for_files(paths, recurse=recurse, strict=strict, logger=logger)
    return found.files, found.skipped + found.refused


@define(repr=False)
class Found(Shown):
    """What is in some files and directories."""

    files: list[StoredFile] = field(factory=list)
    skipped: int = 0
    """How many are no instances, or cannot be read."""

    foreign: int = 0
    """How many of them nobody has named: they are in a directory, and no DICOM files."""

    refused: int = 0
    """How many are instances that cannot be sent."""

    empty: list[Path] = field(factory=list)
    """Directories that were named, and hold nothing at all, nor do those below."""

    below: list[Path] = field(factory=list)
    """Directories in them that were not descended into."""


def look_for_files(
    paths: Iterable[FilePath],
    *,
    recurse: bool = False,
    strict: bool = False,
    logger: logging.Logger = LOGGER,
    but_not: Path | None = None,
) -> Found:
    """As :func:`find_files`, and what cannot be sent is told from what is no instance.

    ``but_not`` is a file of the program's own, which may be in one of the directories.
    """
    found: dict[Path, int] = {}
    directories: list[tuple[Path, Path]] = []
    result = Found()

    def skip(path: Path, why: Exception, level: int) -> None:
        if strict:
            raise why if isinstance(why, OSError) else InvalidDicomError(f"{path}: {why}") from why
        said = why.strerror or why if isinstance(why, OSError) else why
        is_refused = isinstance(why, Unsendable)
        logger.log(level, "%s %s: %s", shown_path(path), "cannot be sent" if is_refused else "skipped", said)
        if is_refused:
            result.refused += 1
        else:
            result.skipped += 1
            result.foreign += level == logging.WARNING

    for path in map(Path, paths):
        if path.is_dir():
            directories.append((path, path))
            result.empty.append(path)
        else:
            # Somebody has named it: that it is no DICOM file is worth more than a warning.
            found[path] = logging.ERROR
    filled: set[Path] = set()
    while directories:
        directory, named = directories.pop()
        try:
            entries = list(directory.iterdir())
        except OSError as error:
            skip(directory, error, logging.ERROR)
            filled.add(named)
            continue
        for entry in entries:
            if but_not is not None and entry.name == but_not.name and entry.resolve() == but_not.resolve():
                continue
            if not entry.is_dir():
                found.setdefault(entry, logging.WARNING)
                filled.add(named)
            elif entry.is_symlink():
                # It may lead back to where we are.
                continue
            elif recurse:
                directories.append((entry, named))
            else:
                result.below.append(entry)
                filled.add(named)
    result.empty = [path for path in result.empty if path not in filled]
    for path, level in sorted(found.items()):
        try:
            result.files.append(_read(path))
        except InvalidDicomError as error:
            skip(path, error, level)
        except (OSError, Unsendable, IncompleteFileMeta) as error:
            skip(path, error, logging.ERROR)
    return result


def shown_path(path: Path) -> str:
    """A path for the log: a medium that anybody has written may have any names."""
    return printable(path, _LONGEST_PATH)


def _read(path: Path) -> StoredFile:
    if path.exists() and not path.is_file():
        # Opening a pipe would wait for its other end.
        raise InvalidDicomError("not a regular file")
    with opened(path) as instance:
        if instance.sop_class_uid == MediaStorageDirectoryStorage:
            raise InvalidDicomError("a DICOMDIR is nothing to store")
        return StoredFile(
            path=path,
            size=path.stat().st_size,
            sop_class_uid=instance.sop_class_uid,
            transfer_syntax_uid=instance.transfer_syntax_uid,
            sop_instance_uid=instance.sop_instance_uid,
        )


def required_contexts(files: Iterable[StoredFile]) -> list[PresentationContext]:
    """One context for each pair of SOP class and transfer syntax of the files, and nothing else.

    In a context with several transfer syntaxes the peer chooses one, and files in the others have to be converted, or
    cannot be sent.  So they share one only where 128 would not do: first those that can be converted into each
    other, then all of a SOP class, of as few classes as possible.

    Raises:
        ValueError: more than 128 SOP classes.
    """
    grouped: dict[str, list[list[str]]] = {}
    for sop_class, syntax in sorted({file.pair for file in files}):
        grouped.setdefault(sop_class, []).append([syntax])
    if len(grouped) > MOST_CONTEXTS:
        raise ValueError(
            f"the files have {len(grouped)} SOP classes, an association at most {MOST_CONTEXTS} presentation contexts: "
            "send them over several associations"
        )
    for merge in (_merge_convertible, _merge_all):
        for sop_class in sorted(grouped, key=lambda uid: -len(grouped[uid])):
            if sum(map(len, grouped.values())) > MOST_CONTEXTS:
                grouped[sop_class] = merge(grouped[sop_class])
    if shared := sum(len(group) > 1 for groups in grouped.values() for group in groups):
        LOGGER.warning(
            "more than %d pairs of SOP class and transfer syntax: in %d contexts the peer has a choice, "
            "and files may have to be converted, or not be accepted",
            MOST_CONTEXTS,
            shared,
        )
    return [build_context(sop_class, syntaxes) for sop_class, groups in grouped.items() for syntaxes in groups]


def _merge_convertible(groups: list[list[str]]) -> list[list[str]]:
    convertible = [syntax for syntax in _CONVERTIBLE if [syntax] in groups]
    others = [group for group in groups if group[0] not in _CONVERTIBLE]
    return [convertible, *others] if convertible else others


def _merge_all(groups: list[list[str]]) -> list[list[str]]:
    return [[syntax for group in groups for syntax in group]]
