"""Directories for what is received."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryFile

from dicomwire.apps._common.exit_codes import CannotStart


class CannotWrite(CannotStart):
    """A directory cannot be written to: the text says which, why, and the option to change."""


def prepare(directory: Path) -> None:
    """Make ``directory`` if it is missing, and try whether files can be made there: before anybody sends any.

    Raises:
        CannotWrite: they cannot.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=directory):
            pass
    except OSError as error:
        why = error.strerror or error
        raise CannotWrite(
            f"Cannot write to {directory.absolute()}: {why}; -od (--output-directory) names another place"
        ) from error
