"""Where a received data set goes while it arrives."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import sys
import weakref
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, BinaryIO, Protocol, runtime_checkable

from attrs import define, field
from attrs.setters import NO_OP

from dicomwire._logging import logger, printable, reason
from dicomwire._values import Shown
from dicomwire.data import store as _store
from dicomwire.data.memory_budget import MemoryBudget
from dicomwire.data.memory_sink import MemorySink as MemorySink
from dicomwire.data.part_files import FolderClaim as FolderClaim, part_name
from dicomwire.data.store import FileStore as FileStore, is_plain, write_all as write_all

LOGGER = logger(__name__)


@runtime_checkable
class Sink(Protocol):
    """Takes a data set piece by piece.  Any method may return an awaitable in the asyncio and trio adapters.

    The next piece is read from the peer when ``write`` has returned: a slow sink slows its sender, and nothing
    piles up in between.  File meta information in front of a data set does not come here, nor what is no data set at
    all: a sink with an attribute ``as_it_came`` that is true gets everything.
    """

    def write(self, fragments: list[memoryview], /) -> Awaitable[None] | None:
        """Take what has arrived; the views are valid during the call only."""

    def close(self) -> Awaitable[None] | None:
        """The data set is complete."""

    def discard(self) -> Awaitable[None] | None:
        """It never will be, or is not wanted any more: leave nothing behind."""


_undecided: dict[str, weakref.ref[FileSink]] = {}
"""Paths under which a file lies whose request is not answered yet, each with who put it there."""


def _name_of(path: str | os.PathLike[str]) -> str:
    """A path as pathlib would write it."""
    return path if type(path) is str and is_plain(path) else str(path if isinstance(path, Path) else Path(path))


# Without what would convert when an attribute is set: that is a call for each.
@define(eq=False, repr=False, on_setattr=NO_OP)
class FileSink(Shown):
    """Writes a complete DICOM file: ``header`` (preamble and file meta information), then the data set.

    While it is written it has a name of its own beside ``path``, ``.<24 hexadecimal digits>.part``; ``close`` gives it
    its name, in one step.  So under ``path`` there is always a whole file, however many are written under one name at
    once, and a process that is killed leaves nothing but a ``.part``.  What is no regular file, such as a pipe, is
    written as it is; a symbolic link is refused.
    """

    name: str = field(converter=_name_of, alias="path")
    """``path`` as text: a ``Path`` takes longer to make than the file to open."""

    header: bytes = b""
    exclusive: bool = False
    """Refuse to touch a file that exists (FileExistsError)."""

    store: FileStore = field(factory=lambda: _store.STORE, kw_only=True, repr=False)
    """Where paths lead."""

    is_undecided: bool = field(default=False, init=False)
    """Behind ``close`` there will be a ``settle``."""

    _descriptor: int = field(default=-1, init=False)
    _part: str | None = field(default=None, init=False)
    """What was made and does not have its name yet."""

    _before: int | None = field(default=None, init=False)
    """The mode of what was under ``path`` when the file was made."""

    _is_at_once: bool = field(default=False, init=False)
    """It was made in this moment, and is complete: what was under ``path`` is there yet."""

    _earlier: str | None = field(default=None, init=False)
    """Another name of the file that was under ``path`` before."""

    _placed: tuple[int, int] | None = field(default=None, init=False)
    """Which file it is that was put under ``path``: device and inode."""

    _aside: str | None = field(default=None, init=False)
    """Another name of the file, from when somebody put another one under ``path``."""

    _claim: str | None = field(default=None, init=False)
    """Where ``_undecided`` has it."""

    @property
    def path(self) -> Path:
        """Where the file belongs."""
        return Path(self.name)

    @property
    def where(self) -> Path:
        """Where the file is now."""
        return Path(self._aside or self._part or self.name)

    def write(self, fragments: list[memoryview]) -> None:
        """Append to the file, which the first call makes.

        Raises:
            OSError: it cannot be made or written.
        """
        if self._descriptor < 0:
            self._open()
            fragments = [memoryview(self.header), *fragments]
        self.store.write(self._descriptor, fragments)

    def finish(self, fragments: list[memoryview]) -> None:
        """As :meth:`write` and then :meth:`close`, for the last of it; what comes whole is looked for once.

        Raises:
            OSError: as those.
        """
        self._is_at_once = self._descriptor < 0
        if fragments:
            self.write(fragments)
        self.close()

    def close(self) -> None:
        """Give the file its name, now that it is complete.

        Raises:
            OSError: it cannot be made, or not be put there.
        """
        if self._descriptor < 0:
            FileSink.write(self, [])
        part, name = self._part, self.name
        if part is None or part == name:
            if part is not None:
                self._sync()
            self._release()
            return
        written = self.store.identity(self._descriptor)
        self._sync()
        self._release()
        if self.is_undecided:
            ours: weakref.ref[FileSink] = weakref.ref(self)
            claim = self.store.one_name(name)
            # In one step: threads come here at once.
            if _undecided.setdefault(claim, ours) is not ours:
                # There lies the file of another request, and its handler is looking at it.
                return
            self._claim = claim
        before = self._before if self._is_at_once else self.store.mode(name)
        if self.is_undecided and before is not None:
            self._remember_earlier(name)
        # Before it is so: other threads ask as soon as it is.
        self._placed = written
        self._place(part, before)

    def settle(self, *, kept: bool) -> None:
        """It is decided what becomes of the file: unless it is ``kept``, the one that was there before comes back.

        Without one, or if somebody has put another there meanwhile, what is under ``path`` stays.  Only the first
        word counts.

        Raises:
            OSError: it cannot be kept.
        """
        # First: see _step_aside().
        self.is_undecided = False
        part, self._part, self._aside = self._aside or self._part, None, None
        earlier, self._earlier = self._earlier, None
        try:
            if part is not None and (not kept or self._is_placed()):
                self._unlink(part)
            elif part is not None and self._exists(part):
                # Else somebody has taken it somewhere else.
                try:
                    self._let_go_of_name()
                    self._place(part, self.store.mode(self.name))
                except OSError:
                    self._unlink(part)
                    raise
            if earlier is not None and not kept and (self._is_placed() or not self._exists(self.name)):
                with contextlib.suppress(OSError):
                    self.store.rename(earlier, self.name)
            elif earlier is not None:
                self._unlink(earlier)
        finally:
            if self._claim is not None:
                _undecided.pop(self._claim, None)
                self._claim = None

    def discard(self) -> None:
        """Remove what was written."""
        # Closing may fail for the same reason as writing did; the file goes all the same.
        with contextlib.suppress(OSError):
            self._release()
        if self._part is None and self._earlier is None and self._is_placed():
            self._unlink(self.name)
        with contextlib.suppress(OSError):
            self.settle(kept=False)

    def __del__(self) -> None:
        if getattr(self, "is_undecided", False):
            # The association has ended before anybody could decide.
            with contextlib.suppress(OSError):
                self.settle(kept=False)

    def _open(self) -> None:
        part = self._new_part()
        self._descriptor = self.store.open_to_write(self.name if part is None else part, new=part is not None)
        self._part = part

    def _new_part(self) -> str | None:
        """The name to write under; None for what is written where it is."""
        name = self.name
        mode = self._before = self.store.mode(name)
        if mode is None:
            return _part_beside(name)
        # Found out now, and not when all has come.
        if self.exclusive:
            raise _os_error(errno.EEXIST, name)
        if stat.S_ISDIR(mode):
            raise _os_error(errno.EISDIR, name)
        if stat.S_ISLNK(mode):
            raise _os_error(errno.ELOOP, name)
        return _part_beside(name) if stat.S_ISREG(mode) else None

    def _remember_earlier(self, name: str) -> None:
        # Some file systems have no second names: then there is no way back.
        with contextlib.suppress(OSError, NotImplementedError):
            earlier = _part_beside(name, "earlier")
            self.store.link(name, earlier, symlink=True)
            self._earlier = earlier

    def _place(self, part: str, before: int | None) -> None:
        """Give it its name, under which there was a file of the mode ``before``."""
        name = self.name
        if self.exclusive:
            # Unlike renaming, this never replaces anything.
            self.store.link(part, name)
            self._unlink(part)
        else:
            if before is not None:
                # Who may read what is under this name stays as it was.
                with contextlib.suppress(OSError):
                    self.store.set_permissions(part, stat.S_IMODE(before))
            self.store.rename(part, name)
        self._part = None

    def _sync(self) -> None:
        """The whole file is written, and nobody knows of it yet."""
        if self.store.sync != "none":
            self.store.sync_file(self._descriptor)

    def _let_go_of_name(self) -> None:
        """Our file replaces one that the handler of another request may be looking at: that one keeps its own."""
        reference = _undecided.get(self.store.one_name(self.name))
        holder = None if reference is None else reference()
        if holder is not None and holder is not self and not (self.exclusive or holder.exclusive):
            holder._step_aside()

    def _step_aside(self) -> None:
        """Somebody puts another file under our name: ours has one of its own again, until it is settled."""
        if not self.is_undecided or self._aside is not None or not self._is_placed():
            return
        # Where there are no second names, who looks now sees the other one.
        with contextlib.suppress(OSError, NotImplementedError):
            aside = _part_beside(self.name)
            self.store.link(self.name, aside, symlink=True)
            self._aside = aside
            if not self.is_undecided:
                # It was settled meanwhile, in another thread, which may not have seen it.
                self._aside = None
                self._unlink(aside)

    def _is_placed(self) -> bool:
        """Whether what is under ``path`` is the file that was written here."""
        if self._placed is None:
            return False
        try:
            return self.store.identity(self.name) == self._placed
        except OSError:
            return False

    def _release(self) -> None:
        if self._descriptor >= 0:
            descriptor, self._descriptor = self._descriptor, -1
            self.store.close(descriptor)

    def _exists(self, name: str | Path) -> bool:
        try:
            return self.store.mode(name) is not None
        except OSError:
            return False

    def _unlink(self, name: str) -> None:
        # What cannot be removed stays, under a name that nobody takes for an instance: on Windows, what is open
        # somewhere.
        try:
            self.store.remove(name)
        except FileNotFoundError:
            pass
        except OSError as error:
            LOGGER.warning("%s cannot be removed and stays: %s", printable(name, 300), reason(error))


def _os_error(number: int, name: str) -> OSError:
    return OSError(number, os.strerror(number), name)


def _part_beside(path: str, kind: str = "part") -> str:
    if os.sep == "/":
        # As below, in fewer steps.
        return path[: path.rfind("/") + 1] + part_name(kind)
    return os.path.join(os.path.dirname(path), part_name(kind))


@define(eq=False, repr=False)
class TemporaryFile(FileSink):
    """A file that is there until it is settled, however that is."""

    @classmethod
    def new(cls, header: bytes) -> TemporaryFile:
        """A new one, in the folder for temporary files."""
        descriptor, name = _store.STORE.open_temporary()
        sink = cls(Path(name), header)
        sink._part, sink._descriptor, sink.is_undecided = str(sink.path), descriptor, True
        try:
            sink.store.write(descriptor, [memoryview(header)])
        except OSError:
            sink.discard()
            raise
        return sink

    def settle(self, *, kept: bool) -> None:
        """The file goes, ``kept`` or not; what was under ``path`` before comes back."""
        super().settle(kept=False)


@define(eq=False, repr=False)
class WriterSink(Shown):
    """Hands each piece to ``write``: a callback, or the method of a binary file or an async writer."""

    _write: Callable[[memoryview], Any]

    def write(self, fragments: list[memoryview]) -> Awaitable[None] | None:
        """Hand over each piece in turn; what waits is returned if the target does."""
        for index, fragment in enumerate(fragments):
            result = self._write(fragment)
            if hasattr(result, "__await__"):
                return self._write_rest(result, fragments[index + 1 :])
        return None

    async def _write_rest(self, pending: Awaitable[Any], fragments: list[memoryview]) -> None:
        await pending
        for fragment in fragments:
            result = self._write(fragment)
            if hasattr(result, "__await__"):
                await result

    def close(self) -> None:
        """Nothing to do: the target belongs to the user."""

    def discard(self) -> None:
        """Nothing to do: the target belongs to the user."""


@define(eq=False, repr=False)
class _BytearraySink(Shown):
    data: bytearray

    def write(self, fragments: list[memoryview]) -> None:
        for fragment in fragments:
            self.data += fragment

    def close(self) -> None:
        """Nothing to do: the data stays with the user."""

    def discard(self) -> None:
        self.data.clear()


SinkTarget = Sink | str | os.PathLike[str] | bytearray | BinaryIO | Callable[[memoryview], Any] | None


_PATHS = (str, Path, os.PathLike)
"""Those first that are quick to tell."""


def make_sink(
    target: SinkTarget,
    *,
    header: bytes,
    limit: int,
    in_memory: int = sys.maxsize,
    files: FileStore | None = None,
    budget: MemoryBudget | None = None,
) -> Sink:
    """The sink for what a handler chose: see ``EVT_C_STORE_SINK``.

    A path becomes a complete DICOM file in ``files`` that begins with ``header``; every other target gets the data set
    alone.

    Raises:
        TypeError: nothing of the kind.
    """
    if target is None:
        return MemorySink(limit, in_memory, files, budget)
    if isinstance(target, bytearray):
        return _BytearraySink(target)
    if isinstance(target, _PATHS):
        return FileSink(target, header, store=_store.STORE if files is None else files)
    if isinstance(target, Sink):
        return target
    write = getattr(target, "write", target)
    if not callable(write):
        raise TypeError(f"a data set cannot go to {type(target).__name__}")
    return WriterSink(write)
