"""What received instances are called, and what happens to one that is there already."""

from __future__ import annotations

import os
from enum import Enum
from itertools import count
from pathlib import Path
from typing import Any

import click
from attrs import frozen

from dicomwire.apps._common.arrived_instance import OF_THE_REQUEST, ArrivedInstance
from dicomwire.apps._common.templates import Template
from dicomwire.data.safe_names import safe_name
from dicomwire.data.store import FileStore

_PREFIXES = {
    "1.2.840.10008.5.1.4.1.1.1": "CR",
    "1.2.840.10008.5.1.4.1.1.2": "CT",
    "1.2.840.10008.5.1.4.1.1.2.1": "CTE",
    "1.2.840.10008.5.1.4.1.1.4": "MR",
    "1.2.840.10008.5.1.4.1.1.4.1": "MRE",
    "1.2.840.10008.5.1.4.1.1.6.1": "US",
    "1.2.840.10008.5.1.4.1.1.6.2": "USE",
    "1.2.840.10008.5.1.4.1.1.7": "SC",
    "1.2.840.10008.5.1.4.1.1.12.1": "XA",
    "1.2.840.10008.5.1.4.1.1.12.1.1": "XAE",
    "1.2.840.10008.5.1.4.1.1.20": "NM",
    "1.2.840.10008.5.1.4.1.1.128": "PT",
    "1.2.840.10008.5.1.4.1.1.130": "PTE",
    "1.2.840.10008.5.1.4.1.1.481.1": "RI",
    "1.2.840.10008.5.1.4.1.1.481.2": "RD",
    "1.2.840.10008.5.1.4.1.1.481.3": "RS",
    "1.2.840.10008.5.1.4.1.1.481.5": "RP",
}


def file_name(sop_class_uid: str, sop_instance_uid: str) -> str:
    """The name an instance is stored under, whatever the peer calls it."""
    return f"{_PREFIXES.get(sop_class_uid, 'UN')}.{safe_name(sop_instance_uid)}"


class NameTaken(FileExistsError):
    """There is such an instance already, and it is to stay."""


class Duplicates(Enum):
    """What becomes of an instance whose name is taken."""

    REPLACE = "replace"
    KEEP = "keep"
    REFUSE = "refuse"


@frozen
class FileNames:
    """How instances are named in a folder; by default by the kind of image and their UID."""

    template: Template | None = None
    duplicates: Duplicates = Duplicates.REPLACE

    def path(self, arrival: ArrivedInstance) -> Path:
        """Where an instance belongs, below the folder.

        Raises:
            BrokenDataSet, OSError: the template needs a value of a data set that cannot be read.
        """
        if self.template is None:
            return Path(file_name(arrival.sop_class_uid, arrival.sop_instance_uid))
        return Path(self.template.filled(arrival.safe_value))

    def give(self, store: FileStore, part: str | Path, path: Path) -> Path:
        """Give a complete file its name; the one that it has got.

        Raises:
            NameTaken: there is one, and that is refused.
            OSError: it cannot be named.
        """
        if self.duplicates is Duplicates.REPLACE:
            store.rename(part, path)
            return path
        for number in count():
            candidate = path if not number else path.with_name(f"{path.stem}-{number}{path.suffix}")
            try:
                _take(store, part, candidate)
            except FileExistsError as error:
                if self.duplicates is Duplicates.REFUSE:
                    raise NameTaken(*error.args) from None
                continue
            return candidate
        raise AssertionError("numbers do not end")


def _take(store: FileStore, part: str | Path, path: Path) -> None:
    """Rename where nothing is, in one step: two processes may be at it."""
    try:
        store.link(part, os.fspath(path))
    except FileExistsError:
        raise
    except (OSError, NotImplementedError):
        # A file system without second names.
        if os.path.lexists(path):
            raise FileExistsError(os.fspath(path)) from None
        store.rename(part, path)
        return
    store.remove(os.fspath(part))


def parsed(text: str) -> Template:
    """A template of a path within a folder.

    Raises:
        ValueError: it is none, or could give two instances one name.
    """
    template = Template.parse(text, OF_THE_REQUEST)
    names = template.filled(lambda keyword: "x")
    if not names.isprintable() or "\\" in names or ":" in names:
        raise ValueError(f"{text!r}: a backslash, a colon or a control character is not for every system")
    if any(name in ("", ".", "..") for name in names.split("/")):
        raise ValueError(f"{text!r} is no path within the output directory")
    if "SOPInstanceUID" not in template.keywords:
        raise ValueError(f"{text!r} has no {{SOPInstanceUID}}: instances would replace each other")
    return template


class NameTemplate(click.ParamType):  # type: ignore[type-arg]
    """Such a template as an option."""

    name = "template"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Template:
        """What was given, parsed."""
        if isinstance(value, Template):
            return value
        try:
            return parsed(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)
