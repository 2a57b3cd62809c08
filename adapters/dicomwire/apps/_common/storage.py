"""Received instances as files."""

from __future__ import annotations

import logging
import os
import secrets
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeAlias
from weakref import WeakKeyDictionary

import click
from attrs import frozen

from dicomwire import events as evt
from dicomwire._implementation import IMPLEMENTATION_UID, IMPLEMENTATION_VERSION
from dicomwire._logging import printable
from dicomwire.apps._common.options import Decorator, grouped
from dicomwire.logic.file_meta import encode_file_meta
from dicomwire.presentation import AllStoragePresentationContexts, PresentationContext, build_context
from dicomwire.safe_names import safe_name
from dicomwire.sinks import FileSink
from dicomwire.sop_class import Verification

SUCCESS = 0x0000
OUT_OF_RESOURCES = 0xA700
CANNOT_WRITE = 0xA701
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


def storage_contexts(syntaxes: list[str], *, echo: bool) -> list[PresentationContext]:
    """Every storage class with these transfer syntaxes, and with ``echo`` verification."""
    contexts = [build_context(context.abstract_syntax or "", syntaxes) for context in AllStoragePresentationContexts]
    return [*contexts, build_context(Verification, syntaxes)] if echo else contexts


@frozen
class Destination:
    """Where received instances go."""

    directory: Path
    ignore: bool

    def storage(self, logger: logging.Logger, notify: Notify | None = None) -> Storage | Discarding:
        """What receives them."""
        return Discarding(logger, notify) if self.ignore else Storage(self.directory, logger, notify)


def _destination(output_directory: Path, ignore: bool) -> Destination:
    return Destination(output_directory, ignore)


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
        ],
    )


def file_name(sop_class_uid: str, sop_instance_uid: str) -> str:
    """The name an instance is stored under, whatever the peer calls it."""
    return f"{_PREFIXES.get(sop_class_uid, 'UN')}.{safe_name(sop_instance_uid)}"


class IncomingFile:
    """A data set on its way to the disk, under a name of our own until it is complete.

    It never raises: ``error`` is why it could not be written, and the handler makes a status of it.
    """

    def __init__(self, directory: Path, header: bytes) -> None:
        self.path = directory / f".{secrets.token_hex(8)}.part"
        self.error: Exception | None = None
        self.size = 0
        self._file = FileSink(self.path, header, exclusive=True)

    def write(self, fragments: list[memoryview]) -> None:
        self._attempt(self._file.write, fragments)
        self.size += sum(map(len, fragments))

    def close(self) -> None:
        self._attempt(self._file.close)

    def discard(self) -> None:
        # What still comes, in another thread, must not make the file anew.
        self.error = self.error or OSError("discarded")
        self._remove()

    def _attempt(self, act: Callable[..., None], *args: Any) -> None:
        if self.error is not None:
            return
        try:
            if not self.size:
                self.path.parent.mkdir(parents=True, exist_ok=True)
            act(*args)
        except Exception as error:
            self.error = error
            # Room for the next one, which may be smaller.
            self._remove()

    def _remove(self) -> None:
        # What cannot be removed stays, under a name that nobody takes for an instance.
        with suppress(OSError):
            self._file.discard()


class Storage:
    """Stores what arrives in one directory: its handlers belong to a server or an association.

    Data sets stream to a temporary file next to their final place, and are renamed when they are complete: there
    is never a part of an instance under its name.
    """

    def __init__(self, directory: Path, logger: logging.Logger, notify: Notify | None = None) -> None:
        self.directory = directory
        self._logger = logger
        self._notify = notify
        self._lock = threading.Lock()
        self._incoming: WeakKeyDictionary[Any, IncomingFile] = WeakKeyDictionary()

    def handlers(self) -> list[evt.EventHandler]:
        return [
            (evt.EVT_C_STORE_SINK, self._receive),
            (evt.EVT_C_STORE, self._store),
            (evt.EVT_CONN_CLOSE, self._closed),
        ]

    def discard_all(self) -> None:
        """Remove what has not been stored: nothing more comes."""
        with self._lock:
            incoming = list(self._incoming.values())
            self._incoming.clear()
        for file in incoming:
            file.discard()

    def path(self, sop_class_uid: str, sop_instance_uid: str) -> Path:
        """Where an instance is stored."""
        return self.directory / file_name(sop_class_uid, sop_instance_uid)

    def _receive(self, event: evt.Event) -> IncomingFile:
        request, context = event.request, event.context
        header = encode_file_meta(
            sop_class_uid=request.AffectedSOPClassUID or context.abstract_syntax,
            sop_instance_uid=request.AffectedSOPInstanceUID or "",
            transfer_syntax_uid=context.transfer_syntax,
            implementation_class_uid=IMPLEMENTATION_UID,
            implementation_version_name=IMPLEMENTATION_VERSION,
        )
        file = IncomingFile(self.directory, header)
        self._replace(event.assoc, file)
        return file

    def _replace(self, association: Any, file: IncomingFile | None) -> None:
        """Note what ``association`` is receiving; what it received before and nobody stored is removed.

        The library answers some requests by itself when their data set has come: those for an unknown SOP class.
        """
        with self._lock:
            left = self._incoming.pop(association, None)
            if file is not None:
                self._incoming[association] = file
        if left is not None:
            left.discard()

    def _closed(self, event: evt.Event) -> None:
        self._replace(event.assoc, None)

    def _store(self, event: evt.Event) -> int:
        with self._lock:
            file = self._incoming.pop(event.assoc, None)
        if file is None:
            # Shutting down.
            return OUT_OF_RESOURCES
        stored = False
        try:
            status = self._keep(event, file)
            stored = status == SUCCESS
        finally:
            if not stored:
                file.discard()
        if self._notify is not None:
            self._notify(status, file.size)
        return status

    def _keep(self, event: evt.Event, file: IncomingFile) -> int:
        sop_class, instance = event.request.AffectedSOPClassUID, event.request.AffectedSOPInstanceUID
        if not sop_class or not instance:
            self._logger.error("A C-STORE request without SOP class or SOP instance UID")
            return NO_SOP_CLASS
        path = self.path(sop_class, instance)
        error = file.error
        try:
            if error is None:
                if os.path.lexists(path):
                    self._logger.warning("%s exists already: overwritten", path.name)
                # This replaces a symbolic link and does not follow it.
                file.path.replace(path)
        except Exception as raised:
            error = raised
        if error is not None:
            self._logger.error("%s cannot be stored: %s: %s", path.name, type(error).__name__, error)
            return OUT_OF_RESOURCES if isinstance(error, OSError | MemoryError) else CANNOT_WRITE
        self._logger.info("Stored %s (%d bytes) from %s", path.name, file.size, _sender(event))
        return SUCCESS


class Dropped:
    """A data set that nobody wants."""

    def __init__(self) -> None:
        self.size = 0

    def write(self, fragments: list[memoryview]) -> None:
        self.size += sum(map(len, fragments))

    def close(self) -> None:
        """There is nothing."""

    discard = close


class Discarding:
    """Takes everything and keeps nothing."""

    def __init__(self, logger: logging.Logger, notify: Notify | None = None) -> None:
        self._logger = logger
        self._notify = notify
        self._dropped: WeakKeyDictionary[Any, Dropped] = WeakKeyDictionary()

    def handlers(self) -> list[evt.EventHandler]:
        return [(evt.EVT_C_STORE_SINK, self._receive), (evt.EVT_C_STORE, self._ignore)]

    def discard_all(self) -> None:
        """There is nothing."""

    def _receive(self, event: evt.Event) -> Dropped:
        self._dropped[event.assoc] = dropped = Dropped()
        return dropped

    def _ignore(self, event: evt.Event) -> int:
        instance = event.request.AffectedSOPInstanceUID or "an instance without UID"
        self._logger.info("Ignored %s from %s", printable(instance), _sender(event))
        if self._notify is not None:
            self._notify(SUCCESS, self._dropped.pop(event.assoc).size)
        return SUCCESS


def _sender(event: evt.Event) -> str:
    """The title of whoever sent an instance: of the acceptor, if we asked for it (C-GET)."""
    association = event.assoc
    return printable((association.acceptor if association.is_requestor else association.requestor).ae_title)
