"""Received instances as files."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeAlias

from attrs import define, field

from dicomwire._logging import printable
from dicomwire.apps._common.arrived_instance import ArrivedInstance
from dicomwire.apps._common.file_names import Duplicates, FileNames, NameTaken, file_name
from dicomwire.associations import events as evt
from dicomwire.data.receiving_files import SUCCESS, IncomingFile, Receiver
from dicomwire.data.store import FileStore
from dicomwire.errors import BrokenDataSet
from dicomwire.vocabulary.context_lists import storage_classes
from dicomwire.vocabulary.contexts import PresentationContext, build_context
from dicomwire.vocabulary.sop_classes import Verification

NO_SOP_CLASS = 0xC210
DUPLICATE = 0x0111
"""Duplicate SOP instance (PS3.7 C.5.3)."""

Notify: TypeAlias = Callable[[int, int], None]
"""Called with the status of each instance and its size, in whatever thread received it."""


Tell: TypeAlias = Callable[[ArrivedInstance, int], None]
"""Called with each instance and its status, in whatever thread received it, before it is answered."""


def _nobody(status: int, size: int) -> None:
    """Nobody counts."""


def _say_nothing(arrival: ArrivedInstance, status: int) -> None:
    """Nobody listens."""


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


class Storage(Receiver[IncomingFile]):
    """Stores what arrives in one directory: its handlers belong to a server or an association.

    Data sets stream to a temporary file next to their final place, and are renamed when they are complete: there
    is never a part of an instance under its name.
    """

    def __init__(
        self,
        directory: Path,
        logger: logging.Logger,
        notify: Notify = _nobody,
        files: FileStore | None = None,
        *,
        names: FileNames | None = None,
        tell: Tell = _say_nothing,
    ) -> None:
        super().__init__()
        self.directory = directory
        self._files = files or FileStore()
        self._logger = logger
        self._notify = notify
        self._names = names or FileNames()
        self._tell = tell

    def handlers(self) -> list[evt.EventHandler]:
        """To be bound on whatever receives the instances."""
        return [*super().handlers(), (evt.EVT_CONN_CLOSE, self.closed)]

    def new(self, event: evt.Event) -> IncomingFile:
        """A file of another name in the directory."""
        file = IncomingFile.within(self.directory, evt.message_of(event).header(), store=self._files)
        file.attempt(self._files.make_folder, self.directory)
        return file

    def keep(self, event: evt.Event, sink: IncomingFile) -> int:
        """Give the file its name, and tell; the status to answer with."""
        arrival = ArrivedInstance(event, Path(sink.name), sink.size)
        status = self._keep(arrival, sink)
        self._notify(status, sink.size)
        self._tell(arrival, status)
        return status

    def _keep(self, arrival: ArrivedInstance, file: IncomingFile) -> int:
        if not arrival.sop_class_uid or not arrival.sop_instance_uid:
            self._logger.error("A C-STORE request without SOP class or SOP instance UID")
            return NO_SOP_CLASS
        # Also a file that could not be written has a name, by which the log calls it.
        path = self.directory / file_name(arrival.sop_class_uid, arrival.sop_instance_uid)
        if file.error is None:
            try:
                path = self.directory / self._names.path(arrival)
            except (BrokenDataSet, OSError) as error:
                file.fail(error)
        is_there = file.error is None and os.path.lexists(path)
        if is_there and self._names.duplicates is Duplicates.REPLACE:
            self._logger.warning("%s exists already: overwritten", path.name)
        status = file.keep(path, self._logger, partial(self._name, arrival))
        if status == SUCCESS:
            path = arrival.path.relative_to(self.directory)
            self._logger.info("Stored %s (%d bytes) from %s", path, file.size, arrival.sender)
        elif isinstance(file.error, NameTaken):
            return DUPLICATE
        return status

    def _name(self, arrival: ArrivedInstance, part: str, path: Path) -> None:
        if path.parent != self.directory:
            self._files.make_folder(path.parent)
        arrival.path = self._names.give(self._files, part, path)


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

    def __init__(self, logger: logging.Logger, notify: Notify = _nobody, *, tell: Tell = _say_nothing) -> None:
        super().__init__()
        self._logger = logger
        self._notify = notify
        self._tell = tell

    def new(self, event: evt.Event) -> Dropped:
        """Where what comes is forgotten."""
        return Dropped()

    def keep(self, event: evt.Event, sink: Dropped) -> int:
        """Success, as nothing was to be kept."""
        arrival = ArrivedInstance(event, Path(os.devnull), sink.size)
        instance = arrival.sop_instance_uid or "an instance without UID"
        self._logger.info("Ignored %s from %s", printable(instance), arrival.sender)
        self._notify(SUCCESS, sink.size)
        self._tell(arrival, SUCCESS)
        return SUCCESS
