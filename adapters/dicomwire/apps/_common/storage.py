"""Received instances as files."""

from __future__ import annotations

import logging
import os
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, TypeAlias

import click
from attrs import define, field, frozen

from dicomwire._logging import printable
from dicomwire.apps._common.describing import is_describing
from dicomwire.apps._common.directories import prepare
from dicomwire.apps._common.options import Decorator, grouped
from dicomwire.apps._common.output import tell
from dicomwire.associations import events as evt
from dicomwire.data.part_files import FolderClaim
from dicomwire.data.receiving_files import SUCCESS, IncomingFile, Receiver
from dicomwire.data.safe_names import safe_name
from dicomwire.data.store import SYNCS, FileStore, Sync
from dicomwire.vocabulary.context_lists import storage_classes
from dicomwire.vocabulary.contexts import PresentationContext, build_context
from dicomwire.vocabulary.sop_classes import Verification

NO_SOP_CLASS = 0xC210

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


Notify: TypeAlias = Callable[[int, int], None]
"""Called with the status of each instance and its size, in whatever thread received it."""


def _nobody(status: int, size: int) -> None:
    """Nobody counts."""


@define
class Received:
    """How many instances arrived, in whatever threads, and what became of them."""

    received: int = 0
    not_stored: int = 0
    size: int = 0
    """Bytes of what was stored."""

    _lock: threading.Lock = field(factory=threading.Lock)

    def stored(self, status: int, size: int) -> None:
        """An instance has arrived, and was answered with ``status``."""
        with self._lock:
            if status == SUCCESS:
                self.received += 1
                self.size += size
            else:
                self.not_stored += 1

    def arrivals(self) -> str:
        """The counts in words."""
        lost = f", {self.not_stored} not stored" if self.not_stored else ""
        return f"{self.received} received{lost}, {self.size / 1e6:.1f} MB"


def storage_contexts(syntaxes: list[str], *, echo: bool) -> list[PresentationContext]:
    """Every storage class with these transfer syntaxes, and with ``echo`` verification."""
    contexts = [build_context(uid, syntaxes) for uid in storage_classes()]
    return [*contexts, build_context(Verification, syntaxes)] if echo else contexts


@frozen
class OutputDirectory:
    """Where received instances go."""

    directory: Path
    ignore: bool
    files: FileStore = field(factory=FileStore)
    """How files are made there."""

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

    def storage(self, logger: logging.Logger, notify: Notify = _nobody) -> Storage | Discarding:
        """What receives them."""
        return Discarding(logger, notify) if self.ignore else Storage(self.directory, logger, notify, self.files)

    @contextmanager
    def storing(self, logger: logging.Logger, notify: Notify = _nobody) -> Iterator[Storage | Discarding]:
        """What receives them while the block runs; raises as :meth:`claimed`."""
        with self.claimed(logger):
            storage = self.storage(logger, notify)
            try:
                yield storage
            finally:
                storage.discard_all()


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
    output_directory: Path, ignore: bool, fsync: str, file_mode: int, directory_mode: int
) -> OutputDirectory:
    sync: Sync = next(sync for sync in SYNCS if sync.replace(" ", "-") == fsync)
    files = FileStore(sync=sync, file_mode=file_mode, folder_mode=directory_mode)
    return OutputDirectory(output_directory, ignore, files)


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


def file_name(sop_class_uid: str, sop_instance_uid: str) -> str:
    """The name an instance is stored under, whatever the peer calls it."""
    return f"{_PREFIXES.get(sop_class_uid, 'UN')}.{safe_name(sop_instance_uid)}"


class Storage(Receiver[IncomingFile]):
    """Stores what arrives in one directory: its handlers belong to a server or an association.

    Data sets stream to a temporary file next to their final place, and are renamed when they are complete: there
    is never a part of an instance under its name.
    """

    def __init__(
        self, directory: Path, logger: logging.Logger, notify: Notify = _nobody, files: FileStore | None = None
    ) -> None:
        super().__init__()
        self.directory = directory
        self._files = files or FileStore()
        self._logger = logger
        self._notify = notify

    def handlers(self) -> list[evt.EventHandler]:
        """To be bound on whatever receives the instances."""
        return [*super().handlers(), (evt.EVT_CONN_CLOSE, self.closed)]

    def path(self, sop_class_uid: str, sop_instance_uid: str) -> Path:
        """Where an instance is stored."""
        return self.directory / file_name(sop_class_uid, sop_instance_uid)

    def new(self, event: evt.Event) -> IncomingFile:
        """A file of another name in the directory."""
        file = IncomingFile.within(self.directory, evt.message_of(event).header(), store=self._files)
        file.attempt(self._files.make_folder, self.directory)
        return file

    def keep(self, event: evt.Event, sink: IncomingFile) -> int:
        """Give the file its name, and tell; the status to answer with."""
        status = self._keep(event, sink)
        self._notify(status, sink.size)
        return status

    def _keep(self, event: evt.Event, file: IncomingFile) -> int:
        sop_class, instance = event.request.AffectedSOPClassUID, event.request.AffectedSOPInstanceUID
        if not sop_class or not instance:
            self._logger.error("A C-STORE request without SOP class or SOP instance UID")
            return NO_SOP_CLASS
        path = self.path(sop_class, instance)
        if file.error is None and os.path.lexists(path):
            self._logger.warning("%s exists already: overwritten", path.name)
        status = file.keep(path, self._logger)
        if status == SUCCESS:
            self._logger.info("Stored %s (%d bytes) from %s", path.name, file.size, _sender(event))
        return status


class Dropped:
    """A data set that nobody wants."""

    as_it_came = True

    def __init__(self) -> None:
        self.size: int = 0

    def write(self, fragments: list[memoryview]) -> None:
        """Count the bytes, and forget them."""
        self.size += sum(map(len, fragments))

    def close(self) -> None:
        """There is nothing."""

    discard = close


class Discarding(Receiver[Dropped]):
    """Takes everything and keeps nothing."""

    def __init__(self, logger: logging.Logger, notify: Notify = _nobody) -> None:
        super().__init__()
        self._logger = logger
        self._notify = notify

    def new(self, event: evt.Event) -> Dropped:
        """Where what comes is forgotten."""
        return Dropped()

    def keep(self, event: evt.Event, sink: Dropped) -> int:
        """Success, as nothing was to be kept."""
        instance = event.request.AffectedSOPInstanceUID or "an instance without UID"
        self._logger.info("Ignored %s from %s", printable(instance), _sender(event))
        self._notify(SUCCESS, sink.size)
        return SUCCESS


def _sender(event: evt.Event) -> str:
    """The title of whoever sent an instance: of the acceptor, if we asked for it (C-GET)."""
    association = event.assoc
    return printable((association.acceptor if association.is_requestor else association.requestor).ae_title)
