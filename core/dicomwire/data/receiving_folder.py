"""Received instances as files in a folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from attrs import define, field

from dicomwire._logging import logger
from dicomwire.associations import events as evt
from dicomwire.data import store as _store
from dicomwire.data.receiving_files import SUCCESS, IncomingFile, Receiver
from dicomwire.data.safe_names import safe_name
from dicomwire.data.store import FileStore

LOGGER = logger(__name__)


@define(eq=False, repr=False)
class Folder(Receiver[IncomingFile]):
    """Takes C-STORE requests: data sets stream to a file of another name, which gets its own when it is complete.

    So there is never a part of an instance under its name.  An instance that is there already is replaced.
    """

    path: Path = field(converter=Path)
    store: FileStore = field(factory=lambda: _store.STORE, kw_only=True)
    arrived: Callable[[], None] = field(default=lambda: None)
    """Called whenever a piece of an instance has come."""

    count: int = field(default=0, init=False)
    """Instances that were stored."""

    error: Exception | None = field(default=None, init=False)
    """Why the first that could not be stored could not."""

    _stored: dict[Path, None] = field(factory=dict, init=False)

    @property
    def stored(self) -> tuple[Path, ...]:
        """The files, each once, in the order in which they came."""
        return tuple(self._stored)

    @property
    def last(self) -> Path | None:
        return next(reversed(self._stored), None)

    def new(self, event: evt.Event) -> IncomingFile:
        """A file of another name in the folder."""
        header = evt.message_of(event).header()
        return IncomingFile.within(self.path, header, store=self.store, arrived=self.arrived, failed=self._failed)

    def keep(self, event: evt.Event, sink: IncomingFile) -> int:
        """Give the file its SOP instance's name; the status to answer with."""
        path = self.path / f"{safe_name(evt.message_of(event).command.affected_sop_instance_uid or '')}.dcm"
        status = sink.keep(path, LOGGER)
        if status == SUCCESS:
            self.count += 1
            self._stored.pop(path, None)
            self._stored[path] = None
        return status

    def _failed(self, error: Exception) -> None:
        self.error = self.error or error
