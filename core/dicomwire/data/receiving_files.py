"""Received instances on their way to files."""

from __future__ import annotations

import contextlib
import logging
import os
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any, Generic, TypeVar
from weakref import WeakKeyDictionary

from attrs import define, field
from attrs.setters import NO_OP

from dicomwire._logging import reason
from dicomwire._values import Shown
from dicomwire.associations import events as evt
from dicomwire.data.data_set_beginning import NoDataSet
from dicomwire.data.part_files import part_name
from dicomwire.data.sinks import FileSink, Sink

SUCCESS = 0x0000
CANNOT_DECODE = 0x0210
OUT_OF_RESOURCES = 0xA700
CANNOT_WRITE = 0xA701


def _nothing(*args: object) -> None:
    pass


@define(eq=False, repr=False, on_setattr=NO_OP)
class IncomingFile(FileSink):
    """A data set on its way to the disk, under a name of our own until it is complete.

    It never raises: ``error`` is why it could not be written, and whoever answers the request makes a status of it.
    """

    arrived: Callable[[], None] = field(default=_nothing, kw_only=True)
    """Called whenever a piece has come."""

    failed: Callable[[Exception], None] = field(default=_nothing, kw_only=True)
    """Called when it cannot be written."""

    error: Exception | None = field(default=None, init=False)
    size: int = field(default=0, init=False)
    """Bytes of the data set that have come."""

    @classmethod
    def within(cls, directory: Path, header: bytes, **callbacks: Any) -> IncomingFile:
        """A new one in ``directory``."""
        return cls(os.path.join(directory, part_name()), header, **callbacks)

    def _new_part(self) -> str:
        return self.name

    def write(self, fragments: list[memoryview]) -> None:
        """Append to the file; what goes wrong is noted in ``error``."""
        self.arrived()
        self.attempt(FileSink.write, self, fragments)
        self.size += sum(map(len, fragments))

    def close(self) -> None:
        """The data set is complete; what goes wrong is noted in ``error``."""
        self.attempt(FileSink.close, self)

    def discard(self) -> None:
        """Remove the file; nothing more is written."""
        # What still comes, in another thread, must not make the file anew.
        self.error = self.error or OSError("discarded")
        self._remove()

    def attempt(self, act: Callable[..., object], *args: Any, **options: Any) -> None:
        """Do what the file needs, unless something has failed already; what it raises is noted."""
        if self.error is not None:
            return
        try:
            act(*args, **options)
        except Exception as error:
            self.fail(error)

    def fail(self, error: Exception) -> None:
        """It cannot be stored, because of ``error``."""
        # Without what had been under way, which holds on to what was being written.
        self.error = error.with_traceback(None)
        self.error.__context__ = None
        self.failed(self.error)
        # Room for the next one, which may be smaller.
        self._remove()

    def keep(self, path: Path, logger: logging.Logger, give: Callable[[str, Path], object] | None = None) -> int:
        """Give it its name, now that it is complete; the status to answer with.

        ``give`` does that, with the name that it has and ``path``; by default what is there is replaced.
        """
        # This replaces a symbolic link and does not follow it.
        self.attempt(give or self.store.rename, self.name, path)
        if (error := self.error) is None:
            return SUCCESS
        logger.error("%s cannot be stored: %s: %s", path.name, type(error).__name__, reason(error))
        if isinstance(error, NoDataSet):
            return CANNOT_DECODE
        return OUT_OF_RESOURCES if isinstance(error, OSError | MemoryError) else CANNOT_WRITE

    def _remove(self) -> None:
        # What cannot be removed stays, under a name that nobody takes for an instance.
        with contextlib.suppress(OSError):
            FileSink.discard(self)


S = TypeVar("S", bound=Sink)


@define(eq=False, repr=False)
class Receiver(Shown, ABC, Generic[S]):
    """Takes C-STORE requests: their data sets while they arrive, and then the decision what becomes of each.

    It may be bound on many associations, and on each of them may be several requests under way.
    """

    _incoming: WeakKeyDictionary[Any, dict[int, S]] = field(factory=WeakKeyDictionary, init=False)
    """By association and message ID."""

    @abstractmethod
    def new(self, event: evt.Event) -> S:
        """Where the data set of a request goes."""

    @abstractmethod
    def keep(self, event: evt.Event, sink: S) -> int:
        """The status of a request whose data set has come; unless it is success, ``sink`` is discarded."""

    def handlers(self) -> list[evt.EventHandler]:
        """To be bound on whatever receives the instances."""
        return [(evt.EVT_C_STORE_SINK, self._receive), (evt.EVT_C_STORE, self._store)]

    def closed(self, event: evt.Event) -> None:
        """Remove what an association brought and was not kept; for ``EVT_CONN_CLOSE``, where many come and go."""
        self._discard(event.assoc)

    def discard_all(self) -> None:
        """Remove what was not kept: nothing more comes."""
        for reference in self._incoming.keyrefs():
            self._discard(reference())

    # Associations have threads of their own, and discard_all() comes from another: each of the steps on a dict is one
    # that no other thread can come between.
    def _receive(self, event: evt.Event) -> S:
        sinks = self._incoming.get(event.assoc)
        if sinks is None:
            sinks = self._incoming[event.assoc] = {}
        # Those of requests at the same time differ (PS3.7 9.1.1.1.1): an earlier one was answered, and not by us.
        if (left := sinks.pop(event.message_id, None)) is not None:
            left.discard()
        sinks[event.message_id] = sink = self.new(event)
        return sink

    def _store(self, event: evt.Event) -> int:
        sink = self._incoming.get(event.assoc, {}).pop(event.message_id, None)
        if sink is None:
            # Shutting down.
            return OUT_OF_RESOURCES
        status = OUT_OF_RESOURCES
        try:
            status = self.keep(event, sink)
        finally:
            if status != SUCCESS:
                sink.discard()
        return status

    def _discard(self, association: Any) -> None:
        sinks = {} if association is None else self._incoming.get(association, {})
        for message_id in [*sinks]:
            if (sink := sinks.pop(message_id, None)) is not None:
                sink.discard()
