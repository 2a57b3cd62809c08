"""Received instances as files in a folder."""

from __future__ import annotations

import contextlib
import logging
import secrets
from collections.abc import Callable
from pathlib import Path

from attrs import define, field

from dicomwire import events as evt
from dicomwire._logging import printable
from dicomwire.safe_names import safe_name
from dicomwire.sinks import FileSink

LOGGER = logging.getLogger(__name__)

SUCCESS = 0x0000
OUT_OF_RESOURCES = 0xA700


@define
class _Part(FileSink):
    """A file that is not complete yet."""

    arrived: Callable[[], None] = field(kw_only=True)
    failed: Callable[[OSError], None] = field(kw_only=True)

    def write(self, fragments: list[memoryview]) -> None:
        self.arrived()
        try:
            FileSink.write(self, fragments)
        except OSError as error:
            self.failed(error)
            raise


@define(eq=False)
class Folder:
    """Takes C-STORE requests: data sets stream to a file of another name, which gets its own when it is complete.

    So there is never a part of an instance under its name.  An instance that is there already is replaced.
    """

    path: Path
    arrived: Callable[[], None] = field(default=lambda: None)
    """Called whenever a piece of an instance has come."""

    count: int = field(default=0, init=False)
    """Instances that were stored."""

    error: OSError | None = field(default=None, init=False)
    """Why the first that could not be stored could not."""

    _stored: dict[Path, None] = field(factory=dict, init=False)
    _parts: set[Path] = field(factory=set, init=False)

    @property
    def stored(self) -> tuple[Path, ...]:
        """The files, each once, in the order in which they came."""
        return tuple(self._stored)

    @property
    def last(self) -> Path | None:
        return next(reversed(self._stored), None)

    def handlers(self) -> list[evt.EventHandler]:
        """To be bound on whatever receives the instances."""
        return [(evt.EVT_C_STORE_SINK, self._receive), (evt.EVT_C_STORE, self._store)]

    def clean(self) -> None:
        """Remove what is not complete: nothing more comes."""
        for part in self._parts.copy():
            self._drop(part)

    def _receive(self, event: evt.Event) -> FileSink:
        assert event._message is not None
        part = self.path / f".{secrets.token_hex(8)}.part"
        self._parts.add(part)
        return _Part(part, event._message.header(), exclusive=True, arrived=self.arrived, failed=self._failed)

    def _store(self, event: evt.Event) -> int:
        assert event._message is not None and event.dataset_path is not None
        part, uid = event.dataset_path, event._message.command.affected_sop_instance_uid or ""
        path = self.path / f"{safe_name(uid)}.dcm"
        try:
            # This replaces a symbolic link and does not follow it.
            part.replace(path)
        except OSError as error:
            LOGGER.error("%s cannot be stored: %s", printable(uid), error.strerror)
            self._failed(error)
            self._drop(part)
            return OUT_OF_RESOURCES
        self._parts.discard(part)
        self.count += 1
        self._stored.pop(path, None)
        self._stored[path] = None
        return SUCCESS

    def _failed(self, error: OSError) -> None:
        self.error = self.error or error

    def _drop(self, part: Path) -> None:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
        self._parts.discard(part)
