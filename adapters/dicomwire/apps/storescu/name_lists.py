"""Names of files to send, from a list in a file or on standard input."""

from __future__ import annotations

import os
from pathlib import Path

import click

STANDARD_INPUT = "-"


def names_in(source: str, *, null: bool) -> list[Path]:
    """The names in the file ``source``, or on standard input: one a line, or with a NUL behind each.

    Raises:
        click.ClickException: the list cannot be read, or lines of it have a NUL in them.
    """
    try:
        with click.open_file(source, "rb") as file:
            data: bytes = file.read()
    except OSError as error:
        raise click.UsageError(f"--files-from: {source} cannot be read: {error.strerror or error}") from error
    if null:
        names = data.split(b"\0")
    elif b"\0" in data:
        raise click.UsageError("--files-from: there is a NUL in the list: -0 (--null) is for names that end with one")
    else:
        names = [line.removesuffix(b"\r") for line in data.split(b"\n")]
    return [Path(os.fsdecode(name)) for name in names if name]
