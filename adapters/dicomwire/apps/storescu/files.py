"""The files to send, and the presentation contexts they need."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from attrs import frozen
from pydicom.errors import InvalidDicomError

from dicomwire.logic.entity import MOST_CONTEXTS
from dicomwire.logic.file_meta import read_file_meta
from dicomwire.presentation import PresentationContext, StoragePresentationContexts, build_context
from dicomwire.sop_class import MediaStorageDirectoryStorage


@frozen(kw_only=True)
class StoredFile:
    """A DICOM file, as far as its file meta information tells."""

    path: Path
    size: int
    sop_class_uid: str
    transfer_syntax_uid: str

    @property
    def pair(self) -> tuple[str, str]:
        return self.sop_class_uid, self.transfer_syntax_uid


def find_files(paths: Iterable[Path], *, recurse: bool, logger: logging.Logger) -> tuple[list[StoredFile], int]:
    """The DICOM files among ``paths`` and in those of them that are directories, sorted; and how many are not.

    Only their file meta information is read.
    """
    found: dict[Path, int] = {}
    skipped = 0
    directories: list[Path] = []
    for path in paths:
        if path.is_dir():
            directories.append(path)
        else:
            # Somebody has named it: that it is no DICOM file is worth more than a warning.
            found[path] = logging.ERROR
    while directories:
        directory = directories.pop()
        try:
            entries = list(directory.iterdir())
        except OSError as error:
            logger.error("%s skipped: %s", directory, error.strerror or error)
            skipped += 1
            continue
        for entry in entries:
            if not entry.is_dir():
                found.setdefault(entry, logging.WARNING)
            elif recurse and not entry.is_symlink():
                # A link may lead back to where we are.
                directories.append(entry)
    files = []
    for path, level in sorted(found.items()):
        try:
            files.append(_read(path))
        except InvalidDicomError as error:
            logger.log(level, "%s skipped: %s", path, error)
            skipped += 1
        except OSError as error:
            logger.error("%s skipped: %s", path, error.strerror or error)
            skipped += 1
    return files, skipped


def _read(path: Path) -> StoredFile:
    if path.exists() and not path.is_file():
        # Opening a pipe would wait for its other end.
        raise InvalidDicomError("not a regular file")
    with path.open("rb") as file:
        meta = read_file_meta(file)
        size = file.seek(0, 2)
    if meta.sop_class_uid == MediaStorageDirectoryStorage:
        raise InvalidDicomError("a DICOMDIR is nothing to store")
    if meta.sop_class_uid is None or meta.sop_instance_uid is None or meta.transfer_syntax_uid is None:
        raise InvalidDicomError("the file meta information lacks SOP class, SOP instance or transfer syntax")
    return StoredFile(
        path=path, size=size, sop_class_uid=meta.sop_class_uid, transfer_syntax_uid=meta.transfer_syntax_uid
    )


def required_contexts(files: Iterable[StoredFile]) -> list[PresentationContext]:
    """One context for each pair of SOP class and transfer syntax of the files, and nothing else.

    Raises:
        ValueError: more than 128 pairs.
    """
    pairs = sorted({file.pair for file in files})
    if len(pairs) > MOST_CONTEXTS:
        raise ValueError(
            f"the files have {len(pairs)} pairs of SOP class and transfer syntax, "
            f"an association at most {MOST_CONTEXTS} presentation contexts"
        )
    return [build_context(*pair) for pair in pairs]


def default_contexts(files: Sequence[StoredFile], syntaxes: Sequence[str]) -> list[PresentationContext]:
    """The default storage classes with ``syntaxes``, and a context for each pair found in the files.

    In a context with several transfer syntaxes the acceptor chooses, often implicit little endian, and then each
    explicit file has to be decoded, converted and held in memory.  A context of its own for the pair that a file
    has lets it pass as it is; it is also what compressed files and unusual classes need to pass at all.

    All this has to fit in 128 contexts.  When it does not, the pairs that the defaults do not hold come first, then
    the default classes of the files, then the other pairs, then the other default classes; the more files, the
    earlier.
    """
    count = Counter(file.pair for file in files)
    defaults = [build_context(context.abstract_syntax or "", [*syntaxes]) for context in StoragePresentationContexts]
    known = {str(context.abstract_syntax) for context in defaults}
    needed = {sop_class for sop_class, _ in count}
    pairs = [pair for pair, _ in count.most_common()]
    missing = [pair for pair in pairs if pair[0] not in known or pair[1] not in syntaxes]
    chosen = [build_context(*pair) for pair in missing]
    chosen += [context for context in defaults if context.abstract_syntax in needed]
    chosen += [build_context(*pair) for pair in pairs if pair not in set(missing)]
    chosen += [context for context in defaults if context.abstract_syntax not in needed]
    return chosen[:MOST_CONTEXTS]
