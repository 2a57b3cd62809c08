"""The folder that received instances go to, and its options."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import click
from attrs import field, frozen

from dicomwire.apps._common.describing import is_describing
from dicomwire.apps._common.directories import prepare
from dicomwire.apps._common.file_names import Duplicates, FileNames, NameTemplate
from dicomwire.apps._common.options import Decorator, grouped
from dicomwire.apps._common.output import tell
from dicomwire.apps._common.storage import Discarding, Notify, Storage, Tell
from dicomwire.apps._common.templates import Template
from dicomwire.data.part_files import FolderClaim
from dicomwire.data.store import SYNCS, FileStore, Sync


@frozen
class OutputDirectory:
    """Where received instances go."""

    directory: Path
    ignore: bool
    files: FileStore = field(factory=FileStore)
    """How files are made there."""

    names: FileNames = field(factory=FileNames)
    """What they are called."""

    @contextmanager
    def claimed(self, logger: logging.Logger) -> Iterator[None]:
        """While the block runs, this process makes files there; what a crash has left is removed, and told.

        Raises:
            CannotWrite: the directory cannot be made or written to, and something is to be kept.
        """
        if self.ignore or is_describing():
            yield
            return
        prepare(self.directory, self.files)
        with ExitStack() as claims:
            # One that may be written to and not be listed is good enough.
            with suppress(OSError):
                claim = claims.enter_context(FolderClaim(self.directory, store=self.files))
                for text in claim.explain():
                    tell(logger, logging.WARNING, text)
            yield

    def storage(
        self, logger: logging.Logger, notify: Notify | None = None, told: Tell | None = None
    ) -> Storage | Discarding:
        """What receives them; ``notify`` is for who counts, ``told`` for who wants to know more."""
        hooks: dict[str, Any] = {}
        if notify is not None:
            hooks["notify"] = notify
        if told is not None:
            hooks["tell"] = told
        if self.ignore:
            return Discarding(logger, **hooks)
        return Storage(self.directory, logger, files=self.files, names=self.names, **hooks)

    @contextmanager
    def receiving(
        self, logger: logging.Logger, notify: Notify | None = None, told: Tell | None = None
    ) -> Iterator[Storage | Discarding]:
        """What receives them while the block runs, in a claimed directory; behind it nothing is left half done."""
        storage = self.storage(logger, notify, told)
        try:
            yield storage
        finally:
            storage.discard_all()

    @contextmanager
    def storing(self, logger: logging.Logger, notify: Notify | None = None) -> Iterator[Storage | Discarding]:
        """The same in a directory that is claimed for the block; raises as :meth:`claimed`."""
        with self.claimed(logger), self.receiving(logger, notify) as storage:
            yield storage


class _Mode(click.ParamType):  # type: ignore[type-arg]
    """Permissions as chmod has them."""

    name = "mode"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        if not re.fullmatch("0?[0-7]{3}", value):
            self.fail(f"{value!r} is no octal mode such as 0640", param, ctx)
        return int(value, 8)


def _destination(
    output_directory: Path,
    ignore: bool,
    file_names: Template | None,
    duplicates: str,
    fsync: str,
    file_mode: int,
    directory_mode: int,
) -> OutputDirectory:
    sync: Sync = next(sync for sync in SYNCS if sync.replace(" ", "-") == fsync)
    files = FileStore(sync=sync, file_mode=file_mode, folder_mode=directory_mode)
    return OutputDirectory(output_directory, ignore, files, FileNames(file_names, Duplicates(duplicates)))


def destination_options(
    where: str = "Where to write files", ignored: str = "Answer success and keep nothing."
) -> Decorator:
    """Where received instances go: an argument ``destination``."""
    return grouped(
        "destination",
        _destination,
        [
            click.option(
                "-od",
                "--output-directory",
                type=click.Path(file_okay=False, path_type=Path),
                default=Path(),
                metavar="DIRECTORY",
                help=f"{where}; made if it is missing.",
                show_default="current directory",
            ),
            click.option("--ignore", is_flag=True, help=ignored),
            click.option(
                "--file-names",
                type=NameTemplate(),
                metavar="TEMPLATE",
                help="Folders and names with keywords in braces, such as "
                "{PatientID}/{StudyInstanceUID}/{Modality}.{SOPInstanceUID}.dcm.",
                show_default="CT.1.2.3, by kind and SOP instance UID",
            ),
            click.option(
                "--duplicates",
                type=click.Choice([each.value for each in Duplicates]),
                default=Duplicates.REPLACE.value,
                show_default=True,
                help="What becomes of an instance whose name is taken: keep gives it a number, refuse answers 0111.",
            ),
            click.option(
                "--fsync",
                type=click.Choice([sync.replace(" ", "-") for sync in SYNCS]),
                default="none",
                show_default=True,
                help="What has to be on the disk before an instance is acknowledged, should the power fail.",
            ),
            click.option(
                "--file-mode",
                type=_Mode(),
                default=0o600,
                metavar="MODE",
                help="Permissions of files, whatever the umask.",
                show_default="0600",
            ),
            click.option(
                "--directory-mode",
                type=_Mode(),
                default=0o700,
                metavar="MODE",
                help="The same for directories that are made.",
                show_default="0700",
            ),
        ],
    )
