"""Directories for what is received."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryFile

from dicomwire.apps._common.exit_codes import CannotStart
from dicomwire.data import store
from dicomwire.data.store import FileStore


class CannotWrite(CannotStart):
    """A directory cannot be written to: the text says which, why, and the option to change."""


def prepare(directory: Path, files: FileStore | None = None) -> None:
    """Make ``directory`` if it is missing, and try whether files can be made there: before anybody sends any.

    Raises:
        CannotWrite: they cannot.
    """
    try:
        (files or store.STORE).make_folder(directory)
        with TemporaryFile(dir=directory):
            pass
    except OSError as error:
        why = error.strerror or error
        raise CannotWrite(
            f"Cannot write to {directory.absolute()}: {why}; -od (--output-directory) names another place"
        ) from error
